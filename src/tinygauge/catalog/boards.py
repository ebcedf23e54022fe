"""Boards from data files: what they are, with a source for each number.

A board is a TOML file under ``data/boards``; users add their own by path. The format is
described in ``docs/howto/add-a-board.md``.

>>> board("ek-ra6m4").core
'cortex-m33'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tinygauge.catalog.toml_table import TomlTable, packaged, read_toml
from tinygauge.errors import ConfigError, UnknownNameError
from tinygauge.quantity import Missing, Quantity
from tinygauge.units import Unit

__all__ = ["ORDERS", "RAILS", "Board", "board", "board_names", "load_board", "sort_boards"]


_NO_SCORE = Missing(
    "no published score was found",
    "EEMBC lists scores at eembc.org/ulpmark; add one with its source",
)


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
    ulpmark_cp, ulpmark_pp, ulpmark_cm : Quantity or Missing
        EEMBC's ULPMark scores of the part (core, peripheral and CoreMark profile); higher is
        less energy.
    active_power : Quantity or Missing
        Watt while inferring at `clock` and `supply`.
    power_rail : str
        What `active_power` covers: ``"mcu"`` or ``"board"``.
    notes : tuple of str
        What is odd about this board or its numbers.
    mcu_maker : str
        Who makes the part: `vendor`, unless the file says otherwise; empty where unknown.
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
    ulpmark_cp: Quantity | Missing = _NO_SCORE
    ulpmark_pp: Quantity | Missing = _NO_SCORE
    ulpmark_cm: Quantity | Missing = _NO_SCORE
    notes: tuple[str, ...] = ()
    mcu_maker: str = ""


RAILS = ("mcu", "board")
# What boards can be sorted by, and the field that holds it.
ORDERS = {
    "name": "name",
    "coremark": "coremark",
    "ulpmark": "ulpmark_cp",
    "clock": "clock",
    "sram": "sram",
    "flash": "flash",
    "power": "active_power",
}

_BOARD_KEYS = (
    "name", "title", "vendor", "mcu", "mcu_maker", "core", "notes",
    "clock", "sram", "sram_block", "flash", "supply", "coremark", "active_power",
    "ulpmark_cp", "ulpmark_pp", "ulpmark_cm",
)  # fmt: skip


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
    table = read_toml(path, str(path))
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
        ulpmark_cp=_score(table, "ulpmark_cp"),
        ulpmark_pp=_score(table, "ulpmark_pp"),
        ulpmark_cm=_score(table, "ulpmark_cm"),
        notes=table.texts("notes"),
        mcu_maker=table.text("mcu_maker", table.text("vendor", "")),
    )


def _score(table: TomlTable, key: str) -> Quantity | Missing:
    return table.quantity(key, Unit.ULPMARK) if key in table.values else _NO_SCORE


def _rail(power: TomlTable | None) -> str:
    rail = "mcu" if power is None else power.text("rail", "mcu")
    if power is not None and rail not in RAILS:
        raise ConfigError(power.where, f"'rail' must be one of {', '.join(RAILS)}, got '{rail}'")
    return rail


def board_names() -> list[str]:
    """Return the names of the packaged boards, sorted."""
    return sorted(packaged("boards"))


def sort_boards(boards: Iterable[Board], by: str) -> list[Board]:
    """Sort boards, the best first and those without the number last.

    Parameters
    ----------
    boards : iterable of Board
    by : str
        One of `ORDERS`: name; the highest score, clock or memory first; the lowest power first.

    Returns
    -------
    list of Board
    """

    def key(board: Board) -> tuple[bool, float, str]:
        if by == "name":
            return False, 0.0, board.name
        figure: Quantity | Missing = getattr(board, ORDERS[by])
        if isinstance(figure, Missing):
            return True, 0.0, board.name
        return False, figure.value if by == "power" else -figure.value, board.name

    return sorted(boards, key=key)


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
    files = packaged("boards")
    if name.lower() not in files:
        raise UnknownNameError("board", name, files)
    return load_board(files[name.lower()])
