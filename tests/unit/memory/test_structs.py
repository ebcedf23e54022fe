"""Structure sizes against the rules of the ABI and measured objects."""

from __future__ import annotations

import pytest

from tinygauge.memory.structs import (
    EVAL_TENSOR,
    NODE_AND_REGISTRATION,
    TENSOR,
    Layout,
    align_up,
    int_array_bytes,
    layout,
    resolver_bytes,
)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (("b",), Layout(1, 1)),
        (("3b",), Layout(3, 1)),
        (("bi",), Layout(8, 4)),
        (("ib",), Layout(8, 4)),
        (("hb",), Layout(4, 2)),
        (("iq",), Layout(16, 8)),
        ((layout("ib"), "b"), Layout(12, 4)),
        (("b", layout("q")), Layout(16, 8)),
    ],
)
def test_members_are_aligned_and_the_whole_padded(
    members: tuple[str | Layout, ...], expected: Layout
) -> None:
    """Each member at its alignment, the size a multiple of the largest one."""
    assert layout(*members) == expected


def test_sizes_of_the_interpreters_structures() -> None:
    """The emulation study's recorded allocations: 12, 64/2 and 32 bytes each."""
    assert (EVAL_TENSOR.size, TENSOR.size, NODE_AND_REGISTRATION.size) == (12, 32, 32)


def test_resolver_of_sixteen_ops_is_as_measured() -> None:
    """sizeof(MicroMutableOpResolver<16>) is 588 bytes on every measured core."""
    assert resolver_bytes(16) == 588


def test_small_sizes() -> None:
    """An array holds its length; alignment rounds up and keeps multiples."""
    assert int_array_bytes(3) == 16
    assert [align_up(n) for n in (0, 1, 16, 17)] == [0, 16, 16, 32]
