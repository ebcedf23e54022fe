"""Puts weights, bias and scales into the order that the compiled inner loops read.

The loops multiply uint8 (stored + 128) with int8, so the bias takes up the difference:
``sum((x - zero) * w) = sum((x + 128) * w) - (128 + zero) * sum(w)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.exact.library import LEVELS, BatchConvolution, CWindow, pointer
from tinygauge.exact.steps import Convolve

__all__ = ["Packed", "pack_dense", "pack_depthwise"]

# Of c/desktop/batch.h.
_COLUMNS = 32
_LANES = 64
_AVX512 = LEVELS.index("avx512")
_MOST_PATTERNS = 64

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


def _packed(
    step: Convolve, weights: Bytes, sums: Ints, place: npt.NDArray[np.int64], *,
    depth: int, patterns: int, rounding: int, level: int,
) -> Packed:  # fmt: skip
    bias = np.zeros(len(sums), np.int64) if step.bias is None else step.bias.astype(np.int64)
    folded = bias - (128 + step.window.in_zero) * sums
    arrays = (
        np.ascontiguousarray(weights),
        _lanes(folded, place, "int32"),
        _lanes(step.multipliers, place, "int32"),
        _lanes(step.shifts, place, "int32"),
        _lanes(step.factors, place, "float32"),
    )
    convolution = BatchConvolution(
        CWindow.of(step.window), rounding, level, depth, patterns, *map(pointer, arrays)
    )
    return Packed(convolution, arrays)


def pack_dense(step: Convolve, rounding: int, level: int) -> Packed:
    """Pack a convolution without groups: weights become (columns / 32, depth / 4, 32, 4).

    Parameters
    ----------
    step : Convolve
        Of kind ``"conv"``, or depthwise over one channel, which is the same.
    rounding, level : int
        As batch.h numbers them.

    Returns
    -------
    Packed
    """
    w = step.window
    rows = step.weights.reshape(w.out_c, -1)
    if step.kind == "depthwise":
        rows = step.weights.reshape(-1, w.out_c).T
    columns, depth = _whole(w.out_c, _COLUMNS), _whole(rows.shape[1], 4)
    padded = np.zeros((columns, depth), np.int8)
    padded[: w.out_c, : rows.shape[1]] = rows
    packed = padded.reshape(-1, _COLUMNS, depth // 4, 4).transpose(0, 2, 1, 3)
    place = np.arange(columns)
    place[w.out_c :] = 0
    return _packed(
        step, packed, rows.astype(np.int64).sum(axis=1), place,
        depth=depth, patterns=1, rounding=rounding, level=level,
    )  # fmt: skip


def pack_depthwise(step: Convolve, rounding: int, level: int) -> Packed | None:
    """Pack a depthwise convolution of multiplier 1 for blocks of 64 lanes.

    A row of the image is one run of lanes, in which the channels repeat.

    Parameters
    ----------
    step : Convolve
    rounding, level : int
        As batch.h numbers them.

    Returns
    -------
    Packed or None
        None if channels repeat after too many blocks only.
    """
    w = step.window
    patterns = math.lcm(w.out_c, _LANES) // _LANES
    if patterns > _MOST_PATTERNS:
        return None
    taps = step.weights.reshape(-1, w.out_c)
    depth = _whole(len(taps), 4)
    place = (np.arange(patterns * _LANES) % w.out_c).reshape(patterns, _LANES)
    padded = np.zeros((depth, w.out_c), np.int8)
    padded[: len(taps)] = taps
    lanes = padded[:, place].transpose(1, 0, 2)
    if level == _AVX512:
        # Unpacking bytes, then pairs, leaves 4 channels in each 128 bits: see tiles.c.
        order = np.arange(_LANES).reshape(4, 4, 4).transpose(1, 0, 2).reshape(-1)
        place = place[:, order]
        lanes = lanes[:, :, order].reshape(patterns, depth // 4, 4, 4, 16).transpose(0, 1, 3, 4, 2)
    return _packed(
        step, lanes, taps.astype(np.int64).sum(axis=0), place,
        depth=depth, patterns=patterns, rounding=rounding, level=level,
    )  # fmt: skip
