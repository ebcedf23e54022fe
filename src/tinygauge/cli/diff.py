"""`tinygauge diff`: where two runtimes, or an integer and a float model, differ."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from tinygauge import catalog, graph
from tinygauge.accuracy import RUNNERS, Dataset, Limits, load_dataset
from tinygauge.cli.output import console, progress_bar
from tinygauge.diagnosis.board_log import read_board_log
from tinygauge.diagnosis.device import diagnose_board
from tinygauge.diagnosis.doctor import DEFAULT_INPUTS, Diagnosis, diagnose
from tinygauge.diagnosis.noise import DEFAULT_INPUTS as FLOAT_INPUTS
from tinygauge.diagnosis.noise import compare_with_float
from tinygauge.errors import ConfigError
from tinygauge.graph import Model
from tinygauge.report.diagnosis_report import (
    diagnosis_document,
    diagnosis_lines,
    diagnosis_table,
)
from tinygauge.report.noise_report import noise_document, noise_lines, noise_table
from tinygauge.report.serialise import render_json

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["run"]

# What users call them, and what runs them.
_AGAINST = {"litert": "litert-builtin"}


def run(options: argparse.Namespace) -> int:
    """Find the first difference, or the op that loses the accuracy; return 0 for none, else 1."""
    if (options.float_model is None) == (options.against is None):
        problem = "give either a second model, in float, or --against"
        raise ConfigError("tinygauge diff", problem, "See: tinygauge diff --help")
    if (options.against == "device") != (options.log is not None):
        advice = "Write --against device --log LOG.txt"
        raise ConfigError("tinygauge diff", "--against device and --log go together", advice)
    model, dataset = graph.load(options.model), load_dataset(options.data, needs_classes=False)
    how: dict[str, Any] = {
        "profile": catalog.engine(options.engine).profile.name,
        "inputs": options.inputs or (DEFAULT_INPUTS if options.against else FLOAT_INPUTS),
        "limits": Limits(time_s=options.time_limit),
    }
    if options.float_model is not None:
        float_model = graph.load(options.float_model)
        with progress_bar() as progress:
            noise = compare_with_float(model, float_model, dataset, progress=progress, **how)
        _show(options, noise_document(noise), noise_table(noise), noise_lines(noise))
        return int(noise.loses)
    found = _diagnose(model, dataset, options, how)
    table = diagnosis_table(found) if found.ops else None
    _show(options, diagnosis_document(found), table, diagnosis_lines(found))
    return int(found.differs)


def _diagnose(
    model: Model, dataset: Dataset, options: argparse.Namespace, how: dict[str, Any]
) -> Diagnosis:
    log = read_board_log(options.log) if options.against == "device" else None
    with progress_bar() as progress:
        if log is not None:
            return diagnose_board(model, dataset, log, progress=progress, **how)
        other = RUNNERS[_AGAINST.get(options.against, options.against)]
        return diagnose(model, dataset, other, progress=progress, **how)


def _show(
    options: argparse.Namespace, document: dict[str, Any], table: Table | None, lines: list[str]
) -> None:
    if options.json:
        sys.stdout.write(render_json(document))
        return
    out = console()
    if table is not None:
        out.print(table)
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
