"""Fixed-point exponential, logistic and tanh on arrays, bit for bit as gemmlowp's.

The same formulas stand in c/fixedpoint.h; both follow gemmlowp's fixedpoint/fixedpoint.h. Qm
means m integer bits, 31 - m fractional ones and a sign. Arrays are int64 that hold 32-bit
values, so that nothing overflows on the way.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tinygauge.exact.scales import LIMITS, Scale

__all__ = [
    "exp_negative",
    "high_mul",
    "inverse_root",
    "logistic",
    "nearest_away",
    "one_over_one_plus",
    "rescale",
    "rescale_by",
    "rescale_real",
    "rescale_ties_up",
    "rescale_wide",
    "round_shift",
    "stored",
    "tanh",
    "wrap",
]

Longs = npt.NDArray[np.int64]
Shifts = int | npt.NDArray[Any]
Reals = float | npt.NDArray[np.float32]

_MAX = 2**31 - 1
_MIN = -(2**31)
# exp(-2**i) for i = -2 .. 4, Q0.
_EXP_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def wrap(x: Longs) -> Longs:
    """Keep the low 32 bits, with their sign, as 32-bit registers do."""
    return x.astype(np.int32).astype(np.int64)


def stored(x: Longs, dtype: str) -> npt.NDArray[Any]:
    """Store values as an integer type: wrapped to 32 bits first, as sums are, then clipped.

    Parameters
    ----------
    x : ndarray of int64
    dtype : str
        ``"int8"`` or ``"int16"``.

    Returns
    -------
    ndarray
    """
    return np.clip(wrap(x), *LIMITS[dtype]).astype(dtype)


def nearest_away(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Round real numbers to nearest, ties away from zero, in their own type.

    Parameters
    ----------
    x : ndarray of float32 or float64

    Returns
    -------
    ndarray
    """
    return cast("npt.NDArray[Any]", np.copysign(np.floor(np.abs(x) + 0.5), x))


def high_mul(a: Longs, b: int | Longs) -> Longs:
    """Return the high half of 2ab, rounded to nearest, ties up, saturated.

    Parameters
    ----------
    a, b : ndarray of int64
        32-bit values.

    Returns
    -------
    ndarray of int64

    References
    ----------
    gemmlowp, SaturatingRoundingDoublingHighMul: its nudge and truncation amount to a floor.
    """
    return cast("Longs", np.minimum((a * b + (1 << 30)) >> 31, _MAX))


def round_shift(x: Longs, exponent: Shifts) -> Longs:
    """Divide by a power of two, rounding to nearest, ties away from zero.

    Parameters
    ----------
    x : ndarray of int64
    exponent : int or ndarray
        In 0..31.

    Returns
    -------
    ndarray of int64

    References
    ----------
    gemmlowp, RoundingDivideByPOT.
    """
    half = (np.int64(1) << np.asarray(exponent, np.int64)) >> 1
    return (x + half - ((x < 0) & (half > 0))) >> exponent


def rescale(x: Longs, multiplier: Shifts, shift: Shifts) -> Longs:
    """Multiply with a scale, rounding twice.

    Parameters
    ----------
    x : ndarray of int64
        32-bit values.
    multiplier, shift : int or ndarray
        See `Scale`; arrays go along the last axis.

    Returns
    -------
    ndarray of int64

    References
    ----------
    tflite-micro, kernels/internal/common.cc, MultiplyByQuantizedMultiplier.
    """
    left, right = np.maximum(shift, 0), np.maximum(np.negative(shift), 0)
    shifted = wrap(x << left) if np.any(left) else x
    factor = np.asarray(multiplier, np.int64)
    return round_shift(high_mul(shifted, factor), right)


def rescale_ties_up(x: Longs, multiplier: Shifts, shift: Shifts) -> Longs:
    """Multiply with a scale, rounding twice, ties of the second rounding up.

    Parameters
    ----------
    x : ndarray of int64
        32-bit values.
    multiplier, shift : int or ndarray

    Returns
    -------
    ndarray of int64

    References
    ----------
    Found by comparing single ops with LiteRT 2.3.0 on x86-64: docs/design/accuracy.md.
    """
    left, right = np.maximum(shift, 0), np.maximum(np.negative(shift), 0)
    high = high_mul(wrap(x << left), np.asarray(multiplier, np.int64))
    half = (np.int64(1) << np.asarray(right, np.int64)) >> 1
    return cast("Longs", (high + half) >> right)


def rescale_real(x: Longs, factor: Reals, low: int, high: int) -> Longs:
    """Multiply with a real factor in float32, and round to nearest, ties to even.

    Parameters
    ----------
    x : ndarray of int64
        32-bit values.
    factor : float or ndarray of float32
    low, high : int
        Range of the results.

    Returns
    -------
    ndarray of int64

    References
    ----------
    XNNPACK, src/qs8-requantization: the "fp32" variant.
    """
    scaled = wrap(x).astype(np.float32) * np.asarray(factor, np.float32)
    return np.rint(np.clip(scaled, low, high)).astype(np.int64)


def rescale_wide(x: Longs, multiplier: Shifts, shift: Shifts) -> Longs:
    """Multiply 64-bit sums with a scale whose multiplier is cut to 16 bits.

    Parameters
    ----------
    x : ndarray of int64
    multiplier, shift : int or ndarray

    Returns
    -------
    ndarray of int64
        32-bit values.

    References
    ----------
    tflite-micro, kernels/internal/common.cc, the overload for int64_t.
    """
    factor = np.asarray(multiplier, np.int64)
    reduced = np.where(factor < 0x7FFF0000, (factor + (1 << 15)) >> 16, 0x7FFF)
    total = 15 - np.asarray(shift, np.int64)
    return wrap((x * reduced + (np.int64(1) << (total - 1))) >> total)


def _saturating_shift(x: Longs, bits: int) -> Longs:
    limit = (1 << (31 - bits)) - 1
    return np.where(x > limit, _MAX, np.where(x < -limit, _MIN, x << bits))


def _exp_near_zero(a: Longs) -> Longs:
    """exp(a) for a in [-1/4, 0), Q0 to Q0: Taylor's series around -1/8."""
    exp_of_minus_eighth, one_third = 1895147668, 715827883
    x = a + (1 << 28)
    x2 = high_mul(x, x)
    x3 = high_mul(x2, x)
    x4_over_4 = round_shift(high_mul(x2, x2), 2)
    series = round_shift(high_mul(x4_over_4 + x3, one_third) + x2, 1)
    return exp_of_minus_eighth + high_mul(x + series, exp_of_minus_eighth)


def exp_negative(a: Longs, integer_bits: int) -> Longs:
    """Compute exp(a) for a <= 0.

    Parameters
    ----------
    a : ndarray of int64
        In Qm.
    integer_bits : int
        m.

    Returns
    -------
    ndarray of int64
        In Q0.
    """
    quarter_bit = 29 - integer_bits
    quarter = 1 << quarter_bit
    fraction = (a & (quarter - 1)) - quarter
    rest = wrap(fraction - a)
    result = _exp_near_zero(_saturating_shift(fraction, integer_bits))
    for i in range(integer_bits + 2):
        factor = high_mul(result, _EXP_FACTORS[i])
        result = np.where(rest & (1 << (quarter_bit + i)), factor, result)
    return np.where(a == 0, _MAX, result)


def _twice_reciprocal(a: Longs) -> Longs:
    """2 / (1 + a) in Q2 for a in [0, 1], Q0, by Newton's iteration."""
    half_denominator = (a + _MAX + 1) >> 1
    x = 1515870810 + high_mul(half_denominator, -1010580540)  # 48/17 - 32/17 d
    for _ in range(3):
        error = (1 << 29) - high_mul(half_denominator, x)
        x = x + _saturating_shift(high_mul(x, error), 2)
    return x


def one_over_one_plus(a: Longs) -> Longs:
    """Compute 1 / (1 + a) for a in [0, 1], Q0 to Q0.

    Parameters
    ----------
    a : ndarray of int64

    Returns
    -------
    ndarray of int64
    """
    return _saturating_shift(_twice_reciprocal(a), 1)


def logistic(a: Longs) -> Longs:
    """Compute 1 / (1 + exp(-a)), Q4 to Q0.

    Parameters
    ----------
    a : ndarray of int64

    Returns
    -------
    ndarray of int64
    """
    positive = one_over_one_plus(exp_negative(-np.abs(a), 4))
    return np.where(a == 0, 1 << 30, np.where(a > 0, positive, _MAX - positive))


def tanh(a: Longs) -> Longs:
    """Compute tanh, Q4 to Q0.

    Parameters
    ----------
    a : ndarray of int64

    Returns
    -------
    ndarray of int64
    """
    twice = _twice_reciprocal(exp_negative(-np.abs(a), 5))  # 2a in Q5 is a in Q4
    magnitude = _saturating_shift(twice - (1 << 29), 2)
    return np.where(a == 0, 0, np.where(a < 0, -magnitude, magnitude))


def rescale_by(x: Longs, scale: Scale) -> Longs:
    """Multiply with a `Scale`, rounding twice.

    Parameters
    ----------
    x : ndarray of int64
        32-bit values.
    scale : Scale

    Returns
    -------
    ndarray of int64
    """
    return rescale(x, scale.multiplier, scale.shift)


def inverse_root(x: Longs) -> tuple[Longs, Longs]:
    """Compute 1 / sqrt(x) of integers, as multiplier and shift.

    Parameters
    ----------
    x : ndarray of int64
        32-bit values from 0 up; 0 is taken for 1.

    Returns
    -------
    tuple of ndarray of int64
        The shift to the left, as `Scale` has it.

    References
    ----------
    tflite-micro, kernels/internal/quantization_util.cc, GetInvSqrtQuantizedMultiplierExp: five
    steps of Newton's from 1, in Q3.
    """
    value, right = np.asarray(x, np.int64), np.full(np.shape(x), 11, np.int64)
    for _ in range(2):
        is_large = value >= 1 << 29
        value, right = np.where(is_large, value // 4, value), right + is_large
    # Pairs of bits to the left, until it lies within 2**27 .. 2**29.
    bits = np.frexp(np.maximum(value, 1).astype(np.float64))[1].astype(np.int64)
    pairs = (31 - bits) // 2 - 1
    value, right = value << (2 * pairs), right - pairs
    half = round_shift(value >> 1, 1)
    root = np.full(value.shape, 1 << 28, np.int64)
    for _ in range(5):
        cube = _saturating_shift(high_mul(high_mul(root, root), root), 6)
        change = high_mul(root, (1 << 28) + (1 << 27)) - high_mul(half, cube)
        root = _saturating_shift(change, 3)
    multiplier = high_mul(root, 1518500250)
    multiplier = np.where(right < 0, multiplier << np.maximum(-right, 0), multiplier)
    right = np.maximum(right, 0)
    is_one = np.asarray(x) <= 1
    return np.where(is_one, _MAX, multiplier), np.where(is_one, 0, -right)
