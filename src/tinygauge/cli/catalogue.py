"""`tinygauge boards` and `tinygauge engines`: the catalogue, with a source for each number."""

from __future__ import annotations

import argparse
import sys

from tinygauge import catalog
from tinygauge.cli.output import console
from tinygauge.report.catalogue_documents import board_document, engine_document
from tinygauge.report.catalogue_tables import (
    board_table,
    boards_table,
    builds_table,
    engine_table,
    engines_table,
)
from tinygauge.report.serialise import render_json

__all__ = ["run_boards", "run_engines"]

# Terminals narrower than this get the compact tables.
_ROOMY = 110


def run_boards(options: argparse.Namespace) -> int:
    """Print all boards, or those named with their sources."""
    boards = [catalog.board(name) for name in options.names or catalog.board_names()]
    boards = catalog.sort_boards(boards, options.sort)
    if options.json:
        sys.stdout.write(render_json([board_document(board) for board in boards]))
        return 0
    out = console()
    if not options.names:
        out.print(boards_table(boards, compact=out.width < _ROOMY))
    for board in boards if options.names else ():
        out.print(board_table(board))
    return 0


def run_engines(options: argparse.Namespace) -> int:
    """Print all engines, or those named with their builds and sources."""
    engines = [catalog.engine(name) for name in options.names or catalog.engine_names()]
    if options.json:
        sys.stdout.write(render_json([engine_document(engine) for engine in engines]))
        return 0
    out = console()
    if not options.names:
        out.print(engines_table(engines, compact=out.width < _ROOMY))
    for engine in engines if options.names else ():
        out.print(engine_table(engine))
        if engine.builds and not engine.build:
            out.print(builds_table(engine))
    return 0
