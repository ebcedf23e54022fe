"""The kernels of LiteRT and XNNPACK in NumPy, where they are not those of tflite-micro.

Arithmetic in float32 rounds each operation by itself, as theirs does: no fused multiply-add.
Where a kernel works in whole registers and a loop does the rest, the two may round ties each in
its own way, as the steps say.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.exact import steps_litert as steps
from tinygauge.exact.fixedpoint import (
    high_mul,
    nearest_away,
    rescale,
    rescale_by,
    rescale_ties_up,
    stored,
    wrap,
)
from tinygauge.exact.pairs import operands
from tinygauge.exact.plain_windows import sums_of
from tinygauge.exact.scales import LIMITS, Rounding, Scale
from tinygauge.exact.steps import Array, Dequantize, Quantize

__all__ = [
    "add_in_blocks",
    "add_once",
    "block_lookup",
    "channel_mean",
    "dense_wide",
    "dequantize",
    "finish_channel_means",
    "finish_real_sums",
    "quantize",
    "real_sum",
    "softmax_real",
]

Longs = npt.NDArray[np.int64]
# Values that LiteRT's kernel quantises at a time.
_QUANTIZED_TOGETHER = 8
# And those that it makes real.
_DEQUANTIZED_TOGETHER = 8


def _whole(x: npt.NDArray[Any]) -> Longs:
    """Convert to int32 as x86 does: whatever does not fit becomes the lowest."""
    lowest = float(-(2**31))
    fits = np.abs(x) < -lowest
    return np.where(fits, x, lowest).astype(np.int64)


def _operand(x: Longs, scale: Scale, *, cuts: bool) -> Longs:
    """Rescale an operand of ADD as in whole blocks."""
    if cuts:
        return high_mul(x, scale.multiplier) >> -scale.shift
    shift = 31 - scale.shift
    return (x * scale.multiplier + (np.int64(1) << (shift - 1))) >> shift


def add_in_blocks(step: steps.AddInBlocks, xs: list[Array]) -> list[Array]:
    """Add two tensors, in whole blocks and behind them.

    References
    ----------
    LiteRT, kernels/internal/optimized/integer_ops/add.h; the roundings were found by comparing.
    """
    a, b = (x.astype(np.int64) for x in operands(step, xs))
    a, b = (a - step.a_zero) << step.left_shift, (b - step.b_zero) << step.left_shift
    whole = _operand(a, step.a, cuts=step.cuts) + _operand(b, step.b, cuts=step.cuts)
    total = rescale_by(a, step.a) + rescale_by(b, step.b)
    shape = total.shape[1:]
    places = np.arange(math.prod(shape)) % step.run
    in_block = (places < step.run // step.block * step.block).reshape(shape)
    values = rescale_by(np.where(in_block, whole, total), step.out) + step.out_zero
    return [np.clip(values, step.low, step.high).astype(xs[0].dtype)]


def add_once(step: steps.AddOnce, xs: list[Array]) -> list[Array]:
    """Add two tensors with one rounding.

    References
    ----------
    XNNPACK, src/qs8-vadd.
    """
    a = step.a_part[xs[0].view(np.uint8) ^ 128].reshape(-1, *step.a_shape)
    b = step.b_part[xs[1].view(np.uint8) ^ 128].reshape(-1, *step.b_shape)
    total = ((a + b) >> step.shift) + step.out_zero
    return [np.clip(total, step.low, step.high).astype(np.int8)]


def block_lookup(step: steps.BlockLookup, xs: list[Array]) -> list[Array]:
    """Look values up, those behind the last whole block in the other table."""
    x = xs[0].reshape(len(xs[0]), -1)
    index = x.view(np.uint8) ^ 128
    whole = x.shape[1] // step.block * step.block
    values = step.table[index]
    values[:, whole:] = step.rest[index[:, whole:]]
    return [values.reshape(xs[0].shape)]


def dense_wide(step: steps.DenseWide, xs: list[Array]) -> list[Array]:
    """Evaluate a dense op of int16.

    References
    ----------
    LiteRT, kernels/fully_connected.cc: found by comparing with it, see docs/design/accuracy.md.
    """
    w = step.window
    sums = sums_of(step, xs[0])
    if step.real is None:
        values = rescale_ties_up(wrap(sums), step.multipliers, step.shifts)
    else:
        values = _whole(nearest_away(sums.astype(np.float64) * step.real))
    return [np.clip(values, w.low, w.high).astype(np.int16)]


def finish_real_sums(step: steps.RealSum, total: Longs, dtype: str) -> Array:
    """Turn sums of stored values into results."""
    scaled = total.astype(np.float32) * np.float32(step.factor) + np.float32(step.offset)
    rounded = (
        _whole(nearest_away(scaled.astype(np.float64))) if step.ties_away else _clipped(scaled)
    )
    return stored(rounded + step.out_zero, dtype)


def _clipped(scaled: npt.NDArray[np.float32]) -> Longs:
    """Round to nearest, ties to even, what int8 holds; the rest becomes its nearest value."""
    return np.rint(np.clip(scaled, *LIMITS["int8"])).astype(np.int64)


def real_sum(step: steps.RealSum, xs: list[Array]) -> list[Array]:
    """Evaluate MEAN or SUM in float32.

    References
    ----------
    XNNPACK, src/operators/reduce-nd.c; LiteRT, reference/reduce.h, QuantizedMeanOrSum.
    """
    return [finish_real_sums(step, xs[0].sum(axis=step.axes, dtype=np.int64), xs[0].dtype.name)]


def finish_channel_means(step: steps.ChannelMean, total: Longs) -> Array:
    """Turn sums of stored values, channels last, into their means."""
    means = np.empty_like(total)
    up, rest = np.s_[..., : step.ties_up], np.s_[..., step.ties_up :]
    means[up] = rescale_ties_up(total[up], step.scale.multiplier, step.scale.shift)
    means[rest] = rescale(total[rest], step.scale.multiplier, step.scale.shift)
    return stored(means + step.offset, "int8")


def channel_mean(step: steps.ChannelMean, xs: list[Array]) -> list[Array]:
    """Evaluate MEAN over height and width.

    References
    ----------
    LiteRT, kernels/internal/optimized/integer_ops/mean.h.
    """
    return [finish_channel_means(step, xs[0].sum(axis=(2, 3), dtype=np.int64))]


def softmax_real(step: steps.SoftmaxReal, xs: list[Array]) -> list[Array]:
    """Evaluate SOFTMAX in float32; the sum runs from the first value to the last.

    References
    ----------
    LiteRT, kernels/internal/optimized/optimized_ops.h, Softmax with a table.
    """
    values = xs[0].astype(np.int64)
    exps = step.exp_table[values.max(axis=-1, keepdims=True) - values]
    total = np.add.accumulate(exps, axis=-1, dtype=np.float32)[..., -1:]
    inverse = np.float32(1) / (total * np.float32(1 / 256))
    shares = nearest_away((exps * inverse).astype(np.float64)) - 128
    return [np.clip(shares, *LIMITS["int8"]).astype(np.int8)]


def dequantize(step: Dequantize, xs: list[Array]) -> list[Array]:
    """Evaluate DEQUANTIZE of int8: the zero point is an offset in whole blocks.

    References
    ----------
    LiteRT, kernels/internal/optimized/optimized_ops.h, Dequantize.
    """
    x = xs[0].reshape(len(xs[0]), -1)
    scale = np.float32(step.scale)
    values = x.astype(np.float32) * scale + np.float32(-step.zero) * scale
    whole = x.shape[1] // _DEQUANTIZED_TOGETHER * _DEQUANTIZED_TOGETHER
    values[:, whole:] = (x[:, whole:].astype(np.int32) - step.zero).astype(np.float32) * scale
    return [values.reshape(xs[0].shape)]


def quantize(step: Quantize, xs: list[Array]) -> list[Array]:
    """Evaluate QUANTIZE of float32.

    References
    ----------
    XNNPACK, src/f32-qs8-vcvt; LiteRT, kernels/internal/optimized/optimized_ops.h, AffineQuantize.
    """
    low, high = LIMITS[step.dtype]
    x = np.asarray(xs[0], np.float32).reshape(len(xs[0]), -1)
    with np.errstate(over="ignore", invalid="ignore"):
        nearest = np.rint(x * (np.float32(1) / np.float32(step.scale)))
        if step.rounding is Rounding.ONE:
            # What is no number is clamped like one that is too large.
            whole = np.nan_to_num(np.clip(nearest, low - step.zero, high - step.zero), nan=high)
            values = whole.astype(np.int64) + step.zero
        else:
            together = x.shape[1] // _QUANTIZED_TOGETHER * _QUANTIZED_TOGETHER
            values = _whole(nearest)
            values[:, together:] = _whole(
                nearest_away(x[:, together:].astype(np.float64) / step.scale)
            )
            values = wrap(values + step.zero)
    return [np.clip(values, low, high).astype(step.dtype).reshape(xs[0].shape)]
