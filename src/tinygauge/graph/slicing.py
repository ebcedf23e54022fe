"""Cuts some ops out of a model file, so that any runtime computes just those.

A `.tflite` file is a flatbuffer: its tables point forward to what they hold. So a copy of the
file, with new lists of inputs and outputs at its end and the list of ops shortened in place, is a
model of its own; constants stay where they are. With all ops and more outputs, a runtime that
shows no intermediate tensor gives them as outputs.

References
----------
FlatBuffers, "FlatBuffers internals", format of tables and vectors; tensorflow/lite/schema/
schema.fbs, table SubGraph (tensors, inputs, outputs, operators).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import tflite

from tinygauge.graph.types import DType, Model, Op, Subgraph, Tensor

__all__ = ["cut", "given_tensors", "shown_tensors"]

# Slots of a SubGraph table in its vtable.
_INPUTS, _OUTPUTS, _OPERATORS = 6, 8, 10
_LENGTH = struct.Struct("<I")
_HIDDEN = frozenset({DType.RESOURCE, DType.VARIANT, DType.STRING})


def cut(
    model: Model,
    inputs: Sequence[int],
    outputs: Sequence[int],
    *,
    ops: Sequence[int] | None = None,
) -> bytes:
    """Return a model file that computes some ops of a model.

    Parameters
    ----------
    model : Model
        Its main subgraph is cut; others stay for the ops that call them.
    inputs, outputs : sequence of int
        Tensors of the main subgraph that the new model takes and gives, in this order. Each that
        the ops read is a constant, an input, or made by one of them.
    ops : sequence of int, optional
        Those kept, in the order of execution; by default all.

    Returns
    -------
    bytes
        A `.tflite` file.
    """
    content = bytearray(model.content)
    table = tflite.Model.GetRootAsModel(model.content, 0).Subgraphs(0)._tab
    if ops is not None:
        _keep(content, table, ops)
    _point_to(content, table, _INPUTS, inputs)
    _point_to(content, table, _OUTPUTS, outputs)
    return bytes(content)


def _keep(content: bytearray, table: Any, ops: Sequence[int]) -> None:
    """Leave some ops in the list, moved to its front; each points to its op from where it is."""
    start = table.Vector(table.Offset(_OPERATORS))
    _LENGTH.pack_into(content, start - _LENGTH.size, len(ops))
    for place, op in enumerate(ops):
        (distance,) = _LENGTH.unpack_from(content, start + _LENGTH.size * op)
        distance += _LENGTH.size * (op - place)
        _LENGTH.pack_into(content, start + _LENGTH.size * place, distance)


def _point_to(content: bytearray, table: Any, slot: int, indices: Sequence[int]) -> None:
    """Put a list of tensors at the end, and let the table point there."""
    content.extend(bytes(-len(content) % 4))
    field = table.Pos + table.Offset(slot)
    _LENGTH.pack_into(content, field, len(content) - field)
    content.extend(struct.pack(f"<I{len(indices)}i", len(indices), *indices))


def given_tensors(graph: Subgraph, op: Op) -> tuple[Tensor, ...]:
    """Return what an op reads that is computed: neither constants nor state that it keeps.

    Parameters
    ----------
    graph : Subgraph
    op : Op

    Returns
    -------
    tuple of Tensor
        Each once.
    """
    read = dict.fromkeys(index for index in op.inputs if index >= 0)
    tensors = (graph.tensors[index] for index in read)
    return tuple(each for each in tensors if not each.is_constant and not each.is_variable)


def shown_tensors(graph: Subgraph) -> tuple[Tensor, ...]:
    """Return the tensors that ops make and that can be outputs, in the order they are made.

    Parameters
    ----------
    graph : Subgraph

    Returns
    -------
    tuple of Tensor
    """
    made = dict.fromkeys(index for op in graph.ops for index in op.outputs if index >= 0)
    return tuple(
        graph.tensors[index]
        for index in made
        if graph.tensors[index].dtype not in _HIDDEN and not graph.tensors[index].is_variable
    )
