"""An evaluation written down as TOML, so that it can be kept, reviewed and run again.

::

    models = ["models/*.tflite"]
    data = "data/test.npz"
    boards = ["ek-ra6m4", "rx65n-cloud-kit"]
    engines = ["tflm-cmsis-nn"]
    require = ["accuracy>=0.90", "latency<=100ms", "ram<=128KiB"]
    rank = "energy,latency"
    calibration = "calibration.json"
    out = "report"
    measured = ["runs/kws-performance"]

Paths are relative to the file.
"""

from __future__ import annotations

import glob
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinygauge.errors import ConfigError, did_you_mean
from tinygauge.evaluation import DEFAULT_ENGINES

__all__ = ["Experiment", "load_experiment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What to evaluate, on what, and what is required.

    Parameters
    ----------
    models, boards, engines, require : tuple of str
        As for `evaluate`.
    data : str or None
        The dataset.
    rank : str or None
        Order of metrics; None for the default.
    out : str or None
        Report folder.
    measured : tuple of str
        Folders of runs on a board.
    calibration : str or None
        File of the user's own measurements.
    """

    models: tuple[str, ...]
    boards: tuple[str, ...] = ()
    engines: tuple[str, ...] = DEFAULT_ENGINES
    require: tuple[str, ...] = ()
    data: str | None = None
    rank: str | None = None
    out: str | None = None
    measured: tuple[str, ...] = ()
    calibration: str | None = None


_LISTS = ("models", "boards", "engines", "require", "measured")
_TEXTS = ("data", "rank", "out", "calibration")


def load_experiment(path: str | Path) -> Experiment:
    """Read an experiment file.

    Parameters
    ----------
    path : str or Path
        A TOML file.

    Returns
    -------
    Experiment
        Paths made relative to the file's folder.

    Raises
    ------
    ConfigError
        If the file can't be read, is no TOML, has an unknown key ("did you mean"), a value of
        the wrong kind, or names no models.
    """
    file = Path(path)
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(path), f"can't read the file ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(str(path), f"this is not valid TOML ({error})") from error
    known: dict[str, Any] = {}
    for key, value in values.items():
        if key in _LISTS:
            known[key] = _texts(str(path), key, value)
        elif key in _TEXTS:
            if not isinstance(value, str):
                raise ConfigError(str(path), f"'{key}' must be text, got {value!r}")
            known[key] = value
        else:
            advice = did_you_mean(key, (*_LISTS, *_TEXTS))
            raise ConfigError(str(path), f"unknown key '{key}'", advice)
    if not known.get("models"):
        raise ConfigError(str(path), "it names no models", 'Add models = ["models/*.tflite"]')
    return Experiment(**_relative_to(file.parent, known))


def _texts(where: str, key: str, value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ConfigError(where, f"'{key}' must be a list of texts, got {value!r}")
    return tuple(items)


def _relative_to(folder: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Read paths from the file's folder; catalogue names stay as they are."""
    found = dict(values)
    # In a pattern, a folder called "nets [v2]" would be one too.
    literal = Path(glob.escape(str(folder)))
    found["models"] = tuple(
        str((literal if glob.has_magic(name) else folder) / name) for name in values["models"]
    )
    for key in ("boards", "engines"):
        if key in values:
            found[key] = tuple(
                str(folder / name) if name.endswith(".toml") else name for name in values[key]
            )
    if "measured" in values:
        found["measured"] = tuple(str(folder / name) for name in values["measured"])
    for key in ("data", "out", "calibration"):
        if key in values:
            found[key] = str(folder / values[key])
    return found
