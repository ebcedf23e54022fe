"""The evaluator in PyTorch gives the bits of the other kernels, op by op.

It runs on PyTorch's CPU, and on CUDA where there is any.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.firmware.op_models import OP_MODELS
from tests.support.micro import adversarial_inputs
from tests.support.random_models import random_model
from tests.support.tiny_models import ModelBuilder, build_cnn

from tinygauge import graph
from tinygauge.accuracy import Dataset, plan_runs, processes, stop_workers
from tinygauge.accuracy.runs import Run
from tinygauge.errors import RunnerError
from tinygauge.exact import Rounding, compile_model, find_unsupported
from tinygauge.exact.processors import open_processor
from tinygauge.exact.torch_kernels import Torch
from tinygauge.graph import Model
from tinygauge.quantity import Missing

torch: Any = pytest.importorskip("torch", reason="PyTorch is the user's own; it is not installed")
HAS_CUDA = torch.cuda.is_available()
PACKAGED = Path(graph.__file__).parents[1] / "data" / "fashion_mnist" / "models"


@pytest.fixture(params=["cpu", "cuda"])
def on(request: pytest.FixtureRequest) -> str:
    """Where PyTorch evaluates."""
    if request.param == "cuda" and not HAS_CUDA:
        pytest.skip("PyTorch finds no CUDA here")
    return str(request.param)


def assert_same_bits(model: Model, on: str, rounding: Rounding = Rounding.TWO) -> None:
    """Compare every tensor that an op writes, on random and on extreme inputs."""
    inputs = adversarial_inputs(model, 12)
    expected = compile_model(model, rounding).trace(inputs)
    found = compile_model(model, rounding, on=on).trace(inputs)
    assert list(found) == list(expected)
    for index, values in expected.items():
        np.testing.assert_array_equal(found[index], values, strict=True)


@pytest.mark.parametrize("name", OP_MODELS)
def test_every_op_has_the_same_bits(name: str, on: str) -> None:
    """Of int8 and of int16."""
    assert_same_bits(graph.parse(OP_MODELS[name](), name=name), on)


@pytest.mark.parametrize("stem", ["cnn_8_i8", "dscnn_8_i8", "mobilenetv2_4_i8", "resnet_8_i16x8"])
def test_packaged_models_have_the_same_bits(stem: str, on: str) -> None:
    """One of each architecture with convolutions."""
    assert_same_bits(graph.load(PACKAGED / f"{stem}.tflite"), on)


@pytest.mark.parametrize("rounding", Rounding)
def test_random_models_have_the_same_bits(rounding: Rounding, on: str) -> None:
    """Random shapes, strides, paddings, scales and activations, as every profile rounds."""
    known = [random_model(seed) for seed in range(60)]
    known = [model for model in known if find_unsupported(model, rounding) is None]
    assert len(known) > 20
    for model in known:
        assert_same_bits(model, on, rounding)


def _wide() -> Model:
    """A dense op that shows the last bit of an odd sum of 25, which float32 can't hold."""
    signs = np.full((1, 1400), 127)
    signs[0, 0] = 126
    largest = 255 * int(signs.sum())
    assert 127 * int(signs.sum()) > 2**24
    assert largest % 2 == 1
    builder = ModelBuilder()
    x = builder.tensor((1, 1400), "int8", scale=0.1, zero_point=-128)
    weights = builder.tensor((1, 1400), "int8", data=signs, scale=[0.01])
    bias = builder.tensor((1,), "int32", data=[-largest], scale=[0.001])
    y = builder.tensor((1, 1), "int8", scale=0.001)
    builder.op("FULLY_CONNECTED", [x, weights, bias], [y], version=4)
    return graph.parse(builder.build([x], [y]), name="wide")


@pytest.fixture(params=["highest", "medium"])
def allowed(request: pytest.FixtureRequest) -> Iterator[str]:
    """What the user's own program lets PyTorch shorten: nothing, or products of matrices."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield str(request.param)
    torch.set_float32_matmul_precision(before)


@pytest.mark.usefixtures("allowed")
def test_no_sum_is_rounded(on: str) -> None:
    """Sums of 25 bits are exact, whatever PyTorch may do with products in float32."""
    assert_same_bits(_wide(), on)
    assert_same_bits(graph.parse(build_cnn(), name="cnn"), on)


def test_a_batch_of_any_size_is_evaluated_in_chunks(on: str) -> None:
    """More inputs than fit at a time come back in their order."""
    model = _wide()
    inputs = adversarial_inputs(model, 5000)
    (expected,) = compile_model(model).run(inputs)
    (found,) = compile_model(model, on=on).run(inputs)
    np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.skipif(not HAS_CUDA, reason="PyTorch finds no CUDA here")
def test_rescaling_is_one_kernel() -> None:
    """Where PyTorch is as recent as those tried, the fused kernel is what was compared above."""
    processor = open_processor("cuda")
    assert isinstance(processor, Torch)
    assert processor.fused is not None


def planned(model: Model, runner: str) -> Run:
    """Plan a model's run over 120 images."""
    x = np.random.default_rng(7).normal(0, 2, (120, 8, 8, 1)).astype(np.float32)
    data = Dataset(name="data", path="data.npz", sha256="d", x=x, y=np.arange(120) % 3)
    plan = plan_runs(model, data, "two-rounding", runner)
    assert not isinstance(plan, Missing)
    return plan[0]


@pytest.mark.skipif(not HAS_CUDA, reason="PyTorch finds no CUDA here")
def test_models_are_scored_on_cuda_where_asked() -> None:
    """In a process apart, which serves many, with the outputs of the evaluator on the host."""
    model = graph.parse(build_cnn(), name="cnn")
    stop_workers()
    for _ in range(3):
        found = planned(model, "exact-cuda").make().values
        np.testing.assert_array_equal(found, planned(model, "exact").make().values)
    assert sum(worker.is_on_cuda for worker in processes._pool.idle) == 1
    stop_workers()


@pytest.mark.skipif(not HAS_CUDA, reason="PyTorch finds no CUDA here")
def test_a_failure_on_cuda_costs_its_own_run() -> None:
    """A model that can't be run ends the process; the next has a new one."""
    run = planned(graph.parse(build_cnn(), name="cnn"), "exact-cuda")
    with pytest.raises(RunnerError, match="can't run the model"):
        processes.run_model(b"damaged", run.inputs, run.runner)
    np.testing.assert_array_equal(run.make().values, run.make().values)
    stop_workers()
