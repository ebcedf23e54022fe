"""Tensors that live at the same time never share a byte of the arena."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tinygauge.firmware.arena import ALIGNMENT_BYTES, Room, place


@st.composite
def _rooms(draw: st.DrawFn) -> list[Room]:
    spans = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 9), st.integers(0, 9)))
    return [Room(size_bytes=size, first=min(a, b), last=max(a, b)) for size, a, b in draw(spans)]


@given(_rooms())
def test_what_lives_together_lies_apart(rooms: list[Room]) -> None:
    """Offsets are aligned and inside the whole, which is no more than all of them in a row."""
    offsets, size_bytes = place(rooms)

    for index, (room, offset) in enumerate(zip(rooms, offsets, strict=True)):
        assert offset % ALIGNMENT_BYTES == 0
        assert offset + room.size_bytes <= size_bytes
        for other, other_offset in zip(rooms[:index], offsets[:index], strict=True):
            if other.first <= room.last and room.first <= other.last:
                apart = (
                    offset + room.size_bytes <= other_offset
                    or other_offset + other.size_bytes <= offset
                )
                assert apart or 0 in (room.size_bytes, other.size_bytes)
    in_a_row = sum(-(-room.size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES for room in rooms)
    assert size_bytes <= in_a_row


def test_room_is_used_again() -> None:
    """Three tensors in a chain take the room of the two largest neighbours."""
    chain = [
        Room(size_bytes=64, first=0, last=1),
        Room(size_bytes=32, first=1, last=2),
        Room(size_bytes=64, first=2, last=3),
    ]

    assert place(chain) == ([0, 64, 0], 96)
