"""Ops run apart: many in one job, each given what is known, and none spoiling another."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn

from tinygauge import accuracy, graph
from tinygauge.diagnosis.trace import run_apart, trace
from tinygauge.graph import Model
from tinygauge.quantity import Missing

BUILTIN = accuracy.RUNNERS["litert-builtin"]
TFLM = accuracy.RUNNERS["tflite-micro"]
CNN = graph.parse(build_cnn(), name="cnn")
ROWS = np.random.default_rng(5).integers(-128, 128, (6, 1, 8, 8, 1)).astype(np.int8)


def _chain(ops: int) -> Model:
    """Doublings by ADD, each reading the last; every third also reads the model's input."""
    builder = ModelBuilder()
    x = before = builder.tensor((1, 2), "float32")
    for place in range(ops):
        after = builder.tensor((1, 2), "float32")
        builder.op("ADD", [before, x if place % 3 == 0 else before], [after])
        before = after
    return graph.parse(builder.build([x], [before]), name="chain")


def test_ops_together_make_what_each_makes_alone() -> None:
    """Given values that no op of the model made: so none reads what another did in the same job."""
    random = np.random.default_rng(1)
    known = {
        index: random.integers(-128, 128, values.shape).astype(values.dtype)
        for index, values in trace(CNN, ROWS, BUILTIN).items()
    }
    together = run_apart(CNN, CNN.main.ops, known, BUILTIN)
    assert sorted(together) == [op.index for op in CNN.main.ops]
    for op in CNN.main.ops:
        alone = run_apart(CNN, [op], known, BUILTIN)[op.index]
        assert isinstance(alone, np.ndarray)
        np.testing.assert_array_equal(together[op.index], alone)


def test_a_model_of_many_ops_takes_few_jobs() -> None:
    """More tensors than a job may hold are shared out; the progress tells of each job."""
    model, rows = _chain(450), np.array([[[1, -1]]], np.float32) * 1e-30
    told: list[tuple[int, int]] = []
    values = trace(model, rows, BUILTIN, progress=lambda _, done, total: told.append((done, total)))
    assert told[-1] == (450, 450)
    assert len(told) == 3
    told.clear()
    found = run_apart(
        model,
        model.main.ops,
        values,
        BUILTIN,
        progress=lambda _, done, total: told.append((done, total)),
    )
    assert told[-1] == (450, 450)
    assert len(told) <= 8
    for op in model.main.ops:
        np.testing.assert_array_equal(found[op.index], values[op.outputs[0]])


@pytest.mark.skipif(TFLM.version is None, reason="tflite-micro is not installed")
def test_an_op_that_can_not_run_spoils_no_other() -> None:
    """Of those in one job with it, each still makes what it makes."""
    builder = ModelBuilder()
    x, *made = (builder.tensor((1, 4), "float32") for _ in range(6))
    for kind, y in zip(("RELU", "RELU_0_TO_1", "TANH", "LOGISTIC", "RELU6"), made, strict=True):
        builder.op(kind, [x], [y])
    model = graph.parse(builder.build([x], made), name="five")
    rows = np.array([[[-2, 0.5, 3, 9]]], np.float32)
    found = run_apart(model, model.main.ops, {x: rows}, TFLM)
    refused = found[1]
    assert isinstance(refused, Missing)
    assert "RELU_0_TO_1" in refused.reason
    np.testing.assert_array_equal(found[0], np.maximum(rows, 0))
    np.testing.assert_array_equal(found[4], np.clip(rows, 0, 6))
    assert not isinstance(found[2], Missing)
    assert not isinstance(found[3], Missing)


def test_ops_that_keep_one_state_do_not_share_it() -> None:
    """Each begins with it reset, as it does alone."""
    builder = ModelBuilder()
    x, state = (
        builder.tensor((1, 2), "float32"),
        builder.tensor((1, 6), "float32", is_variable=True),
    )
    feature = builder.tensor((1, 2), "float32", data=[[1, 2]])
    time = builder.tensor((1, 6), "float32", data=[[1, 2, 3, 4, 5, 6]])
    y, z = (builder.tensor((1, 1), "float32") for _ in range(2))
    for made in (y, z):
        builder.op("SVDF", [x, feature, time, -1, state], [made], rank=1)
    model = graph.parse(builder.build([x], [y, z]), name="twice")
    rows = np.array([[[1, 1]]], np.float32)
    found = run_apart(model, model.main.ops, {x: rows}, BUILTIN)
    np.testing.assert_array_equal(found[0], found[1])
    assert np.asarray(found[0]).any()
