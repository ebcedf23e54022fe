"""`tinygauge memory`: RAM and flash of models on boards, before any firmware is built."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tinygauge import catalog, graph
from tinygauge.catalog import Engine
from tinygauge.cli.output import console, print_error
from tinygauge.errors import InputError, UnknownNameError
from tinygauge.inspection import build_findings, target_of
from tinygauge.memory import ISA, find_savings, predict_memory
from tinygauge.memory.firmware import Firmware, read_firmware
from tinygauge.quantity import Missing
from tinygauge.records import Finding, Memory, Target
from tinygauge.report.memory_report import (
    MemoryEntry,
    memory_document,
    memory_tables,
    summary_table,
    write_timelines,
)
from tinygauge.report.serialise import render_json

__all__ = ["run"]

_USUAL_CORE, _USUAL_ENGINE = "cortex-m4", "tflm-cmsis-nn"


def run(options: argparse.Namespace) -> int:
    """Print each model on each target; 1 if one does not fit its board, 2 if one is unreadable."""
    engines = [catalog.engine(name) for name in options.engine or [_USUAL_ENGINE]]
    targets = _targets(options.board or [], options.core or [], engines)
    firmware = read_firmware(Path(options.firmware)) if options.firmware else None
    entries: list[MemoryEntry] = []
    failed = False
    for path in options.models:
        try:
            model = graph.load(path)
            entries += [_entry(model, target, engine) for target, engine in targets]
        except InputError as error:
            print_error(error)
            failed = True
    if options.out:
        write_timelines(entries, options.out)
    if options.json:
        sys.stdout.write(render_json([memory_document(entry, firmware) for entry in entries]))
    else:
        _print(entries, firmware, options.out)
    if failed:
        return 2
    return 1 if any(entry.fits is False for entry in entries) else 0


def _targets(
    boards: Sequence[str], cores: Sequence[str], engines: Sequence[Engine]
) -> list[tuple[Target, Engine]]:
    """List boards, then bare cores, each with every engine."""
    for core in cores:
        if core not in ISA:
            raise UnknownNameError("core", core, ISA)
    found = [
        (target_of(catalog.board(name), engine), engine) for name in boards for engine in engines
    ]
    if not boards and not cores:
        cores = [_USUAL_CORE]
    return found + [
        (Target(board="", core=core, engine=engine.name), engine)
        for core in cores
        for engine in engines
    ]


def _entry(model: graph.Model, target: Target, engine: Engine) -> MemoryEntry:
    memory: Memory | Missing
    findings: tuple[Finding, ...] = ()
    if engine.cores and target.core not in engine.cores:
        runs_on = f"It runs on {', '.join(engine.cores)}"
        memory = Missing(f"{engine.name} does not run on {target.core}", runs_on)
    else:
        memory = predict_memory(model, core=target.core, engine=engine.base)
    if isinstance(memory, Memory):
        findings = (
            *build_findings(engine),
            *find_savings(model, core=target.core, engine=engine.base),
        )
    return MemoryEntry(model=model, target=target, memory=memory, findings=findings)


def _print(entries: list[MemoryEntry], firmware: Firmware | None, folder: str | None) -> None:
    out = console()
    for entry in entries:
        for part in memory_tables(entry, firmware):
            out.print(part)
    if len(entries) > 1:
        out.print(summary_table(entries))
    if folder:
        out.print(f"Timelines: {folder}", markup=False, highlight=False, soft_wrap=True)
