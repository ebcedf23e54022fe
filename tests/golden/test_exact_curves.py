"""The int16 curves, whose table is TFLM's own, value by value against tflite-micro."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder

from tinygauge import graph
from tinygauge.accuracy.processes import run_model
from tinygauge.accuracy.runners import Runner
from tinygauge.exact.lowering import lower_ops
from tinygauge.exact.plain import PLAIN

pytest.importorskip("tflite_micro", reason="tflite-micro is for Linux only")

TFLM = Runner("tflite-micro", "tflite-micro", "tflite-micro")


@pytest.mark.parametrize("kind", ["LOGISTIC", "TANH"])
@pytest.mark.parametrize("scale", [2**-12, 2**-11, 0.0002, 1 / 12288])
def test_every_value_of_an_int16_curve_is_that_of_tflite_micro(kind: str, scale: float) -> None:
    """All 65,536, so that each entry of the table is read, and between all of them."""
    builder = ModelBuilder()
    x = builder.tensor((1, 65536), "int16", scale=scale, zero_point=0)
    y = builder.tensor((1, 65536), "int16", scale=2**-15, zero_point=0)
    builder.op(kind, [x], [y], version=2)
    content = builder.build([x], [y])
    values = np.arange(-(2**15), 2**15).astype(np.int16).reshape(1, 1, 65536)

    (step,) = lower_ops(graph.parse(content, name=kind))
    (found,) = PLAIN[type(step)](step, [values])

    assert found.tobytes() == run_model(content, values, TFLM).tobytes()
