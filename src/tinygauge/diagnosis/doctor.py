"""Finds the first op in which two runtimes differ, of what kind that is, and what it costs.

Both run the whole dataset, which gives the effect on the task. Then some inputs, those that
differ first, are run op by op: each op is given in the other runtime what it was given in the
base, so that its own difference is told from what it inherits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tinygauge import accuracy, graph
from tinygauge.accuracy import Dataset, Limits, Run, Runner, Task
from tinygauge.accuracy.jobs import Progress, silent
from tinygauge.diagnosis.differences import Cause, Gap, cause_of, measure_gap
from tinygauge.diagnosis.numerics import Numerics
from tinygauge.diagnosis.trace import Array, run_apart, trace
from tinygauge.errors import ConfigError
from tinygauge.graph import Model, Op, Tensor
from tinygauge.quantity import Missing, Quantity

__all__ = [
    "DEFAULT_INPUTS",
    "Diagnosis",
    "Effect",
    "OpDifference",
    "base_run",
    "choose_inputs",
    "diagnose",
    "examine",
    "gather",
    "run_whole",
]

DEFAULT_INPUTS = 100

# The tensors of all inputs that are looked at, in one runtime.
_TRACE_BYTES = 128 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OpDifference:
    """How two runtimes differ in one op.

    Parameters
    ----------
    op : int
    kind, tensor : str
        What it is, and the name of what it makes.
    alone : Gap or Missing
        With the same given to it in both.
    in_model : Gap
        With what each runtime's ops before it made.
    cause : Cause
    """

    op: int
    kind: str
    tensor: str
    alone: Gap | Missing
    in_model: Gap
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a difference does to the task.

    Parameters
    ----------
    base, other : Quantity or Missing
        The accuracy in each.
    answers_changed : int or Missing
        Inputs with another answer, of `n`.
    inputs_differing : int
        Inputs with another output.
    n : int
    largest : float
        The largest difference of an output, as in `Gap`.
    """

    base: Quantity | Missing
    other: Quantity | Missing
    answers_changed: int | Missing
    inputs_differing: int
    n: int
    largest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Where two runtimes differ on a model.

    Parameters
    ----------
    model, model_sha256, dataset : str
    base, other : str
        The runtimes with their versions.
    effect : Effect
        Over the whole dataset.
    looked_at : int
        Inputs that were run op by op.
    ops : tuple of OpDifference
        All that could be shown, in the order of execution.
    is_float : bool
        Whether differences are shares of the largest value, rather than steps.
    notes : tuple of str
    numerics : Numerics or None
        Of a board: which profile it follows.
    """

    model: str
    model_sha256: str
    dataset: str
    base: str
    other: str
    effect: Effect
    looked_at: int
    ops: tuple[OpDifference, ...]
    is_float: bool
    notes: tuple[str, ...] = ()
    numerics: Numerics | None = None

    @property
    def differs(self) -> bool:
        """Whether an output differs; of float models, by more than the last digits."""
        if not self.is_float:
            return self.effect.inputs_differing > 0 or self.first is not None
        slight = (Cause.EQUAL, Cause.DRIFT, Cause.DIGITS)
        return any(op.cause not in slight for op in self.ops)

    @property
    def first(self) -> OpDifference | None:
        """The first op with a difference of its own (or one that can't be told from inherited)."""
        return next((op for op in self.ops if op.cause not in (Cause.EQUAL, Cause.DRIFT)), None)


def diagnose(
    model: Model,
    dataset: Dataset,
    other: Runner,
    *,
    profile: str = "two-rounding",
    inputs: int = DEFAULT_INPUTS,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> Diagnosis:
    """Compare two runtimes op by op.

    Parameters
    ----------
    model : Model
        With one input and one output.
    dataset : Dataset
        Real inputs.
    other : Runner
        What is compared.
    profile : str
        The numeric profile that it is compared with.
    inputs : int
        How many inputs are run op by op; fewer where their tensors would fill the memory.
    limits : Limits, optional
        Of each run.
    progress : callable, optional
        Called with what is being done, and how far it is.

    Returns
    -------
    Diagnosis

    Raises
    ------
    ConfigError
        If the two are one and the same, or one is not installed.
    DatasetError
        If the data don't fit the model.
    RunnerError
        If the model can't be run in one of them.
    """
    base = base_run(model, dataset, profile)
    if other.version is None:
        raise ConfigError(other.title, "it is not installed", f"Try: pip install {other.package}")
    if base.runner == other:
        problem = f"the base is {base.runner.label} too: it would be compared with itself"
        raise ConfigError(model.path or model.name, problem, "Choose another with --against")
    second = Run(model, base.inputs, other)
    outputs = run_whole(base, limits, progress), run_whole(second, limits, progress)
    effect = _effect((base, second), outputs)
    places = choose_inputs(model, outputs, inputs)
    ops, shown = examine(
        model, gather(base, places), (base.runner, other), limits=limits, progress=progress
    )
    notes: tuple[str, ...] = ()
    if not np.array_equal(outputs[1][places].ravel(), shown.ravel()):
        notes = (f"{other.label} gives other outputs when asked for every tensor: it fuses ops",)
    return Diagnosis(
        model=model.name,
        model_sha256=model.sha256,
        dataset=dataset.name,
        base=base.runner.label,
        other=other.label,
        effect=effect,
        looked_at=len(places),
        ops=ops,
        is_float=accuracy.is_float(model),
        notes=notes,
    )


def base_run(model: Model, dataset: Dataset, profile: str) -> Run:
    """Return what a runtime is compared with: the run that scores a profile.

    Parameters
    ----------
    model : Model
    dataset : Dataset
    profile : str

    Returns
    -------
    Run

    Raises
    ------
    ConfigError
        If the profile names no single rounding, or nothing that runs it is installed.
    DatasetError
        If the data don't fit the model.
    """
    plan = accuracy.plan_runs(model, dataset, profile)
    if isinstance(plan, Missing):
        raise ConfigError("the runners", plan.reason, plan.advice)
    if len(plan) > 1:
        advice = "Choose an engine with evidence: tinygauge engines"
        raise ConfigError("--engine", "its rounding is not known", advice)
    # Not cross-checked: what a difference between the two is due to is asked for here.
    return replace(plan[0], check=None)


def choose_inputs(model: Model, outputs: tuple[Array, Array], wanted: int) -> npt.NDArray[np.int64]:
    """Choose inputs to look at: those whose outputs differ, then others, evenly spread.

    Parameters
    ----------
    model : Model
    outputs : tuple of two ndarray, shape (n, k)
        Of two runtimes.
    wanted : int
        How many; fewer where their tensors would fill the memory, or there are fewer.

    Returns
    -------
    ndarray of int64
        Sorted places.
    """
    size_bytes = sum(tensor.size_bytes for tensor in graph.shown_tensors(model.main))
    n = len(outputs[0])
    count = max(1, min(wanted, n, _TRACE_BYTES // max(1, size_bytes)))
    differ = (outputs[0] != outputs[1]).reshape(n, -1).any(axis=1)
    differing, others = np.flatnonzero(differ), np.flatnonzero(~differ)
    chosen = _spread(differing, count)
    return np.sort(np.concatenate([chosen, _spread(others, count - len(chosen))]))


def _spread(places: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    if len(places) <= count:
        return places
    return places[np.linspace(0, len(places) - 1, count).astype(np.int64)]


def gather(run: Run, places: npt.NDArray[np.int64]) -> Array:
    """Return some of a run's inputs, as the model takes them.

    Parameters
    ----------
    run : Run
    places : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray, shape (n, *shape of the input)
    """
    return np.concatenate([run.inputs[place : place + 1] for place in places.tolist()])


def run_whole(run: Run, limits: Limits | None, progress: Progress) -> Array:
    """Return what a model gives for all the data.

    Parameters
    ----------
    run : Run
    limits : Limits or None
    progress : callable
        Called with the number of inputs.

    Returns
    -------
    ndarray, shape (n, k)
    """
    what, n = f"inputs in {run.runner.name}", len(run.dataset)
    return run.outputs(limits, lambda done: progress(what, done, n))


def examine(
    model: Model,
    rows: Array,
    runners: tuple[Runner, Runner],
    *,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> tuple[tuple[OpDifference, ...], Array]:
    """Compare two runtimes op by op.

    Parameters
    ----------
    model : Model
    rows : ndarray, shape (n, *shape of the input)
    runners : tuple of two Runner
        The base and the other.
    limits : Limits, optional
    progress : callable, optional

    Returns
    -------
    tuple of OpDifference, and ndarray
        And the outputs of the other runtime.
    """
    first, second = (trace(model, rows, each, limits=limits, progress=progress) for each in runners)
    shown = [op for op in model.main.ops if op.outputs and op.outputs[0] in first]
    alone = run_apart(model, shown, first, runners[1], limits=limits, progress=progress)
    ops = tuple(
        _compared(
            op,
            model.main.tensors[op.outputs[0]],
            (first[op.outputs[0]], second[op.outputs[0]]),
            alone[op.index],
        )
        for op in shown
    )
    return ops, second[model.main.outputs[0]]


def _compared(
    op: Op, tensor: Tensor, made: tuple[Array, Array], found: Array | Missing
) -> OpDifference:
    """Compare what an op made in both, and what it made in the other from the base's values."""
    is_float, ours = tensor.dtype.is_float, made[0]
    in_model = measure_gap(*made, is_float=is_float)
    if isinstance(found, Missing):
        alone: Gap | Missing = found
        cause = Cause.UNKNOWN if in_model.differing else Cause.EQUAL
    else:
        alone = measure_gap(ours, found, is_float=is_float)
        cause = cause_of(op, tensor, ours, found)
        if cause is Cause.EQUAL and in_model.differing:
            cause = Cause.DRIFT
    return OpDifference(
        op=op.index,
        kind=op.kind,
        tensor=tensor.name,
        alone=alone,
        in_model=in_model,
        cause=cause,
    )


def _effect(runs: tuple[Run, Run], outputs: tuple[Array, Array]) -> Effect:
    model, dataset = runs[0].model, runs[0].dataset
    scored: list[Quantity | Missing] = []
    for run, each in zip(runs, outputs, strict=True):
        score = accuracy.score_results([run], [run.results_of(each)], run.runner.name)
        scored.append(score if isinstance(score, Missing) else score.value)
    changed: int | Missing = Missing("anomaly detection has no answer for a single input")
    if dataset.task is not Task.ANOMALY:
        answers = [accuracy.answers_of(model, each) for each in outputs]
        changed = int((answers[0] != answers[1]).sum())
    gap = measure_gap(*outputs, is_float=accuracy.output_tensor(model).dtype.is_float)
    return Effect(
        base=scored[0],
        other=scored[1],
        answers_changed=changed,
        inputs_differing=gap.inputs,
        n=len(dataset),
        largest=gap.largest,
    )
