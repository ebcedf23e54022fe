"""Small int8 models, one for each way in which an op becomes C: `OP_MODELS`, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.support.tiny_models import ModelBuilder

__all__ = ["OP_MODELS"]

_IMAGE = (1, 4, 6, 3)


class _Case:
    """A model of one input, with int8 tensors of one quantisation unless told otherwise."""

    def __init__(self, shape: Sequence[int] = _IMAGE) -> None:
        self.builder = ModelBuilder()
        self.random = np.random.default_rng(7)
        self.x = self.tensor(shape)

    def tensor(self, shape: Sequence[int], scale: float = 0.05, zero_point: int = -3) -> int:
        return self.builder.tensor(shape, "int8", scale=scale, zero_point=zero_point)

    def constant(self, shape: Sequence[int], scale: float = 0.03, zero_point: int = 0) -> int:
        data = self.random.integers(-127, 128, shape)
        return self.builder.tensor(shape, "int8", data=data, scale=scale, zero_point=zero_point)

    def integers(self, *values: int) -> int:
        return self.builder.tensor((len(values),), "int32", data=values)

    def build(self, y: int) -> bytes:
        return self.builder.build([self.x], [y])

    def one(
        self, kind: str, others: Sequence[int], shape: Sequence[int], version: int = 1,
        **options: int | float | bool | str | Sequence[int],
    ) -> bytes:  # fmt: skip
        """Finish with one op on the input and other tensors."""
        y = self.tensor(shape)
        self.builder.op(kind, [self.x, *others], [y], version=version, **options)
        return self.build(y)


def _conv() -> bytes:
    case = _Case()
    add = case.builder.tensor
    scale = [0.002, 0.004, 0.003, 0.005]
    weights = add(
        (4, 3, 2, 3), "int8", data=case.random.integers(-127, 128, (4, 3, 2, 3)), scale=scale
    )
    bias = add(
        (4,),
        "int32",
        data=case.random.integers(-900, 900, 4),
        scale=[each * 0.05 for each in scale],
    )
    y = case.tensor((1, 2, 3, 4), 0.04, -128)
    case.builder.op(
        "CONV_2D", [case.x, weights, bias], [y], version=3, padding="SAME", stride_h=2, stride_w=2,
        dilation_h_factor=1, dilation_w_factor=1, fused_activation_function="RELU6",
    )  # fmt: skip
    return case.build(y)


def _depthwise() -> bytes:
    case = _Case()
    scale = [0.004] * 6
    weights = case.builder.tensor(
        (1, 2, 3, 6),
        "int8",
        data=case.random.integers(-127, 128, (1, 2, 3, 6)),
        scale=scale,
        axis=3,
    )
    bias = case.builder.tensor(
        (6,), "int32", data=case.random.integers(-900, 900, 6), scale=[0.0002] * 6
    )
    return case.one(
        "DEPTHWISE_CONV_2D", [weights, bias], (1, 4, 6, 6), 3, padding="SAME", stride_h=1,
        stride_w=1, depth_multiplier=2, dilation_h_factor=1, dilation_w_factor=1,
    )  # fmt: skip


def _transpose_conv() -> bytes:
    case = _Case()
    shape = case.integers(1, 8, 12, 2)
    weights = case.builder.tensor(
        (2, 3, 3, 3),
        "int8",
        data=case.random.integers(-127, 128, (2, 3, 3, 3)),
        scale=[0.004, 0.003],
    )
    y = case.tensor((1, 8, 12, 2))
    case.builder.op(
        "TRANSPOSE_CONV", [shape, weights, case.x], [y], version=3, padding="SAME", stride_h=2,
        stride_w=2,
    )  # fmt: skip
    return case.build(y)


def _pool(kind: str) -> bytes:
    return _Case().one(
        kind, [], (1, 2, 3, 3), 2, padding="SAME", stride_h=2, stride_w=2, filter_height=3,
        filter_width=3,
    )  # fmt: skip


def _pair(kind: str, other: Sequence[int], version: int = 2) -> bytes:
    case = _Case()
    return case.one(kind, [case.constant(other)], _IMAGE, version)


def _extremum() -> bytes:
    case = _Case()
    return case.one("MAXIMUM", [case.constant((1, 1, 6, 1), 0.05, -3)], _IMAGE, 2)


def _own_square() -> bytes:
    case = _Case()
    return case.one("MUL", [case.x], _IMAGE, 2)


def _curve(kind: str) -> bytes:
    case = _Case()
    y = case.tensor(_IMAGE, 1 / 256, -128)
    case.builder.op(kind, [case.x], [y], version=2)
    return case.build(y)


def _softmax() -> bytes:
    case = _Case((3, 9))
    y = case.tensor((3, 9), 1 / 256, -128)
    case.builder.op("SOFTMAX", [case.x], [y], version=2, beta=1.0)
    return case.build(y)


def _mean(axes: Sequence[int], shape: Sequence[int]) -> bytes:
    case = _Case()
    return case.one("MEAN", [case.integers(*axes)], shape, 2, keep_dims=False)


def _transpose() -> bytes:
    case = _Case()
    return case.one("TRANSPOSE", [case.integers(0, 3, 1, 2)], (1, 3, 4, 6), 2)


def _pad() -> bytes:
    case = _Case()
    widths = case.builder.tensor((4, 2), "int32", data=[[0, 0], [1, 2], [0, 1], [2, 0]])
    return case.one("PAD", [widths], (1, 7, 7, 5), 2)


def _concatenate() -> bytes:
    case = _Case()
    return case.one(
        "CONCATENATION", [case.constant((1, 4, 2, 3), 0.05, -3), case.x], (1, 4, 14, 3), 2, axis=2
    )


def _strided_slice() -> bytes:
    case = _Case()
    places = [case.integers(0, 3, 0, 0), case.integers(1, 0, 6, 3), case.integers(1, -1, 2, 1)]
    return case.one("STRIDED_SLICE", places, (1, 3, 3, 3), 2)


def _split() -> bytes:
    """Two halves, the second less the first."""
    case = _Case()
    halves = [case.tensor((1, 4, 3, 3)), case.tensor((1, 4, 3, 3))]
    axis = case.builder.tensor((), "int32", data=2)
    case.builder.op("SPLIT", [axis, case.x], halves, version=2, num_splits=2)
    y = case.tensor((1, 4, 3, 3), 0.07, 5)
    case.builder.op("SUB", [halves[1], halves[0]], [y], version=2)
    return case.build(y)


def _gather() -> bytes:
    case = _Case()
    return case.one("GATHER", [case.integers(5, 0, 0, 3)], (1, 4, 4, 3), 2, axis=2)


def _resize() -> bytes:
    case = _Case()
    return case.one("RESIZE_NEAREST_NEIGHBOR", [case.integers(8, 9)], (1, 8, 9, 3), 2)


def _reduce_max() -> bytes:
    case = _Case()
    return case.one("REDUCE_MAX", [case.integers(1)], (1, 6, 3), 2, keep_dims=False)


def _quantized_ends() -> bytes:
    """Real numbers in and out, a reshape in between, and the input needed again at the end."""
    builder = ModelBuilder()
    x = builder.tensor((1, 10), "float32")
    inner = builder.tensor((1, 10), "int8", scale=0.05, zero_point=-3)
    flat = builder.tensor((10, 1), "int8", scale=0.05, zero_point=-3)
    doubled = builder.tensor((10, 1), "int8", scale=0.1, zero_point=2)
    y = builder.tensor((10, 1), "float32")
    shape = builder.tensor((2,), "int32", data=[10, 1])
    builder.op("QUANTIZE", [x], [inner], version=1)
    builder.op("RESHAPE", [inner, shape], [flat], new_shape=[10, 1])
    builder.op("ADD", [flat, flat], [doubled], version=2)
    builder.op("DEQUANTIZE", [doubled], [y], version=2)
    return builder.build([x], [y])


OP_MODELS: dict[str, Callable[[], bytes]] = {
    "add": lambda: _pair("ADD", _IMAGE),
    "add a channel": lambda: _pair("ADD", (1, 1, 1, 3)),
    "add a column": lambda: _pair("ADD", (1, 4, 1, 1)),
    "average pool": lambda: _pool("AVERAGE_POOL_2D"),
    "concatenate": _concatenate,
    "conv": _conv,
    "depthwise": _depthwise,
    "gather": _gather,
    "logistic": lambda: _curve("LOGISTIC"),
    "max pool": lambda: _pool("MAX_POOL_2D"),
    "maximum": _extremum,
    "mean of a channel": lambda: _mean((1, 2), (1, 3)),
    "mean of a row": lambda: _mean((1, 3), (1, 6)),
    "multiply": lambda: _pair("MUL", (1, 1, 6, 1)),
    "pad": _pad,
    "quantised ends": _quantized_ends,
    "reduce max": _reduce_max,
    "resize": _resize,
    "softmax": _softmax,
    "split": _split,
    "square": _own_square,
    "strided slice": _strided_slice,
    "subtract": lambda: _pair("SUB", (1, 4, 6, 3)),
    "transpose": _transpose,
    "transpose conv": _transpose_conv,
}
