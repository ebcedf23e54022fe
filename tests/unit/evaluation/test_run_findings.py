"""What a model's runs tell of it belongs to the engines that they stand for, and to no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder

from tinygauge.accuracy import RUNNERS, Dataset
from tinygauge.evaluation import evaluate
from tinygauge.quantity import Missing
from tinygauge.records import Score
from tinygauge.selection import Position

DATA = Dataset(name="data", path="", sha256="f", x=np.eye(4, dtype=np.float32), y=np.arange(4) % 3)


def hybrid(path: Path) -> Path:
    """Write a model of float activations and int8 weights, which LiteRT runs and TFLM refuses."""
    builder = ModelBuilder()
    x, y = builder.tensor((1, 4), "float32"), builder.tensor((1, 3), "float32")
    weights = np.random.default_rng(1).integers(-127, 128, (3, 4))
    builder.op(
        "FULLY_CONNECTED", [x, builder.tensor((3, 4), "int8", data=weights, scale=0.01), -1], [y]
    )
    path.write_bytes(builder.build([x], [y]))
    return path


@pytest.mark.skipif(
    any(RUNNERS[name].version is None for name in ("tflite-micro", "litert-xnnpack")),
    reason="tflite-micro or LiteRT is not installed",
)
def test_a_fault_with_one_rounding_is_no_fault_with_another(tmp_path: Path) -> None:
    """The engine that can't run the model is outside; the one that was scored is not."""
    results = evaluate(
        hybrid(tmp_path / "hybrid.tflite"),
        data=DATA,
        boards=["nucleo-l4r5zi"],
        engines=["tflm-cmsis-nn", "x-cube-ai"],
    )

    (failure,) = results.failures
    assert "tflite-micro" in failure.message
    of_tflm, of_st = results.selection.verdicts
    assert isinstance(of_tflm.evaluation.accuracy, Missing)
    assert "TG104" in {finding.code for finding in of_tflm.evaluation.findings}
    assert of_tflm.position is Position.OUTSIDE
    assert isinstance(of_st.evaluation.accuracy, Score)
    assert "TG104" not in {finding.code for finding in of_st.evaluation.findings}
    assert of_st.position is Position.UNDECIDED
