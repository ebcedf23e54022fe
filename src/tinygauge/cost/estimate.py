"""Cycles of a model on a target, with a spread for the whole and for each op.

The mean and standard deviation come from the posterior (see `posterior.py`), how many of them an
interval reaches from errors on what was left out (see `intervals.py`). Ops that were never
measured, or far from those that were, widen it by what the table of work missed them by.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import lru_cache

from tinygauge.cost.amounts import doubt_of, heaviest_dtype, is_flagged, streamed_bytes, work_of
from tinygauge.cost.calibration import UserCalibration, updated_posterior
from tinygauge.cost.counting import ModelWork, model_work
from tinygauge.cost.cycles import Labels
from tinygauge.cost.intervals import Spread, Transfer, reach, spread_of
from tinygauge.cost.posterior import Estimate, Posterior, Row
from tinygauge.cost.setting import Setting, translate
from tinygauge.cost.table import WorkTable, work_table
from tinygauge.cost.times import TimeTable, packaged_posterior, time_table
from tinygauge.cost.work import op_class
from tinygauge.graph.types import Model
from tinygauge.quantity import Missing
from tinygauge.records import Target

__all__ = ["CycleEstimate", "estimate_cycles", "row_of"]


@dataclass(frozen=True, slots=True)
class CycleEstimate:
    """What is predicted of a model on a target.

    Parameters
    ----------
    setting : Setting
    found : ModelWork
    cycles : tuple of float
        Of each op; together they are the model's.
    spread : Spread
        Of the model's cycles.
    op_spreads : tuple of Spread
        Of each op's.
    strange : tuple of int
        Ops unlike those measured, where together they matter.
    unlike : bool
        Whether the model spends its time unlike all that were timed.
    flagged : bool
        Whether its op set is one whose times contradict those of other models.
    own : int
        Measurements of the user's on this target behind it.
    """

    setting: Setting
    found: ModelWork
    cycles: tuple[float, ...]
    spread: Spread
    op_spreads: tuple[Spread, ...]
    strange: tuple[int, ...]
    unlike: bool
    flagged: bool
    own: int


def row_of(
    table: TimeTable, work: WorkTable, setting: Setting, found: ModelWork
) -> tuple[Row, tuple[int, ...]]:
    """Describe a model on a target as a row of the posterior.

    Parameters
    ----------
    table : TimeTable
    work : WorkTable
    setting : Setting
    found : ModelWork

    Returns
    -------
    row : Row
        Without cycles.
    strange : tuple of int
        Ops unlike those counted, where together they matter.
    """
    dtype = heaviest_dtype(found.ops)
    place = f"{setting.engine}+{setting.core}"
    flagged = is_flagged(table.flags, place, dtype, {op.kind for op in found.ops})
    counted = setting.work, setting.counted_core
    doubt, strange = doubt_of(found.work, [1] * len(found.work))
    row = Row(
        labels=setting.labels(flagged=flagged),
        dtype=dtype,
        work=work_of(
            ((op, each, 1) for op, each in zip(found.ops, found.work, strict=True)),
            work.overhead[counted],
            skips=setting.skips,
            copied=found.copied_elements if setting.copies else 0,
        ),
        doubt=doubt,
    )
    return row, strange


def estimate_cycles(
    model: Model, target: Target, calibration: UserCalibration | None = None
) -> CycleEstimate | Missing:
    """Estimate the cycles of one inference.

    Parameters
    ----------
    model : Model
    target : Target
    calibration : UserCalibration, optional
        The user's own measurements.

    Returns
    -------
    CycleEstimate or Missing
        Missing where nothing measured stands for the target or a data type.
    """
    table = time_table()
    setting = translate(table, work_table(), target)
    if isinstance(setting, Missing):
        return setting
    found = model_work(model, setting)
    if isinstance(found, Missing):
        return found
    posterior = updated_posterior(calibration) if calibration else packaged_posterior()
    row, strange = row_of(table, work_table(), setting, found)
    whole = posterior.predict(row)
    raw = _op_cycles(posterior, setting, found, row.labels)
    scale = math.exp(whole.log_cycles) / math.fsum(raw)
    cycles = tuple(each * scale for each in raw)
    unlike = posterior.design.distance(row) > table.beyond
    own = calibration.count(row.labels) if calibration else 0
    kind = "calibrated" if own and setting.transfer is not Transfer.PAIR else setting.transfer
    factor, groups = reach(table.intervals, kind, counted=table.engines[setting.engine].counted)
    if setting.transfer is Transfer.PAIR:
        factor = min(factor, _elsewhere(table, posterior, row) / whole.standard)
    more = _more(table, setting, unlike=unlike, flagged=row.labels.flagged)
    factor, groups = max([(factor, groups), *more])
    return CycleEstimate(
        setting=setting,
        found=found,
        cycles=cycles,
        spread=spread_of(whole.standard, factor, groups),
        op_spreads=tuple(
            spread_of(math.hypot(whole.standard, each), factor, groups)
            for each in _op_standards(posterior, found, row.labels)
        ),
        strange=strange,
        unlike=unlike,
        flagged=row.labels.flagged,
        own=own,
    )


def _more(
    table: TimeTable, setting: Setting, *, unlike: bool, flagged: bool
) -> list[tuple[float, int]]:
    """Return the reach of what else is new about a model."""
    kinds = ["family"] * unlike + ["flagged"] * flagged
    counted = table.engines[setting.engine].counted
    return [reach(table.intervals, kind, counted=counted) for kind in kinds]


def _elsewhere(table: TimeTable, posterior: Posterior, row: Row) -> float:
    """Return how far the interval would reach on a board and build that nobody timed.

    Having timed the board can't make it less sure.
    """
    labels = dataclasses.replace(row.labels, board="another", build="another")
    counted = table.engines[row.labels.engine].counted
    factor, _ = reach(table.intervals, Transfer.BOARD, counted=counted)
    return factor * posterior.predict(dataclasses.replace(row, labels=labels)).standard


@lru_cache(maxsize=8192)
def _cost(posterior: Posterior, kind: str, dtype: str, labels: Labels) -> Estimate:
    return posterior.cost(kind, dtype, labels)


def _op_cycles(
    posterior: Posterior, setting: Setting, found: ModelWork, labels: Labels
) -> list[float]:
    """Return the cycles of each op; what belongs to no op is spread over all."""

    def cost(kind: str, dtype: str = "int8") -> float:
        return math.exp(_cost(posterior, kind, dtype, labels).log_cycles)

    per_op, fixed = work_table().overhead[setting.work, setting.counted_core]
    shared = fixed * cost("other")
    if setting.copies:
        shared += found.copied_elements * cost("copy")
    each = per_op * cost("other") + cost("call") + shared / len(found.ops)
    streaming = cost("stream")
    return [
        (work.instructions * cost(op_class(op), op.dtype) + streamed_bytes(op) * streaming)
        * (op.live_share if setting.skips else 1.0)
        + each
        for op, work in zip(found.ops, found.work, strict=True)
    ]


def _op_standards(posterior: Posterior, found: ModelWork, labels: Labels) -> list[float]:
    """Return how sure the cost of each op is: no op was timed alone."""
    return [_cost(posterior, op_class(op), op.dtype, labels).standard for op in found.ops]
