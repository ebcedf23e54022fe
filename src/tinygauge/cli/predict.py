"""`tinygauge predict`: instructions, cycles, latency and energy, without the board."""

from __future__ import annotations

import argparse
import sys

from tinygauge import catalog, graph
from tinygauge.calibration import load_calibration
from tinygauge.catalog import Board
from tinygauge.cli.output import console, print_error
from tinygauge.errors import ConfigError, InputError
from tinygauge.prediction import Prediction, core_of, predict
from tinygauge.report.predict_report import (
    op_table,
    prediction_document,
    prediction_notes,
    predictions_table,
)
from tinygauge.report.serialise import render_json
from tinygauge.units import Unit, parse

__all__ = ["clock_hz", "run"]

# No microcontroller has another.
_SLOWEST_HZ, _FASTEST_HZ = 1e3, 1e10
_HIGHEST_V = 60.0
# Terminals narrower than this get the compact table.
_ROOMY = 132


def run(options: argparse.Namespace) -> int:
    """Print each model on each target; 2 if a model or a combination was refused."""
    places: list[Board | str] = [catalog.board(name) for name in options.board or []]
    places += [core_of(name) for name in options.core or []]
    if not places:
        raise ConfigError("--board", "no board or core was named", "See: tinygauge boards")
    engines = [catalog.engine(name) for name in options.engine]
    point = {
        "clock_hz": clock_hz(options.clock) if options.clock else None,
        "supply_v": _supply_v(options.supply) if options.supply else None,
    }
    own = load_calibration(options.calibration) if options.calibration else None
    found: list[Prediction] = []
    failed = False
    for path in options.models:
        try:
            model = graph.load(path)
        except InputError as error:
            print_error(error)
            failed = True
            continue
        for place in places:
            for engine in engines:
                try:
                    found.append(predict(model, place, engine, calibration=own, **point))
                except InputError as error:
                    print_error(error)
                    failed = True
    _print(found, options)
    return 2 if failed else 0


def _supply_v(text: str) -> float:
    value, unit = parse(text)
    if unit is not Unit.VOLT or not 0 < value <= _HIGHEST_V:
        raise ConfigError(f"--supply '{text}'", "this is no voltage up to 60 V", "Write 3.3V")
    return value


def clock_hz(text: str) -> float:
    """Read a clock such as ``"100MHz"``."""
    value, unit = parse(text)
    if unit is not Unit.HERTZ or not _SLOWEST_HZ <= value <= _FASTEST_HZ:
        raise ConfigError(
            f"--clock '{text}'", "this is no clock from 1 kHz to 10 GHz", "Write 100MHz"
        )
    return value


def _print(found: list[Prediction], options: argparse.Namespace) -> None:
    if options.json:
        documents = [prediction_document(each, per_op=options.per_op) for each in found]
        sys.stdout.write(render_json(documents))
        return
    if not found:
        return
    out = console()
    out.print(predictions_table(found, compact=out.width < _ROOMY))
    for prediction in found if options.per_op else ():
        out.print(op_table(prediction))
    for line in prediction_notes(found):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
