"""Battery life: the charge adds up, intervals follow, and impossible duty cycles are said to be."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygauge.cost.battery import (
    CELLS,
    BatteryLife,
    Cell,
    DutyCycle,
    parse_cell,
    parse_rate,
    parse_self_discharge,
    predict_battery,
)
from tinygauge.errors import ConfigError, InputError
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import Energy, Latency
from tinygauge.units import Unit

YEAR_S = 365.25 * 86400
CELL = Cell(
    name="test", capacity_c=1000.0, voltage_v=3.0, self_discharge_per_year=0.1, source="test"
)


def quantity(value: float, unit: Unit, low: float = 0.8, high: float = 1.25) -> Quantity:
    interval = Interval(value * low, value * high, 0.9, Basis.RESIDUALS, 9)
    return Quantity(value, unit, interval, Provenance(Method.PREDICTED, "test"))


def life_of(
    *, time_s: float = 0.1, joules: float = 0.002, cell: Cell = CELL, **duty: float
) -> BatteryLife:
    energy = Energy(
        per_inference=quantity(joules, Unit.JOULE),
        power=quantity(joules / time_s, Unit.WATT),
        scope="total",
        rail="mcu",
    )
    latency = Latency(per_inference=quantity(time_s, Unit.SECOND))
    cycle = DutyCycle(**({"rate_hz": 0.1, "sleep_current_a": 2e-6} | duty))
    return predict_battery(latency, energy, 2.0, cell, cycle)


def test_charge_adds_up() -> None:
    """By hand: 0.1/s of 2 mJ and 1 mJ at 2 V, 2 uA asleep for 99 %, 10 % a year of 1000 C."""
    found = life_of(wake_energy_j=0.001)
    current = 2e-6 * 0.99 + 0.1 * 0.003 / 2.0
    lost = 1000.0 * 0.1 / YEAR_S

    assert isinstance(found.average_current, Quantity)
    assert isinstance(found.life, Quantity)
    assert found.busy.value == pytest.approx(0.01)
    assert found.average_current.value == pytest.approx(current)
    assert found.life.value == pytest.approx(1000.0 / (current + lost))
    assert found.feasible is True
    assert sum(found.shares.values()) == pytest.approx(1)
    assert found.shares["wake-up"] == pytest.approx(found.shares["inference"] / 2)


@given(
    rate=st.floats(1e-6, 5.0),
    sleep=st.floats(0.0, 1e-3),
    joules=st.floats(1e-6, 1.0),
    more=st.floats(1.01, 3.0),
)
def test_more_of_anything_shortens_life(
    rate: float, sleep: float, joules: float, more: float
) -> None:
    """And the value lies inside its interval, which the energy's interval sets."""
    base = life_of(time_s=0.01, joules=joules, rate_hz=rate, sleep_current_a=sleep)
    hungrier = life_of(time_s=0.01, joules=joules * more, rate_hz=rate, sleep_current_a=sleep)
    sleepless = life_of(
        time_s=0.01, joules=joules, rate_hz=rate, sleep_current_a=sleep * more + 1e-9
    )

    assert isinstance(base.life, Quantity)
    assert base.life.interval.low <= base.life.value <= base.life.interval.high
    for shorter in (hungrier.life, sleepless.life):
        assert isinstance(shorter, Quantity)
        assert shorter.value < base.life.value


@pytest.mark.parametrize(
    ("rate_hz", "feasible"), [(7.0, True), (9.0, None), (11.0, None), (13.0, False)]
)
def test_a_core_can_be_too_busy(rate_hz: float, feasible: bool | None) -> None:
    """100 ms (80 to 125 ms) an inference: inside, undecided on both sides, outside."""
    found = life_of(rate_hz=rate_hz)

    assert found.feasible is feasible
    assert isinstance(found.life, Missing) == (rate_hz > 10)
    if isinstance(found.life, Missing):
        assert "busy" in found.life.reason
        assert found.life.advice


def test_what_was_not_given_is_said_and_not_zero() -> None:
    """Neither wake-up nor self-discharge has a share; both have a note."""
    cell = parse_cell("230mAh@3.0V")
    found = life_of(cell=cell)

    assert set(found.shares) == {"inference", "sleep"}
    assert any("wake-up" in note for note in found.notes)
    assert any("self-discharge" in note for note in found.notes)


def test_a_load_above_the_rated_one_is_noted() -> None:
    """A coin cell's capacity holds for a fifth of a milliampere."""
    heavy, light = life_of(cell=CELLS["cr2032"], rate_hz=5.0), life_of(cell=CELLS["cr2032"])

    assert any("it is less at this load" in note for note in heavy.notes)
    assert not any("at this load" in note for note in light.notes)


def test_a_cell_below_the_supply_is_refused() -> None:
    """Nothing here boosts a voltage."""
    with pytest.raises(InputError, match="below the 2 V"):
        life_of(cell=parse_cell("2000mAh@1.5V"))


def test_an_unknown_interval_stays_unknown() -> None:
    """Power without an interval gives a life without one."""
    bare = Quantity(0.01, Unit.JOULE, Interval.unknown(), Provenance(Method.PREDICTED, "test"))
    energy = Energy(per_inference=bare, power=bare, scope="total", rail="board")
    latency = Latency(per_inference=quantity(0.1, Unit.SECOND))
    found = predict_battery(latency, energy, 3.0, CELL, DutyCycle(rate_hz=0.1, sleep_current_a=0.0))

    assert isinstance(found.life, Quantity)
    assert not found.life.interval.is_known


@pytest.mark.parametrize(
    ("text", "per_s"),
    [("4/min", 4 / 60), ("1200/h", 1 / 3), ("2.5/s", 2.5), ("24/day", 24 / 86400)],
)
def test_rates_are_read(text: str, per_s: float) -> None:
    """In inferences per second."""
    assert parse_rate(text) == pytest.approx(per_s)


@pytest.mark.parametrize("text", ["4", "4/week", "x/min", "0/min", "-1/h", "inf/s", "nan/s", ""])
def test_other_rates_are_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(ConfigError, match="4/min"):
        parse_rate(text)


@pytest.mark.parametrize(
    "text", ["cr2033", "230mAh", "230mA@3V", "-2mAh@3V", "230mAh@0V", "230mAh@3A", "1kh@3V", ""]
)
def test_other_cells_are_refused(text: str) -> None:
    """Names that are none, and capacities without a voltage above 0."""
    with pytest.raises(ConfigError):
        parse_cell(text)


@pytest.mark.parametrize("text", ["3", "1%", "1%/month", "100%/year", "-1%/year", "1V/year"])
def test_other_losses_are_refused(text: str) -> None:
    """A cell loses a share from 0 to below 1 a year."""
    with pytest.raises(ConfigError):
        parse_self_discharge(text)


def test_named_cells_have_a_datasheet() -> None:
    """Capacities are in coulomb: 235 mAh are 846 C."""
    assert math.isclose(CELLS["cr2032"].capacity_c, 846.0)
    assert parse_cell("CR2032") is CELLS["cr2032"]
    assert all("datasheet" in cell.source for cell in CELLS.values())
    assert parse_self_discharge("2 %/year") == pytest.approx(0.02)
