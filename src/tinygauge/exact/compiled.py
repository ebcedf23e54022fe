"""Evaluates steps with the compiled kernels; what they lack is left to NumPy."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from ctypes import byref
from dataclasses import replace
from typing import Any

import numpy as np

from tinygauge.exact import plain, plain_litert, steps, steps_litert
from tinygauge.exact.buffers import empty
from tinygauge.exact.compiled_recurrent import bind_lstm, bind_svdf
from tinygauge.exact.compiled_values import VALUE_BINDERS
from tinygauge.exact.library import (
    CReduction,
    CResize,
    CScale,
    CSoftmax,
    CWindow,
    level,
    level_for_int16,
    pointer,
    succeed,
    whole,
)
from tinygauge.exact.packing import Packed, pack_dense, pack_depthwise
from tinygauge.exact.recurrent import Lstm, Svdf
from tinygauge.exact.scales import LIMITS, Rounding
from tinygauge.exact.steps import Array, Step
from tinygauge.exact.tables import softmax16_tables

__all__ = ["bind_compiled"]

Run = Callable[[list[Array]], list[Array]]

# As c/desktop numbers them.
_ROUNDINGS = {Rounding.TWO: 0, Rounding.ONE: 1, Rounding.LITERT: 2}
_KINDS = {"conv": 0, "depthwise": 1, "transpose": 2}


def _pack(step: steps.Convolve, *, is_wide: bool) -> Packed | None:
    """Pack a convolution for the fast kernels; None if only the reference kernels know it."""
    w = step.window
    number = _ROUNDINGS[step.rounding]
    place = level_for_int16() if is_wide else level()
    if (step.kind == "conv" and w.filter_c == w.in_c) or (step.kind == "depthwise" and w.in_c == 1):
        return pack_dense(step, number, place, is_wide=is_wide)
    if step.kind == "depthwise" and w.in_c == w.out_c:
        return pack_depthwise(step, number, place, is_wide=is_wide)
    return None


def _convolve_fast(step: steps.Convolve, kernels: ctypes.CDLL, dtype: str) -> Run | None:
    w = step.window
    packed = _pack(step, is_wide=dtype == "int16")
    if packed is None:
        return None
    is_dense = step.kind == "conv" or w.in_c == 1
    function = kernels.tg_batch_convolve if is_dense else kernels.tg_batch_depthwise
    shape = (w.out_h, w.out_w, w.out_c)

    def run(xs: list[Array]) -> list[Array]:
        x = whole(xs[0])
        n = x.size // (w.in_h * w.in_w * w.in_c)
        y = empty((n, *shape), dtype)
        succeed(function(byref(packed.convolution), n, pointer(x), pointer(y)))
        return [y]

    return run


def _dtypes(step: steps.Convolve) -> list[str]:
    """Return the types that the input may have, as far as the step tells."""
    if step.bias is not None:
        return ["int16"] if step.bias.dtype == np.int64 else ["int8"]
    return ["int16"] if step.window.high > LIMITS["int8"][1] else ["int8", "int16"]


def _convolve(step: steps.Convolve, kernels: ctypes.CDLL) -> Run | None:
    if step.rounding is Rounding.LITERT and step.ties_up < step.window.out_c:
        return _convolve_in_parts(step, kernels)
    if step.rounding is not Rounding.TWO:  # which int16 always has
        return _convolve_fast(step, kernels, "int8")
    fast = {dtype: _convolve_fast(step, kernels, dtype) for dtype in _dtypes(step)}
    by_reference = _convolve_by_reference(step, kernels)

    def run(xs: list[Array]) -> list[Array]:
        return (fast.get(xs[0].dtype.name) or by_reference)(xs)

    return run


def _convolve_in_parts(step: steps.Convolve, kernels: ctypes.CDLL) -> Run | None:
    """Evaluate a convolution whose first channels round ties up, and whose others do not."""
    away = _convolve(replace(step, rounding=Rounding.TWO, ties_up=0), kernels)
    if step.ties_up == 0:
        return away
    up = _convolve(replace(step, ties_up=step.window.out_c), kernels)
    if up is None or away is None:
        return None

    def run(xs: list[Array]) -> list[Array]:
        (values,), (others,) = up(xs), away(xs)
        values[..., step.ties_up :] = others[..., step.ties_up :]
        return [values]

    return run


def _convolve_by_reference(step: steps.Convolve, kernels: ctypes.CDLL) -> Run:
    w = step.window
    window = CWindow.of(w)
    scales = np.ascontiguousarray(np.stack([step.multipliers, step.shifts], axis=1), np.int32)

    def run(xs: list[Array]) -> list[Array]:
        x = whole(xs[0])
        is_wide = x.dtype == np.int16
        bias = None if step.bias is None else step.bias.astype(np.int64 if is_wide else np.int32)
        function = kernels.tg_loop_convolve_s16 if is_wide else kernels.tg_loop_convolve_s8
        n = x.size // (w.in_h * w.in_w * w.in_c)
        y = empty((n, w.out_h, w.out_w, w.out_c), x.dtype)
        arrays = (x, step.weights, bias, scales, y)
        succeed(function(byref(window), _KINDS[step.kind], n, *map(pointer, arrays)))
        return [y]

    return run


def _pool(step: steps.Pool, kernels: ctypes.CDLL) -> Run:
    w = step.window
    window = CWindow.of(w)

    def run(xs: list[Array]) -> list[Array]:
        x = whole(xs[0])
        n = x.size // (w.in_h * w.in_w * w.in_c)
        y = empty((n, w.out_h, w.out_w, w.in_c), x.dtype)
        if x.dtype == np.int8:
            succeed(kernels.tg_batch_pool(byref(window), step.is_max, n, pointer(x), pointer(y)))
        else:
            kernels.tg_loop_pool_s16(byref(window), step.is_max, n, pointer(x), pointer(y))
        return [y]

    return run


def _softmax8(step: steps.Softmax8, kernels: ctypes.CDLL) -> Run:
    table = np.ascontiguousarray(step.exp_table, np.int32)

    def run(xs: list[Array]) -> list[Array]:
        x = whole(xs[0])
        y = empty(x.shape, np.int8)
        depth = x.shape[-1]
        kernels.tg_batch_softmax_s8(x.size // depth, depth, *map(pointer, (table, x, y)))
        return [y]

    return run


def _softmax16(step: steps.Softmax16, kernels: ctypes.CDLL) -> Run:
    tables = [whole(table) for table in softmax16_tables(step.rounding)]

    def run(xs: list[Array]) -> list[Array]:
        x = whole(xs[0])
        y = empty(x.shape, np.int16)
        depth = x.shape[-1]
        form = CSoftmax(x.size // depth, depth, CScale.of(step.scale), 0)
        kernels.tg_softmax_s16(byref(form), *map(pointer, (*tables, x, y)))
        return [y]

    return run


def _around(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, int, int]:
    """Return how many values lie in front of neighbouring axes, along them, and behind them."""
    first, last = axes[0], axes[-1]
    parts = (shape[:first], shape[first : last + 1], shape[last + 1 :])
    return math.prod(parts[0]), math.prod(parts[1]), math.prod(parts[2])


def _are_neighbours(axes: tuple[int, ...]) -> bool:
    return axes[-1] - axes[0] + 1 == len(axes)


def _reduce(step: steps.Reduce, kernels: ctypes.CDLL) -> Run | None:
    """Reduce neighbouring axes of int8."""
    if step.kind not in ("mean", "sum") or not _are_neighbours(step.axes):
        return None
    is_mean = step.kind == "mean"
    scale = plain.scale_of_mean(step.scale, step.count) if is_mean else step.scale
    first, last = step.axes[0], step.axes[-1]

    def run(xs: list[Array]) -> list[Array]:
        x = whole(xs[0])
        if x.dtype != np.int8:
            return plain.PLAIN[steps.Reduce](step, xs)
        y = empty((*x.shape[:first], *x.shape[last + 1 :]), np.int8)
        numbers = (step.in_zero, step.out_zero, CScale.of(scale))
        form = CReduction(*_around(x.shape, step.axes), *numbers)
        succeed(kernels.tg_batch_rescaled_sum(byref(form), pointer(x), pointer(y)))
        return [y]

    return run


def _sum(x: Array, axes: tuple[int, ...], kernels: ctypes.CDLL) -> Array:
    """Sum int8 values along neighbouring axes."""
    x = whole(x)
    sums = empty((*x.shape[: axes[0]], *x.shape[axes[-1] + 1 :]), np.int32)
    kernels.tg_batch_sum(*_around(x.shape, axes), 0, pointer(x), pointer(sums))
    return sums.astype(np.int64)


def _real_sum(step: steps_litert.RealSum, kernels: ctypes.CDLL) -> Run | None:
    """Reduce neighbouring axes of int8; NumPy rescales the sums, as there are few."""
    if not _are_neighbours(step.axes):
        return None

    def run(xs: list[Array]) -> list[Array]:
        if xs[0].dtype != np.int8:
            return plain_litert.real_sum(step, xs)
        sums = _sum(xs[0], step.axes, kernels)
        return [plain_litert.finish_real_sums(step, sums, "int8")]

    return run


def _channel_mean(step: steps_litert.ChannelMean, kernels: ctypes.CDLL) -> Run:
    return lambda xs: [plain_litert.finish_channel_means(step, _sum(xs[0], (2, 3), kernels))]


def _resize_bilinear(step: steps.ResizeBilinear, kernels: ctypes.CDLL) -> Run:
    places = [whole(step.rows), whole(step.columns)]
    out = (len(step.rows), len(step.columns))

    def run(xs: list[Array]) -> list[Array]:
        x = whole(xs[0])
        images = x.size // (step.in_h * step.in_w * step.in_c)
        y = empty((images, *out, step.in_c), np.int8)
        form = CResize(images, step.in_h, step.in_w, step.in_c, *out)
        kernels.tg_resize_bilinear_s8(byref(form), *map(pointer, (*places, x, y)))
        return [y]

    return run


_BINDERS: dict[type[Step], Callable[[Any, ctypes.CDLL], Run | None]] = {
    **VALUE_BINDERS,
    steps.Convolve: _convolve,
    steps.Pool: _pool,
    steps.Reduce: _reduce,
    steps.ResizeBilinear: _resize_bilinear,
    steps.Softmax8: _softmax8,
    steps.Softmax16: _softmax16,
    steps_litert.ChannelMean: _channel_mean,
    steps_litert.RealSum: _real_sum,
    Lstm: bind_lstm,
    Svdf: bind_svdf,
}


def bind_compiled(step: Step, kernels: ctypes.CDLL) -> Run | None:
    """Return what evaluates a step with the compiled kernels, if anything does.

    Parameters
    ----------
    step : Step
    kernels : ctypes.CDLL

    Returns
    -------
    callable or None
        Takes and returns lists of arrays with the batch in front.
    """
    bind = _BINDERS.get(type(step))
    return None if bind is None else bind(step, kernels)
