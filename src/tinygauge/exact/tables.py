"""Tables of functions of one value: every int8 activation is a look-up of 256 results.

The arithmetic is that of the kernels of tflite-micro named in each function; the table takes
the place of repeating it for every value.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tinygauge.exact.fixedpoint import (
    exp_negative,
    high_mul,
    inverse_root,
    logistic,
    nearest_away,
    rescale,
    rescale_by,
    round_shift,
    tanh,
    wrap,
)
from tinygauge.exact.scales import Rounding, Scale, quantize_multiplier, round_away

__all__ = [
    "absolute_table",
    "clamp_table",
    "curve16",
    "curve16_table",
    "elu_table",
    "exp_table",
    "hard_swish_table",
    "interpolated",
    "inverse_root_table",
    "leaky_relu_table",
    "logistic_table",
    "requantize_table",
    "softmax16_tables",
    "tanh_table",
]

Table = npt.NDArray[np.int8]
STORED = np.arange(-128, 128, dtype=np.int64)
"""Every int8, in the order of a table."""


def as_table(values: npt.NDArray[np.int64], low: int = -128, high: int = 127) -> Table:
    """Clip what `STORED` values become.

    Parameters
    ----------
    values : ndarray of int64, shape (256,)
    low, high : int

    Returns
    -------
    ndarray of int8, shape (256,)
    """
    return np.clip(values, low, high).astype(np.int8)


def requantize_table(scale: Scale, in_zero: int, out_zero: int, low: int, high: int) -> Table:
    """Make the table of another scale and zero point; RELU is one with `low` at zero.

    Parameters
    ----------
    scale : Scale
        Of input to output.
    in_zero, out_zero : int
    low, high : int
        Range of the results.

    Returns
    -------
    ndarray of int8, shape (256,)

    References
    ----------
    tflite-micro, kernels/internal/reference/requantize.h; kernels/activations.h for RELU.
    """
    return as_table(wrap(rescale_by(STORED - in_zero, scale) + out_zero), low, high)


def clamp_table(low: int, high: int) -> Table:
    """Make the table of RELU6, which keeps the scale: values are only clamped.

    Parameters
    ----------
    low, high : int

    Returns
    -------
    ndarray of int8, shape (256,)
    """
    return as_table(STORED, low, high)


def _input_radius(integer_bits: int, left_shift: int) -> int:
    """Return how far from zero values can be before the function is flat.

    References
    ----------
    tflite-micro, kernels/internal/quantization_util.cc, CalculateInputRadius with 31 bits.
    """
    return math.floor(((1 << integer_bits) - 1) * 2.0 ** (31 - integer_bits - left_shift))


def _q4(scale: float) -> Scale:
    """Return the scale that brings stored values to Q4; without QuantizeMultiplier's care."""
    fraction, shift = math.frexp(scale * 2**27)
    return Scale(round_away(fraction * 2**31), shift)


def logistic_table(scale: float, zero: int) -> Table:
    """Make the table of LOGISTIC.

    Parameters
    ----------
    scale, zero : float, int
        Of the input; the output's are 1/256 and -128.

    Returns
    -------
    ndarray of int8, shape (256,)

    References
    ----------
    tflite-micro, kernels/logistic_common.cc, reference/integer_ops/logistic.h.
    """
    factor = _q4(scale)
    values = STORED - zero
    radius = _input_radius(4, factor.shift)
    curve = round_shift(logistic(rescale_by(values, factor)), 23) - 128
    return as_table(np.where(values <= -radius, -128, np.where(values >= radius, 127, curve)))


def tanh_table(scale: float, zero: int) -> Table:
    """Make the table of TANH.

    Parameters
    ----------
    scale, zero : float, int
        Of the input; the output's are 1/128 and 0.

    Returns
    -------
    ndarray of int8, shape (256,)

    References
    ----------
    tflite-micro, kernels/tanh.cc, reference/integer_ops/tanh.h.
    """
    factor = _q4(scale)
    values = STORED - zero
    radius = _input_radius(4, factor.shift)
    curve = round_shift(tanh(rescale_by(values, factor)), 24)
    return as_table(np.where(values <= -radius, -128, np.where(values >= radius, 127, curve)))


def leaky_relu_table(identity: Scale, alpha: Scale, in_zero: int, out_zero: int) -> Table:
    """Make the table of LEAKY_RELU.

    Parameters
    ----------
    identity, alpha : Scale
        Of values from 0 up, and of negative ones.
    in_zero, out_zero : int

    Returns
    -------
    ndarray of int8, shape (256,)

    References
    ----------
    tflite-micro, reference/leaky_relu.h, QuantizeLeakyRelu.
    """
    values = STORED - in_zero
    scaled = np.where(values >= 0, rescale_by(values, identity), rescale_by(values, alpha))
    return as_table(wrap(scaled + out_zero))


def absolute_table(scale: Scale | None, in_zero: int, out_zero: int) -> Table:
    """Make the table of ABS.

    Parameters
    ----------
    scale : Scale or None
        Of input to output; None where they are one.
    in_zero, out_zero : int

    Returns
    -------
    ndarray of int8, shape (256,)

    References
    ----------
    tflite-micro, kernels/elementwise.cc, AbsEvalQuantized.
    """
    values = np.abs(STORED - in_zero)
    return as_table((values if scale is None else rescale_by(values, scale)) + out_zero)


def elu_table(in_scale: float, in_zero: int, out_scale: float, out_zero: int) -> Table:
    """Make the table of ELU.

    Parameters
    ----------
    in_scale : float
        As float32.
    in_zero : int
    out_scale : float
        As float32.
    out_zero : int

    Returns
    -------
    ndarray of int8, shape (256,)

    References
    ----------
    tflite-micro, kernels/elu.cc, PopulateLookupTable, in float32.
    """
    one = np.float32(1)
    inverse = one / np.float32(out_scale)
    real = np.float32(in_scale) * (STORED - in_zero).astype(np.float32)
    exps = np.array([math.exp(min(0.0, float(x))) for x in real]).astype(np.float32)
    rescaled = np.where(real < 0, exps - one, real) * inverse
    rounded = nearest_away(rescaled.astype(np.float64))
    stored = (rounded.astype(np.float32) + np.float32(out_zero)).astype(np.float64)
    return as_table(np.clip(stored, -(2.0**31), 2.0**31 - 1).astype(np.int64))


def inverse_root_table(scale: Scale, out_zero: int) -> Table:
    """Make the table of RSQRT of values whose zero point is -128.

    Parameters
    ----------
    scale : Scale
        1 / (sqrt of the input's scale, times the output's).
    out_zero : int

    Returns
    -------
    ndarray of int8, shape (256,)

    References
    ----------
    tflite-micro, kernels/elementwise.cc, RsqrtEvalQuantized.
    """
    values = STORED + 128
    multiplier, shift = inverse_root(values)
    roots = rescale(np.ones_like(values), multiplier, shift + 20)
    scaled = rescale(roots, scale.multiplier, scale.shift - 20)
    return as_table(np.where(values == 0, 127, wrap(scaled + out_zero)))


def _short_high_mul(a: npt.NDArray[np.int64], b: int) -> npt.NDArray[np.int64]:
    """Return the 16-bit form of `high_mul`."""
    return cast("npt.NDArray[np.int64]", np.minimum((a * b + (1 << 14)) >> 15, 32767))


def _short(scale: Scale) -> int:
    """Cut a multiplier to 16 bits (quantization_util.h, DownScaleInt32ToInt16Multiplier)."""
    most = 2**31 - 1 - 2**15
    return 32767 if scale.multiplier >= most else (scale.multiplier + 2**15) >> 16


def hard_swish_table(in_scale: float, in_zero: int, out_scale: float, out_zero: int) -> Table:
    """Make the table of HARD_SWISH.

    Parameters
    ----------
    in_scale : float
        As float32.
    in_zero : int
    out_scale : float
        As float32.
    out_zero : int

    Returns
    -------
    ndarray of int8, shape (256,)

    Raises
    ------
    ValueError
        If the output's scale is too fine for TFLM's kernel.

    References
    ----------
    tflite-micro, kernels/hard_swish_common.cc, reference/hard_swish.h.
    """
    fine = np.float32(1 / 128) * np.float32(in_scale)
    output = quantize_multiplier(float(fine / np.float32(out_scale)))
    reluish = quantize_multiplier(float(fine / (np.float32(3) / np.float32(32768))))
    if output.shift > 0 or output.shift < -15 or not -15 <= reluish.shift <= 15:
        raise ValueError("scales that TFLM's kernel can't shift by")
    values = (STORED - in_zero) << 7
    on_output = _short_high_mul(values, _short(output))
    gate = values
    if reluish.shift > 0:
        gate = np.clip(gate << (reluish.shift - 1), -32768, 32767)
    gate = _short_high_mul(gate, _short(reluish))
    if reluish.shift > 0:
        gate = np.clip(gate << 1, -32768, 32767)
    if reluish.shift < 0:
        gate = round_shift(gate, -reluish.shift)
    product = ((gate + (1 << 15)) >> 1) * on_output
    truncated = np.sign(product) * (np.abs(product) >> 15)
    return as_table(round_shift(truncated, -output.shift) + out_zero)


def exp_table(scale: Scale, diff_min: int) -> npt.NDArray[np.int32]:
    """Make the table of exp() for SOFTMAX of int8.

    Parameters
    ----------
    scale : Scale
        Of a difference to the row's maximum, to Q5.
    diff_min : int
        Smaller differences give 0.

    Returns
    -------
    ndarray of int32, shape (256,)
        Values of exp(-i) in Q0 for differences 0, -1 and so on.

    References
    ----------
    tflite-micro, reference/softmax.h, the int8 form.
    """
    differences = -np.arange(256, dtype=np.int64)
    scaled = high_mul(wrap(differences << scale.shift), scale.multiplier)
    exps = exp_negative(scaled, 5)
    return np.where(differences >= diff_min, exps, 0).astype(np.int32)


def interpolated(
    low: float, high: float, name: str, real: type[np.floating[Any]] = np.float32
) -> npt.NDArray[np.int16]:
    """Make a table of 513 values with the error of interpolation halved.

    Parameters
    ----------
    low, high : float
        Where the function is taken; its values lie in [-1, 1).
    name : str
        ``"exp"`` or ``"reciprocal"`` (of 1 + x).
    real : type
        In what it is computed.

    Returns
    -------
    ndarray of int16, shape (513,)

    References
    ----------
    tflite-micro, kernels/internal/common.h, gen_lut and LUTPopulateInt16, in float32.
    """
    one = real(1)

    def function(x: np.floating[Any]) -> np.floating[Any]:
        if name == "exp":
            # The C library's expf is correctly rounded nearly always; double and back is too.
            return real(math.exp(float(x)))
        return one / (one + x)

    def rounded(x: np.floating[Any]) -> np.floating[Any]:
        return real(round_away(float(x)))

    step = (real(high) - real(low)) / real(512)
    half = step / real(2)
    scaling = real(65536) / real(2)
    table = np.empty(513, np.int16)
    for i in range(512):
        start = real(low) + real(i) * step
        value = function(start) * scaling
        middle = function(start + half) * scaling
        following = function(real(low) + real(i + 1) * step) * scaling
        between = rounded((following + rounded(value)) / real(2))
        bias = rounded((between - rounded(middle)) / real(2))
        table[i] = min(max(float(rounded(value) - bias), -32768.0), 32767.0)
    table[512] = min(float(rounded(function(real(high)) * scaling)), 32767.0)
    return table


@cache
def softmax16_tables(
    rounding: Rounding = Rounding.TWO,
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Make the tables of SOFTMAX of int16: exp on [-10, 0] and 1 / (1 + x) on [0, 1].

    Parameters
    ----------
    rounding : Rounding
        tflite-micro makes the second in float32, LiteRT in double.

    Returns
    -------
    tuple of ndarray of int16, each of shape (513,)

    References
    ----------
    tflite-micro, kernels/softmax_common.cc, SoftmaxPrepare; LiteRT, kernels/activations.cc.
    """
    real = np.float32 if rounding is Rounding.TWO else np.float64
    return interpolated(-10.0, 0.0, "exp"), interpolated(0.0, 1.0, "reciprocal", real)


# Where TFLM's table is one above the rounded value: found by asking tflite-micro for tanh at the
# inputs that read one entry each.
_CURVE16_ABOVE = (
    4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40, 41,
    43, 44, 45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255,
)  # fmt: skip


@cache
def curve16_table() -> npt.NDArray[np.uint16]:
    """Make the table of the logistic function for int16: 65536 / (1 + exp(-i / 24)), nearly.

    Returns
    -------
    ndarray of uint16, shape (256,)

    References
    ----------
    tflite-micro, kernels/internal/common.cc, sigmoid_table_uint16.
    """
    values = np.array([round_away(65536 / (1 + math.exp(-i / 24))) for i in range(256)])
    values[list(_CURVE16_ABOVE)] += 1
    table: npt.NDArray[np.uint16] = np.minimum(values, 65535).astype(np.uint16)
    return table


def curve16(
    x: npt.NDArray[np.int16] | npt.NDArray[np.int64], *, is_tanh: bool, multiplier: int, shift: int
) -> npt.NDArray[np.int16]:
    """Compute the logistic function or tanh of int16, between the entries of `curve16_table`.

    Parameters
    ----------
    x : ndarray of int16 or int64
        16-bit values.
    is_tanh : bool
    multiplier, shift : int
        As `tinygauge.exact.steps.Curve` has them.

    Returns
    -------
    ndarray of int16
        In Q0.15.

    References
    ----------
    tflite-micro, reference/integer_ops/logistic.h and tanh.h.
    """
    factor, right = (multiplier, shift) if multiplier else (3 << shift, 0)
    half = 1 << (right - 1) if right else 0
    scaled = (x.astype(np.int64) * factor + half) >> right
    table = curve16_table().astype(np.int64)
    fraction_bits = 8 if is_tanh else 9
    size = np.abs(scaled)
    index = np.minimum(size >> fraction_bits, 255)
    slope = table[np.minimum(index + 1, 255)] - table[index]
    result = (table[index] << fraction_bits) + (size & ((1 << fraction_bits) - 1)) * slope
    if is_tanh:
        centred = np.where(index >= 255, 0xFFFF << 8, result) - (1 << 23)
        return (np.where(scaled >= 0, centred + 128, 127 - centred) >> 8).astype(np.int16)
    result = np.where(index >= 255, 0x7FFF << 10, result)
    result = np.where(scaled >= 0, result + (1 << 9), (1 << 25) - result + (1 << 9) - 1)
    return (result >> 10).astype(np.int16)
