"""`tinygauge compare`: a user's own number beside the published ones and the prediction."""

from __future__ import annotations

import argparse
import sys

from tinygauge import catalog, graph
from tinygauge.cli.output import console
from tinygauge.cli.predict import clock_hz
from tinygauge.comparison import OwnResult, compare, own_result
from tinygauge.cost.battery import parse_input
from tinygauge.errors import ConfigError
from tinygauge.report.comparison_report import (
    comparison_document,
    comparison_lines,
    rows_table,
)
from tinygauge.report.serialise import render_json
from tinygauge.units import Unit, parse

__all__ = ["run"]

# Terminals narrower than this get the compact table.
_ROOMY = 150


def run(options: argparse.Namespace) -> int:
    """Print the comparison."""
    found = compare(_own(options))
    rows = found.rows[: options.top]
    if options.json:
        sys.stdout.write(render_json(comparison_document(found, rows)))
        return 0
    out = console()
    if rows:
        out.print(rows_table(rows, compact=out.width < _ROOMY))
    for line in comparison_lines(found):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


def _own(options: argparse.Namespace) -> OwnResult:
    def given(text: str | None, unit: Unit) -> float | None:
        return None if text is None else parse_input(text, unit, positive=True)

    return own_result(
        catalog.board(options.board),
        catalog.engine(options.engine),
        model=graph.load(options.model) if options.model else None,
        benchmark=(options.benchmark or "").lower(),
        latency_s=parse_input(options.latency, Unit.SECOND, positive=True),
        clock_hz=clock_hz(options.clock) if options.clock else None,
        energy_j=given(options.energy, Unit.JOULE),
        supply_v=given(options.supply, Unit.VOLT),
        accuracy=None if options.accuracy is None else _accuracy(options.accuracy),
    )


def _accuracy(text: str) -> float:
    value, unit = parse(text)
    if unit is not Unit.RATIO or not 0 <= value <= 1:
        raise ConfigError(f"--accuracy '{text}'", "this is no share from 0 to 1", "Write 90.1%")
    return value
