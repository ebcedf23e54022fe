"""Bounds: how they are written, what is refused, and where an interval lies."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.evaluations import quantity

from tinygauge.errors import ConfigError, UnknownNameError
from tinygauge.quantity import Basis, Interval
from tinygauge.records import Metric, Target
from tinygauge.selection import (
    Bound,
    Position,
    Region,
    parse_bound,
    parse_ranking,
    parse_region,
)
from tinygauge.selection.region import METRIC_UNITS
from tinygauge.units import Unit

_limits = st.floats(1e-6, 1.0)


@pytest.mark.parametrize(
    ("text", "metric", "limit"),
    [
        ("accuracy>=0.9", Metric.ACCURACY, 0.9),
        ("accuracy >= 90%", Metric.ACCURACY, 0.9),
        ("accuracy≥90 %", Metric.ACCURACY, 0.9),
        ("accuracy=>0.9", Metric.ACCURACY, 0.9),
        ("accuracy > .9", Metric.ACCURACY, 0.9),
        ("Accuracy>=1", Metric.ACCURACY, 1.0),
        ("top1>=0.9", Metric.ACCURACY, 0.9),
        ("auc>=0.85", Metric.ACCURACY, 0.85),
        ("latency<=100ms", Metric.LATENCY, 0.1),
        ("latency =< 100 ms", Metric.LATENCY, 0.1),
        ("latency<0.1s", Metric.LATENCY, 0.1),
        ("latency≤100000us", Metric.LATENCY, 0.1),
        ("energy<=2mJ", Metric.ENERGY, 0.002),
        ("ram<=128KiB", Metric.RAM, 131072.0),
        ("memory<=128 kib", Metric.RAM, 131072.0),
        ("  flash  <=  1 MiB  ", Metric.FLASH, 1048576.0),
    ],
)
def test_a_bound_is_read(text: str, metric: Metric, limit: float) -> None:
    """Aliases, signs, spaces and units as people write them."""
    assert parse_bound(text) == Bound(metric, limit)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "this is no bound"),
        ("accuracy", "this is no bound"),
        ("accuracy>=", "this is no bound"),
        (">=0.9", "this is no bound"),
        ("accuracy!=0.9", "this is no bound"),
        ("0.9<=accuracy", "this is no bound"),
        ("accuracy<=0.9", "'accuracy' needs >=, got <="),
        ("latency>=100ms", "'latency' needs <=, got >="),
        ("latency==100ms", "'latency' needs <=, got =="),
        ("latency=100ms", "'latency' needs <=, got ="),
        ("latency<=100", "'latency' is in s, the limit has no unit"),
        ("latency<=100KiB", "'latency' is in s, the limit is in B"),
        ("ram<=128", "'ram' is in B, the limit has no unit"),
        ("ram<=128kB", "1000 to some and 1024 to others"),
        ("energy<=2mW", "'energy' is in J, the limit is in W"),
        ("accuracy>=90", "accuracy lies in 0..1"),
        ("accuracy>=101%", "accuracy lies in 0..1"),
        ("accuracy>=0", "above 0"),
        ("latency<=0ms", "above 0"),
        ("latency<=-5ms", "above 0"),
        ("latency<=nan s", "no number"),
        ("latency<=1e999 s", "too large"),
        ("latency<=100ms<=200ms", "unknown unit"),
    ],
)
def test_a_bound_that_makes_no_sense_is_refused(text: str, problem: str) -> None:
    """The message says what is wrong with it."""
    with pytest.raises((ConfigError, UnknownNameError)) as error:
        parse_bound(text)

    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("accuracy>=90", "Write 0.9 or 90%"),
        ("latency>=100ms", "Write 'latency<=100ms'"),
        ("energy<=2s", "Give the limit in J"),
        ("latncy<=100ms", "Did you mean latency?"),
        ("acuracy>=0.9", "Did you mean accuracy?"),
        ("rom<=1MiB", "Did you mean ram?"),
        ("speed<=100ms", "Known: accuracy, energy, flash, latency, ram"),
    ],
)
def test_a_refused_bound_comes_with_advice(text: str, advice: str) -> None:
    """The advice is what to write instead."""
    with pytest.raises((ConfigError, UnknownNameError)) as error:
        parse_bound(text)

    assert error.value.advice == advice


@given(st.text(max_size=30))
def test_any_text_is_a_bound_or_refused(text: str) -> None:
    """No text makes the reader fail in another way."""
    try:
        bound = parse_bound(text)
    except (ConfigError, UnknownNameError):
        return

    assert 0 < bound.limit < math.inf


@given(st.sampled_from(list(Metric)), st.integers(1, 999), st.integers(-6, 0))
def test_a_printed_bound_can_be_typed(metric: Metric, digits: int, exponent: int) -> None:
    """What the report says of a bound reads back as that bound, to the digits it shows."""
    size = digits * 10.0**exponent
    if metric is Metric.ACCURACY:
        size = min(max(size, 0.01), 1.0)
    elif METRIC_UNITS[metric] is Unit.BYTE:
        size *= 1e6
    bound = Bound(metric, size)

    again = parse_bound(str(bound))

    # Bytes and ratios are printed with one decimal.
    assert again.metric is metric
    assert again.limit == pytest.approx(size, rel=0.05)
    assert parse_bound(str(again)) == again


def test_a_thousand_is_printed_without_comma() -> None:
    """A comma would not read back."""
    assert str(Bound(Metric.LATENCY, 1500.0)) == "latency <= 1500 s"
    assert str(Bound(Metric.RAM, 131072.0)) == "ram <= 128 KiB"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["latency<=100ms", "latency<=50ms"], ["latency <= 50 ms"]),
        (["latency<=50ms", "latency<=100ms"], ["latency <= 50 ms"]),
        (["accuracy>=0.8", "top1>=0.9"], ["accuracy >= 90 %"]),
        (["accuracy>=0.9", "auc>=0.8"], ["accuracy >= 90 %"]),
        (["ram<=1KiB", "memory<=1024B"], ["ram <= 1 KiB"]),
        (["ram<=1KiB", "accuracy>=0.9"], ["accuracy >= 90 %", "ram <= 1 KiB"]),
        ([], []),
        ("ram<=1KiB", ["ram <= 1 KiB"]),
    ],
)
def test_of_two_bounds_on_one_metric_the_tighter_holds(
    texts: str | list[str], expected: list[str]
) -> None:
    """Order is no matter, aliases are the same metric, and one text is one bound."""
    assert [str(bound) for bound in parse_region(texts).bounds] == expected


@pytest.mark.parametrize(
    ("low", "high", "accuracy", "latency"),
    [
        (0.6, 0.8, Position.INSIDE, Position.OUTSIDE),
        (0.5, 0.8, Position.INSIDE, Position.UNDECIDED),
        (0.4, 0.6, Position.UNDECIDED, Position.UNDECIDED),
        (0.2, 0.5, Position.UNDECIDED, Position.INSIDE),
        (0.2, 0.4, Position.OUTSIDE, Position.INSIDE),
        (0.5, 0.5, Position.INSIDE, Position.INSIDE),
        (math.nan, math.nan, Position.UNDECIDED, Position.UNDECIDED),
        (math.nan, 0.4, Position.UNDECIDED, Position.UNDECIDED),
    ],
)
def test_the_whole_interval_must_satisfy_a_bound(
    low: float, high: float, accuracy: Position, latency: Position
) -> None:
    """Inside if all of it does, outside if none of it does, else undecided; limits belong in."""
    interval = Interval(low, high, 0.95, Basis.RESIDUALS)
    limit = 0.5

    assert Bound(Metric.ACCURACY, limit).position(quantity(0.5, Unit.RATIO, interval)) is accuracy
    assert Bound(Metric.LATENCY, limit).position(quantity(0.5, Unit.SECOND, interval)) is latency


@given(st.sampled_from(list(Metric)), _limits, st.tuples(_limits, _limits).map(sorted))
def test_a_looser_bound_never_shuts_out(metric: Metric, limit: float, ends: list[float]) -> None:
    """Relaxing moves a candidate from outside to undecided to inside, never back."""
    order = [Position.OUTSIDE, Position.UNDECIDED, Position.INSIDE]
    value = quantity(
        ends[0], METRIC_UNITS[metric], Interval(ends[0], ends[1], 0.9, Basis.RESIDUALS)
    )
    looser = limit * (0.9 if metric.higher_is_better else 1.1)

    before = Bound(metric, limit).position(value)
    after = Bound(metric, looser).position(value)

    assert order.index(after) >= order.index(before)


@given(st.sampled_from(list(Metric)), _limits, st.tuples(_limits, _limits).map(sorted))
def test_the_limit_to_admit_just_admits(metric: Metric, limit: float, ends: list[float]) -> None:
    """The whole interval satisfies it, and no tighter limit is satisfied."""
    value = quantity(
        ends[0], METRIC_UNITS[metric], Interval(ends[0], ends[1], 0.9, Basis.RESIDUALS)
    )

    needed = Bound(metric, limit).limit_to_admit(value)

    tighter = needed * (1.001 if metric.higher_is_better else 0.999)
    assert Bound(metric, needed).position(value) is Position.INSIDE
    assert Bound(metric, tighter).position(value) is not Position.INSIDE


def test_overshoot_is_a_share_of_the_limit() -> None:
    """Positive beyond the bound, negative with room to spare."""
    assert Bound(Metric.LATENCY, 0.1).overshoot(0.15) == pytest.approx(0.5)
    assert Bound(Metric.LATENCY, 0.1).overshoot(0.05) == pytest.approx(-0.5)
    assert Bound(Metric.ACCURACY, 0.8).overshoot(0.6) == pytest.approx(0.25)


def test_the_boards_memories_are_bounds() -> None:
    """SRAM bounds RAM and flash bounds flash, said to be the board's."""
    target = Target(
        board="mine", core="cortex-m4", engine="tflm-ref", sram_bytes=65536.0, flash_bytes=262144.0
    )

    bounds = Region((Bound(Metric.RAM, 1000.0),)).for_target(target)

    assert [(str(bound), bound.origin) for bound in bounds] == [
        ("ram <= 1000 B", "user"),
        ("ram <= 64 KiB", "mine"),
        ("flash <= 256 KiB", "mine"),
    ]


def test_a_core_without_a_board_has_no_memory_bounds() -> None:
    """What is not known is no bound of 0."""
    assert Region().for_target(Target(board="", core="cortex-m4", engine="tflm-ref")) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("energy", [Metric.ENERGY]),
        ("energy,latency", [Metric.ENERGY, Metric.LATENCY]),
        (" Accuracy , memory ,", [Metric.ACCURACY, Metric.RAM]),
        ("top1,auc,accuracy", [Metric.ACCURACY]),
    ],
)
def test_a_ranking_is_read(text: str, expected: list[Metric]) -> None:
    """Names with commas, the most important first, none twice."""
    assert list(parse_ranking(text)) == expected


def test_an_unknown_metric_in_a_ranking_is_refused() -> None:
    """With the nearest name."""
    with pytest.raises(UnknownNameError, match="Did you mean energy"):
        parse_ranking("latency,enrgy")


@pytest.mark.parametrize("text", ["", " , "])
def test_an_empty_ranking_is_refused(text: str) -> None:
    """Ranking by nothing would rank by name without saying so."""
    with pytest.raises(ConfigError, match="names no metric"):
        parse_ranking(text)
