"""The catalogue as tables for the terminal: boards, engines and their builds."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tinygauge.catalog import Board, Engine
from tinygauge.quantity import Missing, Quantity
from tinygauge.report.cells import cell
from tinygauge.units import Unit

__all__ = ["board_table", "boards_table", "builds_table", "engine_table", "engines_table"]

_SCORES = (Unit.COREMARK_PER_MHZ, Unit.ULPMARK)


def boards_table(boards: Sequence[Board], *, compact: bool = False) -> Table:
    """Lay out boards side by side.

    Parameters
    ----------
    boards : sequence of Board
    compact : bool
        Leave out supplies and intervals, for narrow terminals.

    Returns
    -------
    rich.table.Table
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("board", "core"):
        table.add_column(name, overflow="fold")
    supply = () if compact else ("supply",)
    for name in (
        "clock",
        *supply,
        "SRAM",
        "flash",
        "CoreMark\n/MHz",
        "ULPMark\n-CP",
        "active\npower",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for board in boards:
        table.add_row(
            Text(board.name),
            Text(board.core),
            cell(board.clock, with_interval=not compact),
            *([] if compact else [cell(board.supply)]),
            cell(board.sram, with_interval=not compact),
            cell(board.flash, with_interval=not compact),
            _score(board.coremark),
            _score(board.ulpmark_cp),
            cell(board.active_power, with_interval=not compact),
        )
    table.caption = "tinygauge boards NAME prints the source of each number"
    return table


def _score(score: Quantity | Missing) -> str:
    if isinstance(score, Missing):
        return "—"
    return f"{score.value:.2f}" if score.unit is Unit.COREMARK_PER_MHZ else f"{score.value:g}"


def board_table(board: Board) -> Table:
    """Lay out one board with the source of each number.

    Parameters
    ----------
    board : Board

    Returns
    -------
    rich.table.Table
    """
    maker = f" of {board.mcu_maker}" if board.mcu_maker else ""
    title = f"{board.title} ({board.name}): {board.mcu}{maker}, {board.core}"
    table = Table(title=escape(title), box=box.SIMPLE_HEAD)
    for name in ("what", "value", "method"):
        table.add_column(name, no_wrap=True)
    table.add_column("source", overflow="fold")
    figures: dict[str, Quantity | Missing] = {
        "clock": board.clock,
        "supply": board.supply,
        "SRAM": board.sram,
        "SRAM in one piece": board.sram_block,
        "flash": board.flash,
        "CoreMark/MHz": board.coremark,
        "ULPMark-CP": board.ulpmark_cp,
        "ULPMark-PP": board.ulpmark_pp,
        "ULPMark-CM": board.ulpmark_cm,
        f"active power ({board.power_rail})": board.active_power,
    }
    for name, quantity in figures.items():
        if isinstance(quantity, Missing):
            table.add_row(name, "unknown", "", Text(quantity.reason))
            continue
        value = _score(quantity) if quantity.unit in _SCORES else cell(quantity)
        table.add_row(name, value, quantity.method.value, Text(quantity.provenance.source))
    for note in board.notes:
        table.add_row("note", "", "", Text(note))
    return table


def engines_table(engines: Sequence[Engine], *, compact: bool = False) -> Table:
    """Lay out engines with their numeric profile and its evidence.

    Parameters
    ----------
    engines : sequence of Engine
    compact : bool
        Leave out the evidence, for narrow terminals.

    Returns
    -------
    rich.table.Table
    """
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("engine", "kernels", "numerics"):
        table.add_column(name, no_wrap=True)
    if not compact:
        table.add_column("builds", justify="right", no_wrap=True)
    table.add_column("ops", justify="right", no_wrap=True)
    table.add_column("skips dead\nchannels", justify="center", no_wrap=True)
    if compact:
        table.caption = "tinygauge engines NAME gives builds, evidence and notes"
    else:
        table.add_column("evidence for the numerics", overflow="fold")
    words = {True: "yes", False: "no", None: "unknown"}
    for engine in engines:
        table.add_row(
            Text(engine.name),
            Text(engine.kernels),
            engine.profile.name,
            *([] if compact else [str(len(engine.builds))]),
            "unknown" if engine.ops is None else str(len(engine.ops)),
            words[engine.skips_dead_channels],
            *([] if compact else [Text(engine.profile.evidence)]),
        )
    return table


def engine_table(engine: Engine) -> Table:
    """Lay out what is known of one engine, or of one build of it, each fact with its source.

    Parameters
    ----------
    engine : Engine

    Returns
    -------
    rich.table.Table
    """
    table = Table(title=escape(f"{engine.title} ({engine.name})"), box=box.SIMPLE_HEAD)
    table.add_column("what", no_wrap=True)
    table.add_column("", overflow="fold")
    lacks = {True: "yes", False: "no", None: "unknown"}
    facts = {
        "version": f"{engine.version}; {engine.source}",
        "kernels": engine.kernels,
        "cores": ", ".join(engine.cores),
        "parts of": " or ".join(engine.makers) or "any maker",
        "numerics": f"{engine.profile.name}: {engine.profile.evidence}",
        "ops": "unknown" if engine.ops is None else ", ".join(sorted(engine.ops)),
        "skips dead channels": lacks[engine.skips_dead_channels],
    }
    for build in engine.builds:
        if engine.build == build.name:
            facts |= {
                "compiler": build.compiler or "not stated",
                "flags": build.flags or "not stated",
                "timed": build.timed,
            }
    for name, fact in facts.items():
        table.add_row(name, Text(fact))
    for note in engine.notes:
        table.add_row("note", Text(note))
    return table


def builds_table(engine: Engine) -> Table:
    """Lay out the builds of an engine.

    Parameters
    ----------
    engine : Engine

    Returns
    -------
    rich.table.Table
    """
    table = Table(title=escape(f"builds of {engine.base}"), box=box.SIMPLE_HEAD)
    table.add_column("name", overflow="fold", min_width=20)
    table.add_column("released", no_wrap=True)
    for name in ("version", "compiler and flags", "timed", "source"):
        table.add_column(name, overflow="fold")
    table.add_column("dead\nchannels", no_wrap=True)
    words = {True: "skipped", False: "computed", None: "unknown"}
    table.add_row(
        Text(engine.base), "", Text(f"newest release: {engine.version}"), "", "Invoke alone", "",
        words[engine.skips_dead_channels],
    )  # fmt: skip
    for build in engine.builds:
        how = "; ".join(text for text in (build.compiler, build.flags) if text) or "not stated"
        table.add_row(
            Text(f"{engine.base}@{build.name}"),
            build.released,
            Text(build.version),
            Text(how),
            Text(build.timed),
            Text(build.source),
            words[build.skips_dead_channels],
        )
    table.caption = "name a build wherever an engine is asked for"
    return table
