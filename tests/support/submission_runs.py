"""Complete runs of a made-up board, as folders: what a submission is built from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tinygauge.bench.clock import HostClock
from tinygauge.bench.folder import RunFolder
from tinygauge.bench.records import (
    EnergyReading,
    FileRef,
    InputResult,
    Mode,
    Run,
    WindowResult,
)
from tinygauge.bench.trace import Instrument, PowerTrace
from tinygauge.bench.trace_store import save_trace
from tinygauge.bench.transcript import Transcript
from tinygauge.quantity import Missing

_WORDS = ("Down", "Go", "Left", "No", "Off", "On", "Right", "Stop", "Up", "Yes", "sil", "unk")

SYSTEM = """\
name = "board_one"
submitter = "Example Ltd"
organisation = "example"
status = "available"
board = "Board One"
processor = "Arm Cortex-M4"
processor_frequency = "120 MHz"
inference_framework = "TFLM with CMSIS-NN 4.1"
code = "code"
documents = "documents"
"""


def window(index: int, *, mode: Mode, iterations: int = 250) -> WindowResult:
    """Return a window of about 10.9 s, in which the board draws 33 mW."""
    elapsed_us = 10_862_042 - 7364 * index
    elapsed_s = elapsed_us / 1e6
    energy = EnergyReading(
        energy_j=0.033 * elapsed_s,
        above_idle_j=0.03 * elapsed_s,
        duration_s=elapsed_s,
        cut_by="marks",
        uncertainty_j=1e-4,
        trace=FileRef(f"traces/trace-{index + 1:03}.npz", ""),
    )
    timed = mode is Mode.PERFORMANCE
    return WindowResult(
        index=index,
        input=f"tst_{index:06}_{_WORDS[index]}_{index}.bin",
        input_sha256=f"{index:064x}",
        iterations=iterations,
        warmups=1,
        start_us=1_000_000 if timed else None,
        end_us=1_000_000 + elapsed_us if timed else None,
        elapsed_s=elapsed_s,
        host_s=elapsed_s + 0.01,
        outputs=outputs_for(index),
        verified=True,
        energy=None if timed else energy,
    )


def trace_of(measured: WindowResult) -> PowerTrace:
    """Return the trace of a window: 33 mW in it, 3 mW half a second before and behind."""
    rate_hz, before_s = 2500.0, 0.5
    t_s = np.arange(round((measured.elapsed_s + 2 * before_s) * rate_hz)) / rate_hz
    busy = (t_s >= before_s) & (t_s < before_s + measured.elapsed_s)
    meter = Instrument("made-up meter", Missing("it is made up"))
    trace = PowerTrace.uniform("window", meter, rate_hz, np.where(busy, 0.033, 0.003))
    return trace.with_marks([before_s, before_s + measured.elapsed_s])


def outputs_for(true_class: int, *, right: bool = True, classes: int = 12) -> tuple[float, ...]:
    """Return outputs that choose a class, or the one behind it."""
    chosen = true_class if right else (true_class + 1) % classes
    return tuple(0.996 if k == chosen else 0.0 for k in range(classes))


def keyword(index: int, *, right: bool = True) -> InputResult:
    """Return one keyword's result."""
    true_class = index % 12
    return InputResult(
        index=index,
        recording=index,
        input=f"tst_{index:06}_{_WORDS[true_class]}_{true_class}.bin",
        input_sha256=f"{index:064x}",
        true_class=true_class,
        outputs=outputs_for(true_class, right=right),
        elapsed_us=43_400,
        verified=True,
    )


def keyword_run(mode: Mode, *, wrong: int = 99) -> Run:
    """Return a run of keyword spotting that meets every rule; 90.1 % of its answers are right."""
    run = Run(
        mode=mode,
        benchmark="kws",
        port="/dev/ttyACM0",
        baud=115_200,
        simulated=False,
        supply_v=3.0,
        firmware_name="board-one",
        firmware_profile="ULPMark for tinyML Firmware V0.0.1",
        firmware_model="kws01",
        tool="tinygauge test",
        started="2026-07-26T01:01:47+00:00",
    )
    if mode is Mode.ACCURACY:
        inputs = tuple(keyword(index, right=index >= wrong) for index in range(1000))
        return replace(run, inputs=inputs, inputs_planned=1000)
    return replace(run, windows=tuple(window(index, mode=mode) for index in range(5)))


def keep(folder: Path, run: Run, *, complete: bool = True) -> Path:
    """Write a run as the bench does."""
    written = RunFolder.create(folder, replace(run, windows=(), inputs=()))
    for window_ in run.windows:
        written.keep(window_)
        if window_.energy is not None:
            save_trace(folder / window_.energy.trace.name, trace_of(window_))
    for item in run.inputs:
        written.keep(item)
    transcript = Transcript(written.transcript, HostClock(), "a made-up board")
    transcript.sent(b"name%")
    transcript.received(b"m-name-dut-[board-one]\r\nm-ready\r\n")
    transcript.close()
    if complete:
        written.finish(replace(run, windows=(), inputs=(), finished=run.started))
    written.close()
    return folder


def keyword_folders(folder: Path) -> tuple[list[Path], Path]:
    """Write runs of all three modes and a system's TOML; return where they are."""
    runs = [keep(folder / mode.value, keyword_run(mode)) for mode in Mode]
    for name, file in (("code", "main.c"), ("documents", "Submission_Checklist.pdf")):
        (folder / name).mkdir()
        (folder / name / file).write_text("one\n")
    system = folder / "system.toml"
    system.write_text(SYSTEM)
    return runs, system
