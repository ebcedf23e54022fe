"""`tinygauge published`: search the published MLPerf Tiny results."""

from __future__ import annotations

import argparse
import sys

from tinygauge.cli.output import console, print_error
from tinygauge.published import find_published
from tinygauge.report.published_report import (
    published_document,
    published_notes,
    published_table,
    roofline_notes,
)
from tinygauge.report.serialise import render_json

__all__ = ["run"]

# Terminals narrower than this get the compact table.
_ROOMY = 180


def run(options: argparse.Namespace) -> int:
    """Print the results that match; 1 if none does."""
    found = find_published(
        board=options.board or (),
        engine=options.engine or (),
        benchmark=options.benchmark or (),
        round=options.round or (),
        submitter=options.submitter or (),
    )
    if options.json:
        sys.stdout.write(render_json([published_document(result) for result in found]))
    elif found:
        out = console()
        out.print(published_table(found, compact=out.width < _ROOMY))
        for note in (*published_notes(found), *roofline_notes(found)):
            out.print(note, markup=False, highlight=False, soft_wrap=True)
    if not found:
        print_error("no published result has all of these; leave one out")
        return 1
    return 0
