"""Learn from what a user measured, and show what the prediction was before and is after.

With two or more models of a target each is also predicted from the others alone: that is how
far the calibration can be trusted on a model that was not measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygauge import graph
from tinygauge.calibration.readings import Place, Reading, measurements
from tinygauge.calibration.runs import read_run
from tinygauge.calibration.table import read_table
from tinygauge.cost import predict_latency
from tinygauge.cost.calibrate import Measurement, calibrate
from tinygauge.cost.calibration import UserCalibration
from tinygauge.cost.posterior import Row
from tinygauge.errors import ConfigError
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Latency
from tinygauge.units import Unit, format_value

__all__ = ["Check", "Learnt", "learn", "read_measurements"]

# A time so far from the prediction is a slip: of the unit, the clock or the model's name.
_SLIP = 100.0
# What no microcontroller draws while it computes.
_LEAST_W, _MOST_W = 1e-5, 20.0
# Each prediction from the others is a calibration of its own.
_MOST_CROSS_CHECKS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One measurement beside the predictions.

    Parameters
    ----------
    measurement : Measurement
    before : Quantity or Missing
        Latency predicted without it, seconds.
    after : Quantity or Missing
        Latency predicted with all measurements.
    from_others : Quantity or Missing
        Latency predicted with the others alone; Missing where there is no other of this target.
    """

    measurement: Measurement
    before: Quantity | Missing
    after: Quantity | Missing
    from_others: Quantity | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A calibration, and what it does to the predictions of what it was made from."""

    calibration: UserCalibration
    checks: tuple[Check, ...]


def read_measurements(
    sources: str | Path | Iterable[str | Path],
    given: Place | None = None,
    models: Iterable[str | Path] = (),
) -> list[Measurement]:
    """Read tables and runs of the board bench.

    Parameters
    ----------
    sources : str, Path or iterable of them
        CSV files, and folders of runs.
    given : Place, optional
        What holds where they do not say.
    models : iterable of str or Path
        Model files that runs may name by their digest.

    Returns
    -------
    list of Measurement
        One a model and target, repeats combined.

    Raises
    ------
    InputError
        If any of them can't be used; the message says which, where, and what to do.
    """
    if isinstance(sources, str | Path):
        sources = [sources]
    given = given or Place()
    at_hand = [graph.load(path) for path in models]
    readings: list[Reading] = []
    for source in sources:
        if Path(source).is_dir():
            readings.append(read_run(source, given, at_hand))
        else:
            readings += read_table(source, given)
    return measurements(readings)


def learn(taken: Sequence[Measurement], known: UserCalibration | None = None) -> Learnt:
    """Learn from measurements.

    Parameters
    ----------
    taken : sequence of Measurement
    known : UserCalibration, optional
        Earlier ones, which stay.

    Returns
    -------
    Learnt

    Raises
    ------
    InputError
        If a measurement is a hundred times off the prediction or known already, or nothing
        measured stands for its target.
    """
    before = [_predicted(each, known) for each in taken]
    for measurement, prediction in zip(taken, before, strict=True):
        _refuse_slip(measurement, prediction)
    found = calibrate(taken)
    if known is not None:
        for measurement, row in zip(taken, found.rows, strict=True):
            if any(_is_same(row, other) for other in known.rows):
                raise ConfigError(measurement.source, "the calibration has it already")
        found = known.with_more(found)
    return Learnt(
        calibration=found,
        checks=tuple(
            Check(
                measurement=each,
                before=prediction,
                after=_predicted(each, found),
                from_others=_from_others(each, taken, known),
            )
            for each, prediction in zip(taken, before, strict=True)
        ),
    )


def _is_same(row: Row, other: Row) -> bool:
    """Tell whether two rows are one measurement; a file keeps seven digits."""
    alike = (row.labels, row.dtype) == (other.labels, other.dtype)
    return alike and math.isclose(row.cycles, other.cycles, rel_tol=1e-6)


def _predicted(measurement: Measurement, known: UserCalibration | None) -> Quantity | Missing:
    found = predict_latency(measurement.model, measurement.target, known)
    return found.per_inference if isinstance(found, Latency) else found


def _from_others(
    one: Measurement, taken: Sequence[Measurement], known: UserCalibration | None
) -> Quantity | Missing:
    others = [each for each in taken if each.model.sha256 != one.model.sha256]
    if not any(each.target == one.target for each in others):
        return Missing("no other model was measured on this target", "Measure a second one")
    if len(taken) > _MOST_CROSS_CHECKS:
        return Missing(f"this is done for up to {_MOST_CROSS_CHECKS} measurements")
    return _predicted(one, calibrate(others, known))


def _refuse_slip(measurement: Measurement, prediction: Quantity | Missing) -> None:
    energy, time_s = measurement.energy, measurement.latency.value
    if energy is not None and not _LEAST_W <= energy.value / time_s <= _MOST_W:
        power = format_value(energy.value / time_s, Unit.WATT)
        spent = format_value(energy.value, Unit.JOULE)
        problem = f"{spent} in {format_value(time_s, Unit.SECOND)} is {power}"
        raise ConfigError(measurement.source, problem, "Check the unit of the energy")
    if isinstance(prediction, Missing):
        return  # calibrate says why
    factor = measurement.latency.value / prediction.value
    if 1 / _SLIP <= factor <= _SLIP:
        return
    times = f"{factor:,.0f} times" if factor > 1 else f"a {1 / factor:,.0f}th of"
    measured, expected = (
        format_value(value, Unit.SECOND) for value in (measurement.latency.value, prediction.value)
    )
    raise ConfigError(
        measurement.source,
        f"{measured} for {measurement.model.name} on {measurement.target} is {times} the "
        f"prediction, {expected}",
        "Check the unit, the clock and which model ran",
    )
