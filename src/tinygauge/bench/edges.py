"""Find the windows of a trace whose instrument has no GPIO, by the step in power.

The power is smoothed, and a threshold is laid between its low and its high level (Otsu's method:
the split with the least variance on both sides). A window begins where the smoothed power rises
through it and ends where it falls. Each end may be off by the smoothing plus one sample period;
a window says so, and its energy carries it. What looks like a window but is shorter than the
least duration is no window. Where the two levels can't be told apart, nothing is guessed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinygauge.bench.trace import PowerTrace, Window
from tinygauge.errors import SamplesLostError, TraceFormatError

__all__ = ["detect_windows"]

# The levels must lie apart by this share of the low one, and by this many standard deviations of
# the noise on both, to be two levels at all.
_LEAST_STEP = 0.05
_LEAST_SIGMA = 3.0


def detect_windows(
    trace: PowerTrace,
    count: int,
    *,
    least_duration_s: float = 1.0,
    smoothing_s: float = 5e-3,
) -> tuple[Window, ...]:
    """Return the stretches in which the board draws more power.

    Parameters
    ----------
    trace : PowerTrace
        Without holes: an edge in a hole can't be placed.
    count : int
        How many there must be.
    least_duration_s : float
        Shorter ones are noise or the loading of inputs, seconds.
    smoothing_s : float
        Width of the moving mean, seconds.

    Returns
    -------
    tuple of Window
        `edge_s` is the smoothing plus one sample period.

    Raises
    ------
    SamplesLostError
        If the trace has holes.
    TraceFormatError
        If the power has no two levels, or the number of windows is another; the message says what
        was found.

    References
    ----------
    N. Otsu, A Threshold Selection Method from Gray-Level Histograms, IEEE Trans. SMC 9 (1979),
    eq. 14 to 17.
    """
    if trace.holes:
        raise SamplesLostError(
            trace.name,
            f"edges can't be found in a trace with {len(trace.holes)} holes",
            "Use an instrument with a GPIO, or record again",
        )
    width = max(round(smoothing_s / trace.period_s), 1)
    smooth = np.convolve(trace.p_w, np.ones(width) / width, mode="same")
    threshold = _threshold(smooth)
    low, high = smooth[smooth < threshold], smooth[smooth >= threshold]
    if not _apart(low, high):
        raise TraceFormatError(
            trace.name,
            f"the power has no two levels: it goes from {smooth.min() * 1e3:.4g} to "
            f"{smooth.max() * 1e3:.4g} mW without a step",
            "Wire the board's timestamp pin to the instrument, or let the board sleep between runs",
        )
    edge_s = width * trace.period_s + trace.period_s
    active = np.concatenate(([False], smooth >= threshold, [False])).astype(np.int8)
    steps = np.diff(active)
    times = np.append(trace.t_s, trace.end_s)
    pairs = zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    source = f"edge detection at {threshold * 1e3:.4g} mW"
    found = tuple(
        Window(float(times[start]), float(times[end]), edge_s, source)
        for start, end in pairs
        if times[end] - times[start] >= least_duration_s
    )
    if len(found) != count:
        spans = ", ".join(f"{w.start_s:.2f} to {w.end_s:.2f} s" for w in found[:8]) or "none"
        raise TraceFormatError(
            trace.name,
            f"expected {count} windows of {least_duration_s:g} s or more above "
            f"{threshold * 1e3:.4g} mW, found {len(found)}: {spans}",
            "Wire the board's timestamp pin to the instrument",
        )
    return found


def _threshold(power: NDArray[np.float64]) -> float:
    """Return the level that splits the histogram with the least variance on both sides."""
    counts, edges = np.histogram(power, bins=256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = below[-1] + counts[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = sums[:-1] / below - (sums[-1] - sums[:-1]) / above
        between = below * above * apart**2
    best = np.flatnonzero(between >= np.nanmax(between) * (1 - 1e-9))
    return float(edges[1:-1][best].mean())  # the middle, where many splits are equally good


def _apart(low: NDArray[np.float64], high: NDArray[np.float64]) -> bool:
    if not (len(low) and len(high)):
        return False
    step = float(high.mean() - low.mean())
    noise = float(low.std() + high.std())
    return step > _LEAST_STEP * abs(float(low.mean())) and step > _LEAST_SIGMA * noise
