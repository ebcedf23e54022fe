"""What XNNPACK and LiteRT's own kernels compute otherwise than tflite-micro, op by op.

Scales and values are drawn so that sums lie on ties or next to them, where the roundings part;
shapes so that kernels which work in whole registers leave a rest.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import pytest
from tests.support.micro import adversarial_inputs, run_litert
from tests.support.tiny_models import ModelBuilder

from tinygauge import graph
from tinygauge.exact import Rounding, compile_model, find_unsupported
from tinygauge.exact.steps import Array
from tinygauge.graph import Model

ENGINES = (Rounding.ONE, Rounding.LITERT)

pytestmark = [
    pytest.mark.skipif(
        platform.machine() not in ("x86_64", "AMD64"), reason="LiteRT rounds otherwise elsewhere"
    ),
    pytest.mark.parametrize("rounding", ENGINES),
]


def assert_agrees(model: Model, rounding: Rounding, inputs: list[Array]) -> None:
    """Compare with the kernels of LiteRT that stand for a profile."""
    (found,) = compile_model(model, rounding, threads=1).run(inputs)
    (expected,) = run_litert(rounding)(model, inputs)
    np.testing.assert_array_equal(found, expected.reshape(found.shape))


def unary(
    kind: str, count: int, before: tuple[float, int], after: tuple[float, int],
    types: tuple[str, str] = ("int8", "int8"), **options: Any,
) -> Model:  # fmt: skip
    """Make a model of one op on a row of values."""
    builder = ModelBuilder()
    ends = [
        builder.tensor((1, 1, 1, count), dtype)
        if dtype == "float32"
        else builder.tensor((1, 1, 1, count), dtype, scale=numbers[0], zero_point=numbers[1])
        for dtype, numbers in zip(types, (before, after), strict=True)
    ]
    version = 1 if kind == "HARD_SWISH" else 2
    builder.op(kind, ends[:1], ends[1:], version=version, **options)
    return graph.parse(builder.build(ends[:1], ends[1:]), name=kind)


def drawn(rng: np.random.Generator, around: float = 0.05) -> tuple[float, int]:
    """Draw scale and zero point."""
    return float(np.float32(around * np.exp(rng.normal()))), int(rng.integers(-128, 128))


CURVES = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}


@pytest.mark.parametrize(
    "kind", ["QUANTIZE", "LEAKY_RELU", "RELU", "RELU6", "HARD_SWISH", "LOGISTIC", "TANH"]
)
def test_functions_of_one_value_agree(kind: str, rounding: Rounding) -> None:
    """All 256 values, and rows whose rest behind whole registers is rounded otherwise."""
    rng = np.random.default_rng(1)
    for case in range(60):
        before = drawn(rng)
        ratio = 2.0 ** rng.integers(-2, 3) if case % 2 else np.exp(rng.normal(scale=3))
        after = (float(np.float32(before[0] / ratio)), int(rng.integers(-128, 128)))
        count = int(rng.choice([7, 16, 37, 256]))
        alpha = float(rng.choice([0.1, 0.5, -0.3]))
        options: dict[str, Any] = {"alpha": alpha} if kind == "LEAKY_RELU" else {}
        model = unary(kind, count, before, CURVES.get(kind, after), **options)
        if find_unsupported(model, rounding) is None:
            values = rng.integers(-128, 128, (20, 1, 1, 1, count)).astype(np.int8)
            values[0].flat = np.arange(-128, count - 128)
            assert_agrees(model, rounding, [values])


def test_the_precision_of_a_curve_is_each_engines_own(rounding: Rounding) -> None:
    """LiteRT computes LOGISTIC in float32, XNNPACK in double: at one value it shows."""
    model = unary("LOGISTIC", 256, (0.018050730228424072, 7), CURVES["LOGISTIC"])
    assert_agrees(model, rounding, [np.arange(-128, 128, dtype=np.int8).reshape(1, 1, 1, 1, 256)])


@pytest.mark.parametrize("power", [-8, 7])
def test_bounds_of_what_xnnpack_takes_are_its_own(power: int, rounding: Rounding) -> None:
    """At a ratio of scales that it takes or leaves, and next to it, the right kernel is known."""
    for step in (-1, 0, 1):
        scale = float(np.float32(0.01) * np.float32(2.0**power) * np.float32(1 + step * 2**-22))
        ends = ((scale, 3), (0.01, -5))
        values = np.arange(-128, 128).astype(np.int8).reshape(1, 1, 1, 1, 256)
        assert_agrees(unary("QUANTIZE", 256, *ends), rounding, [values])
        assert_agrees(unary("LEAKY_RELU", 256, *ends, alpha=0.5), rounding, [values])


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_floats_are_quantised_and_read_alike(dtype: str, rounding: Rounding) -> None:
    """Halves and numbers beside them, in rows of any length."""
    rng = np.random.default_rng(2)
    limits = np.iinfo(dtype)
    for count in (1, 7, 8, 15, 33):
        scale, zero = drawn(rng)
        stored = (scale, zero if dtype == "int8" else 0)
        halves = rng.integers(2 * limits.min, 2 * limits.max, (200, 1, 1, 1, count)) / 2
        reals = (halves * np.float32(scale)).astype(np.float32)
        to_stored = unary("QUANTIZE", count, (0, 0), stored, ("float32", dtype))
        assert_agrees(to_stored, rounding, [reals])
        values = rng.integers(limits.min, limits.max + 1, reals.shape).astype(dtype)
        to_reals = unary("DEQUANTIZE", count, stored, (0, 0), (dtype, "float32"))
        assert_agrees(to_reals, rounding, [values])


def pair(
    kind: str, shapes: tuple[tuple[int, ...], ...], numbers: list[tuple[float, int]], dtype: str
) -> Model:
    """Make a model of one op on two tensors; the third numbers are the output's."""
    builder = ModelBuilder()
    whole = np.broadcast_shapes(*shapes)
    a, b, y = (
        builder.tensor(shape, dtype, scale=scale, zero_point=zero if dtype == "int8" else 0)
        for shape, (scale, zero) in zip((*shapes, whole), numbers, strict=True)
    )
    options = {} if kind == "MUL" else {"pot_scale_int16": False}
    builder.op(kind, [a, b], [y], version=2, fused_activation_function="NONE", **options)
    return graph.parse(builder.build([a, b], [y]), name=kind)


SHAPES = [
    ((1, 3, 5, 7), (1, 3, 5, 7)),
    ((1, 2, 3, 19), (1, 1, 1, 19)),
    ((1, 1, 1, 1), (1, 2, 3, 17)),
    ((1, 2, 3, 17), (1, 2, 1, 17)),
    ((1, 2, 3, 9), (1, 2, 3, 1)),
    ((1, 1, 3, 5), (1, 2, 1, 5)),
]


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL"])
def test_pairs_agree_in_every_shape(kind: str, dtype: str, rounding: Rounding) -> None:
    """Operands of one shape, repeated ones and single numbers, each a kernel of its own."""
    rng = np.random.default_rng(3)
    for shapes in SHAPES:
        for case in range(8):
            a, b = drawn(rng), drawn(rng)
            around = a[0] * b[0] * 2**6 if kind == "MUL" else 2 * max(a[0], b[0])
            if dtype == "int16" and kind == "MUL":
                around *= 2**8
            spread = 1.0 if case % 2 else float(np.exp(rng.normal(scale=0.3)))
            out = (float(np.float32(around * spread)), int(rng.integers(-128, 128)))
            model = pair(kind, shapes, [a, b, out], dtype)
            assert find_unsupported(model, rounding) is None
            assert_agrees(model, rounding, adversarial_inputs(model, 60, seed=case))


def test_a_sum_that_shows_every_rounding_agrees(rounding: Rounding) -> None:
    """Two values whose sum is a tie only if the operands are rescaled as LiteRT does it."""
    numbers = [
        (0.11718293279409409, -128), (0.07699063420295715, 127), (0.20566974580287933, -21)
    ]  # fmt: skip
    shown = 0
    for shapes in SHAPES:
        model = pair("ADD", shapes, numbers, "int8")
        every = np.arange(-128, 128).astype(np.int8)
        inputs = [
            np.broadcast_to(values.reshape(-1, *(1 for _ in shape)), (65536, *shape))
            for values, shape in zip(
                (np.repeat(every, 256), np.tile(every, 256)), shapes, strict=True
            )
        ]
        (two,) = compile_model(model, threads=1).run(inputs)
        (found,) = compile_model(model, rounding, threads=1).run(inputs)
        parted = np.any(two != found, axis=tuple(range(1, found.ndim)))
        if parted.any():
            assert_agrees(model, rounding, [values[parted][:200] for values in inputs])
            shown += 1
    assert shown > 1


@pytest.mark.parametrize("kind", ["ADD", "MUL"])
def test_results_that_litert_wraps_are_left_to_it(kind: str, rounding: Rounding) -> None:
    """Its own kernels cut results to 16 bits before they clamp them; XNNPACK's do not."""
    numbers = [(0.2, -128), (0.2, -128), (1e-4 if kind == "ADD" else 1e-5, 50)]
    model = pair(kind, ((1, 1, 1, 40), (1, 1, 1, 40)), numbers, "int8")

    missing = find_unsupported(model, rounding)

    assert missing is not None
    assert "16 bits" in missing.reason
    inputs = adversarial_inputs(model, 20)
    (theirs,) = run_litert(rounding)(model, inputs)
    assert not np.array_equal(theirs, compile_model(model).run(inputs)[0].reshape(theirs.shape))


# Of the schema: the type of the sums where there is no bias; FLOAT32 stands for none.
BIAS_TYPES = {"FLOAT32": 0, "INT64": 4}
REDUCED = [
    ((1, 4, 5, 37), (1, 2)),
    ((1, 4, 5, 7), (1, 2)),
    ((1, 6, 5, 8), (1,)),
    ((1, 6, 5, 8), (3,)),
    ((1, 20), (1,)),
]


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("kind", ["MEAN", "SUM"])
def test_reductions_agree(kind: str, dtype: str, rounding: Rounding) -> None:
    """Over an image or any axis, with scales that make ties."""
    rng = np.random.default_rng(4)
    for case in range(60):
        shape, axes = REDUCED[case % len(REDUCED)]
        kept = bool(case % 3)
        before = drawn(rng)
        ratio = float(rng.choice([1, 2, 0.5, np.exp(rng.normal())]))
        after = (float(np.float32(before[0] * ratio)), int(rng.integers(-128, 128)))
        builder = ModelBuilder()
        out = tuple(
            1 if axis in axes else n for axis, n in enumerate(shape) if kept or axis not in axes
        )
        x, y = (
            builder.tensor(s, dtype, scale=scale, zero_point=zero if dtype == "int8" else 0)
            for s, (scale, zero) in ((shape, before), (out, after))
        )
        where = builder.tensor((len(axes),), "int32", data=axes)
        builder.op(kind, [x, where], [y], version=2, keep_dims=kept)
        model = graph.parse(builder.build([x], [y]), name=kind)
        assert_agrees(model, rounding, adversarial_inputs(model, 60, seed=case))


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("bias_type", ["FLOAT32", "INT64"])
@pytest.mark.parametrize("is_per_channel", [True, False])
def test_dense_ops_agree(
    dtype: str, has_bias: bool, bias_type: str, is_per_channel: bool, rounding: Rounding
) -> None:
    """int16 has a kernel for sums of 64 bits, which a bias or the op asks for, and one for 32."""
    if dtype == "int8" and bias_type != "FLOAT32":
        return  # the op's own type is for int16
    rng = np.random.default_rng(5)
    for case in range(25):
        depth, units = (int(n) for n in rng.integers(2, 40, 2))
        source = drawn(rng, 0.05 if dtype == "int8" else 0.0003)
        scales = [drawn(rng, 0.01)[0] for _ in range(units if is_per_channel else 1)]
        around = source[0] * float(np.mean(scales)) * depth**0.5 * 70
        result = drawn(rng, around)
        builder = ModelBuilder()
        zeros = (source[1], result[1]) if dtype == "int8" else (0, 0)
        x = builder.tensor((1, depth), dtype, scale=source[0], zero_point=zeros[0])
        weights = builder.tensor(
            (units, depth), "int8", data=rng.integers(-127, 128, (units, depth)), scale=scales
        )
        bias = -1
        if has_bias:
            bias = builder.tensor(
                (units,), "int32" if dtype == "int8" else "int64",
                data=rng.integers(-900, 900, units), scale=[source[0] * each for each in scales],
            )  # fmt: skip
        y = builder.tensor((1, units), dtype, scale=result[0], zero_point=zeros[1])
        builder.op(
            "FULLY_CONNECTED", [x, weights, bias], [y], version=7,
            quantized_bias_type=BIAS_TYPES[bias_type],
        )  # fmt: skip
        model = graph.parse(builder.build([x], [y]), name="dense")
        assert_agrees(model, rounding, adversarial_inputs(model, 400, seed=case))


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_shares_of_a_sum_agree(dtype: str, rounding: Rounding) -> None:
    """SOFTMAX, which LiteRT computes in float32 for int8."""
    rng = np.random.default_rng(6)
    after = (1 / 256, -128) if dtype == "int8" else (1 / 32768, 0)
    for case in range(30):
        count = int(rng.integers(2, 40))
        scale, zero = drawn(rng, 0.1 if dtype == "int8" else 0.0005)
        before = (scale, zero if dtype == "int8" else 0)
        beta = float(rng.choice([1.0, 0.7]))
        model = unary("SOFTMAX", count, before, after, (dtype, dtype), beta=beta)
        assert_agrees(model, rounding, adversarial_inputs(model, 200, seed=case))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "stride"), [(1, 2), (2, 3), (2, 2), (3, 2)])
def test_transposed_convolutions_agree(
    padding: str, size: int, stride: int, rounding: Rounding
) -> None:
    """XNNPACK leaves those within an image whose filter is smaller than the stride."""
    rng = np.random.default_rng(7)
    builder = ModelBuilder()
    extent = 4 * stride if padding == "SAME" else 3 * stride + size
    x = builder.tensor((1, 4, 4, 3), "int8", scale=1.0, zero_point=5)
    filters = rng.integers(-9, 10, (11, size, size, 3))
    weights = builder.tensor(filters.shape, "int8", data=filters, scale=[2.0**-6] * 11)
    bias = builder.tensor((11,), "int32", data=rng.integers(-9, 9, 11), scale=[2.0**-6] * 11)
    shape = builder.tensor((4,), "int32", data=[1, extent, extent, 11])
    y = builder.tensor((1, extent, extent, 11), "int8", scale=1.0, zero_point=-2)
    builder.op(
        "TRANSPOSE_CONV", [shape, weights, x, bias], [y], version=3, padding=padding,
        stride_h=stride, stride_w=stride,
    )  # fmt: skip
    model = graph.parse(builder.build([x], [y]), name="transposed")
    assert_agrees(model, rounding, adversarial_inputs(model, 60))


@pytest.mark.parametrize("channels", [3, 8, 13, 40])
def test_depthwise_convolutions_agree(channels: int, rounding: Rounding) -> None:
    """Negative ties, in channels within whole registers and behind them."""
    rng = np.random.default_rng(channels)
    builder = ModelBuilder()
    x = builder.tensor((1, 6, 6, channels), "int8", scale=1.0, zero_point=0)
    filters = rng.integers(-9, 10, (1, 3, 3, channels))
    weights = builder.tensor(filters.shape, "int8", data=filters, scale=[0.125] * channels, axis=3)
    bias = rng.integers(-99, 9, channels)
    offsets = builder.tensor((channels,), "int32", data=bias, scale=[0.125] * channels)
    y = builder.tensor((1, 4, 4, channels), "int8", scale=1.0, zero_point=20)
    builder.op(
        "DEPTHWISE_CONV_2D", [x, weights, offsets], [y], version=3, padding="VALID",
        depth_multiplier=1, stride_h=1, stride_w=1,
    )  # fmt: skip
    model = graph.parse(builder.build([x], [y]), name="depthwise")
    small = np.random.default_rng(8).integers(-9, 10, (60, 1, 6, 6, channels)).astype(np.int8)
    assert_agrees(model, rounding, [small])
