"""The energy of stretches of a power trace, total and above idle apart, with its interval.

>>> import numpy as np
>>> from tinygauge.bench.trace import Accuracy, Instrument
>>> meter = Instrument("bench meter", Accuracy(0.02, 0.0, "its data sheet"))
>>> trace = PowerTrace.uniform("demo", meter, 1000.0, np.full(2000, 0.03))
>>> str(window_energy(trace, Window(0.5, 1.5, 0.0, "by hand")).total)
'30.0 mJ (29.4 to 30.6 mJ) measured'
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from tinygauge import __version__
from tinygauge.bench.trace import Floats, Gap, PowerTrace, Window
from tinygauge.errors import MonitorOverloadError, SamplesLostError, TraceFormatError
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity
from tinygauge.units import Unit

__all__ = ["Lost", "WindowEnergy", "window_energy"]

# Makers state accuracy without a confidence; this project takes it for 95 %.
_LEVEL = 0.95


class Lost(StrEnum):
    """What to do with a window that has holes: refuse it, or widen its interval."""

    REFUSE = "refuse"
    WIDEN = "widen"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowEnergy:
    """The energy of a window.

    Parameters
    ----------
    window : Window
    total : Quantity
        Joules, idle power included.
    above_idle : Quantity or Missing
        Joules above what the board draws when it idles; Missing where no idle stretch was given.
    power : Quantity
        Mean over the window, watts.
    notes : tuple of str
        What was widened and why.
    """

    window: Window
    total: Quantity
    above_idle: Quantity | Missing
    power: Quantity
    notes: tuple[str, ...] = ()


def window_energy(
    trace: PowerTrace,
    window: Window,
    *,
    idle: Window | None = None,
    lost: Lost = Lost.REFUSE,
) -> WindowEnergy:
    """Integrate a window.

    Parameters
    ----------
    trace : PowerTrace
    window : Window
    idle : Window, optional
        A stretch in which the board idles, to tell the energy above it.
    lost : Lost
        What to do where samples are missing.

    Returns
    -------
    WindowEnergy
        The interval holds the instrument's accuracy, the uncertainty of both ends and, with
        `Lost.WIDEN`, the holes between no power and twice the most power seen in the window.

    Raises
    ------
    TraceFormatError
        If the window is empty or lies outside the trace.
    MonitorOverloadError
        If a sample in it, or in `idle`, is beyond the instrument's range.
    SamplesLostError
        If samples are missing, unless `lost` says to widen; always in `idle`.

    References
    ----------
    Sum of power times period ("Euler integration"), as the instruments' own programs compute it:
    forum.joulescope.com/t/268. Limits added linearly: JCGM 100:2008, 5.2 (correlated inputs).
    """
    spent, notes = _spent(trace, window, lost)
    provenance = _provenance(trace, window)
    error_j = _instrument_error(trace, window.duration_s, spent.value)
    total = _quantity(spent, error_j, Unit.JOULE, provenance)
    mean = spent.over(window.duration_s)
    error_w = error_j if isinstance(error_j, Missing) else error_j / window.duration_s
    return WindowEnergy(
        window=window,
        total=total,
        above_idle=_above_idle(trace, window, idle, spent),
        power=_quantity(mean, error_w, Unit.WATT, provenance),
        notes=notes,
    )


@dataclass(frozen=True, slots=True)
class _Spent:
    """A value, how far holes may take it down and up, and what its edges are worth."""

    value: float
    below: float
    beyond: float
    edges: float

    def over(self, duration_s: float) -> _Spent:
        """Return the mean power."""
        parts = (self.value, self.below, self.beyond, self.edges)
        return _Spent(*(part / duration_s for part in parts))


def _spent(trace: PowerTrace, window: Window, lost: Lost) -> tuple[_Spent, tuple[str, ...]]:
    measured_j, powers, holes = _sum(trace, window)
    edges_j = _edges(trace, window)
    hole_s = math.fsum(hole.end_s - hole.start_s for hole in holes)
    if not holes:
        return _Spent(measured_j, 0.0, 0.0, edges_j), ()
    missing = f"{hole_s * 1e3:.3g} ms of samples are missing ({holes[0].reason})"
    if lost is Lost.REFUSE or hole_s >= window.duration_s:
        raise SamplesLostError(
            f"{trace.name}, window {window.start_s:.3f} to {window.end_s:.3f} s",
            missing,
            "Measure again, or allow a wider interval for the holes",
        )
    mean_w = measured_j / (window.duration_s - hole_s)
    beyond = max(2 * float(powers.max()) - mean_w, 0.0) * hole_s
    note = (
        f"{missing}: counted with the mean power, the interval widened from no power to twice the "
        "most that was seen"
    )
    below = mean_w * hole_s
    return _Spent(measured_j + below, below, beyond, edges_j), (note,)


def _sum(trace: PowerTrace, window: Window) -> tuple[float, Floats, tuple[Gap, ...]]:
    """Return joules, the powers that were summed, and the holes cut to the window."""
    where = f"{trace.name}, window {window.start_s:.6g} to {window.end_s:.6g} s"
    if not window.end_s > window.start_s:
        raise TraceFormatError(where, "the window is empty")
    slack = 1e-9 + trace.period_s  # a mark may fall just beyond the last sample
    begins_s = min(float(trace.t_s[0]), *(gap.start_s for gap in trace.gaps), math.inf)
    ends_s = max(trace.end_s, *(gap.end_s for gap in trace.gaps), -math.inf)
    if window.start_s < begins_s - slack or window.end_s > ends_s + slack:
        span = f"{begins_s:.6g} to {ends_s:.6g} s"
        raise TraceFormatError(where, f"the trace covers only {span}", "Record for longer")
    first = max(int(np.searchsorted(trace.t_s, window.start_s, "right")) - 1, 0)
    last = int(np.searchsorted(trace.t_s, window.end_s, "left"))
    starts = np.maximum(trace.t_s[first:last], window.start_s)
    ends = np.minimum(trace.ends_s[first:last], window.end_s)
    shares = np.clip(ends - starts, 0.0, None)
    inside = shares > 0
    if (trace.overload[first:last] & inside).any():
        at = float(trace.t_s[first:last][trace.overload[first:last] & inside][0])
        raise MonitorOverloadError(
            where,
            f"the current went beyond the range of the {trace.instrument.name} at {at:.6g} s",
            "Use a larger range, a lower supply, or another instrument",
        )
    powers = trace.p_w[first:last]
    holes = tuple(
        Gap(max(gap.start_s, window.start_s), min(gap.end_s, window.end_s), gap.reason)
        for gap in trace.holes
        if gap.start_s < window.end_s and window.start_s < gap.end_s
    )
    if not inside.any():
        raise SamplesLostError(where, "no sample lies in the window", "Measure again")
    return float(np.dot(powers, shares)), powers[inside], holes


def _edges(trace: PowerTrace, window: Window) -> float:
    """Return how much energy the uncertainty of both ends is worth, joules."""
    worth = 0.0
    for at in (window.start_s, window.end_s):
        near = np.abs(trace.t_s - at) <= max(window.edge_s, trace.period_s)
        worth += window.edge_s * float(trace.p_w[near].max(initial=0.0))
    return worth


def _instrument_error(trace: PowerTrace, duration_s: float, value_j: float) -> float | Missing:
    accuracy = trace.instrument.accuracy
    if isinstance(accuracy, Missing):
        return accuracy
    offset_w = accuracy.offset_a * _supply(trace)
    return accuracy.gain * abs(value_j) + offset_w * duration_s


def _supply(trace: PowerTrace) -> float:
    if trace.v_v is not None:
        return float(np.max(trace.v_v))
    # The highest supply of the instruments here: an offset in ampere is then never underrated.
    return trace.supply_v if trace.supply_v is not None else 5.0


def _above_idle(
    trace: PowerTrace, window: Window, idle: Window | None, spent: _Spent
) -> Quantity | Missing:
    if idle is None:
        return Missing("no stretch was named in which the board idles")
    idle_j, powers, holes = _sum(trace, idle)
    if holes:
        raise SamplesLostError(
            f"{trace.name}, idle stretch {idle.start_s:.3f} to {idle.end_s:.3f} s",
            "samples are missing",
            "Choose another stretch",
        )
    idle_w = idle_j / idle.duration_s
    # Slow changes of the idle power are what matters: the spread of the means of ten pieces.
    pieces = [float(piece.mean()) for piece in np.array_split(powers, 10) if len(piece)]
    spread_j = max(abs(piece - idle_w) for piece in pieces) * window.duration_s
    above = replace(
        spent, value=spent.value - idle_w * window.duration_s, edges=spent.edges + spread_j
    )
    accuracy = trace.instrument.accuracy
    # The offset is in both readings and cancels; the gain is common to them.
    error = accuracy if isinstance(accuracy, Missing) else accuracy.gain * abs(above.value)
    provenance = _provenance(trace, window)
    source = (
        f"{provenance.source}; less {idle_w * 1e3:.4g} mW of idle power "
        f"({idle.start_s:.3f} to {idle.end_s:.3f} s)"
    )
    return _quantity(above, error, Unit.JOULE, replace(provenance, source=source))


def _quantity(
    spent: _Spent, error: float | Missing, unit: Unit, provenance: Provenance
) -> Quantity:
    if isinstance(error, Missing):
        return Quantity(spent.value, unit, Interval.unknown(), provenance)
    low = spent.value - spent.below - spent.edges - error
    high = spent.value + spent.beyond + spent.edges + error
    return Quantity(spent.value, unit, Interval(low, high, _LEVEL, Basis.INSTRUMENT), provenance)


def _provenance(trace: PowerTrace, window: Window) -> Provenance:
    accuracy = trace.instrument.accuracy
    stated = (
        f"accuracy not known: {accuracy.reason}"
        if isinstance(accuracy, Missing)
        else f"± {accuracy.gain:.3g} of the reading ± {accuracy.offset_a:.3g} A: {accuracy.source}"
    )
    source = f"{trace.instrument.name}, {trace.name}, window by {window.source}; {stated}"
    return Provenance(Method.MEASURED, source, f"tinygauge {__version__}", trace.evidence)
