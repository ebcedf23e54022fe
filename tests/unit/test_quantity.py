"""Quantities: what they refuse, how they print, and how their errors add."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygauge.errors import ComparisonError
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity, total
from tinygauge.units import Unit

SOURCE = Provenance(method=Method.PREDICTED, source="a test")


def _spread(value: float, below: float, above: float, level: float = 0.9) -> Quantity:
    interval = Interval(value - below, value + above, level, Basis.RESIDUALS, 20)
    return Quantity(value, Unit.SECOND, interval, SOURCE)


def _exact(value: float, unit: Unit = Unit.SECOND) -> Quantity:
    return Quantity(value, unit, Interval.exact(value), SOURCE)


_values = st.floats(0, 1e3)
_parts = st.lists(
    st.one_of(st.builds(_spread, _values, _values, _values), st.builds(_exact, _values)),
    min_size=1,
    max_size=12,
)


def test_an_interval_refuses_swapped_ends() -> None:
    """Low above high is a mistake of the maker, named with both ends."""
    with pytest.raises(ValueError, match=r"low 2\.0 > high 1\.0"):
        Interval(2.0, 1.0, 0.9, Basis.REPEATS)


@pytest.mark.parametrize("level", [-0.01, 1.01, 95.0, math.nan])
def test_an_interval_refuses_a_level_that_is_no_probability(level: float) -> None:
    """95 for 0.95 is caught."""
    with pytest.raises(ValueError, match="level"):
        Interval(1.0, 2.0, level, Basis.REPEATS)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_quantity_refuses_what_is_not_finite(value: float) -> None:
    """A number that isn't there must be Missing."""
    with pytest.raises(ValueError, match="use Missing"):
        Quantity(value, Unit.SECOND, Interval.unknown(), SOURCE)


def test_an_unknown_interval_has_no_ends_and_no_confidence() -> None:
    """Nobody's error statement is not an error of 0."""
    unknown = Interval.unknown()

    assert not unknown.is_known
    assert unknown.level == 0.0
    assert math.isnan(unknown.width)


def test_one_unknown_end_makes_an_interval_unknown() -> None:
    """Half an interval can't decide anything."""
    assert not Interval(math.nan, 2.0, 0.9, Basis.RESIDUALS).is_known
    assert not Interval(1.0, math.nan, 0.9, Basis.RESIDUALS).is_known


def test_a_scaled_interval_keeps_its_basis() -> None:
    """Multiplying by an exact factor moves the ends alone."""
    scaled = Interval(1.0, 3.0, 0.9, Basis.REPEATS, 7).scaled(2.0)

    assert scaled == Interval(2.0, 6.0, 0.9, Basis.REPEATS, 7)


def test_an_exact_quantity_prints_without_interval() -> None:
    """A count has none worth showing."""
    assert str(_exact(0.018)) == "18.0 ms predicted"


def test_an_inexact_quantity_prints_interval_and_method() -> None:
    """A number is never printed naked."""
    assert str(_spread(0.018, 0.002, 0.003)) == "18.0 ms (16.0 to 21.0 ms) predicted"


def test_an_unknown_interval_is_said() -> None:
    """Silence would read as exact."""
    quantity = Quantity(0.018, Unit.SECOND, Interval.unknown(), SOURCE)

    assert str(quantity) == "18.0 ms (interval unknown) predicted"
    assert str(Missing("no meter")) == "missing: no meter"


@given(_parts, st.booleans())
def test_a_total_is_the_sum(parts: list[Quantity], correlated: bool) -> None:
    """Values add, and the interval holds the sum."""
    added = total(parts, correlated=correlated, provenance=SOURCE)

    assert added.value == pytest.approx(math.fsum(part.value for part in parts))
    slack = 1e-9 * (1 + abs(added.value))
    assert added.interval.low - slack <= added.value <= added.interval.high + slack


@given(_parts)
def test_a_correlated_total_is_never_surer_than_an_independent_one(parts: list[Quantity]) -> None:
    """Errors that move together add, independent ones partly cancel (GUM 5.1, 5.2)."""
    together = total(parts, correlated=True, provenance=SOURCE).interval
    apart = total(parts, correlated=False, provenance=SOURCE).interval

    slack = 1e-9 * (1 + together.width)
    assert together.low <= apart.low + slack
    assert together.high >= apart.high - slack


@given(_parts, st.booleans())
def test_a_total_is_never_surer_than_its_least_sure_part(
    parts: list[Quantity], correlated: bool
) -> None:
    """Adding parts can't make one part's error smaller."""
    added = total(parts, correlated=correlated, provenance=SOURCE)

    widest = max(part.interval.width for part in parts)
    assert added.interval.width >= widest - 1e-9 * (1 + abs(added.value))


@given(_parts, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_parts_is_no_matter(
    parts: list[Quantity], correlated: bool, random: Random
) -> None:
    """Addition commutes, intervals included."""
    shuffled = list(parts)
    random.shuffle(shuffled)

    first = total(parts, correlated=correlated, provenance=SOURCE)
    second = total(shuffled, correlated=correlated, provenance=SOURCE)

    assert first.value == second.value
    assert first.interval.low == pytest.approx(second.interval.low)
    assert first.interval.high == pytest.approx(second.interval.high)


def test_the_gum_example_of_thirty_layers() -> None:
    """Thirty equal parts at 10 % each: 10 % in all if correlated, 1.8 % if independent."""
    layers = [_spread(1.0, 0.1, 0.1)] * 30

    together = total(layers, correlated=True, provenance=SOURCE)
    apart = total(layers, correlated=False, provenance=SOURCE)

    assert together.interval.width / 2 / together.value == pytest.approx(0.1)
    assert apart.interval.width / 2 / apart.value == pytest.approx(0.1 / math.sqrt(30))


def test_exact_parts_make_an_exact_total() -> None:
    """Counts add to a count."""
    added = total([_exact(3.0), _exact(4.0)], correlated=True, provenance=SOURCE)

    assert added.interval == Interval.exact(7.0)


def test_an_exact_part_adds_no_error_and_no_basis() -> None:
    """The interval of a sum is that of its inexact parts, shifted."""
    parts = [_exact(3.0), _spread(4.0, 1.0, 2.0, level=0.8), _spread(1.0, 0.0, 0.0, level=0.95)]

    added = total(parts, correlated=True, provenance=SOURCE)

    assert added.interval == Interval(7.0, 10.0, 0.8, Basis.RESIDUALS, 20)


def test_one_unknown_part_makes_the_total_unknown() -> None:
    """An error that nobody stated can't be added as 0."""
    unknown = Quantity(1.0, Unit.SECOND, Interval.unknown(), SOURCE)

    added = total([_spread(4.0, 1.0, 1.0), unknown], correlated=False, provenance=SOURCE)

    assert added.value == 5.0
    assert added.interval.basis is Basis.UNKNOWN
    assert not added.interval.is_known


def test_different_units_are_not_added() -> None:
    """Seconds and bytes are named in the refusal."""
    with pytest.raises(ComparisonError, match="B, s"):
        total([_exact(1.0), _exact(1.0, Unit.BYTE)], correlated=True, provenance=SOURCE)


def test_nothing_has_no_total() -> None:
    """An empty sum is no 0 seconds: its unit would be a guess."""
    with pytest.raises(ComparisonError, match="nothing to add"):
        total([], correlated=True, provenance=SOURCE)


@pytest.mark.parametrize(("n", "level"), [(2, 0.5), (5, 0.9375), (60, 0.999)])
def test_the_interval_of_a_median_is_the_range_of_its_repeats(n: int, level: float) -> None:
    """As sure as that not all of them lie on one side; a single value tells nothing."""
    found = Interval.of_median([float(value) for value in range(n)])

    assert (found.low, found.high, found.n) == (0.0, n - 1.0, n)
    assert found.level == pytest.approx(level)
    assert not Interval.of_median([1.0]).is_known
