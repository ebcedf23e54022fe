"""Odd and hostile `.tflite` files, which no converter writes: parts shared, forged or many.

`tiny_models` writes sound single-subgraph models; this writes the rest.

>>> craft()[4:8]
b'TFL3'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import tflite

__all__ = ["craft"]


def craft(
    *,
    subgraphs: Sequence[str] = ("main",),
    tensor_name: bytes = b"x",
    shape: Sequence[int] = (1,),
    dtype: str = "FLOAT32",
    content: bytes = b"",
    sparse: bool = False,
    op_code: int = 0,
    same_subgraph: int = 1,
    same_tensor: int = 1,
    same_op: int = 1,
    op_inputs: int = 1,
    same_metadata: int = 0,
) -> bytes:
    """Write a model of small subgraphs, each with tensors and ops of one kind.

    Parameters
    ----------
    subgraphs : sequence of str
        Their names.
    tensor_name, shape, dtype, content : bytes, sequence of int, str, bytes
        Of every tensor.
    sparse : bool
        Whether tensors carry sparsity parameters.
    op_code : int
        The ops' builtin code.
    same_subgraph, same_tensor, same_op, same_metadata : int
        How often the list of each names one and the same table.
    op_inputs : int
        Inputs of every op, all of them tensor 0.

    Returns
    -------
    bytes
    """
    fb = flatbuffers.Builder(1024)
    buffers = _tables(fb, [_buffer(fb, b""), _buffer(fb, content)])
    metadata = _tables(fb, [_metadata(fb)] * same_metadata)
    code = _operator_code(fb, op_code)
    codes = _tables(fb, [code])
    made = []
    for name in subgraphs:
        tensor = _tensor(fb, tensor_name, shape, dtype, sparse)
        tensors = _tables(fb, [tensor] * same_tensor)
        ops = _tables(fb, [_op(fb, op_inputs)] * same_op)
        made.append(_subgraph(fb, name, tensors, ops))
    graphs = _tables(fb, made * same_subgraph)
    tflite.ModelStart(fb)
    tflite.ModelAddVersion(fb, 3)
    tflite.ModelAddOperatorCodes(fb, codes)
    tflite.ModelAddSubgraphs(fb, graphs)
    tflite.ModelAddBuffers(fb, buffers)
    tflite.ModelAddMetadata(fb, metadata)
    fb.Finish(tflite.ModelEnd(fb), b"TFL3")
    return bytes(fb.Output())


def _tables(fb: Any, offsets: Sequence[int]) -> int:
    fb.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        fb.PrependUOffsetTRelative(offset)
    return int(fb.EndVector())


def _ints(fb: Any, values: Sequence[int]) -> int:
    return int(fb.CreateNumpyVector(np.array(values, dtype=np.int32)))


def _buffer(fb: Any, content: bytes) -> int:
    data = fb.CreateByteVector(content) if content else 0
    tflite.BufferStart(fb)
    if data:
        tflite.BufferAddData(fb, data)
    return int(tflite.BufferEnd(fb))


def _metadata(fb: Any) -> int:
    name = fb.CreateString("plan")
    tflite.MetadataStart(fb)
    tflite.MetadataAddName(fb, name)
    tflite.MetadataAddBuffer(fb, 1)
    return int(tflite.MetadataEnd(fb))


def _operator_code(fb: Any, code: int) -> int:
    tflite.OperatorCodeStart(fb)
    tflite.OperatorCodeAddBuiltinCode(fb, code)
    return int(tflite.OperatorCodeEnd(fb))


def _tensor(fb: Any, name: bytes, shape: Sequence[int], dtype: str, sparse: bool) -> int:
    text, extents = fb.CreateString(name), _ints(fb, shape)
    sparsity = 0
    if sparse:
        tflite.SparsityParametersStart(fb)
        sparsity = tflite.SparsityParametersEnd(fb)
    tflite.TensorStart(fb)
    tflite.TensorAddName(fb, text)
    tflite.TensorAddShape(fb, extents)
    tflite.TensorAddType(fb, getattr(tflite.TensorType, dtype))
    tflite.TensorAddBuffer(fb, 1)
    if sparsity:
        tflite.TensorAddSparsity(fb, sparsity)
    return int(tflite.TensorEnd(fb))


def _op(fb: Any, inputs: int) -> int:
    operands = _ints(fb, [0] * inputs)
    tflite.OperatorStart(fb)
    tflite.OperatorAddInputs(fb, operands)
    tflite.OperatorAddOutputs(fb, operands)
    return int(tflite.OperatorEnd(fb))


def _subgraph(fb: Any, name: str, tensors: int, ops: int) -> int:
    text, ends = fb.CreateString(name), _ints(fb, [0])
    tflite.SubGraphStart(fb)
    tflite.SubGraphAddName(fb, text)
    tflite.SubGraphAddTensors(fb, tensors)
    tflite.SubGraphAddOperators(fb, ops)
    tflite.SubGraphAddInputs(fb, ends)
    tflite.SubGraphAddOutputs(fb, ends)
    return int(tflite.SubGraphEnd(fb))
