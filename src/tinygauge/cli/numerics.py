"""`tinygauge numerics`: which rounding profile a board follows."""

from __future__ import annotations

import argparse
import sys

from tinygauge import graph
from tinygauge.accuracy import load_dataset
from tinygauge.cli.output import console
from tinygauge.diagnosis.board_log import read_board_log
from tinygauge.diagnosis.numerics import Follows, tell_numerics
from tinygauge.report.numerics_report import (
    engine_entry,
    numerics_document,
    numerics_lines,
    numerics_table,
)
from tinygauge.report.serialise import render_json

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Tell which profile the board follows; return 0 for one, 1 for none or several."""
    found = tell_numerics(
        read_board_log(options.log),
        graph.load(options.model),
        load_dataset(options.data, needs_classes=False),
    )
    if options.json:
        sys.stdout.write(render_json(numerics_document(found)))
    else:
        out = console()
        out.print(numerics_table(found))
        for line in numerics_lines(found):
            out.print(line, markup=False, highlight=False, soft_wrap=True)
        entry = engine_entry(found)
        if entry:
            out.print(f"\nFor the engine's file:\n\n{entry}", markup=False, soft_wrap=True)
    return 0 if found.follows in (Follows.ONE, Follows.NEARLY) else 1
