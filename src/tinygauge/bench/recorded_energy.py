"""Give the windows of a run their energy from a trace that was recorded beside it."""

from __future__ import annotations

from dataclasses import replace

from tinygauge.bench.edges import detect_windows
from tinygauge.bench.energy import window_energy
from tinygauge.bench.metering import as_reading
from tinygauge.bench.records import FileRef, Mode, Run
from tinygauge.bench.rules import check_rules
from tinygauge.bench.trace import PowerTrace, windows_between_marks
from tinygauge.errors import TraceFormatError

__all__ = ["with_recorded_energy"]

# A window by the trace and by the board's clock may differ by an edge each and the oscillators.
_SHARE = 0.02
_LATE_S = 0.05


def with_recorded_energy(run: Run, trace: PowerTrace) -> Run:
    """Return a run with the energy of each window.

    Parameters
    ----------
    run : Run
        With windows.
    trace : PowerTrace
        Of the whole run; with marks, or two levels of power. One mark before the first window
        (that of the runners' ``timestamp`` command) is left out.

    Returns
    -------
    Run
        Of mode energy.

    Raises
    ------
    TraceFormatError
        If the trace has not as many windows as the run, or one of another length.
    SamplesLostError, MonitorOverloadError
        If a window has holes or is beyond the instrument's range.
    """
    count = len(run.windows)
    if not count:
        raise TraceFormatError(trace.name, "the run has no window that it could be of")
    cut_by = "marks" if len(trace.marks_s) else "edges"
    if cut_by == "marks":
        found = windows_between_marks(trace, skip=len(trace.marks_s) % 2, count=count)
    else:
        least_s = min(window.elapsed_s for window in run.windows) / 2
        found = detect_windows(trace, count, least_duration_s=least_s)
    windows = []
    for window, stretch in zip(run.windows, found, strict=True):
        timed = window.start_us is not None
        if timed and cut_by == "marks":
            off_s = abs(stretch.duration_s - window.elapsed_s)
            if off_s > _LATE_S + _SHARE * window.elapsed_s:
                problem = (
                    f"its window {window.index + 1} lasts {stretch.duration_s:.3f} s, the run's "
                    f"{window.elapsed_s:.3f} s"
                )
                raise TraceFormatError(trace.name, problem, "Give the trace of this run")
        energy = as_reading(window_energy(trace, stretch), cut_by)
        digest = trace.evidence[0].sha256 if trace.evidence else ""
        energy = replace(energy, trace=FileRef(trace.name, digest))
        elapsed_s = window.elapsed_s if timed else energy.duration_s
        windows.append(replace(window, energy=energy, elapsed_s=elapsed_s))
    supply_v = trace.supply_v if trace.supply_v is not None else run.supply_v
    run = replace(run, mode=Mode.ENERGY, windows=tuple(windows), supply_v=supply_v)
    return replace(run, rules=check_rules(run))
