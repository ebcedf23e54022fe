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

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

from tinygauge.memory.lifetimes import ONLINE, Lifetime
from tinygauge.memory.structs import align_up

__all__ = ["Plan", "lower_bound", "plan_greedy"]


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
    spans = [(lifetime.first, lifetime.last) for lifetime in lifetimes]
    offline = [i for i, buffer in enumerate(lifetimes) if buffer.offline_offset != ONLINE]
    online = [i for i, buffer in enumerate(lifetimes) if buffer.offline_offset == ONLINE]
    order = offline + sorted(online, key=lambda i: (-sizes[i], -i))
    offsets = [0] * len(lifetimes)
    # By offset, then by order of placing; each entry is (offset, turn, buffer).
    placed: list[tuple[int, int, int]] = []
    for turn, buffer in enumerate(order):
        offset = lifetimes[buffer].offline_offset
        if offset == ONLINE:
            offset = _first_gap(spans, sizes, placed, buffer)
        offsets[buffer] = offset
        insort(placed, (offset, turn, buffer))
    peak = max((offset + size for offset, size in zip(offsets, sizes, strict=True)), default=0)
    return Plan(tuple(offsets), peak)


def _first_gap(
    spans: Sequence[tuple[int, int]],
    sizes: Sequence[int],
    placed: Sequence[tuple[int, int, int]],
    wanted: int,
) -> int:
    """Lowest offset at which a buffer fits below or above its contemporaries."""
    (first, last), size = spans[wanted], sizes[wanted]
    candidate = 0
    for offset, _, other in placed:
        other_first, other_last = spans[other]
        if other_first > last or first > other_last:
            continue
        if offset - candidate >= size:
            break
        candidate = max(candidate, offset + sizes[other])
    return candidate


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
    change: dict[int, int] = {}
    for buffer in lifetimes:
        change[buffer.first] = change.get(buffer.first, 0) + buffer.size_bytes
        change[buffer.last + 1] = change.get(buffer.last + 1, 0) - buffer.size_bytes
    live = peak = peak_at = 0
    for moment in sorted(change):
        live += change[moment]
        if live > peak:
            peak, peak_at = live, max(0, moment)
    return peak, peak_at
