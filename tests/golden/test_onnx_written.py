"""Models written as ONNX mean the same: ONNX Runtime, an independent program, agrees op by op."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.e2e.conftest import PACKAGED
from tests.support.tiny_models import ModelBuilder

from tinygauge import accuracy, graph
from tinygauge.accuracy import RUNNERS
from tinygauge.cli.main import main
from tinygauge.diagnosis.differences import Cause
from tinygauge.diagnosis.doctor import examine
from tinygauge.errors import UnsupportedOpError
from tinygauge.graph.onnx import to_onnx
from tinygauge.quantity import Missing

pytest.importorskip("onnxruntime")

DATA = accuracy.load_dataset(PACKAGED / "test_2000.npz")
ONNX, XNNPACK = RUNNERS["onnxruntime"], RUNNERS["litert-xnnpack"]


@pytest.mark.parametrize("family", ["cnn_4", "mlp_8", "mobilenetv2_4", "resnet_4"])
def test_every_op_computes_what_litert_does(family: str) -> None:
    """In float to the last digits, in integers to a step, whatever the padding and the stride."""
    for kind, causes in (
        ("f32", {Cause.EQUAL, Cause.DIGITS, Cause.DRIFT}),
        ("i8", {Cause.EQUAL, Cause.ROUNDING, Cause.DRIFT}),
    ):
        model = graph.load(PACKAGED / "models" / f"{family}_{kind}.tflite")
        rows = accuracy.fit(model, DATA)[0:5]
        ops, _ = examine(model, rows, (XNNPACK, ONNX))
        assert len(ops) == len(model.main.ops)
        assert not any(isinstance(op.alone, Missing) for op in ops)
        assert {op.cause for op in ops} <= causes


def test_other_ops_keep_their_meaning() -> None:
    """Two inputs, a concatenation, curves and conversions, on values beyond every range."""
    builder = ModelBuilder()
    x, y, z = (builder.tensor((1, 6), "int8", scale=0.1, zero_point=5) for _ in range(3))
    curve = builder.tensor((1, 6), "int8", scale=1 / 256, zero_point=-128)
    joined = builder.tensor((1, 12), "int8", scale=0.1, zero_point=5)
    real = builder.tensor((1, 12), "float32")
    builder.op("RELU6", [x], [y])
    builder.op("LOGISTIC", [x], [curve])
    builder.op("MUL", [y, curve], [z], fused_activation_function="NONE")
    builder.op("CONCATENATION", [z, y], [joined], axis=1, fused_activation_function="NONE")
    builder.op("DEQUANTIZE", [joined], [real])
    model = graph.parse(builder.build([x], [real]), name="odd")
    rows = np.array([[[-128, -3, 5, 9, 64, 127]]], dtype=np.int8)
    ours, theirs = (accuracy.run_model(model.content, rows, runner) for runner in (XNNPACK, ONNX))
    np.testing.assert_allclose(ours, theirs, atol=0.1001)
    assert not np.array_equal(theirs, np.zeros_like(theirs))


def test_what_is_not_written_is_named() -> None:
    """The op, and those that are."""
    builder = ModelBuilder()
    x, y = (builder.tensor((1, 4), "int8", scale=0.5) for _ in range(2))
    builder.op("CUSTOM:mystery", [x], [y])
    model = graph.parse(builder.build([x], [y]), name="odd")
    with pytest.raises(UnsupportedOpError, match=r"op 0 CUSTOM:mystery.*Written are: ADD"):
        to_onnx(model)


def test_the_verb_compares_with_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A small part of the data is enough to see the first convolution round otherwise."""
    with np.load(PACKAGED / "test_2000.npz") as arrays:
        np.savez(tmp_path / "few.npz", **{**arrays, "x": arrays["x"][:60], "y": arrays["y"][:60]})
    model = PACKAGED / "models" / "cnn_4_i8.tflite"
    words = ["diff", str(model), "--data", str(tmp_path / "few.npz"), "--json"]
    assert main([*words, "--against", "onnxruntime", "--inputs", "20"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["first"] == {"op": 0, "cause": "rounding by one step"}
    assert found["other"].startswith("ONNX Runtime")
