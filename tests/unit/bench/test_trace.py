"""Energy of windows: what counts, what is refused, and how wide the interval is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygauge.bench.edges import detect_windows
from tinygauge.bench.energy import Lost, window_energy
from tinygauge.bench.trace import (
    Accuracy,
    Gap,
    Instrument,
    PowerTrace,
    Window,
    windows_between_marks,
)
from tinygauge.errors import MonitorOverloadError, SamplesLostError, TraceFormatError
from tinygauge.quantity import Missing, Quantity

METER = Instrument("meter", Accuracy(0.02, 0.0, "its data sheet"))
EXACT = Instrument("exact meter", Accuracy(0.0, 0.0, "by definition"))
NOBODY = Instrument("some meter", Missing("nobody said"))


def _flat(power_w: float = 0.05, n: int = 4000, meter: Instrument = METER) -> PowerTrace:
    return PowerTrace.uniform("flat", meter, 1000.0, np.full(n, power_w))


def _by_hand(start_s: float, end_s: float, edge_s: float = 0.0) -> Window:
    return Window(start_s, end_s, edge_s, "by hand")


def _with_hole(first: int = 1000, length: int = 100) -> PowerTrace:
    keep = np.r_[0:first, first + length : 4000]
    n = len(keep)
    return PowerTrace(
        name="holed",
        instrument=METER,
        t_s=keep / 1000.0,
        period_s=1e-3,
        p_w=np.full(n, 0.05),
        overload=np.zeros(n, dtype=np.bool_),
    )


@settings(max_examples=40, deadline=None)
@given(
    power=st.lists(st.floats(0, 1), min_size=3, max_size=40),
    cuts=st.lists(st.floats(0, 1), min_size=3, max_size=3, unique=True),
)
def test_energy_adds_up_over_windows(power: list[float], cuts: list[float]) -> None:
    """Two windows that meet hold together what the window over both holds, wherever they meet."""
    trace = PowerTrace.uniform("any", EXACT, 10.0, np.array(power))
    start, middle, end = sorted(cut * trace.end_s for cut in cuts)
    if end - middle < 1e-6 or middle - start < 1e-6:
        return

    parts = [window_energy(trace, _by_hand(*w)) for w in ((start, middle), (middle, end))]
    whole = window_energy(trace, _by_hand(start, end))

    assert sum(part.total.value for part in parts) == pytest.approx(whole.total.value, abs=1e-12)


def test_the_interval_holds_accuracy_and_edges() -> None:
    """2 % of the reading, and the power at each end times what the end may be off by."""
    energy = window_energy(_flat(), _by_hand(1.0, 3.0, edge_s=1e-3)).total

    assert energy.value == pytest.approx(0.1)
    assert energy.interval.high - energy.value == pytest.approx(0.1 * 0.02 + 2 * 1e-3 * 0.05)


def test_an_offset_counts_with_the_supply() -> None:
    """An offset in ampere is worth supply times duration."""
    meter = Instrument("arc", Accuracy(0.0, 50e-9, "its page"))
    trace = _flat(meter=meter)

    unknown_supply = window_energy(trace, _by_hand(0.0, 1.0)).total

    assert unknown_supply.interval.width == pytest.approx(2 * 50e-9 * 5.0)


def test_an_instrument_of_unknown_accuracy_gives_no_interval() -> None:
    """The value stands; how sure it is nobody can say."""
    energy = window_energy(_flat(meter=NOBODY), _by_hand(0.0, 1.0)).total

    assert energy.value == pytest.approx(0.05)
    assert not energy.interval.is_known
    assert "nobody said" in energy.provenance.source


def test_energy_above_idle_is_kept_apart() -> None:
    """The idle power times the duration is taken off, and only where an idle stretch is named."""
    power = np.r_[np.full(1000, 0.01), np.full(2000, 0.05)]
    trace = PowerTrace.uniform("steps", METER, 1000.0, power)
    window = _by_hand(1.0, 3.0)

    without = window_energy(trace, window)
    energy = window_energy(trace, window, idle=_by_hand(0.0, 1.0))

    assert isinstance(without.above_idle, Missing)
    assert isinstance(energy.above_idle, Quantity)
    assert energy.above_idle.value == pytest.approx(0.08)
    assert energy.total.value == pytest.approx(0.1)


def test_lost_samples_are_refused_or_widen_the_interval() -> None:
    """Never filled in silently: an error, or a wider interval that says why."""
    trace = _with_hole()
    window = _by_hand(0.5, 2.5)

    with pytest.raises(SamplesLostError, match="100 ms of samples are missing"):
        window_energy(trace, window)
    widened = window_energy(trace, window, lost=Lost.WIDEN)

    assert widened.total.interval.low <= 0.05 * 1.9 <= 0.1 <= widened.total.interval.high
    assert "100 ms" in widened.notes[0]
    # Beside the hole nothing is amiss.
    assert window_energy(trace, _by_hand(2.0, 3.0)).total.value == pytest.approx(0.05)


def test_a_window_of_nothing_but_a_hole_is_refused_even_when_widening() -> None:
    """There is nothing to widen from."""
    with pytest.raises(SamplesLostError):
        window_energy(_with_hole(), _by_hand(1.01, 1.05), lost=Lost.WIDEN)


def test_overload_in_a_window_is_an_error() -> None:
    """How much went beyond the range nobody knows, so no interval could hold it."""
    trace = _flat()
    trace.overload[1500] = True

    with pytest.raises(MonitorOverloadError, match=r"1\.5 s"):
        window_energy(trace, _by_hand(1.0, 2.0))
    assert window_energy(trace, _by_hand(2.0, 3.0)).total.value == pytest.approx(0.05)


@pytest.mark.parametrize("window", [(2.0, 2.0), (3.0, 2.0), (3.0, 5.0), (-1.0, 1.0)])
def test_a_window_outside_the_trace_is_refused(window: tuple[float, float]) -> None:
    """Empty, backwards, or beyond what was recorded."""
    with pytest.raises(TraceFormatError):
        window_energy(_flat(), _by_hand(*window))


def test_marks_make_windows_in_pairs() -> None:
    """The runner's own timestamp comes first; a mark without a partner is an error."""
    trace = _flat().with_marks([0.1, 1.0, 2.0, 2.5, 3.5])

    windows = windows_between_marks(trace, skip=1, count=2)

    assert [(w.start_s, w.end_s) for w in windows] == [(1.0, 2.0), (2.5, 3.5)]
    with pytest.raises(TraceFormatError, match=r"expected 3 windows .* found 4 marks"):
        windows_between_marks(trace, skip=1, count=3)
    with pytest.raises(TraceFormatError):
        windows_between_marks(trace)


def test_reported_gaps_are_holes_once() -> None:
    """A gap that the instrument reported is not counted again as a step in time."""
    trace = _with_hole()
    reported = PowerTrace(
        name="reported",
        instrument=METER,
        t_s=trace.t_s,
        period_s=1e-3,
        p_w=trace.p_w,
        overload=trace.overload,
        gaps=(Gap(1.0, 1.1, "buffer overrun"),),
    )

    assert [hole.reason for hole in reported.holes] == ["buffer overrun"]
    assert [hole.reason for hole in trace.holes] == ["no samples"]


@pytest.mark.parametrize(
    ("t_s", "p_w"),
    [([0.0, 0.0], [1.0, 1.0]), ([0.0, 1.0], [1.0, np.nan]), ([], []), ([0.0, 1.0], [1.0])],
)
def test_a_trace_that_is_none_is_refused(t_s: list[float], p_w: list[float]) -> None:
    """Times that stand still, powers that are no number, nothing at all, columns that differ."""
    with pytest.raises(TraceFormatError):
        PowerTrace(
            name="bad",
            instrument=METER,
            t_s=np.array(t_s),
            period_s=1.0,
            p_w=np.array(p_w),
            overload=np.zeros(len(t_s), dtype=np.bool_),
        )


def _steps(high_w: float, noise_w: float) -> PowerTrace:
    random = np.random.default_rng(7)
    shape = np.r_[np.zeros(1000), np.ones(3000), np.zeros(1000), np.ones(3000), np.zeros(1000)]
    power = 0.01 + (high_w - 0.01) * shape + random.normal(0, noise_w, len(shape))
    return PowerTrace.uniform("steps", EXACT, 1000.0, power)


def test_edges_are_found_within_their_stated_uncertainty() -> None:
    """Both windows, each end no further off than it says."""
    windows = detect_windows(_steps(0.05, 0.004), 2)

    for window, (start_s, end_s) in zip(windows, [(1.0, 4.0), (5.0, 8.0)], strict=True):
        assert abs(window.start_s - start_s) <= window.edge_s
        assert abs(window.end_s - end_s) <= window.edge_s
        assert window.edge_s == pytest.approx(6e-3)
        assert window.source.startswith("edge detection")


def test_the_energy_of_a_found_window_holds_the_truth() -> None:
    """The uncertainty of the edges is in the interval."""
    trace = _steps(0.05, 0.002)

    for window in detect_windows(trace, 2):
        energy = window_energy(trace, window).total
        assert energy.interval.low <= 0.15 <= energy.interval.high


def test_nothing_is_guessed_where_there_is_no_step() -> None:
    """A board that never idles has no edges; another number of windows is told with all found."""
    with pytest.raises(TraceFormatError, match="no two levels"):
        detect_windows(_steps(0.01, 0.002), 2)
    with pytest.raises(TraceFormatError, match=r"expected 5 windows .* found 2: 1\.00 to 4\.00 s"):
        detect_windows(_steps(0.05, 0.001), 5)
    with pytest.raises(SamplesLostError):
        detect_windows(_with_hole(), 1)
