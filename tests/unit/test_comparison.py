"""A user's own number beside the published ones: which rows are near, and what would explain it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.tiny_models import build_cnn

from tinygauge import catalog, graph
from tinygauge.comparison import Comparison, OwnResult, compare, own_result
from tinygauge.errors import ConfigError, InputError
from tinygauge.prediction import predict
from tinygauge.published import PublishedResult, load_published
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Latency
from tinygauge.report.comparison_report import comparison_document, comparison_lines
from tinygauge.report.serialise import render_json

L4R5 = "nucleo-l4r5zi"


def own(
    board: str = L4R5,
    engine: str = "x-cube-ai",
    *,
    benchmark: str = "kws",
    latency_s: float = 0.0432,
    clock_hz: float | None = None,
    energy_j: float | None = None,
    supply_v: float | None = None,
) -> OwnResult:
    return own_result(
        catalog.board(board),
        catalog.engine(engine),
        benchmark=benchmark,
        latency_s=latency_s,
        clock_hz=clock_hz,
        energy_j=energy_j,
        supply_v=supply_v,
    )


def causes(found: Comparison) -> dict[str, bool]:
    return {cause.name: cause.explains for cause in found.causes}


def test_a_published_number_is_as_fast_as_itself() -> None:
    """The nearest row is the newest of board, engine and version; nothing is to be explained."""
    found = compare(own())
    nearest = found.rows[0]

    assert (nearest.result.round, nearest.result.engine_version) == ("v1.2", "9.0")
    assert (nearest.differs, nearest.distance) == ((), 0)
    assert "as fast as the same board and engine at this clock" in found.headline
    assert found.causes == ()
    assert isinstance(found.share, Quantity)
    assert found.share.value == pytest.approx(0.256, abs=0.001)


@pytest.mark.parametrize(
    "row",
    [row for row in load_published() if row.engine == "x-cube-ai" and row.division == "closed"],
    ids=lambda row: f"{row.round} {row.submitter} {row.system} {row.benchmark}",
)
def test_every_row_of_an_engine_finds_itself(row: PublishedResult) -> None:
    """Given a row's own number under its own name, a row of its version is nearest."""
    version = {"7.1.0": "7.1", "9.0.0": "9.0"}.get(row.engine_version, row.engine_version)
    assert isinstance(row.clock, Quantity)
    nearest = compare(
        own(
            row.catalogue_board,
            f"x-cube-ai@{version}",
            benchmark=row.benchmark,
            latency_s=row.latency.value,
            clock_hz=row.clock.value,
        )
    ).rows[0]

    assert nearest.differs == ()
    assert nearest.cycles_ratio.value == pytest.approx(1, abs=0.03)


def test_an_older_version_is_recognised_by_its_cycles() -> None:
    """What 7.3.0 took, said to be 9.0: the version explains it, with the row as evidence."""
    found = compare(own(latency_s=0.0751))
    (version, *_) = found.causes

    assert "1.7× slower than the same board and engine" in found.headline
    assert (version.name, version.explains) == ("version", True)
    assert "7.3.0" in version.text
    assert "tiny_results_v1" in version.evidence


def test_a_slower_clock_is_no_difference_in_cycles() -> None:
    """At two thirds of the clock, 1.5 times the time is as fast at this clock."""
    found = compare(own(latency_s=0.0432 * 1.5, clock_hz=80e6))

    assert found.rows[0].cycles_ratio.value == pytest.approx(1, abs=0.001)
    assert "clock" in found.rows[0].differs
    assert "43.2 ms at 120 MHz, so 64.8 ms at yours" in found.headline
    assert "as fast as" in found.headline


def test_a_wrong_clock_is_named_by_the_one_that_would_do() -> None:
    """1.5 times the time at the board's clock: a core at 80 MHz would take just this long."""
    found = compare(own("nucleo-l4r5zi", latency_s=0.0432 * 1.5))
    (clock,) = (cause for cause in found.causes if cause.name == "clock")

    assert "80.0 MHz instead of 120 MHz" in clock.text.replace("80 MHz", "80.0 MHz")


def test_dead_channels_explain_visual_wake_words() -> None:
    """An engine that computes them, beside one that skips them, and the other way round."""
    slower = compare(own(engine="microtvm-cmsis-nn", benchmark="vww", latency_s=0.3))
    assert "dead channels" not in causes(slower)

    new = compare(own("disco-f746ng", "x-cube-ai", benchmark="vww", latency_s=0.05))
    old = compare(own("disco-f746ng", "x-cube-ai@8.0.0", benchmark="vww", latency_s=0.1))
    assert "dead channels" not in causes(new)
    assert old.rows[0].result.engine_version == "8.0.0"

    tflm = own(engine="tflm-ref@edgemark", benchmark="vww", latency_s=0.16)
    assert causes(compare(tflm))["dead channels"] is True
    assert "dead channels" not in causes(compare(replace(tflm, benchmark="kws", live_macs=7489664)))


def test_supply_explains_power_on_the_same_board() -> None:
    """3.0 V against 1.8 V with the same current: 1.67 times the power."""
    energy_j = 0.001820454 * 3.0 / 1.8
    found = compare(own(energy_j=energy_j, supply_v=3.0))
    without = compare(own(energy_j=energy_j))

    assert causes(found) == {"supply": True}
    assert causes(without) == {"power": False}
    assert isinstance(found.rows[0].energy_ratio, Quantity)
    assert found.rows[0].energy_ratio.value == pytest.approx(3.0 / 1.8)
    assert isinstance(compare(own()).rows[0].energy_ratio, Missing)


def test_a_model_of_ones_own_is_set_against_the_prediction() -> None:
    """No benchmark, no rows: the prediction's interval, and causes that need no row."""
    model = graph.parse(build_cnn(side=16), name="cnn")
    board, engine = catalog.board("ek-ra6m4"), catalog.engine("tflm-cmsis-nn")
    latency = predict(model, board, engine).latency
    assert isinstance(latency, Latency)
    value = latency.per_inference.value

    equal = compare(own_result(board, engine, model=model, latency_s=value))
    slow = compare(own_result(board, engine, model=model, latency_s=9 * value))

    assert (equal.rows, equal.causes) == ((), ())
    assert "as fast as the prediction" in equal.headline
    assert "inside its interval" in equal.headline
    assert "9× slower than the prediction" in slow.headline
    assert "outside its interval" in slow.headline
    assert {"clock", "compiler", "kernels"} <= set(causes(slow))


def test_another_model_of_a_benchmark_is_said_to_be_one() -> None:
    """Named as keyword spotting, but with other products: that explains a factor of its own."""
    model = graph.parse(build_cnn(side=16), name="cnn")
    board, engine = catalog.board(L4R5), catalog.engine("x-cube-ai")
    found = compare(own_result(board, engine, model=model, benchmark="kws", latency_s=0.001))

    assert not found.own.is_reference
    assert "model" in causes(found)


@pytest.mark.parametrize(
    ("board", "engine", "says"),
    [
        ("ek-ra8d1", "tflm-ref", "another engine on this board"),
        ("nrf5340-dk", "tflm-cmsis-nn", "the same core and engine at this clock"),
        ("ek-ra8d1", "plumerai", "another engine on this board"),
        ("nucleo-g0b1re", "hale-1.0", "the same board and engine"),
        ("arduino-nano-33-ble", "ekkono", "another engine"),
    ],
)
def test_the_headline_says_what_is_compared(board: str, engine: str, says: str) -> None:
    """Board, core and engine, as far as they are the same."""
    assert says in compare(own(board, engine, latency_s=0.1)).headline


@given(
    latency_s=st.floats(1e-6, 1e3),
    clock_hz=st.sampled_from([None, 1e6, 64e6, 480e6]),
    board=st.sampled_from(catalog.board_names()),
    benchmark=st.sampled_from(["ad", "ic", "kws", "vww"]),
    engine=st.sampled_from(["tflm-cmsis-nn", "x-cube-ai@7.1", "hale-1.0", "ekkono"]),
)
@settings(max_examples=25)
def test_rows_are_in_order_and_scale(
    latency_s: float, clock_hz: float | None, board: str, benchmark: str, engine: str
) -> None:
    """Whatever the number: nearest first, and twice the time is twice the ratio."""
    once, twice = (
        compare(own(board, engine, benchmark=benchmark, latency_s=each, clock_hz=clock_hz))
        for each in (latency_s, 2 * latency_s)
    )

    distances = [row.distance for row in once.rows]
    assert distances == sorted(distances)
    assert all(row.result.benchmark == benchmark for row in once.rows)
    for one, two in zip(once.rows, twice.rows, strict=True):
        assert two.cycles_ratio.value == pytest.approx(2 * one.cycles_ratio.value)
    assert all(cause.evidence for cause in once.causes)


def test_a_time_below_what_the_core_needs_is_called_impossible() -> None:
    """A slip of the unit comes first, as what explains it; no clock of gigahertz is proposed."""
    found = compare(own(latency_s=50e-9))

    assert found.causes[0].name == "impossible"
    assert found.causes[0].explains
    assert "clock" not in causes(found)
    assert any(" times (2,656,768 products" in line for line in comparison_lines(found))


def test_nonsense_is_refused() -> None:
    """No model and no benchmark, a benchmark that is none, no time at all."""
    with pytest.raises(InputError, match="nothing says what ran"):
        own(benchmark="")
    with pytest.raises(ConfigError, match="benchmark 'kwz'"):
        own(benchmark="kwz")
    with pytest.raises(ConfigError, match="above 0"):
        own(latency_s=0.0)


def test_the_document_gives_a_reason_for_every_null() -> None:
    """And the lines say headline, prediction, share and causes."""
    found = compare(own(latency_s=0.0751))
    document = json.loads(render_json(comparison_document(found, found.rows[:3])))

    for key, value in document.items():
        if value is None and key != "model":
            assert document[f"{key}_missing"], key
    assert len(document["rows"]) == 3
    assert document["rows"][0]["differs"] == []
    assert document["causes"][0]["explains"] is True
    lines = comparison_lines(found)
    assert lines[0] == found.headline
    assert any("none, a benchmark was named" in line for line in lines)
