"""Runs a model op by op in any runtime: all of its tensors, or each op apart.

Runtimes show a model's outputs and hide the rest, so each gets the model with tensors for
outputs, or with some ops left (see `tinygauge.graph.slicing`). Each run is in a process apart,
which costs more than a small op: so ops that don't read each other's results share one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tinygauge import accuracy, graph
from tinygauge.accuracy import Limits, Runner
from tinygauge.accuracy.jobs import Progress, at_once, silent
from tinygauge.errors import RunnerError
from tinygauge.graph import Model, Op, Tensor
from tinygauge.quantity import Missing

__all__ = ["Array", "Trace", "run_apart", "run_rest", "shaped", "trace"]

Array: TypeAlias = npt.NDArray[np.generic]

Trace: TypeAlias = Mapping[int, Array]
"""By tensor of the main subgraph its values, shape (n, *shape of the tensor)."""

# Given or wanted in one run, each in a file that is open while it lasts: some systems allow a
# process 256.
_MOST_TENSORS = 200
_NOT_GIVEN = Missing("what it reads is no tensor that can be given to it")


@dataclass(frozen=True, slots=True)
class _Part:
    """Some ops of a model, from what is given to what is wanted."""

    model: Model
    ops: tuple[int, ...]
    given: tuple[int, ...]
    wanted: tuple[int, ...]

    @property
    def name(self) -> str:
        """The model's, with the op where it is one."""
        return self.model.name if len(self.ops) != 1 else f"{self.model.name}, op {self.ops[0]}"

    def run(self, known: Trace, runner: Runner, limits: Limits | None) -> Trace:
        """Run it; raise RunnerError where that fails."""
        rows = [np.ascontiguousarray(known[index]) for index in self.given]
        content = graph.cut(self.model, self.given, self.wanted, ops=self.ops)
        found = accuracy.run_outputs(
            content, rows, runner, count=len(self.wanted), name=self.name, limits=limits
        )
        tensors = self.model.main.tensors
        pairs = zip(self.wanted, found, strict=True)
        return {index: shaped(tensors[index], each) for index, each in pairs}


def trace(
    model: Model,
    rows: Array,
    runner: Runner,
    *,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> Trace:
    """Run a model and return all that its ops make.

    Parameters
    ----------
    model : Model
        With one input.
    rows : ndarray, shape (n, *shape of the input)
    runner : Runner
    limits : Limits, optional
    progress : callable, optional
        Called with the number of tensors.

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
    shown = tuple(each.index for each in graph.shown_tensors(model.main))
    ops = tuple(op.index for op in model.main.ops)
    parts = [
        _Part(model, ops, (source,), shown[start : start + _MOST_TENSORS])
        for start in range(0, len(shown), _MOST_TENSORS)
    ]
    values: dict[int, Array] = {}
    for _, found in at_once(lambda part: part.run({source: rows}, runner, limits), parts):
        values |= found
        progress(f"tensors in {runner.name}", len(values), len(shown))
    return {source: rows} | {index: values[index] for index in shown}


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


def run_apart(
    model: Model,
    ops: Sequence[Op],
    known: Trace,
    runner: Runner,
    *,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> dict[int, Array | Missing]:
    """Run ops of a model each for itself: it is given what is known, not what the others make.

    Parameters
    ----------
    model : Model
    ops : sequence of Op
        Of its main subgraph.
    known : dict of int to ndarray
        What they are given.
    runner : Runner
    limits : Limits, optional
        Of some of them together.
    progress : callable, optional
        Called with the number of ops.

    Returns
    -------
    dict of int to ndarray or Missing
        By op its first output, shape (n, …); Missing where it can't be run alone, as what reads
        a resource of another op.
    """
    found: dict[int, Array | Missing] = {}
    able: list[Op] = []
    for op in ops:
        given = graph.given_tensors(model.main, op)
        if given and all(each.index in known for each in given):
            able.append(op)
        else:
            found[op.index] = _NOT_GIVEN
    parts = [_alone(model, group) for group in _groups(model, able)]
    while parts:
        failed: list[_Part] = []
        for part, outcome in at_once(lambda part: _attempt(part, known, runner, limits), parts):
            if not isinstance(outcome, Missing):
                made = zip(part.ops, part.wanted, strict=True)
                found |= {op: outcome[index] for op, index in made}
            elif len(part.ops) > 1:
                failed += _halves(part)
            else:
                found[part.ops[0]] = outcome
            progress(f"ops in {runner.name}", len(found), len(ops))
        parts = failed
    return found


def _alone(model: Model, ops: Sequence[Op]) -> _Part:
    """Return ops as a part of a model, of which each one's first output is wanted."""
    given = dict.fromkeys(each.index for op in ops for each in graph.given_tensors(model.main, op))
    indices, wanted = (op.index for op in ops), (op.outputs[0] for op in ops)
    return _Part(model, tuple(indices), tuple(given), tuple(wanted))


def _halves(part: _Part) -> list[_Part]:
    """Cut a part in two: one op that fails must not take the others with it."""
    ops, middle = [part.model.main.ops[index] for index in part.ops], len(part.ops) // 2
    return [_alone(part.model, ops[:middle]), _alone(part.model, ops[middle:])]


@dataclass(slots=True)
class _Group:
    """Ops of which none reads or makes what another makes, so that they can run in one model."""

    ops: list[Op] = field(default_factory=list)
    given: set[int] = field(default_factory=set)
    made: set[int] = field(default_factory=set)

    def takes(self, op: Op, given: set[int], made: set[int]) -> bool:
        """Add an op, and return whether it could be added."""
        size = len(self.given | given) + len(self.ops) + 1
        if size > _MOST_TENSORS:
            return False
        if not (self.made.isdisjoint(given | made) and self.given.isdisjoint(made)):
            return False
        self.ops.append(op)
        self.given |= given
        self.made |= made
        return True


def _groups(model: Model, ops: Sequence[Op]) -> list[list[Op]]:
    """Put each op into the first group that takes it: a colouring of the graph of the ops."""
    tensors = model.main.tensors
    groups: list[_Group] = []
    for op in ops:
        given = {each.index for each in graph.given_tensors(model.main, op)}
        state = {index for index in op.inputs if index >= 0 and tensors[index].is_variable}
        made = {index for index in op.outputs if index >= 0} | state
        if not any(group.takes(op, given, made) for group in groups):
            groups.append(_Group([op], given, made))
    return [group.ops for group in groups]


def _attempt(part: _Part, known: Trace, runner: Runner, limits: Limits | None) -> Trace | Missing:
    try:
        return part.run(known, runner, limits)
    except RunnerError as error:
        return Missing(error.problem)


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
    main, output = model.main, model.main.outputs[0]
    rest = main.ops[first:]
    made = {index for op in rest for index in op.outputs}
    if output not in made:
        return known[output]
    read = dict.fromkeys(each.index for op in rest for each in graph.given_tensors(main, op))
    given = tuple(index for index in read if index not in made)
    if not given or any(index not in known for index in given):
        return _NOT_GIVEN
    part = _Part(model, tuple(op.index for op in rest), given, (output,))
    found = _attempt(part, known, runner, limits)
    return found if isinstance(found, Missing) else found[output]
