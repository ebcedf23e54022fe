"""A model on an emulated board, as lines for the terminal and as JSON.

What the emulated clock says is called emulated time, never latency: it is instructions over a
nominal clock, and no board's.
"""

from __future__ import annotations

from typing import Any

from tinygauge.bench.coding import to_plain
from tinygauge.bench.records import Mode, Run
from tinygauge.emulation.emulate import Emulation
from tinygauge.emulation.inputs import RANDOM
from tinygauge.emulation.qemu import NOMINAL_HZ
from tinygauge.firmware import FirmwareSources
from tinygauge.measurement import latency_of, score_of
from tinygauge.quantity import Missing, Quantity
from tinygauge.report.serialise import quantity_document
from tinygauge.units import Unit, format_value

__all__ = ["emulation_document", "emulation_lines", "sources_document", "sources_lines"]

Document = dict[str, Any]

_NOTICE = (
    f"Emulated time is instructions over a nominal clock of {NOMINAL_HZ / 1e6:g} MHz, one a cycle: "
    "it is no board's latency."
)


def emulation_document(emulation: Emulation) -> Document:
    """Describe what was measured on an emulated board.

    Parameters
    ----------
    emulation : Emulation

    Returns
    -------
    dict
    """
    firmware = emulation.firmware
    return {
        "cpu": firmware.machine.cpu,
        "emulated_board": firmware.machine.name,
        "emulator": emulation.emulator,
        "compiler": firmware.compiler.version,
        "firmware": str(firmware.path),
        "arena_bytes": firmware.engine.arena_bytes,
        "nominal_clock_hz": NOMINAL_HZ,
        "instructions": quantity_document(emulation.instructions),
        "runs": [_run(run) for run in emulation.runs],
    }


def _run(run: Run) -> Document:
    document: Document = {
        "benchmark": run.benchmark,
        "mode": run.mode.value,
        "simulated": run.simulated,
        "folder": run.folder,
        "firmware_name": run.firmware_name,
        "firmware_model": run.firmware_model,
        "faults": len(run.faults),
        "rules": [to_plain(rule) for rule in run.rules],
    }
    if run.mode is Mode.ACCURACY:
        score = score_of(run)
        value = score if isinstance(score, Missing) else score.value
        document["accuracy"] = quantity_document(value)
        document["inputs"] = len(run.inputs)
        if not isinstance(score, Missing) and score.correct is not None:
            document["correct"] = score.correct
    else:
        document["emulated_time"] = quantity_document(_time(run))
        document["windows"] = [to_plain(window) for window in run.windows]
    return document


def _time(run: Run) -> Quantity | Missing:
    latency = latency_of(run)
    return latency if isinstance(latency, Missing) else latency.per_inference


def emulation_lines(emulation: Emulation) -> list[str]:
    """Tell what was measured on an emulated board.

    Parameters
    ----------
    emulation : Emulation

    Returns
    -------
    list of str
    """
    firmware = emulation.firmware
    lines = [
        f"{emulation.runs[0].benchmark} on an emulated {firmware.machine.cpu} "
        f"({firmware.machine.name}, {emulation.emulator}, {firmware.compiler.version})",
    ]
    for run in emulation.runs:
        lines += _accuracy_lines(run) if run.mode is Mode.ACCURACY else _time_lines(run, emulation)
    broken = [rule for run in emulation.runs for rule in run.rules if rule.met is False]
    lines += [f"  rule NOT met: {rule.rule} ({rule.why})" for rule in broken]
    lines += [f"Run: {run.folder}" for run in emulation.runs]
    lines.append(f"Firmware: {firmware.path}")
    return lines


def _accuracy_lines(run: Run) -> list[str]:
    score = score_of(run)
    if isinstance(score, Missing):
        return [f"  accuracy       {score}"]
    right = f", {score.correct:,} of {score.n:,}" if score.correct is not None else ""
    return [f"  accuracy       {score.value} ({score.metric}{right})"]


def _time_lines(run: Run, emulation: Emulation) -> list[str]:
    counts = sorted({window.iterations for window in run.windows})
    each = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return [
        f"  instructions   {emulation.instructions} per inference",
        f"  emulated time  {_time(run)} per inference, {len(run.windows)} windows of {each}"
        + (f" on {RANDOM}" if run.dataset is not None and run.dataset.name == RANDOM else ""),
        f"  {_NOTICE}",
    ]


def sources_document(sources: FirmwareSources) -> Document:
    """Describe exported sources.

    Parameters
    ----------
    sources : FirmwareSources

    Returns
    -------
    dict
    """
    return {
        "folder": str(sources.folder),
        "files": list(sources.files),
        "input_bytes": sources.engine.input_bytes,
        "arena_bytes": sources.engine.arena_bytes,
    }


def sources_lines(sources: FirmwareSources) -> list[str]:
    """Tell what was exported.

    Parameters
    ----------
    sources : FirmwareSources

    Returns
    -------
    list of str
    """
    arena = format_value(sources.engine.arena_bytes, Unit.BYTE)
    return [
        f"{len(sources.files)} files in {sources.folder}: {', '.join(sources.files)}",
        f"Input on the wire {sources.engine.input_bytes:,} bytes, arena {arena}.",
    ]
