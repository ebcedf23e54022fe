"""`tinygauge diff`: where two runtimes, or an integer and a float model, differ."""

from __future__ import annotations

import argparse
import sys

from tinygauge import catalog, graph
from tinygauge.accuracy import RUNNERS, Dataset, load_dataset
from tinygauge.cli.output import console
from tinygauge.diagnosis.board_log import read_board_log
from tinygauge.diagnosis.device import diagnose_board
from tinygauge.diagnosis.doctor import Diagnosis, diagnose
from tinygauge.errors import ConfigError
from tinygauge.graph import Model
from tinygauge.report.diagnosis_report import (
    diagnosis_document,
    diagnosis_lines,
    diagnosis_table,
)
from tinygauge.report.serialise import render_json

__all__ = ["run"]

# What users call them, and what runs them.
_AGAINST = {"litert": "litert-builtin"}


def run(options: argparse.Namespace) -> int:
    """Find the first difference; return 0 where there is none, 1 where outputs differ."""
    model, dataset = graph.load(options.model), load_dataset(options.data)
    found = _diagnose(model, dataset, options)
    if options.json:
        sys.stdout.write(render_json(diagnosis_document(found)))
    else:
        out = console()
        if found.ops:
            out.print(diagnosis_table(found))
        for line in diagnosis_lines(found):
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    return 1 if found.effect.inputs_differing or found.first is not None else 0


def _diagnose(model: Model, dataset: Dataset, options: argparse.Namespace) -> Diagnosis:
    if (options.against == "device") != (options.log is not None):
        advice = "Write --against device --log LOG.txt"
        raise ConfigError("tinygauge diff", "--against device and --log go together", advice)
    profile = catalog.engine(options.engine).profile.name
    if options.against == "device":
        log = read_board_log(options.log)
        return diagnose_board(model, dataset, log, profile=profile, inputs=options.inputs)
    other = RUNNERS[_AGAINST.get(options.against, options.against)]
    return diagnose(model, dataset, other, profile=profile, inputs=options.inputs)
