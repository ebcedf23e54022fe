"""Products of stored values with a matrix of weights, whose sums an op computes with.

Sums are made in float32 where none can reach 2**24, else in float64: no sum is ever rounded.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tinygauge.exact.library import level, pointer, succeed
from tinygauge.exact.scales import LIMITS
from tinygauge.exact.steps import Array

__all__ = ["Product", "bind_product", "fits_float32", "product_with"]

Product = Callable[[Array], Array]
"""From ``(..., depth)`` to ``(..., count)``, of int32 with int8 values and else of int64."""

Weights = npt.NDArray[np.int8]

# Integers below it are exact in float32, and sums of them; those of int16 are in float64.
_EXACT_IN_FLOAT32 = 1 << 24
# Of c/desktop/products.c.
_COLUMNS = 16


def fits_float32(weights: Weights, dtype: str) -> bool:
    """Tell whether float32 holds every sum of products with stored values exactly.

    Parameters
    ----------
    weights : ndarray of int8, shape (count, depth)
    dtype : str
        Of the values.

    Returns
    -------
    bool
    """
    totals = np.abs(weights.astype(np.int64)).sum(axis=1)
    return (LIMITS[dtype][1] + 1) * int(totals.max(initial=0)) < _EXACT_IN_FLOAT32


def _start(weights: Weights, zero: int, bias: Array | None, dtype: str) -> Array:
    """Return what sums begin with: the bias, and what the zero point takes off."""
    start = -zero * weights.astype(np.int64).sum(axis=1)
    if bias is not None:
        start = start + bias.astype(np.int64)
    wrapped: Array = start.astype(np.int32 if dtype == "int8" else np.int64)
    return wrapped


def product_with(weights: Weights, zero: int, dtype: str, bias: Array | None = None) -> Product:
    """Return what multiplies rows of stored values with rows of weights, in NumPy.

    Parameters
    ----------
    weights : ndarray of int8, shape (count, depth)
    zero : int
        Zero point of the values.
    dtype : str
        Of the values: ``"int8"`` or ``"int16"``.
    bias : ndarray of integers, shape (count,), optional

    Returns
    -------
    callable
        See `Product`.
    """
    kind = np.float32 if fits_float32(weights, dtype) else np.float64
    matrix = np.ascontiguousarray(weights.T.astype(kind))
    start = _start(weights, zero, bias, dtype)
    return lambda x: (x.astype(kind) @ matrix).astype(start.dtype) + start


def bind_product(
    weights: Weights, zero: int, dtype: str, bias: Array | None, kernels: ctypes.CDLL
) -> Product:
    """Return what does as `product_with`, by compiled loops on the thread that calls.

    Parameters
    ----------
    weights : ndarray of int8, shape (count, depth)
    zero : int
    dtype : str
    bias : ndarray of integers, shape (count,), or None
    kernels : ctypes.CDLL

    Returns
    -------
    callable
        See `Product`.
    """
    count, depth = weights.shape
    is_short = fits_float32(weights, dtype)
    function = kernels.tg_batch_products_s16
    if dtype == "int8":
        function = kernels.tg_batch_products_s8 if is_short else kernels.tg_batch_products_s8_long
    is_float = is_short and dtype == "int8"
    padded = np.zeros((-(-count // _COLUMNS) * _COLUMNS, depth), np.int8)
    padded[:count] = weights
    blocks = padded.reshape(-1, _COLUMNS, depth).transpose(0, 2, 1)
    packed = np.ascontiguousarray(blocks, np.float32 if is_float else np.float64)
    start = _start(weights, zero, bias, dtype)

    def run(x: Array) -> Array:
        rows = np.ascontiguousarray(x)
        sums = np.empty((*x.shape[:-1], count), start.dtype)
        sizes = (rows.size // depth, depth, count)
        succeed(function(level(), *sizes, *map(pointer, (rows, packed, start, sums))))
        return sums

    return run
