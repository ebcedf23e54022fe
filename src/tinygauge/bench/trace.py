"""Power over time as an energy monitor saw it.

A `PowerTrace` keeps what was measured and what was not: samples that were lost are holes between
samples, and samples beyond the instrument's range are marked. Neither is ever filled in. Windows
are cut by the marks of a GPIO where the instrument has one, and else by `edges.detect_windows`;
`energy.window_energy` integrates them.

>>> import numpy as np
>>> meter = Instrument("bench meter", Accuracy(0.02, 0.0, "its data sheet"))
>>> trace = PowerTrace.uniform("demo", meter, 1000.0, np.full(2000, 0.03))
>>> windows_between_marks(trace.with_marks([0.5, 1.5]))
(Window(start_s=0.5, end_s=1.5, edge_s=0.001, source='gpio marks'),)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tinygauge.errors import TraceFormatError
from tinygauge.quantity import Evidence, Missing

__all__ = [
    "Accuracy",
    "Floats",
    "Gap",
    "Instrument",
    "PowerTrace",
    "Window",
    "windows_between_marks",
]

Floats = NDArray[np.float64]

# Steps between samples that are longer than this many sample periods are holes.
_HOLE = 1.5


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
        return np.asarray(self.t_s + steps, dtype=np.float64)

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
