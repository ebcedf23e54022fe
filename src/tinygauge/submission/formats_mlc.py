"""A run in the formats of MLCommons' runner: ``log.txt``, ``results.txt`` and ``results.json``.

The log is written from the run's records and says so in its first lines.

References
----------
mlcommons/tiny_results_v1.3 (formats as published); mlcommons/tiny @ 1afd2c9,
benchmark/runner/main.py.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
from typing import Any

from tinygauge.bench.records import Mode, Run, WindowResult
from tinygauge.submission.formats import AD_BYTES, AD_STRIDE, DASHES, MET, numbered_inputs
from tinygauge.submission.rounds import TARGETS, RunnerKind
from tinygauge.submission.traces import window_milliseconds

__all__ = ["mlc_files"]


def mlc_files(run: Run, score: float | None) -> dict[str, str]:
    """Return the files of a run's folder.

    Parameters
    ----------
    run : Run
    score : float or None
        A ratio, of accuracy runs.

    Returns
    -------
    dict of str
        Content by file name.
    """
    log, results, third = RunnerKind.MLC.files
    summary = _results(run, score)
    plain = [_window(run, each) for each in run.windows] + _inputs(run)
    return {
        log: "\n".join([*_log(run), *summary]) + "\n",
        results: "\n".join(summary) + "\n",
        third: json.dumps(plain, indent=1) + "\n",
    }


def _stamp(run: Run) -> str:
    """Return local time of the start as the runner writes it: month and day, then the time."""
    try:
        began = dt.datetime.fromisoformat(run.started)
    except ValueError:
        return "0101.000000"
    return began.strftime("%m%d.%H%M%S")


def _log(run: Run) -> list[str]:
    prefix = f"{_stamp(run)} ulp-mlperf:"
    lines = [
        f"Log of {run.tool}, written from {run.transcript.name} {run.transcript.sha256}",
        f"Port {run.port} at {run.baud} baud",
        f"Device name retrieved: {run.firmware_name}",
        f"Device profile retrieved: {run.firmware_profile}",
        f"Device model retrieved: {run.firmware_model}",
    ]
    if run.simulated:
        lines.insert(1, "m-simulated[times are those of an emulator, not of a board]")
    for number, window in enumerate(run.windows, start=1):
        lines += [
            f"{prefix} Loading file {window.input} segment 0",
            f"{prefix} Load complete.",
            f"Running inference with {window.warmups}/{window.iterations} (warmup/measured) "
            "iterations ...",
            "done",
        ]
        if run.mode is Mode.PERFORMANCE:
            rate = window.iterations / window.elapsed_s
            lines += [
                f"{prefix} Performance results for window {number}:",
                f"{prefix}   # Inferences : {window.iterations:13d}",
                f"{prefix}   Runtime      : {window.elapsed_s:10.3f} sec.",
                f"{prefix}   Throughput   : {rate:10.3f} inf./sec.",
                f"{prefix}   m-results    : {list(window.outputs)}",
            ]
    for item, segment in numbered_inputs(run):
        lines += [
            f"{prefix} Loading file {item.input} segment {segment}",
            f"{prefix} Load complete.",
            "Running inference with 0/1 (warmup/measured) iterations ...",
            "done",
            f"{prefix}   m-results    : {list(item.outputs)}",
        ]
    return lines


def _results(run: Run, score: float | None) -> list[str]:
    prefix = f"{_stamp(run)} ulp-mlperf:"
    if run.mode is Mode.ACCURACY:
        if score is None:
            return []
        top1 = TARGETS[run.benchmark][0] == "top1"
        said = f"Top 1% = {score * 100:.2f}" if top1 else f"AUC = {score:.3f}"
        return [f"{prefix} {said}"]
    if run.mode is Mode.ENERGY:
        return _energy_results(run)
    lines = []
    for number, window in enumerate(run.windows, start=1):
        lines += [
            f"Performance results for window {number}",
            f"# Inferences : {window.iterations}",
            f"Runtime: {window.elapsed_s:.6f} sec.",
            f"Throughput: {window.iterations / window.elapsed_s!r} inf./sec.",
        ]
        # As the runner does: the line is missing where the window is too short.
        lines += [MET] if window.elapsed_s > 10 else []
    rates = [window.iterations / window.elapsed_s for window in run.windows]
    median = f"Median throughput is {statistics.median(rates):10.3f} inf./sec."
    return [*lines, f"{prefix} {DASHES}", f"{prefix} {median}", f"{prefix} {DASHES}"]


def _energy_results(run: Run) -> list[str]:
    lines = ["Power Edition Output"]
    shares = []
    for number, window in enumerate(run.windows):
        reading = window.energy
        if reading is None:
            continue
        energy_uj = reading.energy_j * 1e6
        shares.append(energy_uj / window.iterations)
        short = "" if reading.duration_s >= 10 else "  <<<< below minimum duration"
        lines += [
            f"Energy data for trial {number}",
            f"  Elapsed time  : {reading.duration_s!r}{short}",
            f"  Inferences    : {window.iterations}",
            f"  Power         : {energy_uj / reading.duration_s / 1000:.4f} mW.",
            f"  Total Energy  : {energy_uj:.3f} uJ",
            f"  Energy/Inf    : {shares[-1]:.3f} uJ/inf",
        ]
    return [
        *lines,
        DASHES,
        f"Median energy cost is {statistics.median(shares):.4f} uJ/inf.",
        DASHES,
    ]


_MODES = {Mode.PERFORMANCE: "p", Mode.ENERGY: "e", Mode.ACCURACY: "a"}


def _pass(
    run: Run, file: str, outputs: tuple[float, ...], true_class: int | None
) -> dict[str, Any]:
    recorded = run.benchmark == "ad"
    return {
        "file": file,
        "classes": str(2 if recorded else len(outputs)),
        "class": None if true_class is None else str(true_class),
        "bytes_to_send": str(AD_BYTES) if recorded else None,
        "stride": str(AD_STRIDE) if recorded else None,
        "total_length": 1 if recorded else None,
        "infer": {},
        "mode": _MODES[run.mode],
    }


def _window(run: Run, window: WindowResult) -> dict[str, Any]:
    plain = _pass(run, window.input, window.outputs, None)
    infer: dict[str, Any] = {}
    if window.start_us is not None and window.end_us is not None:
        infer = {"start_time": window.start_us, "end_time": window.end_us}
    infer |= {
        "results": list(window.outputs),
        "elapsed_time": round(window.elapsed_s * 1e6),
        "total_inferences": 1,
        "iterations": window.iterations,
        "warmups": window.warmups,
    }
    if run.mode is Mode.PERFORMANCE:
        infer["throughput"] = window.iterations / window.elapsed_s
    else:
        plain["power"] = _power(run, window)
    return plain | {"infer": infer}


def _power(run: Run, window: WindowResult) -> dict[str, Any]:
    """Return joules of each millisecond, and after how many of them the board pulled its pin."""
    plain: dict[str, Any] = {"extracted_power": None, "voltage": run.supply_v}
    trace = window_milliseconds(run, window)
    if trace is None:
        return plain
    samples = [float(f"{value:.5e}") for value in trace.energy_j]
    return {"samples": samples, "timestamps": [["00", trace.start], ["01", trace.end]]} | plain


def _inputs(run: Run) -> list[dict[str, Any]]:
    found = []
    for item in run.inputs:
        plain = _pass(run, item.input, item.outputs, item.true_class)
        infer = {
            "results": list(item.outputs),
            "elapsed_time": item.elapsed_us,
            "total_inferences": 1,
            "iterations": 1,
            "warmups": 0,
        }
        found.append(plain | {"infer": infer})
    return found
