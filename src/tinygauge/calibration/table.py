"""Read a table of measurements: a CSV file with one line per reading.

The columns are `model`, `board`, `engine`, `clock`, `latency`, `energy` and `note`. A value is
written with its unit, or bare below a column that names it: ``62ms`` below `latency`, ``62``
below `latency_ms`. Paths are relative to the file.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tinygauge import graph
from tinygauge.calibration.readings import Place, Reading, parse_positive
from tinygauge.errors import ConfigError, InputError, did_you_mean
from tinygauge.graph import Model
from tinygauge.units import Unit

__all__ = ["COLUMNS", "read_table"]

COLUMNS = ("model", "board", "engine", "clock", "latency", "energy", "note")
_UNITS = {
    "clock": ("Hz", "kHz", "MHz"),
    "latency": ("s", "ms", "us"),
    "energy": ("J", "mJ", "uJ"),
}
_NEEDED = ("model", "latency")
# Beyond this a file is no list of what somebody measured.
_MOST_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: what it holds, and the unit of bare numbers below it."""

    name: str
    unit: str = ""

    def with_unit(self, cell: str) -> str:
        return f"{cell} {self.unit}" if self.unit and cell and not cell[-1].isalpha() else cell


def read_table(path: str | Path, given: Place) -> list[Reading]:
    """Read a CSV file of measurements.

    Parameters
    ----------
    path : str or Path
        UTF-8, with a header; commas, semicolons or tabs between the cells.
    given : Place
        What holds for lines that do not say.

    Returns
    -------
    list of Reading
        At least one.

    Raises
    ------
    InputError
        If the file can't be read, a column is unknown or missing, a cell does not parse, or a
        model, board or engine does not exist; the message names the line.
    """
    lines = _lines(Path(path))
    try:
        header = next(lines)
    except StopIteration:
        raise ConfigError(str(path), "it is empty", f"Columns: {', '.join(COLUMNS)}") from None
    columns = _columns(str(path), header[1])
    reader = _Reader(Path(path).parent, given, {})
    found = []
    for number, cells in lines:
        where = f"{path}, line {number}"
        if len(cells) != len(columns):
            problem = f"{len(cells)} cells, the header has {len(columns)}"
            raise ConfigError(where, problem, "Quote cells that hold the separator")
        row = {
            column.name: column.with_unit(cell) for column, cell in zip(columns, cells, strict=True)
        }
        found.append(reader.reading(where, row))
    if not found:
        raise ConfigError(str(path), "it has a header and no line below", "Add a measurement")
    return found


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that hold something, with their numbers."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(str(path), "it is larger than 10 MiB", "Name a list of measurements")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(str(path), f"can't read it ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"this is no UTF-8 ({error.reason})", "Save it so") from error
    if text.lstrip().startswith("{"):
        raise ConfigError(str(path), "this is JSON, no table", "A calibration goes behind --add")
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=separator, strict=True, skipinitialspace=True)
    try:
        for cells in rows:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield rows.line_num, stripped
    except csv.Error as error:
        raise ConfigError(f"{path}, line {rows.line_num}", f"this is no CSV ({error})") from error


def _columns(where: str, header: list[str]) -> list[_Column]:
    columns = [_column(where, name) for name in header]
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(where, f"there are two columns for {name}", "Leave one")
    for name in _NEEDED:
        if name not in names:
            advice = f"Columns: {', '.join(COLUMNS)}"
            raise ConfigError(where, f"the header has no column '{name}'", advice)
    return columns


def _column(where: str, header: str) -> _Column:
    spelling = re.sub(r"[\W_]+", "_", header.lower().replace("µ", "u").replace("μ", "u"))
    base, _, suffix = spelling.strip("_").partition("_")  # Latency (ms) is latency_ms
    units = {unit.lower(): unit for unit in _UNITS.get(base, ())}
    if base in COLUMNS and not suffix:
        return _Column(base)
    if suffix in units:
        return _Column(base, units[suffix])
    spelt = [f"{name}_{unit.lower()}" for name, all_ in _UNITS.items() for unit in all_]
    advice = did_you_mean(header, (*COLUMNS, *spelt))
    raise ConfigError(where, f"unknown column '{header}'", advice)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Makes readings of lines: where paths start, what lines need not say, models read so far."""

    folder: Path
    given: Place
    models: dict[Path, Model]

    def reading(self, where: str, row: Mapping[str, str]) -> Reading:
        for name in _NEEDED:
            if not row[name]:
                raise ConfigError(where, f"the {name} is empty", "Fill it in, or remove the line")
        latency_s = parse_positive(row["latency"], Unit.SECOND, f"{where}, latency")
        energies_j: tuple[float, ...] = ()
        if row.get("energy"):
            energies_j = (parse_positive(row["energy"], Unit.JOULE, f"{where}, energy"),)
        place = Place(
            board=self._name(row.get("board", "")),
            engine=self._name(row.get("engine", "")),
            clock=row.get("clock", ""),
        )
        try:
            model = self._model(self.folder / row["model"])
            board, engine, clock_hz = place.or_else(self.given).look_up(where)
        except ConfigError:
            raise
        except InputError as error:
            raise ConfigError(f"{where}, {error.where}", error.problem, error.advice) from error
        return Reading(
            where=where,
            model=model,
            board=board,
            engine=engine,
            clock_hz=clock_hz,
            latencies_s=(latency_s,),
            energies_j=energies_j,
        )

    def _name(self, name: str) -> str:
        """Read paths from the table's folder; catalogue names stay as they are."""
        return str(self.folder / name) if name.partition("@")[0].endswith(".toml") else name

    def _model(self, path: Path) -> Model:
        if path not in self.models:
            self.models[path] = graph.load(path)
        return self.models[path]
