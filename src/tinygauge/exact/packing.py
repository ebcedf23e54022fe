"""Puts weights, bias and scales into the order that the compiled inner loops read.

The loops multiply stored values plus an offset, so the bias takes up the difference:
``sum((x - zero) * w) = sum((x + offset) * w) - (offset + zero) * sum(w)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.exact.library import LEVELS, BatchConvolution, CWindow, pointer
from tinygauge.exact.steps import Convolve

__all__ = ["Packed", "pack_dense", "pack_depthwise"]

# Of c/desktop/batch.h.
_COLUMNS = 16
_LANES = 64
_MOST_PATTERNS = 64
# Products in one go from which on the weights of each channel lie together.
_ALONE = 8
# Shifts with which both roundings can be done at once, if multipliers are positive.
_QUICK_SHIFTS = (-22, -1)


@dataclass(frozen=True, slots=True)
class _Order:
    """What the inner loops of a level read.

    Parameters
    ----------
    offset : int
        What staging adds to a stored value.
    dtype : str
        Of the weights.
    group : int
        Products that make one sum in one instruction; from 8 on, all the weights of a channel
        lie together.
    lanes : int
        Lanes of a depthwise row whose weights lie together, in the order that unpacking gives:
        `group` parts, each with 4 lanes from every 128 bits. 0 if they lie in their own order.
    rows : int
        Most rows of a depthwise convolution at a time.
    """

    offset: int
    dtype: str
    group: int
    lanes: int
    rows: int = 1


_ORDERS = {
    "portable": _Order(0, "int16", 8, 0),
    "avx2": _Order(0, "int16", 2, 16, rows=2),
    "avxvnni": _Order(128, "int8", 4, 32, rows=2),
    "avx512": _Order(128, "int8", 4, 64, rows=2),
    "neon": _Order(0, "int16", 1, 0),
    "dotprod": _Order(0, "int8", 4, 16),
}

Bytes = npt.NDArray[np.int8]
Ints = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """A convolution as the compiled library takes it, and the arrays that it points to."""

    convolution: BatchConvolution
    arrays: tuple[Ints, ...]


def _whole(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def _lanes(values: Ints, place: npt.NDArray[np.int64], dtype: str) -> Ints:
    """Put one value a channel where its lanes are; lanes beyond the channels get the first's."""
    return np.ascontiguousarray(values.astype(dtype)[place])


def _quick(step: Convolve, place: npt.NDArray[np.int64], *, is_wide: bool) -> npt.NDArray[np.int64]:
    """Return what rounds at once, as batch.h has it; of no use where a shift is not quick."""
    right = np.clip(-step.shifts.astype(np.int64), 0, -_QUICK_SHIFTS[0])
    multipliers = step.multipliers.astype(np.int64)
    nudges = 1 << (30 + right)
    if is_wide:
        # Of 16 bits: tg_rescale_wide in c/requant.h.
        multipliers = np.minimum((multipliers + (1 << 15)) >> 16, 0x7FFF) << 16
    else:
        nudges = nudges + (1 << 30) + step.window.out_zero * (1 << (31 + right))
    numbers = np.stack([multipliers, nudges, 31 + right])[:, place]
    blocks = numbers.reshape(3, -1, 8, 2).transpose(1, 0, 3, 2).copy()
    blocks[:, 2, 1] -= 32
    return blocks


def _fits_32_bits(step: Convolve) -> bool:
    """Whether no int16 input makes a sum of more than 32 bits."""
    axes = tuple(range(1, 4)) if step.kind == "conv" else (0, 1)
    most = np.abs(step.weights.astype(np.int64)).sum(axis=axes) << 15
    if step.bias is not None:
        most = most + np.abs(step.bias.astype(np.int64))
    return bool(most.max() < 1 << 31)


def _packed(
    step: Convolve, weights: Ints, sums: Ints, place: npt.NDArray[np.int64], *,
    rounding: int, level: int, is_wide: bool, runs: int = 0, run: int = 0, taps: int = 0,
    rows: int = 1, patterns: int = 1,
) -> Packed | None:  # fmt: skip
    order = _ORDERS[LEVELS[level]]
    least, most = _QUICK_SHIFTS
    is_quick = bool(
        np.all((step.shifts >= least) & (step.shifts <= most) & (step.multipliers >= 0))
    )
    if is_wide and not (is_quick and _fits_32_bits(step) and step.window.in_zero == 0):
        return None
    bias = np.zeros(len(sums), np.int64) if step.bias is None else step.bias.astype(np.int64)
    folded = bias - (order.offset + step.window.in_zero) * sums
    arrays = (
        np.ascontiguousarray(weights, order.dtype),
        _lanes(folded, place, "int32"),
        _lanes(step.multipliers, place, "int32"),
        _lanes(step.shifts, place, "int32"),
        _lanes(step.factors, place, "float32"),
        _quick(step, place, is_wide=is_wide),
    )
    convolution = BatchConvolution(
        CWindow.of(step.window), rounding, level, is_wide, is_quick, runs, run, taps, rows,
        patterns, *map(pointer, arrays),
    )  # fmt: skip
    return Packed(convolution, arrays)


def _widened(step: Convolve) -> Convolve:
    """Make channels of neighbouring outputs, where one output has few: the bytes are the same.

    The filter grows by their distance, and meets weights of 0 where it is not theirs.
    """
    w = step.window
    times = next((n for n in (8, 4, 2) if w.out_c * n <= _COLUMNS and w.out_w % n == 0), 1)
    if times == 1 or w.dilation_w > 1:
        return step
    filter_w = w.filter_w + (times - 1) * w.stride_w
    weights = np.zeros((times, w.out_c, w.filter_h, filter_w, step.weights.shape[3]), np.int8)
    for place in range(times):
        first = place * w.stride_w
        weights[place, :, :, first : first + w.filter_w] = step.weights
    window = replace(
        w, out_w=w.out_w // times, out_c=w.out_c * times, filter_w=filter_w,
        stride_w=w.stride_w * times,
    )  # fmt: skip
    return replace(
        step, window=window, weights=weights.reshape(-1, *weights.shape[2:]),
        bias=None if step.bias is None else np.tile(step.bias, times),
        multipliers=np.tile(step.multipliers, times), shifts=np.tile(step.shifts, times),
        factors=np.tile(step.factors, times),
    )  # fmt: skip


def pack_dense(step: Convolve, rounding: int, level: int, *, is_wide: bool) -> Packed | None:
    """Pack a convolution without groups: weights become (columns / 16, runs, run / g, 16, g).

    A run is a row of the filter, or a pixel of it if it is dilated; g products make a sum in one
    instruction. With 8 they stay (columns, runs, run).

    Parameters
    ----------
    step : Convolve
        Of kind ``"conv"``, or depthwise over one channel, which is the same.
    rounding, level : int
        As batch.h numbers them.
    is_wide : bool
        Whether inputs and outputs are int16; the level has to have loops for them.

    Returns
    -------
    Packed or None
        None if sums of int16 values may not fit into 32 bits.
    """
    w = step.window
    if step.kind == "depthwise":
        weights = np.moveaxis(step.weights.reshape(w.filter_h, w.filter_w, 1, w.out_c), -1, 0)
        step = replace(step, kind="conv", weights=weights)
    step = _widened(step)
    w = step.window
    runs = w.filter_h if w.dilation_w == 1 else w.filter_h * w.filter_w
    rows: Ints = step.weights.reshape(w.out_c, runs, -1)
    group = _ORDERS[LEVELS[level]].group
    columns, run = _whole(w.out_c, _COLUMNS), _whole(rows.shape[2], max(group, 4))
    packed: Ints = np.zeros((columns, runs, run), np.int8)
    packed[: w.out_c, :, : rows.shape[2]] = rows
    if group < _ALONE:
        packed = packed.reshape(-1, _COLUMNS, runs, run // group, group).transpose(0, 2, 3, 1, 4)
    place = np.arange(columns)
    place[w.out_c :] = 0
    return _packed(
        step, packed, rows.astype(np.int64).sum(axis=(1, 2)), place,
        rounding=rounding, level=level, is_wide=is_wide, runs=runs, run=run,
    )  # fmt: skip


def _tap_rows(step: Convolve, order: _Order) -> npt.NDArray[np.int8]:
    """Return the weights of each row computed together for all the taps they need: (rows, taps, c).

    Two rows at a time share what they load, unless that makes too many products with 0.
    """
    w = step.window
    one = _whole(w.filter_h * w.filter_w, 4)
    two = _whole((w.filter_h + w.stride_h) * w.filter_w, 4)
    is_shared = order.rows > 1 and w.out_h > 1 and w.dilation_h == 1 and 2 * two <= 3 * one
    weights = np.zeros((2, two, w.out_c) if is_shared else (1, one, w.out_c), np.int8)
    flat = step.weights.reshape(-1, w.out_c)
    for row in range(len(weights)):
        first = row * w.stride_h * w.filter_w
        weights[row, first : first + len(flat)] = flat
    return weights


def pack_depthwise(step: Convolve, rounding: int, level: int, *, is_wide: bool) -> Packed | None:
    """Pack a depthwise convolution of multiplier 1 for blocks of 64 lanes.

    A row of the image is one run of lanes, in which the channels repeat.

    Parameters
    ----------
    step : Convolve
    rounding, level, is_wide : int
        See `pack_dense`.

    Returns
    -------
    Packed or None
        None if channels repeat after too many blocks only, or as with `pack_dense`.
    """
    w = step.window
    patterns = math.lcm(w.out_c, _LANES) // _LANES
    if patterns > _MOST_PATTERNS:
        return None
    place: npt.NDArray[np.int64] = np.arange(patterns * _LANES) % w.out_c
    order = _ORDERS[LEVELS[level]]
    if order.lanes:
        pieces = place.reshape(-1, order.lanes // order.group // 4, order.group, 4)
        place = pieces.transpose(0, 2, 1, 3).reshape(-1)
    weights = _tap_rows(step, order)
    rows, taps, _ = weights.shape
    lanes: Ints = weights[:, :, place].reshape(rows, taps, -1, order.lanes or _LANES)
    lanes = lanes.transpose(2, 1, 0, 3)
    if order.lanes:
        # One instruction multiplies a group of taps for a part of the lanes.
        part = order.lanes // order.group
        lanes = lanes.reshape(len(lanes), -1, order.group, rows, order.group, part)
        lanes = lanes.transpose(0, 1, 3, 4, 5, 2)
    return _packed(
        step, lanes, step.weights.reshape(-1, w.out_c).astype(np.int64).sum(axis=0), place,
        rounding=rounding, level=level, is_wide=is_wide, taps=taps, rows=rows, patterns=patterns,
    )  # fmt: skip
