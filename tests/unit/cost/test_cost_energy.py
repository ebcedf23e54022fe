"""Energy: active power times latency, with both intervals."""

from __future__ import annotations

import dataclasses
import math

from tinygauge import catalog
from tinygauge.cost import predict_energy
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import Energy, Latency
from tinygauge.units import Unit

SOURCE = Provenance(method=Method.PREDICTED, source="test")


def latency(low: float = 0.09, high: float = 0.12) -> Latency:
    interval = Interval(low, high, 0.9, Basis.RESIDUALS, 7)
    return Latency(per_inference=Quantity(0.1, Unit.SECOND, interval, SOURCE))


def board(interval: Interval, watt: float = 0.05) -> catalog.Board:
    power = Quantity(watt, Unit.WATT, interval, SOURCE)
    return dataclasses.replace(catalog.board("ek-ra6m4"), active_power=power)


def energy(when: Latency, where: catalog.Board) -> Energy:
    found = predict_energy(when, where)
    assert isinstance(found, Energy)
    return found


def test_energy_is_power_times_time() -> None:
    """The value is the product, the scope and rail are said."""
    found = energy(latency(), board(Interval.exact(0.05)))

    assert math.isclose(found.per_inference.value, 0.005)
    assert found.per_inference.unit is Unit.JOULE
    assert found.scope == "total"
    assert found.rail == "mcu"


def test_an_exact_power_leaves_the_interval_of_the_time() -> None:
    """Relative ends are those of the latency."""
    interval = energy(latency(), board(Interval.exact(0.05))).per_inference.interval

    assert math.isclose(interval.low, 0.005 * 0.9)
    assert math.isclose(interval.high, 0.005 * 1.2)
    assert interval.level == 0.9
    assert interval.n == 7


def test_two_intervals_widen_in_quadrature() -> None:
    """Wider than either, narrower than both added."""
    power = Interval(0.045, 0.06, 0.9, Basis.REPEATS, 4)
    interval = energy(latency(), board(power)).per_inference.interval

    assert 1.2 * 0.005 < interval.high < 1.2 * 1.2 * 0.005
    assert 0.9 * 0.9 * 0.005 < interval.low < 0.9 * 0.005
    assert interval.n == 4


def test_an_unknown_interval_stays_unknown() -> None:
    """A power without interval gives an energy without interval, not a narrow one."""
    assert not energy(latency(), board(Interval.unknown())).per_inference.interval.is_known


def test_without_power_there_is_no_energy() -> None:
    """Missing says whose power is unknown, and what to add."""
    bare = dataclasses.replace(catalog.board("ek-ra6m4"), active_power=Missing("not metered"))
    found = predict_energy(latency(), bare)

    assert isinstance(found, Missing)
    assert "ek-ra6m4: not metered" in found.reason
    assert "[active_power]" in found.advice
