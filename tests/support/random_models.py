"""Small random quantised models, for comparing evaluators: a seed gives a model.

Shapes, strides, paddings, scales, zero points and fused activations are drawn; one model in
three has scales that saturate its outputs or leave them nearly constant.

>>> random_model(1).main.ops[0].kind in KINDS
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tests.support.tiny_models import ModelBuilder
from tinygauge import graph
from tinygauge.graph import Model

__all__ = ["KINDS", "Draw", "Drawn", "add_op", "random_model", "reshaped"]

_ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")


@dataclass(frozen=True)
class Drawn:
    """A tensor of a model that is being drawn."""

    index: int
    shape: tuple[int, ...]
    scale: float
    zero: int
    dtype: str


class Draw:
    """Draws a model, op by op."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.builder = ModelBuilder()
        self.extreme = seed % 3 == 0
        self.dtype = "int16" if seed % 5 == 4 else "int8"

    def integer(self, low: int, high: int) -> int:
        """Draw from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def one_of(self, *choices: Any) -> Any:
        """Draw one of some values."""
        return choices[self.integer(0, len(choices) - 1)]

    def scale(self, around: float) -> float:
        """Draw a scale: near a value, or far from it in extreme models."""
        spread = 6.0 if self.extreme else 0.7
        drawn = around * np.exp(self.rng.normal(scale=spread))
        return float(np.float32(np.clip(drawn, 1e-30, 1e30)))

    def zero(self) -> int:
        """Draw a zero point; int16 has none."""
        return 0 if self.dtype == "int16" else self.one_of(-128, 0, 127, self.integer(-128, 127))

    def tensor(self, shape: tuple[int, ...], scale: float, zero: int) -> Drawn:
        """Add a computed tensor."""
        index = self.builder.tensor(shape, self.dtype, scale=scale, zero_point=zero)
        return Drawn(index, shape, scale, zero, self.dtype)

    def weights(self, shape: tuple[int, ...], channels: int, axis: int) -> tuple[int, Any]:
        """Add weights with one scale, or with one a channel, and return them with the scales."""
        count = self.one_of(1, channels)
        scales = [self.scale(0.01) for _ in range(count)]
        limit = self.one_of(127, 127, 3)
        data = self.rng.integers(-limit, limit + 1, shape)
        index = self.builder.tensor(shape, "int8", data=data, scale=scales, axis=axis)
        return index, np.array(scales)

    def bias(self, channels: int, scales: Any, *, always: bool = False) -> int:
        """Add a bias, or none."""
        if self.integer(0, 3) == 0 and not always:
            return -1
        reach = 2 ** self.integer(4, 14)
        dtype = "int64" if self.dtype == "int16" else "int32"
        data = self.rng.integers(-reach, reach, channels)
        return self.builder.tensor((channels,), dtype, data=data, scale=[float(s) for s in scales])

    def activation(self) -> str:
        """Draw a fused activation."""
        return str(self.one_of(*_ACTIVATIONS))


def _same(size: int, stride: int) -> int:
    return -(-size // stride)


def _out(size: int, reach: int, stride: int, padding: str) -> int:
    return _same(size, stride) if padding == "SAME" else (size - reach) // stride + 1


def _moved(d: Draw, x: Drawn) -> tuple[tuple[int, int], tuple[int, int], dict[str, Any]]:
    """Draw a filter, and return its size, the output's size and the options."""
    filters = tuple(d.integer(1, min(5, size)) for size in x.shape[1:3])
    strides = tuple(d.integer(1, 3) for _ in filters)
    padding = d.one_of("SAME", "VALID")
    dilated = [
        2 if stride == 1 and 2 * (extent - 1) < size and d.integer(0, 3) == 0 else 1
        for extent, stride, size in zip(filters, strides, x.shape[1:3], strict=True)
    ]
    reach = [(extent - 1) * step + 1 for extent, step in zip(filters, dilated, strict=True)]
    outs = tuple(
        _out(size, r, stride, padding)
        for size, r, stride in zip(x.shape[1:3], reach, strides, strict=True)
    )
    options = {
        "padding": padding,
        "stride_h": strides[0],
        "stride_w": strides[1],
        "dilation_h_factor": dilated[0],
        "dilation_w_factor": dilated[1],
    }
    return (filters[0], filters[1]), (outs[0], outs[1]), options


def _sum_scale(d: Draw, x: Drawn, scales: Any, depth: int) -> float:
    """Draw an output scale that fits the sums of `depth` products."""
    spread = 100 if x.dtype == "int8" else 20000
    wanted = x.scale * float(np.mean(scales)) * spread * 70 * depth**0.5 / spread
    return d.scale(wanted)


def _conv(d: Draw, x: Drawn) -> Drawn:
    (height, width), outs, options = _moved(d, x)
    channels = d.integer(1, 40)
    weights, scales = d.weights((channels, height, width, x.shape[3]), channels, 0)
    bias = d.bias(channels, scales * x.scale)
    scale = _sum_scale(d, x, scales, height * width * x.shape[3])
    y = d.tensor((1, *outs, channels), scale, d.zero())
    options["fused_activation_function"] = d.activation()
    d.builder.op("CONV_2D", [x.index, weights, bias], [y.index], version=3, **options)
    return y


def _depthwise(d: Draw, x: Drawn) -> Drawn:
    (height, width), outs, options = _moved(d, x)
    multiplier = d.one_of(1, 1, 1, 2, 3)
    channels = x.shape[3] * multiplier
    weights, scales = d.weights((1, height, width, channels), channels, 3)
    # tflite-micro crashes at some depthwise ops of several outputs a channel without bias.
    bias = d.bias(channels, scales * x.scale, always=multiplier > 1)
    y = d.tensor((1, *outs, channels), _sum_scale(d, x, scales, height * width), d.zero())
    options |= {"fused_activation_function": d.activation(), "depth_multiplier": multiplier}
    d.builder.op("DEPTHWISE_CONV_2D", [x.index, weights, bias], [y.index], version=3, **options)
    return y


def _transpose_conv(d: Draw, x: Drawn) -> Drawn:
    height, width, stride = d.integer(1, 4), d.integer(1, 4), d.integer(1, 2)
    channels = d.integer(1, 8)
    padding = d.one_of("SAME", "VALID")
    sizes = x.shape[1:3]
    outs = tuple(
        size * stride if padding == "SAME" else (size - 1) * stride + reach
        for size, reach in zip(sizes, (height, width), strict=True)
    )
    weights, scales = d.weights((channels, height, width, x.shape[3]), channels, 0)
    bias = d.bias(channels, scales * x.scale)
    shape = d.builder.tensor((4,), "int32", data=[1, *outs, channels])
    scale = _sum_scale(d, x, scales, height * width * x.shape[3])
    y = d.tensor((1, *outs, channels), scale, d.zero())
    inputs = [shape, weights, x.index] + ([bias] if bias >= 0 else [])
    d.builder.op(
        "TRANSPOSE_CONV", inputs, [y.index], version=3, padding=padding, stride_h=stride,
        stride_w=stride,
    )  # fmt: skip
    return y


def _dense(d: Draw, x: Drawn) -> Drawn:
    depth, channels = prod(x.shape), d.integer(1, 50)
    flat = reshaped(d, x, (1, depth))
    scale = d.scale(0.01)
    data = d.rng.integers(-127, 128, (channels, depth))
    weights = d.builder.tensor((channels, depth), "int8", data=data, scale=scale)
    bias = d.bias(channels, [flat.scale * scale])
    y = d.tensor((1, channels), _sum_scale(d, x, [scale], depth), d.zero())
    d.builder.op(
        "FULLY_CONNECTED", [flat.index, weights, bias], [y.index], version=4,
        fused_activation_function=d.activation(),
    )  # fmt: skip
    return y


def add_op(
    d: Draw,
    kind: str,
    x: Drawn,
    shape: tuple[int, ...],
    *,
    constants: Sequence[Any] = (),
    numbers: tuple[float, int] | None = None,
    **options: Any,
) -> Drawn:
    """Add an op of one operand, with integers behind it; it keeps the scale unless told."""
    y = d.tensor(shape, *(numbers or (x.scale, x.zero)))
    others = [d.builder.tensor(np.shape(each), "int32", data=each) for each in constants]
    d.builder.op(kind, [x.index, *others], [y.index], **options)
    return y


def reshaped(d: Draw, x: Drawn, shape: tuple[int, ...]) -> Drawn:
    """Add a RESHAPE."""
    new = d.builder.tensor((len(shape),), "int32", data=shape)
    y = d.tensor(shape, x.scale, x.zero)
    d.builder.op("RESHAPE", [x.index, new], [y.index])
    return y


def _pool(d: Draw, x: Drawn) -> Drawn:
    (height, width), _, options = _moved(d, x)
    sizes = x.shape[1:3]
    outs = tuple(
        _out(size, reach, options[stride], options["padding"])
        for size, reach, stride in zip(
            sizes, (height, width), ("stride_h", "stride_w"), strict=True
        )
    )
    y = d.tensor((1, *outs, x.shape[3]), x.scale, x.zero)
    d.builder.op(
        d.one_of("AVERAGE_POOL_2D", "MAX_POOL_2D"), [x.index], [y.index], version=2,
        padding=options["padding"], stride_h=options["stride_h"], stride_w=options["stride_w"],
        filter_height=height, filter_width=width, fused_activation_function=d.activation(),
    )  # fmt: skip
    return y


def _pair(kind: str) -> Callable[[Draw, Drawn], Drawn]:
    def add(d: Draw, x: Drawn) -> Drawn:
        scale, zero = d.scale(x.scale), d.zero()
        limits = np.iinfo(x.dtype)
        shape = d.one_of(x.shape, (1,) * (len(x.shape) - 1) + x.shape[-1:])
        data = d.rng.integers(limits.min, limits.max + 1, shape)
        other = d.builder.tensor(shape, x.dtype, data=data, scale=scale, zero_point=zero)
        around = x.scale * scale * 100 if kind == "MUL" else 2 * max(x.scale, scale)
        y = d.tensor(x.shape, d.scale(around), d.zero())
        operands = [x.index, other] if d.integer(0, 1) else [other, x.index]
        options = {"fused_activation_function": d.activation()}
        d.builder.op(kind, operands, [y.index], version=2, **options)
        return y

    return add


def _pad(d: Draw, x: Drawn) -> Drawn:
    widths = [(0, 0), *((d.integer(0, 2), d.integer(0, 2)) for _ in x.shape[1:])]
    shape = tuple(size + sum(pair) for size, pair in zip(x.shape, widths, strict=True))
    around = d.builder.tensor((len(widths), 2), "int32", data=widths)
    y = d.tensor(shape, x.scale, x.zero)
    d.builder.op("PAD", [x.index, around], [y.index], version=2)
    return y


def _mean(d: Draw, x: Drawn) -> Drawn:
    axes = d.builder.tensor((2,), "int32", data=[1, 2])
    y = d.tensor((1, 1, 1, x.shape[3]), d.scale(x.scale), d.zero())
    d.builder.op(d.one_of("MEAN", "MEAN", "SUM"), [x.index, axes], [y.index], version=2,
                 keep_dims=True)  # fmt: skip
    return y


def _curve(kind: str) -> Callable[[Draw, Drawn], Drawn]:
    def add(d: Draw, x: Drawn) -> Drawn:
        if d.dtype == "int16":
            y = d.tensor(x.shape, 1 / 32768, 0)
        else:
            y = d.tensor(
                x.shape, 1 / 128 if kind == "TANH" else 1 / 256, 0 if kind == "TANH" else -128
            )
        options = {"beta": 1.0} if kind == "SOFTMAX" else {}
        d.builder.op(kind, [x.index], [y.index], version=2, **options)
        return y

    return add


def _slice(d: Draw, x: Drawn) -> Drawn:
    begins = [0, *(d.integer(0, size - 1) for size in x.shape[1:])]
    ends = [
        1,
        *(d.integer(begin + 1, size) for begin, size in zip(begins[1:], x.shape[1:], strict=True)),
    ]
    steps = [1, *(d.integer(1, 2) for _ in x.shape[1:])]
    parts = zip(begins, ends, steps, strict=True)
    y = d.tensor(tuple(len(range(*part)) for part in parts), x.scale, x.zero)
    constants = [d.builder.tensor((len(v),), "int32", data=v) for v in (begins, ends, steps)]
    d.builder.op("STRIDED_SLICE", [x.index, *constants], [y.index], version=2)
    return y


def _concatenation(d: Draw, x: Drawn) -> Drawn:
    y = d.tensor((*x.shape[:3], 2 * x.shape[3]), x.scale, x.zero)
    d.builder.op("CONCATENATION", [x.index, x.index], [y.index], axis=3)
    return y


def _transpose(d: Draw, x: Drawn) -> Drawn:
    order = (0, 2, 1, 3)
    index = d.builder.tensor((4,), "int32", data=order)
    y = d.tensor(tuple(x.shape[axis] for axis in order), x.scale, x.zero)
    d.builder.op("TRANSPOSE", [x.index, index], [y.index], version=2)
    return y


def _leaky(d: Draw, x: Drawn) -> Drawn:
    y = d.tensor(x.shape, d.scale(x.scale), d.zero())
    d.builder.op("LEAKY_RELU", [x.index], [y.index], version=2, alpha=0.1)
    return y


def _quantize(d: Draw, x: Drawn) -> Drawn:
    y = d.tensor(x.shape, d.scale(x.scale), d.zero())
    d.builder.op("QUANTIZE", [x.index], [y.index], version=2)
    return y


_OPS: dict[str, Callable[[Draw, Drawn], Drawn]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transpose_conv,
    "FULLY_CONNECTED": _dense,
    "POOL": _pool,
    "ADD": _pair("ADD"),
    "SUB": _pair("SUB"),
    "MUL": _pair("MUL"),
    "PAD": _pad,
    "MEAN": _mean,
    "LOGISTIC": _curve("LOGISTIC"),
    "TANH": _curve("TANH"),
    "SOFTMAX": _curve("SOFTMAX"),
    "STRIDED_SLICE": _slice,
    "CONCATENATION": _concatenation,
    "TRANSPOSE": _transpose,
    "LEAKY_RELU": _leaky,
    "QUANTIZE": _quantize,
}
KINDS = (*_OPS, "AVERAGE_POOL_2D", "MAX_POOL_2D", "SUM", "RESHAPE")
"""Ops that random models have."""

_ENDS = ("FULLY_CONNECTED", "SOFTMAX", "MEAN")


def random_model(seed: int) -> Model:
    """Draw a model.

    Every kind of op comes first in some seed; up to two more follow it, and at times a dense op
    or SOFTMAX ends the model.

    Parameters
    ----------
    seed : int

    Returns
    -------
    Model
        With one input of four dimensions.
    """
    draw = Draw(seed)
    kinds = list(_OPS)
    shape = (1, draw.integer(3, 12), draw.integer(3, 12), draw.one_of(1, 2, 3, 8, 16, 24, 33, 64))
    first = draw.tensor(shape, draw.scale(0.05), draw.zero())
    y = _OPS[kinds[seed % len(kinds)]](draw, first)
    for _ in range(draw.integer(0, 2)):
        if len(y.shape) == 4:
            y = _OPS[draw.one_of(*(kind for kind in kinds if kind not in _ENDS))](draw, y)
    if len(y.shape) == 4 and draw.integer(0, 2) == 0:
        y = _OPS[draw.one_of("FULLY_CONNECTED", "SOFTMAX")](draw, y)
    content = draw.builder.build([first.index], [y.index])
    return graph.parse(content, name=f"random_{seed}")
