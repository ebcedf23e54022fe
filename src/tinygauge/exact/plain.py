"""The kernels in NumPy, for machines without a compiled library: the same bits, slower.

Every function takes a step and its inputs, arrays with the batch in front, and returns the
step's outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tinygauge.errors import DatasetError
from tinygauge.exact import plain_litert, steps, steps_litert
from tinygauge.exact.fixedpoint import (
    high_mul,
    nearest_away,
    one_over_one_plus,
    rescale_by,
    rescale_real,
    round_shift,
    stored,
    wrap,
)
from tinygauge.exact.pairs import operands
from tinygauge.exact.plain_pairs import PAIRS
from tinygauge.exact.plain_recurrent import lstm, svdf
from tinygauge.exact.plain_windows import convolve, pool
from tinygauge.exact.recurrent import Lstm, Svdf
from tinygauge.exact.scales import Rounding, Scale
from tinygauge.exact.steps import Array, Step
from tinygauge.exact.tables import curve16, softmax16_tables

__all__ = ["PLAIN", "Evaluate", "bits", "finish_sums", "scale_of_mean"]

Evaluate = Callable[..., list[Array]]
Longs = npt.NDArray[np.int64]


def bits(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the number of bits of positive integers below 2**31."""
    return cast("Longs", np.frexp(values.astype(np.float64))[1].astype(np.int64))


def _add(step: steps.Add, xs: list[Array]) -> list[Array]:
    a, b = (x.astype(np.int64) for x in operands(step, xs))
    left = rescale_by((a - step.a_zero) << step.left_shift, step.a)
    right = rescale_by((b - step.b_zero) << step.left_shift, step.b)
    total = rescale_by(left - right if step.negate_b else left + right, step.out)
    return [np.clip(total + step.out_zero, step.low, step.high).astype(xs[0].dtype)]


def _multiply(step: steps.Multiply, xs: list[Array]) -> list[Array]:
    a, b = (x.astype(np.int64) for x in operands(step, xs))
    product = (a - step.a_zero) * (b - step.b_zero)
    if step.rounding is Rounding.ONE:
        limits = (step.low - step.out_zero, step.high - step.out_zero)
        values = rescale_real(product, step.factor, *limits) + step.out_zero
        return [values.astype(xs[0].dtype)]
    product = rescale_by(product, step.out)
    return [np.clip(wrap(product + step.out_zero), step.low, step.high).astype(xs[0].dtype)]


def _extremum(step: steps.Extremum, xs: list[Array]) -> list[Array]:
    a, b = operands(step, xs)
    return [np.maximum(a, b) if step.is_max else np.minimum(a, b)]


def _lookup(step: steps.Lookup, xs: list[Array]) -> list[Array]:
    return [step.table[xs[0].astype(np.int16) + 128]]


def _requantize(step: steps.Requantize, xs: list[Array]) -> list[Array]:
    values = rescale_by(xs[0].astype(np.int64) - step.in_zero, step.scale)
    return [np.clip(wrap(values + step.out_zero), step.low, step.high).astype(step.dtype)]


def _curve(step: steps.Curve, xs: list[Array]) -> list[Array]:
    return [curve16(xs[0], is_tanh=step.is_tanh, multiplier=step.multiplier, shift=step.shift)]


def _leaky_relu16(step: steps.LeakyRelu16, xs: list[Array]) -> list[Array]:
    values = xs[0].astype(np.int64) - step.in_zero
    scaled = np.where(
        values >= 0, rescale_by(values, step.identity), rescale_by(values, step.alpha)
    )
    return [stored(scaled + step.out_zero, "int16")]


def _softmax8(step: steps.Softmax8, xs: list[Array]) -> list[Array]:
    values = xs[0].astype(np.int64)
    differences = values - values.max(axis=-1, keepdims=True)
    exps = step.exp_table.astype(np.int64)[-differences]
    total = round_shift(exps, 12).sum(axis=-1, keepdims=True)
    zeros = 32 - bits(total)
    reciprocal = one_over_one_plus(wrap((total << zeros) - 2**31))
    shares = round_shift(high_mul(exps, reciprocal), 12 - zeros + 31 - 8) - 128
    shares = np.where(differences >= step.diff_min, shares, -128)
    return [np.clip(shares, -128, 127).astype(np.int8)]


def _interpolate(table: npt.NDArray[np.int16], x: Longs) -> Longs:
    """Read between two of 513 entries for -32768 .. 32767."""
    index = 256 + (x >> 7)
    wide = table.astype(np.int64)
    slope = (wide[index + 1] - wide[index]).astype(np.int16).astype(np.int64)
    return cast("Longs", wide[index] + ((slope * (x & 0x7F) + 64) >> 7))


def _softmax16(step: steps.Softmax16, xs: list[Array]) -> list[Array]:
    exp_table, reciprocal_table = softmax16_tables(step.rounding)
    values = xs[0].astype(np.int64)
    scaled = rescale_by(values - values.max(axis=-1, keepdims=True), step.scale)
    exps = _interpolate(exp_table, np.clip(wrap(scaled + 32767), -32768, 32767))
    total = exps.sum(axis=-1, keepdims=True)
    zeros = 32 - bits(total)
    normalised = ((total << (zeros - 1)) + (1 << 13)) >> 14
    centred = np.clip(normalised - ((1 << 15) + (1 << 16)), -32768, 32767)
    shift = 31 - zeros
    shares = exps * _interpolate(reciprocal_table, centred) + (np.int64(1) << (shift - 1))
    return [np.clip(shares >> shift, 0, 32767).astype(np.int16)]


def scale_of_mean(scale: Scale, count: int) -> Scale:
    """Divide a scale by a count, keeping as many bits as fit.

    References
    ----------
    tflite-micro, kernels/internal/reference/reduce.h, QuantizedMeanOrSum.
    """
    shift = min(count.bit_length() - 1, 32, 31 + scale.shift)
    return Scale((scale.multiplier << shift) // count, scale.shift - shift)


def finish_sums(step: steps.Reduce, total: Longs, dtype: str) -> Array:
    """Turn sums into the stored values of their means, or of themselves."""
    scale = scale_of_mean(step.scale, step.count) if step.kind == "mean" else step.scale
    return stored(rescale_by(total, scale) + step.out_zero, dtype)


def _reduce(step: steps.Reduce, xs: list[Array]) -> list[Array]:
    x = xs[0]
    if step.kind in ("max", "min"):
        return [x.max(axis=step.axes) if step.kind == "max" else x.min(axis=step.axes)]
    total = wrap((x.astype(np.int64) - step.in_zero).sum(axis=step.axes))
    return [finish_sums(step, total, x.dtype.name)]


def _quantize(step: steps.Quantize, xs: list[Array]) -> list[Array]:
    if step.rounding is not Rounding.TWO:
        return plain_litert.quantize(step, xs)
    with np.errstate(over="ignore", invalid="ignore"):
        quotient = (np.asarray(xs[0], np.float32) / np.float32(step.scale)).astype(np.float64)
    rounded = np.nan_to_num(
        nearest_away(quotient), nan=-(2.0**31), posinf=2.0**31, neginf=-(2.0**31)
    )
    whole = np.clip(rounded, -(2**31), 2**31 - 1).astype(np.int64)
    return [stored(whole + step.zero, step.dtype)]


def _dequantize(step: steps.Dequantize, xs: list[Array]) -> list[Array]:
    if step.rounding is Rounding.LITERT and xs[0].dtype == np.int8:
        return plain_litert.dequantize(step, xs)
    values = (xs[0].astype(np.int32) - step.zero).astype(np.float32)
    return [values * np.float32(step.scale)]


def _reshape(step: steps.Reshape, xs: list[Array]) -> list[Array]:
    del step
    return [xs[0]]


def _permute(step: steps.Permute, xs: list[Array]) -> list[Array]:
    return [np.ascontiguousarray(xs[0].transpose(step.axes))]


def _pad(step: steps.Pad, xs: list[Array]) -> list[Array]:
    x = xs[0]
    shape = [size + sum(width) for size, width in zip(x.shape, step.widths, strict=True)]
    padded = np.full(shape, step.value, x.dtype)
    places = zip(x.shape, step.widths, strict=True)
    padded[tuple(slice(before, before + size) for size, (before, _) in places)] = x
    return [padded]


def _concatenate(step: steps.Concatenate, xs: list[Array]) -> list[Array]:
    n = max(x.shape[0] for x in xs)
    xs = [np.broadcast_to(x, (n, *x.shape[1:])) for x in xs]
    join = np.stack if step.is_stack else np.concatenate
    return [join(xs, axis=step.axis)]


def _slice(step: steps.Slice, xs: list[Array]) -> list[Array]:
    cut: list[Array] = []
    for part in step.parts:
        places = [start + np.arange(count) * stride for start, count, stride in part]
        picked = xs[0]
        for axis, index in enumerate(places, start=1):
            picked = picked.take(index, axis=axis)
        cut.append(picked)
    return cut


def _pick(step: steps.Pick, xs: list[Array]) -> list[Array]:
    return [xs[0].reshape(xs[0].shape[0], -1)[:, step.index]]


def _gather(step: steps.Gather, xs: list[Array]) -> list[Array]:
    return [xs[0].take(step.index, axis=step.axis)]


def _arg_extremum(step: steps.ArgExtremum, xs: list[Array]) -> list[Array]:
    found = xs[0].argmax(axis=step.axis) if step.is_max else xs[0].argmin(axis=step.axis)
    return [found.astype(np.int32)]


def _take_rows(step: steps.TakeRows, xs: list[Array]) -> list[Array]:
    places, rows = xs[0], len(step.table)
    outside = (places < 0) | (places >= rows)
    if outside.any():
        problem = f"a value leads to row {int(places[outside][0])} of a table of {rows}"
        raise DatasetError("inputs", problem, "TFLM stops there, or reads beyond its table")
    return [step.table[places]]


def _constant(step: steps.Constant, xs: list[Array]) -> list[Array]:
    del xs
    return [step.value]


def _cast(step: steps.Cast, xs: list[Array]) -> list[Array]:
    x = xs[0]
    if x.dtype == np.float32 and step.dtype not in ("bool", "float32"):
        # What is no 32-bit integer becomes the lowest, as on x86; boards saturate or differ.
        fits = np.abs(np.nan_to_num(x, nan=np.inf)) < 2.0**31
        x = np.where(fits, x, -(2.0**31)).astype(np.int64)
    return [x.astype(step.dtype)]


def _negate(step: steps.Negate, xs: list[Array]) -> list[Array]:
    del step
    return [-xs[0]]


def _resize_bilinear(step: steps.ResizeBilinear, xs: list[Array]) -> list[Array]:
    x = xs[0].reshape(-1, step.in_h, step.in_w, step.in_c).astype(np.int32)
    above, below, down = step.rows.T
    left, right, across = step.columns.T
    down, across = down[:, None, None], across[:, None]
    rows = x[:, above] * (1024 - down) + x[:, below] * down
    values = rows[:, :, left] * (1024 - across) + rows[:, :, right] * across
    half = 1 << 19
    rounded = np.where(values > 0, (values + half) >> 20, -((half - values) >> 20))
    return [rounded.astype(np.int8)]


PLAIN: dict[type[Step], Evaluate] = {
    steps.Add: _add,
    steps.ArgExtremum: _arg_extremum,
    steps.Cast: _cast,
    steps.Concatenate: _concatenate,
    steps.Constant: _constant,
    steps.Convolve: convolve,
    steps.Curve: _curve,
    steps.Dequantize: _dequantize,
    steps.Extremum: _extremum,
    steps.Gather: _gather,
    steps.LeakyRelu16: _leaky_relu16,
    steps.Lookup: _lookup,
    steps.Multiply: _multiply,
    steps.Negate: _negate,
    steps.Pad: _pad,
    steps.Permute: _permute,
    steps.Pick: _pick,
    steps.Pool: pool,
    steps.Quantize: _quantize,
    steps.Reduce: _reduce,
    steps.Requantize: _requantize,
    steps.Reshape: _reshape,
    steps.ResizeBilinear: _resize_bilinear,
    steps.Slice: _slice,
    steps.Softmax8: _softmax8,
    steps.Softmax16: _softmax16,
    steps.TakeRows: _take_rows,
    steps_litert.AddInBlocks: plain_litert.add_in_blocks,
    steps_litert.AddOnce: plain_litert.add_once,
    steps_litert.BlockLookup: plain_litert.block_lookup,
    steps_litert.ChannelMean: plain_litert.channel_mean,
    steps_litert.DenseWide: plain_litert.dense_wide,
    steps_litert.RealSum: plain_litert.real_sum,
    steps_litert.SoftmaxReal: plain_litert.softmax_real,
    **PAIRS,
    Lstm: lstm,
    Svdf: svdf,
}
"""What evaluates each kind of step."""
