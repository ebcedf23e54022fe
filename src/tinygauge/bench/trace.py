"""Power over time as an energy monitor saw it, and the energy of stretches of it.

A `PowerTrace` keeps what was measured and what was not: samples that were lost are holes between
samples, and samples beyond the instrument's range are marked. Neither is ever filled in. Windows
are cut by the marks of a GPIO where the instrument has one, and else by `detect_windows`, whose
uncertainty is carried into the energy.

>>> import numpy as np
>>> meter = Instrument("bench meter", Accuracy(0.02, 0.0, "its data sheet"))
>>> trace = PowerTrace.uniform("demo", meter, 1000.0, np.full(2000, 0.03))
>>> str(window_energy(trace, Window(0.5, 1.5, 0.0, "by hand")).total)
'30.0 mJ (29.4 to 30.6 mJ) measured'
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from tinygauge import __version__
from tinygauge.errors import MonitorOverloadError, SamplesLostError, TraceFormatError
from tinygauge.quantity import Basis, Evidence, Interval, Method, Missing, Provenance, Quantity
from tinygauge.units import Unit

__all__ = [
    "Accuracy",
    "Gap",
    "Instrument",
    "Lost",
    "PowerTrace",
    "Window",
    "WindowEnergy",
    "window_energy",
    "windows_between_marks",
]

Floats = NDArray[np.float64]

# Steps between samples that are longer than this many sample periods are holes.
_HOLE = 1.5
# Makers state accuracy without a confidence; this project takes it for 95 %.
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What a maker or a calibration states: plus or minus a share of the reading and an offset.

    Parameters
    ----------
    gain : float
        Ratio of the reading.
    offset_a : float
        Ampere; 0 where none is stated.
    source : str
        The data sheet or certificate.
    """

    gain: float
    offset_a: float
    source: str


@dataclass(frozen=True, slots=True)
class Instrument:
    """What measured a trace.

    Parameters
    ----------
    name : str
        Such as ``"X-NUCLEO-LPM01A"``.
    accuracy : Accuracy or Missing
        Missing where nobody stated it here: then no energy of it has a known interval.
    identity : str
        Serial number and firmware, as far as it tells them.
    """

    name: str
    accuracy: Accuracy | Missing
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in a trace: seconds from its start, and why it is there."""

    start_s: float
    end_s: float
    reason: str


class Lost(StrEnum):
    """What to do with a window that has holes: refuse it, or widen its interval."""

    REFUSE = "refuse"
    WIDEN = "widen"


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a trace.

    Parameters
    ----------
    start_s, end_s : float
        Seconds from the start of the trace.
    edge_s : float
        How far off each end may be, seconds.
    source : str
        What cut it: ``"gpio marks"``, ``"edge detection"``.
    """

    start_s: float
    end_s: float
    edge_s: float
    source: str

    @property
    def duration_s(self) -> float:
        """Seconds from start to end."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerTrace:
    """Samples of power, each the mean over its own period.

    Parameters
    ----------
    name : str
        The file or instrument it comes from, for messages.
    instrument : Instrument
    t_s : ndarray of float64, shape (n,)
        Start of each sample's period, seconds from the start of the trace, rising.
    period_s : float
        Length of a sample's period, seconds.
    p_w : ndarray of float64, shape (n,)
        Watt.
    i_a, v_v : ndarray of float64, shape (n,), or None
        Ampere and volt where the instrument tells them apart.
    marks_s : ndarray of float64, shape (m,)
        When the board pulled its timestamp pin, seconds; empty without such an input.
    overload : ndarray of bool, shape (n,)
        Samples beyond the instrument's range.
    gaps : tuple of Gap
        Where samples are missing.
    supply_v : float or None
        The supply that was set, volt; None where unknown.
    evidence : tuple of Evidence
        Files behind it.
    notes : tuple of str
        What a reader should know: assumptions, warnings of the instrument.
    """

    name: str
    instrument: Instrument
    t_s: Floats
    period_s: float
    p_w: Floats
    overload: NDArray[np.bool_]
    i_a: Floats | None = None
    v_v: Floats | None = None
    marks_s: Floats = field(default_factory=lambda: np.zeros(0))
    gaps: tuple[Gap, ...] = ()
    supply_v: float | None = None
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.t_s)
        for label in ("p_w", "overload", "i_a", "v_v"):
            column = getattr(self, label)
            if column is not None and len(column) != n:
                raise TraceFormatError(self.name, f"{label} has {len(column)} samples, t_s has {n}")
        if n == 0:
            raise TraceFormatError(self.name, "the trace holds no sample")
        if not self.period_s > 0:
            raise TraceFormatError(self.name, f"a sample period of {self.period_s} s is impossible")
        if not (np.isfinite(self.p_w).all() and np.isfinite(self.t_s).all()):
            raise TraceFormatError(self.name, "a time or a power is no finite number")
        if n > 1 and not (np.diff(self.t_s) > 0).all():
            raise TraceFormatError(self.name, "the times do not rise")

    @classmethod
    def uniform(
        cls,
        name: str,
        instrument: Instrument,
        rate_hz: float,
        p_w: Floats,
        *,
        start_s: float = 0.0,
    ) -> PowerTrace:
        """Return a trace of evenly spaced samples without holes.

        Parameters
        ----------
        name : str
        instrument : Instrument
        rate_hz : float
            Samples in a second.
        p_w : ndarray of float64, shape (n,)
            Watt.
        start_s : float
            When the first sample's period begins, seconds.

        Returns
        -------
        PowerTrace

        Raises
        ------
        TraceFormatError
            If there is no sample, the rate is not positive or a power is no finite number.
        """
        if not (math.isfinite(rate_hz) and rate_hz > 0):
            raise TraceFormatError(name, f"a sample rate of {rate_hz} Hz is impossible")
        return cls(
            name=name,
            instrument=instrument,
            t_s=start_s + np.arange(len(p_w)) / rate_hz,
            period_s=1 / rate_hz,
            p_w=np.asarray(p_w, dtype=np.float64),
            overload=np.zeros(len(p_w), dtype=np.bool_),
        )

    @property
    def end_s(self) -> float:
        """End of the last sample's period, seconds."""
        return float(self.t_s[-1]) + self.period_s

    @property
    def ends_s(self) -> Floats:
        """End of each sample: where the next begins, or a period on where none follows."""
        steps = np.append(np.diff(self.t_s), self.period_s)
        steps[steps > _HOLE * self.period_s] = self.period_s
        return self.t_s + steps

    @property
    def holes(self) -> tuple[Gap, ...]:
        """The gaps that were reported, and every other step that is too long for one sample."""
        steps = np.diff(self.t_s)
        found = list(self.gaps)
        for index in np.flatnonzero(steps > _HOLE * self.period_s):
            start, end = float(self.t_s[index]) + self.period_s, float(self.t_s[index + 1])
            if not any(gap.start_s < end and start < gap.end_s for gap in self.gaps):
                found.append(Gap(start, end, "no samples"))
        return tuple(sorted(found, key=lambda gap: gap.start_s))

    def with_marks(self, marks_s: Iterable[float]) -> PowerTrace:
        """Return the trace with these GPIO events, seconds."""
        return replace(self, marks_s=np.array(tuple(marks_s), dtype=np.float64))


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


def windows_between_marks(
    trace: PowerTrace, *, skip: int = 0, count: int | None = None
) -> tuple[Window, ...]:
    """Return the windows between pairs of GPIO marks.

    Parameters
    ----------
    trace : PowerTrace
    skip : int
        Marks before the first pair; the runners' ``timestamp`` command makes one.
    count : int, optional
        How many windows there must be.

    Returns
    -------
    tuple of Window
        Each end may be off by one sample period.

    Raises
    ------
    TraceFormatError
        If a mark has no partner, or the number of windows is another.
    """
    marks = [float(mark) for mark in trace.marks_s[skip:]]
    expected = f"{count} windows" if count is not None else "pairs of marks"
    if len(marks) % 2 or (count is not None and len(marks) != 2 * count):
        raise TraceFormatError(
            trace.name,
            f"expected {expected} behind the first {skip} marks, found {len(marks)} marks",
            "Check the timestamp wire: each inference run makes two falling edges",
        )
    return tuple(
        Window(start, end, trace.period_s, "gpio marks")
        for start, end in zip(marks[::2], marks[1::2], strict=True)
    )


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
    measured_j, parts, holes = _sum(trace, window)
    notes = []
    hole_s = math.fsum(part.end_s - part.start_s for part in holes)
    low_j = high_j = 0.0
    value = measured_j
    if holes:
        if lost is Lost.REFUSE or hole_s >= window.duration_s:
            raise SamplesLostError(
                f"{trace.name}, window {window.start_s:.3f} to {window.end_s:.3f} s",
                f"{hole_s * 1e3:.3g} ms of samples are missing ({holes[0].reason})",
                "Measure again, or allow a wider interval for the holes",
            )
        mean_w = measured_j / (window.duration_s - hole_s)
        value += mean_w * hole_s
        low_j, high_j = mean_w * hole_s, max(2 * float(parts.max()) - mean_w, 0.0) * hole_s
        notes.append(
            f"{hole_s * 1e3:.3g} ms of samples are missing ({holes[0].reason}): counted with the "
            "mean power, the interval widened from no power to twice the most that was seen"
        )
    edges_j = _edges(trace, window)
    error_j = _instrument_error(trace, window.duration_s, value)
    provenance = _provenance(trace, window)
    total = _quantity(value, Unit.JOULE, (low_j, high_j), edges_j, error_j, provenance)
    power = _quantity(
        value / window.duration_s,
        Unit.WATT,
        (low_j / window.duration_s, high_j / window.duration_s),
        edges_j / window.duration_s,
        error_j if isinstance(error_j, Missing) else error_j / window.duration_s,
        provenance,
    )
    return WindowEnergy(
        window=window,
        total=total,
        above_idle=_above_idle(trace, window, idle, value, (low_j, high_j), edges_j),
        power=power,
        notes=tuple(notes),
    )


def _sum(trace: PowerTrace, window: Window) -> tuple[float, Floats, tuple[Gap, ...]]:
    """Return joules, the powers that were summed, and the holes cut to the window."""
    where = f"{trace.name}, window {window.start_s:.6g} to {window.end_s:.6g} s"
    if not window.end_s > window.start_s:
        raise TraceFormatError(where, "the window is empty")
    slack = 1e-9 + trace.period_s  # a mark may fall just beyond the last sample
    if window.start_s < trace.t_s[0] - slack or window.end_s > trace.end_s + slack:
        span = f"{trace.t_s[0]:.6g} to {trace.end_s:.6g} s"
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
    trace: PowerTrace,
    window: Window,
    idle: Window | None,
    value_j: float,
    hole_j: tuple[float, float],
    edges_j: float,
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
    above = value_j - idle_w * window.duration_s
    # Slow changes of the idle power are what matters: the spread of the means of ten pieces.
    pieces = [float(piece.mean()) for piece in np.array_split(powers, 10) if len(piece)]
    spread_w = max(abs(piece - idle_w) for piece in pieces)
    accuracy = trace.instrument.accuracy
    # The offset is in both readings and cancels; the gain is common to them.
    error = accuracy if isinstance(accuracy, Missing) else accuracy.gain * abs(above)
    source = _provenance(trace, window)
    provenance = Provenance(
        source.method,
        f"{source.source}, less {idle_w * 1e3:.4g} mW of idle power "
        f"({idle.start_s:.3f} to {idle.end_s:.3f} s)",
        source.tool,
        source.evidence,
    )
    spread_j = edges_j + spread_w * window.duration_s
    return _quantity(above, Unit.JOULE, hole_j, spread_j, error, provenance)


def _quantity(
    value: float,
    unit: Unit,
    beyond: tuple[float, float],
    spread: float,
    error: float | Missing,
    provenance: Provenance,
) -> Quantity:
    if isinstance(error, Missing):
        return Quantity(value, unit, Interval.unknown(), provenance)
    low, high = value - beyond[0] - spread - error, value + beyond[1] + spread + error
    return Quantity(value, unit, Interval(low, high, _LEVEL, Basis.INSTRUMENT), provenance)


def _provenance(trace: PowerTrace, window: Window) -> Provenance:
    accuracy = trace.instrument.accuracy
    stated = (
        f"accuracy not known: {accuracy.reason}"
        if isinstance(accuracy, Missing)
        else f"± {accuracy.gain:.3g} of the reading ± {accuracy.offset_a:.3g} A: {accuracy.source}"
    )
    source = f"{trace.instrument.name}, {trace.name}, window by {window.source}; {stated}"
    return Provenance(Method.MEASURED, source, f"tinygauge {__version__}", trace.evidence)
