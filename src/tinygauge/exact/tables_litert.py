"""Tables of functions of one value as LiteRT and XNNPACK make them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tinygauge.exact.fixedpoint import rescale_ties_up
from tinygauge.exact.scales import Scale

__all__ = [
    "real_exp_table",
    "real_table",
    "requantize_ties_up_table",
    "shifted_table",
    "sigmoid",
]

Table = npt.NDArray[np.int8]
_STORED = np.arange(-128, 128, dtype=np.int64)


def _as_table(values: npt.NDArray[np.int64]) -> Table:
    return np.clip(values, -128, 127).astype(np.int8)


def sigmoid(x: float) -> float:
    """Compute the logistic function without overflow.

    Parameters
    ----------
    x : float

    Returns
    -------
    float
    """
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def real_table(
    function: Callable[[float], float], in_scale: float, in_zero: int, out_scale: float,
    out_zero: int,
) -> Table:  # fmt: skip
    """Make the table of a function that is computed with real numbers, as LOGISTIC and TANH.

    Parameters
    ----------
    function : callable
    in_scale, in_zero : float, int
    out_scale, out_zero : float, int

    Returns
    -------
    ndarray of int8, shape (256,)

    References
    ----------
    XNNPACK, src/reference/unary-elementwise.cc; LiteRT, kernels/internal/common.h, LUTPopulate.
    """
    x = (_STORED - in_zero).astype(np.float32) * np.float32(in_scale)
    y = np.array([np.float32(function(float(value))) for value in x], np.float32)
    scaled = y * (np.float32(1) / np.float32(out_scale)) + np.float32(out_zero)
    return _as_table(np.rint(scaled).astype(np.int64))


def shifted_table(positive: float, negative: float, in_zero: int, out_zero: int) -> Table:
    """Make the table of QUANTIZE and LEAKY_RELU with factors of 8 fractional bits.

    Parameters
    ----------
    positive, negative : float
        Factors of values above the zero point, and of the others, as float32.
    in_zero, out_zero : int

    Returns
    -------
    ndarray of int8, shape (256,)

    References
    ----------
    XNNPACK, src/qs8-vcvt and src/qs8-vlrelu.
    """
    values = _STORED - in_zero
    above, below = (int(np.rint(np.float32(256) * np.float32(f))) for f in (positive, negative))
    products = values * np.where(values > 0, above, below)
    return _as_table(((products + 128) >> 8) + out_zero)


def requantize_ties_up_table(scale: Scale, in_zero: int, out_zero: int) -> Table:
    """Make the table of another scale and zero point, ties of the second rounding up.

    Parameters
    ----------
    scale : Scale
    in_zero, out_zero : int

    Returns
    -------
    ndarray of int8, shape (256,)

    References
    ----------
    LiteRT, kernels/internal/optimized/optimized_ops.h, Requantize, on x86-64.
    """
    return _as_table(rescale_ties_up(_STORED - in_zero, scale.multiplier, scale.shift) + out_zero)


def real_exp_table(scale: float, beta: float) -> npt.NDArray[np.float32]:
    """Make the table of exp() of differences to a row's maximum, in float32.

    Parameters
    ----------
    scale : float
        Of the values.
    beta : float

    Returns
    -------
    ndarray of float32, shape (256,)
        For the differences 0, -1, ...

    References
    ----------
    LiteRT, kernels/internal/optimized/optimized_ops.h, PopulateSoftmaxLookupTable.
    """
    step = -np.float32(scale) * np.float32(beta)
    return np.array([math.exp(float(step * np.float32(i))) for i in range(256)], np.float32)
