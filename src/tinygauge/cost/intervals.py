"""Intervals from errors on what was left out: the less is known of a target, the wider.

A prediction is a transfer from what was timed to what was not, and its interval is the range
of measured over predicted in transfers of the same kind (`Transfer`): each from a fit that had
not seen the group in question. The errors of the ops of one model move together, so nothing is
averaged over ops.

>>> around(2.0, Spread(0.9, 1.2, 12)).high
2.4
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tinygauge.quantity import Basis, Interval

__all__ = ["LEVEL", "Spread", "Transfer", "around", "combined", "family_spread", "spread_of"]

LEVEL = 0.9
"""Confidence that the held-out quantiles were taken for."""


class Transfer(StrEnum):
    """What is new about a target, from the least to the most."""

    PAIR = "pair"
    """Board and engine were timed; the model is new."""
    BOARD = "board"
    """The engine was timed on another board of this core."""
    CORE = "core"
    """The engine's instructions were counted on this core; it was timed on other cores."""


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


def spread_of(residuals: Mapping[str, Mapping[str, float]], kind: Transfer, pair: str) -> Spread:
    """Look up the spread of a kind of transfer.

    Parameters
    ----------
    residuals : mapping
        Of the time table.
    kind : Transfer
    pair : str
        ``"board+engine@build"``; pairs timed with many models have a spread of their own.

    Returns
    -------
    Spread
    """
    found = residuals.get(f"pair/{pair}") if kind is Transfer.PAIR else None
    return _spread(found or residuals[kind.value])


def family_spread(residuals: Mapping[str, Mapping[str, float]]) -> Spread:
    """Look up the spread for models unlike those timed.

    Parameters
    ----------
    residuals : mapping
        Of the time table.

    Returns
    -------
    Spread
    """
    return _spread(residuals["family"])


def _spread(entry: Mapping[str, float]) -> Spread:
    return Spread(float(entry["low"]), float(entry["high"]), int(entry["groups"]))


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
