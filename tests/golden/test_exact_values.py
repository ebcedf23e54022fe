"""Compiled ops without a filter's weights give what NumPy gives, value by value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygauge.exact import pairs, steps, steps_litert
from tinygauge.exact.compiled import bind_compiled
from tinygauge.exact.library import library
from tinygauge.exact.plain import PLAIN
from tinygauge.exact.scales import LIMITS, quantize_multiplier
from tinygauge.exact.steps import Array, Step

SAMPLE = 40
PLACE: dict[str, Any] = {"op": 0, "inputs": (0,), "outputs": (1,)}
PAIR_PLACE: dict[str, Any] = {"op": 0, "inputs": (0, 1), "outputs": (2,)}

pytestmark = pytest.mark.skipif(library() is None, reason="no compiled kernels")


def assert_agrees(step: Step, xs: list[Array]) -> None:
    """Compare what the compiled kernels give with the plain evaluation."""
    kernels = library()
    assert kernels is not None
    run = bind_compiled(step, kernels)
    assert run is not None, step
    expected = PLAIN[type(step)](step, xs)[0]
    np.testing.assert_array_equal(np.ravel(run(xs)[0]), np.ravel(expected), str(step))
    assert run(xs)[0].dtype == expected.dtype


def stored(random: np.random.Generator, dtype: str, *shape: int) -> Array:
    """Return random values and the extremes."""
    low, high = LIMITS[dtype]
    values = random.integers(low, high + 1, shape).astype(dtype)
    return np.where(random.integers(5, size=shape) == 0, random.choice([low, high]), values).astype(
        dtype
    )


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("is_max", [True, False])
def test_pools_agree_with_numpy(dtype: str, is_max: bool) -> None:
    """Windows that reach over the borders, overlap and leave gaps."""
    random = np.random.default_rng(2)
    for _ in range(SAMPLE):
        filter_h, filter_w, stride_h, stride_w = (int(n) for n in random.integers(1, 6, 4))
        in_h, in_w = (int(n) for n in random.integers(5, 12, 2))
        pad_h, pad_w = int(random.integers(filter_h)), int(random.integers(filter_w))
        low, high = LIMITS[dtype]
        channels = int(random.choice([1, 3, 16, 20]))
        window = steps.Window(
            in_h=in_h, in_w=in_w, in_c=channels,
            out_h=(in_h + pad_h - 1) // stride_h + 1, out_w=(in_w + pad_w - 1) // stride_w + 1,
            out_c=channels, filter_h=filter_h, filter_w=filter_w, filter_c=1, stride_h=stride_h,
            stride_w=stride_w, pad_h=pad_h, pad_w=pad_w, low=low + int(random.integers(2)) * 30,
            high=high,
        )  # fmt: skip
        x = stored(random, dtype, 3, in_h, in_w, window.in_c)
        assert_agrees(steps.Pool(**PLACE, window=window, is_max=is_max), [x])


@pytest.mark.parametrize("kind", ["mean", "sum"])
def test_means_agree_with_numpy(kind: str) -> None:
    """Sums over neighbouring axes, and their means."""
    random = np.random.default_rng(3)
    for axes in [(1, 2), (1,), (2, 3), (3,), (1, 2, 3)]:
        x = stored(random, "int8", 4, 5, 6, 7)
        factor = float(np.exp(random.uniform(-3, 1)))
        count = int(np.prod([x.shape[axis] for axis in axes]))
        step = steps.Reduce(
            **PLACE, kind=kind, axes=axes, count=count, scale=quantize_multiplier(factor),
            in_zero=int(random.integers(-128, 128)), out_zero=int(random.integers(-128, 128)),
        )  # fmt: skip
        assert_agrees(step, [x])


@pytest.mark.parametrize("ties_away", [True, False])
def test_means_of_other_engines_agree_with_numpy(ties_away: bool) -> None:
    """Those in float32, and those of an image whose first channels round ties up."""
    random = np.random.default_rng(8)
    x = stored(random, "int8", 4, 5, 6, 35)
    for axes in [(1, 2), (1,), (2,), (3,), (1, 2, 3)]:
        step = steps_litert.RealSum(
            **PLACE, axes=axes, factor=float(random.choice([0.125, 0.037])),
            offset=float(random.uniform(-9, 9)), ties_away=ties_away, out_zero=3,
        )  # fmt: skip
        assert_agrees(step, [x])
    scale = quantize_multiplier(1 / 20)
    mean = steps_litert.ChannelMean(**PLACE, scale=scale, offset=-4, ties_up=32)
    assert_agrees(mean, [x[:, None]])


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_products_and_sums_agree_with_numpy(dtype: str) -> None:
    """MUL and ADD of tensors of one shape, and where one of them is repeated."""
    random = np.random.default_rng(4)
    low, high = LIMITS[dtype]
    for a_shape, b_shape in [((5, 6), (5, 6)), ((5, 6), (1, 6)), ((1, 1), (5, 6))]:
        for _ in range(SAMPLE):
            zeros = (0, 0, 0) if dtype == "int16" else (int(n) for n in random.integers(-9, 9, 3))
            a_zero, b_zero, out_zero = zeros
            shared: dict[str, Any] = {
                "a_shape": a_shape, "b_shape": b_shape, "a_zero": a_zero, "b_zero": b_zero,
                "out_zero": out_zero, "low": low, "high": high - 5,
            }  # fmt: skip
            xs = [stored(random, dtype, 7, *shape) for shape in (a_shape, b_shape)]
            factor = float(np.exp(random.uniform(-12, -2)))
            out = quantize_multiplier(factor)
            assert_agrees(steps.Multiply(**PAIR_PLACE, **shared, out=out, factor=factor), xs)
            left_shift = 15 if dtype == "int16" else 20
            add = steps.Add(
                **PAIR_PLACE, **shared, a=quantize_multiplier(0.5),
                b=quantize_multiplier(float(random.uniform(0.01, 0.5))),
                out=quantize_multiplier(2.0**-left_shift * float(random.uniform(0.3, 3))),
                left_shift=left_shift, negate_b=bool(random.integers(2)),
            )  # fmt: skip
            assert_agrees(add, xs)


ALL_PAIRS = [
    each.astype(np.int8)[None]
    for each in (np.repeat(np.arange(-128, 128), 256), np.tile(np.arange(-128, 128), 256))
]


@pytest.mark.parametrize(
    "kind", ["EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"]
)
def test_comparisons_agree_with_numpy_for_all_pairs(kind: str) -> None:
    """Scales from alike, which make many equal, to far apart; and where one is repeated."""
    random = np.random.default_rng(9)
    for other in (1.0, 0.5, *np.exp(random.uniform(-20, 0, SAMPLE))):
        scales = [quantize_multiplier(0.9 * float(factor)) for factor in (1.0, other)]
        numbers: dict[str, Any] = {
            "kind": kind, "a": scales[0], "b": scales[1],
            "a_zero": int(random.integers(-128, 128)), "b_zero": int(random.integers(-128, 128)),
        }  # fmt: skip
        size = (65536,)
        assert_agrees(pairs.Compare(**PAIR_PLACE, **numbers, a_shape=size, b_shape=size), ALL_PAIRS)
        few = [stored(random, "int8", 3, 5, 6), stored(random, "int8", 1, 1, 6)]
        step = pairs.Compare(**PAIR_PLACE, **numbers, a_shape=(5, 6), b_shape=(1, 6))
        assert_agrees(step, few)


def test_sums_of_several_agree_with_numpy() -> None:
    """ADD_N of up to nine operands, one of them the same for all inputs."""
    random = np.random.default_rng(10)
    for count in range(2, 10):
        step = pairs.AddMany(
            op=0, inputs=tuple(range(count)), outputs=(count,),
            in_zero=int(random.integers(-128, 128)), out_zero=int(random.integers(-128, 128)),
            each=quantize_multiplier(0.5), left_shift=20,
            out=quantize_multiplier(2.0**-19 * float(random.uniform(0.1, 3))),
        )  # fmt: skip
        rows = [stored(random, "int8", 7, 99) for _ in range(count)]
        assert_agrees(step, [*rows[1:], rows[0][:1]])


def test_lengths_agree_with_numpy() -> None:
    """L2_NORMALIZATION of rows of any two values, and of the longest row there may be."""
    short = np.stack([each[0] for each in ALL_PAIRS], axis=-1)
    longest = np.full((2, 2**15 - 1), 127, np.int8)
    longest[1, ::2] = -128
    for zero in (-128, -3, 0, 127):
        step = pairs.Normalize(**PLACE, in_zero=zero)
        assert_agrees(step, [short])
        assert_agrees(step, [longest])
        lengths = np.arange(1, 3000, 7)
        for row in (stored(np.random.default_rng(11), "int8", 1, int(each)) for each in lengths):
            assert_agrees(step, [row])


def test_leaky_relu_of_all_int16_agrees_with_numpy() -> None:
    """Whatever the scales, those that leave the type among them."""
    x = np.arange(-32768, 32768, dtype=np.int16)[None]
    random = np.random.default_rng(12)
    for _ in range(SAMPLE):
        identity, alpha = (quantize_multiplier(float(f)) for f in np.exp(random.uniform(-9, 3, 2)))
        step = steps.LeakyRelu16(**PLACE, in_zero=0, out_zero=0, identity=identity, alpha=alpha)
        assert_agrees(step, [x])


def test_other_scales_and_types_agree_with_numpy() -> None:
    """QUANTIZE from integers to others."""
    random = np.random.default_rng(5)
    for source, goal in [("int8", "int16"), ("int16", "int8"), ("int16", "int16")]:
        low, high = LIMITS[goal]
        step = steps.Requantize(
            **PLACE, scale=quantize_multiplier(float(random.uniform(0.1, 100))), in_zero=3,
            out_zero=-4, low=low, high=high, dtype=goal,
        )  # fmt: skip
        assert_agrees(step, [stored(random, source, 3, 999)])


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_floats_are_stored_and_read_as_by_numpy(dtype: str) -> None:
    """QUANTIZE and DEQUANTIZE, with halves, NaN and infinity among the values."""
    random = np.random.default_rng(6)
    halves = np.arange(-400, 400, dtype=np.float32) / 2
    wild = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e10, -1e10], np.float32)
    x = np.concatenate([halves, wild, random.normal(0, 50, 999).astype(np.float32)])[None]
    for scale in (1.0, 0.0473):
        assert_agrees(steps.Quantize(**PLACE, scale=scale, zero=7, dtype=dtype), [x])
        back = steps.Dequantize(**PLACE, scale=scale, zero=7)
        assert_agrees(back, [stored(random, dtype, 2, 99)])


@pytest.mark.parametrize("is_tanh", [True, False])
def test_curves_agree_with_numpy_for_all_values(is_tanh: bool) -> None:
    """LOGISTIC and TANH of each of the 65,536 values."""
    x = np.arange(-32768, 32768, dtype=np.int16)[None]
    for multiplier, shift in [(0, 0), (0, 2), (25000, 13)]:
        assert_agrees(
            steps.Curve(**PLACE, is_tanh=is_tanh, multiplier=multiplier, shift=shift), [x]
        )
