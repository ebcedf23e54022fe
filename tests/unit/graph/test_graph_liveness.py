"""Dead channels: where they start, how far they reach, and which products they spare."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.tiny_models import ModelBuilder

from tinygauge import graph
from tinygauge.graph.liveness import live_channels

# Channels 1 and 3 of four are dead.
ALIVE = [True, False, True, False]


class _Net:
    """A float32 network that begins with a convolution with dead filters."""

    def __init__(self, alive: Sequence[bool] = ALIVE, side: int = 4) -> None:
        self.builder = ModelBuilder()
        self.side = side
        self.x = self.builder.tensor((1, side, side, 2), "float32")
        self.y = self.conv(self.x, 2, alive)

    def tensor(self, *shape: int) -> int:
        return self.builder.tensor(shape, "float32")

    def constant(self, data: npt.ArrayLike, dtype: str = "float32") -> int:
        return self.builder.tensor(np.shape(data), dtype, data=data)

    def conv(self, source: int, depth: int, alive: Sequence[bool]) -> int:
        """Add a 3x3 convolution whose filters are ones, or zeros where not alive."""
        filters = np.ones((len(alive), 3, 3, depth)) * np.reshape(alive, (-1, 1, 1, 1))
        result = self.tensor(1, self.side, self.side, len(alive))
        self.builder.op("CONV_2D", [source, self.constant(filters)], [result])
        return result

    def depthwise(self, source: int, alive: Sequence[bool]) -> int:
        """Add a 3x3 depthwise convolution, any number of filters an input channel."""
        filters = np.ones((1, 3, 3, len(alive))) * np.array(alive)
        result = self.tensor(1, self.side, self.side, len(alive))
        self.builder.op("DEPTHWISE_CONV_2D", [source, self.constant(filters)], [result])
        return result

    def graph(self, output: int) -> graph.Model:
        return graph.parse(self.builder.build([self.x], [output]), name="net")

    def live(self, output: int) -> list[bool] | None:
        """Return which channels of a tensor are live; None for all."""
        mask = live_channels(self.graph(output).main).get(output)
        return None if mask is None else mask.tolist()


def test_filters_of_zeros_make_dead_channels() -> None:
    """A filter that multiplies with nothing but 0 has a constant output."""
    net = _Net()

    assert net.live(net.y) == ALIVE
    counts = graph.count_model(net.graph(net.y))
    assert counts.dead_channels == 2
    assert counts.live_macs == counts.macs // 2


def test_a_bias_does_not_bring_a_channel_to_life() -> None:
    """A constant is a constant, 0 or not."""
    net = _Net()
    filters = net.constant(np.zeros((2, 1, 1, 4)))
    z = net.tensor(1, 4, 4, 2)
    net.builder.op("CONV_2D", [net.y, filters, net.constant([5.0, -3.0])], [z])

    assert net.live(z) == [False, False]


@pytest.mark.parametrize("multiplier", [1, 2, 3])
def test_depthwise_filters_pass_dead_channels_on(multiplier: int) -> None:
    """Each input channel's outputs stand in a row: all of them die with it."""
    net = _Net()

    z = net.depthwise(net.y, [True] * 4 * multiplier)

    assert net.live(z) == [flag for flag in ALIVE for _ in range(multiplier)]


def test_depthwise_filters_can_die_themselves() -> None:
    """A channel lives on if it was alive and its own filter is."""
    net = _Net()

    z = net.depthwise(net.y, [False, False, True, True])

    assert net.live(z) == [False, False, True, False]
    _, depthwise = graph.count_ops(net.graph(z))
    assert depthwise.dead_channels == 2  # its own, not those it inherits
    assert depthwise.live_macs == depthwise.macs // 4


def _pool(net: _Net, kind: str) -> int:
    z = net.tensor(1, 2, 2, 4)
    net.builder.op(kind, [net.y], [z], filter_height=2, filter_width=2, stride_h=2, stride_w=2)
    return z


def _mean(net: _Net, axes: Sequence[int], shape: Sequence[int]) -> int:
    z = net.tensor(*shape)
    net.builder.op("MEAN", [net.y, net.constant(axes, "int32")], [z])
    return z


def _reshape(net: _Net, shape: Sequence[int]) -> int:
    z = net.tensor(*shape)
    net.builder.op("RESHAPE", [net.y, net.constant(shape, "int32")], [z])
    return z


def _pad(net: _Net, paddings: Sequence[Sequence[int]], shape: Sequence[int]) -> int:
    z = net.tensor(*shape)
    net.builder.op("PAD", [net.y, net.constant(paddings, "int32")], [z])
    return z


@pytest.mark.parametrize(
    "add",
    [
        lambda net: _pool(net, "AVERAGE_POOL_2D"),
        lambda net: _pool(net, "MAX_POOL_2D"),
        lambda net: _mean(net, [1, 2], [1, 4]),
        lambda net: _mean(net, [1, 2], [1, 1, 1, 4]),
        lambda net: _reshape(net, [1, 16, 4]),
        lambda net: _pad(net, [[0, 0], [1, 1], [1, 1], [0, 0]], [1, 6, 6, 4]),
    ],
)
def test_what_treats_channels_apart_passes_dead_ones_on(add: Callable[[_Net], int]) -> None:
    """Pooling, means over space, padding around, and reshapes that keep the last dimension."""
    net = _Net()

    assert net.live(add(net)) == ALIVE


@pytest.mark.parametrize(
    "add",
    [
        lambda net: _mean(net, [3], [1, 4, 4]),  # 4 is the width here, not the channels
        lambda net: _mean(net, [-1], [1, 4, 4]),
        lambda net: _reshape(net, [1, 64]),
        lambda net: _reshape(net, [1, 32, 2]),
        lambda net: _pad(net, [[0, 0], [0, 0], [0, 0], [1, 1]], [1, 4, 4, 6]),
    ],
)
def test_what_mixes_channels_makes_all_live(add: Callable[[_Net], int]) -> None:
    """Where an output depends on several channels, none is called dead."""
    net = _Net()

    assert net.live(add(net)) is None


def test_a_mean_over_axes_known_only_at_run_time_makes_all_live() -> None:
    """What can't be seen in the file is not assumed."""
    net = _Net()
    axes = net.builder.tensor((2,), "int32")
    z = net.tensor(1, 4)
    net.builder.op("MEAN", [net.y, axes], [z])

    assert net.live(z) is None


@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"])
def test_a_sum_is_dead_where_both_sides_are(kind: str) -> None:
    """One live side brings a channel to life."""
    net = _Net()
    other = net.conv(net.x, 2, [False, False, True, True])
    z = net.tensor(1, 4, 4, 4)
    net.builder.op(kind, [net.y, other], [z])

    assert net.live(z) == [True, False, True, True]


def test_a_sum_with_something_wholly_live_is_live() -> None:
    """A residual from the input brings every channel back."""
    net = _Net()
    other = net.conv(net.x, 2, [True] * 4)
    z = net.tensor(1, 4, 4, 4)
    net.builder.op("ADD", [net.y, other], [z])

    assert net.live(z) is None


def test_a_convolution_is_spared_dead_inputs_and_dead_outputs() -> None:
    """Two of four inputs and one of two outputs remain: a quarter of the products."""
    net = _Net()

    z = net.conv(net.y, 4, [True, False])

    _, conv = graph.count_ops(net.graph(z))
    assert conv.live_macs == conv.macs // 4
    assert net.live(z) == [True, False]


def test_a_grouped_convolution_is_spared_within_its_groups() -> None:
    """Dead inputs of one group spare nothing to the filters of another."""
    net = _Net([False, False, True, True])
    # Two groups of two inputs; the filters of the first group are alive, one of the second's.
    z = net.conv(net.y, 2, [True, True, True, False])

    _, conv = graph.count_ops(net.graph(z))

    # Of 4 filters x 2 inputs only the third filter's two inputs are live on both sides.
    assert conv.live_macs == conv.macs * 2 // 8


def test_a_dense_op_is_spared_dead_inputs() -> None:
    """Behind a global pooling, dead channels are dead columns."""
    net = _Net()
    pooled = _mean(net, [1, 2], [1, 4])
    z = net.tensor(1, 3)
    net.builder.op("FULLY_CONNECTED", [pooled, net.constant(np.ones((3, 4)))], [z])

    *_, dense = graph.count_ops(net.graph(z))

    assert (dense.macs, dense.live_macs) == (12, 6)


def test_a_transpose_convolution_has_dead_filters() -> None:
    """Its output channels are the first axis of its weights."""
    builder = ModelBuilder()
    shape = builder.tensor((4,), "int32", data=[1, 4, 4, 2])
    filters = np.ones((2, 3, 3, 3))
    filters[1] = 0
    w = builder.tensor((2, 3, 3, 3), "float32", data=filters)
    x = builder.tensor((1, 2, 2, 3), "float32")
    y = builder.tensor((1, 4, 4, 2), "float32")
    builder.op("TRANSPOSE_CONV", [shape, w, x], [y])

    counts = graph.count_model(graph.parse(builder.build([x], [y]), name="net"))

    assert counts.dead_channels == 1
    assert counts.live_macs * 2 == counts.macs


_flags = st.lists(st.booleans(), min_size=1, max_size=5)


@settings(max_examples=60)
@given(_flags, st.data())
def test_dead_channels_really_are_constant(first: list[bool], data: st.DataObject) -> None:
    """Computed in NumPy on two inputs, a channel called dead gives the same both times."""
    second = data.draw(st.lists(st.booleans(), min_size=len(first), max_size=len(first)))
    third = data.draw(_flags)
    net = _Net(first, side=1)
    y = net.depthwise(net.y, second)
    z = net.conv(y, len(first), third)
    model = net.graph(z)

    def run(value: float) -> dict[int, npt.NDArray[np.float64]]:
        # At a single place, a 3x3 filter with padding is its middle tap.
        found: dict[int, npt.NDArray[np.float64]] = {net.x: np.full(2, value)}
        for op in model.main.ops:
            weights = model.main.tensors[op.inputs[1]].data
            assert weights is not None
            middle = weights[:, 1, 1, :].astype(np.float64)
            source = found[op.inputs[0]]
            result = middle @ source if op.kind == "CONV_2D" else middle[0] * source
            found[op.outputs[0]] = result
        return found

    one, two = run(1.0), run(2.0)

    for index, mask in live_channels(model.main).items():
        np.testing.assert_array_equal(one[index][~mask], two[index][~mask])
    for op in graph.count_ops(model):
        assert op.live_macs <= op.macs
