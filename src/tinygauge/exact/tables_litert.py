"""Tables of functions of one value as LiteRT and XNNPACK make them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tinygauge.exact.fixedpoint import nearest_away, rescale_ties_up
from tinygauge.exact.scales import Scale
from tinygauge.exact.tables import STORED, Table, as_table

__all__ = [
    "hyperbolic_tangent",
    "real_exp_table",
    "real_table",
    "requantize_ties_up_table",
    "shifted_table",
    "short_sigmoid",
    "sigmoid",
]

# exp() of it is nearly the largest float32.
_MOST_EXPONENT = 88.0


def sigmoid(x: np.float32) -> np.float32:
    """Compute the logistic function in double.

    Parameters
    ----------
    x : float32

    Returns
    -------
    float32
    """
    return np.float32(1 / (1 + math.exp(-float(x))) if x > -_MOST_EXPONENT else 0.0)


def short_sigmoid(x: np.float32) -> np.float32:
    """Compute the logistic function in float32.

    Parameters
    ----------
    x : float32

    Returns
    -------
    float32
    """
    if x <= -_MOST_EXPONENT:
        return np.float32(0)
    # The C library's expf is correctly rounded nearly always; double and back is too.
    one = np.float32(1)
    return one / (one + np.float32(math.exp(-float(x))))


def hyperbolic_tangent(x: np.float32) -> np.float32:
    """Compute tanh in float32.

    Parameters
    ----------
    x : float32

    Returns
    -------
    float32
    """
    return np.float32(math.tanh(float(x)))


def real_table(
    function: Callable[[np.float32], np.float32], before: tuple[float, int],
    after: tuple[float, int], *, ties_away: bool,
) -> Table:  # fmt: skip
    """Make the table of a function that is computed with real numbers, as LOGISTIC and TANH.

    Parameters
    ----------
    function : callable
    before, after : tuple of float and int
        Scale and zero point of the input and of the output.
    ties_away : bool
        Whether values are rounded before the zero point is added, ties away from zero, as
        LiteRT does; XNNPACK rounds behind it, to even.

    Returns
    -------
    ndarray of int8, shape (256,)

    References
    ----------
    XNNPACK, src/reference/unary-elementwise.cc; LiteRT, kernels/internal/common.h, LUTPopulate.
    """
    x = (STORED - before[1]).astype(np.float32) * np.float32(before[0])
    y = np.array([function(value) for value in x], np.float32)
    scaled = y * (np.float32(1) / np.float32(after[0]))
    if ties_away:
        return as_table(nearest_away(scaled).astype(np.int64) + after[1])
    return as_table(np.rint(scaled + np.float32(after[1])).astype(np.int64))


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
    values = STORED - in_zero
    above, below = (int(np.rint(np.float32(256) * np.float32(f))) for f in (positive, negative))
    products = values * np.where(values > 0, above, below)
    return as_table(((products + 128) >> 8) + out_zero)


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
    return as_table(rescale_ties_up(STORED - in_zero, scale.multiplier, scale.shift) + out_zero)


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
