"""A model's work on one core: counted once and kept, so that many boards cost little.

Only shapes and the table of work play a part here; no board and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygauge.cost.features import OpFeatures, model_features
from tinygauge.cost.setting import Setting
from tinygauge.cost.table import OpWork, work_table
from tinygauge.graph.types import Model
from tinygauge.quantity import Missing

__all__ = ["ModelWork", "model_work", "op_instructions"]

_KEPT = 1024


@dataclass(frozen=True, slots=True)
class ModelWork:
    """A model's ops with their instructions on one core.

    Parameters
    ----------
    ops : tuple of OpFeatures
    work : tuple of OpWork
    copied_elements : int
        Of the model's inputs and outputs.
    """

    ops: tuple[OpFeatures, ...]
    work: tuple[OpWork, ...]
    copied_elements: int


# By digest of the model; the second also by build of the kernels and core.
_features: dict[str, tuple[OpFeatures, ...]] = {}
_works: dict[tuple[str, str, str], ModelWork | Missing] = {}


def model_work(model: Model, setting: Setting) -> ModelWork | Missing:
    """Compute a model's instructions on a core once.

    Parameters
    ----------
    model : Model
    setting : Setting

    Returns
    -------
    ModelWork or Missing
        Missing where a data type was never measured.
    """
    key = (model.sha256, setting.work, setting.counted_core)
    found = _works.get(key)
    if found is None:
        if len(_works) >= _KEPT:
            _works.clear()
            _features.clear()
        found = _works[key] = _count(model, setting)
    return found


def _count(model: Model, setting: Setting) -> ModelWork | Missing:
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
    return ModelWork(ops, tuple(works), copied)


def op_instructions(setting: Setting, found: ModelWork) -> list[float]:
    """Return the instructions of each op; what belongs to no op is spread over all.

    Parameters
    ----------
    setting : Setting
    found : ModelWork

    Returns
    -------
    list of float
    """
    per_op, fixed = work_table().overhead[setting.work, setting.counted_core]
    each = per_op + fixed / len(found.ops)
    return [work.instructions + each for work in found.work]
