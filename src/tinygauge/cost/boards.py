"""How far two boards of one core differ, where nothing else is new.

It stands for what is unknown of a board at another clock, or of a firmware that is no engine.
"""

from __future__ import annotations

import math

from tinygauge.cost.intervals import Spread, Transfer, reach, spread_of
from tinygauge.cost.times import time_table

__all__ = ["board_spread"]


def board_spread() -> Spread:
    """Return the range of cycles on one board over those on another of its core.

    Returns
    -------
    Spread
        From the spreads of the prior that belong to boards, as far as held-out boards were missed.
    """
    table = time_table()
    prior = table.prior
    parts = [prior.spread[name] for name in ("board", "board/", "pair", "pair/")]
    parts.append(prior.shared("board", counted=False))
    factor, groups = reach(table.intervals, Transfer.BOARD, counted=False)
    return spread_of(math.hypot(*parts), factor, groups)
