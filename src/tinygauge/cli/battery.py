"""`tinygauge battery`: average current and battery life of a product with a model in it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

from tinygauge import catalog, graph
from tinygauge.calibration import load_calibration
from tinygauge.cli.output import console, print_error
from tinygauge.cost.battery import (
    BatteryLife,
    Cell,
    DutyCycle,
    parse_cell,
    parse_input,
    parse_rate,
    parse_self_discharge,
    predict_battery,
)
from tinygauge.errors import ConfigError, InputError
from tinygauge.prediction import Prediction, predict
from tinygauge.quantity import Missing, Quantity
from tinygauge.report.serialise import quantity_document, render_json
from tinygauge.units import Unit

__all__ = ["run"]

_DAY_S = 24 * 3600.0
_SPANS = (("years", 365.25 * _DAY_S), ("days", _DAY_S), ("hours", 3600.0), ("s", 1.0))
_VERDICTS = {True: "inside", False: "outside", None: "undecided"}


def run(options: argparse.Namespace) -> int:
    """Print the life of the cell; 1 where the rate can't surely be kept up."""
    duty, cell = _duty(options), _cell(options)
    engine = catalog.engine(options.engine)
    own = load_calibration(options.calibration) if options.calibration else None
    model, board = graph.load(options.model), catalog.board(options.board)
    prediction = predict(model, board, engine, calibration=own)
    life = _life(prediction, duty, cell)
    if options.json:
        sys.stdout.write(render_json(_document(prediction, duty, cell, life)))
    else:
        _print(prediction, cell, life)
    if life.feasible is not True:
        print_error(f"{_VERDICTS[life.feasible]}: {_reason(life)}")
        return 1
    return 0


def _duty(options: argparse.Namespace) -> DutyCycle:
    if options.sleep_current is None:
        raise ConfigError(
            "--sleep-current",
            f"the catalogue has no sleep current for {options.board}",
            "Take it from the part's datasheet, with the RAM kept that you need: "
            "--sleep-current 2uA",
        )
    wake = options.wake_energy
    return DutyCycle(
        rate_hz=parse_rate(options.rate),
        sleep_current_a=parse_input(options.sleep_current, Unit.AMPERE),
        wake_energy_j=None if wake is None else parse_input(wake, Unit.JOULE),
    )


def _cell(options: argparse.Namespace) -> Cell:
    cell = parse_cell(options.cell)
    if options.self_discharge is None:
        return cell
    return replace(cell, self_discharge_per_year=parse_self_discharge(options.self_discharge))


def _life(prediction: Prediction, duty: DutyCycle, cell: Cell) -> BatteryLife:
    target, latency, energy = prediction.target, prediction.latency, prediction.energy
    where = f"{prediction.model.name} on {target}"
    if isinstance(latency, Missing):
        raise InputError(where, f"no latency, so no battery life: {latency.reason}", latency.advice)
    if isinstance(energy, Missing):
        raise InputError(where, f"no energy, so no battery life: {energy.reason}", energy.advice)
    if target.supply_v is None:
        raise InputError(where, "no supply is known, so no charge", "Add [supply] to a board file")
    return predict_battery(latency, energy, target.supply_v, cell, duty)


def _reason(life: BatteryLife) -> str:
    if isinstance(life.life, Missing):
        return f"{life.life.reason}. {life.life.advice}"
    ends = life.busy.interval
    return f"the core may be busy for {ends.low:.0%} to {ends.high:.0%} of the time: measure it"


def _document(
    prediction: Prediction, duty: DutyCycle, cell: Cell, life: BatteryLife
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "model": prediction.model.name,
        "model_path": prediction.model.path,
        "model_sha256": prediction.model.sha256,
        "board": prediction.target.board,
        "core": prediction.target.core,
        "engine": prediction.target.engine,
        "clock_hz": prediction.target.clock_hz,
        "supply_v": prediction.target.supply_v,
        "rate_hz": duty.rate_hz,
        "sleep_current_a": duty.sleep_current_a,
        "wake_energy_j": duty.wake_energy_j,
        "cell": {
            "name": cell.name,
            "capacity_c": cell.capacity_c,
            "voltage_v": cell.voltage_v,
            "self_discharge_per_year": cell.self_discharge_per_year,
            "source": cell.source,
        },
    }
    if duty.wake_energy_j is None:
        document["wake_energy_j_missing"] = "no wake-up cost was given"
    figures = {
        "busy": life.busy,
        "average_current_a": life.average_current,
        "life_s": life.life,
    }
    for key, figure in figures.items():
        _put(document, key, figure)
    return document | {
        "verdict": _VERDICTS[life.feasible],
        "shares": life.shares,
        "method": "predicted",
        "figures": {key: quantity_document(figure) for key, figure in figures.items()},
        "notes": list(life.notes),
    }


def _put(document: dict[str, Any], key: str, figure: Quantity | Missing) -> None:
    stem, _, unit = key.rpartition("_")
    names = (f"{stem}_low_{unit}", f"{stem}_high_{unit}") if stem else (f"{key}_low", f"{key}_high")
    if isinstance(figure, Missing):
        document |= {key: None, f"{key}_missing": figure.reason}
        for name in names:
            document |= {name: None, f"{name}_missing": figure.reason}
        return
    document[key] = figure.value
    ends = (figure.interval.low, figure.interval.high)
    for name, end in zip(names, ends, strict=True):
        document[name] = end if figure.interval.is_known else None
        if document[name] is None:
            document[f"{name}_missing"] = "its interval is unknown"


def _print(prediction: Prediction, cell: Cell, life: BatteryLife) -> None:
    lines = [
        f"{prediction.model.name} on {prediction.target}",
        f"busy: {life.busy}",
    ]
    if isinstance(life.life, Quantity) and isinstance(life.average_current, Quantity):
        current = life.average_current
        shares = ", ".join(f"{name} {share:.1%}" for name, share in life.shares.items())
        lines += [
            f"average current: {current}",
            f"battery life: {_span(life.life)} {life.life.method.value}",
            f"charge goes to: {shares}",
        ]
    lines.append(f"cell: {cell.name}, {cell.voltage_v:g} V, {cell.source}")
    lines += [f"note: {note}" for note in life.notes]
    lines += [
        f"{finding.code} {finding.where}: {finding.message}" for finding in prediction.findings
    ]
    out = console()
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _span(life: Quantity) -> str:
    """Print a long time in years, days or hours, with its interval."""
    name, length_s = next(span for span in _SPANS if life.value >= span[1] or span[1] == 1.0)
    if not life.interval.is_known:
        return f"{life.value / length_s:.3g} {name} (interval unknown)"
    low, high = life.interval.low / length_s, life.interval.high / length_s
    return f"{life.value / length_s:.3g} {name} ({low:.3g} to {high:.3g} {name})"
