"""The page's script decides, words and rounds as the library does, on whatever comes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.evaluations import Span, evaluation, results
from tests.support.page_logic import PageLogic

from tinygauge.errors import ConfigError
from tinygauge.evaluation import Results
from tinygauge.quantity import Basis, Missing
from tinygauge.records import Evaluation, Finding, Metric, Score, Severity
from tinygauge.report.decision import explain, order_verdicts, why_not
from tinygauge.report.html.document import page_document
from tinygauge.selection import Bound, Region, select
from tinygauge.selection.region import METRIC_UNITS, format_limit
from tinygauge.selection.verdicts import _round_outwards
from tinygauge.units import Unit, format_interval, format_value, parse

UNKNOWN = math.nan
_BLOCKER = Finding(code="TG101", severity=Severity.ERROR, message="no kernel for FFT")


@pytest.fixture(scope="module")
def logic() -> Iterator[PageLogic]:
    """One process for all questions."""
    process = PageLogic()
    yield process
    process.close()


def _spans(values: st.SearchStrategy[float], most: float) -> st.SearchStrategy[Span]:
    def interval(value: float, below: float, above: float) -> tuple[float, float, float]:
        return value, value * (1 - below), min(most, value * (1 + above))

    shares = st.sampled_from([0.0, 0.01, 0.3])
    return st.one_of(
        values,
        st.builds(interval, values, shares, shares),
        values.map(lambda value: (value, UNKNOWN, UNKNOWN)),
        st.builds(Missing, st.just("nobody measured it"), st.sampled_from(["", "measure it"])),
    )


# Few values, so that candidates tie and meet their bounds exactly; and any in between.
def _few_or_any(few: list[float], any_: st.SearchStrategy[float]) -> st.SearchStrategy[float]:
    return st.one_of(st.sampled_from(few), st.sampled_from(few), any_)


_RATIOS = _few_or_any([0.875, 0.9], st.floats(0.01, 1.0))
_BYTES = _few_or_any([32_768.0, 34_867.2], st.floats(1, 1e8))
_SECONDS = _few_or_any([0.018, 0.0125], st.floats(1e-7, 100))
_JOULES = _few_or_any([0.001, 0.00125], st.floats(1e-8, 1))
_VALUES = {
    Metric.ACCURACY: _RATIOS,
    Metric.RAM: _BYTES,
    Metric.FLASH: _BYTES,
    Metric.LATENCY: _SECONDS,
    Metric.ENERGY: _JOULES,
}
_EVALUATIONS = st.builds(
    evaluation,
    st.sampled_from(["net", "Net", "näh", "\U0001f600", "\uffee"]),
    accuracy=_spans(_RATIOS, 1.0),
    ram=_spans(_BYTES, math.inf),
    flash=_spans(_BYTES, math.inf),
    latency=_spans(_SECONDS, math.inf),
    energy=_spans(_JOULES, math.inf),
    board=st.sampled_from(["ek-ra6m4", "nucleo-l4r5zi"]),
    sram_bytes=st.sampled_from([None, 32_768.0, 262_144.0]),
    flash_bytes=st.sampled_from([None, 1_048_576.0]),
    findings=st.sampled_from([(), (), (), (_BLOCKER,)]),
)
_REGIONS = st.fixed_dictionaries({}, optional=dict(_VALUES.items())).map(
    lambda limits: Region(tuple(Bound(m, limits[m]) for m in Metric if m in limits))
)
_RANKINGS = st.permutations(list(Metric)).flatmap(
    lambda order: st.integers(1, 5).map(lambda count: tuple(order[:count]))
)


def _limits(region: Region) -> dict[str, float]:
    return {bound.metric.value: bound.limit for bound in region.bounds}


def _decision(found: Results) -> list[str]:
    """What the command line says, without the figures of the chosen and without other boards."""
    lines = explain(found).split("\n\nFindings:")[0].splitlines()
    figures = tuple(f"  {metric.value} " for metric in Metric)
    chosen = found.chosen is not None
    return [
        line
        for line in lines
        if not (chosen and line.startswith(figures))
        and not line.startswith(("Another board", "No other board"))
    ]


def check_selection(logic: Any, found: Results, document: str, region: Region) -> None:
    """Hold the script's selection against the library's."""
    selection = found.selection
    numbers = {id(verdict): i for i, verdict in enumerate(selection.verdicts)}

    got = logic.ask(
        "select",
        document=json.loads(document),
        region=_limits(region),
        ranking=[metric.value for metric in selection.ranking],
    )

    verdicts = selection.verdicts
    assert got["positions"] == [verdict.position.value for verdict in verdicts]
    assert [float(str(each).replace("Infinity", "inf")) for each in got["worst"]] == [
        verdict.worst_overshoot for verdict in verdicts
    ]
    assert got["ranked"] == [numbers[id(verdict)] for verdict in selection.ranked]
    assert got["reasons"] == [list(verdict.reasons) for verdict in verdicts]
    assert got["whyNot"] == [why_not(verdict) for verdict in verdicts]
    assert got["order"] == [numbers[id(verdict)] for verdict in order_verdicts(selection)]
    miss = selection.nearest_miss
    assert got["nearestMiss"] == (-1 if miss is None else numbers[id(miss)])
    relaxation = selection.relaxation
    if relaxation is None:
        assert got["relaxation"] is None
    else:
        assert got["relaxation"] == {
            "metric": relaxation.bound.metric.value,
            "limit": relaxation.bound.limit,
            "relaxed": relaxation.relaxed.limit,
            "share": relaxation.share,
            "candidate": numbers[id(relaxation.verdict)],
        }
    assert got["explain"] == _decision(found)


@settings(max_examples=120)
@given(
    st.lists(_EVALUATIONS, max_size=6),
    st.tuples(_REGIONS, _REGIONS),
    _RANKINGS,
    st.sampled_from(list(Basis)),
)
def test_the_script_selects_as_the_library_does(
    logic: PageLogic,
    evaluations: list[Evaluation],
    regions: tuple[Region, Region],
    ranking: tuple[Metric, ...],
    basis: Basis,
) -> None:
    """Positions, ranking, nearest miss, relaxation, reasons and sentences, for any bounds set."""
    written_for, region = regions
    evaluations = [_with_basis(each, basis) for each in evaluations]
    page = replace(results(evaluations), selection=select(evaluations, written_for))
    found = replace(results(evaluations), selection=select(evaluations, region, ranking))

    check_selection(logic, found, json.dumps(page_document(page)), region)


_TIED = st.builds(
    evaluation,
    st.sampled_from(["net", "Net", "n\u00e4h", "\U0001f600", "\uffee"]),
    latency=st.sampled_from([0.0185, 0.01851, 0.0192, 0.03]),
    board=st.sampled_from(["ek-ra6m4", "nucleo-l4r5zi"]),
)


@settings(max_examples=60)
@given(st.lists(_TIED, min_size=2, max_size=6), st.sampled_from([0.018, 0.04]))
def test_ties_fall_as_in_the_library(
    logic: PageLogic, evaluations: list[Evaluation], limit: float
) -> None:
    """Equals are ranked by name, whatever its letters; of equal changes the first is proposed."""
    region = Region((Bound(Metric.LATENCY, limit),))
    found = replace(results(evaluations), selection=select(evaluations, region))

    check_selection(logic, found, json.dumps(page_document(found)), region)


def _with_basis(each: Evaluation, basis: Basis) -> Evaluation:
    """Let an accuracy rest on something else, where it is known and no interval is exact."""
    score = each.accuracy
    if not isinstance(score, Score) or basis is Basis.EXACT or not score.value.interval.is_known:
        return each
    interval = replace(score.value.interval, basis=basis)
    return replace(each, accuracy=replace(score, value=replace(score.value, interval=interval)))


_UNITS = st.sampled_from(
    [Unit.SECOND, Unit.JOULE, Unit.WATT, Unit.BYTE, Unit.HERTZ, Unit.VOLT, Unit.RATIO, Unit.COUNT]
)
# Halves of a last digit, where languages round differently; and everything else.
_HALVES = st.builds(
    lambda whole, parts, power: (whole + parts / 16) * 2.0**power,
    st.integers(0, 3000),
    st.integers(0, 16),
    st.integers(-8, 12),
)
_NUMBERS = _HALVES | st.floats(0, 1e15) | st.floats(1e-9, 1e24)


@settings(max_examples=150)
@given(_NUMBERS, _NUMBERS, _UNITS, st.booleans())
def test_the_script_prints_numbers_as_the_library_does(
    logic: PageLogic, one: float, other: float, unit: Unit, has_like: bool
) -> None:
    """Values, limits and intervals, to the letter, halves rounded to even."""
    low, high = sorted([one, other])
    like = one if has_like else None

    assert logic.ask("format", value=one, unit=unit.value) == format_value(one, unit)
    assert logic.ask("limit", value=one, unit=unit.value) == format_limit(one, unit)
    assert logic.ask("percent", value=one, decimals=1) == f"{one:.1%}"
    got = logic.ask("interval", low=low, high=high, unit=unit.value, like=like)
    assert got == format_interval(low, high, unit, like)


@settings(max_examples=100)
@given(st.sampled_from(list(Metric)).flatmap(lambda m: st.tuples(st.just(m), _VALUES[m])))
def test_the_script_rounds_limits_as_the_library_does(
    logic: PageLogic, case: tuple[Metric, float]
) -> None:
    """A relaxed limit is the same double, so that it admits the same candidate."""
    metric, value = case

    expected = _round_outwards(value, Bound(metric, 1.0))
    assert logic.ask("round", value=value, metric=metric.value) == expected


_TEXTS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["18", "0.9", ".5", "-3", "1e3", "90", "1e400", "1,5", ""])
    | st.floats(0, 1e6).map(repr),
    st.sampled_from(["", " "]),
    st.sampled_from(
        ["ms", "s", "us", "µs", "KiB", "kib", "B", "kB", "MB", "%", "", "mJ", "x", "J"]
    ),
)


@settings(max_examples=100)
@given(_TEXTS)
def test_the_script_reads_limits_as_the_command_line_does(logic: PageLogic, text: str) -> None:
    """The same number and unit, and what the one refuses the other refuses."""
    try:
        value, unit = parse(text)
    except ConfigError:
        expected = None
    else:
        expected = [value, unit.value]

    assert logic.ask("parse", text=text) == expected


@settings(max_examples=100)
@given(st.sampled_from(list(Metric)).flatmap(lambda m: st.tuples(st.just(m), _VALUES[m])))
def test_a_dragged_limit_is_the_one_that_is_printed(
    logic: PageLogic, case: tuple[Metric, float]
) -> None:
    """What the field shows, read back, is what the decision rests on, near where it was dropped."""
    metric, value = case

    limit = logic.ask("printed", limit=value, metric=metric.value)

    unit = METRIC_UNITS[metric]
    assert parse(format_limit(limit, unit)) == (limit, unit)
    assert limit == pytest.approx(value, rel=0.06, abs=0.0006 if unit is Unit.RATIO else 1e-10)


_POINTS = st.lists(
    st.tuples(st.integers(1, 9), st.integers(1, 9)).map(lambda p: {"x": p[0], "y": p[1]}),
    max_size=12,
)


@settings(max_examples=60)
@given(_POINTS, st.sampled_from(["accuracy", "ram"]), st.sampled_from(["accuracy", "latency"]))
def test_the_front_of_a_panel_holds_what_no_other_beats(
    logic: PageLogic, points: list[dict[str, int]], x: str, y: str
) -> None:
    """Compared with the definition, pair by pair; of equals one is drawn."""
    for i, point in enumerate(points):
        point["i"] = i
    signs = [-1 if metric == "accuracy" else 1 for metric in (x, y)]
    costs = [(signs[0] * p["x"], signs[1] * p["y"]) for p in points]

    front = logic.ask("front", points=points, x=x, y=y)

    def is_beaten(cost: tuple[int, int]) -> bool:
        return any(a <= cost[0] and b <= cost[1] and (a, b) != cost for a, b in costs)

    assert {costs[i] for i in front} == {cost for cost in costs if not is_beaten(cost)}
    assert len({costs[i] for i in front}) == len(front)


@settings(max_examples=100)
@given(st.floats(1e-3, 1e6), st.floats(1.05, 1e4), st.booleans(), st.integers(2, 9))
def test_ticks_are_few_round_and_within_the_axis(
    logic: PageLogic, low: float, factor: float, log: bool, most: int
) -> None:
    """At least two and never a crowd, in order, and none beyond the ends."""
    high = low * factor

    ticks = logic.ask("ticks", low=low, high=high, log=log, most=most)

    assert 2 <= len(ticks) <= max(most, 2) + 3 + 3 * log * math.log10(factor)
    assert ticks == sorted(set(ticks))
    assert all(low * (1 - 1e-9) <= tick <= high * (1 + 1e-9) for tick in ticks)


_DEFAULTS = {
    "region": {"accuracy": 0.9, "latency": 0.06},
    "ranking": ["energy", "latency"],
    "x": ["ram", "flash", "latency", "energy"],
    "y": "accuracy",
    "scale": dict.fromkeys(["accuracy", "ram", "flash", "latency", "energy"], "linear"),
    "colour": "target",
    "tab": "candidates",
    "open": -1,
    "count": 5,
}
_NAMES = st.sampled_from([metric.value for metric in Metric])
_FRAGMENTS = st.lists(
    st.builds("{}={:.6g}".format, _NAMES, st.floats(1e-6, 1))
    | st.builds("{}=none".format, _NAMES)
    | st.builds("y={}".format, _NAMES)
    | st.builds("log={}".format, _NAMES)
    | st.builds("rank={},{}".format, _NAMES, _NAMES)
    | st.lists(_NAMES, min_size=4, max_size=4).map(lambda names: f"x={','.join(names)}")
    | st.integers(-3, 9).map("open={}".format)
    | st.sampled_from(["tab=matrix", "tab=<b>", "colour=board", "latency=NaN", "junk", "x=ram"]),
    max_size=6,
    unique_by=lambda part: part.split("=")[0],
).map("&".join)


@settings(max_examples=100)
@given(_FRAGMENTS)
def test_an_address_brings_back_the_view_that_wrote_it(logic: PageLogic, text: str) -> None:
    """Read, written and read again it is the same; what it says that makes no sense is left out."""
    first = logic.ask("fragment", text=text, defaults=_DEFAULTS)
    again = logic.ask("fragment", text=first["text"], defaults=_DEFAULTS)

    assert again == first
    assert -1 <= first["view"]["open"] < 5
    assert len(first["view"]["x"]) == 4
    assert first["view"]["tab"] in {"candidates", "matrix", "findings"}
    assert logic.ask("fragment", text="", defaults=_DEFAULTS)["text"] == ""
