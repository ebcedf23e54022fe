"""What preparing takes for a while, worked by hand, and what that means for the arena."""

from __future__ import annotations

import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.memory.arena import plan_arena
from tinygauge.memory.predict import kernel_set
from tinygauge.memory.preparing import looks, tensor_bytes
from tinygauge.memory.structs import ARM32, align_up

REFERENCE = kernel_set("cortex-m4", "tflm-ref")


def test_a_described_tensor_holds_its_zero_points() -> None:
    """32 bytes; where quantised 12 more, and 4 for each channel and their number."""
    main = graph.parse(build_fully_connected(4, 3), name="m").main
    data, weights = main.tensors[0], main.tensors[1]
    plain = graph.parse(build_fully_connected(4, 3, dtype="float32"), name="m").main.tensors[0]

    assert [tensor_bytes(tensor, ARM32) for tensor in (plain, data, weights)] == [32, 52, 60]


@pytest.mark.parametrize(
    ("op", "before", "after"),
    [
        # Input 52, weights 60 (3 channels), bias 60, output 52.
        pytest.param("FULLY_CONNECTED", 224, 0, id="each once"),
        # Weights and bias have 4 channels; input, filter and output, then all four.
        pytest.param("CONV_2D", 52 + 64 + 52, 52 + 64 + 64 + 52, id="again after what is kept"),
        pytest.param("SOFTMAX", 104, 0, id="one input, one output"),
    ],
)
def test_kernels_look_at_their_tensors(op: str, before: int, after: int) -> None:
    """Bytes before and after what the kernel keeps."""
    main = graph.parse(build_cnn(), name="m").main
    look = looks(main, next(found for found in main.ops if found.kind == op), ARM32)

    assert (look.before_bytes, look.after_bytes) == (before, after)
    assert look.unsure_bytes == 0


def test_a_kind_that_was_not_checked_may_look_twice() -> None:
    """The interval of the smallest arena grows where such an op sets it."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "int8", scale=0.1)
    sizes = builder.tensor((2,), "int32", data=[1, 3])
    axis = builder.tensor((), "int32", data=1)
    parts = [builder.tensor((1, width), "int8", scale=0.1) for width in (1, 3)]
    builder.op("SPLIT_V", [x, sizes, axis], parts, num_splits=2)
    arena = plan_arena(graph.parse(builder.build([x], parts), name="m"), REFERENCE)

    assert 0 < arena.preparing_slack_bytes <= align_up(3 * 52 + 2 * 32)


def test_a_wide_op_needs_more_to_prepare_than_to_run() -> None:
    """With 640 outputs, weights and bias hold 640 zero points each while it prepares."""
    model = graph.parse(build_fully_connected(16, 640, softmax=False), name="m")
    arena = plan_arena(model, REFERENCE)

    assert arena.least_set_by == "preparing op 0 FULLY_CONNECTED"
    assert arena.least_bytes > arena.used_bytes + 2 * 640 * 4 - 1024


def test_a_large_model_needs_its_arena_rounded_up() -> None:
    """Where the head is large, running sets the size: the next multiple of 16."""
    arena = plan_arena(graph.parse(build_cnn(side=32, channels=8), name="m"), REFERENCE)

    assert arena.least_set_by == "running"
    assert 0 <= arena.least_bytes - arena.used_bytes < 16
    assert arena.least_bytes % 16 == 0


def test_the_smallest_arena_is_never_below_what_is_used() -> None:
    """Whatever sets it."""
    for outputs in (1, 7, 40, 300):
        model = graph.parse(build_fully_connected(9, outputs), name="m")
        for engine in ("tflm-ref", "tflm-cmsis-nn"):
            arena = plan_arena(model, kernel_set("cortex-m55", engine))
            assert arena.least_bytes >= arena.used_bytes
