"""PRELU, SQUARED_DIFFERENCE, ADD_N, comparisons, SELECT_V2, BATCH_MATMUL, L2_NORMALIZATION."""

from __future__ import annotations

import numpy as np

from tinygauge.exact.lowering.scope import MAX_DEPTH, Scope, with_ranks
from tinygauge.exact.pairs import (
    AddMany,
    Compare,
    Normalize,
    Prelu,
    Product,
    Select,
    SquaredDifference,
)
from tinygauge.graph import DType, Op

__all__ = [
    "add_many",
    "batch_matmul",
    "compare",
    "normalize",
    "prelu",
    "select",
    "squared_difference",
]

# What each comparison takes (comparisons.cc); GREATER runs with int16 too, but says no to all.
_COMPARED = (DType.INT8, DType.INT32, DType.FLOAT32)
_COMPARED_MORE = {"EQUAL": DType.BOOL, "NOT_EQUAL": DType.BOOL}
# TFLM's loops over operands of different shapes.
_MOST_RANKS = 4


def prelu(scope: Scope, op: Op) -> Prelu:
    """Lower PRELU.

    References
    ----------
    tflite-micro, kernels/prelu_common.cc, CalculatePreluParams, in double.
    """
    scope.operands(op, 2)
    source, slopes, output = scope.input(op), scope.input(op, 1), scope.output(op)
    scope.activations(op, source, output)
    scope.require(op, slopes.dtype is DType.INT8, f"slopes of type {slopes.dtype}")
    scope.require(op, len(source.shape) <= _MOST_RANKS, f"{len(source.shape)} dimensions")
    a_shape, b_shape = scope.operand_shapes(op, source, slopes, most=_MOST_RANKS)
    scope.same_shape(op, output, source.shape)
    before, own = scope.quantization(op, source), scope.quantization(op, slopes)
    after = scope.quantization(op, output)
    return Prelu(
        op=op.index,
        inputs=(source.index, slopes.index),
        outputs=(output.index,),
        a_shape=a_shape,
        b_shape=b_shape,
        a_zero=before.zero,
        b_zero=own.zero,
        out_zero=after.zero,
        identity=scope.scale(op, before.scale / after.scale),
        product=scope.scale(op, before.scale * own.scale / after.scale),
    )


def squared_difference(scope: Scope, op: Op) -> SquaredDifference:
    """Lower SQUARED_DIFFERENCE.

    References
    ----------
    tflite-micro, kernels/squared_difference.cc, PrepareQuantized: the output's scale is multiplied
    in float32.
    """
    scope.operands(op, 2)
    a, b, output = scope.input(op), scope.input(op, 1), scope.output(op)
    dtype = scope.activations(op, a, b, output)
    a_shape, b_shape = scope.operand_shapes(op, a, b, most=_MOST_RANKS)
    first, second = scope.quantization(op, a), scope.quantization(op, b)
    result = scope.quantization(op, output)
    bits = 7 if dtype is DType.INT8 else 0
    twice = 2 * max(first.scale, second.scale)
    divisor = float(np.float32(1 << (2 * bits)) * np.float32(result.scale))
    return SquaredDifference(
        op=op.index,
        inputs=(a.index, b.index),
        outputs=(output.index,),
        a_shape=a_shape,
        b_shape=b_shape,
        a_zero=first.zero,
        b_zero=second.zero,
        out_zero=result.zero,
        a=scope.small_scale(op, first.scale / twice),
        b=scope.small_scale(op, second.scale / twice),
        out=scope.scale(op, twice * twice / divisor),
        left_shift=bits,
    )


def add_many(scope: Scope, op: Op) -> AddMany:
    """Lower ADD_N of int8."""
    scope.operands(op, 2, 2**10)
    sources = [scope.input(op, place) for place in range(len(op.inputs))]
    output = scope.output(op)
    dtype = scope.activations(op, *sources, output)
    scope.require(op, dtype is DType.INT8, f"values of type {dtype}")
    for source in sources:
        scope.same_shape(op, output, source.shape)
    found = {scope.quantization(op, source) for source in sources}
    scope.require(op, len(found) == 1, "mixes quantisations")
    before, after = found.pop(), scope.quantization(op, output)
    return AddMany(
        op=op.index,
        inputs=tuple(source.index for source in sources),
        outputs=(output.index,),
        in_zero=before.zero,
        out_zero=after.zero,
        each=scope.small_scale(op, 0.5),
        out=scope.small_scale(op, 2 * before.scale / (2**20 * after.scale)),
        left_shift=20,
    )


def compare(scope: Scope, op: Op) -> Compare:
    """Lower comparisons; quantised values are brought to one scale first."""
    scope.operands(op, 2)
    a, b, output = scope.input(op), scope.input(op, 1), scope.output(op)
    known = (*_COMPARED, _COMPARED_MORE.get(op.kind, DType.INT8))
    scope.require(op, a.dtype is b.dtype and a.dtype in known, f"values of type {a.dtype}")
    scope.require(op, output.dtype is DType.BOOL, f"gives {output.dtype}")
    a_shape, b_shape = scope.operand_shapes(op, a, b, most=_MOST_RANKS)
    ends = {"op": op.index, "inputs": (a.index, b.index), "outputs": (output.index,)}
    shapes = {"kind": op.kind, "a_shape": a_shape, "b_shape": b_shape}
    if a.dtype is not DType.INT8:
        return Compare(**ends, **shapes)  # type: ignore[arg-type]
    first, second = scope.quantization(op, a), scope.quantization(op, b)
    return Compare(
        **ends,  # type: ignore[arg-type]
        **shapes,  # type: ignore[arg-type]
        a_zero=first.zero,
        b_zero=second.zero,
        a=scope.small_scale(op, first.scale),
        b=scope.small_scale(op, second.scale),
    )


def select(scope: Scope, op: Op) -> Select:
    """Lower SELECT_V2; TFLM looks at no scale."""
    scope.operands(op, 3)
    chosen, a, b = (scope.input(op, place) for place in range(3))
    output = scope.output(op)
    scope.require(op, chosen.dtype is DType.BOOL, f"a condition of type {chosen.dtype}")
    scope.require(op, a.dtype is b.dtype is output.dtype, f"mixes {a.dtype}, {b.dtype}")
    known = a.dtype in (DType.INT8, DType.INT16, DType.FLOAT32)
    scope.require(op, known, f"values of type {a.dtype}")
    first, second, third = scope.operand_shapes(op, chosen, a, b, most=5)
    return Select(
        op=op.index,
        inputs=(chosen.index, a.index, b.index),
        outputs=(output.index,),
        shapes=(first, second, third),
    )


def batch_matmul(scope: Scope, op: Op) -> Product:
    """Lower BATCH_MATMUL.

    References
    ----------
    tflite-micro, kernels/batch_matmul.cc; the scale in double.
    """
    scope.operands(op, 2)
    a, b, output = scope.input(op), scope.input(op, 1), scope.output(op)
    dtype = scope.activations(op, a, b, output)
    ranks = max(len(a.shape), len(b.shape))
    fits = min(len(a.shape), len(b.shape)) >= 2 and ranks <= 5
    scope.require(op, fits, f"shapes {a.shape} and {b.shape}")
    a_shape, b_shape = with_ranks(a.shape, ranks), with_ranks(b.shape, ranks)
    turned = bool(op.options.get("adj_x")), bool(op.options.get("adj_y"))
    rows, depth = a_shape[-2:][:: -1 if turned[0] else 1]
    same, columns = b_shape[-2:][:: -1 if turned[1] else 1]
    scope.require(op, depth == same, f"shapes {a.shape} and {b.shape}")
    scope.require(op, depth <= MAX_DEPTH // (1 if dtype is DType.INT8 else 16), "a long sum")
    try:
        front = np.broadcast_shapes(a_shape[:-2], b_shape[:-2])
    except ValueError as error:
        raise scope.refuse(op, f"shapes {a.shape} and {b.shape}") from error
    scope.same_shape(op, output, (*front, rows, columns))
    first, second = scope.quantization(op, a), scope.quantization(op, b)
    result = scope.quantization(op, output)
    factor = first.scale * second.scale / result.scale
    return Product(
        op=op.index,
        inputs=(a.index, b.index),
        outputs=(output.index,),
        a_shape=a_shape,
        b_shape=b_shape,
        is_a_turned=turned[0],
        is_b_turned=turned[1],
        a_zero=first.zero,
        b_zero=second.zero,
        out_zero=result.zero,
        out=scope.scale(op, factor, wide=dtype is DType.INT16),
    )


def normalize(scope: Scope, op: Op) -> Normalize:
    """Lower L2_NORMALIZATION of int8; TFLM takes the output for one of scale 1/128."""
    scope.operands(op, 1)
    source, output = scope.input(op), scope.output(op)
    both = source.dtype is output.dtype is DType.INT8
    scope.require(op, both, f"values of type {source.dtype}")
    scope.same_shape(op, output, source.shape)
    plain = op.options.get("fused_activation_function", "NONE") == "NONE"
    scope.require(op, plain, "a fused activation")
    scope.require(op, 0 < len(source.shape) <= _MOST_RANKS, f"a shape of {source.shape}")
    scope.require(op, source.shape[-1] < 2**15, f"sums of {source.shape[-1]} squares")
    return Normalize(
        op=op.index,
        inputs=(source.index,),
        outputs=(output.index,),
        in_zero=scope.quantization(op, source).zero,
    )
