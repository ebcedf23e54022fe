"""Runs ops of an integer model, and their partners in the float model, given the same.

What an op is given is the float model's, quantised as the integer model has it: so what differs
is the op's own doing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinygauge import accuracy, graph
from tinygauge.accuracy import Limits, Run
from tinygauge.diagnosis.pairing import OpPair
from tinygauge.diagnosis.trace import Array, Trace, run_apart, shaped
from tinygauge.graph import Model, Op, Tensor
from tinygauge.quantity import Missing

__all__ = ["Alone", "find_counterparts", "real_values", "run_both"]


@dataclass(frozen=True, slots=True, eq=False)
class Alone:
    """What an op makes in float and in integers, given the same.

    Parameters
    ----------
    exact, rounded : ndarray, shape (n, …)
        Real values.
    """

    exact: Array
    rounded: Array


def find_counterparts(
    model: Model, float_model: Model, pairs: tuple[OpPair, ...]
) -> dict[int, int]:
    """Return for tensors of the integer model those of the float model that mean the same.

    Parameters
    ----------
    model, float_model : Model
    pairs : tuple of OpPair
        Their ops that belong together.

    Returns
    -------
    dict of int to int
    """
    partner = {pair.op.index: pair.float_op for pair in pairs}
    found = {model.main.inputs[0]: float_model.main.inputs[0]}
    for op in model.main.ops:
        if op.index in partner:
            found[op.outputs[0]] = partner[op.index].outputs[0]
        elif op.kind in ("QUANTIZE", "DEQUANTIZE") and op.inputs[0] in found:
            found[op.outputs[0]] = found[op.inputs[0]]
    return found


def run_both(
    runs: tuple[Run, Run],
    pairs: Sequence[OpPair],
    made: Trace,
    counterparts: Mapping[int, int],
    limits: Limits | None = None,
) -> dict[int, Alone | Missing]:
    """Run ops each for itself in integers and in float.

    Parameters
    ----------
    runs : tuple of two Run
        Of the integer model and of the float model.
    pairs : sequence of OpPair
    made : dict of int to ndarray
        What the float model's ops make.
    counterparts : dict of int to int
        See `find_counterparts`.
    limits : Limits, optional

    Returns
    -------
    dict of int to Alone or Missing
        By the op of the integer model.
    """
    (model, runner), (float_model, float_runner) = ((run.model, run.runner) for run in runs)
    given = dict.fromkeys(
        each.index for pair in pairs for each in graph.given_tensors(model.main, pair.op)
    )
    partners = {index: counterparts[index] for index in given if index in counterparts}
    stored, reals = _quantised(runs, made, partners)
    rounded = run_apart(model, [pair.op for pair in pairs], stored, runner, limits=limits)
    exact: dict[int, Array | Missing] = {}
    for float_ops, known in _rounds(model, pairs, partners, reals):
        exact |= run_apart(float_model, float_ops, known, float_runner, limits=limits)
    found: dict[int, Alone | Missing] = {}
    for pair in pairs:
        ours, theirs = rounded[pair.op.index], exact[pair.float_op.index]
        if isinstance(ours, Missing):
            found[pair.op.index] = ours
        elif isinstance(theirs, Missing):
            found[pair.op.index] = theirs
        else:
            tensor = model.main.tensors[pair.op.outputs[0]]
            found[pair.op.index] = Alone(theirs, real_values(tensor, ours))
    return found


def _quantised(
    runs: tuple[Run, Run], made: Trace, partners: Mapping[int, int]
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Return by tensor of the integer model the float model's values, quantised; and as reals."""
    tensors, float_tensors = (run.model.main.tensors for run in runs)
    stored: dict[int, Array] = {}
    reals: dict[int, Array] = {}
    for index, partner in partners.items():
        if partner in made:
            values = _stored(tensors[index], made[partner])
            stored[index] = shaped(tensors[index], values)
            reals[index] = shaped(float_tensors[partner], real_values(tensors[index], values))
    return stored, reals


def _rounds(
    model: Model, pairs: Sequence[OpPair], partners: Mapping[int, int], reals: Trace
) -> list[tuple[list[Op], dict[int, Array]]]:
    """Return float ops with what they are given, in rounds in which all are given the same.

    Two ops may read one tensor of the float model and two of the integer model, quantised to
    different scales.
    """
    rounds: list[tuple[list[Op], dict[int, Array]]] = []
    for pair in pairs:
        given = [each.index for each in graph.given_tensors(model.main, pair.op)]
        needed = {partners[index]: reals[index] for index in given if index in reals}
        agreeing = (
            each
            for each in rounds
            if all(each[1].get(index, values) is values for index, values in needed.items())
        )
        ops, known = next(agreeing, ([], {}))
        if not ops:
            rounds.append((ops, known))
        ops.append(pair.float_op)
        known |= needed
    return rounds


def _stored(tensor: Tensor, reals: Array) -> Array:
    if tensor.dtype.is_float:
        return reals.astype(np.float32)
    dtype = np.dtype(tensor.dtype.value)
    return accuracy.quantize(reals.astype(np.float32), dtype, tensor.quantization)


def real_values(tensor: Tensor, stored: Array) -> Array:
    """Return what stored values of a tensor mean.

    Parameters
    ----------
    tensor : Tensor
    stored : ndarray

    Returns
    -------
    ndarray of float32
    """
    return accuracy.dequantize(stored, None if tensor.dtype.is_float else tensor.quantization)
