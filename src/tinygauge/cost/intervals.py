"""Intervals: predicted standard deviations, times what held-out errors say of them.

The posterior states a standard deviation for every prediction, wider the more is new about the
target. How many of them an interval must reach follows from errors on what was left out, by kind
of transfer (`Transfer`), each from a fit that had not seen the group in question. The errors of
the ops of one model move together, so nothing is averaged over ops.

>>> around(2.0, Spread(0.9, 1.2, 12)).high
2.4
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tinygauge.quantity import Basis, Interval

__all__ = ["LEVEL", "Spread", "Transfer", "around", "combined", "reach", "spread_of"]

LEVEL = 0.9
"""Confidence that the factors were taken for."""


class Transfer(StrEnum):
    """What is new about a target, from the least to the most."""

    PAIR = "pair"
    """Board and engine were timed; the model is new."""
    BOARD = "board"
    """The engine was timed on another board of this core."""
    CORE = "core"
    """The engine's instructions were counted on this core; it was timed on other cores."""
    ENGINE = "engine"
    """The engine was never timed: others stand for it."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A range of measured over predicted.

    Parameters
    ----------
    low, high : float
        Factors; low at most 1, high at least 1.
    n : int
        Independent groups of held-out residuals behind it.
    """

    low: float
    high: float
    n: int


def reach(
    intervals: Mapping[str, Mapping[str, float]], kind: str, *, counted: bool
) -> tuple[float, int]:
    """Look up how many predicted standard deviations an interval reaches.

    Parameters
    ----------
    intervals : mapping
        Of the time table.
    kind : str
        A `Transfer`, or ``"family"``, ``"flagged"`` or ``"calibrated"``.
    counted : bool
        Whether the engine's own instructions were counted: such engines are missed by less, and
        have an entry of their own where enough was held out.

    Returns
    -------
    factor : float
    groups : int
        Behind it.
    """
    entry = intervals.get(f"{kind}/counted") if counted else None
    entry = entry or intervals[kind]
    return float(entry["factor"]), int(entry["groups"])


def spread_of(standard: float, factor: float, groups: int) -> Spread:
    """Return the spread of a prediction with a standard deviation.

    Parameters
    ----------
    standard : float
        Of the natural logarithm.
    factor : float
        Standard deviations that the interval reaches, of `reach`.
    groups : int

    Returns
    -------
    Spread
    """
    return Spread(math.exp(-factor * standard), math.exp(factor * standard), groups)


def combined(first: Spread, second: Spread) -> Spread:
    """Widen a spread by another that is independent of it: logarithms add in quadrature.

    Parameters
    ----------
    first, second : Spread

    Returns
    -------
    Spread
        At least as wide as either.

    References
    ----------
    JCGM 100:2008 (GUM), 5.1.2, applied to the logarithms of a product.
    """
    return Spread(
        math.exp(-math.hypot(math.log(first.low), math.log(second.low))),
        math.exp(math.hypot(math.log(first.high), math.log(second.high))),
        min(first.n, second.n),
    )


def around(value: float, spread: Spread) -> Interval:
    """Return the interval of a prediction.

    Parameters
    ----------
    value : float
        The prediction; not negative.
    spread : Spread

    Returns
    -------
    Interval
        At `LEVEL`, on the basis of residuals.
    """
    return Interval(value * spread.low, value * spread.high, LEVEL, Basis.RESIDUALS, spread.n)
