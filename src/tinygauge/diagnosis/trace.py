"""Runs a model op by op in any runtime: all of its tensors, or one op alone.

Runtimes show a model's outputs and hide the rest, so each gets the model with every tensor for an
output, or with a single op left (see `tinygauge.graph.slicing`). Each run is in a process apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tinygauge import accuracy, graph
from tinygauge.accuracy import Limits, Runner
from tinygauge.errors import RunnerError
from tinygauge.graph import Model, Op, Tensor
from tinygauge.quantity import Missing

__all__ = ["Array", "Trace", "run_alone", "run_rest", "shaped", "trace"]

Array: TypeAlias = npt.NDArray[np.generic]

Trace: TypeAlias = Mapping[int, Array]
"""By tensor of the main subgraph its values, shape (n, *shape of the tensor)."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Some ops of a model: from first to last, from what is given to one tensor."""

    model: Model
    first: int
    last: int
    given: tuple[int, ...]
    wanted: int

    @property
    def name(self) -> str:
        return f"{self.model.name}, op {self.first}"

    def content(self) -> bytes:
        """Return it as a model file."""
        return graph.cut(self.model, self.given, [self.wanted], first=self.first, last=self.last)


def trace(model: Model, rows: Array, runner: Runner, limits: Limits | None = None) -> Trace:
    """Run a model and return all that its ops make.

    Parameters
    ----------
    model : Model
        With one input.
    rows : ndarray, shape (n, *shape of the input)
    runner : Runner
    limits : Limits, optional

    Returns
    -------
    dict of int to ndarray
        With the input among them.

    Raises
    ------
    RunnerError
        If the model can't be run so.
    """
    (source,) = model.main.inputs
    shown = [each.index for each in graph.shown_tensors(model.main)]
    content = graph.cut(model, [source], shown)
    found = accuracy.run_outputs(
        content, [rows], runner, count=len(shown), name=model.name, limits=limits
    )
    tensors = model.main.tensors
    values = {index: shaped(tensors[index], each) for index, each in zip(shown, found, strict=True)}
    return {source: rows} | values


def shaped(tensor: Tensor, values: Array) -> Array:
    """Return values of a tensor for many inputs, shape (n, *shape); open dimensions are 1.

    Parameters
    ----------
    tensor : Tensor
    values : ndarray, shape (n, …)

    Returns
    -------
    ndarray
    """
    return values.reshape(len(values), *(max(1, extent) for extent in tensor.shape))


def run_alone(
    model: Model, op: Op, known: Trace, runner: Runner, limits: Limits | None = None
) -> Array | Missing:
    """Run a single op of a model.

    Parameters
    ----------
    model : Model
    op : Op
        Of its main subgraph.
    known : dict of int to ndarray
        What it is given.
    runner : Runner
    limits : Limits, optional

    Returns
    -------
    ndarray or Missing
        Its first output, shape (n, …); Missing where it can't be run alone, as what reads a
        resource of another op.
    """
    given = tuple(each.index for each in graph.given_tensors(model.main, op))
    return _run(_Part(model, op.index, op.index, given, op.outputs[0]), known, runner, limits)


def run_rest(
    model: Model, first: int, known: Trace, runner: Runner, limits: Limits | None = None
) -> Array | Missing:
    """Run a model from an op on.

    Parameters
    ----------
    model : Model
        With one output.
    first : int
        The first op to run; behind the last, the output is among what is known.
    known : dict of int to ndarray
        All that the ops before it make, and the model's input.
    runner : Runner
    limits : Limits, optional

    Returns
    -------
    ndarray or Missing
        The model's output, shape (n, …).
    """
    main = model.main
    rest = main.ops[first:]
    made = {index for op in rest for index in op.outputs}
    if main.outputs[0] not in made:
        return known[main.outputs[0]]
    read = dict.fromkeys(each.index for op in rest for each in graph.given_tensors(main, op))
    given = tuple(index for index in read if index not in made)
    part = _Part(model, first, len(main.ops) - 1, given, main.outputs[0])
    return _run(part, known, runner, limits)


def _run(
    part: _Part, known: Trace, runner: Runner, limits: Limits | None = None
) -> Array | Missing:
    absent = [index for index in part.given if index not in known]
    if absent or not part.given:
        return Missing("what it reads is no tensor that can be given to it")
    rows = [np.ascontiguousarray(known[index]) for index in part.given]
    try:
        (found,) = accuracy.run_outputs(
            part.content(), rows, runner, count=1, name=part.name, limits=limits
        )
    except RunnerError as error:
        return Missing(error.problem)
    return shaped(part.model.main.tensors[part.wanted], found)
