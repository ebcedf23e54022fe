"""Turns the instructions that a firmware executes into cycles and seconds.

The instructions are exact. What one costs is the latency calibration's cost of a core or board: it
was fitted to the kernels of inference engines, and which of them a function resembles is unknown.
So the interval spans the costs of all kinds of kernels, widened by what the calibration missed by
on other boards. See ``docs/howto/count-instructions.md``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygauge import __version__
from tinygauge.catalog import Board
from tinygauge.cost.boards import board_spread
from tinygauge.cost.cycles import OP_CLASSES, Labels
from tinygauge.cost.intervals import Spread, around, combined
from tinygauge.cost.times import packaged_posterior, time_table
from tinygauge.quantity import Evidence, Method, Missing, Provenance, Quantity
from tinygauge.simulation import Limits, Profile, count_instructions
from tinygauge.units import Unit

__all__ = ["Simulation", "simulate"]

_TYPICAL = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A firmware's run on an emulated core, and how long a board may take for it.

    Parameters
    ----------
    profile : Profile
        Instructions, exact.
    board : str
        Catalogue name; empty where only a core is known.
    clock_hz : float or None
        None where none is known.
    cycles : Quantity or Missing
        Count, simulated, with a 90 % interval.
    time : Quantity or Missing
        Seconds, likewise.
    """

    profile: Profile
    board: str
    clock_hz: float | None
    cycles: Quantity | Missing
    time: Quantity | Missing


def simulate(
    path: Path,
    *,
    core: str = "",
    board: Board | None = None,
    clock_hz: float | None = None,
    function: str = "",
    until: str = "",
    inputs: Sequence[tuple[str, bytes]] = (),
    limits: Limits | None = None,
) -> Simulation:
    """Run a firmware on an emulated core, count its instructions and price them.

    Parameters
    ----------
    path : Path
        A linked ELF file.
    core : str
        By default the board's, or else what the file was built for.
    board : Board, optional
        Whose cycles and clock to use.
    clock_hz : float, optional
        By default the board's.
    function, until : str
    inputs : sequence of tuple
    limits : Limits, optional
        As of `count_instructions`.

    Returns
    -------
    Simulation

    Raises
    ------
    TinygaugeError
        As `count_instructions`.
    """
    profile = count_instructions(
        path,
        core=core or (board.core if board else ""),
        function=function,
        until=until,
        inputs=inputs,
        limits=limits,
    )
    name = board.name if board else ""
    cycles = _cycles(profile, name)
    clock = clock_hz or (board.clock.value if board else None)
    return Simulation(
        profile=profile, board=name, clock_hz=clock, cycles=cycles, time=_time(cycles, clock)
    )


def _cycles(profile: Profile, board: str) -> Quantity | Missing:
    table = time_table()
    if profile.core not in table.cores:
        return Missing(f"no cycles are known of a {profile.core}", "Time a model on a board of it")
    instructions = profile.instructions.value
    if not instructions:
        return Missing("nothing was executed", "Name a function that does something")
    prices = {kind: _price(kind, profile.core, board) for kind in OP_CLASSES}
    typical = prices[_TYPICAL]
    other_board = board_spread()
    kinds = Spread(min(prices.values()) / typical, max(prices.values()) / typical, other_board.n)
    value = instructions * typical
    provenance = Provenance(
        method=Method.SIMULATED,
        source=f"instructions executed on an emulated {profile.core}, "
        f"{typical:.2f} cycles each ({min(prices.values()):.2f} to {max(prices.values()):.2f}) "
        f"as of {board or profile.core}",
        tool=f"tinygauge {__version__}",
        evidence=(
            *profile.instructions.provenance.evidence,
            Evidence("calibration", table.source),
        ),
    )
    return Quantity(value, Unit.COUNT, around(value, combined(kinds, other_board)), provenance)


def _price(kind: str, core: str, board: str) -> float:
    """Return cycles per instruction of a kind of work, of an average engine."""
    labels = Labels(core=core, board=board)
    return math.exp(packaged_posterior().cost(kind, "int8", labels).log_cycles)


def _time(cycles: Quantity | Missing, clock_hz: float | None) -> Quantity | Missing:
    if isinstance(cycles, Missing):
        return cycles
    if clock_hz is None:
        return Missing("no clock is known", "Name a board, or a clock: --clock 120MHz")
    return Quantity(
        cycles.value / clock_hz,
        Unit.SECOND,
        cycles.interval.scaled(1 / clock_hz),
        cycles.provenance,
    )
