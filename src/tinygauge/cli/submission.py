"""`tinygauge submission`: build, check and read MLPerf Tiny submissions."""

from __future__ import annotations

import argparse
import sys

from tinygauge.cli.output import console, print_error
from tinygauge.report.serialise import render_json
from tinygauge.report.submission_report import (
    built_lines,
    check_document,
    check_lines,
    read_document,
    read_notes,
    read_table,
    shown,
)
from tinygauge.submission import build_submission, check_submission, read_submission
from tinygauge.submission.rounds import RunnerKind, round_named
from tinygauge.submission.table import results_of

__all__ = ["run_build", "run_check", "run_read"]


def run_build(options: argparse.Namespace) -> int:
    """Make a tree, check it and say what is missing; 1 if it does not pass."""
    built = build_submission(
        options.runs,
        options.system,
        options.out,
        round_name=options.round,
        runner=RunnerKind(options.runner),
    )
    checked = check_submission(options.out, options.round)
    if options.json:
        document = check_document(checked, results_of(checked))
        made = {"files": [shown(path) for path in built.files], "notes": list(built.notes)}
        sys.stdout.write(render_json(document | made))
    else:
        _print([*built_lines(built), *check_lines(checked)])
    return 0 if checked.passes else 1


def run_check(options: argparse.Namespace) -> int:
    """Print what a tree does not meet; 1 if it does not pass."""
    checked = check_submission(options.tree, options.round)
    if options.json:
        sys.stdout.write(render_json(check_document(checked, results_of(checked))))
    else:
        _print(check_lines(checked))
    return 0 if checked.passes else 1


def run_read(options: argparse.Namespace) -> int:
    """Print the results of a tree; 1 if there is none."""
    name = round_named(options.round).name if options.round else ""
    found = read_submission(options.tree, name)
    if options.json:
        sys.stdout.write(render_json(read_document(found)))
    else:
        if found.results:
            console().print(read_table(found))
        _print(read_notes(found))
    if not found.results:
        print_error(f"{shown(options.tree)}: no result could be read")
        return 1
    return 0


def _print(lines: list[str]) -> None:
    out = console()
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
