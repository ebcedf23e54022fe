"""Evaluates steps on single values, or on pairs of them, with the compiled kernels."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref
from typing import Any

import numpy as np

from tinygauge.exact import pairs, plain, steps
from tinygauge.exact.buffers import empty
from tinygauge.exact.library import CCurve, CPair, CScale, level, pointer, whole
from tinygauge.exact.pairs import operands
from tinygauge.exact.scales import LIMITS, Rounding
from tinygauge.exact.steps import Array, Step
from tinygauge.exact.tables import curve16_table

__all__ = ["VALUE_BINDERS"]

Run = Callable[[list[Array]], list[Array]]

# As kernels.h numbers them.
_COMPARISONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
_NONE = CScale(0, 0)


def _on_pairs(step: pairs.Pair, evaluate: Callable[..., None], dtype: Any) -> Run:
    """Return what calls ``evaluate(count, a, b, y)`` on operands of one shape."""

    def run(xs: list[Array]) -> list[Array]:
        pair = operands(step, xs)
        if pair[0].shape != pair[1].shape:
            pair = list(np.broadcast_arrays(*pair))
        a, b = map(whole, pair)
        y = empty(a.shape, dtype)
        evaluate(a.size, *map(pointer, (a, b, y)))
        return [y]

    return run


def _add(step: steps.Add, kernels: ctypes.CDLL) -> Run:
    pair = CPair(
        step.a_zero, step.b_zero, step.out_zero, *map(CScale.of, (step.a, step.b, step.out)),
        step.left_shift, step.negate_b, step.low, step.high,
    )  # fmt: skip

    place = level()

    def add(count: int, *pointers: int) -> None:
        kernels.tg_batch_add(byref(pair), place, count, *pointers)

    def add_wide(count: int, *pointers: int) -> None:
        kernels.tg_batch_add_s16(byref(pair), count, *pointers)

    is_wide = step.left_shift != 20
    return _on_pairs(step, add_wide if is_wide else add, np.int16 if is_wide else np.int8)


def _multiply(step: steps.Multiply, kernels: ctypes.CDLL) -> Run | None:
    if step.rounding is Rounding.ONE:
        return None
    pair = CPair(
        step.a_zero, step.b_zero, step.out_zero, _NONE, _NONE, CScale.of(step.out), 0, 0,
        step.low, step.high,
    )  # fmt: skip
    runs = {
        dtype: _on_pairs(step, lambda *rest, call=call: call(byref(pair), *rest), dtype)
        for dtype, call in (
            ("int8", kernels.tg_batch_mul_s8),
            ("int16", kernels.tg_batch_mul_s16),
        )
    }

    def run(xs: list[Array]) -> list[Array]:
        return runs[xs[0].dtype.name](xs)

    return run


def _compare(step: pairs.Compare, kernels: ctypes.CDLL) -> Run | None:
    """Compare quantised values; NumPy compares others faster."""
    if step.a is None or step.b is None:
        return None
    kind = _COMPARISONS.index(step.kind)
    scales = (CScale.of(step.a), CScale.of(step.b), _NONE)
    pair = CPair(step.a_zero, step.b_zero, 0, *scales, step.left_shift, 0, 0, 0)

    def compare(count: int, a: int, b: int, y: int) -> None:
        kernels.tg_compare_s8(byref(pair), kind, count, a, count, b, count, y)

    return _on_pairs(step, compare, np.bool_)


def _add_many(step: pairs.AddMany, kernels: ctypes.CDLL) -> Run:
    scales = (CScale.of(step.each), _NONE, CScale.of(step.out))
    limits = LIMITS["int8"]
    pair = CPair(step.in_zero, 0, step.out_zero, *scales, step.left_shift, 0, *limits)

    def run(xs: list[Array]) -> list[Array]:
        each = [whole(x) for x in np.broadcast_arrays(*xs)]
        y = empty(each[0].shape, np.int8)
        places = (ctypes.c_void_p * len(each))(*map(pointer, each))
        kernels.tg_add_n_s8(byref(pair), len(each), y.size, places, pointer(y))
        return [y]

    return run


def _normalize(step: pairs.Normalize, kernels: ctypes.CDLL) -> Run:
    def run(xs: list[Array]) -> list[Array]:
        x = whole(xs[0])
        y = empty(x.shape, np.int8)
        depth = x.shape[-1]
        numbers = (x.size // depth, depth, step.in_zero)
        kernels.tg_l2_normalize_s8(*numbers, pointer(x), pointer(y))
        return [y]

    return run


def _leaky_relu16(step: steps.LeakyRelu16, kernels: ctypes.CDLL) -> Run:
    scales = (CScale.of(step.identity), CScale.of(step.alpha), _NONE)
    pair = CPair(step.in_zero, 0, step.out_zero, *scales, 0, 0, *LIMITS["int16"])

    def run(xs: list[Array]) -> list[Array]:
        x = whole(xs[0])
        y = empty(x.shape, np.int16)
        kernels.tg_leaky_relu_s16(byref(pair), x.size, pointer(x), pointer(y))
        return [y]

    return run


def _lookup(step: steps.Lookup, kernels: ctypes.CDLL) -> Run:
    table = whole(step.table)

    def run(xs: list[Array]) -> list[Array]:
        x = whole(xs[0])
        y = empty(x.shape, np.int8)
        kernels.tg_lookup_s8(pointer(table), x.size, pointer(x), pointer(y))
        return [y]

    return run


def _requantize(step: steps.Requantize, kernels: ctypes.CDLL) -> Run | None:
    if (step.low, step.high) != LIMITS[step.dtype]:
        return None
    functions = {
        ("int8", "int16"): kernels.tg_requantize_s8_s16,
        ("int16", "int8"): kernels.tg_requantize_s16_s8,
        ("int16", "int16"): kernels.tg_requantize_s16,
    }
    numbers = (CScale.of(step.scale), step.in_zero, step.out_zero)

    def run(xs: list[Array]) -> list[Array]:
        function = functions.get((xs[0].dtype.name, step.dtype))
        if function is None:
            return plain.PLAIN[steps.Requantize](step, xs)
        x = whole(xs[0])
        y = empty(x.shape, step.dtype)
        function(*numbers, x.size, pointer(x), pointer(y))
        return [y]

    return run


def _curve(step: steps.Curve, kernels: ctypes.CDLL) -> Run:
    table = whole(curve16_table())
    curve = CCurve(step.multiplier, step.shift, step.is_tanh)

    def run(xs: list[Array]) -> list[Array]:
        x = whole(xs[0])
        y = empty(x.shape, np.int16)
        kernels.tg_curve_s16(byref(curve), pointer(table), x.size, pointer(x), pointer(y))
        return [y]

    return run


def _quantize(step: steps.Quantize, kernels: ctypes.CDLL) -> Run | None:
    functions = {"int8": kernels.tg_quantize_s8, "int16": kernels.tg_quantize_s16}
    function = functions.get(step.dtype)
    if function is None or step.rounding is not Rounding.TWO:
        return None

    def run(xs: list[Array]) -> list[Array]:
        x = np.ascontiguousarray(xs[0], np.float32)
        y = empty(x.shape, step.dtype)
        function(step.scale, step.zero, x.size, pointer(x), pointer(y))
        return [y]

    return run


def _dequantize(step: steps.Dequantize, kernels: ctypes.CDLL) -> Run | None:
    if step.rounding is Rounding.LITERT:
        return None
    functions = {"int8": kernels.tg_dequantize_s8, "int16": kernels.tg_dequantize_s16}

    def run(xs: list[Array]) -> list[Array]:
        function = functions.get(xs[0].dtype.name)
        if function is None:
            return plain.PLAIN[steps.Dequantize](step, xs)
        x = whole(xs[0])
        y = empty(x.shape, np.float32)
        function(step.scale, step.zero, x.size, pointer(x), pointer(y))
        return [y]

    return run


VALUE_BINDERS: dict[type[Step], Callable[[Any, ctypes.CDLL], Run | None]] = {
    steps.Add: _add,
    steps.Curve: _curve,
    steps.Dequantize: _dequantize,
    steps.LeakyRelu16: _leaky_relu16,
    steps.Lookup: _lookup,
    steps.Multiply: _multiply,
    steps.Quantize: _quantize,
    steps.Requantize: _requantize,
    pairs.AddMany: _add_many,
    pairs.Compare: _compare,
    pairs.Normalize: _normalize,
}
"""What makes the function that evaluates a step, if there is one."""
