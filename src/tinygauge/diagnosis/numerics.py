"""Tells which rounding profile a board follows, from the outputs that it printed.

The model is run with each profile over the same inputs; a board that follows one prints its
outputs, digit by digit. It does not tell why a board follows none: another model, another order
of the inputs and another arithmetic look alike.

References
----------
The profiles and their evidence: `tinygauge.accuracy.runners`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from tinygauge import accuracy
from tinygauge.accuracy import Dataset, Limits, Run, Task
from tinygauge.diagnosis.board_log import BoardLog
from tinygauge.diagnosis.placing import place_answers
from tinygauge.errors import ConfigError, DatasetError
from tinygauge.graph import DType, Model
from tinygauge.quantity import Evidence, Method, Missing, Provenance, Quantity
from tinygauge.units import Unit

__all__ = [
    "Agreement",
    "Answered",
    "Follows",
    "Numerics",
    "answered_inputs",
    "beyond_printing",
    "stored_values",
    "tell_numerics",
]

PROFILES = ("two-rounding", "one-rounding", "litert")

# Below this share a profile that is the nearest is none: of the published engines, those that
# follow a profile nearly agree on 0.998 of the inputs, those that follow none on 0.59 at most,
# and profiles among themselves on up to 0.996 (own comparison of 2026-11-22).
_NEARLY = 0.99
# The error of squaring and adding in float32 over the windows of anomaly detection.
_FLOAT_ERROR = 1e-5
# What an op must make for its engine's rounding to show.
_ROUNDED = frozenset({DType.INT8, DType.UINT8, DType.INT16})


class Follows(StrEnum):
    """How surely a board follows a profile."""

    ONE = "one"
    NEARLY = "nearly"
    SEVERAL = "several"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often a board and a profile agree.

    Parameters
    ----------
    profile, runner : str
        The profile, and the program that ran it.
    equal, n : int
        Inputs with all outputs equal to the digits printed, of how many.
    share : Quantity
        Their ratio.
    largest_steps : float
        The largest difference of an output, in steps of the model's output (or in the output's
        own unit, where it has none); 0 where what printing hides explains all.
    right : Quantity or Missing
        The share of these inputs that the profile answers right.
    """

    profile: str
    runner: str
    equal: int
    n: int
    share: Quantity
    largest_steps: float
    right: Quantity | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Numerics:
    """Which profile a board follows.

    Parameters
    ----------
    follows : Follows
    profile : str
        The profile; with `SEVERAL` the first of them, with `NONE` the nearest.
    agreements : tuple of Agreement
        The nearest first.
    board_right : Quantity or Missing
        The share of these inputs that the board answered right.
    values : int
        Outputs printed for each input.
    outputs : int
        Inputs with outputs in the log.
    inputs : int
        Of the dataset.
    log : BoardLog
    model, model_sha256, dataset : str
    """

    follows: Follows
    profile: str
    agreements: tuple[Agreement, ...]
    board_right: Quantity | Missing
    values: int
    outputs: int
    inputs: int
    log: BoardLog
    model: str
    model_sha256: str
    dataset: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """What a board printed, beside the inputs it was for.

    Parameters
    ----------
    places : ndarray of int64, shape (n,)
        Which input of the dataset each answer is for; no input twice.
    values : ndarray of float64, shape (n, k)
        As printed.
    resolution : float
        The step of the last digit printed.
    """

    places: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    resolution: float


def tell_numerics(
    log: BoardLog, model: Model, dataset: Dataset, *, limits: Limits | None = None
) -> Numerics:
    """Tell which rounding profile a board follows.

    Parameters
    ----------
    log : BoardLog
        What it printed.
    model : Model
        That it ran, with integer arithmetic.
    dataset : Dataset
        That it was given; the log may hold a part of it.
    limits : Limits, optional
        Of running the model here.

    Returns
    -------
    Numerics

    Raises
    ------
    ConfigError
        If the model computes in floating point, which has no such roundings.
    DatasetError
        If log, model and data don't belong together.
    RunnerError
        If the model can't be run here.
    """
    _refuse_float(model)
    answered = answered_inputs(log, model, dataset)
    found: list[Agreement] = []
    for profile in PROFILES:
        plan = accuracy.plan_runs(model, dataset, profile)
        if isinstance(plan, Missing):
            raise ConfigError("the runners", plan.reason, plan.advice)
        found.append(_agreement(profile, plan[0], answered, limits))
    found.sort(key=lambda each: -each.equal)
    return Numerics(
        follows=_verdict(found),
        profile=found[0].profile,
        agreements=tuple(found),
        board_right=_board_right(answered, model, dataset, log),
        values=answered.values.shape[1],
        outputs=len(answered.places),
        inputs=len(dataset),
        log=log,
        model=model.name,
        model_sha256=model.sha256,
        dataset=dataset.name,
    )


def _refuse_float(model: Model) -> None:
    for graph in model.subgraphs:
        made = [graph.tensor(index) for op in graph.ops for index in op.outputs]
        if any(tensor is not None and tensor.dtype in _ROUNDED for tensor in made):
            return
    where = model.path or model.name
    stored = "" if accuracy.is_float(model) else ", with weights stored as integers"
    problem = f"it computes in floating point{stored}: that has no rounding profile"
    advice = "Give the integer model that the board runs, converted with inputs to calibrate it"
    raise ConfigError(where, problem, advice)


def answered_inputs(log: BoardLog, model: Model, dataset: Dataset) -> Answered:
    """Put each answer of a log beside its input: by the input's name, or else by the order.

    Parameters
    ----------
    log : BoardLog
    model : Model
        That gives as many outputs as were printed, or one (the error) for anomaly detection.
    dataset : Dataset

    Returns
    -------
    Answered

    Raises
    ------
    DatasetError
        As `place_answers`, or if the answers' lengths are not the model's.
    """
    wanted = 1 if dataset.task is Task.ANOMALY else accuracy.output_tensor(model).elements
    count = len(log.answers[0].values)
    if count != wanted:
        problem = f"the log holds {count} values an input, {model.name} gives {wanted}"
        raise DatasetError(log.path, problem, "Give the model that the board ran")
    placed = place_answers(log, dataset)
    places = np.array(list(placed), dtype=np.int64)
    values = np.array([answer.values for answer in placed.values()], dtype=np.float64)
    return Answered(places=places, values=values, resolution=log.resolution)


def _agreement(profile: str, run: Run, answered: Answered, limits: Limits | None) -> Agreement:
    results = run.find()
    if results is None:
        # A board is compared with what computes a profile exactly, whether or not an interpreter
        # agrees; but what no interpreter has checked must not be found again by others.
        results = replace(run, check=None).make(limits)
        if run.check is None:
            run.keep(results)
    ours = results.values.reshape(len(results.values), -1)[answered.places]
    beyond = beyond_printing(run.model, run.dataset, ours, answered)
    equal, n = int((beyond == 0).all(axis=1).sum()), len(beyond)
    source = f"outputs of {run.runner.label} beside those that the board printed"
    evidence = (Evidence("model", run.model.name, run.model.sha256),)
    provenance = Provenance(Method.SIMULATED, source, run.runner.label, evidence)
    return Agreement(
        profile=profile,
        runner=run.runner.label,
        equal=equal,
        n=n,
        share=Quantity(equal / n, Unit.RATIO, accuracy.wilson_interval(equal, n), provenance),
        largest_steps=float(beyond.max()),
        right=_right(run.model, run.dataset, ours, answered.places, provenance),
    )


def beyond_printing(
    model: Model, dataset: Dataset, ours: npt.NDArray[np.generic], answered: Answered
) -> npt.NDArray[np.float64]:
    """Return by how much a board's outputs differ beyond what printing hides.

    Parameters
    ----------
    model : Model
    dataset : Dataset
    ours : ndarray, shape (n, k)
        What a runner gave for the same inputs: stored values, or errors for anomaly detection.
    answered : Answered

    Returns
    -------
    ndarray of float64, shape (n, k)
        In steps of the model's output; 0 where a digit cut off or rounded explains it, infinite
        where the board printed no number.

    References
    ----------
    B. Jacob et al., CVPR 2018, eq. 1, solved for the stored value.
    """
    hidden = answered.resolution * 1.01  # cut off; what float32 adds to it
    if dataset.task is Task.ANOMALY:
        hidden += _FLOAT_ERROR * float(np.abs(ours).max())
        apart = np.abs(answered.values - ours.astype(np.float64))
    else:
        scale, board = _in_steps(model, answered)
        hidden = hidden / scale if scale else 0.0
        apart = np.abs(board - ours.astype(np.float64))
    beyond = np.where(apart > hidden, apart, 0.0)
    return np.where(np.isfinite(apart), beyond, np.inf)


def _in_steps(model: Model, answered: Answered) -> tuple[float, npt.NDArray[np.float64]]:
    """Return the real value of a step (0 where stored values were printed) and the outputs."""
    quantization = accuracy.output_tensor(model).quantization
    if quantization is None:
        return 1.0, answered.values
    scale, zero_point = quantization.scale[0], quantization.zero_point[0]
    whole = answered.resolution >= 1 and bool((answered.values % 1 == 0).all())
    if whole and scale < 1:  # stored values: real ones would need decimals
        return 0.0, answered.values
    return scale, answered.values / scale + zero_point


def stored_values(model: Model, answered: Answered) -> npt.NDArray[np.float64]:
    """Return what a board printed, in stored values of the model's output; they need not be whole.

    Parameters
    ----------
    model : Model
    answered : Answered

    Returns
    -------
    ndarray of float64, shape (n, k)
    """
    return _in_steps(model, answered)[1]


def _verdict(found: Sequence[Agreement]) -> Follows:
    best, second = found[0], found[1]
    if best.equal == second.equal == best.n:
        return Follows.SEVERAL
    if best.equal == best.n:
        return Follows.ONE
    nearly = best.equal >= _NEARLY * best.n and best.equal > second.equal
    return Follows.NEARLY if nearly else Follows.NONE


def _board_right(
    answered: Answered, model: Model, dataset: Dataset, log: BoardLog
) -> Quantity | Missing:
    provenance = Provenance(
        Method.MEASURED,
        "the answers that the board printed",
        evidence=(Evidence("transcript", log.path, log.sha256),),
    )
    outputs = stored_values(model, answered)
    return _right(model, dataset, outputs, answered.places, provenance)


def _right(
    model: Model,
    dataset: Dataset,
    outputs: npt.NDArray[np.generic],
    places: npt.NDArray[np.int64],
    provenance: Provenance,
) -> Quantity | Missing:
    """Return the share of right answers, to see whether inputs and outputs belong together."""
    truth = dataset.right_answers(places)
    if isinstance(truth, Missing):
        return truth
    right = int((accuracy.answers_of(model, outputs) == truth).sum())
    n = len(places)
    return Quantity(right / n, Unit.RATIO, accuracy.wilson_interval(right, n), provenance)
