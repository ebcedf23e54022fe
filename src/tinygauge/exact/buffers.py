"""Arrays for results, in memory that earlier results have left.

Fresh memory costs a page fault for every 4 KiB, which is more than most ops take.
"""

from __future__ import annotations

import math
import sys
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.exact.steps import Array

__all__ = ["empty"]

# Below, fresh memory is as good; beyond, an op takes long, and blocks would take much.
_SMALLEST_BYTES = 1 << 16
_LARGEST_BYTES = 4 << 20
_MOST_BLOCKS = 8

Bytes = npt.NDArray[np.uint8]


def _references(blocks: list[Bytes], place: int) -> int:
    return sys.getrefcount(blocks[place])


# What it is while no array lies in a block; interpreters differ in what they count.
_FREE = _references([np.empty(0, np.uint8)], 0)


class _Blocks(threading.local):
    """The blocks of a thread, that used last at the end."""

    def __init__(self) -> None:
        self.all: list[Bytes] = []


_blocks = _Blocks()


def _block(size: int) -> Bytes:
    """Return a block that nothing lies in, of `size` bytes at least: caches have the latest."""
    blocks = _blocks.all
    for place in reversed(range(len(blocks))):
        if _references(blocks, place) == _FREE and blocks[place].size >= size:
            return blocks.pop(place)
    return np.empty(1 << (size - 1).bit_length(), np.uint8)


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array of no particular values, like ``numpy.empty``.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype

    Returns
    -------
    ndarray
        Its memory is taken for another array once it and all its views are gone.
    """
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if not _SMALLEST_BYTES <= size <= _LARGEST_BYTES:
        return np.empty(shape, kind)
    block = _block(size)
    _blocks.all.append(block)
    del _blocks.all[:-_MOST_BLOCKS]
    return np.ndarray(shape, kind, block)
