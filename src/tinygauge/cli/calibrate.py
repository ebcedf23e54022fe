"""`tinygauge calibrate`: learn from measurements of the user's own."""

from __future__ import annotations

import argparse
import sys

from tinygauge.calibration import (
    Place,
    learn,
    load_calibration,
    read_measurements,
    save_calibration,
)
from tinygauge.cli.output import console
from tinygauge.report.calibration_report import (
    calibration_document,
    calibration_lines,
    checks_table,
)
from tinygauge.report.serialise import render_json

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Write a calibration file, and print each measurement beside the predictions."""
    given = Place(board=options.board or "", engine=options.engine or "", clock=options.clock or "")
    known = load_calibration(options.add) if options.add else None
    taken = read_measurements(options.measurements, given, options.model or ())
    learnt = learn(taken, known)
    save_calibration(learnt.calibration, options.out)
    if options.json:
        sys.stdout.write(render_json(calibration_document(learnt, options.out)))
        return 0
    out = console()
    out.print(checks_table(learnt))
    for line in calibration_lines(learnt, options.out):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0
