"""Your own measurements as a basis for predictions: read them, learn from them, keep the result.

::

    from tinygauge.calibration import calibrate, load_calibration, read_measurements
    from tinygauge.calibration import save_calibration
    own = calibrate(read_measurements("measured.csv"))
    save_calibration(own, "own.json")
    predict(model, board, engine, calibration=own)

A table is a CSV file with a header. Needed are ``model`` (a `.tflite` file, beside the table or
by its path), ``board``, ``engine`` and ``latency``; ``clock``, ``energy`` and ``core`` may be
there too. Values carry their units (``10.3 ms``, ``120 MHz``, ``450 uJ``), or the column does
(``latency_s``, ``clock_hz``, ``energy_j``). A board that is not in the catalogue needs its core
and clock. A folder is a run of the bench (``docs/reference/bench-run.md``).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tinygauge import catalog, graph
from tinygauge.bench.folder import load_run
from tinygauge.bench.records import Mode, Run
from tinygauge.bench.rules import median_of
from tinygauge.cost.calibrate import Measurement, calibrate
from tinygauge.cost.calibration import UserCalibration
from tinygauge.errors import ConfigError, InputError
from tinygauge.files import write_whole
from tinygauge.graph import Model
from tinygauge.inspection import target_of
from tinygauge.quantity import Evidence, Interval, Method, Provenance, Quantity
from tinygauge.records import Target
from tinygauge.units import Unit, parse

__all__ = [
    "Measurement",
    "UserCalibration",
    "calibrate",
    "load_calibration",
    "read_measurements",
    "save_calibration",
]

# Column to the unit that a bare number in its `_s`, `_hz`, `_j` form has.
_UNITS = {"latency": Unit.SECOND, "clock": Unit.HERTZ, "energy": Unit.JOULE}
_SUFFIX = {"latency": "_s", "clock": "_hz", "energy": "_j"}
_NAMED = ("model", "board", "engine", "core")
_COLUMNS = (*_NAMED, *_UNITS, *(name + end for name, end in _SUFFIX.items()))


def read_measurements(path: str | Path) -> tuple[Measurement, ...]:
    """Read measurements from a table or a run of the bench.

    Parameters
    ----------
    path : str or Path
        A CSV file, or the folder of a run.

    Returns
    -------
    tuple of Measurement
        At least one.

    Raises
    ------
    InputError
        If the file can't be read, a column is missing or unknown, a value is no number above 0
        with the right unit, a name is unknown, or a run timed nothing or ran on no real board.
    """
    path = Path(path)
    return (_of_run(path),) if path.is_dir() else _of_table(path)


def save_calibration(calibration: UserCalibration, path: str | Path) -> None:
    """Write a calibration as JSON.

    Parameters
    ----------
    calibration : UserCalibration
    path : str or Path

    Raises
    ------
    ConfigError
        If it can't be written.
    """
    text = json.dumps(calibration.as_dict(), indent=1) + "\n"
    try:
        write_whole(Path(path), text.encode())
    except OSError as error:
        raise ConfigError(str(path), f"can't be written ({error.strerror})") from error


def load_calibration(path: str | Path) -> UserCalibration:
    """Read what `save_calibration` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    UserCalibration

    Raises
    ------
    ConfigError
        If the file can't be read or is no calibration.
    """
    try:
        content = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(str(path), f"can't be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        advice = "Run tinygauge calibrate again"
        raise ConfigError(str(path), f"is no calibration ({error})", advice) from error
    return UserCalibration.from_dict(content, str(path))


def _of_table(path: Path) -> tuple[Measurement, ...]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(str(path), f"can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(str(path), "is no UTF-8 text", "Save the table as CSV") from error
    rows = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    try:
        _check_columns(path, rows.fieldnames or ())
        models: dict[str, Model] = {}
        found = [_of_row(path, rows.line_num, row, models) for row in rows]
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num}", f"is no CSV ({error})") from error
    if not found:
        raise InputError(str(path), "holds no measurement", "Add a row below the header")
    return tuple(found)


def _check_columns(path: Path, names: object) -> None:
    given = [str(name).strip() for name in names] if isinstance(names, (list, tuple)) else []
    unknown = [name for name in given if name not in _COLUMNS]
    if unknown:
        raise InputError(
            str(path), f"unknown column '{unknown[0]}'", f"Known: {', '.join(_COLUMNS)}"
        )
    missing = [name for name in ("model", "board", "engine") if name not in given]
    if not {"latency", "latency_s"} & set(given):
        missing.append("latency")
    if missing:
        raise InputError(
            str(path), f"has no column '{missing[0]}'", "Begin with: model,board,engine,latency"
        )


def _of_row(
    path: Path, line: int, row: Mapping[str | None, str | None], models: dict[str, Model]
) -> Measurement:
    where = f"{path}:{line}"
    if None in row or None in row.values():
        raise InputError(where, "has more or fewer fields than the header", "Check the commas")
    fields = {str(name).strip(): (value or "").strip() for name, value in row.items()}
    latency = _value(where, fields, "latency")
    if latency is None or not fields["model"]:
        raise InputError(where, "has no latency or no model", "Fill it in")
    name = fields["model"]
    if name not in models:
        models[name] = graph.load(path.parent / name)
    provenance = Provenance(
        method=Method.MEASURED, source=where, evidence=(Evidence("measurement", str(path)),)
    )

    def measured(value: float, unit: Unit) -> Quantity:
        return Quantity(value, unit, Interval.unknown(), provenance)

    energy = _value(where, fields, "energy")
    return Measurement(
        model=models[name],
        target=_target(where, fields),
        latency=measured(latency, Unit.SECOND),
        energy=None if energy is None else measured(energy, Unit.JOULE),
        source=where,
    )


def _value(where: str, fields: Mapping[str, str], name: str) -> float | None:
    """Read a number with its unit from a column, or bare from that with the unit in its name."""
    bare = fields.get(name + _SUFFIX[name], "")
    text = fields.get(name, "") or bare
    if not text:
        return None
    value, unit = parse(text)
    if text == bare and unit is Unit.RATIO and "%" not in text:
        unit = _UNITS[name]
    if unit is not _UNITS[name] or value <= 0:
        example = {"latency": "10.3 ms", "clock": "120 MHz", "energy": "450 uJ"}[name]
        raise InputError(where, f"{name} '{text}' is no {_UNITS[name]} above 0", f"Write {example}")
    return value


def _target(where: str, fields: Mapping[str, str]) -> Target:
    engine, clock = catalog.engine(fields["engine"]), _value(where, fields, "clock")
    core, name = fields.get("core", ""), fields["board"]
    if name in catalog.board_names():
        target = target_of(catalog.board(name), engine)
        return target if clock is None else replace(target, clock_hz=clock)
    if not core or clock is None or not name:
        board = catalog.board(name) if not core else name
        raise InputError(
            where, f"the board '{board}' is not in the catalogue", "Add the columns core and clock"
        )
    return Target(board=name, core=core.lower(), engine=engine.name, clock_hz=clock)


def _of_run(folder: Path) -> Measurement:
    run = load_run(folder)
    file = Path(_model_of(folder, run))
    seconds = median_of([window.elapsed_s / window.iterations for window in run.windows])
    energies = [w.energy.energy_j / w.iterations for w in run.windows if w.energy is not None]
    provenance = Provenance(
        method=Method.MEASURED, source=str(folder), evidence=(Evidence("run", str(folder)),)
    )
    target = target_of(catalog.board(run.board), catalog.engine(run.engine))
    return Measurement(
        model=graph.load(file if file.is_file() else folder / file.name),
        target=replace(target, clock_hz=run.clock_hz or target.clock_hz),
        latency=Quantity(seconds, Unit.SECOND, Interval.unknown(), provenance),
        energy=Quantity(median_of(energies), Unit.JOULE, Interval.unknown(), provenance)
        if energies
        else None,
        source=str(folder),
    )


def _model_of(folder: Path, run: Run) -> str:
    """Return the file that a run timed; refuse a run that can't tell of a board."""
    if run.mode is Mode.ACCURACY or not run.windows:
        raise InputError(str(folder), "is no timed run", "Measure performance")
    if run.simulated:
        raise InputError(str(folder), "ran on no board: its times are an emulator's")
    if not run.board or not run.engine or run.model is None:
        raise InputError(
            str(folder),
            "does not say which model ran on which board",
            "Name board, engine and model when measuring",
        )
    return run.model.name
