"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN, ARG_MAX and ARG_MIN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygauge.exact.lowering.scope import PerTensor, Scope
from tinygauge.exact.scales import Rounding
from tinygauge.exact.steps import ArgExtremum, Reduce, Step
from tinygauge.exact.steps_litert import ChannelMean, RealSum
from tinygauge.graph import DType, Op

__all__ = ["arg_extremum", "reduce"]

# Channels that LiteRT's kernel of MEAN takes at a time.
_MEANS_TOGETHER = 16
_REDUCTIONS = {"MEAN": "mean", "SUM": "sum", "REDUCE_MAX": "max", "REDUCE_MIN": "min"}


def _axes(scope: Scope, op: Op, ranks: int) -> tuple[int, ...]:
    """Return the axes of input 1, sorted, none twice, none negative."""
    stated = scope.integers(op, 1)
    scope.require(op, all(-ranks <= axis < ranks for axis in stated), f"axes {stated}")
    return tuple(sorted({axis % ranks for axis in stated}))


def reduce(scope: Scope, op: Op) -> Step:
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
    place: dict[str, Any] = {
        "op": op.index,
        "inputs": (source.index,),
        "outputs": (output.index,),
    }
    behind_batch = tuple(axis + 1 for axis in axes)
    count = math.prod(source.shape[axis] for axis in axes)
    rounding = scope.arithmetic(dtype)
    if rounding is Rounding.ONE and kind in ("mean", "sum"):
        factor, offset = _terms_of_xnnpack(kind, count, before, after)
        return RealSum(
            **place, axes=behind_batch, factor=factor, offset=offset, ties_away=False, out_zero=0
        )
    if rounding is Rounding.LITERT and kind == "sum":
        factor, offset = _terms_of_litert(count, before, after)
        return RealSum(
            **place, axes=behind_batch, factor=factor, offset=offset, ties_away=True,
            out_zero=after.zero,
        )  # fmt: skip
    of_image = dtype is DType.INT8 and axes == (1, 2) and len(shape) == 4
    if rounding is Rounding.LITERT and kind == "mean" and of_image:
        scale, offset = _mean_of_litert(count, before, after)
        ties_up = shape[3] // _MEANS_TOGETHER * _MEANS_TOGETHER
        return ChannelMean(**place, scale=scope.scale(op, scale), offset=offset, ties_up=ties_up)
    return Reduce(
        **place,
        kind=kind,
        axes=behind_batch,
        count=count,
        scale=scope.scale(op, before.scale / after.scale),
        in_zero=before.zero,
        out_zero=after.zero,
    )


def _terms_of_xnnpack(
    kind: str, count: int, before: PerTensor, after: PerTensor
) -> tuple[float, float]:
    """Return factor and offset of MEAN and SUM, both zero points in the offset.

    References
    ----------
    XNNPACK, src/operators/reduce-nd.c.
    """
    factor = np.float32(before.scale) / np.float32(after.scale)
    if kind == "mean":
        factor = factor * (np.float32(1) / np.float32(count))
    offset = np.float32(after.zero) - np.float32(count * before.zero) * factor
    return float(factor), float(offset)


def _terms_of_litert(count: int, before: PerTensor, after: PerTensor) -> tuple[float, float]:
    """Return factor and offset of SUM.

    References
    ----------
    LiteRT, kernels/internal/reference/reduce.h, QuantizedMeanOrSum.
    """
    factor = np.float32(before.scale) / np.float32(after.scale)
    offset = np.float32(-before.zero) * factor * np.float32(count)
    return float(factor), float(offset)


def _mean_of_litert(count: int, before: PerTensor, after: PerTensor) -> tuple[float, int]:
    """Return scale and offset of a MEAN over height and width that keeps its dimensions.

    References
    ----------
    LiteRT, kernels/internal/optimized/integer_ops/mean.h.
    """
    source, result = np.float32(before.scale), np.float32(after.scale)
    zero = np.float32(before.zero) * source / result
    zero = zero + np.float32(0.5 if zero > 0 else -0.5)
    return float(source / (np.float32(count) * result)), after.zero - int(zero)


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
