"""Scores a model on a dataset with the numerics of an engine.

It turns the outputs of one or more runs (`runs.py`) into a `Score` with its interval and
provenance. The board itself is not involved: that its outputs are the same is the evidence of
the numeric profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tinygauge.accuracy import scores
from tinygauge.accuracy.checking import Check
from tinygauge.accuracy.datasets import Dataset, Task
from tinygauge.accuracy.inputs import output_tensor
from tinygauge.accuracy.processes import Limits, Progress
from tinygauge.accuracy.runners import Choice
from tinygauge.accuracy.runs import Results, Run, class_count, is_float, plan_runs
from tinygauge.graph import Model
from tinygauge.quantity import Evidence, Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import DatasetRef, Score
from tinygauge.units import Unit

__all__ = ["answers_of", "score", "score_results"]


def score(
    model: Model,
    dataset: Dataset,
    profile: str,
    *,
    limits: Limits | None = None,
    use_cache: bool = True,
    progress: Progress | None = None,
    runner: Choice | str = Choice.AUTO,
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
    runner : Choice or str
        As `plan_runs`.

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
    UnsupportedOpError
        If the exact evaluator is insisted on and does not know an op.

    References
    ----------
    "unknown" bounds the engine's rounding by the two that published engines use; see
    `tinygauge.accuracy.runners`.
    """
    runs = plan_runs(model, dataset, profile, runner)
    if isinstance(runs, Missing):
        return runs
    found: list[Results] = []
    for run in runs:
        results = run.find() if use_cache else None
        if results is None:
            results = run.make(limits, progress)
            if use_cache:
                run.keep(results)
        found.append(results)
    return score_results(runs, found, profile)


def score_results(runs: Sequence[Run], results: Sequence[Results], profile: str) -> Score | Missing:
    """Score a model by the results of its runs.

    Parameters
    ----------
    runs : sequence of Run
        From `plan_runs`.
    results : sequence of Results
        Of each run, from `Run.find` or `Run.make`.
    profile : str
        That the runs were planned for.

    Returns
    -------
    Score or Missing
        As `score`.
    """
    found: list[Score] = []
    for run, outcome in zip(runs, results, strict=True):
        made = _score_of(run, outcome, profile)
        if isinstance(made, Missing):
            return made
        found.append(made)
    if len(found) == 1:
        return found[0]
    return _union(found, [str(each.check) for each in results if each.check is not None])


def answers_of(model: Model, outputs: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Return the class that a model chose for each input.

    Parameters
    ----------
    model : Model
        That tells classes apart.
    outputs : ndarray, shape (n, k)
        In stored values, which need not be whole.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    return scores.answers(outputs, _threshold(model))


def _score_of(run: Run, results: Results, profile: str) -> Score | Missing:
    if not run.dataset.has_classes:
        return Missing(f"{run.dataset.name} holds no classes", "Add the true classes as y")
    if run.dataset.task is Task.ANOMALY:
        return _anomaly_score(run, results, profile)
    truth = run.dataset.y
    answer = scores.answers(results.values, _threshold(run.model))
    confusion = scores.confusion_matrix(truth, answer, class_count(output_tensor(run.model)))
    correct, n = int(confusion.trace()), len(truth)
    interval = scores.wilson_interval(correct, n)
    return Score(
        metric="top1",
        value=_quantity(run, results.check, correct / n, interval, profile),
        n=n,
        correct=correct,
        dataset=_reference(run.dataset),
        runner=run.runner.label,
        profile=profile,
        why_interpreted=_why_interpreted(run),
        labels=run.dataset.labels,
        recall=scores.class_recall(confusion),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def _anomaly_score(run: Run, results: Results, profile: str) -> Score | Missing:
    dataset, errors = run.dataset, results.values.astype(np.float64)
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
        value=_quantity(run, results.check, scores.auc(errors, anomalous), interval, profile),
        n=len(dataset.y),
        correct=None,
        dataset=_reference(dataset),
        runner=run.runner.label,
        profile=profile,
        why_interpreted=_why_interpreted(run),
        labels=dataset.labels,
    )


def _why_interpreted(run: Run) -> str:
    return "floating point" if is_float(run.model) else run.why


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


def _quantity(
    run: Run, check: Check | None, value: float, interval: Interval, profile: str
) -> Quantity:
    source = f"model run on a desktop with the numerics of profile '{profile}'"
    if is_float(run.model):
        source = "floating-point model run on a desktop; its values may differ in the last digits"
    elif run.runner.note:
        source += f", nearly: {run.runner.note}"
    if run.why:
        source += f"; by an interpreter: {run.why}"
    if check is not None:
        source += f"; {check}"
    evidence = (
        Evidence("dataset", run.dataset.name, run.dataset.sha256),
        Evidence("model", run.model.name, run.model.sha256),
    )
    provenance = Provenance(Method.SIMULATED, source, run.runner.label, evidence)
    return Quantity(value, Unit.RATIO, interval, provenance)


def _reference(dataset: Dataset) -> DatasetRef:
    return DatasetRef(
        name=dataset.name, path=dataset.path, sha256=dataset.sha256, n=dataset.recordings
    )


def _union(found: list[Score], checks: list[str]) -> Score:
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
    source = "; ".join([f"the engine's rounding is not known: {values}", *checks])
    provenance = Provenance(Method.SIMULATED, source, runner, first.value.provenance.evidence)
    value = Quantity(first.value.value, Unit.RATIO, widened, provenance)
    why = "; ".join(dict.fromkeys(each.why_interpreted for each in found if each.why_interpreted))
    spanned = tuple(each.value for each in found)
    return replace(first, value=value, runner=runner, why_interpreted=why, spanned=spanned)
