"""Tables and sentences for the terminal."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console, RenderableType
from tests.support.evaluations import evaluation, quantity, results
from tests.support.tiny_models import ModelBuilder, build_cnn

from tinygauge import catalog
from tinygauge.evaluation import Alternative, Results
from tinygauge.inspection import inspect
from tinygauge.quantity import Basis, Interval, Method, Missing
from tinygauge.records import Failure, Finding, Severity
from tinygauge.report.catalogue_tables import board_table, boards_table, engines_table
from tinygauge.report.cells import cell
from tinygauge.report.decision import explain
from tinygauge.report.text import decision_table, inspection_tables
from tinygauge.units import Unit

REQUIRE = ("accuracy>=0.85", "latency<=100ms")


def _print(*parts: RenderableType, width: int = 240) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, no_color=True)
    for part in parts:
        console.print(part)
    return buffer.getvalue()


def _interval(low: float, high: float) -> Interval:
    return Interval(low, high, 0.9, Basis.RESIDUALS, 12)


@pytest.mark.parametrize(
    ("value", "unit", "interval", "method", "expected"),
    [
        (0.020, Unit.SECOND, _interval(0.018, 0.023), Method.PREDICTED, "~20.0 ms ±15%"),
        (0.020, Unit.SECOND, _interval(0.016, 0.021), Method.MEASURED, "20.0 ms ±20%"),
        (131072, Unit.BYTE, Interval.exact(131072), Method.COUNTED, "128.0 KiB"),
        (0.901, Unit.RATIO, _interval(0.881, 0.918), Method.SIMULATED, "90.1 % ±2.0"),
        (0.0182, Unit.SECOND, Interval.unknown(), Method.QUOTED, "18.2 ms ±?"),
        (0.0, Unit.JOULE, _interval(0.0, 0.1), Method.PREDICTED, "~0 nJ ±?"),
    ],
)
def test_a_cell_shows_value_interval_and_whether_it_is_predicted(
    value: float, unit: Unit, interval: Interval, method: Method, expected: str
) -> None:
    """The larger half of the interval, as a share or in points; ±? where nobody stated it."""
    assert cell(quantity(value, unit, interval, method)) == expected


def test_a_missing_cell_is_a_dash() -> None:
    """Neither 0 nor blank."""
    assert cell(Missing("no dataset was given")) == "—"


def test_the_table_shows_every_candidate_in_order() -> None:
    """Ranked ones first, then undecided, then outside, each with what stands in the way."""
    found = results(
        [
            evaluation("outside", latency=0.3),
            evaluation("second", energy=0.003),
            evaluation("undecided", accuracy=(0.86, 0.8, 0.9)),
            evaluation("first", energy=0.001),
        ],
        REQUIRE,
    )

    text = _print(decision_table(found))

    lines = [line for line in text.splitlines() if "ek-ra6m4" in line]
    assert [line.split()[:2] for line in lines] == [
        ["1", "first"],
        ["2", "second"],
        ["?", "undecided"],
        ["✗", "outside"],
    ]
    assert "Region of interest: accuracy >= 85 %, latency <= 100 ms" in text
    assert [line.split("±")[-1].split()[-2:] for line in lines[2:3]] == [["accuracy", "?"]]
    assert lines[3].split()[-2:] == ["latency", "+200%"]


def test_a_long_table_says_what_it_leaves_out() -> None:
    """Nothing is dropped in silence."""
    found = results([evaluation(f"net{i}") for i in range(5)])

    text = _print(decision_table(found, limit=2))

    assert "3 more candidates: see results.csv, or --all" in " ".join(text.split())
    assert sum("net" in line for line in text.splitlines()) == 2


def test_a_compact_table_has_no_flash_and_no_intervals() -> None:
    """What a narrow terminal leaves out is left out whole, not cut."""
    found = results([evaluation(latency=(0.02, 0.018, 0.023))])

    wide, narrow = _print(decision_table(found)), _print(decision_table(found, compact=True))

    assert "flash" in wide
    assert "~20.0 ms ±15%" in wide
    assert "flash" not in narrow
    assert "~20.0 ms" in narrow
    assert "±" not in narrow


def test_engines_are_named_in_the_rows_where_there_are_several() -> None:
    """One engine stands in the title, two beside their boards."""
    one = _print(decision_table(results([evaluation("a")])))
    two = _print(decision_table(results([evaluation("a"), evaluation("b", engine="tflm-ref")])))

    assert "engine tflm-cmsis-nn" in " ".join(one.split())
    assert "ek-ra6m4 tflm-cmsis-nn" in two
    assert "ek-ra6m4 tflm-ref" in two


@pytest.mark.parametrize(
    "name", ["[red]x[/red]", "[/]", "[link=file:///]", ":smile:", "$x_{", "é名"]
)
def test_names_are_printed_as_they_are(name: str) -> None:
    """What looks like markup is a name."""
    found = results([evaluation(name, board=f"[b]{name}", latency=0.2)], REQUIRE)

    assert name in _print(decision_table(found))
    assert name in explain(found)


def test_a_choice_is_explained_with_its_figures() -> None:
    """What to ship, its five figures with method, and how many stood beside it."""
    found = results(
        [
            evaluation("a", accuracy=(0.9, 0.88, 0.92)),
            evaluation("b", latency=0.3),
            evaluation("c", energy=Missing("no power figure")),
        ],
        REQUIRE,
    )

    lines = explain(found).splitlines()

    assert lines[0] == "Ship a on ek-ra6m4 with tflm-cmsis-nn."
    assert lines[1] == "  accuracy 90.0 % (88.0 to 92.0 %) predicted"
    assert [line.split()[0] for line in lines[1:6]] == [
        "accuracy",
        "ram",
        "flash",
        "latency",
        "energy",
    ]
    assert lines[6] == (
        "2 inside (ranked by energy, then latency, then ram, then flash), 0 undecided, 1 outside."
    )


def test_a_choice_that_might_be_another_is_said() -> None:
    """Overlapping intervals of different targets can't be told apart; on one target they can."""
    found = results(
        [
            evaluation("a", energy=(0.0010, 0.0008, 0.0013)),
            evaluation("b", energy=(0.0011, 0.0009, 0.0014)),
            evaluation("a", energy=(0.0012, 0.0009, 0.0016), board="ek-ra8d1"),
            evaluation("a", energy=(0.0020, 0.0018, 0.0030), board="nrf5340-dk"),
        ]
    )

    assert explain(found).splitlines()[-1] == (
        "Its energy can't be told from that of a on ek-ra8d1 with tflm-cmsis-nn: "
        "measure both to decide."
    )


def test_results_show_themselves_in_one_line() -> None:
    """What a notebook prints of them is the decision, not every number."""
    found = results([evaluation("good"), evaluation("slow", latency=0.2)], REQUIRE)

    assert repr(found) == (
        "<Results: ship good on ek-ra6m4; 1 inside, 0 undecided, 1 outside, 0 failed>"
    )
    assert repr(_failures()).startswith("<Results: ship nothing; ")


def test_an_unknown_figure_of_the_choice_is_said() -> None:
    """The user sees what nobody knows about the model to ship."""
    found = results([evaluation(energy=Missing("no power figure"))], REQUIRE)

    assert "  energy unknown (no power figure)" in explain(found)


def test_an_empty_region_is_explained_with_the_relaxation_that_would_do() -> None:
    """The nearest miss, the smallest single change, and another board."""
    found = results(
        [evaluation("slow", latency=0.112), evaluation("slower", latency=0.2)],
        REQUIRE,
        alternatives=[Alternative(evaluation("slow", board="ek-ra8d1"), 2)],
    )

    text = explain(found)

    assert text.startswith("Nothing is surely inside the region of interest.\n")
    assert "The nearest miss: slow on ek-ra6m4 with tflm-cmsis-nn:" in text
    assert "latency 112 ms (predicted) fails <= 100 ms by 12%" in text
    assert "Relax latency <= 100 ms to <= 112 ms (12.0%) to admit slow on ek-ra6m4" in text
    assert "Another board would do: ek-ra8d1 admits 2 (best: slow)." in text


def test_an_empty_region_is_explained_when_nothing_would_do() -> None:
    """The rule of thumb: then reconsider the whole system."""
    text = explain(results([evaluation(latency=0.2, accuracy=0.1)], REQUIRE))

    assert "No single bound can be relaxed to admit a model." in text
    assert "reconsider the system" in text


def test_undecided_candidates_are_explained_by_what_would_settle_them() -> None:
    """One measurement may be all that is missing."""
    found = results([evaluation("maybe", latency=(0.099, 0.09, 0.11))], REQUIRE)

    text = explain(found)

    assert "1 undecided; the nearest: maybe on ek-ra6m4" in text
    assert "time the model on ek-ra6m4" in text


def test_what_a_measurement_may_settle_is_no_reason_to_reconsider() -> None:
    """Without a dataset nothing is known to fail: no other board is the remedy."""
    found = results([evaluation(accuracy=Missing("no dataset was given", "Add --data"))], REQUIRE)

    text = explain(found)

    assert "accuracy unknown: no dataset was given; Add --data" in text
    assert "reconsider" not in text
    assert "No single bound" not in text


def _failures() -> Results:
    return results(
        failures=[Failure(model="a", stage="load", message="a: it is empty. Give a TFLite model")]
    )


def test_failures_alone_are_explained() -> None:
    """No verdicts, no talk of regions: what failed, and why."""
    assert explain(_failures()).splitlines() == [
        "No model could be evaluated.",
        "",
        "1 could not be evaluated:",
        "  load: a: it is empty. Give a TFLite model",
    ]
    assert "Region of interest: no bounds" in _print(decision_table(_failures()))


def test_findings_of_one_kind_are_one_line() -> None:
    """A hundred models with the same trouble don't fill the screen; errors stay in the table."""
    slow = [
        Finding(code="TG111", severity=Severity.WARNING, message="slow", advice="Quantise", where=w)
        for w in ("m1", "m2", "m2")
    ]
    blocked = Finding(code="TG102", severity=Severity.ERROR, message="no kernel", where="m3")

    text = explain(results([evaluation(findings=[finding]) for finding in [*slow, blocked]]))

    assert "  TG111 m1: slow (and 1 more). Quantise" in text
    assert "TG102" not in text


def test_boards_and_engines_are_listed() -> None:
    """Names, clocks and what is unknown."""
    boards = [catalog.board(name) for name in catalog.board_names()]

    text = _print(boards_table(boards))
    assert all(board.name in text for board in boards)
    assert "200 MHz" in text

    one = _print(board_table(catalog.board("ek-ra6m4")))
    assert "quoted" in one
    assert "EK-RA6M4" in one

    engines = _print(engines_table([catalog.engine(name) for name in catalog.engine_names()]))
    assert "tflm-cmsis-nn" in engines


def test_narrow_terminals_cut_no_number() -> None:
    """At 80 columns names are folded, and every number still has its unit."""
    boards = [catalog.board(name) for name in catalog.board_names()]
    text = _print(boards_table(boards, compact=True), width=80)

    assert "…" not in text
    assert "1.0 MiB" in text
    assert "72.9 mW" in text

    found = results(
        [evaluation("cnn_16_pruned_i8", board="rx65n-cloud-kit", energy=(2e-3, 1e-3, 4e-3))],
        [*REQUIRE, "energy<=3mJ"],
    )
    text = _print(decision_table(found, compact=True), width=80)

    assert "…" not in text
    assert "~2.00 mJ" in text
    assert "energy ?" in text

    engines = [catalog.engine(name) for name in catalog.engine_names()]
    text = _print(engines_table(engines, compact=True), width=80)

    assert "…" not in text
    assert all(engine.name in text for engine in engines)


def test_a_missing_figure_of_a_board_is_said_with_its_reason() -> None:
    """A board without a power figure shows why, not nothing."""
    board = replace(catalog.board("ek-ra6m4"), active_power=Missing("nobody metered it"))

    assert "nobody metered it" in _print(board_table(board))
    assert "—" in _print(boards_table([board]))


def test_an_inspected_model_is_laid_out(tmp_path: Path) -> None:
    """Figures, a line an op, and every engine's verdict."""
    path = tmp_path / "net.tflite"
    path.write_bytes(build_cnn(side=8, channels=4))

    narrow = _print(*inspection_tables(inspect(path)), width=80)
    assert "…" not in narrow
    assert "dead" in narrow

    text = _print(*inspection_tables(inspect(path)))

    assert "ds-cnn, int8, 6 ops" in text
    assert "DEPTHWISE_CONV_2D" in text
    assert "1x8x8x1" in text
    assert "tflm-cmsis-nn: all ops supported" in text


def test_an_op_without_a_kernel_is_named(tmp_path: Path) -> None:
    """Its name is printed as it is, markup or not."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32", name="[bold]in[/bold]")
    builder.op("CUSTOM:[red]Mine[/red]", [x], [x])
    path = tmp_path / "[odd].tflite"
    path.write_bytes(builder.build([x], [x]))

    text = _print(*inspection_tables(inspect(path)))

    assert "tflm-ref: no kernel for CUSTOM:[red]Mine[/red]" in text
    assert "[bold]in[/bold] float32 1x4" in text
    assert "[odd]" in text


def test_a_nan_never_reaches_the_table() -> None:
    """An unknown interval is ±?, an unknown overshoot sorts last and is not printed."""
    found = results(
        [evaluation("a", latency=(0.1, math.nan, math.nan)), evaluation("b", energy=Missing("x"))],
        ["latency<=100ms", "energy<=2mJ"],
    )

    assert "nan" not in _print(decision_table(found)) + explain(found)
