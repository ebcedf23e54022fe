"""Convolutions and pooling in NumPy, as matrix products and shifted sums."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygauge.exact.fixedpoint import (
    rescale,
    rescale_real,
    rescale_ties_up,
    rescale_wide,
    wrap,
)
from tinygauge.exact.scales import LIMITS, Rounding
from tinygauge.exact.steps import Array, Convolve, Pool, Window

__all__ = ["convolve", "pool", "sums_of"]

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


def _padded(x: Array, w: Window, fill: int) -> Array:
    """Put `fill` around images, so that every filter position lies inside."""
    reach_h = (w.filter_h - 1) * w.dilation_h + (w.out_h - 1) * w.stride_h + 1
    reach_w = (w.filter_w - 1) * w.dilation_w + (w.out_w - 1) * w.stride_w + 1
    below = max(0, reach_h - w.pad_h - w.in_h)
    right = max(0, reach_w - w.pad_w - w.in_w)
    if not (w.pad_h or w.pad_w or below or right):
        return x
    widths = ((0, 0), (w.pad_h, below), (w.pad_w, right), (0, 0))
    return np.pad(x, widths, constant_values=fill)


def _tap(padded: Array, w: Window, row: int, column: int) -> Array:
    """Return the values that one place of the filter meets at every output position."""
    top, left = row * w.dilation_h, column * w.dilation_w
    bottom = top + (w.out_h - 1) * w.stride_h + 1
    end = left + (w.out_w - 1) * w.stride_w + 1
    return padded[:, top : bottom : w.stride_h, left : end : w.stride_w]


def _product(a: Array, b: Doubles) -> Longs:
    """Multiply matrices of integers: doubles hold sums of up to 2**53 exactly."""
    return (a.astype(np.float64) @ b).astype(np.int64)


def _conv_sums(x: Array, step: Convolve) -> Longs:
    w = step.window
    padded = _padded(x, w, 0)
    groups = w.in_c // w.filter_c
    per_group = w.out_c // groups
    sums = np.zeros((len(x), w.out_h, w.out_w, w.out_c), np.int64)
    for row in range(w.filter_h):
        for column in range(w.filter_w):
            tap = _tap(padded, w, row, column)
            for group in range(groups):
                inputs = slice(group * w.filter_c, (group + 1) * w.filter_c)
                outputs = slice(group * per_group, (group + 1) * per_group)
                weights = step.weights[outputs, row, column].astype(np.float64)
                sums[..., outputs] += _product(tap[..., inputs], weights.T)
    return sums


def _depthwise_sums(x: Array, step: Convolve) -> Longs:
    w = step.window
    padded = np.repeat(_padded(x, w, 0), w.out_c // w.in_c, axis=3)
    sums = np.zeros((len(x), w.out_h, w.out_w, w.out_c), np.int64)
    for row in range(w.filter_h):
        for column in range(w.filter_w):
            sums += _tap(padded, w, row, column) * step.weights[row, column].astype(np.int64)
    return sums


def _transpose_sums(x: Array, step: Convolve) -> Longs:
    """Spread every input value over the outputs that the filter reaches from it."""
    w = step.window
    height = max((w.in_h - 1) * w.stride_h + w.filter_h, w.pad_h + w.out_h)
    width = max((w.in_w - 1) * w.stride_w + w.filter_w, w.pad_w + w.out_w)
    sums = np.zeros((len(x), height, width, w.out_c), np.int64)
    for row in range(w.filter_h):
        for column in range(w.filter_w):
            products = _product(x, step.weights[:, row, column].astype(np.float64).T)
            bottom = row + (w.in_h - 1) * w.stride_h + 1
            end = column + (w.in_w - 1) * w.stride_w + 1
            sums[:, row : bottom : w.stride_h, column : end : w.stride_w] += products
    return sums[:, w.pad_h : w.pad_h + w.out_h, w.pad_w : w.pad_w + w.out_w]


_SUMS = {"conv": _conv_sums, "depthwise": _depthwise_sums, "transpose": _transpose_sums}


def sums_of(step: Convolve, x: Array) -> Longs:
    """Return the sums of products of a convolution, with its bias.

    Parameters
    ----------
    step : Convolve
    x : ndarray
        The images.

    Returns
    -------
    ndarray of int64, shape (n, out_h, out_w, out_c)
    """
    w = step.window
    centred = x.reshape(-1, w.in_h, w.in_w, w.in_c).astype(np.int64) - w.in_zero
    sums = _SUMS[step.kind](centred, step)
    return sums if step.bias is None else sums + step.bias


def _rescaled(sums: Longs, step: Convolve) -> Longs:
    """Rescale sums of int8 products with integers, ties going where the step says."""
    sums = wrap(sums)
    up, rest = np.s_[..., : step.ties_up], np.s_[..., step.ties_up :]
    values = np.empty_like(sums)
    values[up] = rescale_ties_up(sums[up], step.multipliers[up], step.shifts[up])
    values[rest] = rescale(sums[rest], step.multipliers[rest], step.shifts[rest])
    return values


def convolve(step: Convolve, xs: list[Array]) -> list[Array]:
    """Evaluate a convolution or dense op.

    Parameters
    ----------
    step : Convolve
    xs : list of ndarray
        The images.

    Returns
    -------
    list of ndarray
    """
    w = step.window
    sums = sums_of(step, xs[0])
    if xs[0].dtype == np.int16:
        values = rescale_wide(sums, step.multipliers, step.shifts)
    elif step.rounding is Rounding.ONE:
        limits = (w.low - w.out_zero, w.high - w.out_zero)
        values = rescale_real(sums, step.factors, *limits) + w.out_zero
    else:
        values = wrap(_rescaled(sums, step) + w.out_zero)
    return [np.clip(values, w.low, w.high).astype(xs[0].dtype)]


def pool(step: Pool, xs: list[Array]) -> list[Array]:
    """Evaluate an average or maximum over windows; places outside the image do not count.

    Parameters
    ----------
    step : Pool
    xs : list of ndarray
        The images.

    Returns
    -------
    list of ndarray
    """
    w = step.window
    dtype = xs[0].dtype
    x = xs[0].reshape(-1, w.in_h, w.in_w, w.in_c)
    places = [(row, column) for row in range(w.filter_h) for column in range(w.filter_w)]
    if step.is_max:
        padded = _padded(x, w, LIMITS[dtype.name][0])
        found = _tap(padded, w, 0, 0)
        for row, column in places:
            found = np.maximum(found, _tap(padded, w, row, column))
        return [np.clip(found, w.low, w.high)]
    padded = _padded(x.astype(np.int64), w, 0)
    inside = _padded(np.ones((1, w.in_h, w.in_w, 1), np.int64), w, 0)
    sums = np.zeros((len(x), w.out_h, w.out_w, w.in_c), np.int64)
    count = np.zeros((1, w.out_h, w.out_w, 1), np.int64)
    for row, column in places:
        sums += _tap(padded, w, row, column)
        count += _tap(inside, w, row, column)
    means = np.sign(sums) * ((np.abs(sums) + count // 2) // count)
    return [np.clip(means, w.low, w.high).astype(dtype)]
