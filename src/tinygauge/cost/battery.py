"""Battery life from the energy of one inference: duty cycle, sleep, wake-up, self-discharge.

The charge of an inference is its energy over the board's supply, and the cell gives the same
charge: the part is fed directly or through a linear regulator. Radio, sensors, a switching
converter, temperature and the cell's age are not in this number.

>>> parse_rate("4/min") * 60
4.0
>>> cell = parse_cell("230mAh@3.0V")
>>> cell.capacity_c, cell.voltage_v
(828.0, 3.0)

References
----------
Average current of a duty cycle and life as capacity over it: Texas Instruments SWRA347,
"Measuring Bluetooth Low Energy Power Consumption", chapters on average current and battery
life (named from memory, not read again). Same current on both sides of a linear regulator:
NUCLEO-L4R5ZI in MLPerf Tiny v1.0 and v1.1, 45 mW at 1.8 V and 75 mW at 3.0 V, which is 25 mA at
both.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass

from tinygauge import __version__
from tinygauge.errors import ConfigError, InputError
from tinygauge.quantity import Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import Energy, Latency
from tinygauge.units import Unit, format_value, parse

__all__ = [
    "CELLS",
    "BatteryLife",
    "Cell",
    "DutyCycle",
    "parse_cell",
    "parse_input",
    "parse_rate",
    "parse_self_discharge",
    "predict_battery",
]

_HOUR_S = 3600.0
_YEAR_S = 365.25 * 24 * _HOUR_S
# Beyond these, in base units, an input is a slip of the keyboard.
_LARGEST = 1e6
_RAREST_HZ = 1 / (100 * _YEAR_S)
_EXAMPLES = {
    Unit.AMPERE: "Write 2uA",
    Unit.VOLT: "Write 3.0V",
    Unit.JOULE: "Write 20uJ",
    Unit.SECOND: "Write 62ms",
}
_PERIODS_S = {
    "s": 1.0,
    "min": 60.0,
    "h": _HOUR_S,
    "hour": _HOUR_S,
    "day": 24 * _HOUR_S,
    "d": 24 * _HOUR_S,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A battery.

    Parameters
    ----------
    name : str
    capacity_c, voltage_v : float
        Nominal: coulomb (3.6 of them are 1 mAh) and volt.
    self_discharge_per_year : float or None
        Share of the capacity lost in a year; None where nobody said.
    source : str
        The datasheet, or the user.
    rated_current_a : float or None
        The load at which the capacity was stated; None where nobody said.
    """

    name: str
    capacity_c: float
    voltage_v: float
    self_discharge_per_year: float | None
    source: str
    rated_current_a: float | None = None


CELLS = {
    cell.name: cell
    for cell in (
        Cell(
            name="cr2032",
            capacity_c=0.235 * _HOUR_S,
            voltage_v=3.0,
            self_discharge_per_year=0.01,
            source="Energizer CR2032 datasheet, second-hand: 235 mAh to 2.0 V at 15 kohm; "
            "about 1 % a year",
            rated_current_a=3.0 / 15e3,
        ),
        Cell(
            name="cr2450",
            capacity_c=0.620 * _HOUR_S,
            voltage_v=3.0,
            self_discharge_per_year=0.01,
            source="Energizer CR2450 datasheet, second-hand: 620 mAh to 2.0 V at 7.5 kohm; "
            "about 1 % a year",
            rated_current_a=3.0 / 7.5e3,
        ),
        Cell(
            name="ls26500",
            capacity_c=7.7 * _HOUR_S,
            voltage_v=3.6,
            self_discharge_per_year=0.01,
            source="Saft LS 26500 datasheet, second-hand: 7.7 Ah; less than 1 % after a year at "
            "+20 C",
        ),
    )
}
"""Cells by name. Second-hand: a page that cites the datasheet was read, not the datasheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyCycle:
    """How a product uses its model.

    Parameters
    ----------
    rate_hz : float
        Inferences per second.
    sleep_current_a : float
        While nothing runs.
    wake_energy_j : float or None
        Of each wake-up, beside the inference; None where it is left out.
    """

    rate_hz: float
    sleep_current_a: float
    wake_energy_j: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryLife:
    """How long a cell lasts.

    Parameters
    ----------
    busy : Quantity
        Share of the time spent inferring; above 1 it can't be kept up.
    average_current : Quantity or Missing
        Ampere, without self-discharge.
    life : Quantity or Missing
        Seconds.
    shares : dict of str to float
        What the charge goes to, in 0..1: ``inference``, ``sleep``, and where they were given
        ``wake-up`` and ``self-discharge``.
    notes : tuple of str
        What is left out.
    """

    busy: Quantity
    average_current: Quantity | Missing
    life: Quantity | Missing
    shares: dict[str, float]
    notes: tuple[str, ...]

    @property
    def feasible(self) -> bool | None:
        """Whether the rate can be kept up; None where the interval of `busy` straddles 1."""
        interval = self.busy.interval
        if self.busy.value > 1 and not interval.low <= 1:
            return False
        return True if self.busy.value <= 1 and interval.high <= 1 else None


def parse_rate(text: str) -> float:
    """Read how often a model runs.

    Parameters
    ----------
    text : str
        Such as ``"4/min"``, ``"1200/h"``, ``"24/day"``.

    Returns
    -------
    float
        Per second.

    Raises
    ------
    ConfigError
        If it is no positive number per period.
    """
    number, _, period = (part.strip() for part in text.partition("/"))
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    rate_hz = value / _PERIODS_S.get(period, math.nan)
    if not _RAREST_HZ <= rate_hz <= _LARGEST:
        raise ConfigError(
            f"rate '{text}'", "this is no number of inferences per time", "Write 4/min or 1200/h"
        )
    return rate_hz


def parse_cell(text: str) -> Cell:
    """Read a cell: a name of `CELLS`, or capacity and voltage.

    Parameters
    ----------
    text : str
        Such as ``"cr2032"`` or ``"230mAh@3.0V"``.

    Returns
    -------
    Cell

    Raises
    ------
    ConfigError
        If it is neither.
    """
    if text.lower() in CELLS:
        return CELLS[text.lower()]
    match = re.fullmatch(r"\s*(.+A)h\s*@\s*(.+)", text)
    if match is None:
        close = difflib.get_close_matches(text.lower(), CELLS, 1)
        hint = f"Did you mean {close[0]}? " if close else f"Known: {', '.join(CELLS)}. "
        raise ConfigError(f"cell '{text}'", "no such cell", hint + "Or write 230mAh@3.0V")
    current_a = parse_input(match[1], Unit.AMPERE, positive=True)
    voltage_v = parse_input(match[2], Unit.VOLT, positive=True)
    return Cell(
        name=text,
        capacity_c=current_a * _HOUR_S,
        voltage_v=voltage_v,
        self_discharge_per_year=None,
        source="given by the user",
    )


def parse_input(text: str, unit: Unit, *, positive: bool = False) -> float:
    """Read a current, voltage or energy.

    Parameters
    ----------
    text : str
        Such as ``"2uA"``.
    unit : Unit
        What it must be in.
    positive : bool
        Whether 0 is refused.

    Returns
    -------
    float
        In the base unit.

    Raises
    ------
    ConfigError
        If it is none.
    """
    value, found = parse(text)
    if found is not unit or not 0 <= value <= _LARGEST or (positive and value == 0):
        least = "above 0" if positive else "0 or more"
        raise ConfigError(
            f"'{text}'", f"expected a value in {unit.value}, {least}", _EXAMPLES.get(unit, "")
        )
    return value


def parse_self_discharge(text: str) -> float:
    """Read what a cell loses by itself.

    Parameters
    ----------
    text : str
        Such as ``"1%/year"``.

    Returns
    -------
    float
        Share of the capacity per year, from 0 to below 1.

    Raises
    ------
    ConfigError
        If it is none.
    """
    share, _, period = (part.strip() for part in text.partition("/"))
    value, unit = parse(share)
    if unit is not Unit.RATIO or period not in ("year", "a", "y") or not 0 <= value < 1:
        raise ConfigError(f"self-discharge '{text}'", "this is no share a year", "Write 1%/year")
    return value


def predict_battery(
    latency: Latency, energy: Energy, supply_v: float, cell: Cell, duty: DutyCycle
) -> BatteryLife:
    """Predict how long a cell lasts.

    Parameters
    ----------
    latency : Latency
    energy : Energy
        Of one inference, at `supply_v`.
    supply_v : float
        Of the part.
    cell : Cell
    duty : DutyCycle

    Returns
    -------
    BatteryLife
        Current and life are Missing where inferences take more time than there is.

    Raises
    ------
    InputError
        If the cell's voltage is below the part's.

    Notes
    -----
    With f inferences per second of E joules and t seconds, at a supply of V volts, a wake-up
    of W joules, a sleep current S and a cell of C coulombs that loses the share d a year Y:
    average current I = S (1 - f t) + f (E + W) / V, life = C / (I + C d / Y). The ends of the
    intervals take E and t at the ends that shorten or lengthen life most; the capacity, which
    datasheets state without one, has no interval of its own.
    """
    if cell.voltage_v < supply_v:
        raise InputError(
            f"cell {cell.name}",
            f"its {cell.voltage_v:g} V are below the {supply_v:g} V that the part runs at",
            "Put cells in series: name their capacity and the sum of their voltages",
        )
    time, joules = latency.per_inference, energy.per_inference
    busy = Quantity(
        duty.rate_hz * time.value,
        Unit.RATIO,
        time.interval.scaled(duty.rate_hz),
        _predicted("rate times predicted latency", time),
    )
    if busy.value > 1:
        late = _too_busy(busy, time, duty)
        notes = _notes(cell, duty, energy, None)
        return BatteryLife(busy=busy, average_current=late, life=late, shares={}, notes=notes)
    average = _average_current(joules, busy, supply_v, duty)
    return BatteryLife(
        busy=busy,
        average_current=average,
        life=_life(average, cell),
        shares=_shares(average, busy, supply_v, duty, cell),
        notes=_notes(cell, duty, energy, average),
    )


def _lost_a(cell: Cell) -> float:
    """Return self-discharge as a current."""
    return cell.capacity_c * (cell.self_discharge_per_year or 0.0) / _YEAR_S


def _life(average: Quantity, cell: Cell) -> Quantity:
    """Return the capacity over all that flows; the most current ends it first."""
    lost_a = _lost_a(cell)
    return Quantity(
        cell.capacity_c / (average.value + lost_a),
        Unit.SECOND,
        _between(
            average.interval,
            cell.capacity_c / (average.interval.high + lost_a),
            cell.capacity_c / (average.interval.low + lost_a),
        ),
        _predicted(f"{cell.name} ({cell.source}) over the average current", average),
    )


def _shares(
    average: Quantity, busy: Quantity, supply_v: float, duty: DutyCycle, cell: Cell
) -> dict[str, float]:
    """Say what the charge goes to; what was not given has no share, rather than 0."""
    currents = {"sleep": duty.sleep_current_a * (1 - busy.value)}
    if duty.wake_energy_j is not None:
        currents["wake-up"] = duty.rate_hz * duty.wake_energy_j / supply_v
    if cell.self_discharge_per_year is not None:
        currents["self-discharge"] = _lost_a(cell)
    total_a = average.value + _lost_a(cell)
    currents["inference"] = total_a - math.fsum(currents.values())
    return {name: each / total_a for name, each in currents.items()}


def _too_busy(busy: Quantity, time: Quantity, duty: DutyCycle) -> Missing:
    return Missing(
        f"{duty.rate_hz:.3g} inferences a second of {format_value(time.value, Unit.SECOND)} "
        f"each keep the core busy for {busy.value:.0%} of the time",
        "Lower the rate, or choose a faster model, engine or board",
    )


def _average_current(
    joules: Quantity, busy: Quantity, supply_v: float, duty: DutyCycle
) -> Quantity:
    """Return the current of the duty cycle; its ends are those of energy and busy share."""

    def current(joule: float, share: float) -> float:
        used = joule + (duty.wake_energy_j or 0.0)
        return duty.sleep_current_a * max(0.0, 1 - share) + duty.rate_hz * used / supply_v

    low = current(joules.interval.low, busy.interval.high)
    high = current(joules.interval.high, busy.interval.low)
    return Quantity(
        current(joules.value, busy.value),
        Unit.AMPERE,
        _between(joules.interval, low, high),
        _predicted("charge of inferences, wake-ups and sleep (Notes of predict_battery)", joules),
    )


def _between(like: Interval, low: float, high: float) -> Interval:
    if not like.is_known or math.isnan(low) or math.isnan(high):
        return Interval.unknown()
    return Interval(low, high, like.level, like.basis, like.n)


def _predicted(source: str, like: Quantity) -> Provenance:
    return Provenance(
        method=Method.PREDICTED,
        source=f"{source}; {like.provenance.source}",
        tool=f"tinygauge {__version__}",
        evidence=like.provenance.evidence,
    )


def _notes(
    cell: Cell, duty: DutyCycle, energy: Energy, average: Quantity | None
) -> tuple[str, ...]:
    metered = "the MCU's supply pins" if energy.rail == "mcu" else "the whole board"
    notes = [f"energy was metered at {metered}: what else draws current is not counted"]
    if duty.wake_energy_j is None:
        notes.append("no wake-up cost was given: life is shorter by what waking takes")
    if cell.self_discharge_per_year is None:
        notes.append("no self-discharge was given: life is shorter by what the cell loses")
    rated_a = cell.rated_current_a
    if average is not None and rated_a is not None and average.value > rated_a:
        rated = format_value(rated_a, Unit.AMPERE)
        notes.append(f"the capacity of {cell.name} was stated at {rated}: it is less at this load")
    return tuple(notes)
