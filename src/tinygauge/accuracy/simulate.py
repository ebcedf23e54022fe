"""Scores a model on a dataset with the numerics of an engine.

This is the one entry point: it checks that model and data fit, takes outputs from the cache or
from a runner, and turns them into a `Score` with its interval and provenance. The board itself
is not involved: that its outputs are the same is the evidence of the numeric profile.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tinygauge.accuracy import cache, scores
from tinygauge.accuracy.datasets import Dataset, Task
from tinygauge.accuracy.inputs import SCHEME_VERSION, ModelInputs, fit, output_tensor
from tinygauge.accuracy.runners import Limits, Progress, Runner, run_model, runners_for
from tinygauge.errors import DatasetError, RunnerError
from tinygauge.graph import DType, Model, Quantization, Tensor
from tinygauge.quantity import Evidence, Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import DatasetRef, Score
from tinygauge.units import Unit

__all__ = ["score"]

_LOG = logging.getLogger(__name__)

_CHUNK_ELEMENTS = 4 << 20
_INTEGERS = frozenset({DType.INT4, DType.INT8, DType.UINT8, DType.INT16})


def score(
    model: Model,
    dataset: Dataset,
    profile: str,
    *,
    limits: Limits | None = None,
    use_cache: bool = True,
    progress: Progress | None = None,
) -> Score | Missing:
    """Score a model on a dataset as an engine of a numeric profile would.

    Parameters
    ----------
    model : Model
        With one input and one output.
    dataset : Dataset
        Its task decides the metric: ``"top1"`` for classification, ``"auc"`` for anomaly
        detection, by the mean squared error of the rebuilt input.
    profile : str
        ``"two-rounding"``, ``"one-rounding"``, ``"litert"`` or ``"unknown"``. With the last,
        the model is run with both roundings: the value is that of two, the interval holds both.
    limits : Limits, optional
        Time and memory of one run.
    use_cache : bool
        Whether outputs made before are used, and new ones kept.
    progress : callable, optional
        Called with the number of inputs done; not called for cached outputs.

    Returns
    -------
    Score or Missing
        A ratio with a 95 % interval, simulated. Missing where no runner is installed, or all
        inputs are of one kind and there is no AUC.

    Raises
    ------
    DatasetError
        If the data don't fit the model.
    RunnerError
        If the model can't be run.
    UnknownNameError
        If there is no such profile.

    References
    ----------
    "unknown" bounds the engine's rounding by the two that published engines use; see
    `tinygauge.accuracy.runners`.
    """
    inputs = fit(model, dataset)
    _check_outputs(model, dataset)
    runners = [
        runner
        for runner in runners_for(profile, is_float=_is_float(model))
        if runner.version is not None
    ]
    if not runners:
        return Missing("no interpreter is installed", "Try: pip install ai-edge-litert")
    found: list[Score] = []
    for runner in runners:
        case = _Case(model, inputs, runner, profile)
        results = _cached(case) if use_cache else None
        if results is None:
            results = _run(case, limits, progress)
            if use_cache:
                cache.store(case.key, results)
        made = _score_of(case, results)
        if isinstance(made, Missing):
            return made
        found.append(made)
    return found[0] if len(found) == 1 else _union(found)


@dataclass(frozen=True, slots=True)
class _Case:
    """One run: what is run on what, and by what."""

    model: Model
    inputs: ModelInputs
    runner: Runner
    profile: str

    @property
    def dataset(self) -> Dataset:
        return self.inputs.dataset

    @property
    def output(self) -> Tensor:
        return output_tensor(self.model)

    @property
    def key(self) -> str:
        """Digest of all that the results depend on."""
        data = self.dataset
        windows = (data.windows.width, len(data)) if data.windows is not None else ()
        return cache.key_of(
            SCHEME_VERSION, self.model.sha256, data.sha256, data.x.dtype.str, data.x.shape,
            windows, data.x_scale, data.x_zero_point, data.task.value, self.runner.label,
        )  # fmt: skip


def _is_float(model: Model) -> bool:
    """Whether no value is a small integer, so that roundings of integers don't matter."""
    return not any(
        tensor.dtype in _INTEGERS for graph in model.subgraphs for tensor in graph.tensors
    )


def _check_outputs(model: Model, dataset: Dataset) -> None:
    tensor, where = output_tensor(model), dataset.path or dataset.name
    if dataset.task is Task.ANOMALY:
        if tensor.elements != math.prod(dataset.row_shape):
            problem = f"{model.name} has {tensor.elements} outputs"
            advice = "Anomaly detection takes a model that rebuilds its input"
            raise DatasetError(where, problem, advice)
        return
    classes, highest = _class_count(tensor), int(dataset.y.max())
    if highest >= classes:
        problem = f"y holds the class {highest}, but {model.name} tells {classes} classes apart"
        raise DatasetError(where, problem, "Give the data that the model was trained for")


def _class_count(tensor: Tensor) -> int:
    """One output stands for class 1 against class 0."""
    return max(2, tensor.elements)


def _cached(case: _Case) -> npt.NDArray[np.generic] | None:
    results = cache.load(case.key)
    return results if results is not None and len(results) == len(case.dataset) else None


def _run(case: _Case, limits: Limits | None, progress: Progress | None) -> npt.NDArray[np.generic]:
    """Return outputs, shape (n, k), or the error of each rebuilt input, shape (n,)."""
    model, data, runner = case.model, case.dataset, case.runner
    _LOG.info("running %s on %d inputs with %s", model.name, len(data), runner.label)
    outputs = run_model(
        model.content, case.inputs, runner, name=model.name, limits=limits, progress=progress
    ).reshape(len(data), -1)
    if outputs.dtype.kind == "f" and not np.isfinite(outputs).all():
        bad = int((~np.isfinite(outputs)).any(axis=1).sum())
        problem = f"{bad:,} of {len(data):,} outputs are no finite numbers ({runner.label})"
        raise RunnerError(model.name, problem, "Check the scale of the inputs, then the training")
    if data.task is Task.ANOMALY:
        return _rebuilding_errors(data, outputs, case.output.quantization)
    return outputs


def _rebuilding_errors(
    data: Dataset, outputs: npt.NDArray[np.generic], quantization: Quantization | None
) -> npt.NDArray[np.float64]:
    step = max(1, _CHUNK_ELEMENTS // outputs.shape[1])
    parts = [
        scores.mean_squared_errors(
            scores.dequantize(outputs[start : start + step], quantization),
            data.reals(start, min(start + step, len(data))),
        )
        for start in range(0, len(data), step)
    ]
    return np.concatenate(parts)


def _score_of(case: _Case, results: npt.NDArray[np.generic]) -> Score | Missing:
    if case.dataset.task is Task.ANOMALY:
        return _anomaly_score(case, results.astype(np.float64))
    truth = case.dataset.y
    answer = scores.answers(results, _threshold(case.model))
    confusion = scores.confusion_matrix(truth, answer, _class_count(case.output))
    correct, n = int(confusion.trace()), len(truth)
    return Score(
        metric="top1",
        value=_quantity(case, correct / n, scores.wilson_interval(correct, n)),
        n=n,
        correct=correct,
        dataset=_reference(case.dataset),
        runner=case.runner.label,
        profile=case.profile,
        labels=case.dataset.labels,
        recall=scores.class_recall(confusion),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def _anomaly_score(case: _Case, errors: npt.NDArray[np.float64]) -> Score | Missing:
    dataset = case.dataset
    anomalous = dataset.y == 1
    if anomalous.all() or not anomalous.any():
        kind = "anomalous" if anomalous.all() else "normal"
        return Missing(
            f"{dataset.name}: all {len(dataset.y)} inputs are {kind}, so there is no AUC",
            "Give inputs of both kinds",
        )
    if dataset.windows is not None:
        errors = scores.mean_by_group(errors, dataset.windows.recording)
    interval = scores.auc_interval(errors, anomalous)
    return Score(
        metric="auc",
        value=_quantity(case, scores.auc(errors, anomalous), interval),
        n=len(dataset.y),
        correct=None,
        dataset=_reference(dataset),
        runner=case.runner.label,
        profile=case.profile,
        labels=dataset.labels,
    )


def _threshold(model: Model) -> float:
    """Return the stored value of a single output above which class 1 is chosen.

    A probability of 0.5 behind a LOGISTIC op, else a logit of 0.
    """
    graph, tensor = model.main, output_tensor(model)
    index, real = tensor.index, 0.0
    for op in reversed(graph.ops):
        if index in op.outputs:
            real = 0.5 if op.kind == "LOGISTIC" else 0.0
            if op.kind not in ("DEQUANTIZE", "QUANTIZE", "RESHAPE"):
                break
            index = op.inputs[0]
    if tensor.quantization is None:
        return real
    return real / tensor.quantization.scale[0] + tensor.quantization.zero_point[0]


def _quantity(case: _Case, value: float, interval: Interval) -> Quantity:
    source = f"model run on a desktop with the numerics of profile '{case.profile}'"
    if _is_float(case.model):
        source = "floating-point model run on a desktop; its values may differ in the last digits"
    elif case.runner.note:
        source += f", nearly: {case.runner.note}"
    evidence = (
        Evidence("dataset", case.dataset.name, case.dataset.sha256),
        Evidence("model", case.model.name, case.model.sha256),
    )
    provenance = Provenance(Method.SIMULATED, source, case.runner.label, evidence)
    return Quantity(value, Unit.RATIO, interval, provenance)


def _reference(dataset: Dataset) -> DatasetRef:
    return DatasetRef(name=dataset.name, path=dataset.path, sha256=dataset.sha256, n=len(dataset.y))


def _union(found: list[Score]) -> Score:
    """Return the first score, its interval widened to hold all: the rounding is unknown."""
    first = found[0]
    intervals = [each.value.interval for each in found]
    widened = Interval(
        min(interval.low for interval in intervals),
        max(interval.high for interval in intervals),
        first.value.interval.level,
        first.value.interval.basis,
        first.value.interval.n,
    )
    runner = " and ".join(each.runner for each in found)
    values = ", ".join(f"{each.value.value:.4f} with {each.runner}" for each in found)
    provenance = Provenance(
        Method.SIMULATED,
        f"the engine's rounding is not known: {values}",
        runner,
        first.value.provenance.evidence,
    )
    value = Quantity(first.value.value, Unit.RATIO, widened, provenance)
    return replace(first, value=value, runner=runner)
