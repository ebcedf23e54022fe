"""Time from cycles: at the clock that a board was timed at, or at another.

At another clock the flash needs other wait states, so that the cycles change too. Nothing here
knows by how much: what stands for it is how far two boards of one core differ (`boards.py`).

References
----------
Wait states by clock: STMicroelectronics RM0432 (STM32L4+), table "Number of wait states
according to CPU clock (HCLK) frequency" (named from memory, not read again); the spread:
`boards.py`.
"""

from __future__ import annotations

import math
from dataclasses import replace

from tinygauge.cost.boards import board_spread
from tinygauge.cost.intervals import Spread, around, combined
from tinygauge.quantity import Quantity
from tinygauge.records import Execution, Finding, Latency, OpLatency, Severity
from tinygauge.units import Unit, format_value

__all__ = ["at_clock", "time_execution"]


def at_clock(
    execution: Execution, board_clock_hz: float, clock_hz: float, *, where: str = ""
) -> Execution:
    """Widen what is known at a board's usual clock to another.

    Parameters
    ----------
    execution : Execution
        At the board's clock.
    board_clock_hz, clock_hz : float
        The board's clock in the catalogue, and the one asked for.
    where : str
        What the finding is about.

    Returns
    -------
    Execution
        The same cycles with wider intervals and finding TG204; unchanged where the clocks agree.
    """
    if math.isclose(board_clock_hz, clock_hz):
        return execution
    other = board_spread()
    usual = format_value(board_clock_hz, Unit.HERTZ)
    beyond = "" if clock_hz < board_clock_hz else ", and the part may not reach it"
    finding = Finding(
        code="TG204",
        severity=Severity.WARNING,
        message=f"the cycles are those at {usual}: at {format_value(clock_hz, Unit.HERTZ)} the "
        f"flash may need other wait states{beyond}",
        advice="Time one model at this clock to settle it",
        where=where,
    )
    return replace(
        execution,
        cycles=_widened(execution.cycles, other),
        by_op=tuple(replace(op, cycles=_widened(op.cycles, other)) for op in execution.by_op),
        findings=(*execution.findings, finding),
    )


def _widened(cycles: Quantity, other: Spread) -> Quantity:
    interval = cycles.interval
    own = Spread(interval.low / cycles.value, interval.high / cycles.value, interval.n or other.n)
    return replace(cycles, interval=around(cycles.value, combined(own, other)))


def time_execution(execution: Execution, clock_hz: float) -> Latency:
    """Turn cycles into seconds.

    Parameters
    ----------
    execution : Execution
    clock_hz : float
        Above 0.

    Returns
    -------
    Latency
        Predicted, with the intervals and findings of the cycles.
    """
    return Latency(
        per_inference=_seconds(execution.cycles, clock_hz),
        by_op=tuple(
            OpLatency(op=op.op, kind=op.kind, value=_seconds(op.cycles, clock_hz))
            for op in execution.by_op
        ),
        findings=execution.findings,
    )


def _seconds(cycles: Quantity, clock_hz: float) -> Quantity:
    return Quantity(
        cycles.value / clock_hz,
        Unit.SECOND,
        cycles.interval.scaled(1 / clock_hz),
        cycles.provenance,
    )
