"""Counts: multiply-accumulates worked out by hand for each op, and what is counted once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tiny_models import ModelBuilder, build_cnn

from tinygauge import graph
from tinygauge.graph import DType, ModelCounts, Op, OpCounts, Subgraph, Tensor

Shape = tuple[int, ...]


def _one(kind: str, inputs: Sequence[Shape | None], output: Shape) -> OpCounts:
    """Count one float32 op; input 0 is computed, the others are constant ones, None is absent."""
    builder = ModelBuilder()
    places = [
        -1
        if shape is None
        else builder.tensor(shape, "float32", data=None if place == 0 else np.ones(shape))
        for place, shape in enumerate(inputs)
    ]
    y = builder.tensor(output, "float32")
    builder.op(kind, places, [y])
    (counts,) = graph.count_ops(_parse(builder, [places[0]], [y]))
    return counts


def _parse(builder: ModelBuilder, inputs: Sequence[int], outputs: Sequence[int]) -> graph.Model:
    return graph.parse(builder.build(inputs, outputs), name="net")


def _count(builder: ModelBuilder, inputs: Sequence[int], outputs: Sequence[int]) -> ModelCounts:
    return graph.count_model(_parse(builder, inputs, outputs))


@pytest.mark.parametrize(
    ("kind", "inputs", "output", "macs"),
    [
        # 16 filters of 3 x 3 x 8, each at 5 x 5 places.
        ("CONV_2D", [(1, 5, 5, 8), (16, 3, 3, 8), (16,)], (1, 5, 5, 16), 5 * 5 * 16 * 72),
        # Two images.
        ("CONV_2D", [(2, 4, 4, 3), (6, 1, 1, 3)], (2, 4, 4, 6), 2 * 16 * 6 * 3),
        # Four groups: filters see 2 of the 8 input channels.
        ("CONV_2D", [(1, 5, 5, 8), (16, 3, 3, 2)], (1, 5, 5, 16), 5 * 5 * 16 * 18),
        # One dimension, as 1 x W.
        ("CONV_2D", [(1, 1, 100, 16), (24, 1, 3, 16)], (1, 1, 50, 24), 50 * 24 * 48),
        ("CONV_3D", [(1, 4, 4, 4, 2), (3, 3, 3, 2, 5)], (1, 2, 2, 2, 5), 8 * 5 * 54),
        # One filter a channel.
        ("DEPTHWISE_CONV_2D", [(1, 6, 6, 8), (1, 3, 3, 8)], (1, 6, 6, 8), 36 * 8 * 9),
        # Two filters a channel.
        ("DEPTHWISE_CONV_2D", [(1, 6, 6, 8), (1, 3, 3, 16)], (1, 3, 3, 16), 9 * 16 * 9),
        ("FULLY_CONNECTED", [(1, 10), (4, 10), (4,)], (1, 4), 40),
        ("FULLY_CONNECTED", [(7, 10), (4, 10)], (7, 4), 280),
        # An image is flattened.
        ("FULLY_CONNECTED", [(1, 2, 2, 8), (5, 32)], (1, 5), 160),
        # Leading dimensions kept.
        ("FULLY_CONNECTED", [(2, 3, 8), (5, 8)], (2, 3, 5), 240),
        # Six filters over 5 features and a memory of 7, two inputs.
        ("SVDF", [(2, 5), (6, 5), (6, 7)], (2, 6), 2 * (30 + 42)),
        # Three steps of four cells on 5 inputs: 4 gates of (5 + 4) x 4 and 3 products a cell.
        (
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            [(1, 3, 5), *[(4, 5)] * 4, *[(4, 4)] * 4],
            (1, 3, 4),
            3 * (4 * 9 * 4 + 3 * 4),
        ),
        # Without an input gate: input tensors 1 and 5 are absent.
        (
            "UNIDIRECTIONAL_SEQUENCE_LSTM",
            [(2, 3, 5), None, *[(4, 5)] * 3, None, *[(4, 4)] * 3],
            (2, 3, 4),
            6 * (3 * 9 * 4 + 3 * 4),
        ),
        ("LSTM", [(1, 5), *[(4, 5)] * 4, *[(4, 4)] * 4], (1, 4), 4 * 9 * 4 + 3 * 4),
        ("AVERAGE_POOL_2D", [(1, 4, 4, 8)], (1, 1, 1, 8), 0),
        ("SOFTMAX", [(1, 10)], (1, 10), 0),
        ("ADD", [(1, 4, 4, 8), (1, 4, 4, 8)], (1, 4, 4, 8), 0),
        ("CUSTOM:Mine", [(1, 4)], (1, 4), 0),
    ],
)
def test_macs_are_those_worked_out_by_hand(
    kind: str, inputs: list[Shape | None], output: Shape, macs: int
) -> None:
    """Each op's multiply-accumulates, padding taps included, follow its cited formula."""
    counts = _one(kind, inputs, output)

    assert counts.macs == counts.live_macs == macs


def test_transpose_convolution_counts_from_its_input() -> None:
    """Each of 4 x 4 x 6 input elements meets a 3 x 3 filter for each of 2 output channels."""
    builder = ModelBuilder()
    shape = builder.tensor((4,), "int32", data=[1, 8, 8, 2])
    w = builder.tensor((2, 3, 3, 6), "float32", data=np.ones((2, 3, 3, 6)))
    x = builder.tensor((1, 4, 4, 6), "float32")
    y = builder.tensor((1, 8, 8, 2), "float32")
    builder.op("TRANSPOSE_CONV", [shape, w, x], [y], stride_h=2, stride_w=2)

    assert _count(builder, [x], [y]).macs == 4 * 4 * 6 * 9 * 2


@pytest.mark.parametrize(
    ("left", "right", "output", "adjoint_x", "macs"),
    [
        ((3, 4), (4, 5), (3, 5), False, 60),
        ((2, 3, 4), (2, 4, 5), (2, 3, 5), False, 120),
        ((2, 4, 3), (2, 4, 5), (2, 3, 5), True, 120),
        ((1, 3, 4), (6, 4, 5), (6, 3, 5), False, 360),  # the left one serves every batch
    ],
)
def test_matrix_products_sum_over_the_shared_dimension(
    left: Shape, right: Shape, output: Shape, adjoint_x: bool, macs: int
) -> None:
    """Batches multiply, adjoints swap the last two dimensions."""
    op = Op(index=0, kind="BATCH_MATMUL", inputs=(0, 1), outputs=(2,), options={"adj_x": adjoint_x})
    tensors = tuple(
        Tensor(index=index, name="", shape=shape, dtype=DType.FLOAT32)
        for index, shape in enumerate((left, right, output))
    )
    subgraph = Subgraph(index=0, name="", tensors=tensors, ops=(op,), inputs=(0, 1), outputs=(2,))

    assert graph.count_op(subgraph, op).macs == macs


@given(
    st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)
)
def test_a_convolution_over_its_whole_input_is_a_dense_op(
    height: int, width: int, channels: int, filters: int, batch: int
) -> None:
    """A filter as large as the image is one row of a dense op's weights."""
    image = (batch, height, width, channels)
    conv = _one("CONV_2D", [image, (filters, *image[1:])], (batch, 1, 1, filters))
    dense = _one("FULLY_CONNECTED", [image, (filters, height * width * channels)], (batch, filters))

    assert conv.macs == dense.macs
    assert conv.parameters == dense.parameters


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3))
def test_a_depthwise_convolution_is_a_convolution_with_one_channel_a_group(
    side: int, channels: int, multiplier: int
) -> None:
    """Both ways to write it cost the same."""
    image, made = (1, side, side, channels), channels * multiplier
    depthwise = _one("DEPTHWISE_CONV_2D", [image, (1, 3, 3, made)], (1, side, side, made))
    grouped = _one("CONV_2D", [image, (made, 3, 3, 1)], (1, side, side, made))

    assert depthwise.macs == grouped.macs


def test_parameters_and_bytes_of_a_quantised_op() -> None:
    """Weights are a byte each, biases four; the absent bias is nothing."""
    conv, depthwise, *_ = graph.count_ops(graph.parse(build_cnn(channels=4), name="net"))

    assert conv.parameters == 4 * 9 + 4
    assert conv.weight_bytes == 4 * 9 + 4 * 4
    assert conv.weights == 36
    assert (depthwise.parameters, depthwise.weight_bytes) == (40, 52)


def test_shapes_axes_and_paddings_are_no_parameters() -> None:
    """Plain integers steer an op; they aren't learnt."""
    reshape = graph.count_ops(graph.parse(build_cnn(), name="net"))[3]

    assert (reshape.parameters, reshape.weight_bytes, reshape.channels) == (0, 0, 0)


def test_activation_bytes_are_those_of_computed_tensors() -> None:
    """An op's inputs and outputs count, its weights don't; the largest sum is the model's."""
    model = graph.parse(build_cnn(side=8, channels=4), name="net")
    ops = graph.count_ops(model)

    assert (ops[0].input_bytes, ops[0].output_bytes) == (64, 64)
    assert (ops[1].input_bytes, ops[1].output_bytes) == (64, 64)
    assert graph.count_model(model, ops).peak_activation_bytes == 128


def test_int4_weights_take_half_a_byte() -> None:
    """Elements and bytes part company."""
    builder = ModelBuilder()
    x = builder.tensor((1, 5), "int8", scale=0.1)
    w = builder.tensor((3, 5), "int4", data=b"\x11" * 8, scale=0.1)
    y = builder.tensor((1, 3), "int8", scale=0.1)
    builder.op("FULLY_CONNECTED", [x, w], [y])

    counts = _count(builder, [x], [y])

    assert (counts.parameters, counts.weight_bytes, counts.macs) == (15, 8, 15)


def test_shared_weights_count_once_and_their_work_each_time() -> None:
    """A recurrence unrolled three times holds its weights once and uses them three times."""
    builder = ModelBuilder()
    state = first = builder.tensor((1, 4), "float32")
    w = builder.tensor((4, 4), "float32", data=np.eye(4))
    b = builder.tensor((4,), "float32", data=np.ones(4))
    for _ in range(3):
        after = builder.tensor((1, 4), "float32")
        builder.op("FULLY_CONNECTED", [state, w, b], [after])
        state = after

    counts = _count(builder, [first], [state])

    assert counts.macs == 3 * 16
    assert counts.parameters == 20
    assert counts.weight_bytes == 80
    assert (counts.weights, counts.zero_weights) == (16, 12)


def _dense(
    data: npt.ArrayLike, dtype: str, zero_point: int | Sequence[int] = (), scales: int = 1
) -> ModelCounts:
    builder = ModelBuilder()
    x = builder.tensor((1, 2), dtype, scale=0.1)
    w = builder.tensor((3, 2), dtype, data=data, scale=[0.1] * scales, zero_point=zero_point)
    y = builder.tensor((1, 3), dtype, scale=0.1)
    builder.op("FULLY_CONNECTED", [x, w], [y])
    return _count(builder, [x], [y])


def test_a_quantised_zero_lies_at_the_zero_point() -> None:
    """Stored 128 means 0 where the zero point is 128, and stored 0 doesn't."""
    counts = _dense([[128, 128], [0, 0], [128, 3]], "uint8", zero_point=128)

    assert counts.zero_weights == 3
    assert counts.dead_channels == 1
    assert counts.zero_share == 0.5


def test_each_channel_has_its_own_zero_point() -> None:
    """Row by row, zeros are at that row's zero point."""
    counts = _dense([[0, 0], [5, 5], [0, 5]], "int8", zero_point=(0, 5, 1), scales=3)

    assert counts.zero_weights == 4
    assert counts.dead_channels == 2


def test_a_model_without_weights_has_no_zero_share() -> None:
    """Nothing is divided by nothing."""
    builder = ModelBuilder()
    x = builder.tensor((1, 2), "float32")
    y = builder.tensor((1, 2), "float32")
    builder.op("RELU", [x], [y])

    counts = _count(builder, [x], [y])

    assert (counts.zero_share, counts.macs, counts.parameters) == (0.0, 0, 0)


def test_a_model_without_ops_is_counted() -> None:
    """The smallest valid model hands its input on."""
    builder = ModelBuilder()
    x = builder.tensor((1, 2), "float32")

    assert _count(builder, [x], [x]).peak_activation_bytes == 0
