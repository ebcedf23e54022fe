"""A stretch of a model, cut out of its file, computes what it computes in the whole."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn

from tinygauge import accuracy, graph
from tinygauge.graph import Model

MODEL = graph.parse(build_cnn(), name="cnn")
ROWS = np.random.default_rng(5).integers(-128, 128, (4, 1, 8, 8, 1)).astype(np.int8)
# ONNX Runtime makes one kernel of several ops, and so rounds less often in the whole.
RUNNERS = [
    accuracy.RUNNERS[name]
    for name in ("tflite-micro", "litert-xnnpack", "litert-builtin")
    if accuracy.RUNNERS[name].version is not None
]


def _branches() -> Model:
    """Two branches from one input that meet: an op of two inputs, and a tensor read twice."""
    builder = ModelBuilder()
    x, left, y = (builder.tensor((1, 6), "int8", scale=0.5) for _ in range(3))
    right = builder.tensor((1, 6), "int8", scale=1 / 256, zero_point=-128)
    builder.op("RELU", [x], [left])
    builder.op("LOGISTIC", [x], [right])
    builder.op("ADD", [left, right], [y])
    return graph.parse(builder.build([x], [y]), name="branches")


def test_a_stretch_is_a_model_of_its_own() -> None:
    """It has the ops, inputs and outputs asked for, and the constants of the whole."""
    first, last = 1, len(MODEL.main.ops) - 1
    source = MODEL.main.ops[first].inputs[0]
    part = graph.parse(
        graph.cut(MODEL, [source], MODEL.main.outputs, ops=range(first, last + 1)), name="part"
    )
    assert [op.kind for op in part.main.ops] == [op.kind for op in MODEL.main.ops[first:]]
    assert part.main.inputs == (source,)
    assert part.main.outputs == MODEL.main.outputs
    assert [tensor.is_constant for tensor in part.main.tensors] == [
        tensor.is_constant for tensor in MODEL.main.tensors
    ]


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: runner.name)
def test_stretches_in_turn_give_what_the_whole_gives(runner: accuracy.Runner) -> None:
    """Each op alone, fed with what the one before gave, ends at the same outputs."""
    values = ROWS
    for op in MODEL.main.ops:
        (given,) = graph.given_tensors(MODEL.main, op)
        part = graph.cut(MODEL, [given.index], op.outputs, ops=[op.index])
        shaped = values.reshape(len(values), *given.shape)
        (values,) = accuracy.run_outputs(part, [shaped], runner, count=1)
    np.testing.assert_array_equal(values, accuracy.run_model(MODEL.content, ROWS, runner))


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: runner.name)
def test_every_tensor_can_be_shown(runner: accuracy.Runner) -> None:
    """With all tensors for outputs the last is unchanged; an op of two inputs takes both."""
    model = _branches()
    shown = [tensor.index for tensor in graph.shown_tensors(model.main)]
    rows = np.array([[[-9, -1, 0, 1, 2, 90]]], dtype=np.int8)
    found = accuracy.run_outputs(
        graph.cut(model, model.main.inputs, shown), [rows], runner, count=len(shown)
    )
    np.testing.assert_array_equal(found[-1], accuracy.run_model(model.content, rows, runner))
    add = model.main.ops[2]
    given = graph.given_tensors(model.main, add)
    assert [tensor.index for tensor in given] == list(add.inputs)
    part = graph.cut(model, add.inputs, add.outputs, ops=[2])
    inputs = [each.reshape(1, 1, 6) for each in found[:2]]
    np.testing.assert_array_equal(accuracy.run_outputs(part, inputs, runner, count=1)[0], found[-1])
