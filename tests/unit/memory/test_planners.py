"""The greedy planner against hand-worked plans, and properties that every plan must have."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygauge.memory.lifetimes import ONLINE, Lifetime
from tinygauge.memory.planners import live_bytes, lower_bound, plan_greedy
from tinygauge.memory.structs import align_up

Row = tuple[int, int, int]  # first, last, size


def buffers(*rows: Row, offline: dict[int, int] | None = None) -> list[Lifetime]:
    fixed = offline or {}
    return [
        Lifetime(
            name=f"b{i}",
            size_bytes=size,
            first=first,
            last=last,
            offline_offset=fixed.get(i, ONLINE),
        )
        for i, (first, last, size) in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("rows", "offsets", "peak"),
    [
        pytest.param([], (), 0, id="nothing"),
        pytest.param([(0, 1, 5)], (0,), 16, id="rounded up to 16"),
        pytest.param([(0, 1, 32), (1, 2, 64), (2, 3, 32)], (64, 0, 64), 96, id="chain"),
        pytest.param([(0, 1, 32), (2, 3, 64)], (0, 0), 64, id="apart in time share"),
        pytest.param([(0, 0, 16), (0, 0, 16)], (16, 0), 32, id="the later of equals goes first"),
        pytest.param(
            # The 96 below and 64 above leave a gap of 48 once the 48 in between is over.
            [(0, 1, 96), (0, 0, 80), (0, 1, 64), (1, 1, 48)],
            (0, 96, 176, 96),
            240,
            id="fills the first gap that is wide enough",
        ),
        pytest.param([(0, 0, 0), (0, 0, 32)], (0, 0), 32, id="an empty buffer takes nothing"),
    ],
)
def test_places_buffers_as_worked_by_hand(
    rows: list[Row], offsets: tuple[int, ...], peak: int
) -> None:
    """Offsets and peak follow TFLM's rules: by falling size, first gap that fits."""
    plan = plan_greedy(buffers(*rows))

    assert (offsets, peak) == (plan.offsets_bytes, plan.peak_bytes)


def test_offline_offsets_are_kept_and_the_rest_planned_around_them() -> None:
    """A buffer with an offset in the model stays there, even where it overlaps."""
    plan = plan_greedy(buffers((0, 1, 32), (0, 1, 64), (0, 1, 16), offline={0: 64}))

    # 64 bytes fit below the fixed buffer, 16 above it.
    assert plan.offsets_bytes == (64, 0, 96)
    assert plan.peak_bytes == 112


def test_lower_bound_counts_unpadded_bytes_and_names_the_moment() -> None:
    """The bound is the largest sum of sizes alive together, without padding."""
    assert lower_bound(buffers((0, 1, 5), (1, 2, 7), (2, 3, 4))) == (12, 1)
    assert lower_bound([]) == (0, 0)


rows_strategy = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(0, 300)).map(
        lambda row: (row[0], row[0] + row[1], row[2])
    ),
    max_size=25,
)


@given(rows_strategy)
def test_live_buffers_never_overlap(rows: list[Row]) -> None:
    """Two buffers alive at the same moment share no byte."""
    lifetimes = buffers(*rows)
    offsets = plan_greedy(lifetimes).offsets_bytes

    for (a, at), (b, bt) in combinations(zip(lifetimes, offsets, strict=True), 2):
        apart_in_time = a.last < b.first or b.last < a.first
        apart_in_space = at + align_up(a.size_bytes) <= bt or bt + align_up(b.size_bytes) <= at
        assert apart_in_time or apart_in_space


@given(rows_strategy)
def test_peak_is_between_the_lower_bound_and_the_sum(rows: list[Row]) -> None:
    """No plan beats the bound, and none needs more than all buffers side by side."""
    lifetimes = buffers(*rows)
    peak = plan_greedy(lifetimes).peak_bytes

    assert lower_bound(lifetimes)[0] <= peak
    assert peak <= sum(align_up(lifetime.size_bytes) for lifetime in lifetimes)


@given(rows_strategy, st.integers(0, 18), st.integers(0, 300))
def test_one_more_buffer_never_lowers_the_bound(
    rows: list[Row], moment: int, size_bytes: int
) -> None:
    """Adding a buffer frees no memory."""
    before = buffers(*rows)
    after = buffers(*rows, (moment, moment, size_bytes))

    assert lower_bound(after)[0] >= lower_bound(before)[0]


def plan_one_by_one(rows: list[Row], fixed: dict[int, int]) -> list[int]:
    """TFLM's rules again, as plainly as they can be said: for each buffer, try every place."""
    sizes = [align_up(size) for _, _, size in rows]
    free = [i for i in range(len(rows)) if i not in fixed]
    free.sort(key=lambda i: (-sizes[i], -i))
    placed: list[tuple[int, int]] = []  # offset, buffer; sorted by offset, stably
    for i in [*sorted(fixed), *free]:
        first, last, _ = rows[i]
        offset = fixed.get(i, 0)
        for start, other in placed if i not in fixed else []:
            if rows[other][0] <= last and first <= rows[other][1]:
                if start - offset >= sizes[i]:
                    break
                offset = max(offset, start + sizes[other])
        placed.append((offset, i))
        placed.sort(key=lambda entry: entry[0])
    found = {i: offset for offset, i in placed}
    return [found[i] for i in range(len(rows))]


@given(rows_strategy, st.dictionaries(st.integers(0, 24), st.integers(0, 40).map(lambda n: n * 16)))
def test_fast_planner_is_the_plain_one(rows: list[Row], fixed: dict[int, int]) -> None:
    """Offsets are the same as those of the rules taken one by one, offline buffers included."""
    known = {i: offset for i, offset in fixed.items() if i < len(rows)}
    plan = plan_greedy(buffers(*rows, offline=known))

    assert list(plan.offsets_bytes) == plan_one_by_one(rows, known)


def test_live_bytes_at_each_moment() -> None:
    """Both ends of a lifetime count."""
    assert live_bytes(buffers((0, 1, 5), (1, 2, 7)), 4) == (5, 12, 7, 0)
