"""`tinygauge simulate`: the instructions that a firmware executes, function by function."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tinygauge import catalog
from tinygauge.cli.output import console
from tinygauge.cli.predict import clock_hz
from tinygauge.emulation import simulate
from tinygauge.errors import ConfigError
from tinygauge.report.serialise import render_json
from tinygauge.report.simulation_report import (
    block_table,
    function_table,
    simulation_document,
    simulation_notes,
)
from tinygauge.simulation import Limits

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Print what the firmware executes; 1 where it exits with a code of its own but 0."""
    if options.cpu and options.board:
        raise ConfigError("--cpu", "name a board or a core, not both", "A board has its core")
    found = simulate(
        Path(options.firmware),
        core=options.cpu or "",
        board=catalog.board(options.board) if options.board else None,
        clock_hz=clock_hz(options.clock) if options.clock else None,
        function=options.function or "",
        until=options.until or "",
        inputs=[_input(text) for text in options.input or []],
        limits=Limits(time_s=options.time_limit),
    )
    if options.json:
        sys.stdout.write(render_json(simulation_document(found)))
    else:
        out = console()
        out.print(function_table(found.profile))
        if options.blocks:
            out.print(block_table(found.profile, options.blocks))
        for line in simulation_notes(found):
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    return 1 if found.profile.exit_code else 0


def _input(text: str) -> tuple[str, bytes]:
    """Read ``VARIABLE=FILE``."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise ConfigError(f"--input '{text}'", "this is no VARIABLE=FILE", "Write data=image.bin")
    try:
        return name, Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"--input '{text}'", f"can't read ({error.strerror})") from error
