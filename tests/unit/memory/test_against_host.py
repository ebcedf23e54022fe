"""The planned head against TFLM itself, run on this machine.

The interpreter's host build prints what it allocated. Its tail has 64-bit pointers, but the head
(tensors and scratch buffers of the reference kernels) is the same as on a 32-bit target.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.memory.arena import plan_arena
from tinygauge.memory.cmsis_nn import Isa
from tinygauge.memory.needs import KernelSet

runtime = pytest.importorskip(
    "tflite_micro.python.tflite_micro.runtime", reason="the TFLM interpreter is for Linux alone"
)

REFERENCE = KernelSet(is_cmsis_nn=False, isa=Isa.SCALAR)


def host_head_bytes(content: bytes, capfd: pytest.CaptureFixture[str]) -> int:
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=200_000)
    capfd.readouterr()
    interpreter.print_allocations()
    printed = "".join(capfd.readouterr())
    found = re.search(r"Arena allocation head (\d+) bytes", printed)
    assert found is not None, printed
    return int(found[1])


def add_tensor(builder: ModelBuilder, shape: tuple[int, ...], dtype: str) -> int:
    if dtype == "float32":
        return builder.tensor(shape, dtype)
    return builder.tensor(shape, dtype, scale=0.05, zero_point=0)


def branches(dtype: str) -> bytes:
    """Two branches of different sizes that join: the planner has to fit gaps."""
    builder = ModelBuilder()
    x, a, b, c, y = (add_tensor(builder, (1, 6, 6, n), dtype) for n in (3, 3, 3, 3, 6))
    builder.op("RELU", [x], [a])
    builder.op("RELU", [a], [b])
    builder.op("ADD", [x, b], [c])
    builder.op("CONCATENATION", [c, a], [y], axis=3)
    return builder.build([x], [y])


def mean(dtype: str) -> bytes:
    builder = ModelBuilder()
    x = add_tensor(builder, (1, 5, 5, 7), dtype)
    axes = builder.tensor((2,), "int32", data=[1, 2])
    y = add_tensor(builder, (1, 7), dtype)
    builder.op("MEAN", [x, axes], [y], keep_dims=False)
    return builder.build([x], [y])


def transposed_convolution() -> bytes:
    builder = ModelBuilder()
    size = builder.tensor((4,), "int32", data=[1, 8, 8, 3])
    x = builder.tensor((1, 4, 4, 2), "int8", scale=0.05, zero_point=0)
    weights = builder.tensor(
        (3, 3, 3, 2), "int8", data=np.ones((3, 3, 3, 2)), scale=[0.1] * 3, axis=0
    )
    y = builder.tensor((1, 8, 8, 3), "int8", scale=0.05, zero_point=0)
    builder.op("TRANSPOSE_CONV", [size, weights, x], [y], padding="SAME", stride_w=2, stride_h=2)
    return builder.build([x], [y])


def mirror_pad() -> bytes:
    builder = ModelBuilder()
    x, y = builder.tensor((1, 4, 4, 2), "float32"), builder.tensor((1, 6, 6, 2), "float32")
    pads = builder.tensor((4, 2), "int32", data=[[0, 0], [1, 1], [1, 1], [0, 0]])
    builder.op("MIRROR_PAD", [x, pads], [y], mode="REFLECT")
    return builder.build([x], [y])


def int4_weights() -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((1, 8), "int8", scale=0.05, zero_point=0)
    weights = builder.tensor((3, 8), "int4", data=bytes(12), scale=0.1, zero_point=0)
    y = builder.tensor((1, 3), "int8", scale=0.05, zero_point=0)
    builder.op("FULLY_CONNECTED", [x, weights, -1], [y])
    return builder.build([x], [y])


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: build_cnn(dtype="int8", side=12, channels=5), id="cnn int8"),
        pytest.param(lambda: build_cnn(dtype="float32"), id="cnn float32"),
        pytest.param(lambda: build_fully_connected(40, 30), id="fully connected"),
        pytest.param(lambda: branches("float32"), id="branches float32"),
        pytest.param(lambda: branches("int8"), id="branches int8"),
        pytest.param(lambda: mean("int8"), id="mean int8"),
        pytest.param(lambda: mean("int16"), id="mean int16"),
        pytest.param(lambda: mean("float32"), id="mean float32"),
        pytest.param(transposed_convolution, id="transposed convolution"),
        pytest.param(mirror_pad, id="mirror pad"),
        pytest.param(int4_weights, id="int4 weights"),
    ],
)
def test_head_is_what_tflm_allocates(
    build: Callable[[], bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    """TFLM's own planner and kernels, in C++, come to the same bytes."""
    content = build()
    arena = plan_arena(graph.parse(content, name="m"), REFERENCE)

    assert arena.head_bytes == host_head_bytes(content, capfd)
