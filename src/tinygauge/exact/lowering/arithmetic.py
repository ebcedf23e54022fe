"""ADD, SUB, MUL, MAXIMUM, MINIMUM, QUANTIZE, DEQUANTIZE, CAST and NEG."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygauge.exact.lowering.litert import add_of_litert
from tinygauge.exact.lowering.scope import PerTensor, Scope, Shape
from tinygauge.exact.lowering.xnnpack import takes_ratio, takes_sum
from tinygauge.exact.scales import LIMITS, Rounding, Scale
from tinygauge.exact.steps import (
    Add,
    Cast,
    Dequantize,
    Extremum,
    Lookup,
    Multiply,
    Negate,
    Quantize,
    Requantize,
    Step,
)
from tinygauge.exact.steps_litert import AddOnce, BlockLookup
from tinygauge.exact.tables import requantize_table
from tinygauge.exact.tables_litert import requantize_ties_up_table, shifted_table
from tinygauge.graph import DType, Op, Tensor

__all__ = [
    "add",
    "cast",
    "dequantize",
    "extremum",
    "multiply",
    "negate",
    "quantize",
]

# Values that LiteRT's kernel of QUANTIZE takes at a time.
_REQUANTIZED_TOGETHER = 16


def _operands(scope: Scope, op: Op) -> tuple[Tensor, Tensor, Tensor, Shape, Shape]:
    """Return both inputs and the output, and the inputs' shapes with its dimensions."""
    scope.operands(op, 2)
    a, b, output = scope.input(op), scope.input(op, 1), scope.output(op)
    scope.activations(op, a, b, output)
    a_shape, b_shape = scope.operand_shapes(op, a, b)
    return a, b, output, a_shape, b_shape


def _real(scale: float) -> np.float32:
    return np.float32(scale)


def _reach(value: PerTensor) -> int:
    """Return the largest distance of a stored int8 value from the zero point."""
    return max(127 - value.zero, value.zero + 128)


def _fits_in_16_bits(scope: Scope, op: Op, counts: float, out: PerTensor) -> None:
    """Refuse results that LiteRT's kernel wraps before it clamps them."""
    fits = counts + abs(out.zero) + 1 < 2**15
    scope.require(op, fits, f"up to {counts:.3g} counts, which LiteRT wraps to 16 bits")


def add(scope: Scope, op: Op) -> Step:
    """Lower ADD and SUB.

    References
    ----------
    tflite-micro, kernels/add_common.cc and sub_common.cc, in double.
    """
    a, b, output, a_shape, b_shape = _operands(scope, op)
    first, second = scope.quantization(op, a), scope.quantization(op, b)
    result = scope.quantization(op, output)
    ratios = [_real(x.scale) / _real(result.scale) for x in (first, second)]
    rounding = scope.arithmetic(output.dtype, taken=takes_sum(*ratios))
    place: dict[str, Any] = {
        "op": op.index,
        "inputs": (a.index, b.index),
        "outputs": (output.index,),
    }
    if rounding is Rounding.ONE:
        return _add_once(scope, op, place, ratios)
    if rounding is Rounding.LITERT and output.dtype is DType.INT8 and op.kind == "ADD":
        counts = _reach(first) * float(ratios[0]) + _reach(second) * float(ratios[1])
        _fits_in_16_bits(scope, op, counts, result)
    bits = 20 if output.dtype is DType.INT8 else 15
    twice = 2 * max(first.scale, second.scale)
    factors = (first.scale / twice, second.scale / twice, twice / (2**bits * result.scale))
    low, high = scope.clamp(op, output)
    step = Add(
        **place,
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
    if rounding is Rounding.TWO or op.kind == "SUB":
        return step
    return add_of_litert(step, output.dtype)


def _add_once(scope: Scope, op: Op, place: dict[str, Any], ratios: list[np.float32]) -> AddOnce:
    """Lower ADD and SUB as XNNPACK: multipliers of 21 bits, one shift to the right.

    References
    ----------
    XNNPACK, src/microparams-init.c, the parameters of qs8_add_minmax.
    """
    a, b, output, a_shape, b_shape = _operands(scope, op)
    _, exponent = np.frexp(max(ratios))
    shift = 21 - int(exponent)
    factors = [int(np.rint(np.ldexp(ratio, shift))) for ratio in ratios]
    if op.kind == "SUB":
        factors[1] = -factors[1]
    stored = np.arange(-128, 128)
    parts = [
        ((stored - scope.quantization(op, x).zero) * factor).astype(np.int32)
        for x, factor in zip((a, b), factors, strict=True)
    ]
    low, high = scope.clamp(op, output)
    return AddOnce(
        **place, a_shape=a_shape, b_shape=b_shape, a_part=parts[0] + np.int32(1 << (shift - 1)),
        b_part=parts[1], shift=shift, out_zero=scope.quantization(op, output).zero, low=low,
        high=high,
    )  # fmt: skip


def multiply(scope: Scope, op: Op) -> Multiply:
    """Lower MUL, its factor in float32 for LiteRT; a constant of zeros may have a scale of 0."""
    a, b, output, a_shape, b_shape = _operands(scope, op)
    first, second = (scope.quantization(op, each, least=0.0) for each in (a, b))
    result = scope.quantization(op, output)
    real = float(_real(first.scale) * _real(second.scale) / _real(result.scale))
    taken = 2.0**-16 <= real < 2.0**8
    rounding = scope.arithmetic(output.dtype, taken=taken)
    if rounding is Rounding.LITERT and output.dtype is DType.INT8:
        _fits_in_16_bits(scope, op, _reach(first) * _reach(second) * real, result)
    exact = first.scale * second.scale / result.scale
    low, high = scope.clamp(op, output)
    return Multiply(
        op=op.index,
        inputs=(a.index, b.index),
        outputs=(output.index,),
        rounding=rounding,
        a_shape=a_shape,
        b_shape=b_shape,
        a_zero=first.zero,
        b_zero=second.zero,
        out_zero=result.zero,
        out=scope.scale(op, exact if rounding is Rounding.TWO else real),
        factor=real,
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
    ends: dict[str, Any] = {
        "op": op.index,
        "inputs": (source.index,),
        "outputs": (output.index,),
    }
    if source.dtype is DType.FLOAT32:
        return Quantize(
            **ends, rounding=scope.arithmetic(output.dtype), scale=after.scale, zero=after.zero,
            dtype=output.dtype.value,
        )  # fmt: skip
    before = scope.quantization(op, source)
    scale = scope.scale(op, before.scale / after.scale)
    low, high = LIMITS[output.dtype.value]
    if source.dtype is output.dtype is DType.INT8:
        return _requantize_int8(scope, ends, scale, before, after)
    return Requantize(
        **ends, scale=scale, in_zero=before.zero, out_zero=after.zero, low=low, high=high,
        dtype=output.dtype.value,
    )  # fmt: skip


def _requantize_int8(
    scope: Scope, ends: dict[str, Any], scale: Scale, before: PerTensor, after: PerTensor
) -> Lookup:
    """Lower QUANTIZE from int8 to int8; LiteRT's kernel works in registers of 16 values."""
    ratio = _real(before.scale) / _real(after.scale)
    rounding = scope.arithmetic(DType.INT8, taken=takes_ratio(ratio))
    if rounding is Rounding.ONE:
        table = shifted_table(float(ratio), float(ratio), before.zero, after.zero)
        return Lookup(**ends, table=table)
    table = requantize_table(scale, before.zero, after.zero, *LIMITS["int8"])
    if rounding is Rounding.TWO:
        return Lookup(**ends, table=table)
    in_block = requantize_ties_up_table(scale, before.zero, after.zero)
    return BlockLookup(**ends, table=in_block, rest=table, block=_REQUANTIZED_TOGETHER)


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
        rounding=scope.arithmetic(source.dtype),
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
