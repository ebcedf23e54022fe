"""Calibration files: what `tinygauge calibrate` writes and `--calibration` takes."""

from __future__ import annotations

import json
from pathlib import Path

from tinygauge import __version__
from tinygauge.cost.calibration import UserCalibration
from tinygauge.errors import ConfigError
from tinygauge.files import write_whole

__all__ = ["load_calibration", "save_calibration"]

_SCHEMA = "tinygauge.calibration"
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
    return UserCalibration.from_dict(content, where)


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
