"""Memory of results is used again, and never while anything still needs it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygauge.exact.buffers import empty

LARGE = 1 << 17


def address(array: np.ndarray) -> int:
    """Return where an array begins."""
    return int(array.ctypes.data)


def test_memory_is_used_again_once_the_array_is_gone() -> None:
    """The next array of the size lies where the last one did."""
    first = empty((LARGE,), np.int8)
    place = address(first)
    del first
    assert address(empty((LARGE // 2,), np.int16)) == place


def test_a_view_keeps_the_memory() -> None:
    """Of an array that is gone, but not a part of it, nothing is overwritten."""
    view = empty((4, LARGE), np.int8)[1:3].reshape(-1)
    view[:] = 7
    others = [empty((4, LARGE), np.int8) for _ in range(12)]
    for other in others:
        other[:] = 1
    assert (view == 7).all()


@given(st.lists(st.tuples(st.integers(1, 1 << 18), st.booleans()), max_size=30))
def test_arrays_that_live_never_share_memory(sizes: list[tuple[int, bool]]) -> None:
    """Whatever was kept and dropped before."""
    kept: list[np.ndarray] = []
    for size, is_kept in sizes:
        array = empty((size,), np.uint8)
        assert array.shape == (size,)
        assert not any(np.shares_memory(array, other) for other in kept)
        if is_kept:
            kept.append(array)


@pytest.mark.parametrize("size", [16, LARGE])
def test_threads_do_not_share_memory(size: int) -> None:
    """Each writes its own number and finds it."""

    def work(number: int) -> bool:
        array = empty((size,), np.int32)
        array[:] = number
        return bool((array == number).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(64)))
