"""The steps of `pairs` in NumPy, which evaluates them on the desktop in any case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygauge.exact import pairs
from tinygauge.exact.fixedpoint import inverse_root, rescale, rescale_by, rescale_wide, stored, wrap
from tinygauge.exact.pairs import operands
from tinygauge.exact.steps import Array, Step

__all__ = ["PAIRS"]


_COMPARISONS: dict[str, Callable[[Array, Array], Array]] = {
    "EQUAL": np.equal,
    "NOT_EQUAL": np.not_equal,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
}


def _prelu(step: pairs.Prelu, xs: list[Array]) -> list[Array]:
    a, b = (x.astype(np.int64) for x in operands(step, xs))
    values = a - step.a_zero
    below = rescale_by(values * (b - step.b_zero), step.product)
    scaled = np.where(values >= 0, rescale_by(values, step.identity), below)
    return [stored(scaled + step.out_zero, xs[0].dtype.name)]


def _squared_difference(step: pairs.SquaredDifference, xs: list[Array]) -> list[Array]:
    a, b = (x.astype(np.int64) for x in operands(step, xs))
    left = rescale_by((a - step.a_zero) << step.left_shift, step.a)
    right = rescale_by((b - step.b_zero) << step.left_shift, step.b)
    square = wrap((left - right) * (left - right))
    return [stored(rescale_by(square, step.out) + step.out_zero, xs[0].dtype.name)]


def _add_many(step: pairs.AddMany, xs: list[Array]) -> list[Array]:
    # TFLM's sum begins with a stored 0, which takes part as any other operand.
    total = np.zeros(1, np.int64)
    for x in (np.zeros(1, np.int8), *xs):
        shifted = (x.astype(np.int64) - step.in_zero) << step.left_shift
        total = total + rescale_by(shifted, step.each)
    return [stored(rescale_by(wrap(total), step.out) + step.out_zero, xs[0].dtype.name)]


def _compare(step: pairs.Compare, xs: list[Array]) -> list[Array]:
    a, b = operands(step, xs)
    if step.a is not None and step.b is not None:
        a = rescale_by((a.astype(np.int64) - step.a_zero) << step.left_shift, step.a)
        b = rescale_by((b.astype(np.int64) - step.b_zero) << step.left_shift, step.b)
    return [_COMPARISONS[step.kind](a, b)]


def _select(step: pairs.Select, xs: list[Array]) -> list[Array]:
    shaped = [x.reshape(-1, *shape) for x, shape in zip(xs, step.shapes, strict=True)]
    return [np.where(*shaped)]


def _product(step: pairs.Product, xs: list[Array]) -> list[Array]:
    a, b = operands(step, xs)
    # Doubles hold sums of 16-bit products exactly, up to a depth that lowering checks.
    left, right = a.astype(np.float64) - step.a_zero, b.astype(np.float64) - step.b_zero
    if step.is_a_turned:
        left = left.swapaxes(-1, -2)
    if step.is_b_turned:
        right = right.swapaxes(-1, -2)
    sums = (left @ right).astype(np.int64)
    scaled = rescale_wide if a.dtype == np.int16 else rescale
    values = scaled(sums, step.out.multiplier, step.out.shift)
    return [stored(values + step.out_zero, a.dtype.name)]


def _normalize(step: pairs.Normalize, xs: list[Array]) -> list[Array]:
    values = xs[0].astype(np.int64) - step.in_zero
    squares = (values * values).sum(axis=-1, keepdims=True)
    multiplier, shift = inverse_root(squares)
    return [stored(rescale(values, multiplier, shift + 7), xs[0].dtype.name)]


PAIRS: dict[type[Step], Callable[[Any, list[Array]], list[Array]]] = {
    pairs.AddMany: _add_many,
    pairs.Compare: _compare,
    pairs.Normalize: _normalize,
    pairs.Prelu: _prelu,
    pairs.Product: _product,
    pairs.Select: _select,
    pairs.SquaredDifference: _squared_difference,
}
"""What evaluates each of them."""
