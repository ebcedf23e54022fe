"""Functions of one value, and SOFTMAX."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygauge.exact.lowering.scope import PerTensor, Scope
from tinygauge.exact.lowering.xnnpack import takes_ratio, takes_slope
from tinygauge.exact.scales import (
    LIMITS,
    Rounding,
    Scale,
    activation_range,
    nearest_power_of_two,
    quantize_multiplier,
    round_away,
)
from tinygauge.exact.steps import (
    Curve,
    LeakyRelu16,
    Lookup,
    Requantize,
    Softmax8,
    Softmax16,
    Step,
)
from tinygauge.exact.steps_litert import SoftmaxReal
from tinygauge.exact.tables import (
    absolute_table,
    clamp_table,
    elu_table,
    exp_table,
    hard_swish_table,
    inverse_root_table,
    leaky_relu_table,
    logistic_table,
    requantize_table,
    tanh_table,
)
from tinygauge.exact.tables_litert import (
    hyperbolic_tangent,
    real_exp_table,
    real_table,
    shifted_table,
    short_sigmoid,
    sigmoid,
)
from tinygauge.graph import DType, Op

__all__ = [
    "absolute",
    "curve",
    "elu",
    "hard_swish",
    "inverse_root",
    "leaky_relu",
    "relu",
    "relu6",
    "softmax",
]

_LARGEST_SHIFT = 30
_UNIT = Scale(2**30, 1)


def _ends(scope: Scope, op: Op) -> tuple[dict[str, Any], DType, PerTensor, PerTensor]:
    """Return what every such step has: its place, type, and quantisation on both sides."""
    scope.operands(op, 1)
    source, output = scope.input(op), scope.output(op)
    dtype = scope.activations(op, source, output)
    scope.same_shape(op, output, source.shape)
    place = {"op": op.index, "inputs": (source.index,), "outputs": (output.index,)}
    return place, dtype, scope.quantization(op, source), scope.quantization(op, output)


def _option(scope: Scope, op: Op, name: str) -> float:
    """Return an attribute that must be a finite real number."""
    value = op.options.get(name, 0.0)
    if not isinstance(value, float) or not math.isfinite(value):
        raise scope.refuse(op, f"{name} {value}")
    return value


def relu(scope: Scope, op: Op) -> Step:
    """Lower RELU: another scale, nothing below zero."""
    place, dtype, before, after = _ends(scope, op)
    scale = scope.scale(op, before.scale / after.scale)
    lowest, high = LIMITS[dtype.value]
    low = max(lowest, after.zero)
    if dtype is DType.INT8:
        return Lookup(**place, table=requantize_table(scale, before.zero, after.zero, low, high))
    return Requantize(
        **place, scale=scale, in_zero=before.zero, out_zero=after.zero, low=low, high=high,
        dtype=dtype.value,
    )  # fmt: skip


def relu6(scope: Scope, op: Op) -> Step:
    """Lower RELU6: TFLM clamps stored values and ignores the output's scale."""
    place, dtype, before, after = _ends(scope, op)
    if scope.arithmetic(dtype) is not Rounding.TWO:
        scope.require(op, dtype is DType.INT8, f"values of type {dtype}")
        return _relu6_of_litert(scope, op, place, before, after)
    _, highest = LIMITS[dtype.value]
    six = round_away(float(np.float32(6) / np.float32(before.scale))) + before.zero
    high = min(six, highest)
    if dtype is DType.INT8:
        return Lookup(**place, table=clamp_table(before.zero, high))
    return Requantize(
        **place, scale=_UNIT, in_zero=0, out_zero=0, low=before.zero, high=high,
        dtype=dtype.value,
    )  # fmt: skip


def _relu6_of_litert(
    scope: Scope, op: Op, place: dict[str, Any], before: PerTensor, after: PerTensor
) -> Lookup:
    """Lower RELU6 of int8 to another scale and zero point, as LiteRT does for XNNPACK too."""
    scale = scope.scale(op, before.scale / after.scale)
    low, high = activation_range("RELU6", after.scale, after.zero, "int8")
    return Lookup(**place, table=requantize_table(scale, before.zero, after.zero, low, high))


def leaky_relu(scope: Scope, op: Op) -> Step:
    """Lower LEAKY_RELU; LiteRT computes the factors in float32.

    References
    ----------
    tflite-micro, kernels/leaky_relu_common.cc. That it has them in double was found by asking
    tflite-micro 0.dev20261023 for int16 values near ties.
    """
    place, dtype, before, after = _ends(scope, op)
    alpha = _option(scope, op, "alpha")
    source, result = np.float32(before.scale), np.float32(after.scale)
    ratio = source / result
    slope = ratio * np.float32(alpha)
    taken = takes_ratio(ratio) and takes_slope(slope)
    if scope.arithmetic(dtype, taken=taken) is Rounding.ONE:
        table = shifted_table(float(ratio), float(slope), before.zero, after.zero)
        return Lookup(**place, table=table)
    if scope.rounding is Rounding.TWO:
        factors = (before.scale * float(np.float32(alpha)), before.scale)
        negative, identity = (scope.scale(op, factor / after.scale) for factor in factors)
    else:
        negative = scope.scale(op, float(source * np.float32(alpha) / result))
        identity = scope.scale(op, float(ratio))
    if dtype is DType.INT8:
        table = leaky_relu_table(identity, negative, before.zero, after.zero)
        return Lookup(**place, table=table)
    return LeakyRelu16(
        **place, in_zero=before.zero, out_zero=after.zero, identity=identity, alpha=negative
    )


def hard_swish(scope: Scope, op: Op) -> Lookup:
    """Lower HARD_SWISH of int8."""
    place, dtype, before, after = _ends(scope, op)
    scope.require(op, dtype is DType.INT8, f"values of type {dtype}")
    try:
        table = hard_swish_table(before.scale, before.zero, after.scale, after.zero)
    except ValueError as error:
        raise scope.refuse(op, str(error)) from error
    return Lookup(**place, table=table)


def curve(scope: Scope, op: Op) -> Step:
    """Lower LOGISTIC and TANH."""
    place, dtype, before, after = _ends(scope, op)
    is_tanh = op.kind == "TANH"
    if dtype is DType.INT8 and scope.arithmetic(dtype) is not Rounding.TWO:
        return _curve_of_litert(scope, op, place, before, after)
    if dtype is DType.INT8:
        scope.require(op, 2**-27 <= before.scale < 2**3, f"a scale of {before.scale:.3g}")
        if is_tanh:
            return Lookup(**place, table=tanh_table(before.scale, before.zero))
        scope.require(op, after.zero == -128, f"zero point {after.zero} behind it")
        return Lookup(**place, table=logistic_table(before.scale, before.zero))
    power, is_power = nearest_power_of_two(after.scale)
    scope.require(op, is_power and power == -15, f"a scale of {after.scale:.3g} behind it")
    power, is_power = nearest_power_of_two(before.scale)
    shift = 12 + power
    if is_power and shift in ((0, 1) if is_tanh else (0,)):
        return Curve(**place, is_tanh=is_tanh, multiplier=0, shift=shift)
    factor, shift = before.scale * 4096.0 * 3.0, 0
    while factor <= 32767.0 / 2.0 and shift <= 30:
        factor, shift = factor * 2.0, shift + 1
    scope.require(op, factor < 32768 and shift <= 30, f"a scale of {before.scale:.3g}")
    return Curve(**place, is_tanh=is_tanh, multiplier=int(factor), shift=shift)


def _int8_ends(scope: Scope, op: Op) -> tuple[dict[str, Any], PerTensor, PerTensor]:
    place, dtype, before, after = _ends(scope, op)
    scope.require(op, dtype is DType.INT8, f"values of type {dtype}")
    return place, before, after


def absolute(scope: Scope, op: Op) -> Lookup:
    """Lower ABS of int8."""
    place, before, after = _int8_ends(scope, op)
    scale = None if before.scale == after.scale else scope.scale(op, before.scale / after.scale)
    return Lookup(**place, table=absolute_table(scale, before.zero, after.zero))


def elu(scope: Scope, op: Op) -> Lookup:
    """Lower ELU of int8."""
    place, before, after = _int8_ends(scope, op)
    return Lookup(**place, table=elu_table(before.scale, before.zero, after.scale, after.zero))


def inverse_root(scope: Scope, op: Op) -> Lookup:
    """Lower RSQRT of int8 without negative values: TFLM stops at one."""
    place, before, after = _int8_ends(scope, op)
    scope.require(op, before.zero == -128, f"zero point {before.zero} in front of it")
    scale = scope.scale(op, 1.0 / (math.sqrt(before.scale) * after.scale))
    good = -11 <= scale.shift <= _LARGEST_SHIFT
    scope.require(op, good, f"scales of {before.scale:.3g} and {after.scale:.3g}")
    return Lookup(**place, table=inverse_root_table(scale, after.zero))


def _curve_of_litert(
    scope: Scope, op: Op, place: dict[str, Any], before: PerTensor, after: PerTensor
) -> Lookup:
    """Lower LOGISTIC and TANH of int8 to tables made with real numbers."""
    is_litert = scope.rounding is Rounding.LITERT
    if op.kind == "TANH":
        function, scale, zero = hyperbolic_tangent, 1 / 128, 0
    else:
        function, scale, zero = short_sigmoid if is_litert else sigmoid, 1 / 256, -128
    scope.require(op, (after.scale, after.zero) == (scale, zero), "other quantisation behind it")
    ends = (before.scale, before.zero), (after.scale, after.zero)
    return Lookup(**place, table=real_table(function, *ends, ties_away=is_litert))


def softmax(scope: Scope, op: Op) -> Step:
    """Lower SOFTMAX along the last axis.

    References
    ----------
    tflite-micro, kernels/softmax_common.cc, CalculateSoftmaxParams.
    """
    place, dtype, before, after = _ends(scope, op)
    beta = _option(scope, op, "beta")
    scope.require(op, beta > 0, f"beta {beta}")
    rounding = scope.arithmetic(dtype, taken=False)
    factor = before.scale * beta
    if dtype is DType.INT16:
        close = abs(after.scale * 32768 - 1) <= 0.001
        scope.require(op, close, f"a scale of {after.scale:.3g} behind it")
        if rounding is not Rounding.TWO:
            factor = float(np.float32(factor))
        scale = scope.scale(op, factor / (10.0 / 65535.0))
        return Softmax16(**place, rounding=rounding, scale=scale)
    fits = after.zero == -128 and after.scale == 1 / 256
    scope.require(op, fits, "other quantisation behind it than 1/256 and -128")
    if rounding is not Rounding.TWO:
        return SoftmaxReal(**place, exp_table=real_exp_table(before.scale, beta))
    factor = min(beta * before.scale * 2**26, 2.0**31 - 1)
    scope.require(op, factor > 1, f"a scale of {before.scale:.3g}")
    scale = quantize_multiplier(factor)
    scope.require(op, 0 <= scale.shift <= 31, f"a scale of {before.scale:.3g}")
    diff_min = -math.floor(31.0 * 2**26 / 2**scale.shift)
    return Softmax8(**place, scale=scale, diff_min=diff_min, exp_table=exp_table(scale, diff_min))
