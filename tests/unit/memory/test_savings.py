"""What could be saved: each finding on a model made to have it, and none on one without."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.graph.types import Model
from tinygauge.memory import find_savings, plan_arena
from tinygauge.memory.lifetimes import Lifetime
from tinygauge.memory.planners import lower_bound, plan_greedy, plan_in_order
from tinygauge.memory.predict import kernel_set
from tinygauge.memory.rewrites import fold_constants, pass_quantized_ends, remove_round_trips

M4 = kernel_set("cortex-m4", "tflm-ref")


def savings(model: Model) -> dict[str, str]:
    found = find_savings(model, core="cortex-m4", engine="tflm-ref")
    return {finding.code: finding.message for finding in found}


def int8(builder: ModelBuilder, shape: tuple[int, ...], scale: float = 0.1) -> int:
    return builder.tensor(shape, "int8", scale=scale, zero_point=0)


def chain_of_activations() -> Model:
    builder = ModelBuilder()
    tensors = [builder.tensor((1, 1000), "float32") for _ in range(3)]
    builder.op("RELU", [tensors[0]], [tensors[1]])
    builder.op("RELU", [tensors[1]], [tensors[2]])
    return graph.parse(builder.build([tensors[0]], [tensors[2]]), name="m")


def test_ops_that_could_work_in_place() -> None:
    """Two activations in a row need one buffer of 4,000 bytes, not two."""
    found = savings(chain_of_activations())

    assert "2 ops could write over an input (op 0 RELU, op 1 RELU)" in found["TG301"]
    assert "3.9 KiB less (7.8 KiB to 3.9 KiB)" in found["TG301"]


def test_a_tensor_that_is_read_again_is_not_overwritten() -> None:
    """Both readers of x need it, so only the second could work in place."""
    builder = ModelBuilder()
    x, a, b = (builder.tensor((1, 1000), "float32") for _ in range(3))
    builder.op("RELU", [x], [a])
    builder.op("ADD", [x, a], [b])
    found = savings(graph.parse(builder.build([x], [b]), name="m"))

    assert "1 op could write over an input (op 1 ADD)" in found["TG301"]


def round_trip() -> Model:
    """Int8 to float and back to the same scale, between two activations."""
    builder = ModelBuilder()
    x, a, b, y = (int8(builder, (1, 500)) for _ in range(4))
    between = builder.tensor((1, 500), "float32")
    builder.op("RELU", [x], [a])
    builder.op("DEQUANTIZE", [a], [between])
    builder.op("QUANTIZE", [between], [b])
    builder.op("RELU", [b], [y])
    return graph.parse(builder.build([x], [y]), name="m")


def test_needless_conversions_are_left_out() -> None:
    """What remains computes the same with two ops and three tensors."""
    rewrite = remove_round_trips(round_trip())
    main = rewrite.model.main

    assert [op.kind for op in rewrite.removed] == ["QUANTIZE", "DEQUANTIZE"]
    assert [(op.kind, op.inputs, op.outputs) for op in main.ops] == [
        ("RELU", (0,), (1,)),
        ("RELU", (1,), (2,)),
    ]
    assert len(main.tensors) == 3


def test_the_saving_of_a_round_trip_is_what_planning_without_it_gives() -> None:
    """The bytes in the message are the difference of two smallest arenas."""
    model = round_trip()
    saved = (
        plan_arena(model, M4).least_bytes
        - plan_arena(remove_round_trips(model).model, M4).least_bytes
    )

    assert saved > 1500
    assert f"{saved / 1024:.1f} KiB less" in savings(model)["TG302"]


def test_a_change_of_scale_is_no_round_trip() -> None:
    """QUANTIZE from one scale to another does something."""
    builder = ModelBuilder()
    x, y = int8(builder, (1, 500)), int8(builder, (1, 500), scale=0.2)
    builder.op("QUANTIZE", [x], [y])

    assert remove_round_trips(graph.parse(builder.build([x], [y]), name="m")).removed == ()


def float_ends() -> Model:
    builder = ModelBuilder()
    x, y = (builder.tensor((1, 400), "float32") for _ in range(2))
    a, b = (int8(builder, (1, 400)) for _ in range(2))
    builder.op("QUANTIZE", [x], [a])
    builder.op("RELU", [a], [b])
    builder.op("DEQUANTIZE", [b], [y])
    return graph.parse(builder.build([x], [y]), name="m")


def test_float_ends_cost_their_buffers() -> None:
    """With int8 ends the model is one op of 400 bytes in and out."""
    rewrite = pass_quantized_ends(float_ends())
    main = rewrite.model.main

    assert [op.kind for op in main.ops] == ["RELU"]
    assert [tensor.dtype for tensor in main.tensors] == ["int8", "int8"]
    assert "2 ops for float inputs and outputs" in savings(float_ends())["TG303"]


def test_constants_could_be_folded() -> None:
    """A weight that is dequantised at run time takes an arena buffer of its own."""
    builder = ModelBuilder()
    x, y = (builder.tensor((1, 300), "float32") for _ in range(2))
    stored = builder.tensor((1, 300), "int8", data=[[1] * 300], scale=0.1)
    weights = builder.tensor((1, 300), "float32")
    builder.op("DEQUANTIZE", [stored], [weights])
    builder.op("MUL", [x, weights], [y])
    model = graph.parse(builder.build([x], [y]), name="m")
    rewrite = fold_constants(model)

    assert [op.kind for op in rewrite.model.main.ops] == ["MUL"]
    assert rewrite.more_flash_bytes == 4 * 300 - 300
    assert "1 op on constants alone (op 0 DEQUANTIZE)" in savings(model)["TG304"]
    assert "the model 900 B more" in savings(model)["TG304"]


def test_dead_channels_cost_weights_and_activations() -> None:
    """Half of the filters are zero: half of their weights, and of what they write."""
    builder = ModelBuilder()
    x, y = builder.tensor((1, 8, 8, 4), "float32"), builder.tensor((1, 8, 8, 16), "float32")
    z = builder.tensor((1, 8, 8, 2), "float32")
    filters = np.ones((16, 1, 1, 4))
    filters[::2] = 0
    w = builder.tensor((16, 1, 1, 4), "float32", data=filters)
    w2 = builder.tensor((2, 1, 1, 16), "float32", data=np.ones((2, 1, 1, 16)))
    builder.op("CONV_2D", [x, w, -1], [y], padding="VALID", stride_h=1, stride_w=1)
    builder.op("CONV_2D", [y, w2, -1], [z], padding="VALID", stride_h=1, stride_w=1)
    found = savings(graph.parse(builder.build([x], [z]), name="m"))

    # 8 of 16 filters of 16 bytes, and half of the second op's 128 bytes of weights.
    assert "8 channels of 1 tensors can't change" in found["TG305"]
    assert "weights need 192 B less and the planned tensors 2.0 KiB less" in found["TG305"]


def test_a_plan_above_the_bound_comes_with_a_better_one() -> None:
    """Largest first is not always best: another order reaches the bound."""
    rows = [(0, 1, 48), (1, 2, 48), (2, 3, 96), (3, 4, 48), (0, 0, 64)]
    lifetimes = [
        Lifetime(name="b", size_bytes=size, first=first, last=last) for first, last, size in rows
    ]
    best = min(
        plan_in_order(lifetimes, order).peak_bytes for order in ([4, 0, 1, 2, 3], [2, 1, 0, 3, 4])
    )

    assert lower_bound(lifetimes)[0] <= best <= plan_greedy(lifetimes).peak_bytes


def test_preparing_more_than_running_is_said() -> None:
    """The message names the step that needs the larger arena."""
    model = graph.parse(build_fully_connected(16, 640, softmax=False), name="m")

    assert "preparing op 0 FULLY_CONNECTED needs it" in savings(model)["TG307"]


@pytest.mark.parametrize("core", ["cortex-m4", "rxv2"])
def test_findings_never_promise_less_than_nothing(core: str) -> None:
    """Every rewrite of an ordinary model leaves it planable, and nothing is negative."""
    model = graph.parse(build_cnn(side=16), name="m")

    for finding in find_savings(model, core=core, engine="tflm-ref"):
        assert "-" not in finding.message.split("need")[-1]


def test_nothing_is_said_of_engines_that_are_not_public() -> None:
    """No plan, no findings."""
    model = graph.parse(build_cnn(), name="m")

    assert find_savings(model, core="cortex-m4", engine="x-cube-ai") == ()
