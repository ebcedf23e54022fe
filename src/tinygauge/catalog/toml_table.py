"""Read the catalogue's TOML: each value with its unit and source, each slip with its place.

A quantity is a table with ``value`` and ``source`` and, where known, ``low, high, level, n,
basis, method``; or ``missing``, the reason why nobody can give it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from tinygauge.errors import ConfigError, did_you_mean
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity
from tinygauge.units import Unit, parse

__all__ = ["TomlTable", "packaged", "read_toml"]

_Choice = TypeVar("_Choice", Method, Basis)

# Scores are often written without their unit.
_SCORES = (Unit.COREMARK_PER_MHZ, Unit.ULPMARK)
_QUANTITY_KEYS = (
    "value", "source", "exact", "low", "high", "level", "n", "basis", "method", "missing", "rail",
)  # fmt: skip


class TomlTable:
    """A TOML table that says where a key is missing or of the wrong kind."""

    def __init__(self, where: str, values: Mapping[str, Any]) -> None:
        self.where = where
        self.values = values

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Name a misspelt key, which would otherwise pass for an absent one."""
        for key in self.values:
            if key not in known:
                advice = did_you_mean(key, known)
                raise ConfigError(self.where, f"unknown key '{key}'", advice)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text, which must be there unless a default is given."""
        value = self.values.get(key, default)
        if value is None:
            raise ConfigError(self.where, f"'{key}' is missing", "Add it as text")
        if not isinstance(value, str) or (default is None and not value):
            advice = f'Write {key} = "…"'
            raise ConfigError(self.where, f"'{key}' must be text, got {value!r}", advice)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty where the key is absent."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ConfigError(self.where, f"'{key}' must be a list of texts, got {value!r}")
        return tuple(value)

    def tables(self, key: str) -> tuple[TomlTable, ...]:
        """Read an array of tables, ``[[key]]``."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ConfigError(self.where, f"'{key}' must be written as [[{key}]], got {value!r}")
        where = f"{self.where}, [[{key}]]"
        return tuple(TomlTable(f"{where} {n}", item) for n, item in enumerate(value, start=1))

    def table(self, key: str) -> TomlTable | None:
        """Return a table, None where the key is absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise ConfigError(self.where, f"'{key}' must be a table, got {value!r}")
        return TomlTable(f"{self.where}, [{key}]", value)

    def quantity(self, key: str, unit: Unit) -> Quantity | Missing:
        """Read ``[key] value, source`` and optional ``low, high, level, n, basis, method``."""
        table = self.table(key)
        if table is None:
            return Missing(f"no {key} in {self.where}", f"Add a [{key}] table with its source")
        table.refuse_unknown(_QUANTITY_KEYS)
        if "missing" in table.values:
            return Missing(table.text("missing"))
        value = table.number("value", unit)
        method = table.choice("method", Method, Method.QUOTED)
        provenance = Provenance(method=method, source=table.text("source"))
        if "low" not in table.values and "high" not in table.values:
            interval = Interval.exact(value) if table.flag("exact") else Interval.unknown()
            return Quantity(value, unit, interval, provenance)
        low, high = table.number("low", unit), table.number("high", unit)
        level, n = table.values.get("level"), table.values.get("n")
        if not (isinstance(level, float | int) and 0 <= level <= 1):
            raise ConfigError(table.where, f"'level' must lie in 0..1, got {level!r}")
        if not low <= value <= high:
            raise ConfigError(table.where, f"value {value} lies outside low {low} to high {high}")
        basis = table.choice("basis", Basis, Basis.UNKNOWN)
        count = n if isinstance(n, int) else None
        return Quantity(value, unit, Interval(low, high, float(level), basis, count), provenance)

    def required(self, key: str, unit: Unit) -> Quantity:
        """Return a quantity that must be there."""
        found = self.quantity(key, unit)
        if isinstance(found, Missing):
            raise ConfigError(self.where, f"the table [{key}] is required", "Add it, with a source")
        return found

    def flag(self, key: str) -> bool | None:
        """Return true or false, None where the key is absent."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise ConfigError(self.where, f"'{key}' must be true or false, got {value!r}")
        return value

    def number(self, key: str, unit: Unit) -> float:
        """Return a number above 0 in the base unit."""
        text = self.text(key)
        if unit in _SCORES and text.replace(".", "", 1).isdigit():
            return float(text)
        where = f"{self.where}, '{key}'"
        try:
            value, found = parse(text)
        except ConfigError as error:
            raise ConfigError(where, f"{error.where}: {error.problem}", error.advice) from None
        if found is not unit:
            problem = f"expected a value in {unit.value}, got '{text}'"
            raise ConfigError(where, problem, "Write the unit behind the number")
        if value <= 0:
            raise ConfigError(where, f"must be above 0, got '{text}'")
        return value

    def choice(self, key: str, kind: type[_Choice], default: _Choice) -> _Choice:
        """Return a member of an enumeration by its value."""
        text = self.values.get(key, default.value)
        try:
            return kind(text)
        except ValueError:
            known = ", ".join(member.value for member in kind)
            raise ConfigError(self.where, f"'{key}' must be one of {known}, got {text!r}") from None


def read_toml(path: Path | Any, where: str) -> TomlTable:
    """Read a file.

    Parameters
    ----------
    path : Path
        The file, on disk or in the package.
    where : str
        What messages call it.

    Returns
    -------
    TomlTable

    Raises
    ------
    ConfigError
        If the file can't be read or is no TOML.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(where, f"can't read the file ({error.strerror})") from error
    try:
        return TomlTable(where, tomllib.loads(content.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(where, f"this is not valid TOML ({error})") from error


def packaged(folder: str) -> dict[str, Any]:
    """List the TOML files that ship in a folder of the package's data.

    Parameters
    ----------
    folder : str
        Such as ``"boards"``.

    Returns
    -------
    dict of str to Traversable
        By the name without its ending.
    """
    root = resources.files("tinygauge").joinpath("data", folder)
    return {
        entry.name.removesuffix(".toml"): entry
        for entry in root.iterdir()
        if entry.name.endswith(".toml")
    }
