"""Architecture and precision, recognised from tiny graphs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph


class _Net:
    """A chain of float32 ops on a 4x4 image; weights are ones."""

    def __init__(self, *shape: int) -> None:
        self.builder = ModelBuilder()
        self.x = self.last = self.builder.tensor(shape or (1, 4, 4, 2), "float32")

    def add(
        self, kind: str, weights: Sequence[int] | None, *shape: int, activation: str = ""
    ) -> int:
        inputs = [self.last]
        if weights is not None:
            inputs.append(self.builder.tensor(weights, "float32", data=np.ones(weights)))
        self.last = self.builder.tensor(shape, "float32")
        options = {"fused_activation_function": activation} if activation else {}
        self.builder.op(kind, inputs, [self.last], version=1, **options)
        return self.last

    def parse(self) -> graph.Model:
        return graph.parse(self.builder.build([self.x], [self.last]), name="net")


def _cnn() -> graph.Model:
    net = _Net()
    net.add("CONV_2D", (4, 3, 3, 2), 1, 4, 4, 4)
    net.add("MAX_POOL_2D", None, 1, 1, 1, 4)
    net.add("FULLY_CONNECTED", (3, 4), 1, 3)
    return net.parse()


def _ds_cnn(activation: str) -> graph.Model:
    net = _Net()
    net.add("DEPTHWISE_CONV_2D", (1, 3, 3, 2), 1, 4, 4, 2)
    net.add("CONV_2D", (4, 1, 1, 2), 1, 4, 4, 4, activation=activation)
    return net.parse()


def _depthwise_with_wide_convolution() -> graph.Model:
    net = _Net()
    net.add("DEPTHWISE_CONV_2D", (1, 3, 3, 2), 1, 4, 4, 2)
    net.add("CONV_2D", (4, 3, 3, 2), 1, 4, 4, 4, activation="NONE")
    return net.parse()


def _resnet(constant: bool) -> graph.Model:
    net = _Net()
    first = net.add("CONV_2D", (2, 3, 3, 2), 1, 4, 4, 2)
    second = net.add("CONV_2D", (2, 3, 3, 2), 1, 4, 4, 2)
    other = net.builder.tensor((2,), "float32", data=[1.0, 2.0]) if constant else first
    net.last = net.builder.tensor((1, 4, 4, 2), "float32")
    net.builder.op("ADD", [second, other], [net.last])
    return net.parse()


def _dense(*widths: int, softmax: bool = False) -> graph.Model:
    net = _Net(1, widths[0])
    for before, after in itertools.pairwise(widths):
        net.add("FULLY_CONNECTED", (after, before), 1, after)
    if softmax:
        net.add("SOFTMAX", None, 1, widths[-1])
    return net.parse()


def _unrolled(steps: int) -> graph.Model:
    net = _Net(1, 4)
    weights = net.builder.tensor((4, 4), "float32", data=np.eye(4))
    for _ in range(steps):
        after = net.builder.tensor((1, 4), "float32")
        net.builder.op("FULLY_CONNECTED", [net.last, weights], [after])
        net.last = after
    net.add("FULLY_CONNECTED", (2, 4), 1, 2)
    return net.parse()


def _with(kind: str) -> graph.Model:
    net = _Net(1, 4)
    net.add(kind, (4, 4), 1, 4)
    return net.parse()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: graph.parse(build_fully_connected(), name="net"), "mlp"),
        (lambda: graph.parse(build_cnn(), name="net"), "ds-cnn"),
        (_cnn, "cnn"),
        (lambda: _ds_cnn("RELU"), "ds-cnn"),
        (lambda: _ds_cnn("NONE"), "mobilenetv2"),
        (_depthwise_with_wide_convolution, "ds-cnn"),
        (lambda: _resnet(constant=False), "resnet"),
        (lambda: _resnet(constant=True), "cnn"),  # an addition of a constant is a bias
        (lambda: _dense(8, 4, 2), "mlp"),
        (lambda: _dense(8, 4, 8), "autoencoder"),
        (lambda: _dense(8, 4, 8, softmax=True), "mlp"),  # as many classes as inputs
        (lambda: _dense(1, 16, 16, 1), "mlp"),  # one number in, one out: a regression
        (lambda: _with("SVDF"), "rnn"),
        (lambda: _with("UNIDIRECTIONAL_SEQUENCE_LSTM"), "rnn"),
        (lambda: _with("WHILE"), "rnn"),
        (lambda: _unrolled(4), "rnn"),
        (lambda: _unrolled(2), "mlp"),
        (lambda: _with("BATCH_MATMUL"), "other"),
    ],
)
def test_an_architecture_is_recognised(make: Callable[[], graph.Model], expected: str) -> None:
    """Ops and how they are joined name the family, by the rules in the docstring."""
    found = graph.family(make())

    assert found == expected
    assert found in graph.FAMILIES


@pytest.mark.parametrize(
    ("activation", "weights", "expected"),
    [
        ("float32", "float32", "float32"),
        ("int8", "int8", "int8"),
        ("uint8", "uint8", "uint8"),
        ("int16", "int8", "int16x8"),
        ("int8", "int4", "int4"),
        ("float32", "int8", "hybrid"),
        ("float32", "float16", "float32/float16"),
    ],
)
def test_a_precision_is_that_of_activations_and_weights(
    activation: str, weights: str, expected: str
) -> None:
    """Both types name the arithmetic."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), activation, scale=0.1)
    data = b"\x11" * 4 if weights == "int4" else np.ones((2, 4))
    w = builder.tensor((2, 4), weights, data=data, scale=0.1)
    y = builder.tensor((1, 2), activation, scale=0.1)
    builder.op("FULLY_CONNECTED", [x, w], [y])

    assert graph.precision(graph.parse(builder.build([x], [y]), name="net")) == expected


def test_quantise_and_dequantise_at_the_ends_do_not_matter() -> None:
    """An int8 model with float input and output is int8."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    q = builder.tensor((1, 4), "int8", scale=0.1)
    w = builder.tensor((2, 4), "int8", data=np.ones((2, 4)), scale=0.1)
    r = builder.tensor((1, 2), "int8", scale=0.1)
    y = builder.tensor((1, 2), "float32")
    builder.op("QUANTIZE", [x], [q])
    builder.op("FULLY_CONNECTED", [q, w], [r])
    builder.op("DEQUANTIZE", [r], [y])

    assert graph.precision(graph.parse(builder.build([x], [y]), name="net")) == "int8"


def test_ops_of_different_precision_are_mixed() -> None:
    """A model part float, part int8 is called neither."""
    net = _Net(1, 4)
    net.add("FULLY_CONNECTED", (4, 4), 1, 4)
    q = net.builder.tensor((1, 4), "int8", scale=0.1)
    net.builder.op("QUANTIZE", [net.last], [q])
    w = net.builder.tensor((2, 4), "int8", data=np.ones((2, 4)), scale=0.1)
    net.last = net.builder.tensor((1, 2), "int8", scale=0.1)
    net.builder.op("FULLY_CONNECTED", [q, w], [net.last])

    assert graph.precision(net.parse()) == "mixed"


def test_a_hybrid_model_may_keep_small_weights_float() -> None:
    """Dynamic-range quantisation skips small tensors; the model is hybrid all the same."""
    net = _Net(1, 4)
    net.add("FULLY_CONNECTED", (4, 4), 1, 4)
    w = net.builder.tensor((2, 4), "int8", data=np.ones((2, 4)), scale=0.1)
    y = net.builder.tensor((1, 2), "float32")
    net.builder.op("FULLY_CONNECTED", [net.last, w], [y])
    net.last = y

    assert graph.precision(net.parse()) == "hybrid"


def test_a_model_without_weights_has_no_precision() -> None:
    """Nothing is guessed from activations alone."""
    net = _Net(1, 4)
    net.add("RELU", None, 1, 4)

    assert graph.precision(net.parse()) == "none"


def test_a_transpose_convolution_is_judged_by_its_image() -> None:
    """Its first input is a shape of int32, no activation."""
    builder = ModelBuilder()
    shape = builder.tensor((4,), "int32", data=[1, 4, 4, 2])
    w = builder.tensor((2, 3, 3, 3), "int8", data=np.ones((2, 3, 3, 3)), scale=0.1)
    x = builder.tensor((1, 2, 2, 3), "int8", scale=0.1)
    y = builder.tensor((1, 4, 4, 2), "int8", scale=0.1)
    builder.op("TRANSPOSE_CONV", [shape, w, x], [y])

    assert graph.precision(graph.parse(builder.build([x], [y]), name="net")) == "int8"
