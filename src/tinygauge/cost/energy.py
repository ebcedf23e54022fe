"""Predict energy: the board's active power times the latency.

The power a board draws while inferring hardly depends on the model: over the published MLPerf
Tiny runs of one system the half-spread is 4.3 % in the median, and the catalogue's interval of
`active_power` covers it. Sleep, start-up and sensors are not in this number.

References
----------
Banbury et al., "MicroNets", MLSys 2021, arXiv 2010.11267 (power nearly constant over models);
MLPerf Tiny results v0.5 to v1.2, energy runs.
"""

from __future__ import annotations

import math

from tinygauge import __version__
from tinygauge.catalog import Board
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import Energy, Latency
from tinygauge.units import Unit

__all__ = ["predict_energy"]


def predict_energy(latency: Latency, board: Board) -> Energy | Missing:
    """Predict the energy of one inference at the board's clock and supply.

    Parameters
    ----------
    latency : Latency
        At the board's own clock.
    board : Board

    Returns
    -------
    Energy or Missing
        Joules, predicted, idle current included; Missing where no active power is known.
    """
    power = board.active_power
    if isinstance(power, Missing):
        return Missing(
            f"no active power is known for {board.name}: {power.reason}",
            "Add [active_power] with its source to a board file of your own",
        )
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
