"""Predict energy: the active power of a board at its clock, times the latency.

The power a board draws while inferring hardly depends on the model: over the published MLPerf
Tiny runs of one system the half-spread is 4.3 % in the median, and the catalogue's interval of
`active_power` covers it. The user's own measurements of a board take the catalogue's place.
Sleep, start-up and sensors are not in this number.

At another clock or supply the power is bounded by physics: what switches costs in proportion to
the clock and what leaks does not; a linear regulator draws the same current at any supply and a
switching one the same power. The estimate is the geometric mean of the bounds, and the interval
spans them. (The NUCLEO-L4R5ZI is linear: X-CUBE-AI 7.3.0 drew 44.7 mW at 1.8 V in MLPerf Tiny
v1.0 and 74.4 mW at 3.0 V in v1.1, a ratio of 1.66 for supplies of 1.67.)

References
----------
Banbury et al., "MicroNets", MLSys 2021, arXiv 2010.11267 (power nearly constant over models);
MLPerf Tiny results v0.5 to v1.2, energy runs. Weste, Harris, "CMOS VLSI Design", 4th edition,
section 5.1 (dynamic power is proportional to the clock, static power is not).
"""

from __future__ import annotations

import dataclasses
import math

from tinygauge import __version__
from tinygauge.catalog import Board
from tinygauge.cost.calibration import MeasuredPower, UserCalibration
from tinygauge.cost.intervals import LEVEL
from tinygauge.cost.times import time_table
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import Energy, Finding, Latency, Severity
from tinygauge.units import Unit, format_value

__all__ = ["predict_energy"]


def predict_energy(
    latency: Latency,
    board: Board,
    *,
    clock_hz: float | None = None,
    supply_v: float | None = None,
    calibration: UserCalibration | None = None,
) -> Energy | Missing:
    """Predict the energy of one inference.

    Parameters
    ----------
    latency : Latency
        At that clock.
    board : Board
    clock_hz, supply_v : float, optional
        By default the board's own.
    calibration : UserCalibration, optional
        The user's own measurements; those with an energy at this clock tell the power.

    Returns
    -------
    Energy or Missing
        Joules, predicted, idle current included; Missing where no active power is known. At an
        operating point that nobody measured, finding TG209 says so.
    """
    power, findings = _power(board, clock_hz, supply_v, calibration)
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
        findings=findings,
    )


def _power(
    board: Board,
    clock_hz: float | None,
    supply_v: float | None,
    calibration: UserCalibration | None,
) -> tuple[Quantity | Missing, tuple[Finding, ...]]:
    """Return the active power at an operating point: the user's, else the catalogue's."""
    usual_hz = board.clock.value
    asked_hz = usual_hz if clock_hz is None else clock_hz
    usual_v = supply_v if isinstance(board.supply, Missing) else board.supply.value
    supplies = supply_v / usual_v if supply_v and usual_v else 1.0
    own = calibration.power_of(board.name, asked_hz) if calibration else ()
    if own:
        return _measured(board, own), ()
    power = board.active_power
    if isinstance(power, Missing):
        missing = Missing(
            f"no active power is known for {board.name}: {power.reason}",
            "Add [active_power] with its source to a board file of your own, or calibrate with "
            "an energy that you measured",
        )
        return missing, ()
    clocks = asked_hz / usual_hz
    if math.isclose(clocks, 1.0) and math.isclose(supplies, 1.0):
        return power, ()
    finding = Finding(
        code="TG209",
        severity=Severity.WARNING,
        message=f"the power of {board.name} was measured at {_point(usual_hz, usual_v)} only, "
        f"not at {_point(asked_hz, supply_v or usual_v)}: its bounds are taken",
        advice="Measure the energy of one model there and calibrate with it",
        where=board.name,
    )
    return _scaled(power, clocks, supplies), (finding,)


def _point(clock_hz: float, supply_v: float | None) -> str:
    supply = f" and {format_value(supply_v, Unit.VOLT)}" if supply_v else ""
    return format_value(clock_hz, Unit.HERTZ) + supply


def _scaled(power: Quantity, clocks: float, supplies: float) -> Quantity:
    """Return power at another clock and supply, between no change and full proportion."""
    mean = power.value * math.sqrt(clocks * supplies)
    reach = math.exp((abs(math.log(clocks)) + abs(math.log(supplies))) / 2)
    interval = Interval.unknown()
    if power.interval.is_known:
        own = power.interval.scaled(mean / power.value)
        interval = dataclasses.replace(own, low=own.low / reach, high=own.high * reach)
    return Quantity(mean, Unit.WATT, interval, power.provenance)


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
