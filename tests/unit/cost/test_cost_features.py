"""Features of ops, read from graphs."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.cost.features import OpFeatures, _valid_taps, model_features


def features(content: bytes) -> tuple[OpFeatures, ...]:
    return model_features(graph.parse(content, name="m"))


def convolution(
    kind: str, image: tuple[int, ...], weights: tuple[int, ...], out: tuple[int, ...], **steps: int
) -> OpFeatures:
    builder = ModelBuilder()
    x = builder.tensor(image, "int8", scale=0.1)
    w = builder.tensor(weights, "int8", data=bytes([1]) * math.prod(weights), scale=0.1)
    y = builder.tensor(out, "int8", scale=0.1)
    options = {"stride_h": 1, "stride_w": 1} | steps
    builder.op(kind, [x, w], [y], padding="SAME", **options)
    return features(builder.build([x], [y]))[0]


def test_a_convolution_knows_its_shape() -> None:
    """Height, width, channels, filter, steps, products and padding are those of the op."""
    op = convolution("CONV_2D", (1, 8, 6, 4), (10, 3, 5, 4), (1, 4, 6, 10), stride_h=2)

    assert (op.in_h, op.in_w, op.in_c, op.out_h, op.out_w, op.out_c) == (8, 6, 4, 4, 6, 10)
    assert (op.k_h, op.k_w, op.stride_h, op.stride_w) == (3, 5, 2, 1)
    assert op.patch == 3 * 5 * 4
    assert op.macs == 4 * 6 * 10 * op.patch
    assert op.padded == 1


def test_groups_divide_the_patch() -> None:
    """A grouped convolution sums over its own channels; a depthwise one over one."""
    grouped = convolution("CONV_2D", (1, 4, 4, 8), (8, 3, 3, 2), (1, 4, 4, 8))
    depthwise = convolution("DEPTHWISE_CONV_2D", (1, 4, 4, 8), (1, 3, 3, 8), (1, 4, 4, 8))

    assert (grouped.groups, grouped.patch) == (4, 18)
    assert (depthwise.groups, depthwise.patch) == (8, 9)


def test_a_dense_op_counts_rows_as_batch() -> None:
    """Depth, units and rows come from the weights and the output."""
    op = features(build_fully_connected())[0]

    assert op.macs == op.batch * op.in_c * op.out_c
    assert (op.out_h, op.out_w) == (1, 1)


def test_types_that_decide_the_kernel() -> None:
    """Float activations on integer weights are hybrid; moved indices take their values' type."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    w = builder.tensor((2, 4), "int8", data=bytes(8), scale=0.1)
    y = builder.tensor((1, 2), "float32")
    builder.op("FULLY_CONNECTED", [x, w], [y])
    table = builder.tensor((9, 2), "int8", data=bytes(18), scale=0.1)
    index = builder.tensor((1,), "int32")
    found = builder.tensor((1, 2), "int8", scale=0.1)
    builder.op("GATHER", [table, index], [found])
    dense, gather = features(builder.build([x, index], [y, found]))

    assert dense.dtype == "hybrid"
    assert gather.dtype == "int8"


def test_every_op_of_a_network_has_features_in_order() -> None:
    """One record per op, of the op's own kind."""
    model = graph.parse(build_cnn(), name="m")

    kinds = [op.kind for op in model_features(model)]

    assert kinds == [op.kind for op in model.main.ops]


@given(
    size=st.integers(1, 20),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
)
def test_taps_inside_the_input_are_those_a_loop_finds(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    """The count per dimension equals that of visiting every position and tap."""
    out = -(-size // stride)
    reach = dilation * (kernel - 1) + 1
    before = max(0, (out - 1) * stride + reach - size) // 2
    visited = sum(
        0 <= position * stride - before + tap * dilation < size
        for position in range(out)
        for tap in range(kernel)
    )

    assert _valid_taps(size, out, kernel, stride, dilation, same=True) == visited
