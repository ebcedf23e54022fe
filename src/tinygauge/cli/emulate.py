"""`tinygauge bench emulate` and `firmware`: a model on a virtual board, or as C for a real one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tinygauge import graph
from tinygauge.bench.plan import Verify
from tinygauge.bench.records import Mode
from tinygauge.cli.output import console, progress_bar
from tinygauge.emulation.emulate import MODES, emulate
from tinygauge.emulation.inputs import random_inputs, reference_data, reference_model
from tinygauge.errors import ConfigError
from tinygauge.firmware import export_firmware, generate_engine, machine_of, wire_of
from tinygauge.measurement import Request
from tinygauge.report.emulation_report import (
    emulation_document,
    emulation_lines,
    sources_document,
    sources_lines,
)
from tinygauge.report.serialise import render_json

__all__ = ["run", "run_firmware"]


def run(options: argparse.Namespace) -> int:
    """Build a firmware, run it in QEMU and measure it as a board."""
    request, modes = _request(options)
    try:
        with progress_bar() as progress:
            found = emulate(
                request, modes, cpu=options.cpu, compiler=options.compiler, progress=progress
            )
    except KeyboardInterrupt:
        text = f"stopped; what was measured is kept: go on with --out {request.out} --resume"
        raise KeyboardInterrupt(text) from None
    if options.json:
        sys.stdout.write(render_json(emulation_document(found)))
    else:
        _print(emulation_lines(found))
    return 0


def run_firmware(options: argparse.Namespace) -> int:
    """Write a firmware's sources."""
    engine = generate_engine(graph.load(_model(options)), wire_of(options.benchmark))
    written = export_firmware(engine, Path(options.out), options.with_port)
    if options.json:
        sys.stdout.write(render_json(sources_document(written)))
    else:
        _print(sources_lines(written))
    return 0


def _request(options: argparse.Namespace) -> tuple[Request, list[Mode]]:
    model = _model(options)
    cpu = machine_of(options.cpu).cpu
    data = options.data or reference_data(options.benchmark)
    asked = [mode for mode in MODES if mode.value in (options.mode or [])]
    if data is None and Mode.ACCURACY in asked:
        raise ConfigError("--mode accuracy", "there are no inputs", "Name them: --data PATH")
    modes = asked or (list(MODES) if data is not None else [Mode.PERFORMANCE])
    request = Request(
        port="",
        benchmark=options.benchmark,
        mode=modes[0],
        data=data or random_inputs(graph.load(model), options.benchmark),
        out=Path(options.out or f"emulated-{options.benchmark}-{cpu}"),
        model=model,
        resume=options.resume,
        limit=options.limit,
        # No cable changes a byte here: reading everything back would double the time.
        verify=Verify.SAMPLED,
    )
    return request, modes


def _model(options: argparse.Namespace) -> Path:
    return Path(options.model) if options.model else reference_model(options.benchmark)


def _print(lines: list[str]) -> None:
    out = console()
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
