"""Small int8 and int16x8 models, one for each way in which an op becomes C: `OP_MODELS`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.support.recurrent_models import lstm_model, svdf_model
from tests.support.tiny_models import ModelBuilder

__all__ = ["OP_MODELS"]

_IMAGE = (1, 4, 6, 3)


class _Case:
    """A model of one input, its tensors of one type and quantisation unless told otherwise."""

    def __init__(self, shape: Sequence[int] = _IMAGE, dtype: str = "int8") -> None:
        self.builder = ModelBuilder()
        self.random = np.random.default_rng(7)
        self.dtype = dtype
        # Real values of some units in both types; int16 is symmetric.
        self.scale, self.zero = (0.05, -3) if dtype == "int8" else (0.0002, 0)
        self.x = self.tensor(shape)

    def tensor(
        self, shape: Sequence[int], scale: float | None = None, zero_point: int | None = None
    ) -> int:
        scale = self.scale if scale is None else scale
        zero_point = self.zero if zero_point is None else zero_point
        return self.builder.tensor(shape, self.dtype, scale=scale, zero_point=zero_point)

    def constant(
        self, shape: Sequence[int], scale: float | None = None, zero_point: int = 0
    ) -> int:
        most = 128 if self.dtype == "int8" else 2**15
        data = self.random.integers(1 - most, most, shape)
        scale = 0.6 * self.scale if scale is None else scale
        return self.builder.tensor(shape, self.dtype, data=data, scale=scale, zero_point=zero_point)

    def filters(
        self, shape: Sequence[int], scale: Sequence[float], axis: int = 0
    ) -> tuple[int, int]:
        """Add weights with a scale a channel, and their bias."""
        data = self.random.integers(-127, 128, shape)
        weights = self.builder.tensor(shape, "int8", data=data, scale=scale, axis=axis)
        kind, most = ("int32", 900) if self.dtype == "int8" else ("int64", 200_000)
        bias = self.builder.tensor(
            (len(scale),),
            kind,
            data=self.random.integers(-most, most, len(scale)),
            scale=[each * self.scale for each in scale],
        )
        return weights, bias

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


def _conv(dtype: str = "int8") -> bytes:
    case = _Case(dtype=dtype)
    weights, bias = case.filters((4, 3, 2, 3), [0.002, 0.004, 0.003, 0.005])
    y = case.tensor((1, 2, 3, 4), 0.8 * case.scale, -128 if dtype == "int8" else 0)
    case.builder.op(
        "CONV_2D", [case.x, weights, bias], [y], version=3, padding="SAME", stride_h=2, stride_w=2,
        dilation_h_factor=1, dilation_w_factor=1, fused_activation_function="RELU6",
    )  # fmt: skip
    return case.build(y)


def _depthwise(dtype: str = "int8") -> bytes:
    case = _Case(dtype=dtype)
    weights, bias = case.filters((1, 2, 3, 6), [0.004] * 6, axis=3)
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


def _pool(kind: str, dtype: str = "int8") -> bytes:
    return _Case(dtype=dtype).one(
        kind, [], (1, 2, 3, 3), 2, padding="SAME", stride_h=2, stride_w=2, filter_height=3,
        filter_width=3,
    )  # fmt: skip


def _pair(kind: str, other: Sequence[int], version: int = 2, dtype: str = "int8") -> bytes:
    case = _Case(dtype=dtype)
    return case.one(kind, [case.constant(other)], _IMAGE, version)


def _extremum() -> bytes:
    case = _Case()
    return case.one("MAXIMUM", [case.constant((1, 1, 6, 1), 0.05, -3)], _IMAGE, 2)


def _own_square() -> bytes:
    case = _Case()
    return case.one("MUL", [case.x], _IMAGE, 2)


def _curve(kind: str, dtype: str = "int8") -> bytes:
    case = _Case(dtype=dtype)
    y = case.tensor(_IMAGE, *((1 / 256, -128) if dtype == "int8" else (2**-15, 0)))
    case.builder.op(kind, [case.x], [y], version=2)
    return case.build(y)


def _softmax(dtype: str = "int8") -> bytes:
    case = _Case((3, 9), dtype)
    y = case.tensor((3, 9), *((1 / 256, -128) if dtype == "int8" else (2**-15, 0)))
    case.builder.op("SOFTMAX", [case.x], [y], version=2, beta=1.0)
    return case.build(y)


def _mean(axes: Sequence[int], shape: Sequence[int], dtype: str = "int8") -> bytes:
    case = _Case(dtype=dtype)
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


def _narrowed() -> bytes:
    """From int16 to int8 and back, and nothing below zero."""
    case = _Case(dtype="int16")
    narrow = case.builder.tensor(_IMAGE, "int8", scale=0.07, zero_point=11)
    wide = case.tensor(_IMAGE, 0.0003)
    y = case.tensor(_IMAGE, 0.0004)
    case.builder.op("QUANTIZE", [case.x], [narrow], version=2)
    case.builder.op("QUANTIZE", [narrow], [wide], version=2)
    case.builder.op("RELU", [wide], [y], version=2)
    return case.build(y)


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


def _cast() -> bytes:
    """To 32 bits, to reals, to truth values and back."""
    builder = ModelBuilder()
    x = builder.tensor((1, 40), "int16", scale=0.1)
    kinds = ("int32", "float32", "int32", "bool", "int8")
    y = x
    for kind in kinds:
        scale = 0.1 if kind == "int8" else ()
        before, y = y, builder.tensor((1, 40), kind, scale=scale)
        builder.op("CAST", [before], [y])
    return builder.build([x], [y])


def _token_rows() -> bytes:
    """Rows of a table, by real numbers."""
    builder = ModelBuilder()
    x = builder.tensor((1, 5), "int8", scale=0.1, zero_point=-128)
    real, place = builder.tensor((1, 5), "float32"), builder.tensor((1, 5), "int32")
    data = np.arange(-60, 67).repeat(3)[: 26 * 3].reshape(26, 3)
    table = builder.tensor((26, 3), "int8", data=data, scale=0.1)
    y = builder.tensor((1, 5, 3), "int8", scale=0.1)
    builder.op("DEQUANTIZE", [x], [real], version=2)
    builder.op("CAST", [real], [place])
    builder.op("GATHER", [table, place], [y], axis=0)
    return builder.build([x], [y])


def _negated() -> bytes:
    """What converters make of PRELU."""
    case = _Case()
    real, negated = (case.builder.tensor(_IMAGE, "float32") for _ in range(2))
    y = case.tensor(_IMAGE)
    case.builder.op("DEQUANTIZE", [case.x], [real], version=2)
    case.builder.op("NEG", [real], [negated])
    case.builder.op("QUANTIZE", [negated], [y], version=2)
    return case.build(y)


def _resize_bilinear() -> bytes:
    case = _Case((2, 4, 6, 3))
    return case.one(
        "RESIZE_BILINEAR", [case.integers(7, 5)], (2, 7, 5, 3), 3, half_pixel_centers=True
    )


def _two(kind: str, shape: Sequence[int], dtype: str = "int8", other: str = "int8") -> bytes:
    """PRELU and SQUARED_DIFFERENCE with a constant, and an output of another scale."""
    case = _Case(dtype=dtype)
    data = case.random.integers(-100, 101, shape)
    second = case.builder.tensor(shape, other, data=data, scale=0.6 * case.scale)
    y = case.tensor(_IMAGE, 0.8 * case.scale if kind == "PRELU" else 200 * case.scale**2)
    case.builder.op(kind, [case.x, second], [y])
    return case.build(y)


def _products(dtype: str = "int8") -> bytes:
    """Two products with one matrix, and one of these with itself turned."""
    case = _Case((1, 2, 4, 5), dtype)
    other = case.constant((1, 1, 5, 3), 0.6 * case.scale, case.zero)
    first = case.tensor((1, 2, 4, 3), 100 * case.scale**2 if dtype == "int8" else case.scale)
    y = case.tensor((1, 2, 4, 4), 0.5 if dtype == "int8" else 0.001)
    case.builder.op("BATCH_MATMUL", [case.x, other], [first])
    case.builder.op("BATCH_MATMUL", [first, first], [y], adj_y=True)
    return case.build(y)


def _add_many() -> bytes:
    case = _Case()
    other = case.constant(_IMAGE, case.scale, case.zero)
    y = case.tensor(_IMAGE, 0.11, 5)
    case.builder.op("ADD_N", [case.x, other, case.x, other], [y])
    return case.build(y)


def _compare(kind: str, shape: Sequence[int], scale: float = 0.1) -> bytes:
    """Compare with a constant of another scale, half of both 0; the truths become numbers."""
    case = _Case()
    positive, y = case.tensor(_IMAGE), case.tensor(_IMAGE)
    truth = case.builder.tensor(_IMAGE, "bool")
    data = np.maximum(case.random.integers(-128, 128, shape), 1)
    other = case.builder.tensor(shape, "int8", data=data, scale=scale, zero_point=1)
    case.builder.op("RELU", [case.x], [positive], version=2)
    case.builder.op(kind, [positive, other], [truth])
    case.builder.op("CAST", [truth], [y])
    return case.build(y)


def _compare_unscaled() -> bytes:
    """Integers, reals with some that nothing equals, and truth values."""
    case = _Case(dtype="int16")
    add = case.builder.tensor
    wide, real = add(_IMAGE, "int32"), add(_IMAGE, "float32")
    truths = [add(_IMAGE, "bool") for _ in range(3)]
    limit = add((1, 4, 1, 1), "int32", data=[-20_000, 3, 32767, -32768])
    reals = add((3,), "float32", data=[np.nan, 0.5, -np.inf])
    y = case.tensor(_IMAGE)
    case.builder.op("CAST", [case.x], [wide])
    case.builder.op("DEQUANTIZE", [case.x], [real], version=2)
    case.builder.op("LESS_EQUAL", [wide, limit], truths[:1])
    case.builder.op("GREATER", [real, reals], truths[1:2])
    case.builder.op("NOT_EQUAL", truths[:2], truths[2:])
    case.builder.op("CAST", truths[2:], [y])
    return case.build(y)


def _select() -> bytes:
    """The input where it is below a constant, else a value of its channel; then as reals."""
    case = _Case()
    truth = case.builder.tensor(_IMAGE, "bool")
    chosen, y = case.tensor(_IMAGE), case.tensor(_IMAGE)
    real, most = (case.builder.tensor(_IMAGE, "float32") for _ in range(2))
    limit = case.builder.tensor((1,), "float32", data=[0.7])
    case.builder.op("LESS", [case.x, case.constant((1, 1, 6, 1))], [truth])
    case.builder.op("SELECT_V2", [truth, case.x, case.constant((3,))], [chosen])
    case.builder.op("DEQUANTIZE", [chosen], [real], version=2)
    case.builder.op("SELECT_V2", [truth, real, limit], [most])
    case.builder.op("QUANTIZE", [most], [y], version=2)
    return case.build(y)


def _select_by_constant() -> bytes:
    case = _Case(dtype="int16")
    chosen = case.builder.tensor((1, 4, 1, 1), "bool", data=[[[[1]], [[0]], [[0]], [[1]]]])
    y = case.tensor(_IMAGE)
    other = case.constant((1, 4, 1, 3))
    case.builder.op("SELECT_V2", [chosen, case.x, other], [y])
    return case.build(y)


def _normalize() -> bytes:
    """Rows of which some are nothing, or nearly so."""
    case = _Case((3, 200))
    small = np.full((3, 200), case.zero)
    small[1, 7] += 1
    small[2, :2] -= 1
    rows = case.builder.tensor((3, 200), "int8", data=small, scale=case.scale, zero_point=case.zero)
    both, y = case.tensor((6, 200)), case.tensor((6, 200), 1 / 128, 0)
    case.builder.op("CONCATENATION", [case.x, rows], [both], version=2, axis=0)
    case.builder.op("L2_NORMALIZATION", [both], [y], version=2)
    return case.build(y)


def _arg_extremum(kind: str, axis: int, shape: Sequence[int]) -> bytes:
    """A place, cast to a type that can be an output."""
    case = _Case()
    place, y = case.builder.tensor(shape, "int32"), case.builder.tensor(shape, "float32")
    case.builder.op(kind, [case.x, case.integers(axis)], [place], output_type=2)  # int32
    case.builder.op("CAST", [place], [y])
    return case.build(y)


def _leaky_relu() -> bytes:
    case = _Case(dtype="int16")
    y = case.tensor(_IMAGE, 0.7 * case.scale)
    case.builder.op("LEAKY_RELU", [case.x], [y], version=2, alpha=0.3)
    return case.build(y)


def _unsigned_ends() -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((1, 10), "uint8", scale=0.05, zero_point=120)
    a, b = (builder.tensor((1, 10), "int8", scale=0.05, zero_point=zero) for zero in (-8, 3))
    y = builder.tensor((1, 10), "uint8", scale=0.09, zero_point=101)
    builder.op("QUANTIZE", [x], [a], version=2)
    builder.op("ADD", [a, a], [b], version=2)
    builder.op("QUANTIZE", [b], [y], version=2)
    return builder.build([x], [y])


def _shape() -> bytes:
    """A shape, cast to a type that can be an output."""
    case = _Case()
    shape = case.builder.tensor((4,), "int32")
    y = case.builder.tensor((4,), "float32")
    case.builder.op("SHAPE", [case.x], [shape])
    case.builder.op("CAST", [shape], [y])
    return case.build(y)


OP_MODELS: dict[str, Callable[[], bytes]] = {
    "add": lambda: _pair("ADD", _IMAGE),
    "add a channel": lambda: _pair("ADD", (1, 1, 1, 3)),
    "add a column": lambda: _pair("ADD", (1, 4, 1, 1)),
    "add several": _add_many,
    "arg max": lambda: _arg_extremum("ARG_MAX", 2, (1, 4, 3)),
    "arg min": lambda: _arg_extremum("ARG_MIN", -1, (1, 4, 6)),
    "average pool": lambda: _pool("AVERAGE_POOL_2D"),
    "cast": _cast,
    "compare unscaled": _compare_unscaled,
    "concatenate": _concatenate,
    "conv": _conv,
    "depthwise": _depthwise,
    "equal": lambda: _compare("EQUAL", (6, 3)),
    "gather": _gather,
    "greater": lambda: _compare("GREATER", _IMAGE),
    "greater or equal": lambda: _compare("GREATER_EQUAL", (1, 4, 1, 3)),
    "less": lambda: _compare("LESS", (1, 1, 6, 1), 0.05),
    "less or equal": lambda: _compare("LESS_EQUAL", (1, 4, 6, 1), 0.01),
    "lstm": lambda: lstm_model(shape=(2, 7, 6), in_zero=-5, hidden=(0.01, 17), weight_scale=0.04),
    "logistic": lambda: _curve("LOGISTIC"),
    "max pool": lambda: _pool("MAX_POOL_2D"),
    "maximum": _extremum,
    "mean of a channel": lambda: _mean((1, 2), (1, 3)),
    "mean of a row": lambda: _mean((1, 3), (1, 6)),
    "multiply": lambda: _pair("MUL", (1, 1, 6, 1)),
    "negate": _negated,
    "normalize": _normalize,
    "not equal": lambda: _compare("NOT_EQUAL", _IMAGE),
    "pad": _pad,
    "prelu": lambda: _two("PRELU", (1, 1, 3)),
    "products": _products,
    "quantised ends": _quantized_ends,
    "reduce max": _reduce_max,
    "resize": _resize,
    "resize bilinear": _resize_bilinear,
    "rows of a table": _token_rows,
    "select": _select,
    "shape": _shape,
    "softmax": _softmax,
    "split": _split,
    "square": _own_square,
    "squared difference": lambda: _two("SQUARED_DIFFERENCE", (1, 4, 1, 1)),
    "strided slice": _strided_slice,
    "svdf": lambda: svdf_model(shape=(2, 9), rank=2, state_scale=0.002, out=(0.03, 5)),
    "svdf of int8": lambda: svdf_model(
        state="int8", state_scale=0.03, state_zero=9, in_zero=-7, out=(0.004, -3)
    ),
    "subtract": lambda: _pair("SUB", (1, 4, 6, 3)),
    "transpose": _transpose,
    "unsigned ends": _unsigned_ends,
    "transpose conv": _transpose_conv,
    "int16 add": lambda: _pair("ADD", (1, 1, 1, 3), dtype="int16"),
    "int16 average pool": lambda: _pool("AVERAGE_POOL_2D", "int16"),
    "int16 conv": lambda: _conv("int16"),
    "int16 depthwise": lambda: _depthwise("int16"),
    "int16 leaky relu": _leaky_relu,
    "int16 logistic": lambda: _curve("LOGISTIC", "int16"),
    "int16 lstm": lambda: lstm_model(
        shape=(5, 2, 6), dtype="int16", in_scale=1 / 3276, weight_scale=0.04, time_major=True
    ),
    "int16 max pool": lambda: _pool("MAX_POOL_2D", "int16"),
    "int16 mean": lambda: _mean((1, 2), (1, 3), "int16"),
    "int16 multiply": lambda: _pair("MUL", _IMAGE, dtype="int16"),
    "int16 narrowed": _narrowed,
    "int16 prelu": lambda: _two("PRELU", (1, 1, 6, 1), "int16"),
    "int16 products": lambda: _products("int16"),
    "int16 select": _select_by_constant,
    "int16 softmax": lambda: _softmax("int16"),
    "int16 squared difference": lambda: _two("SQUARED_DIFFERENCE", _IMAGE, "int16", "int16"),
    "int16 tanh": lambda: _curve("TANH", "int16"),
}
