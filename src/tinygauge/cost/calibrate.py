"""Turn measurements into a basis for predictions: `calibrate`.

::

    from tinygauge.cost.calibrate import Measurement, calibrate
    own = calibrate([Measurement(model=model, target=target, latency=latency)])
    predict_latency(other_model, target, own)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

from tinygauge import catalog
from tinygauge.cost.calibration import MeasuredPower, UserCalibration
from tinygauge.cost.counting import model_work
from tinygauge.cost.estimate import row_of
from tinygauge.cost.posterior import Row
from tinygauge.cost.setting import translate
from tinygauge.cost.table import work_table
from tinygauge.cost.times import time_table
from tinygauge.errors import InputError
from tinygauge.graph.types import Model
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Target
from tinygauge.units import Unit

__all__ = ["Measurement", "calibrate"]

# A timed run is repeatable to 2e-5, the compiler's layout moves it by 2 to 3 % (TinyGauge cycle
# study 2026-11-22, "Noise floor"); the latter is in the prior's noise, this is the least beside it.
_LEAST_NOISE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One model timed by the user on one target.

    Parameters
    ----------
    model : Model
    target : Target
        With the engine's build where the bare name means another.
    latency : Quantity
        Seconds per inference, measured; an unknown interval counts as an exact one.
    energy : Quantity, optional
        Joules per inference.
    source : str
        Where the numbers are from, such as a file and line.
    """

    model: Model
    target: Target
    latency: Quantity
    energy: Quantity | None = None
    source: str = ""


def calibrate(
    measurements: Iterable[Measurement], known: UserCalibration | None = None
) -> UserCalibration:
    """Learn from a user's measurements.

    Parameters
    ----------
    measurements : iterable of Measurement
        One is enough; more on a target, or on several, tell more.
    known : UserCalibration, optional
        Earlier measurements, which stay.

    Returns
    -------
    UserCalibration
        For `predict_latency`, `predict_execution` and `predict_energy`; it can be saved.

    Raises
    ------
    InputError
        If there is no measurement, a value is not above 0, no clock is known, or nothing
        measured stands for a target.
    """
    taken = tuple(measurements)
    if not taken:
        raise InputError("calibration", "there is no measurement", "Give at least one")
    powers = (_power(each) for each in taken)
    found = UserCalibration(
        rows=tuple(_row(each) for each in taken),
        clocks_hz=tuple(_clock_hz(each) for each in taken),
        powers=tuple(power for power in powers if power is not None),
        sources=tuple(each.source for each in taken),
    )
    return known.with_more(found) if known else found


def _where(measurement: Measurement) -> str:
    return measurement.source or f"{measurement.model.name} on {measurement.target}"


def _clock_hz(measurement: Measurement) -> float:
    target = measurement.target
    if target.clock_hz is not None:
        return target.clock_hz
    if target.board in catalog.board_names():
        return catalog.board(target.board).clock.value
    raise InputError(_where(measurement), "no clock is given", "Name the clock, such as 120 MHz")


def _row(measurement: Measurement) -> Row:
    where, latency = _where(measurement), measurement.latency
    if latency.unit is not Unit.SECOND or not 0 < latency.value < math.inf:
        raise InputError(where, f"latency {latency} is no time above 0", "Give seconds")
    table, work = time_table(), work_table()
    setting = translate(table, work, measurement.target)
    if isinstance(setting, Missing):
        raise InputError(where, setting.reason, setting.advice)
    found = model_work(measurement.model, setting)
    if isinstance(found, Missing):
        raise InputError(where, found.reason, found.advice)
    row, _ = row_of(table, work, setting, found)
    return dataclasses.replace(
        row,
        cycles=latency.value * _clock_hz(measurement),
        noise=max(_LEAST_NOISE, _log_standard(latency)),
    )


def _log_standard(quantity: Quantity) -> float:
    """Return the standard deviation of the logarithm that an interval stands for."""
    ends = quantity.interval
    if not ends.is_known or ends.low <= 0 or not 0 < ends.level < 1:
        return 0.0
    return math.log(ends.high / ends.low) / 2 / NormalDist().inv_cdf((1 + ends.level) / 2)


def _power(measurement: Measurement) -> MeasuredPower | None:
    energy = measurement.energy
    if energy is None:
        return None
    if energy.unit is not Unit.JOULE or not 0 < energy.value < math.inf:
        raise InputError(_where(measurement), f"energy {energy} is not above 0", "Give joules")
    return MeasuredPower(
        board=measurement.target.board,
        engine=measurement.target.engine,
        clock_hz=_clock_hz(measurement),
        power_w=energy.value / measurement.latency.value,
    )
