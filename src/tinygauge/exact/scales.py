"""Scales as integers: what TFLM prepares once, before it runs a model.

A real factor becomes ``multiplier * 2**(shift - 31)``; the kernels multiply with integers only.
Everything here repeats the arithmetic of tflite-micro's preparation, float32 where that is
float32 and double where that is double, because one bit of a multiplier changes outputs.

>>> quantize_multiplier(0.5)
Scale(multiplier=1073741824, shift=0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

__all__ = [
    "LIMITS",
    "Rounding",
    "Scale",
    "activation_range",
    "nearest_power_of_two",
    "quantize_multiplier",
    "round_away",
]

# Lowest and highest stored value by dtype.
LIMITS: dict[str, tuple[int, int]] = {
    "uint8": (0, 255),
    "int8": (-128, 127),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
}
# Beyond it, TFLM shifts out every bit: it takes 0 as the multiplier.
_SMALLEST_SHIFT = -31


class Rounding(StrEnum):
    """How an engine rescales sums; the values are the profiles of the engines' catalogue."""

    TWO = "two-rounding"
    ONE = "one-rounding"
    LITERT = "litert"


@dataclass(frozen=True, slots=True)
class Scale:
    """A real factor as two integers: ``multiplier * 2**(shift - 31)``.

    Parameters
    ----------
    multiplier : int
        In [2**30, 2**31), or 0; negative for a negative factor.
    shift : int
        To the left where positive.
    """

    multiplier: int
    shift: int


def round_away(value: float) -> int:
    """Round to the nearest integer, half away from zero, as C's ``round``.

    Parameters
    ----------
    value : float
        Finite.

    Returns
    -------
    int
    """
    whole = math.floor(abs(value))
    return int(math.copysign(whole + (abs(value) - whole >= 0.5), value))


def quantize_multiplier(factor: float) -> Scale:
    """Turn a real factor into integers.

    Parameters
    ----------
    factor : float
        Finite.

    Returns
    -------
    Scale

    References
    ----------
    tflite-micro, kernels/internal/quantization_util.cc, QuantizeMultiplier.
    """
    if factor == 0:
        return Scale(0, 0)
    fraction, shift = math.frexp(factor)
    multiplier = round_away(fraction * 2**31)
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    if shift < _SMALLEST_SHIFT:
        return Scale(0, 0)
    return Scale(multiplier, shift)


def nearest_power_of_two(value: float) -> tuple[int, bool]:
    """Return the power of two that is nearest to a scale, and whether it is close.

    Parameters
    ----------
    value : float
        Above 0.

    Returns
    -------
    tuple of int and bool

    References
    ----------
    tflite-micro, kernels/internal/quantization_util.cc, CheckedLog2, in float32.
    """
    exact = np.float32(math.log(value)) * (np.float32(1) / np.float32(math.log(2)))
    nearest = round_away(float(exact))
    return nearest, abs(float(exact) - nearest) < 1e-3


def activation_range(name: str, scale: float, zero_point: int, dtype: str) -> tuple[int, int]:
    """Return the stored values between which a fused activation keeps an output.

    Parameters
    ----------
    name : str
        ``"NONE"``, ``"RELU"``, ``"RELU6"`` or ``"RELU_N1_TO_1"``.
    scale, zero_point : float, int
        Of the output.
    dtype : str
        Of the output, a key of `LIMITS`.

    Returns
    -------
    tuple of int
        Lowest and highest.

    Raises
    ------
    ValueError
        If the activation is another one, or a bound does not fit into 32 bits.

    References
    ----------
    tflite-micro, kernels/kernel_util.cc, CalculateActivationRangeQuantized: the division is in
    float32.
    """
    lowest, highest = LIMITS[dtype]
    bounds = {
        "NONE": (None, None),
        "RELU": (0.0, None),
        "RELU6": (0.0, 6.0),
        "RELU_N1_TO_1": (-1.0, 1.0),
    }
    if name not in bounds:
        raise ValueError(f"activation {name}")
    low, high = bounds[name]

    def stored(real: float) -> int:
        quotient = float(np.float32(real) / np.float32(scale))
        if not abs(quotient) < 2**31:
            raise ValueError(f"activation {name} with scale {scale}")
        return round_away(quotient) + zero_point

    return (
        lowest if low is None else max(lowest, stored(low)),
        highest if high is None else min(highest, stored(high)),
    )
