"""ADD, SUB, MUL, MAXIMUM, MINIMUM, QUANTIZE, DEQUANTIZE and reductions."""

from __future__ import annotations

import math

import numpy as np

from tinygauge.exact.lowering.scope import Scope, Shape
from tinygauge.exact.scales import LIMITS
from tinygauge.exact.steps import (
    Add,
    ArgExtremum,
    Cast,
    Dequantize,
    Extremum,
    Lookup,
    Multiply,
    Negate,
    Quantize,
    Reduce,
    Requantize,
    Step,
)
from tinygauge.exact.tables import requantize_table
from tinygauge.graph import DType, Op, Tensor

__all__ = [
    "add",
    "arg_extremum",
    "cast",
    "dequantize",
    "extremum",
    "multiply",
    "negate",
    "quantize",
    "reduce",
]

_REDUCTIONS = {"MEAN": "mean", "SUM": "sum", "REDUCE_MAX": "max", "REDUCE_MIN": "min"}


def _operands(scope: Scope, op: Op) -> tuple[Tensor, Tensor, Tensor, Shape, Shape]:
    """Return both inputs and the output, and the inputs' shapes with its dimensions."""
    scope.operands(op, 2)
    a, b, output = scope.input(op), scope.input(op, 1), scope.output(op)
    scope.activations(op, a, b, output)
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError as error:
        raise scope.refuse(op, f"shapes {a.shape} and {b.shape}") from error
    scope.same_shape(op, output, shape)
    ranks = len(shape)
    a_shape = (1,) * (ranks - len(a.shape)) + a.shape
    b_shape = (1,) * (ranks - len(b.shape)) + b.shape
    return a, b, output, a_shape, b_shape


def add(scope: Scope, op: Op) -> Add:
    """Lower ADD and SUB.

    References
    ----------
    tflite-micro, kernels/add_common.cc and sub_common.cc, in double.
    """
    a, b, output, a_shape, b_shape = _operands(scope, op)
    first, second = scope.quantization(op, a), scope.quantization(op, b)
    result = scope.quantization(op, output)
    bits = 20 if output.dtype is DType.INT8 else 15
    twice = 2 * max(first.scale, second.scale)
    factors = (first.scale / twice, second.scale / twice, twice / (2**bits * result.scale))
    low, high = scope.clamp(op, output)
    return Add(
        op=op.index,
        inputs=(a.index, b.index),
        outputs=(output.index,),
        a_shape=a_shape,
        b_shape=b_shape,
        a_zero=first.zero,
        b_zero=second.zero,
        out_zero=result.zero,
        a=scope.small_scale(op, factors[0]),
        b=scope.small_scale(op, factors[1]),
        out=scope.small_scale(op, factors[2]),
        left_shift=bits,
        negate_b=op.kind == "SUB",
        low=low,
        high=high,
    )


def multiply(scope: Scope, op: Op) -> Multiply:
    """Lower MUL; a constant of zeros may have a scale of 0."""
    a, b, output, a_shape, b_shape = _operands(scope, op)
    first, second = (scope.quantization(op, each, least=0.0) for each in (a, b))
    result = scope.quantization(op, output)
    low, high = scope.clamp(op, output)
    return Multiply(
        op=op.index,
        inputs=(a.index, b.index),
        outputs=(output.index,),
        a_shape=a_shape,
        b_shape=b_shape,
        a_zero=first.zero,
        b_zero=second.zero,
        out_zero=result.zero,
        out=scope.scale(op, first.scale * second.scale / result.scale),
        factor=float(np.float32(first.scale) * np.float32(second.scale) / np.float32(result.scale)),
        low=low,
        high=high,
    )


def extremum(scope: Scope, op: Op) -> Extremum:
    """Lower MAXIMUM and MINIMUM; TFLM compares stored values, whatever their scales."""
    a, b, output, a_shape, b_shape = _operands(scope, op)
    return Extremum(
        op=op.index,
        inputs=(a.index, b.index),
        outputs=(output.index,),
        a_shape=a_shape,
        b_shape=b_shape,
        is_max=op.kind == "MAXIMUM",
    )


# What QUANTIZE makes of each type (quantize_common.cc).
_QUANTIZED = {
    DType.FLOAT32: (DType.INT8, DType.INT16),
    DType.INT8: (DType.INT8, DType.INT16, DType.UINT8),
    DType.INT16: (DType.INT8, DType.INT16),
    DType.UINT8: (DType.INT8,),
}


def quantize(scope: Scope, op: Op) -> Step:
    """Lower QUANTIZE, from float32 or between quantised types."""
    scope.operands(op, 1)
    source, output = scope.input(op), scope.output(op)
    scope.same_shape(op, output, source.shape)
    known = output.dtype in _QUANTIZED.get(source.dtype, ())
    scope.require(op, known, f"{source.dtype} to {output.dtype}")
    after = scope.quantization(op, output)
    ends = {"op": op.index, "inputs": (source.index,), "outputs": (output.index,)}
    if source.dtype is DType.FLOAT32:
        return Quantize(
            **ends,  # type: ignore[arg-type]
            scale=after.scale, zero=after.zero, dtype=output.dtype.value,
        )  # fmt: skip
    before = scope.quantization(op, source)
    scale = scope.scale(op, before.scale / after.scale)
    low, high = LIMITS[output.dtype.value]
    if source.dtype is output.dtype is DType.INT8:
        table = requantize_table(scale, before.zero, after.zero, low, high)
        return Lookup(**ends, table=table)  # type: ignore[arg-type]
    return Requantize(
        **ends,  # type: ignore[arg-type]
        scale=scale, in_zero=before.zero, out_zero=after.zero, low=low, high=high,
        dtype=output.dtype.value,
    )  # fmt: skip


def dequantize(scope: Scope, op: Op) -> Dequantize:
    """Lower DEQUANTIZE to float32."""
    scope.operands(op, 1)
    source, output = scope.input(op), scope.output(op)
    stored = source.dtype in (DType.INT8, DType.INT16, DType.UINT8)
    scope.require(op, stored, f"values of type {source.dtype}")
    scope.same_shape(op, output, source.shape)
    scope.require(op, output.dtype is DType.FLOAT32, f"to {output.dtype}")
    before = scope.quantization(op, source)
    return Dequantize(
        op=op.index,
        inputs=(source.index,),
        outputs=(output.index,),
        scale=before.scale,
        zero=before.zero,
    )


_CASTS = (DType.INT8, DType.INT16, DType.INT32, DType.BOOL, DType.FLOAT32)


def cast(scope: Scope, op: Op) -> Cast:
    """Lower CAST between the types that TFLM knows, but those without a sign."""
    scope.operands(op, 1)
    source, output = scope.input(op), scope.output(op)
    for tensor in (source, output):
        scope.require(op, tensor.dtype in _CASTS, f"values of type {tensor.dtype}")
    scope.same_shape(op, output, source.shape)
    return Cast(
        op=op.index, inputs=(source.index,), outputs=(output.index,), dtype=output.dtype.value
    )


def negate(scope: Scope, op: Op) -> Negate:
    """Lower NEG of float32: TFLM has it for no other type."""
    scope.operands(op, 1)
    source, output = scope.input(op), scope.output(op)
    both = source.dtype is output.dtype is DType.FLOAT32
    scope.require(op, both, f"values of type {source.dtype}")
    scope.same_shape(op, output, source.shape)
    return Negate(op=op.index, inputs=(source.index,), outputs=(output.index,))


def _axes(scope: Scope, op: Op, ranks: int) -> tuple[int, ...]:
    """Return the axes of input 1, sorted, none twice, none negative."""
    stated = scope.integers(op, 1)
    scope.require(op, all(-ranks <= axis < ranks for axis in stated), f"axes {stated}")
    return tuple(sorted({axis % ranks for axis in stated}))


def reduce(scope: Scope, op: Op) -> Reduce:
    """Lower MEAN, SUM, REDUCE_MAX and REDUCE_MIN."""
    scope.operands(op, 2)
    source, output = scope.input(op), scope.output(op)
    dtype = scope.activations(op, source, output)
    kind = _REDUCTIONS[op.kind]
    axes = _axes(scope, op, len(source.shape))
    scope.require(op, bool(axes), "no axes")
    kept = [1 if axis in axes else extent for axis, extent in enumerate(source.shape)]
    dropped = [extent for axis, extent in enumerate(source.shape) if axis not in axes]
    shape = tuple(kept) if op.options.get("keep_dims") else tuple(dropped)
    scope.same_shape(op, output, shape)
    before, after = scope.quantization(op, source), scope.quantization(op, output)
    if kind in ("max", "min"):
        scope.require(op, before == after, "other quantisation behind it")
        scope.require(op, dtype is DType.INT8, f"values of type {dtype}")
    count = math.prod(source.shape[axis] for axis in axes)
    factor = np.float32(before.scale) / np.float32(after.scale)
    if kind == "mean":
        factor *= np.float32(1) / np.float32(count)
    return Reduce(
        op=op.index,
        inputs=(source.index,),
        outputs=(output.index,),
        kind=kind,
        axes=tuple(axis + 1 for axis in axes),
        count=count,
        scale=scope.scale(op, before.scale / after.scale),
        factor=float(factor),
        in_zero=before.zero,
        out_zero=after.zero,
    )


def arg_extremum(scope: Scope, op: Op) -> ArgExtremum:
    """Lower ARG_MAX and ARG_MIN along one axis."""
    scope.operands(op, 2)
    source, output = scope.input(op), scope.output(op)
    scope.require(op, source.dtype is DType.INT8, f"values of type {source.dtype}")
    scope.require(op, output.dtype is DType.INT32, f"gives {output.dtype}")
    axes = _axes(scope, op, len(source.shape))
    scope.require(op, len(axes) == 1, f"axes {axes}")
    shape = tuple(extent for axis, extent in enumerate(source.shape) if axis != axes[0])
    scope.same_shape(op, output, shape)
    return ArgExtremum(
        op=op.index,
        inputs=(source.index,),
        outputs=(output.index,),
        axis=axes[0] + 1,
        is_max=op.kind == "ARG_MAX",
    )
