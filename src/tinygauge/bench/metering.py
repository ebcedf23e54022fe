"""Records the energy of a timed inference: a trace that begins before it and ends behind it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tinygauge.bench.clock import Clock
from tinygauge.bench.edges import detect_windows
from tinygauge.bench.energy import WindowEnergy, window_energy
from tinygauge.bench.exchange import InferReply
from tinygauge.bench.folder import file_sha256
from tinygauge.bench.monitor import Monitor
from tinygauge.bench.records import EnergyReading, FileRef
from tinygauge.bench.trace import PowerTrace, Window, windows_between_marks
from tinygauge.bench.trace_store import save_trace
from tinygauge.errors import BenchError, SamplesLostError, TraceFormatError
from tinygauge.quantity import Missing

__all__ = ["Meter", "as_reading", "read_energy"]

# Recorded before the command and behind the last line: the first is what idle power is from.
_BEFORE_S = 1.0
_BEHIND_S = 0.2
# Idle is taken from what lies between these distances before the window.
_IDLE_GUARD_S = 0.1
_IDLE_LEAST_S = 0.2
# An edge is sought that is at least this share of the inference's time apart from the next.
_LEAST_SHARE = 0.5
# A line may be late by this, so that the host's clock is.
_LATE_S = 0.02


class Meter:
    """Records one trace for each timed inference.

    Parameters
    ----------
    monitor : Monitor
    clock : Clock
    traces : Path
        Folder that the traces are kept in.
    """

    def __init__(self, monitor: Monitor, clock: Clock, traces: Path) -> None:
        self._monitor = monitor
        self._clock = clock
        self._traces = traces
        taken = [path.stem for path in traces.glob("trace-*.npz")] if traces.is_dir() else []
        self._number = max((int(stem.removeprefix("trace-")) for stem in taken), default=0)

    def record(self, action: Callable[[], InferReply]) -> tuple[InferReply, EnergyReading]:
        """Infer while the monitor records, and integrate the timed part.

        Parameters
        ----------
        action : callable
            Makes the board infer; the board marks the timed part on its pin.

        Returns
        -------
        tuple of InferReply and EnergyReading

        Raises
        ------
        SamplesLostError, MonitorOverloadError
            If the window can't be trusted: measure again.
        BenchError
            What the action or the monitor raises.
        """
        self._monitor.start()
        try:
            self._clock.sleep(_BEFORE_S)
            began_s = self._clock.now_s()
            reply = action()
            took_s = self._clock.now_s() - began_s
            self._clock.sleep(_BEHIND_S)
        except BaseException:
            # The board's trouble is what counts, not what the monitor says of its half trace.
            with contextlib.suppress(BenchError, TraceFormatError):
                self._monitor.stop()
            raise
        try:
            trace = self._monitor.stop()
            reference = self._keep(trace)
            energy = read_energy(trace, reply, took_s)
        except TraceFormatError as error:  # no samples, or a mark or edge is missing: no bad file
            raise SamplesLostError(error.where, error.problem, error.advice) from error
        return reply, replace(energy, trace=reference)

    def _keep(self, trace: PowerTrace) -> FileRef:
        self._number += 1
        path = self._traces / f"trace-{self._number:03}.npz"
        save_trace(path, trace)
        return FileRef(f"{self._traces.name}/{path.name}", file_sha256(path))


def read_energy(trace: PowerTrace, reply: InferReply, took_s: float) -> EnergyReading:
    """Integrate the only window of a trace.

    Between edges the untimed inferences may lie as well: then the window is as long as the timed
    part was by the host's clock, up to the falling edge.

    Parameters
    ----------
    trace : PowerTrace
    reply : InferReply
    took_s : float
        How long the board was busy, by the host's clock, seconds.

    Returns
    -------
    EnergyReading
        Its `trace` names no file yet.

    Raises
    ------
    TraceFormatError
        If the trace has not two marks, or without any mark not one step up and down.
    SamplesLostError, MonitorOverloadError
        If the window has holes or went beyond the range.
    """
    cut_by = "marks" if len(trace.marks_s) else "edges"
    if cut_by == "marks":
        (window,) = windows_between_marks(trace, count=1)
    else:
        (busy,) = detect_windows(trace, 1, least_duration_s=_LEAST_SHARE * took_s)
        window = busy
        if reply.warmups and busy.duration_s > reply.host_s + _LATE_S:
            start_s = busy.end_s - reply.host_s
            window = replace(busy, start_s=start_s, edge_s=max(busy.edge_s, _LATE_S))
    return as_reading(window_energy(trace, window, idle=_idle(trace, window)), cut_by)


def as_reading(energy: WindowEnergy, cut_by: str) -> EnergyReading:
    """Return the energy of a window as a run keeps it.

    Parameters
    ----------
    energy : WindowEnergy
    cut_by : str

    Returns
    -------
    EnergyReading
    """
    interval = energy.total.interval
    above = energy.above_idle
    return EnergyReading(
        energy_j=energy.total.value,
        above_idle_j=None if isinstance(above, Missing) else above.value,
        duration_s=energy.window.duration_s,
        cut_by=cut_by,
        uncertainty_j=interval.width / 2 if interval.is_known else float("nan"),
        trace=FileRef("", ""),
    )


def _idle(trace: PowerTrace, window: Window) -> Window | None:
    """Return the stretch before the window in which the board waits for its command."""
    start_s = float(trace.t_s[0])
    end_s = min(window.start_s - _IDLE_GUARD_S, start_s + _BEFORE_S - _IDLE_GUARD_S)
    if end_s - start_s < _IDLE_LEAST_S:
        return None
    idle = Window(start_s, end_s, trace.period_s, "before the command")
    holed = any(hole.start_s < end_s and start_s < hole.end_s for hole in trace.holes)
    return None if holed else idle
