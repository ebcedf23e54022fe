"""Measures a model on an emulated board as on a real one: build, start, drive, label.

The runner is the one that drives boards. What it times here is instructions over a nominal clock,
so every run says that it is simulated.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinygauge import graph
from tinygauge.bench.folder import load_run
from tinygauge.bench.records import Mode, Run
from tinygauge.bench.runner import Progress
from tinygauge.emulation.qemu import NOMINAL_HZ, Emulator, find_qemu
from tinygauge.errors import BenchError, ConfigError
from tinygauge.firmware import (
    Firmware,
    build_firmware,
    find_compiler,
    generate_engine,
    machine_of,
    wire_of,
)
from tinygauge.measurement import Request, latency_of, measure
from tinygauge.quantity import Missing, Provenance, Quantity
from tinygauge.units import Unit

__all__ = ["ENGINE", "MODES", "Emulation", "emulate"]

ENGINE = "tinygauge-reference"
"""The engine's name in a run."""
MODES = (Mode.PERFORMANCE, Mode.ACCURACY)
"""What can be measured on an emulated board: it draws no current."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulation:
    """What was measured on an emulated board.

    Parameters
    ----------
    firmware : Firmware
    emulator : str
        Program and version.
    runs : tuple of Run
        Complete and simulated, one for each mode.
    instructions : Quantity or Missing
        Executed for one inference, count; the few of the answer's lines are among them.
    """

    firmware: Firmware
    emulator: str
    runs: tuple[Run, ...]
    instructions: Quantity | Missing


def emulate(
    request: Request,
    modes: Sequence[Mode],
    *,
    cpu: str,
    compiler: str = "",
    progress: Progress | None = None,
) -> Emulation:
    """Build a model's firmware and measure it on an emulated board.

    Parameters
    ----------
    request : Request
        What to measure; `model` must be named, and `out` is a folder for ``firmware`` and a run
        for each mode. Port and mode are not used.
    modes : sequence of Mode
        Of `MODES`.
    cpu : str
        Such as ``"cortex-m4"``, or ``"m4"``.
    compiler : str
        ``"gcc"`` or ``"zig"``; the first that is installed where empty.
    progress : callable, optional

    Returns
    -------
    Emulation

    Raises
    ------
    ToolError
        If QEMU or a compiler is missing or fails.
    BenchError
        If the emulated board does not answer; what was measured is kept.
    InputError
        If the model or the request can't be used.
    """
    firmware = _build(request, cpu, compiler)
    runs = []
    for mode in modes:
        if mode not in MODES:
            raise ConfigError(f"mode {mode.value}", "an emulated board draws no current")
        runs.append(_run(replace(request, mode=mode), firmware, progress))
    return Emulation(
        firmware=firmware, emulator=find_qemu()[1], runs=tuple(runs), instructions=_count(runs)
    )


def _build(request: Request, cpu: str, compiler: str) -> Firmware:
    machine, wire = machine_of(cpu), wire_of(request.benchmark)
    if request.model is None:
        raise ConfigError("model", "there is none to build into a firmware", "Name a .tflite file")
    find_qemu()
    engine = generate_engine(graph.load(request.model), wire)
    return build_firmware(engine, machine, request.out / "firmware", find_compiler(compiler))


def _run(request: Request, firmware: Firmware, progress: Progress | None) -> Run:
    """Measure one mode on a board that is started for it."""
    out = request.out / request.mode.value
    # A run that never began is begun.
    resume = request.resume and out.exists()
    if resume:
        _same_model(out, request)
    with Emulator(firmware.machine.name, firmware.path) as emulator:
        try:
            return measure(
                replace(
                    request,
                    port=emulator.port,
                    out=out,
                    resume=resume,
                    simulated=True,
                    engine=ENGINE,
                    clock_hz=NOMINAL_HZ,
                ),
                progress=progress,
            )
        except BenchError as error:
            failure = emulator.failure()
            if failure is None:
                raise
            raise failure from error


def _same_model(out: Path, request: Request) -> None:
    """Refuse to go on with a run of another model: the firmware does not tell it."""
    held = load_run(out).model
    if held is not None and held.sha256 != graph.load(str(request.model)).sha256:
        problem = f"this run was begun with {held.name}, whose content was another"
        raise ConfigError(str(out), problem, "Resume with the model of before")


def _count(runs: Sequence[Run]) -> Quantity | Missing:
    """Turn the emulated time of an inference back into the instructions that it stands for."""
    for run in runs:
        latency = latency_of(run)
        if not isinstance(latency, Missing):
            time = latency.per_inference
            interval = time.interval.scaled(NOMINAL_HZ)
            source = f"{statistics.median(w.iterations for w in run.windows):g} inferences a window"
            provenance = Provenance(
                time.provenance.method,
                f"instructions that QEMU executed, {source}",
                time.provenance.tool,
                time.provenance.evidence,
            )
            return Quantity(time.value * NOMINAL_HZ, Unit.COUNT, interval, provenance)
    return Missing("no window was timed", "Run: --mode performance")
