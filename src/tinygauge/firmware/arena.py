"""Where the tensors of a firmware lie: one static array, shared by tensors of different times.

The largest is placed first, each at the lowest offset that is free while it lives. Unlike TFLM's
plan, this one keeps the input until the last op, so that a model can be run again and again on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ALIGNMENT_BYTES", "Room", "place"]

ALIGNMENT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a tensor or scratch buffer needs.

    Parameters
    ----------
    size_bytes : int
    first, last : int
        Steps between which it must keep its contents, both included.
    """

    size_bytes: int
    first: int
    last: int


def place(rooms: Sequence[Room]) -> tuple[list[int], int]:
    """Give every room an offset.

    Parameters
    ----------
    rooms : sequence of Room

    Returns
    -------
    offsets_bytes : list of int
        Multiples of `ALIGNMENT_BYTES`, in the order of `rooms`.
    size_bytes : int
        Of the whole.
    """
    offsets = [0] * len(rooms)
    placed: list[int] = []
    for index in sorted(range(len(rooms)), key=lambda i: (-rooms[i].size_bytes, i)):
        room = rooms[index]
        offset = 0
        for other in sorted(placed, key=lambda i: offsets[i]):
            lives_with = rooms[other].first <= room.last and room.first <= rooms[other].last
            if lives_with and offsets[other] < offset + room.size_bytes:
                offset = max(offset, _aligned(offsets[other] + rooms[other].size_bytes))
        offsets[index] = offset
        placed.append(index)
    ends = (offset + room.size_bytes for offset, room in zip(offsets, rooms, strict=True))
    return offsets, _aligned(max(ends, default=0))


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
