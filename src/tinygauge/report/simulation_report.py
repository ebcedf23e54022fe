"""Counted instructions as tables for the terminal and as JSON.

In the JSON every number is exact and whole, except the cycles and the time, whose interval, method
and source stand beside them.
"""

from __future__ import annotations

from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from tinygauge.emulation import Simulation
from tinygauge.quantity import Missing, Quantity
from tinygauge.report.serialise import quantity_document
from tinygauge.simulation import BlockCount, FunctionCount, Profile

__all__ = ["block_table", "function_table", "simulation_document", "simulation_notes"]

Document = dict[str, Any]

_CLASSES_SHOWN = 3
_ENDS = {
    "returned": "it returned",
    "reached": "it reached the function named",
    "exit": "it exited",
    "breakpoint": "it met a breakpoint",
}


def simulation_document(simulation: Simulation) -> Document:
    """Describe a simulation.

    Parameters
    ----------
    simulation : Simulation

    Returns
    -------
    dict
    """
    profile = simulation.profile
    document: Document = {
        "firmware": profile.path,
        "core": profile.core,
        "board": simulation.board or None,
        "clock_hz": simulation.clock_hz,
        "start": profile.start,
        "stop": profile.stop,
        "exit_code": profile.exit_code if profile.stop == "exit" else None,
        "instructions": quantity_document(profile.instructions),
        "taken_branches": quantity_document(profile.taken_branches),
        "cycles": quantity_document(simulation.cycles),
        "time": quantity_document(simulation.time),
        "classes": dict(profile.classes),
        "functions": [_function(each) for each in profile.functions],
        "blocks": [_block(each) for each in profile.blocks],
    }
    absent = (
        ("board", "a core alone was named"),
        ("clock_hz", "no board or clock was named"),
        ("exit_code", "it did not exit"),
    )
    for key, reason in absent:
        if document[key] is None:
            document[f"{key}_missing"] = reason
    return document


def _function(count: FunctionCount) -> Document:
    return {
        "name": count.name,
        "address": count.address,
        "calls": count.calls,
        "instructions": round(count.instructions.value),
        "classes": dict(count.classes),
    }


def _block(count: BlockCount) -> Document:
    return {
        "address": count.address,
        "size_bytes": count.size_bytes,
        "function": count.function,
        "instructions": count.instructions,
        "executions": count.executions,
        "classes": dict(count.classes),
    }


def function_table(profile: Profile) -> Table:
    """Lay out the functions, the busiest first.

    Parameters
    ----------
    profile : Profile

    Returns
    -------
    Table
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("function")
    for name in ("calls", "instructions", "share"):
        table.add_column(name, justify="right")
    table.add_column("mostly")
    whole = profile.instructions.value or 1
    for count in profile.functions:
        own = count.instructions.value
        kinds = sorted(count.classes.items(), key=lambda item: -item[1])[:_CLASSES_SHOWN]
        table.add_row(
            escape(count.name or "(no symbol)"),
            f"{count.calls:,}",
            count.instructions.format(),
            f"{own / whole:.1%}",
            ", ".join(f"{kind} {number / own:.0%}" for kind, number in kinds) if own else "",
        )
    return table


def block_table(profile: Profile, most: int) -> Table:
    """Lay out the busiest basic blocks.

    Parameters
    ----------
    profile : Profile
    most : int
        How many.

    Returns
    -------
    Table
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("block")
    table.add_column("function")
    for name in ("length", "executions", "instructions"):
        table.add_column(name, justify="right")
    table.add_column("classes")
    for block in profile.blocks[:most]:
        table.add_row(
            f"{block.address:#010x}",
            escape(block.function or "(no symbol)"),
            f"{block.instructions}",
            f"{block.executions:,}",
            f"{block.instructions * block.executions:,}",
            ", ".join(f"{number} {kind}" for kind, number in block.classes.items()),
        )
    return table


def simulation_notes(simulation: Simulation) -> list[str]:
    """Say in sentences what was run, and what the numbers are.

    Parameters
    ----------
    simulation : Simulation

    Returns
    -------
    list of str
    """
    profile = simulation.profile
    end = _ENDS[profile.stop]
    if profile.stop == "exit":
        end += f" with code {profile.exit_code}"
    mix = ", ".join(
        f"{kind} {number / profile.instructions.value:.1%}"
        for kind, number in list(profile.classes.items())[:8]
    )
    return [
        f"{profile.path} from {profile.start} until {end}, on an emulated {profile.core}",
        f"instructions {profile.instructions}, exact; {profile.taken_branches.format()} "
        "branches taken",
        f"mix {mix}",
        _priced("cycles", simulation.cycles),
        _priced("time", simulation.time),
    ]


def _priced(name: str, figure: Quantity | Missing) -> str:
    if isinstance(figure, Missing):
        return f"{name} {figure}. {figure.advice}" if figure.advice else f"{name} {figure}"
    return f"{name} {figure}"
