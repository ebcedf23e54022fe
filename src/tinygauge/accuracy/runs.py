"""One model run over one dataset by one program: what that depends on, and what came out.

A run is planned first, which checks that model and data fit; its results are then found among
those that are kept, or made by running the model in a process apart. What they are worth is told
by `simulate.py`.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tinygauge.accuracy import cache, scores
from tinygauge.accuracy.checking import Check, cross_check
from tinygauge.accuracy.datasets import Dataset, Task
from tinygauge.accuracy.inputs import SCHEME_VERSION, ModelInputs, fit, output_tensor
from tinygauge.accuracy.processes import Limits, Progress, run_stored
from tinygauge.accuracy.runners import Choice, Runner, exact_counterpart, runners_for
from tinygauge.accuracy.stored import StoredArray
from tinygauge.errors import DatasetError, RunnerError, UnsupportedOpError
from tinygauge.exact import backend, bits_id, find_unsupported
from tinygauge.graph import DType, Model, Quantization, Tensor
from tinygauge.quantity import Missing

__all__ = ["Results", "Run", "class_count", "is_float", "make_run", "plan_runs"]

_LOG = logging.getLogger(__name__)

_CHUNK_ELEMENTS = 1 << 20
_INTEGERS = frozenset({DType.INT4, DType.INT8, DType.UINT8, DType.INT16})

Outputs: TypeAlias = npt.NDArray[np.generic]
"""What a model gave, shape (n, k)."""

_Outputs: TypeAlias = Outputs | StoredArray

Warn: TypeAlias = Callable[[str], None]
"""Takes what the user should know of a run that went well otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What is kept and scored of a run.

    Parameters
    ----------
    values : ndarray
        Outputs, shape (n, k), or the error of each rebuilt input, shape (n,), float64.
    check : Check or None
        What came of comparing a part with an interpreter's; None where none was at hand.
    """

    values: npt.NDArray[np.generic]
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A model, the inputs it is given, and the program that runs it.

    Parameters
    ----------
    model : Model
        With one input and one output.
    inputs : ModelInputs
        That fit it.
    runner : Runner
        Which is installed.
    check : Runner or None
        An interpreter that is given a part of the inputs too, and must give the same.
    why : str
        Why an interpreter runs it and not the exact evaluator; empty where there is no question.
    """

    model: Model
    inputs: ModelInputs
    runner: Runner
    check: Runner | None = None
    why: str = ""

    @property
    def dataset(self) -> Dataset:
        """The data that the inputs are of."""
        return self.inputs.dataset

    @property
    def key(self) -> str:
        """Digest of all that the results depend on."""
        data = self.dataset
        windows = (data.windows.width, len(data)) if data.windows is not None else ()
        bits = bits_id() if self.runner.is_exact else ""
        return cache.key_of(
            SCHEME_VERSION, self.model.sha256, data.sha256, data.x.dtype.str, data.x.shape,
            windows, data.x_scale, data.x_zero_point, data.task.value, self.runner.label, bits,
        )  # fmt: skip

    def find(self, warn: Warn = _LOG.warning) -> Results | None:
        """Return the results where they are kept from before; warn as `make` did."""
        entry = cache.load(self.key)
        if entry is None or len(entry[0]) != len(self.dataset):
            return None
        values, note = entry
        check = Check(**json.loads(note)) if note else None
        self._tell(check, warn)
        return Results(values, check)

    def keep(self, results: Results) -> None:
        """Keep results, to be found again."""
        note = json.dumps(asdict(results.check)) if results.check is not None else ""
        cache.store(self.key, results.values, note)

    def make(
        self,
        limits: Limits | None = None,
        progress: Progress | None = None,
        warn: Warn = _LOG.warning,
    ) -> Results:
        """Run the model.

        Parameters
        ----------
        limits : Limits, optional
            Time and memory.
        progress : callable, optional
            Called with the number of inputs done.
        warn : callable, optional
            Called with what the user should know of the run; by default it is logged.

        Returns
        -------
        Results

        Raises
        ------
        RunnerError
            If the model can't be run, or gives values that are no numbers.
        """
        outputs, check = self._run(limits, progress, warn)
        return Results(self._values(outputs), check)

    def outputs(
        self,
        limits: Limits | None = None,
        progress: Progress | None = None,
        warn: Warn = _LOG.warning,
    ) -> Outputs:
        """Run the model as `make` does, and return its outputs, shape (n, k)."""
        return np.asarray(self._run(limits, progress, warn)[0])

    def _run(
        self, limits: Limits | None, progress: Progress | None, warn: Warn
    ) -> tuple[_Outputs, Check | None]:
        model, data, runner = self.model, self.dataset, self.runner
        _LOG.info("running %s on %d inputs with %s", model.name, len(data), runner.label)
        outputs = run_stored(
            model.content, self.inputs, runner, name=model.name, limits=limits, progress=progress
        )
        bad = sum(int((~np.isfinite(part)).any(axis=1).sum()) for _, part in _parts(outputs))
        if bad:
            problem = f"{bad:,} of {len(data):,} outputs are no finite numbers ({runner.label})"
            advice = "Check the scale of the inputs, then the training"
            raise RunnerError(model.name, problem, advice)
        check = None
        if self.check is not None:
            check = cross_check(model, self.inputs, outputs, (runner, self.check), limits)
        self._tell(check, warn)
        return outputs, check

    def _tell(self, check: Check | None, warn: Warn) -> None:
        if check is not None and check.failure:
            warn(f"{self.model.name} is {check}")

    def results_of(self, outputs: Outputs) -> Results:
        """Return what is scored of outputs, of which nothing is known otherwise."""
        return Results(self._values(outputs))

    def _values(self, outputs: _Outputs) -> npt.NDArray[np.generic]:
        if self.dataset.task is Task.ANOMALY:
            quantization = output_tensor(self.model).quantization
            return _rebuilding_errors(self.dataset, outputs, quantization)
        return np.asarray(outputs)


def make_run(
    model: Model,
    dataset: Dataset,
    runner: Runner,
    check: Runner | None = None,
    *,
    limits: Limits | None = None,
    warn: Warn = _LOG.warning,
) -> Results:
    """Make a run that another process planned.

    Parameters
    ----------
    model : Model
    dataset : Dataset
        That fits it.
    runner : Runner
        Installed here too.
    check : Runner, optional
        As in `Run`.
    limits : Limits, optional
        Time and memory.
    warn : callable, optional
        As in `Run.make`.

    Returns
    -------
    Results

    Raises
    ------
    DatasetError
        If the data don't fit the model.
    RunnerError
        As `Run.make`.
    """
    return Run(model, fit(model, dataset), runner, check).make(limits, warn=warn)


def plan_runs(
    model: Model, dataset: Dataset, profile: str, choice: Choice | str = Choice.AUTO
) -> tuple[Run, ...] | Missing:
    """Choose what a model must be run with, to be scored with a numeric profile.

    Parameters
    ----------
    model : Model
        With one input and one output.
    dataset : Dataset
        That it is to be scored on.
    profile : str
        One of `tinygauge.accuracy.PROFILES`.
    choice : Choice or str
        ``"auto"`` takes the exact evaluator, and the interpreter for models with an op that it
        does not know; the others insist, ``"exact-cuda"`` on the evaluator in PyTorch.

    Returns
    -------
    tuple of Run, or Missing
        One; with profile ``"unknown"`` one for each rounding. Missing where no runner is
        installed.

    Raises
    ------
    DatasetError
        If the data don't fit the model.
    UnknownNameError
        If there is no such profile.
    UnsupportedOpError
        If the exact evaluator is insisted on and does not know an op.
    """
    inputs = fit(model, dataset)
    _check_outputs(model, dataset)
    interpreters = runners_for(profile, is_float=is_float(model))
    planned = [_plan_run(model, inputs, each, Choice(choice)) for each in interpreters]
    runs = tuple(run for run in planned if run.runner.version is not None)
    if not runs:
        return Missing("no interpreter is installed", "Try: pip install ai-edge-litert")
    return runs


def _plan_run(model: Model, inputs: ModelInputs, interpreter: Runner, choice: Choice) -> Run:
    if choice is Choice.INTERPRETER:
        return Run(model, inputs, interpreter, why="as asked for")
    exact, rounding = exact_counterpart(interpreter, on_cuda=choice is Choice.CUDA)
    if is_float(model):
        unsupported: Missing | None = Missing("floating-point models have no roundings to repeat")
    else:
        unsupported = find_unsupported(model, rounding)
    if choice is Choice.AUTO and backend() == "numpy" and _is_faster(interpreter):
        unsupported = Missing("it is faster where the exact kernels were not compiled")
    if unsupported is None:
        # A stand-in that is nearly the profile can't check what is the profile exactly.
        can_check = interpreter.version is not None and not interpreter.note
        return Run(model, inputs, exact, check=interpreter if can_check else None)
    if choice in (Choice.EXACT, Choice.CUDA):
        where = model.path or model.name
        raise UnsupportedOpError(where, unsupported.reason, "Use --runner auto or interpreter")
    return Run(model, inputs, interpreter, why="" if is_float(model) else unsupported.reason)


def _is_faster(interpreter: Runner) -> bool:
    """Whether an interpreter outruns NumPy with the same bits; tflite-micro does not."""
    is_there = interpreter.version is not None and not interpreter.note
    return is_there and interpreter.package == "ai-edge-litert"


def is_float(model: Model) -> bool:
    """Tell whether no value is a small integer, so that roundings of integers don't matter.

    Parameters
    ----------
    model : Model

    Returns
    -------
    bool
    """
    return not any(
        tensor.dtype in _INTEGERS for graph in model.subgraphs for tensor in graph.tensors
    )


def _check_outputs(model: Model, dataset: Dataset) -> None:
    tensor, where = output_tensor(model), dataset.path or dataset.name
    if tensor.elements == 0:
        raise DatasetError(where, f"{model.name} has an output of no values", "Export it anew")
    if dataset.task is Task.ANOMALY:
        if tensor.elements != math.prod(dataset.row_shape):
            problem = f"{model.name} has {tensor.elements} outputs"
            advice = "Anomaly detection takes a model that rebuilds its input"
            raise DatasetError(where, problem, advice)
        return
    classes, highest = class_count(tensor), int(dataset.y.max(initial=0))
    if highest >= classes:
        problem = f"y holds the class {highest}, but {model.name} tells {classes} classes apart"
        raise DatasetError(where, problem, "Give the data that the model was trained for")


def class_count(output: Tensor) -> int:
    """Return how many classes an output tells apart; one value stands for class 1 against 0.

    Parameters
    ----------
    output : Tensor

    Returns
    -------
    int
    """
    return max(2, output.elements)


def _rebuilding_errors(
    data: Dataset, outputs: _Outputs, quantization: Quantization | None
) -> npt.NDArray[np.float64]:
    errors = [
        scores.mean_squared_errors(
            scores.dequantize(part, quantization), data.reals(start, start + len(part))
        )
        for start, part in _parts(outputs)
    ]
    return np.concatenate(errors)


def _parts(outputs: _Outputs) -> Iterator[tuple[int, Outputs]]:
    """Yield outputs a part at a time, each with the place of its first row."""
    step = max(1, _CHUNK_ELEMENTS // outputs.shape[1])
    for start in range(0, len(outputs), step):
        yield start, outputs[start : start + step]
