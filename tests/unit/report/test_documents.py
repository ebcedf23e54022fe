"""The JSON document and the CSV: complete, finite, and readable back."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.evaluations import Span, evaluation, results
from tests.support.tiny_models import ModelBuilder, build_cnn

from tinygauge import catalog
from tinygauge.evaluation import Alternative, Results
from tinygauge.inspection import inspect
from tinygauge.quantity import Evidence, Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import Failure, Finding, Severity
from tinygauge.report.catalogue_documents import board_document, engine_document
from tinygauge.report.serialise import (
    SCHEMA_VERSION,
    inspection_document,
    quantity_document,
    render_csv,
    render_json,
    results_document,
)
from tinygauge.units import Unit

UNKNOWN = math.nan
REQUIRE = ("accuracy>=0.85", "latency<=100ms")


def _rich() -> Results:
    """Make results with every kind of candidate: inside, undecided, outside, blocked, missing."""
    blocker = Finding(code="TG102", severity=Severity.ERROR, message="no kernel", where="net")
    return results(
        [
            evaluation("inside", accuracy=(0.9, 0.88, 0.92)),
            evaluation("undecided", accuracy=(0.86, 0.83, 0.89)),
            evaluation("outside", latency=(0.2, 0.18, 0.25), sram_bytes=1e6),
            evaluation("vague", latency=(0.02, UNKNOWN, UNKNOWN)),
            evaluation("blocked", findings=[blocker]),
            evaluation("unknown", energy=Missing("no power figure", "Meter it"), family="mlp"),
        ],
        REQUIRE,
        failures=[Failure(model="bad.tflite", stage="load", message="bad.tflite: truncated")],
        alternatives=[Alternative(evaluation("inside", board="ek-ra8d1"), 2)],
    )


def _load(text: str) -> Any:
    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    """Walk all JSON objects."""
    if isinstance(document, dict):
        yield document
        document = list(document.values())
    if isinstance(document, list):
        for item in document:
            yield from _objects(item)


def test_the_document_says_its_schema() -> None:
    """A reader can tell what it has before it reads on."""
    document = results_document(_rich())

    assert document["schema"] == "tinygauge.results"
    assert document["schema_version"] == SCHEMA_VERSION == 1
    assert document["tool"] == "tinygauge test"


def test_the_document_survives_its_own_text() -> None:
    """Nothing is lost or changed between the dictionary and the file; NaN never gets in."""
    document = results_document(_rich())

    assert _load(render_json(document)) == document


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_json_cannot_say_is_refused(value: float) -> None:
    """Rather no file than one that other programs can't read."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        render_json({"value": value})


def test_every_quantity_says_unit_method_source_and_basis() -> None:
    """A value never stands without where it comes from."""
    quantities = [item for item in _objects(results_document(_rich())) if "value" in item]

    assert len(quantities) > 50
    for item in quantities:
        assert isinstance(item["value"], int | float)
        assert item["unit"] in {unit.value for unit in Unit}
        assert item["method"] in {method.value for method in Method}
        assert item["source"]
        assert item["basis"]
        assert {"low", "high", "level", "n", "tool"} <= item.keys()


def test_other_numbers_carry_their_unit_in_their_name() -> None:
    """What is no quantity is a count, a share, an index, or ends in its unit."""
    plain = {"n", "rank", "admitted", "scored", "correct", "op", "ops", "peak_op", "schema_version"}
    shares = {"share", "overshoot", "level", "dead_channels"}
    units = ("_hz", "_v", "_bytes", "_s")

    for item in _objects(results_document(_rich())):
        beside_unit = {"value", "low", "high", "limit"} if "unit" in item else set()
        for name, value in item.items():
            if name in beside_unit:
                continue
            if isinstance(value, int | float) and not isinstance(value, bool):
                assert name in plain | shares or name.endswith(units), name


def test_missing_is_said_with_its_reason_and_advice() -> None:
    """A missing number is an object of its own kind: no 0, no null, no left-out key."""
    candidates = {c["model"]: c for c in results_document(_rich())["candidates"]}

    expected = {"missing": "no power figure", "advice": "Meter it"}
    assert candidates["unknown"]["energy"] == expected


def test_unknown_ends_are_null() -> None:
    """An error that nobody stated is neither NaN nor 0."""
    candidates = {c["model"]: c for c in results_document(_rich())["candidates"]}

    latency = candidates["vague"]["latency"]
    assert (latency["value"], latency["basis"]) == (0.02, "unknown")
    assert latency["low"] is latency["high"] is latency["level"] is None


def test_an_infinite_end_is_null() -> None:
    """JSON has no infinity; a bound on one side only leaves the other open."""
    interval = Interval(1.0, math.inf, 1.0, basis=Interval.exact(0).basis)
    value = Quantity(2.0, Unit.BYTE, interval, Provenance(Method.COUNTED, "a bound"))

    document = quantity_document(value)

    assert (document["low"], document["high"]) == (1.0, None)


def test_evidence_is_listed() -> None:
    """A number leads back to its files."""
    source = Provenance(
        Method.PREDICTED, "calibration", "fit 1", (Evidence("calibration", "l4r5.json", "ab"),)
    )

    document = quantity_document(Quantity(1.0, Unit.SECOND, Interval.exact(1.0), source))

    assert document["evidence"] == [{"kind": "calibration", "ref": "l4r5.json", "sha256": "ab"}]


def test_the_decision_names_what_was_chosen() -> None:
    """Chosen, ranks and verdicts agree."""
    document = results_document(_rich())

    decision, candidates = document["decision"], document["candidates"]
    assert decision["chosen"]["model"] == "inside"
    assert decision["ranking"] == ["energy", "latency", "ram", "flash"]
    assert [c["verdict"] for c in candidates] == [
        "inside",
        "undecided",
        "outside",
        "undecided",
        "outside",
        "inside",
    ]
    assert [c["rank"] for c in candidates] == [1, None, None, None, None, 2]
    assert decision["other_boards"][0]["board"] == "ek-ra8d1"
    assert document["failures"][0]["stage"] == "load"


def test_the_document_of_an_empty_region_says_what_would_help() -> None:
    """Nearest miss and relaxation are there, each with the candidate they concern."""
    document = results_document(results([evaluation("slow", latency=0.112)], REQUIRE))

    decision = document["decision"]
    assert decision["chosen"] is None
    assert decision["nearest_miss"]["model"] == "slow"
    assert decision["relaxation"]["bound"]["text"] == "latency <= 100 ms"
    assert decision["relaxation"]["relaxed"]["limit"] == 0.112
    assert decision["relaxation"]["admits"]["model"] == "slow"


def test_each_model_is_described_once() -> None:
    """Candidates on several boards share one description, found by digest."""
    boards = ["ek-ra6m4", "ek-ra8d1"]
    document = results_document(results([evaluation("net", board=board) for board in boards]))

    assert [model["name"] for model in document["models"]] == ["net"]
    assert {c["model_sha256"] for c in document["candidates"]} == {document["models"][0]["sha256"]}


def test_each_score_is_detailed_once_with_unknown_recall_as_null() -> None:
    """The confusion matrix is not repeated for every board; a class without inputs has null."""
    boards = ["ek-ra6m4", "ek-ra8d1"]
    document = results_document(results([evaluation("net", board=board) for board in boards]))

    (score,) = document["scores"]
    assert score["model_sha256"] == document["models"][0]["sha256"]
    assert score["labels"] == ["cat", "dog"]
    assert score["recall"] == [0.9, None]
    assert score["confusion"] == [[9, 1], [0, 0]]


@settings(max_examples=40)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_any_document_reads_back(document: object) -> None:
    """However its lists of numbers are laid out, the text is the document."""
    assert _load(render_json(document)) == document


def test_results_of_failures_alone_are_a_document() -> None:
    """A batch in which nothing could be read still says what went wrong."""
    failure = Failure(model="a.tflite", stage="load", message="a.tflite: it is empty")
    document = results_document(results(failures=[failure]))

    assert _load(render_json(document))["failures"][0]["message"] == "a.tflite: it is empty"
    assert document["candidates"] == []


def test_a_path_that_is_no_unicode_survives() -> None:
    """A file name with stray bytes can't stop the report; JSON escapes it."""
    text = render_json({"path": "a\udcff.tflite"})

    assert text.encode("utf-8")
    assert _load(text) == {"path": "a\udcff.tflite"}


@pytest.mark.parametrize("name", ["ek-ra6m4", "rx65n-cloud-kit"])
def test_a_board_is_described_with_its_sources(name: str) -> None:
    """Every number of the catalogue has unit, method and source, or a reason."""
    document = _load(render_json(board_document(catalog.board(name))))

    for figure in ("clock", "supply", "sram", "flash", "coremark_per_mhz", "active_power"):
        assert document[figure].get("missing") or document[figure]["source"]


def test_an_engine_is_described_with_its_evidence() -> None:
    """Profile and evidence go together; ops are sorted."""
    document = _load(render_json(engine_document(catalog.engine("tflm-cmsis-nn"))))

    assert document["profile_evidence"]
    assert document["ops"] == sorted(document["ops"])


def test_an_inspected_model_is_described(tmp_path: Path) -> None:
    """Ops, tensors and findings of a file, as JSON."""
    path = tmp_path / "net.tflite"
    path.write_bytes(build_cnn(side=8, channels=4))

    document = _load(render_json(inspection_document(inspect(path))))

    assert document["inputs"] == [
        {
            "name": "t0",
            "shape": [1, 8, 8, 1],
            "dtype": "int8",
            "scale": [pytest.approx(0.05)],
            "zero_point": [0],
        }
    ]
    assert [op["kind"] for op in document["op_table"]][:2] == ["CONV_2D", "DEPTHWISE_CONV_2D"]
    assert document["op_table"][0]["options"]["padding"] == "SAME"
    assert document["unsupported_ops"]["tflm-ref"] == []


def test_an_option_that_is_no_number_is_null(tmp_path: Path) -> None:
    """A damaged file's NaN is not written as JSON that nobody can read."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    y = builder.tensor((1, 4), "float32")
    builder.op("SOFTMAX", [x], [y], beta=math.nan)
    path = tmp_path / "net.tflite"
    path.write_bytes(builder.build([x], [y]))

    document = _load(render_json(inspection_document(inspect(path))))

    assert document["op_table"][0]["options"]["beta"] is None


# Names as the model reader makes them, without control characters; reasons may have lines.
_texts = st.text(
    st.characters(exclude_categories=["C"], include_characters="\n,;\"'"), min_size=1, max_size=12
)
_numbers = st.floats(1e-9, 0.999)
_spans = st.one_of(
    _numbers,
    st.tuples(_numbers, st.just(UNKNOWN), st.just(UNKNOWN)),
    _numbers.map(lambda value: (value, value * 0.9, min(1.0, value * 1.1))),
    st.builds(Missing, _texts),
)


@settings(max_examples=40)
@given(_texts, _spans, _spans, _spans)
def test_csv_reads_back_to_the_same_rows(
    name: str, accuracy: Span, latency: Span, energy: Span
) -> None:
    """Every number comes back to the last bit, and every reason to the letter."""
    found = results(
        [evaluation(name, accuracy=accuracy, latency=latency, energy=energy)], ["accuracy>=0.5"]
    )

    read = list(csv.DictReader(io.StringIO(render_csv(found), newline="")))

    assert len(read) == 1
    for key, value in found.rows()[0].items():
        text = read[0][key]
        if value is None:
            assert text == ""
        elif isinstance(value, bool | str):
            assert text == str(value)
        else:
            assert float(text) == value


def test_csv_columns_say_their_units() -> None:
    """Base units, in the names; a missing number has its reason beside it."""
    rows = list(csv.DictReader(io.StringIO(render_csv(_rich()))))

    assert {"latency_s", "ram_bytes", "energy_j", "clock_hz"} <= rows[0].keys()
    unknown = next(row for row in rows if row["model"] == "unknown")
    assert (unknown["energy_j"], unknown["energy_missing"]) == ("", "no power figure")


def test_csv_of_no_candidates_is_a_header() -> None:
    """A reader finds a table without rows, no empty file."""
    assert render_csv(results()) == "model\n"


def test_results_become_a_data_frame() -> None:
    """One row a candidate, the columns of the CSV."""
    pandas = pytest.importorskip("pandas")

    frame = _rich().to_dataframe()

    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["model"]) == [
        "inside", "undecided", "outside", "vague", "blocked", "unknown",
    ]  # fmt: skip
    assert frame["energy_j"].isna().tolist() == [False] * 5 + [True]
