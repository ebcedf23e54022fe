"""Functions of one int16 value, at every value against tflite-micro."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder

from tinygauge import graph
from tinygauge.accuracy.processes import run_model
from tinygauge.accuracy.runners import Runner
from tinygauge.exact import compile_model
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


@pytest.mark.parametrize("kind", ["LEAKY_RELU", "QUANTIZE", "RELU", "RELU6"])
@pytest.mark.parametrize("seed", range(6))
def test_every_value_of_an_int16_scale_is_that_of_tflite_micro(kind: str, seed: int) -> None:
    """Among 65,536 values some are so near a tie that the last bit of the scale shows."""
    drawn = np.random.default_rng(seed)
    before, after = drawn.uniform(0.001, 0.05, 2).astype(np.float32)
    options = {"alpha": float(np.float32(drawn.uniform()))} if kind == "LEAKY_RELU" else {}
    builder = ModelBuilder()
    x = builder.tensor((1, 65536), "int16", scale=float(before), zero_point=0)
    y = builder.tensor((1, 65536), "int16", scale=float(after), zero_point=0)
    builder.op(kind, [x], [y], version=2, **options)
    content = builder.build([x], [y])
    values = np.arange(-(2**15), 2**15).astype(np.int16).reshape(1, 1, 65536)

    (found,) = compile_model(graph.parse(content, name=kind)).run(values)

    assert found.tobytes() == run_model(content, values, TFLM).tobytes()
