"""Boards and engines from data files: what they are, with a source for each number.

A board is a TOML file under ``data/boards``, an engine one under ``data/engines``; users add
their own by path. The formats are described in ``docs/howto/add-a-board.md``.

>>> board("ek-ra6m4").core
'cortex-m33'
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from tinygauge.errors import ConfigError, UnknownNameError, did_you_mean
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity
from tinygauge.units import Unit, parse

__all__ = [
    "Board",
    "Engine",
    "Profile",
    "board",
    "board_names",
    "engine",
    "engine_names",
    "load_board",
    "load_engine",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A microcontroller board.

    Parameters
    ----------
    name, title, vendor, mcu : str
        Catalogue name, full name, maker, part number.
    core : str
        Such as ``"cortex-m33"``, ``"rxv2"``.
    clock, sram, flash : Quantity
        Core clock (Hz), SRAM and internal flash (bytes) of the part, quoted.
    sram_block : Quantity
        Largest piece of SRAM without a gap (bytes), which an arena must fit into.
    supply : Quantity or Missing
        Volt, at which `active_power` holds.
    coremark : Quantity or Missing
        CoreMark/MHz.
    active_power : Quantity or Missing
        Watt while inferring at `clock` and `supply`.
    power_rail : str
        What `active_power` covers: ``"mcu"`` or ``"board"``.
    notes : tuple of str
        What is odd about this board or its numbers.
    """

    name: str
    title: str
    vendor: str
    mcu: str
    core: str
    clock: Quantity
    sram: Quantity
    sram_block: Quantity
    flash: Quantity
    supply: Quantity | Missing
    coremark: Quantity | Missing
    active_power: Quantity | Missing
    power_rail: str = "mcu"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """How an engine rounds, with the evidence.

    Parameters
    ----------
    name : str
        ``"two-rounding"``, ``"one-rounding"``, ``"litert"`` or ``"unknown"``.
    evidence : str
        What was compared with what, and how many outputs agreed.
    """

    name: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An inference engine.

    Parameters
    ----------
    name, title, version, source : str
        Catalogue name, full name, the version the numbers are of, and where that is stated.
    kernels : str
        ``"reference"``, ``"cmsis-nn"`` or the maker's name.
    cores : tuple of str
        Cores it runs on.
    profile : Profile
        Its numeric profile.
    ops : frozenset of str or None
        Op kinds it can run; None where its makers publish no list.
    skips_dead_channels : bool or None
        Whether channels with all-zero weights cost no time; None where unknown.
    notes : tuple of str
    accelerated_ops : frozenset of str
        Op kinds with a kernel of their own; the others run TFLM's reference kernel. Empty where
        that has no meaning or is not known.
    """

    name: str
    title: str
    version: str
    source: str
    kernels: str
    cores: tuple[str, ...]
    profile: Profile
    ops: frozenset[str] | None
    skips_dead_channels: bool | None = None
    notes: tuple[str, ...] = ()
    accelerated_ops: frozenset[str] = frozenset()


_Choice = TypeVar("_Choice", Method, Basis)

PROFILES = ("two-rounding", "one-rounding", "litert", "unknown")
RAILS = ("mcu", "board")

_BOARD_KEYS = (
    "name", "title", "vendor", "mcu", "core", "notes",
    "clock", "sram", "sram_block", "flash", "supply", "coremark", "active_power",
)  # fmt: skip
_ENGINE_KEYS = (
    "name", "title", "version", "source", "kernels", "cores", "numerics", "ops",
    "accelerated_ops", "skips_dead_channels", "notes",
)  # fmt: skip
_QUANTITY_KEYS = (
    "value", "source", "exact", "low", "high", "level", "n", "basis", "method", "missing", "rail",
)  # fmt: skip


class _Table:
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
        value = self.values.get(key, default)
        if value is None:
            raise ConfigError(self.where, f"'{key}' is missing", "Add it as text")
        if not isinstance(value, str) or (default is None and not value):
            advice = f'Write {key} = "…"'
            raise ConfigError(self.where, f"'{key}' must be text, got {value!r}", advice)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ConfigError(self.where, f"'{key}' must be a list of texts, got {value!r}")
        return tuple(value)

    def table(self, key: str) -> _Table | None:
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise ConfigError(self.where, f"'{key}' must be a table, got {value!r}")
        return _Table(f"{self.where}, [{key}]", value)

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
        found = self.quantity(key, unit)
        if isinstance(found, Missing):
            raise ConfigError(self.where, f"the table [{key}] is required", "Add it, with a source")
        return found

    def flag(self, key: str) -> bool | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise ConfigError(self.where, f"'{key}' must be true or false, got {value!r}")
        return value

    def number(self, key: str, unit: Unit) -> float:
        text = self.text(key)
        if unit is Unit.COREMARK_PER_MHZ and text.replace(".", "", 1).isdigit():
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
        text = self.values.get(key, default.value)
        try:
            return kind(text)
        except ValueError:
            known = ", ".join(member.value for member in kind)
            raise ConfigError(self.where, f"'{key}' must be one of {known}, got {text!r}") from None


def _read(path: Path | Any, where: str) -> _Table:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(where, f"can't read the file ({error.strerror})") from error
    try:
        return _Table(where, tomllib.loads(content.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(where, f"this is not valid TOML ({error})") from error


def load_board(path: Path | Any) -> Board:
    """Read a board from a TOML file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Board

    Raises
    ------
    ConfigError
        If the file can't be read, a required key is absent, or a value does not parse.
    """
    table = _read(path, str(path))
    table.refuse_unknown(_BOARD_KEYS)
    sram = table.required("sram", Unit.BYTE)
    has_block = "sram_block" in table.values
    block = table.required("sram_block", Unit.BYTE) if has_block else sram
    if block.value > sram.value:
        raise ConfigError(f"{path}, [sram_block]", "it is larger than [sram]", "Correct either")
    return Board(
        name=table.text("name").lower(),
        title=table.text("title"),
        vendor=table.text("vendor", ""),
        mcu=table.text("mcu", ""),
        core=table.text("core").lower(),
        clock=table.required("clock", Unit.HERTZ),
        sram=sram,
        sram_block=block,
        flash=table.required("flash", Unit.BYTE),
        supply=table.quantity("supply", Unit.VOLT),
        coremark=table.quantity("coremark", Unit.COREMARK_PER_MHZ),
        active_power=table.quantity("active_power", Unit.WATT),
        power_rail=_rail(table.table("active_power")),
        notes=table.texts("notes"),
    )


def _rail(power: _Table | None) -> str:
    rail = "mcu" if power is None else power.text("rail", "mcu")
    if power is not None and rail not in RAILS:
        raise ConfigError(power.where, f"'rail' must be one of {', '.join(RAILS)}, got '{rail}'")
    return rail


def load_engine(path: Path | Any) -> Engine:
    """Read an engine from a TOML file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Engine

    Raises
    ------
    ConfigError
        If the file can't be read, a required key is absent, or a value does not parse.
    """
    table = _read(path, str(path))
    table.refuse_unknown(_ENGINE_KEYS)
    numerics = table.table("numerics")
    if numerics is None:
        raise ConfigError(str(path), "the table [numerics] is required", "Add profile and evidence")
    numerics.refuse_unknown(("profile", "evidence"))
    profile = Profile(numerics.text("profile"), numerics.text("evidence"))
    if profile.name not in PROFILES:
        raise ConfigError(
            numerics.where, f"profile must be one of {', '.join(PROFILES)}, got '{profile.name}'"
        )
    ops = table.texts("ops")
    return Engine(
        name=table.text("name").lower(),
        title=table.text("title"),
        version=table.text("version", "unknown"),
        source=table.text("source"),
        kernels=table.text("kernels"),
        cores=tuple(core.lower() for core in table.texts("cores")),
        profile=profile,
        ops=frozenset(ops) if ops else None,
        skips_dead_channels=table.flag("skips_dead_channels"),
        notes=table.texts("notes"),
        accelerated_ops=frozenset(table.texts("accelerated_ops")),
    )


def _files(folder: str) -> dict[str, Any]:
    root = resources.files("tinygauge").joinpath("data", folder)
    return {
        entry.name.removesuffix(".toml"): entry
        for entry in root.iterdir()
        if entry.name.endswith(".toml")
    }


def board_names() -> list[str]:
    """Return the names of the packaged boards, sorted."""
    return sorted(_files("boards"))


def engine_names() -> list[str]:
    """Return the names of the packaged engines, sorted."""
    return sorted(_files("engines"))


@cache
def board(name: str) -> Board:
    """Return a board by catalogue name, or by the path of a TOML file.

    Parameters
    ----------
    name : str
        Such as ``"ek-ra6m4"`` or ``"boards/mine.toml"``.

    Returns
    -------
    Board

    Raises
    ------
    UnknownNameError
        If there is no such board; the message names the nearest.
    ConfigError
        If a file does not parse.
    """
    if name.endswith(".toml"):
        return load_board(Path(name))
    files = _files("boards")
    if name.lower() not in files:
        raise UnknownNameError("board", name, files)
    return load_board(files[name.lower()])


@cache
def engine(name: str) -> Engine:
    """Return an engine by catalogue name, or by the path of a TOML file.

    Parameters
    ----------
    name : str
        Such as ``"tflm-cmsis-nn"`` or ``"engines/mine.toml"``.

    Returns
    -------
    Engine

    Raises
    ------
    UnknownNameError
        If there is no such engine; the message names the nearest.
    ConfigError
        If a file does not parse.
    """
    if name.endswith(".toml"):
        return load_engine(Path(name))
    files = _files("engines")
    if name.lower() not in files:
        raise UnknownNameError("engine", name, files)
    return load_engine(files[name.lower()])
