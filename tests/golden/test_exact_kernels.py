"""The compiled inner loops of every instruction set give what NumPy gives, shape by shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tinygauge.exact import Rounding, steps
from tinygauge.exact.compiled import bind_compiled
from tinygauge.exact.library import LEVELS, level, levels, library
from tinygauge.exact.plain import PLAIN
from tinygauge.exact.scales import quantize_multiplier

SAMPLE = 60
ALL_PAIRS = (np.repeat(np.arange(-128, 128), 256), np.tile(np.arange(-128, 128), 256))


@pytest.fixture(params=LEVELS)
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The kernels of each instruction set that this machine has."""
    if request.param not in levels():
        pytest.skip(f"no kernels for {request.param} on this machine")
    monkeypatch.setenv("TINYGAUGE_KERNELS", request.param)
    level.cache_clear()
    yield
    level.cache_clear()


def random_window(random: np.random.Generator, kind: str) -> steps.Window:
    """Return a window of any stride, padding and dilation, and of channels that fill no tile."""
    filter_h, filter_w, stride_h, stride_w = (int(n) for n in random.integers(1, 5, 4))
    dilation_h, dilation_w = (int(n) for n in random.choice([1, 1, 1, 2], 2))
    in_c = int(random.choice([1, 2, 3, 8, 13, 16, 32, 64]))
    out_h, out_w = (int(n) for n in random.choice([1, 2, 3, 4, 7, 8, 11], 2))
    pad_h, pad_w = (int(n) for n in random.integers(0, 3, 2))
    spare_h, spare_w = (int(n) for n in random.integers(0, 3, 2))
    reach_h = (out_h - 1) * stride_h + (filter_h - 1) * dilation_h + 1
    reach_w = (out_w - 1) * stride_w + (filter_w - 1) * dilation_w + 1
    low, high = random.choice([[-128, 127], [-20, 127], [-100, 90]])
    return steps.Window(
        in_h=max(1, reach_h - pad_h - 1 + spare_h), in_w=max(1, reach_w - pad_w - 1 + spare_w),
        in_c=in_c, out_h=out_h, out_w=out_w,
        out_c=in_c if kind == "depthwise" else int(random.choice([1, 2, 4, 5, 8, 16, 17, 40])),
        filter_h=filter_h, filter_w=filter_w, filter_c=in_c, stride_h=stride_h,
        stride_w=stride_w, dilation_h=dilation_h, dilation_w=dilation_w, pad_h=pad_h,
        pad_w=pad_w, in_zero=int(random.integers(-128, 128)),
        out_zero=int(random.integers(-128, 128)), low=int(low), high=int(high),
    )  # fmt: skip


def random_convolution(random: np.random.Generator, kind: str) -> steps.Convolve:
    """Return a convolution; some channels' scales lie beyond what is rescaled quickly."""
    w = random_window(random, kind)
    depth = w.filter_h * w.filter_w * (1 if kind == "depthwise" else w.in_c)
    shape: tuple[int, ...] = (w.filter_h, w.filter_w, w.out_c)
    if kind == "conv":
        shape = (w.out_c, w.filter_h, w.filter_w, w.in_c)
    factors = np.exp(random.uniform(-9, -3, w.out_c)) / np.sqrt(depth)
    if random.integers(4) == 0:
        factors *= random.choice([1e-5, 1e3], w.out_c)
    scales = [quantize_multiplier(factor) for factor in factors]
    return steps.Convolve(
        op=0, inputs=(0,), outputs=(1,), kind=kind, window=w,
        weights=random.integers(-128, 128, shape).astype(np.int8),
        bias=random.integers(-(2**15), 2**15, w.out_c).astype(np.int32),
        multipliers=np.array([scale.multiplier for scale in scales], np.int32),
        shifts=np.array([scale.shift for scale in scales], np.int32),
        factors=factors.astype(np.float32),
    )  # fmt: skip


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("kind", ["conv", "depthwise"])
@pytest.mark.parametrize("rounding", Rounding)
def test_convolutions_agree_with_numpy(kind: str, rounding: Rounding) -> None:
    """Any shape, and values at their extremes, give the bits of the plain evaluation."""
    kernels = library()
    assert kernels is not None
    random = np.random.default_rng(len(kind))
    for _ in range(SAMPLE):
        step = random_convolution(random, kind)
        w = step.window
        ties_up = int(random.choice([0, w.out_c // 8 * 8, w.out_c]))
        ties_up = ties_up if rounding is Rounding.LITERT else 0
        step = replace(step, rounding=rounding, ties_up=ties_up)
        x = random.integers(-128, 128, (3, w.in_h, w.in_w, w.in_c)).astype(np.int8)
        x[1] = np.where(x[1] > 0, 127, -128)
        run = bind_compiled(step, kernels)
        assert run is not None
        np.testing.assert_array_equal(run([x])[0], PLAIN[steps.Convolve](step, [x])[0], str(step))


def widened(step: steps.Convolve, random: np.random.Generator) -> steps.Convolve:
    """Return the convolution for int16 values; some of its sums take more than 32 bits."""
    large = 2**40 if random.integers(4) == 0 else 2**29
    return replace(
        step, bias=random.integers(-large, large, len(step.shifts)),
        window=replace(step.window, in_zero=0, out_zero=0, low=-32768, high=32767),
        shifts=step.shifts - 3,
    )  # fmt: skip


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("kind", ["conv", "depthwise"])
def test_int16_convolutions_agree_with_numpy(kind: str) -> None:
    """So do those of int16 values, with weights of int8."""
    kernels = library()
    assert kernels is not None
    random = np.random.default_rng(len(kind))
    for _ in range(SAMPLE):
        step = widened(random_convolution(random, kind), random)
        w = step.window
        x = random.integers(-32768, 32768, (3, w.in_h, w.in_w, w.in_c)).astype(np.int16)
        x[1] = np.where(x[1] > 0, 32767, -32768)
        run = bind_compiled(step, kernels)
        assert run is not None
        np.testing.assert_array_equal(run([x])[0], PLAIN[steps.Convolve](step, [x])[0], str(step))


def random_sum(random: np.random.Generator) -> steps.Add:
    """Return an ADD or SUB of which small scales show every bit of the operands' roundings.

    Converters make the larger scale 1/2.
    """
    a = random.choice([0.5, 2.0 ** -random.uniform(1, 20)])
    b = random.choice([a, a / 2.0 ** random.integers(0, 25), 2.0 ** -random.uniform(1, 20)])
    out = min(0.9, random.uniform(0.1, 2) / (2**20 * max(a, b)))
    least, most = random.choice([[-128, 127], [-100, 90]])
    return steps.Add(
        op=0, inputs=(0, 1), outputs=(2,), a_shape=(1, 65536), b_shape=(1, 65536),
        a_zero=int(random.integers(-128, 128)), b_zero=int(random.integers(-128, 128)),
        out_zero=int(random.integers(-128, 128)), a=quantize_multiplier(a),
        b=quantize_multiplier(b), out=quantize_multiplier(out), left_shift=20,
        negate_b=bool(random.integers(2)), low=int(least), high=int(most),
    )  # fmt: skip


@pytest.mark.usefixtures("kernels")
def test_sums_of_all_pairs_agree_with_numpy() -> None:
    """ADD and SUB give the bits of the plain evaluation for every pair of values."""
    kernels = library()
    assert kernels is not None
    random = np.random.default_rng(1)
    pair = [values.astype(np.int8)[None] for values in ALL_PAIRS]
    for _ in range(SAMPLE):
        step = random_sum(random)
        run = bind_compiled(step, kernels)
        assert run is not None
        expected = PLAIN[steps.Add](step, pair)[0]
        np.testing.assert_array_equal(np.ravel(run(pair)[0]), np.ravel(expected), str(step))
