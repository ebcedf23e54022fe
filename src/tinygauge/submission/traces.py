"""A run's energy traces in the formats of both runners: the energy of each millisecond.

A trace with holes, or without the two marks of its window, is left out: neither format can say
that something is missing.

References
----------
mlcommons/tiny_results_v0.7, ``trace1-energy.bin`` and ``trace1-timestamps.json`` (EEMBC's runner);
mlcommons/tiny_results_v1.3, ``results.json``, key ``power`` (MLCommons' runner).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinygauge.bench.records import Run, WindowResult
from tinygauge.bench.trace import Floats, PowerTrace
from tinygauge.bench.trace_store import load_trace

__all__ = ["Milliseconds", "eembc_trace_files", "window_milliseconds"]

_RATE_HZ = 1000.0
_VERSION = b"\xf1"


@dataclass(frozen=True, slots=True, eq=False)
class Milliseconds:
    """A window's trace at 1 kHz.

    Parameters
    ----------
    energy_j : ndarray of float64, shape (n,)
        Joules of each millisecond.
    start, end : int
        How many milliseconds had passed at the two marks.
    """

    energy_j: Floats
    start: int
    end: int


def window_milliseconds(run: Run, window: WindowResult) -> Milliseconds | None:
    """Return the trace of a window; None where no whole one is there.

    Parameters
    ----------
    run : Run
    window : WindowResult

    Returns
    -------
    Milliseconds or None

    Raises
    ------
    RunFormatError
        If the trace can't be read.
    """
    if window.energy is None or not window.energy.trace.name.endswith(".npz"):
        return None
    path = Path(run.folder) / window.energy.trace.name
    if not path.is_file():
        return None
    trace = load_trace(path)
    if trace.holes or len(trace.marks_s) != 2:
        return None
    return _resampled(trace)


def _resampled(trace: PowerTrace) -> Milliseconds:
    """Share the energy of each sample among the milliseconds that it lies in."""
    edges_s = np.append(trace.t_s, trace.end_s)
    spent_j = np.concatenate(([0.0], np.cumsum(trace.p_w * np.diff(edges_s))))
    begin_s = float(edges_s[0])
    count = int((edges_s[-1] - begin_s) * _RATE_HZ + 1e-6)
    grid_s = begin_s + np.arange(count + 1) / _RATE_HZ
    start, end = (round((float(mark) - begin_s) * _RATE_HZ) for mark in trace.marks_s)
    return Milliseconds(np.diff(np.interp(grid_s, edges_s, spent_j)), start, end)


def eembc_trace_files(run: Run) -> dict[str, bytes]:
    """Return the trace of all windows, one behind the other, as EEMBC's runner writes it.

    Parameters
    ----------
    run : Run
        Of an energy run.

    Returns
    -------
    dict of bytes
        Content by file name; empty where a window has no whole trace.

    Raises
    ------
    RunFormatError
        If a trace can't be read.
    """
    found = [window_milliseconds(run, window) for window in run.windows]
    whole = [each for each in found if each is not None]
    if not whole or len(whole) != len(found):
        return {}
    # The first sample ends where time begins; the first mark is that of the command `timestamp`.
    samples_uj, marks_s, passed = [whole[0].energy_j[:1]], [0.0], 0
    for each in whole:
        samples_uj.append(each.energy_j)
        marks_s += [(passed + each.start) / _RATE_HZ, (passed + each.end) / _RATE_HZ]
        passed += len(each.energy_j)
    content = np.concatenate(samples_uj) * 1e6
    return {
        "trace1-energy.bin": _VERSION
        + struct.pack("<f", _RATE_HZ)
        + content.astype("<f4").tobytes(),
        "trace1-timestamps.json": json.dumps(marks_s).encode() + b"\n",
    }
