"""Integer weights written as float32: the model then computes what a float model does."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn

from tinygauge import accuracy, graph
from tinygauge.graph import DType

RUNNER = accuracy.RUNNERS["litert-builtin"]
STORED = np.random.default_rng(3).integers(-127, 128, (5, 64)).astype(np.int8)


def _dense(weights_of: str, scale: tuple[float, ...], *, dequantised: bool = False) -> bytes:
    """A FULLY_CONNECTED op in float with int8 or float32 weights, read by a second op or not."""
    builder = ModelBuilder()
    x, y = builder.tensor((1, 64), "float32"), builder.tensor((1, 5), "float32")
    if weights_of == "float32":
        real = STORED.astype(np.float32) * np.array(scale, np.float32).reshape(-1, 1)
        weights = builder.tensor((5, 64), "float32", data=real)
    else:
        weights = builder.tensor((5, 64), "int8", data=STORED, scale=scale)
    builder.op("FULLY_CONNECTED", [x, weights, -1], [y])
    results = [y]
    if dequantised:
        results.append(builder.tensor((5, 64), "float32"))
        builder.op("DEQUANTIZE", [weights], results[1:])
    return builder.build([x], results)


@pytest.mark.parametrize("scale", [(0.02,), (0.01, 0.5, 0.003, 1.0, 0.2)])
def test_the_result_is_the_model_with_float_weights(scale: tuple[float, ...]) -> None:
    """To the bit, with a scale for the tensor or one for each channel; LiteRT differs before."""
    hybrid, real = (graph.parse(_dense(dtype, scale), name=dtype) for dtype in ("int8", "float32"))
    written = graph.with_float_weights(hybrid)
    assert [tensor.index for tensor in graph.hybrid_weights(hybrid)] == [2]
    assert graph.hybrid_weights(written) == ()
    weights = written.main.tensors[2]
    assert (weights.dtype, weights.quantization) == (DType.FLOAT32, None)
    rows = np.random.default_rng(4).normal(0, 1, (7, 1, 64)).astype(np.float32)
    wanted = accuracy.run_model(real.content, rows, RUNNER)
    np.testing.assert_array_equal(accuracy.run_model(written.content, rows, RUNNER), wanted)
    assert not np.array_equal(accuracy.run_model(hybrid.content, rows, RUNNER), wanted)


def test_what_is_also_read_as_integers_stays() -> None:
    """Such as by an op that dequantises it: the model runs as before, and says what is left."""
    model = graph.parse(_dense("int8", (0.02,), dequantised=True), name="both")
    assert graph.with_float_weights(model).content == model.content
    assert len(graph.hybrid_weights(graph.with_float_weights(model))) == 1


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_models_of_one_kind_have_no_hybrid_weights(dtype: str) -> None:
    """Integer ops have integer weights, float ops float ones: nothing is written."""
    model = graph.parse(build_cnn(dtype=dtype), name=dtype)
    assert graph.hybrid_weights(model) == ()
    assert graph.with_float_weights(model).sha256 == model.sha256
