"""Every output of the exact evaluator equals tflite-micro's, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.support.micro import adversarial_inputs, run_micro
from tests.support.tiny_models import ModelBuilder

from tinygauge import graph
from tinygauge.exact import compile_model, find_unsupported
from tinygauge.exact.library import LEVELS, level, levels, library

PACKAGED = sorted(
    (Path(graph.__file__).parents[1] / "data" / "fashion_mnist" / "models").glob("*_i*.tflite")
)
TRAINED = "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark/training"
OFFICIAL = (
    "anomaly_detection/trained_models/ad01_int8.tflite",
    "image_classification/trained_models/pretrainedResnet_quant.tflite",
    "keyword_spotting/trained_models/kws_ref_model.tflite",
    "streaming_wakeword/trained_models/str_ww_ref_model.tflite",
    "visual_wake_words/trained_models/vww_96_int8.tflite",
)


def assert_equal_to_micro(path: Path, count: int) -> None:
    """Compare every output on random and on extreme inputs."""
    model = graph.load(path)
    inputs = adversarial_inputs(model, count)

    found = compile_model(model).run(inputs)

    for ours, theirs in zip(found, run_micro(model, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(params=["numpy", *LEVELS])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every way to evaluate a model that this machine has."""
    if request.param not in ("numpy", *levels()):
        pytest.skip(f"no kernels for {request.param} on this machine")
    monkeypatch.setenv("TINYGAUGE_KERNELS", request.param)
    library.cache_clear()
    level.cache_clear()
    yield request.param
    library.cache_clear()
    level.cache_clear()


@pytest.mark.parametrize("path", PACKAGED[::5], ids=lambda path: path.stem)
def test_all_kernels_agree_with_micro(kernels: str, path: Path) -> None:
    """NumPy and the compiled kernels for each instruction set give the same bits."""
    assert_equal_to_micro(path, 6)


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.stem)
def test_packaged_models_agree_with_micro(path: Path) -> None:
    """Packaged models give what tflite-micro gives."""
    assert_equal_to_micro(path, 12)


@pytest.mark.parametrize("name", OFFICIAL)
def test_mlperf_tiny_models_agree_with_micro(mirror: Path, name: str) -> None:
    """The MLPerf Tiny int8 models give what tflite-micro gives."""
    assert_equal_to_micro(mirror / TRAINED / name, 8)


def test_int16_without_a_bias_is_not_taken_for_int8() -> None:
    """A fused activation that ends within int8's range makes no int8 model of it."""
    builder = ModelBuilder()
    x = builder.tensor((1, 8), "int16", scale=0.001)
    data = np.random.default_rng(3).integers(-127, 128, (4, 8))
    weights = builder.tensor((4, 8), "int8", data=data, scale=[0.01])
    y = builder.tensor((1, 4), "int16", scale=0.1)
    options = {"fused_activation_function": "RELU6"}
    builder.op("FULLY_CONNECTED", [x, weights, -1], [y], version=4, **options)
    model = graph.parse(builder.build([x], [y]), name="int16")
    inputs = adversarial_inputs(model, 40)

    (found,) = compile_model(model).run(inputs)

    assert 0 < np.count_nonzero(found) < found.size
    np.testing.assert_array_equal(found, run_micro(model, inputs)[0])


def test_float_models_are_left_to_an_interpreter(mirror: Path) -> None:
    """A float model has no integer form; the reason names the op."""
    name = "visual_wake_words/trained_models/vww_96_float.tflite"

    missing = find_unsupported(graph.load(mirror / TRAINED / name))

    assert missing is not None
    assert "CONV_2D" in missing.reason


def test_weights_alone_in_int8_are_no_integer_model(mirror: Path) -> None:
    """The reason says what the model is, rather than that a tensor has no scale."""
    name = "keyword_spotting/trained_models/kws_ref_model_float32.tflite"

    missing = find_unsupported(graph.load(mirror / TRAINED / name))

    assert missing is not None
    assert missing.reason == "it computes in floating point, with weights stored as int8"
