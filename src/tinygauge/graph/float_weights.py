"""Writes the integer weights of a hybrid model as float32, so that runtimes compute in float.

Given float activations and int8 weights, runtimes quantise the activations on the way: what such
a model computes is no reference for float arithmetic. With the same weights in float32, it is.

In a copy of the file, each such tensor gets the type float32 and no scale, and its buffer points
to the real values at the end.

References
----------
FlatBuffers, "FlatBuffers internals", format of tables and vectors; tensorflow/lite/schema/
schema.fbs, tables Tensor (type, quantization) and Buffer (data, aligned to 16 bytes).
B. Jacob et al., CVPR 2018, eq. 1 (the real value of a stored one).
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from tinygauge.graph.tflite import parse
from tinygauge.graph.types import DType, Model, Op, Subgraph, Tensor

__all__ = ["hybrid_weights", "with_float_weights"]

# Slots in the vtables of Tensor and Buffer.
_TYPE, _QUANTIZATION, _DATA = 6, 12, 4
_LENGTH = struct.Struct("<I")
_ALIGNMENT = 16
# A vtable without fields (its own size, the table's), and a table that says where it is.
_EMPTY_TABLE = struct.Struct("<HHi")
_WEIGHTS = frozenset({DType.INT4, DType.INT8, DType.UINT8, DType.INT16})


def hybrid_weights(model: Model) -> tuple[Tensor, ...]:
    """Return the integer weights of ops that take and give floats.

    Parameters
    ----------
    model : Model

    Returns
    -------
    tuple of Tensor
        Of the main subgraph; each once.
    """
    main = model.main
    read = dict.fromkeys(
        index for op in main.ops if _is_float(main, op) for index in op.inputs if index >= 0
    )
    return tuple(main.tensors[index] for index in read if _is_weight(main.tensors[index]))


def with_float_weights(model: Model) -> Model:
    """Return a model with its hybrid weights in float32.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Model
        Of the same name. Weights that are also read as integers, or share their contents with
        another tensor, are left as they are.
    """
    found = [each for each in hybrid_weights(model) if not _is_read_otherwise(model, each)]
    content = bytearray(model.content)
    root = tflite.Model.GetRootAsModel(model.content, 0)
    users = _users_of_buffers(root)
    for tensor in found:
        table = root.Subgraphs(0).Tensors(tensor.index)
        buffer = root.Buffers(table.Buffer())
        if users[table.Buffer()] > 1 or buffer.DataIsNone():
            continue
        content[_field(table, _TYPE)] = tflite.TensorType.FLOAT32
        _point_to(content, _field(table, _QUANTIZATION), _nothing(content))
        _point_to(content, _field(buffer, _DATA), _vector(content, _real(tensor).tobytes()))
    return replace(parse(bytes(content), name=model.name), path=model.path)


def _is_float(graph: Subgraph, op: Op) -> bool:
    """Whether an op computes floats from floats."""
    given = [graph.tensors[index] for index in op.inputs if index >= 0]
    made = [graph.tensors[index] for index in op.outputs if index >= 0]
    return any(each.dtype.is_float and not each.is_constant for each in given) and all(
        each.dtype.is_float for each in made
    )


def _is_weight(tensor: Tensor) -> bool:
    return tensor.is_constant and tensor.quantization is not None and tensor.dtype in _WEIGHTS


def _is_read_otherwise(model: Model, tensor: Tensor) -> bool:
    main = model.main
    readers = [op for op in main.ops if tensor.index in op.inputs]
    return tensor.index in main.outputs or not all(_is_float(main, op) for op in readers)


def _users_of_buffers(root: Any) -> Counter[int]:
    """Return of how many tensors each buffer holds the contents."""
    graphs = (root.Subgraphs(place) for place in range(root.SubgraphsLength()))
    return Counter(
        graph.Tensors(index).Buffer() for graph in graphs for index in range(graph.TensorsLength())
    )


def _real(tensor: Tensor) -> npt.NDArray[np.float32]:
    quantization, data = tensor.quantization, tensor.data
    if quantization is None or data is None:
        raise AssertionError("Bug: a weight has contents and a scale")
    extents = [1] * data.ndim
    if quantization.per_channel:
        extents[quantization.axis] = -1
    scale = np.array(quantization.scale, np.float32).reshape(extents)
    zero_point = np.array(quantization.zero_point, np.float32).reshape(extents)
    return (data.astype(np.float32) - zero_point) * scale


def _field(table: Any, slot: int) -> int:
    """Return where in the file a field of a table is, which it has."""
    return int(table._tab.Pos + table._tab.Offset(slot))


def _point_to(content: bytearray, field: int, place: int) -> None:
    _LENGTH.pack_into(content, field, place - field)


def _nothing(content: bytearray) -> int:
    """Put a table without fields at the end, and return its place."""
    content.extend(bytes(-len(content) % 4))
    content.extend(_EMPTY_TABLE.pack(4, 4, 4))
    return len(content) - 4


def _vector(content: bytearray, data: bytes) -> int:
    """Put a vector of bytes at the end, and return its place."""
    content.extend(bytes(-(len(content) + _LENGTH.size) % _ALIGNMENT))
    content.extend(_LENGTH.pack(len(data)) + data)
    return len(content) - len(data) - _LENGTH.size
