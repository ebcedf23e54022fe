"""Structure sizes against the rules of the ABI and measured objects."""

from __future__ import annotations

import pytest

from tinygauge.memory.structs import (
    EVAL_TENSOR,
    HOST,
    NODE_AND_REGISTRATION,
    RX,
    TENSOR,
    Layout,
    Size,
    align_up,
    int_array_bytes,
    layout,
    resolver_bytes,
)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (("b",), Size(1, 1)),
        (("3b",), Size(3, 1)),
        (("bi",), Size(8, 4)),
        (("ib",), Size(8, 4)),
        (("hb",), Size(4, 2)),
        (("iq",), Size(16, 8)),
        ((layout("ib"), "b"), Size(12, 4)),
        (("b", layout("q")), Size(16, 8)),
    ],
)
def test_members_are_aligned_and_the_whole_padded(
    members: tuple[str | Layout, ...], expected: Size
) -> None:
    """Each member at its alignment, the size a multiple of the largest one."""
    assert layout(*members).on() == expected


def test_sizes_of_the_interpreters_structures() -> None:
    """The emulation study's recorded allocations: 12, 64/2 and 32 bytes each."""
    sizes = [structure.on().size for structure in (EVAL_TENSOR, TENSOR, NODE_AND_REGISTRATION)]

    assert sizes == [12, 32, 32]


def test_other_compilers_lay_out_otherwise() -> None:
    """Pointers, enums and doubles differ; some members are there only in some builds."""
    mixed = layout("ped", "c", "w")

    assert mixed.on() == Size(16, 8)
    assert mixed.on(RX) == Size(12, 4)
    assert mixed.on(HOST) == Size(40, 8)
    assert [structure.on(HOST).size for structure in (EVAL_TENSOR, TENSOR)] == [24, 64]


def test_resolver_of_sixteen_ops_is_as_measured() -> None:
    """sizeof(MicroMutableOpResolver<16>) is 588 bytes on every measured core."""
    assert resolver_bytes(16) == 588


def test_small_sizes() -> None:
    """An array holds its length; alignment rounds up and keeps multiples."""
    assert int_array_bytes(3) == 16
    assert [align_up(n) for n in (0, 1, 16, 17)] == [0, 16, 16, 32]
