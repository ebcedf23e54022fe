"""Digests of what the exact evaluator computes on the machine that runs this file.

Two machines, two builds or two instruction sets give the same bits if they print the same:
``python kernel_bits.py CASES`` prints JSON, a digest for every tensor of every case. It needs
NumPy and the package, nothing of the tests, so that an emulated processor can run it too.

The models come from a file (`write_models`); the steps that try every scale are drawn here.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge import graph
from tinygauge.exact import Rounding, compile_model
from tinygauge.exact.kernels import bind
from tinygauge.exact.library import LEVELS, level, library
from tinygauge.exact.scales import Scale
from tinygauge.exact.steps import Add, Convolve, Step, Window

__all__ = ["digests", "write_models"]

Array = npt.NDArray[Any]
Case = tuple[graph.Model, Rounding, list[Array]]


def write_models(path: Path, cases: list[Case]) -> None:
    """Write models and their inputs, for `digests` to read on any machine."""
    arrays: dict[str, Array] = {}
    for place, (model, rounding, inputs) in enumerate(cases):
        name = f"{place}|{model.name}|{rounding}"
        arrays[f"{name}|model"] = np.frombuffer(model.content, np.uint8)
        arrays |= {f"{name}|{index:03}": array for index, array in enumerate(inputs)}
    np.savez_compressed(path, allow_pickle=False, **arrays)


def _models(path: Path) -> Iterator[tuple[str, Case]]:
    with np.load(path) as arrays:
        names = [name.removesuffix("|model") for name in arrays.files if name.endswith("|model")]
        for name in names:
            model = graph.parse(arrays[f"{name}|model"].tobytes(), name=name)
            inputs = [key for key in arrays.files if key.startswith(f"{name}|0")]
            rounding = Rounding(name.rpartition("|")[2])
            yield name, (model, rounding, [arrays[key] for key in sorted(inputs)])


def _scales(rng: np.random.Generator, count: int) -> tuple[Array, Array, Array]:
    """Draw multipliers, shifts and factors: any, and those that make ties."""
    multipliers = rng.integers(2**30, 2**31, count)
    multipliers[::3] = 2**30  # halves a sum: every other one is a tie
    multipliers[1::7] = 2**31 - 1
    multipliers[5::11] = 0
    shifts = rng.integers(-31, 31, count)
    shifts[::2] = rng.integers(-12, 1, len(shifts[::2]))
    factors = np.ldexp(multipliers / 2**31, shifts)
    return multipliers.astype(np.int32), shifts.astype(np.int32), factors.astype(np.float32)


def _convolution(
    rng: np.random.Generator, kind: str, channels: tuple[int, int], size: int
) -> tuple[Step, list[Array]]:
    """Draw a convolution whose sums, with their bias, lie anywhere in 32 bits."""
    in_c, out_c = channels
    filter_c = 1 if kind == "depthwise" else in_c
    shape = (size, size, out_c) if kind == "depthwise" else (out_c, size, size, filter_c)
    out_h, stride = int(rng.integers(2, 5)), int(rng.integers(1, 3))
    extent = (out_h - 1) * stride + size - int(size > 1)  # one row of padding in front
    low, high = sorted(rng.choice([-128, -100, 0, 100, 127], 2, replace=False))
    window = Window(
        in_h=extent, in_w=extent, in_c=in_c, out_h=out_h, out_w=out_h, out_c=out_c,
        filter_h=size, filter_w=size, filter_c=filter_c, stride_h=stride, stride_w=stride,
        pad_h=int(size > 1), pad_w=int(size > 1), in_zero=int(rng.integers(-128, 128)),
        out_zero=int(rng.integers(-128, 128)), low=int(low), high=int(high),
    )  # fmt: skip
    reach = 2 ** rng.integers(1, 31, out_c)
    multipliers, shifts, factors = _scales(rng, out_c)
    step = Convolve(
        op=0, inputs=(0,), outputs=(1,), kind=kind, window=window,
        weights=rng.integers(-128, 128, shape).astype(np.int8),
        bias=rng.integers(-reach, reach).astype(np.int32),
        multipliers=multipliers, shifts=shifts, factors=factors,
    )  # fmt: skip
    x = rng.integers(-128, 128, (40, extent, extent, in_c)).astype(np.int8)
    x[:4], x[4:8] = -128, 127
    return step, [x]


def _ties(rng: np.random.Generator) -> tuple[Step, list[Array]]:
    """Draw a dense op whose sums are small and consecutive, halved and shifted: ties abound."""
    channels = 64
    window = Window(in_h=1, in_w=1, in_c=1, out_h=1, out_w=1, out_c=channels,
                    filter_h=1, filter_w=1, filter_c=1, out_zero=-3)  # fmt: skip
    shifts = np.arange(channels, dtype=np.int32) % 12 - 11
    step = Convolve(
        op=0, inputs=(0,), outputs=(1,), kind="conv", window=window,
        weights=rng.choice([-1, 1], (channels, 1, 1, 1)).astype(np.int8),
        bias=rng.integers(-300, 300, channels).astype(np.int32),
        multipliers=np.full(channels, 2**30, np.int32), shifts=shifts,
        factors=np.ldexp(0.5, shifts).astype(np.float32),
    )  # fmt: skip
    return step, [np.arange(-128, 128).astype(np.int8).reshape(-1, 1, 1, 1)]


def _sum_of_two(rng: np.random.Generator, count: int) -> tuple[Step, list[Array]]:
    """Draw ADD or SUB, scaled as a converter does it or so that its sums are ties."""
    multipliers = [
        int(rng.choice(np.array([2**30, 2**31 - 1, rng.integers(2**30, 2**31)]))) for _ in range(3)
    ]
    low, high = sorted(rng.choice([-128, -50, 0, 50, 127], 2, replace=False))
    step = Add(
        op=0, inputs=(0, 1), outputs=(2,), a_shape=(count,), b_shape=(count,),
        a_zero=int(rng.integers(-128, 128)), b_zero=int(rng.integers(-128, 128)),
        out_zero=int(rng.integers(-128, 128)), a=Scale(multipliers[0], int(rng.integers(-20, 1))),
        b=Scale(multipliers[1], int(rng.integers(-20, 1))),
        out=Scale(multipliers[2], int(rng.integers(-24, -15))), left_shift=20,
        negate_b=bool(rng.integers(2)), low=int(low), high=int(high),
    )  # fmt: skip
    return step, [rng.integers(-128, 128, (30, count)).astype(np.int8) for _ in "ab"]


def _drawn() -> Iterator[tuple[str, Step, list[Array]]]:
    """Draw steps of every size that the inner loops end on."""
    rng = np.random.default_rng(7)
    for channels in (1, 3, 7, 8, 15, 17, 31, 33, 64, 70):
        for size in (1, 2, 3):
            sizes = (int(rng.integers(1, 40)), channels)
            yield f"conv {sizes} {size}", *_convolution(rng, "conv", sizes, size)
            same = (channels, channels)
            yield f"depthwise {same} {size}", *_convolution(rng, "depthwise", same, size)
    for place in range(4):
        yield f"ties {place}", *_ties(rng)
    for count in (1, 7, 15, 16, 17, 333):
        for place in range(6):
            yield f"add {count} {place}", *_sum_of_two(rng, count)


def _rounded(step: Step, rounding: Rounding) -> Step:
    """Return a step as another profile has it, with ties up in all channels for LiteRT's."""
    if not isinstance(step, Convolve):
        return step
    ties_up = step.window.out_c if rounding is Rounding.LITERT else 0
    return replace(step, rounding=rounding, ties_up=ties_up)


def _digest(array: Array) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def digests(path: Path) -> dict[str, str]:
    """Evaluate everything with the kernels of this machine.

    Parameters
    ----------
    path : Path
        What `write_models` wrote.

    Returns
    -------
    dict of str to str
        Digests by case and tensor; ``"kernels"`` says what evaluated them.
    """
    found = {"kernels": "numpy" if library() is None else LEVELS[level()]}
    for name, (model, rounding, inputs) in _models(path):
        traced = compile_model(model, rounding, threads=1).trace(inputs)
        found |= {f"{name} tensor {index}": _digest(array) for index, array in traced.items()}
    for name, step, inputs in _drawn():
        for rounding in Rounding:
            found[f"{name} {rounding}"] = _digest(bind(_rounded(step, rounding))(inputs)[0])
    return found


if __name__ == "__main__":
    json.dump(digests(Path(sys.argv[1])), sys.stdout)
