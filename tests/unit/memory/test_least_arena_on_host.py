"""The smallest arena that works, found by bisection with TFLM itself on this machine.

The rules that scale from a 32-bit target to this 64-bit host are those of `structs.HOST`:
pointers and `size_t` have 8 bytes, enums 4, the build can run compressed models (some structures
hold more) and records its allocations (240 bytes of its own). Everything else, the order of
allocations above all, is the same code; so a prediction that is exact here rests on the rules
that predict the target.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.memory.arena import plan_arena
from tinygauge.memory.cmsis_nn import Isa
from tinygauge.memory.needs import KernelSet
from tinygauge.memory.structs import HOST

pytest.importorskip(
    "tflite_micro.python.tflite_micro.runtime", reason="the TFLM interpreter is for Linux alone"
)

KERNELS = KernelSet(is_cmsis_nn=False, isa=Isa.SCALAR, abi=HOST)

# Each size is tried in a process of its own: with too small an arena TFLM may crash.
SEARCH = """
import json, os, sys
from tflite_micro.python.tflite_micro import runtime

def works(content, size):
    pid = os.fork()
    if pid == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        try:
            runtime.Interpreter.from_bytes(content, arena_size=size)
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0

found = {}
for path in sys.argv[1:]:
    content = open(path, "rb").read()
    low, high = 0, 1 << 17
    while high - low > 16:
        middle = (low + high) // 32 * 16
        low, high = (low, middle) if works(content, middle) else (middle, high)
    found[os.path.basename(path)] = high
print(json.dumps(found))
"""

PACKAGED = Path(graph.__file__).resolve().parent.parent / "data/fashion_mnist/models"


def search(paths: list[Path]) -> dict[str, int]:
    words = [sys.executable, "-c", SEARCH, *map(str, paths)]
    printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found: dict[str, int] = json.loads(printed)
    return found


def single(kind: str, shape: tuple[int, ...] = (1, 16), **options: Any) -> bytes:
    builder = ModelBuilder()
    x = builder.tensor(shape, "int8", scale=0.05, zero_point=0)
    y = builder.tensor(shape, "int8", scale=1 / 256, zero_point=-128)
    if kind in ("TANH", "HARD_SWISH", "RELU6", "RELU", "LEAKY_RELU"):
        y = builder.tensor(shape, "int8", scale=1 / 128, zero_point=0)
    builder.op(kind, [x], [y], **options)
    return builder.build([x], [y])


def add_of_floats() -> bytes:
    builder = ModelBuilder()
    a, b, c = (builder.tensor((1, 8), "float32") for _ in range(3))
    builder.op("ADD", [a, b], [c])
    return builder.build([a, b], [c])


def concatenation(count: int) -> bytes:
    builder = ModelBuilder()
    parts = [builder.tensor((1, 4), "int8", scale=0.1) for _ in range(count)]
    out = builder.tensor((1, 4 * count), "int8", scale=0.1)
    builder.op("CONCATENATION", parts, [out], axis=1)
    return builder.build(parts, [out])


def reduction() -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((1, 4, 4, 2), "int8", scale=0.1)
    axes = builder.tensor((2,), "int32", data=[1, 2])
    y = builder.tensor((1, 2), "int8", scale=0.1)
    builder.op("REDUCE_MAX", [x, axes], [y], keep_dims=False)
    return builder.build([x], [y])


def reshape() -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((1, 4, 2), "int8", scale=0.1)
    shape = builder.tensor((2,), "int32", data=[1, 8])
    y = builder.tensor((1, 8), "int8", scale=0.1)
    builder.op("RESHAPE", [x, shape], [y], new_shape=[1, 8])
    return builder.build([x], [y])


def state_with_offline_offset() -> bytes:
    """SVDF whose state, a variable, is placed by the model's own plan behind a gap."""
    builder = ModelBuilder()
    x, y = builder.tensor((1, 4), "float32"), builder.tensor((1, 4), "float32")
    features = builder.tensor((8, 4), "float32", data=np.ones((8, 4)))
    time = builder.tensor((8, 3), "float32", data=np.ones((8, 3)))
    bias = builder.tensor((4,), "float32", data=np.zeros(4))
    state = builder.tensor((1, 24), "float32", is_variable=True)
    builder.op("SVDF", [x, features, time, bias, state], [y], rank=2)
    offsets = struct.pack("<3I6i", 1, 0, 6, -1, -1, -1, -1, -1, 256)
    return builder.build([x], [y], metadata={"OfflineMemoryAllocation": offsets})


def int4_weights() -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((1, 8), "int8", scale=0.05, zero_point=0)
    weights = builder.tensor((3, 8), "int4", data=bytes(12), scale=0.1, zero_point=0)
    y = builder.tensor((1, 3), "int8", scale=0.05, zero_point=0)
    builder.op("FULLY_CONNECTED", [x, weights, -1], [y])
    return builder.build([x], [y])


SYNTHETIC: dict[str, Callable[[], bytes]] = {
    "cnn int8": lambda: build_cnn(dtype="int8", side=12, channels=5),
    "larger cnn": lambda: build_cnn(dtype="int8", side=48, channels=8),
    "cnn float32": lambda: build_cnn(dtype="float32"),
    "wide fully connected": lambda: build_fully_connected(16, 640, softmax=False),
    "fully connected and softmax": lambda: build_fully_connected(40, 30),
    "fully connected float32": lambda: build_fully_connected(8, 8, dtype="float32"),
    "softmax": lambda: single("SOFTMAX", beta=1.0),
    "logistic": lambda: single("LOGISTIC"),
    "tanh": lambda: single("TANH"),
    "hard swish": lambda: single("HARD_SWISH"),
    "relu6": lambda: single("RELU6"),
    "leaky relu": lambda: single("LEAKY_RELU", alpha=0.1),
    "add": add_of_floats,
    "concatenation": lambda: concatenation(3),
    "maximum of a reduction": reduction,
    "reshape": reshape,
    "variable with an offline offset": state_with_offline_offset,
    "int4 weights": int4_weights,
}


@pytest.mark.slow
def test_smallest_arena_of_small_models_is_the_predicted_one(tmp_path: Path) -> None:
    """Models where preparing, planning and running set it in turn: no byte more, none less."""
    paths, expected, reasons = [], {}, set()
    for name, build in SYNTHETIC.items():
        content = build()
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
        arena = plan_arena(graph.parse(content, name="m"), KERNELS)
        expected[name] = arena.least_bytes
        reasons.add(arena.least_set_by.split()[0])

    assert search(paths) == expected
    assert reasons == {"preparing", "planning", "running"}


@pytest.mark.slow
def test_smallest_arena_of_packaged_models_is_the_predicted_one() -> None:
    """One of each family and type."""
    names = (
        "cnn_4_i8", "cnn_8_f32", "cnn_8_i16x8", "dscnn_8_i8", "mlp_8_i8", "mlp_24_f32",
        "mobilenetv2_4_i8", "resnet_4_f32", "resnet_8_i8",
    )  # fmt: skip
    paths = [PACKAGED / f"{name}.tflite" for name in names]
    expected = {path.name: plan_arena(graph.load(path), KERNELS).least_bytes for path in paths}

    assert search(paths) == expected
