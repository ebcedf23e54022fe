"""Calibration files: what `tinygauge calibrate` writes and `--calibration` takes."""

from __future__ import annotations

import json
from pathlib import Path

from tinygauge import __version__
from tinygauge.cost.calibration import UserCalibration
from tinygauge.cost.posterior import Row
from tinygauge.errors import ConfigError
from tinygauge.files import write_whole

__all__ = ["load_calibration", "save_calibration"]

_SCHEMA = "tinygauge.calibration"
# Beyond any count of cycles, clock or power.
_LARGEST = 1e15
_AGAIN = "Make one: tinygauge calibrate measurements.csv --out calibration.json"


def load_calibration(path: str | Path) -> UserCalibration:
    """Read a calibration file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    UserCalibration
        For `predict`, `evaluate` and the functions of `tinygauge.cost`.

    Raises
    ------
    ConfigError
        If it can't be read, is no calibration, is damaged or of another version.
    """
    where = str(path)
    try:
        content = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(where, f"can't read it ({error.strerror or error})", _AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(where, "this is no calibration: no JSON", _AGAIN) from error
    if not isinstance(content, dict) or content.get("schema") != _SCHEMA:
        raise ConfigError(where, "this is no calibration", _AGAIN)
    found = UserCalibration.from_dict(content, where)
    if not all(_is_possible(row) for row in found.rows):
        raise ConfigError(where, "holds a row that no measurement gives", _AGAIN)
    figures = (
        *found.clocks_hz,
        *(value for p in found.powers for value in (p.clock_hz, p.power_w)),
    )
    if not all(0 < figure < _LARGEST for figure in figures):
        raise ConfigError(where, "holds a clock or a power that nothing has", _AGAIN)
    return found


def _is_possible(row: Row) -> bool:
    """Tell whether all numbers of a row are finite, and those that can't be negative are not."""
    amounts = [amount for _, _, amount in row.work]
    return (
        0 < row.cycles < _LARGEST
        and 0 <= row.noise < _LARGEST
        and 0 < row.weight < _LARGEST
        and all(0 <= amount < _LARGEST for amount in amounts)
        and any(amounts)
    )


def save_calibration(calibration: UserCalibration, path: str | Path) -> None:
    """Write a calibration file; another calibration in its place is replaced.

    Parameters
    ----------
    calibration : UserCalibration
    path : str or Path

    Raises
    ------
    ConfigError
        If there is something else in its place, or it can't be written.
    """
    file = Path(path)
    if file.exists():
        try:
            load_calibration(file)
        except ConfigError as error:
            problem = "there is something else than a calibration here already"
            raise ConfigError(str(path), problem, "Name another file: --out FILE") from error
    head = {"schema": _SCHEMA, "tool": f"tinygauge {__version__}"}
    try:
        write_whole(file, json.dumps(head | calibration.as_dict(), indent=1).encode() + b"\n")
    except OSError as error:
        raise ConfigError(str(path), f"can't write it ({error.strerror or error})") from error
