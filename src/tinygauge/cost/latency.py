"""Predict latency: instructions of each op, times cycles per instruction, over the clock.

The work of a model on a core is computed once and kept, so that many boards cost little. What
was never timed is refused (`Missing`) where nothing stands for it, and predicted with a wider
interval and a finding where something does. See ``docs/design/latency-and-energy.md``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tinygauge import __version__, catalog
from tinygauge.cost.cycles import cost, effect_keys
from tinygauge.cost.features import OpFeatures, model_features
from tinygauge.cost.intervals import (
    Spread,
    Transfer,
    around,
    combined,
    family_spread,
    spread_of,
)
from tinygauge.cost.setting import Setting, translate
from tinygauge.cost.table import OpWork, TimeTable, WorkTable, time_table, work_table
from tinygauge.cost.work import op_class
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

# A model is unlike those measured when more than this share of its cycles is.
STRANGE_SHARE = 0.05
_KEPT = 1024
# Held-out errors of a model's instructions, 90th percentile, the worst over builds and cores:
# of models of three ops or more, and of all, where single ops without a peer weigh most
# (docs/design/latency-and-energy.md, table under "Work"; 13 fits).
_WORK_SPREAD = Spread(1 / 1.163, 1.163, 13)
_STRANGE_WORK_SPREAD = Spread(1 / 1.427, 1.427, 13)


@dataclass(frozen=True, slots=True)
class _ModelWork:
    """A model's ops with their instructions on one core."""

    ops: tuple[OpFeatures, ...]
    work: tuple[OpWork, ...]
    copied_elements: int


# By digest of the model; the second also by build of the kernels and core.
_features: dict[str, tuple[OpFeatures, ...]] = {}
_works: dict[tuple[str, str, str], _ModelWork | Missing] = {}


def predict_latency(model: Model, target: Target) -> Latency | Missing:
    """Predict the time of one inference.

    Parameters
    ----------
    model : Model
    target : Target
        Its engine may name a build: ``"x-cube-ai@7.3.0"``. Without a clock, that of the board
        in the catalogue counts.

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
    table = time_table()
    setting = translate(table, work_table(), target)
    if isinstance(setting, Missing):
        return setting
    clock_hz = _clock_hz(target)
    if isinstance(clock_hz, Missing):
        return clock_hz
    found = _model_work(model, setting)
    if isinstance(found, Missing):
        return found
    cycles = _op_cycles(table, work_table(), setting, found)
    strange = _strange(found, cycles)
    spread = spread_of(table.residuals, setting.transfer, setting.pair)
    # An op was never timed alone: it is as far from what was timed as another family.
    op_spread = combined(spread, family_spread(table.residuals))
    provenance = _provenance(table, work_table(), setting)
    return Latency(
        per_inference=_seconds(
            math.fsum(cycles) / clock_hz, op_spread if strange else spread, provenance
        ),
        by_op=tuple(
            OpLatency(
                op=number, kind=op.kind, value=_seconds(each / clock_hz, op_spread, provenance)
            )
            for number, (op, each) in enumerate(zip(found.ops, cycles, strict=True))
        ),
        findings=tuple(_findings(model, target, setting, found, strange)),
    )


def predict_execution(model: Model, target: Target) -> Execution | Missing:
    """Predict instructions and cycles of one inference, which need no clock.

    Parameters
    ----------
    model : Model
    target : Target
        Its clock plays no part: cycles are those at the board's usual clock.

    Returns
    -------
    Execution or Missing
        Counts with 90 % intervals, Missing as in `predict_latency`; instructions are Missing too
        where the engine's own were never counted.
    """
    table = time_table()
    setting = translate(table, work_table(), target)
    if isinstance(setting, Missing):
        return setting
    found = _model_work(model, setting)
    if isinstance(found, Missing):
        return found
    cycles = _op_cycles(table, work_table(), setting, found)
    instructions = _op_instructions(work_table(), setting, found)
    strange = _strange(found, cycles)
    spread = spread_of(table.residuals, setting.transfer, setting.pair)
    op_spread = combined(spread, family_spread(table.residuals))
    work_spread = _STRANGE_WORK_SPREAD if strange else _WORK_SPREAD
    provenance = _provenance(table, work_table(), setting)

    def executed(value: float, width: Spread) -> Quantity | Missing:
        uncounted = _uncounted(table, setting)
        return uncounted or _count(value, width, _work_provenance(work_table(), setting))

    return Execution(
        instructions=executed(math.fsum(instructions), work_spread),
        cycles=_count(math.fsum(cycles), op_spread if strange else spread, provenance),
        by_op=tuple(
            OpExecution(
                op=number,
                kind=op.kind,
                instructions=executed(work, _STRANGE_WORK_SPREAD),
                cycles=_count(each, op_spread, provenance),
            )
            for number, (op, work, each) in enumerate(
                zip(found.ops, instructions, cycles, strict=True)
            )
        ),
        findings=tuple(_findings(model, target, setting, found, strange)),
    )


def _uncounted(table: TimeTable, setting: Setting) -> Missing | None:
    """Say why the instructions at hand are not those that the engine executes."""
    if not table.engines[setting.engine].counted:
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


def _op_instructions(work: WorkTable, setting: Setting, model: _ModelWork) -> list[float]:
    """Return the instructions of each op; what belongs to no op is spread over all."""
    per_op, fixed = work.overhead[setting.work, setting.counted_core]
    each = per_op + fixed / len(model.ops)
    return [found.instructions + each for found in model.work]


def _count(value: float, spread: Spread, provenance: Provenance) -> Quantity:
    return Quantity(value, Unit.COUNT, around(value, spread), provenance)


def _work_provenance(work: WorkTable, setting: Setting) -> Provenance:
    return Provenance(
        method=Method.PREDICTED,
        source=f"instructions of {setting.work} counted on {setting.counted_core}",
        tool=f"tinygauge {__version__}",
        evidence=(Evidence("calibration", work.source),),
    )


def _strange(found: _ModelWork, cycles: list[float]) -> list[int]:
    """List the ops unlike those measured, where together they matter to the model's latency."""
    ops = [n for n, work in enumerate(found.work) if not (work.known and work.inside)]
    share = math.fsum(cycles[number] for number in ops)
    return ops if share > STRANGE_SHARE * math.fsum(cycles) else []


def _seconds(value: float, spread: Spread, provenance: Provenance) -> Quantity:
    return Quantity(value, Unit.SECOND, around(value, spread), provenance)


def _clock_hz(target: Target) -> float | Missing:
    if target.clock_hz is not None:
        return target.clock_hz
    if target.board:
        return catalog.board(target.board).clock.value
    return Missing(f"no clock is given for {target}", "Name a board, or a clock such as 120 MHz")


def _model_work(model: Model, setting: Setting) -> _ModelWork | Missing:
    """Compute a model's instructions on a core once."""
    key = (model.sha256, setting.work, setting.counted_core)
    found = _works.get(key)
    if found is None:
        if len(_works) >= _KEPT:
            _works.clear()
            _features.clear()
        found = _works[key] = _count_work(model, setting)
    return found


def _count_work(model: Model, setting: Setting) -> _ModelWork | Missing:
    table = work_table()
    if model.sha256 not in _features:
        _features[model.sha256] = model_features(model)
    ops = _features[model.sha256]
    if not ops:
        return Missing("the model has no ops", "Check the conversion: nothing is left to run")
    works = []
    for number, op in enumerate(ops):
        work = table.op_work(op, setting.work, setting.counted_core)
        if work is None:
            return Missing(
                f"op {number} ({op.kind}) works on {op.dtype}, which was never measured "
                f"with {setting.work} on a {setting.counted_core}",
                "Convert the model to int8 or float32",
            )
        works.append(work)
    ends = {*model.main.inputs, *model.main.outputs}
    copied = sum(model.main.tensors[index].elements for index in ends)
    return _ModelWork(ops, tuple(works), copied)


def _op_cycles(
    table: TimeTable, work: WorkTable, setting: Setting, model: _ModelWork
) -> list[float]:
    """Return the cycles of each op; what belongs to no op is spread over all."""
    costs: dict[tuple[str, str], float] = {}

    def cost_of(kind: str, dtype: str) -> float:
        if (kind, dtype) not in costs:
            keys = effect_keys(
                kind,
                dtype,
                core=setting.core,
                engine=setting.engine,
                build=setting.build,
                board=setting.board,
            )
            costs[kind, dtype] = cost(table.effects, keys)
        return costs[kind, dtype]

    per_op, fixed = work.overhead[setting.work, setting.counted_core]
    shared = fixed * cost_of("other", "int8")
    if setting.copies:
        shared += model.copied_elements * cost_of("copy", "int8")
    each = per_op * cost_of("other", "int8") + cost_of("call", "int8")
    each += shared / len(model.ops)
    return [
        found.instructions
        * (op.live_share if setting.skips else 1.0)
        * cost_of(op_class(op), op.dtype)
        + each
        for op, found in zip(model.ops, model.work, strict=True)
    ]


def _provenance(table: TimeTable, work: WorkTable, setting: Setting) -> Provenance:
    build = f"@{setting.build}" if setting.build else ""
    return Provenance(
        method=Method.PREDICTED,
        source=f"instructions of {setting.work} on {setting.counted_core}, cycles as of "
        f"{setting.engine}{build} ({setting.transfer.value})",
        tool=f"tinygauge {__version__}",
        evidence=(Evidence("calibration", work.source), Evidence("calibration", table.source)),
    )


def _findings(
    model: Model, target: Target, setting: Setting, found: _ModelWork, strange: list[int]
) -> Iterable[Finding]:
    """Say why the interval is wider than it could be."""
    unknown = sorted({found.ops[n].kind for n in strange if not found.work[n].known})
    outside = sorted({found.ops[n].kind for n in strange if found.work[n].known})
    advice = "Time this model once on the board to settle its latency"
    if unknown:
        yield Finding(
            code="TG201",
            severity=Severity.WARNING,
            message=f"{', '.join(unknown)} was never measured: a typical cost stands in",
            advice=advice,
            where=model.name,
        )
    if outside:
        yield Finding(
            code="TG202",
            severity=Severity.WARNING,
            message=f"{', '.join(outside)} is far larger or smaller than any that was measured",
            advice=advice,
            where=model.name,
        )
    if setting.transfer is not Transfer.PAIR:
        known = (
            "another board of this core" if setting.transfer is Transfer.BOARD else "other cores"
        )
        yield Finding(
            code="TG203",
            severity=Severity.INFO,
            message=f"{setting.engine} was timed on {known}, not on this board: wide interval",
            advice="One timed model on this board would narrow it",
            where=str(target),
        )
