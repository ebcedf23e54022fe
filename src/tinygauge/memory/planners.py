"""Where buffers lie in the arena: TFLM's greedy planner, and the bound that no planner beats.

The greedy planner places the largest buffer first, each at the lowest offset where it fits
between buffers that live at the same time. That is not optimal; `lower_bound` says how far from
the best it can be.

>>> from tinygauge.memory.lifetimes import Lifetime
>>> a = Lifetime(name="a", size_bytes=100, first=0, last=1)
>>> b = Lifetime(name="b", size_bytes=40, first=1, last=2)
>>> plan_greedy([a, b])
Plan(offsets_bytes=(0, 112), peak_bytes=160)
>>> lower_bound([a, b])
(140, 1)

References
----------
.. [1] tensorflow/tflite-micro,
   tensorflow/lite/micro/memory_planner/greedy_memory_planner.cc @ 17bebc09:
   GreedyMemoryPlanner::CalculateOffsetsIfNeeded, GetMaximumMemorySize.
.. [2] tensorflow/tflite-micro, tensorflow/lite/micro/micro_allocator.cc @ 190593be: CreatePlan
   (sizes rounded up to 16 bytes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinygauge.memory.lifetimes import ONLINE, Lifetime
from tinygauge.memory.structs import align_up

__all__ = ["Plan", "live_bytes", "lower_bound", "plan_greedy", "plan_in_order"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Offsets from the start of the arena, one per buffer, and the bytes that they span."""

    offsets_bytes: tuple[int, ...]
    peak_bytes: int


def plan_greedy(lifetimes: Sequence[Lifetime]) -> Plan:
    """Place buffers as TFLM's default planner does.

    Parameters
    ----------
    lifetimes : sequence of Lifetime
        In the order in which TFLM lists them: it decides between equal sizes.

    Returns
    -------
    Plan
        Offsets in the order given.

    References
    ----------
    [1] and [2] of this module. Buffers placed offline come first, in order; then the others by
    falling size. Those are collected from the back of the list and sorted stably, so the later
    of two equal ones is placed first.
    """
    sizes = [align_up(lifetime.size_bytes) for lifetime in lifetimes]
    offline = [i for i, buffer in enumerate(lifetimes) if buffer.offline_offset != ONLINE]
    online = [i for i, buffer in enumerate(lifetimes) if buffer.offline_offset == ONLINE]
    return plan_in_order(lifetimes, offline + sorted(online, key=lambda i: (-sizes[i], -i)))


def plan_in_order(lifetimes: Sequence[Lifetime], order: Sequence[int]) -> Plan:
    """Place buffers one by one, each at the lowest offset that fits.

    Parameters
    ----------
    lifetimes : sequence of Lifetime
    order : sequence of int
        Every place in `lifetimes`, once.

    Returns
    -------
    Plan
        Offsets in the order of `lifetimes`.

    References
    ----------
    [1] and [2] of this module.
    """
    sizes = [align_up(lifetime.size_bytes) for lifetime in lifetimes]
    offsets = [0] * len(lifetimes)
    placed = _Placed(len(lifetimes))
    for index in order:
        buffer, size = lifetimes[index], sizes[index]
        offset = buffer.offline_offset
        if offset == ONLINE:
            offset = placed.first_gap(buffer.first, buffer.last, size)
        offsets[index] = offset
        placed.insert(offset, size, buffer.first, buffer.last)
    peak = max((offset + size for offset, size in zip(offsets, sizes, strict=True)), default=0)
    return Plan(tuple(offsets), peak)


class _Placed:
    """The buffers placed so far, by offset, as columns: long models have thousands."""

    def __init__(self, capacity: int) -> None:
        self.columns = np.zeros((4, capacity), dtype=np.int64)
        self.count = 0

    def insert(self, offset: int, size: int, first: int, last: int) -> None:
        """Add a buffer behind all that start at or before its offset."""
        columns, count = self.columns, self.count
        place = int(np.searchsorted(columns[0, :count], offset, side="right"))
        columns[:, place + 1 : count + 1] = columns[:, place:count]
        columns[:, place] = offset, offset + size, first, last
        self.count += 1

    def first_gap(self, first: int, last: int, size: int) -> int:
        """Lowest offset at which a buffer fits below or above its contemporaries."""
        starts, ends, firsts, lasts = self.columns[:, : self.count]
        together = np.flatnonzero((firsts <= last) & (lasts >= first))
        if not together.size or starts[together[0]] >= size:
            return 0
        below = np.maximum.accumulate(ends[together])
        fits = starts[together[1:]] - below[:-1] >= size
        gap = int(fits.argmax()) if fits.any() else -1
        return int(below[gap])


def live_bytes(lifetimes: Sequence[Lifetime], moments: int) -> tuple[int, ...]:
    """Return the unpadded bytes that live at each moment.

    Parameters
    ----------
    lifetimes : sequence of Lifetime
    moments : int
        How many there are.

    Returns
    -------
    tuple of int, shape (moments,)
    """
    change = np.zeros(moments + 1, dtype=np.int64)
    for buffer in lifetimes:
        change[max(0, buffer.first)] += buffer.size_bytes
        change[buffer.last + 1] -= buffer.size_bytes
    return tuple(np.cumsum(change)[:moments].tolist())


def lower_bound(lifetimes: Sequence[Lifetime]) -> tuple[int, int]:
    """Return the most bytes that ever live at once, unpadded, and the first such moment.

    Parameters
    ----------
    lifetimes : sequence of Lifetime

    Returns
    -------
    size_bytes : int
        No plan that keeps every buffer whole can need less.
    moment : int
        The first moment at which so much is live; 0 where there is nothing.
    """
    live = live_bytes(lifetimes, 1 + max((buffer.last for buffer in lifetimes), default=0))
    peak = max(live)
    return peak, live.index(peak)
