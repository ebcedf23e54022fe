"""Compiles a model once, and evaluates it on a batch of any size in bounded memory."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tinygauge.errors import ConfigError, DatasetError, UnknownNameError, UnsupportedOpError
from tinygauge.exact.lowering import lower_ops
from tinygauge.exact.processors import Host, Processor, open_processor
from tinygauge.exact.scales import Rounding
from tinygauge.exact.steps import Array, Step
from tinygauge.graph import Model, Tensor, precision
from tinygauge.quantity import Missing

__all__ = ["Program", "compile_model", "find_unsupported"]

Inputs = Array | Sequence[Array]


class Program:
    """A model, ready to be evaluated.

    Parameters
    ----------
    model : Model
    rounding : Rounding
    steps : sequence of Step
        Those of the model, in execution order.
    threads : int, optional
        Threads that work at a time; by default one for each core of the host, and one elsewhere.
    processor : Processor, optional
        Where it is evaluated, if not on the host.
    """

    def __init__(
        self,
        model: Model,
        rounding: Rounding,
        steps: Sequence[Step],
        threads: int | None = None,
        processor: Processor | None = None,
    ) -> None:
        self.model = model
        self.rounding = rounding
        self._processor = processor or Host()
        cores = os.cpu_count() or 1 if isinstance(self._processor, Host) else 1
        self.threads = threads if threads is not None else cores
        self._tensors = model.main.tensors
        self._steps = tuple((step, self._processor.bind(step)) for step in steps)
        self._constants = {
            index: self._processor.put(np.asarray(self._tensors[index].data)[None])
            for step in steps
            for index in step.inputs
            if self._tensors[index].is_constant
        }
        self._dead = _last_uses(steps, model.main.outputs)

    @property
    def rows(self) -> int:
        """Inputs that are evaluated together."""
        largest = max(
            (
                sum(self._tensors[i].size_bytes for i in (*step.inputs, *step.outputs))
                for step, _ in self._steps
            ),
            default=1,
        )
        fitting = self._processor.chunk_bytes // max(1, largest)
        return max(1, min(self._processor.most_rows, fitting))

    def run(self, inputs: Inputs) -> list[Array]:
        """Evaluate the model on a batch.

        Parameters
        ----------
        inputs : ndarray, or sequence of ndarray
            One for each of the model's inputs, of its type: ``(n, *shape)``, with or without the
            model's own leading 1.

        Returns
        -------
        list of ndarray
            One for each of the model's outputs, ``(n, *shape)``.

        Raises
        ------
        DatasetError
            If number, type or shape of the arrays are not the model's.
        """
        arrays = self._checked(inputs)
        count = len(arrays[0])
        tensors = [self._tensors[index] for index in self.model.main.outputs]
        outputs = [np.empty((count, *t.shape), t.dtype.value) for t in tensors]

        def evaluate(start: int) -> None:
            stop = min(count, start + rows)
            kept = self._evaluate([array[start:stop] for array in arrays])
            for output, tensor in zip(outputs, tensors, strict=True):
                output[start:stop] = self._processor.get(kept[tensor.index])

        rows = self._share(count)
        _each(evaluate, range(0, count, rows), self.threads)
        return outputs

    def trace(self, inputs: Inputs) -> dict[int, Array]:
        """Evaluate the model and keep every op's outputs.

        Parameters
        ----------
        inputs : ndarray, or sequence of ndarray
            See `run`.

        Returns
        -------
        dict of int to ndarray
            By the tensor's index in the main subgraph, ``(n, *shape)``, in execution order.

        Raises
        ------
        DatasetError
            If number, type or shape of the arrays are not the model's.
        """
        arrays = self._checked(inputs)
        count = len(arrays[0])
        written = [index for step, _ in self._steps for index in step.outputs]
        chunks = [
            self._evaluate([array[start : start + self.rows] for array in arrays], keep=True)
            for start in range(0, count, self.rows)
        ]
        return {
            index: np.concatenate([self._processor.get(chunk[index]) for chunk in chunks])
            if chunks
            else np.empty((0, *self._tensors[index].shape), self._tensors[index].dtype.value)
            for index in written
        }

    def _share(self, count: int) -> int:
        """Return how many inputs a thread takes at a time, so that all have work."""
        return max(1, min(self.rows, -(-count // self.threads)))

    def _checked(self, inputs: Inputs) -> list[Array]:
        arrays = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        wanted = [self._tensors[index] for index in self.model.main.inputs]
        if len(arrays) != len(wanted):
            problem = f"the model takes {len(wanted)} inputs, got {len(arrays)}"
            raise DatasetError(self.model.name, problem, "Give one array for each")
        pairs = zip(arrays, wanted, strict=True)
        checked = [_fitted(self.model.name, array, tensor) for array, tensor in pairs]
        if len({len(array) for array in checked}) > 1:
            lengths = ", ".join(str(len(array)) for array in checked)
            raise DatasetError(self.model.name, f"inputs of different lengths: {lengths}", "")
        return checked

    def _evaluate(self, arrays: list[Array], *, keep: bool = False) -> dict[int, Any]:
        """Evaluate one chunk; without `keep`, forget tensors behind their last use."""
        count = len(arrays[0])
        values = dict(self._constants)
        values |= zip(self.model.main.inputs, map(self._processor.put, arrays), strict=True)
        for place, (step, evaluate) in enumerate(self._steps):
            results = evaluate([values[index] for index in step.inputs])
            for index, result in zip(step.outputs, results, strict=True):
                shaped = result.reshape(-1, *self._tensors[index].shape)
                # What depends on constants alone has one row.
                values[index] = self._processor.spread(shaped, count)
            if not keep:
                for index in self._dead[place]:
                    values.pop(index, None)
        return values


def _fitted(name: str, array: object, tensor: Tensor) -> Array:
    """Return an array as ``(n, *shape)``, in order in memory."""
    if not isinstance(array, np.ndarray) or array.ndim == 0:
        problem = f"input {tensor.index} must be an array of shape (n, *{tensor.shape})"
        raise DatasetError(name, f"{problem}, got {type(array).__name__}", "Give NumPy arrays")
    if array.dtype.name != tensor.dtype.value:
        problem = f"input {tensor.index} is {tensor.dtype}, got {array.dtype}"
        raise DatasetError(name, problem, "Quantise the inputs first")
    shape = tensor.shape
    if array.shape[1:] not in (shape, shape[1:], (math.prod(shape),)):
        problem = f"input {tensor.index} has shape {shape}, got {array.shape[1:]} each"
        raise DatasetError(name, problem, "")
    in_order = np.ascontiguousarray(array, tensor.dtype.value)  # the machine's own byte order
    return in_order.reshape(len(array), *shape)


def _last_uses(steps: Sequence[Step], outputs: Iterable[int]) -> list[list[int]]:
    """Return for every step the tensors that nothing needs after it."""
    last: dict[int, int] = {}
    for place, step in enumerate(steps):
        last |= dict.fromkeys((*step.inputs, *step.outputs), place)
    for index in outputs:
        last.pop(index, None)
    dead: list[list[int]] = [[] for _ in steps]
    for index, place in last.items():
        dead[place].append(index)
    return dead


def _each(work: Callable[[int], None], starts: range, threads: int) -> None:
    """Do the work for every chunk, on some threads at a time."""
    if threads == 1 or len(starts) <= 1:
        for start in starts:
            work(start)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, starts):
            pass


def _lowered(model: Model, rounding: Rounding) -> tuple[Step, ...]:
    """Lower a model, and check that every tensor is written before it is read."""
    graph = model.main
    where = model.path or model.name
    advice = "It runs with --runner interpreter"
    if precision(model) == "hybrid":
        problem = "it computes in floating point, with weights stored as int8"
        raise UnsupportedOpError(where, problem, advice)
    steps = lower_ops(model, rounding)
    known = set(graph.inputs)
    for step in steps:
        for index in step.inputs:
            if index not in known and not graph.tensors[index].is_constant:
                raise UnsupportedOpError(where, f"op {step.op} reads what nothing wrote", advice)
        known.update(step.outputs)
    if not graph.inputs or not known.issuperset(graph.outputs):
        raise UnsupportedOpError(where, "inputs or outputs that no op connects", advice)
    return steps


def find_unsupported(model: Model, rounding: Rounding = Rounding.TWO) -> Missing | None:
    """Say why a model can't be evaluated exactly here.

    Parameters
    ----------
    model : Model
    rounding : Rounding

    Returns
    -------
    Missing or None
        None if it can.
    """
    try:
        _lowered(model, rounding)
    except UnsupportedOpError as error:
        return Missing(error.problem, error.advice)
    return None


def compile_model(
    model: Model,
    rounding: Rounding | str = Rounding.TWO,
    threads: int | None = None,
    on: str = "",
) -> Program:
    """Compile a model.

    Parameters
    ----------
    model : Model
    rounding : Rounding or str
        That of the engine whose outputs are wanted, such as ``"one-rounding"``.
    threads : int, optional
        Threads that work at a time; by default one for each core of the host, and one elsewhere.
    on : str
        ``"cuda"`` evaluates the model there, with the user's own PyTorch and the same bits.

    Returns
    -------
    Program

    Raises
    ------
    UnsupportedOpError
        If `find_unsupported` says so.
    ConfigError
        If `threads` is below 1, or if CUDA is asked for and there is none, or no PyTorch.
    UnknownNameError
        If there is no such rounding or processor.
    """
    names = [each.value for each in Rounding]
    if rounding not in names:
        raise UnknownNameError("rounding", str(rounding), names)
    if threads is not None and threads < 1:
        raise ConfigError("threads", f"must be 1 or more, got {threads}")
    own = Rounding(rounding)
    return Program(model, own, _lowered(model, own), threads, open_processor(on))
