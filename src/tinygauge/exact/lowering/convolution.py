"""CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV, FULLY_CONNECTED and pooling."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.exact.lowering.scope import MAX_DEPTH, PerTensor, Scope, Shape
from tinygauge.exact.lowering.xnnpack import takes_transpose
from tinygauge.exact.scales import Rounding, Scale
from tinygauge.exact.steps import Convolve, Pool, Window
from tinygauge.exact.steps_litert import DenseWide
from tinygauge.graph import DType, Op, Tensor

__all__ = ["conv_2d", "depthwise_conv_2d", "fully_connected", "pool_2d", "transpose_conv"]

_STRIDES = ("stride_h", "stride_w")
_DILATIONS = ("dilation_h_factor", "dilation_w_factor")
# TFLM refuses dense ops whose bias is this far from the scale of the sum (kernel_util.cc).
_BIAS_TOLERANCE = 0.02
# Channels that LiteRT's kernels of DEPTHWISE_CONV_2D and TRANSPOSE_CONV take at a time.
_CHANNELS_TOGETHER = 8
# In TFLite's schema.
_INT64 = 4


def _padding(
    scope: Scope, op: Op, *, sizes: Shape, filters: Shape, strides: Shape, dilations: Shape
) -> tuple[Shape, Shape]:
    """Return an image's height and width behind a filter, and the padding before it.

    References
    ----------
    tflite-micro, kernels/padding.h, ComputePaddingHeightWidth.
    """
    mode = op.options.get("padding")
    scope.require(op, mode in ("SAME", "VALID"), f"padding {mode}")
    outs, pads = [], []
    for size, filter_size, stride, dilation in zip(sizes, filters, strides, dilations, strict=True):
        reach = (filter_size - 1) * dilation + 1
        out = -(-size // stride) if mode == "SAME" else (size + stride - reach) // stride
        scope.require(op, out > 0, f"a filter of {reach} on an image of {size}")
        outs.append(out)
        pads.append(max(0, (out - 1) * stride + reach - size) // 2)
    return tuple(outs), tuple(pads)


def _weights(scope: Scope, op: Op, tensor: Tensor) -> npt.NDArray[np.int8]:
    weights: npt.NDArray[np.int8] = scope.constant(op, tensor, DType.INT8, DType.INT4)
    found = tensor.quantization
    symmetric = found is not None and not any(found.zero_point)
    scope.require(op, symmetric, "asymmetric weights")
    return weights


def _bias(
    scope: Scope, op: Op, tensor: Tensor | None, channels: int, dtype: DType
) -> npt.NDArray[Any] | None:
    """Return the bias: int32 with int8 activations, int64 with int16 ones."""
    if tensor is None:
        return None
    wanted = DType.INT32 if dtype is DType.INT8 else DType.INT64
    bias = scope.constant(op, tensor, wanted).reshape(-1)
    scope.require(op, bias.size == channels, f"{bias.size} biases for {channels} channels")
    return bias


def _channel_scales(
    scope: Scope,
    op: Op,
    image: Tensor,
    weights: Tensor,
    output: Tensor,
    *,
    channels: int,
    axis: int,
) -> list[Scale]:
    """Return one scale an output channel.

    References
    ----------
    tflite-micro, kernels/kernel_util.cc, PopulateConvolutionQuantizationParams.
    """
    found = weights.quantization
    if found is None or len(found.scale) not in (1, channels):
        raise scope.refuse(op, "weights without a scale a channel")
    if found.per_channel:
        scope.require(op, found.axis == axis, f"scales along axis {found.axis}")
    source = scope.quantization(op, image).scale
    result = scope.quantization(op, output).scale
    wide = image.dtype is DType.INT16
    scales = [scope.scale(op, source * scale / result, wide=wide) for scale in found.scale]
    return scales if found.per_channel else scales * channels


def _factors(
    scope: Scope, op: Op, *, image: Tensor, weights: Tensor, output: Tensor, channels: int
) -> npt.NDArray[np.float32]:
    """Return the factors of the sums in float32, each step rounded, as XNNPACK has them."""
    found = weights.quantization
    own = np.array(found.scale if found is not None else (), np.float32)
    source = np.float32(scope.quantization(op, image).scale)
    factors = source * own / np.float32(scope.quantization(op, output).scale)
    return np.broadcast_to(factors, (channels,)).copy()


def _convolve(
    scope: Scope, op: Op, kind: str, window: dict[str, int], *, image: Tensor, weights: Tensor,
    bias: Tensor | None, output: Tensor, scales: list[Scale], low: int, high: int,
    taken: bool = True,
) -> Convolve:  # fmt: skip
    """Put the parts of a convolution together; `taken` says whether XNNPACK would."""
    depth = window["filter_h"] * window["filter_w"] * window["filter_c"]
    scope.require(op, depth <= MAX_DEPTH, f"sums of {depth:,} products")
    dtype = scope.activations(op, image, output)
    # Sums of int16 are rescaled alike by all; dense ops have a kernel of their own below.
    rounding = scope.arithmetic(dtype, taken=taken) if dtype is DType.INT8 else Rounding.TWO
    filters = (window["filter_h"], window["filter_w"])
    shape: Shape = (*filters, window["out_c"])
    if kind != "depthwise":
        shape = (window["out_c"], *filters, window["filter_c"])
    return Convolve(
        op=op.index,
        inputs=(image.index,),
        outputs=(output.index,),
        rounding=rounding,
        kind=kind,
        window=Window(
            **window,
            in_zero=scope.quantization(op, image).zero,
            out_zero=scope.quantization(op, output).zero,
            low=low,
            high=high,
        ),
        weights=_weights(scope, op, weights).reshape(shape),
        bias=_bias(scope, op, bias, window["out_c"], dtype),
        multipliers=np.array([scale.multiplier for scale in scales], np.int32),
        shifts=np.array([scale.shift for scale in scales], np.int32),
        factors=_factors(
            scope, op, image=image, weights=weights, output=output, channels=window["out_c"]
        ),
        ties_up=_ties_up(rounding, kind, window["out_c"]),
    )


def _ties_up(rounding: Rounding, kind: str, channels: int) -> int:
    """Return how many channels round ties up: LiteRT's kernels but for CONV_2D leave a rest."""
    if rounding is not Rounding.LITERT:
        return 0
    return channels if kind == "conv" else channels // _CHANNELS_TOGETHER * _CHANNELS_TOGETHER


def _moved(
    scope: Scope, op: Op, *, source: Shape, filters: Shape, channels: int, strides: Shape,
    dilations: Shape = (1, 1),
) -> dict[str, int]:  # fmt: skip
    """Return the fields of a window that moves over an image."""
    (out_h, out_w), (pad_h, pad_w) = _padding(
        scope, op, sizes=source[1:3], filters=filters[:2], strides=strides, dilations=dilations
    )
    return {
        "in_h": source[1], "in_w": source[2], "in_c": source[3],
        "out_h": out_h, "out_w": out_w, "out_c": channels,
        "filter_h": filters[0], "filter_w": filters[1], "filter_c": filters[2],
        "stride_h": strides[0], "stride_w": strides[1],
        "dilation_h": dilations[0], "dilation_w": dilations[1],
        "pad_h": pad_h, "pad_w": pad_w,
    }  # fmt: skip


def _slide(
    scope: Scope, op: Op, kind: str, *, filters: Shape, channels: int, axis: int
) -> Convolve:
    """Lower what CONV_2D and DEPTHWISE_CONV_2D share: filters that move over an image."""
    image, weights, output = scope.input(op), scope.input(op, 1), scope.output(op)
    source = scope.image(op, image)
    strides, dilations = scope.positive(op, *_STRIDES), scope.positive(op, *_DILATIONS)
    window = _moved(
        scope, op, source=source, filters=filters, channels=channels, strides=strides,
        dilations=dilations,
    )  # fmt: skip
    scope.same_shape(op, output, (source[0], window["out_h"], window["out_w"], channels))
    scales = _channel_scales(
        scope, op, image=image, weights=weights, output=output, channels=channels, axis=axis
    )
    low, high = scope.clamp(op, output)
    return _convolve(
        scope, op, kind, window, image=image, weights=weights, bias=scope.optional(op, 2),
        output=output, scales=scales, low=low, high=high,
    )  # fmt: skip


def conv_2d(scope: Scope, op: Op) -> Convolve:
    """Lower CONV_2D, grouped ones included."""
    scope.operands(op, 2, 3)
    source = scope.image(op, scope.input(op))
    filters = scope.image(op, scope.input(op, 1))
    channels, depth = filters[0], filters[3]
    groups, rest = divmod(source[3], depth)
    scope.require(op, rest == 0 and groups > 0 and channels % groups == 0, "groups do not fit")
    return _slide(scope, op, "conv", filters=filters[1:], channels=channels, axis=0)


def depthwise_conv_2d(scope: Scope, op: Op) -> Convolve:
    """Lower DEPTHWISE_CONV_2D."""
    scope.operands(op, 2, 3)
    source = scope.image(op, scope.input(op))
    filters = scope.image(op, scope.input(op, 1))
    channels = filters[3]
    (multiplier,) = scope.positive(op, "depth_multiplier")
    fits = filters[0] == 1 and channels == source[3] * multiplier
    scope.require(op, fits, f"filters {filters} on {source[3]} channels")
    moved = (*filters[1:3], 1)
    return _slide(scope, op, "depthwise", filters=moved, channels=channels, axis=3)


def transpose_conv(scope: Scope, op: Op) -> Convolve:
    """Lower TRANSPOSE_CONV; its padding is that of the convolution it transposes."""
    scope.operands(op, 3, 4)
    weights, image, output = scope.input(op, 1), scope.input(op, 2), scope.output(op)
    source, filters = scope.image(op, image), scope.image(op, weights)
    target = scope.image(op, output)
    channels = filters[0]
    scope.require(op, filters[3] == source[3], f"filters {filters} on {source[3]} channels")
    scope.require(op, target[0] == source[0] and target[3] == channels, f"gives {target}")
    strides = scope.positive(op, *_STRIDES)
    window = _moved(
        scope, op, source=target, filters=filters[1:], channels=channels, strides=strides
    )
    scope.require(
        op, (window["out_h"], window["out_w"]) == source[1:3], f"{source} does not give {target}"
    )
    window |= {
        "in_h": source[1], "in_w": source[2], "in_c": source[3],
        "out_h": target[1], "out_w": target[2],
    }  # fmt: skip
    scales = _channel_scales(
        scope, op, image=image, weights=weights, output=output, channels=channels, axis=0
    )
    low, high = scope.clamp(op, output)
    return _convolve(
        scope, op, "transpose", window, image=image, weights=weights, bias=scope.optional(op, 3),
        output=output, scales=scales, low=low, high=high,
        taken=takes_transpose(filters[1:3], strides, str(op.options.get("padding"))),
    )  # fmt: skip


def _dense_scale(
    scope: Scope, op: Op, *, image: PerTensor, weights: PerTensor, out: PerTensor,
    bias: Tensor | None,
) -> float:  # fmt: skip
    """Return the factor of a dense op quantised as a whole, in double.

    References
    ----------
    tflite-micro, kernels/kernel_util.cc, GetQuantizedConvolutionMultipler; LiteRT's multiplies
    the first two in float32.
    """
    if bias is not None:
        stated = bias.quantization.scale[0] if bias.quantization is not None else 0.0
        gap = abs(image.scale * weights.scale - stated)
        scope.require(op, gap / out.scale <= _BIAS_TOLERANCE, f"a bias of scale {stated:.3g}")
    if scope.rounding is Rounding.TWO:
        return image.scale * weights.scale / out.scale
    return float(np.float32(image.scale) * np.float32(weights.scale)) / out.scale


def fully_connected(scope: Scope, op: Op) -> Convolve:
    """Lower FULLY_CONNECTED, as a 1 x 1 convolution over a column of rows."""
    scope.operands(op, 2, 3)
    image, weights, output = scope.input(op), scope.input(op, 1), scope.output(op)
    bias = scope.optional(op, 2)
    filters = scope.shape(op, weights)
    scope.require(op, len(filters) == 2, f"weights of shape {filters}")
    plain = op.options.get("weights_format", "DEFAULT") == "DEFAULT"
    scope.require(op, plain, "shuffled weights")
    channels, depth = filters
    rows, rest = divmod(math.prod(image.shape), depth)
    fits = rest == 0 and output.shape[-1:] == (channels,)
    scope.require(op, fits and math.prod(output.shape) == rows * channels, f"gives {output.shape}")
    found = weights.quantization
    if found is not None and found.per_channel:
        two = image.dtype is DType.INT16 or len(output.shape) == 2
        scope.require(op, two, "scales a channel with such an output")
        scales = _channel_scales(
            scope, op, image=image, weights=weights, output=output, channels=channels, axis=0
        )
    else:
        factor = _dense_scale(
            scope, op, image=scope.quantization(op, image), bias=bias,
            weights=scope.quantization(op, weights), out=scope.quantization(op, output),
        )  # fmt: skip
        scales = [scope.scale(op, factor, wide=image.dtype is DType.INT16)] * channels
    low, high = scope.clamp(op, output)
    window = {
        "in_h": rows, "in_w": 1, "in_c": depth, "out_h": rows, "out_w": 1, "out_c": channels,
        "filter_h": 1, "filter_w": 1, "filter_c": depth,
    }  # fmt: skip
    step = _convolve(
        scope, op, "conv", window, image=image, weights=weights, bias=bias, output=output,
        scales=scales, low=low, high=high,
    )  # fmt: skip
    if scope.rounding is Rounding.TWO or image.dtype is not DType.INT16:
        return step
    return _dense_wide(scope, op, step, image=image, weights=weights, output=output)


def _dense_wide(
    scope: Scope, op: Op, step: Convolve, *, image: Tensor, weights: Tensor, output: Tensor
) -> DenseWide:
    """Lower FULLY_CONNECTED of int16 as LiteRT's kernels: another one where there is a bias."""
    found = weights.quantization
    own = np.array(found.scale if found is not None else (), np.float64)
    factors = scope.quantization(op, image).scale * own / scope.quantization(op, output).scale
    real = np.broadcast_to(factors, (step.window.out_c,))
    fields = {field.name: getattr(step, field.name) for field in dataclasses.fields(step)}
    # Sums of 64 bits are asked for by their bias, or by the op itself.
    is_wide = step.bias is not None or op.option_int("quantized_bias_type") == _INT64
    return DenseWide(**fields, real=real.copy() if is_wide else None)


def pool_2d(scope: Scope, op: Op) -> Pool:
    """Lower AVERAGE_POOL_2D and MAX_POOL_2D."""
    scope.operands(op, 1)
    image, output = scope.input(op), scope.output(op)
    source = scope.image(op, image)
    scope.activations(op, image, output)
    before, after = scope.quantization(op, image), scope.quantization(op, output)
    alike = abs(before.scale - after.scale) <= 1e-6 and before.zero == after.zero
    scope.require(op, alike, "other quantisation behind it")
    filters = scope.positive(op, "filter_height", "filter_width")
    strides = scope.positive(op, *_STRIDES)
    window = _moved(
        scope, op, source=source, filters=(*filters, 1), channels=source[3], strides=strides
    )
    scope.same_shape(op, output, (source[0], window["out_h"], window["out_w"], source[3]))
    low, high = scope.clamp(op, output)
    return Pool(
        op=op.index,
        inputs=(image.index,),
        outputs=(output.index,),
        window=Window(**window, low=low, high=high),
        is_max=op.kind == "MAX_POOL_2D",
    )
