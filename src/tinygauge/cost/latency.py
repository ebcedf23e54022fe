"""Predict latency: instructions of each op, times cycles per unit of work, over the clock.

What was never timed is refused (`Missing`) where nothing stands for it, and predicted with a wider
interval and a finding where something does. See ``docs/design/latency-and-energy.md``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from tinygauge import __version__, catalog
from tinygauge.cost.calibration import UserCalibration
from tinygauge.cost.counting import op_instructions
from tinygauge.cost.estimate import CycleEstimate, estimate_cycles
from tinygauge.cost.intervals import Spread, Transfer, around
from tinygauge.cost.setting import Setting
from tinygauge.cost.table import work_table
from tinygauge.cost.times import time_table
from tinygauge.graph.types import Model
from tinygauge.quantity import Evidence, Method, Missing, Provenance, Quantity
from tinygauge.records import (
    Execution,
    Finding,
    Latency,
    OpExecution,
    OpLatency,
    Severity,
    Target,
)
from tinygauge.units import Unit

__all__ = ["predict_execution", "predict_latency"]


def predict_latency(
    model: Model, target: Target, calibration: UserCalibration | None = None
) -> Latency | Missing:
    """Predict the time of one inference.

    Parameters
    ----------
    model : Model
    target : Target
        Its engine may name a build: ``"x-cube-ai@7.3.0"``. Without a clock, that of the board
        in the catalogue counts.
    calibration : UserCalibration, optional
        The user's own measurements, of `calibrate.calibrate`.

    Returns
    -------
    Latency or Missing
        Seconds, predicted, with a 90 % interval and the shares of the ops, which sum to the
        whole; Missing where the core, the engine, both together or the data type were never
        measured.

    Raises
    ------
    UnknownNameError
        If no clock is given and the board is not in the catalogue.
    """
    found = estimate_cycles(model, target, calibration)
    if isinstance(found, Missing):
        return found
    clock_hz = _clock_hz(target)
    if isinstance(clock_hz, Missing):
        return clock_hz
    provenance = _provenance(found)
    total = math.fsum(found.cycles) / clock_hz
    return Latency(
        per_inference=_quantity(total, Unit.SECOND, found.spread, provenance),
        by_op=tuple(
            OpLatency(
                op=number,
                kind=op.kind,
                value=_quantity(cycles / clock_hz, Unit.SECOND, spread, provenance),
            )
            for number, (op, cycles, spread) in enumerate(
                zip(found.found.ops, found.cycles, found.op_spreads, strict=True)
            )
        ),
        findings=tuple(_findings(model, target, found)),
    )


def predict_execution(
    model: Model, target: Target, calibration: UserCalibration | None = None
) -> Execution | Missing:
    """Predict instructions and cycles of one inference, which need no clock.

    Parameters
    ----------
    model : Model
    target : Target
        Its clock plays no part: cycles are those at the board's usual clock.
    calibration : UserCalibration, optional
        The user's own measurements, of `calibrate.calibrate`.

    Returns
    -------
    Execution or Missing
        Counts with 90 % intervals, Missing as in `predict_latency`; instructions are Missing too
        where the engine's own were never counted.
    """
    found = estimate_cycles(model, target, calibration)
    if isinstance(found, Missing):
        return found
    setting = found.setting
    instructions = op_instructions(setting, found.found)
    missed = work_table().spread[setting.work, setting.counted_core]
    op_width = _factor(missed.ops, missed.n)
    width = op_width if found.strange else _factor(missed.models, missed.n)
    provenance, uncounted = _provenance(found), _uncounted(setting)

    def executed(value: float, spread: Spread) -> Quantity | Missing:
        return uncounted or _quantity(value, Unit.COUNT, spread, _work_provenance(setting))

    return Execution(
        instructions=executed(math.fsum(instructions), width),
        cycles=_quantity(math.fsum(found.cycles), Unit.COUNT, found.spread, provenance),
        by_op=tuple(
            OpExecution(
                op=number,
                kind=op.kind,
                instructions=executed(
                    work, op_width if known.known else _factor(missed.unknown, missed.n)
                ),
                cycles=_quantity(cycles, Unit.COUNT, spread, provenance),
            )
            for number, (op, known, work, cycles, spread) in enumerate(
                zip(
                    found.found.ops,
                    found.found.work,
                    instructions,
                    found.cycles,
                    found.op_spreads,
                    strict=True,
                )
            )
        ),
        findings=tuple(_findings(model, target, found)),
    )


def _factor(factor: float, n: int) -> Spread:
    return Spread(1 / factor, factor, n)


def _uncounted(setting: Setting) -> Missing | None:
    """Say why the instructions at hand are not those that the engine executes."""
    if not time_table().engines[setting.engine].counted:
        return Missing(
            f"the instructions of {setting.engine} were never counted: those of {setting.work} "
            "stand for its work",
            "Its cycles are predicted",
        )
    if not setting.core.startswith("cortex-m"):
        return Missing(
            f"no instructions were counted on {setting.core}: those of a Cortex-M stand for them",
            "Its cycles are predicted",
        )
    return None


def _work_provenance(setting: Setting) -> Provenance:
    return Provenance(
        method=Method.PREDICTED,
        source=f"instructions of {setting.work} counted on {setting.counted_core}",
        tool=f"tinygauge {__version__}",
        evidence=(Evidence("calibration", work_table().source),),
    )


def _quantity(value: float, unit: Unit, spread: Spread, provenance: Provenance) -> Quantity:
    return Quantity(value, unit, around(value, spread), provenance)


def _clock_hz(target: Target) -> float | Missing:
    if target.clock_hz is not None:
        return target.clock_hz
    if target.board:
        return catalog.board(target.board).clock.value
    return Missing(f"no clock is given for {target}", "Name a board, or a clock such as 120 MHz")


def _provenance(found: CycleEstimate) -> Provenance:
    setting = found.setting
    build = f"@{setting.build}" if setting.build else ""
    known = f"{found.own} of your measurements" if found.own else setting.transfer.value
    return Provenance(
        method=Method.PREDICTED,
        source=f"instructions of {setting.work} on {setting.counted_core}, cycles as of "
        f"{setting.engine}{build} ({known})",
        tool=f"tinygauge {__version__}",
        evidence=(
            Evidence("calibration", work_table().source),
            Evidence("calibration", time_table().source),
        ),
    )


_STANDS_IN = {
    Transfer.BOARD: "another board of this core",
    Transfer.CORE: "other cores",
    Transfer.ENGINE: "no board: other engines stand for it",
}


def _findings(model: Model, target: Target, found: CycleEstimate) -> Iterable[Finding]:
    """Say why the interval is wider than it could be."""
    works = found.found
    unknown = sorted({works.ops[n].kind for n in found.strange if not works.work[n].known})
    outside = sorted({works.ops[n].kind for n in found.strange if works.work[n].known})
    setting, advice = found.setting, "Time this model once on the board to settle its latency"

    def warning(*, code: str, message: str) -> Finding:
        return Finding(
            code=code,
            severity=Severity.WARNING,
            message=message,
            advice=advice,
            where=model.name,
        )

    if unknown:
        kinds = ", ".join(unknown)
        message = f"{kinds} was never measured: a typical cost stands in"
        yield warning(code="TG201", message=message)
    if outside:
        kinds = ", ".join(outside)
        message = f"{kinds} is far larger or smaller than any that was measured"
        yield warning(code="TG202", message=message)
    if found.unlike and not found.own:
        message = f"the model spends its time unlike those that were timed with {setting.engine}"
        yield warning(code="TG207", message=message)
    if found.flagged:
        yield warning(
            code="TG208",
            message=f"with {setting.engine} on {setting.core}, models with this set of ops took "
            "three to ten times as long as others, and the cause is unknown",
        )
    if setting.transfer is not Transfer.PAIR and not found.own:
        yield Finding(
            code="TG203",
            severity=Severity.INFO,
            message=f"{setting.engine} was timed on {_STANDS_IN[setting.transfer]}, not on this "
            "board: wide interval",
            advice="One timed model on this board would narrow it",
            where=str(target),
        )
