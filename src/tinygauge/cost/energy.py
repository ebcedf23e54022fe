"""Predict energy: the active power of a board at its clock, times the latency.

The power a board draws while inferring hardly depends on the model: over the published MLPerf
Tiny runs of one system the half-spread is 4.3 % in the median, and the catalogue's interval of
`active_power` covers it. The user's own measurements of a board take the catalogue's place.
Sleep, start-up and sensors are not in this number.

References
----------
Banbury et al., "MicroNets", MLSys 2021, arXiv 2010.11267 (power nearly constant over models);
MLPerf Tiny results v0.5 to v1.2, energy runs.
"""

from __future__ import annotations

import math

from tinygauge import __version__
from tinygauge.catalog import Board
from tinygauge.cost.calibration import MeasuredPower, UserCalibration
from tinygauge.cost.intervals import LEVEL
from tinygauge.cost.times import time_table
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import Energy, Latency
from tinygauge.units import Unit, format_value

__all__ = ["predict_energy"]


def predict_energy(
    latency: Latency,
    board: Board,
    *,
    clock_hz: float | None = None,
    calibration: UserCalibration | None = None,
) -> Energy | Missing:
    """Predict the energy of one inference.

    Parameters
    ----------
    latency : Latency
        At that clock.
    board : Board
    clock_hz : float, optional
        By default the board's own.
    calibration : UserCalibration, optional
        The user's own measurements; those with an energy at this clock tell the power.

    Returns
    -------
    Energy or Missing
        Joules, predicted, idle current included; Missing where no active power is known.
    """
    power = _power(board, clock_hz, calibration)
    if isinstance(power, Missing):
        return power
    time = latency.per_inference
    value = power.value * time.value
    basis = f"active power of {board.name} ({power.provenance.source})"
    source = f"{basis} times {time.method.value} latency"
    return Energy(
        per_inference=Quantity(
            value,
            Unit.JOULE,
            _product_interval(power, time, value),
            Provenance(
                method=Method.PREDICTED,
                source=source,
                tool=f"tinygauge {__version__}",
                evidence=time.provenance.evidence,
            ),
        ),
        power=power,
        scope="total",
        rail=board.power_rail,
    )


def _power(
    board: Board, clock_hz: float | None, calibration: UserCalibration | None
) -> Quantity | Missing:
    """Return the active power at a clock: the user's, else the catalogue's."""
    usual_hz = board.clock.value
    asked_hz = usual_hz if clock_hz is None else clock_hz
    own = calibration.power_of(board.name, asked_hz) if calibration else ()
    if own:
        return _measured(board, own)
    if not math.isclose(usual_hz, asked_hz):
        usual, asked = (format_value(value, Unit.HERTZ) for value in (usual_hz, asked_hz))
        return Missing(
            f"the power of {board.name} was measured at {usual} only, not at {asked}",
            "Measure the current at this clock, or ask for the board's usual one",
        )
    power = board.active_power
    if isinstance(power, Missing):
        return Missing(
            f"no active power is known for {board.name}: {power.reason}",
            "Add [active_power] with its source to a board file of your own, or calibrate with "
            "an energy that you measured",
        )
    return power


def _measured(board: Board, own: tuple[MeasuredPower, ...]) -> Quantity:
    """Return the power that the user measured, give or take what models change."""
    mean = math.exp(math.fsum(math.log(power.power_w) for power in own) / len(own))
    spread = time_table().power_spread
    return Quantity(
        mean,
        Unit.WATT,
        Interval(mean / spread, mean * spread, LEVEL, Basis.RESIDUALS, len(own)),
        Provenance(method=Method.MEASURED, source=f"your measurements of {board.name}"),
    )


def _product_interval(power: Quantity, time: Quantity, value: float) -> Interval:
    """Combine two independent intervals: relative half-widths add in quadrature, each side.

    References
    ----------
    JCGM 100:2008 (GUM), 5.1.6, on logarithms so that the ends stay positive.
    """
    ends = (power.interval, time.interval)
    if not all(end.is_known and end.low > 0 for end in ends):
        return Interval.unknown()
    below = math.hypot(*(math.log(q.value / q.interval.low) for q in (power, time)))
    above = math.hypot(*(math.log(q.interval.high / q.value) for q in (power, time)))
    return Interval(
        value * math.exp(-below),
        value * math.exp(above),
        min(end.level for end in ends),
        Basis.RESIDUALS,
        min((end.n for end in ends if end.n is not None), default=None),
    )
