"""`tinygauge inspect`: what is in a model file."""

from __future__ import annotations

import argparse
import sys

from tinygauge.cli.output import console, print_error
from tinygauge.errors import InputError
from tinygauge.inspection import Inspection, inspect
from tinygauge.report.serialise import inspection_document, render_json
from tinygauge.report.text import inspection_tables

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Print each model; return 2 if one could not be read."""
    found: list[Inspection] = []
    failed = False
    for path in options.models:
        try:
            found.append(inspect(path))
        except InputError as error:
            print_error(error)
            failed = True
    if options.json:
        sys.stdout.write(render_json([inspection_document(inspection) for inspection in found]))
    else:
        out = console()
        for inspection in found:
            for part in inspection_tables(inspection):
                out.print(part)
    return 2 if failed else 0
