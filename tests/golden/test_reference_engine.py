"""The engine that is generated as C gives what tflite-micro gives, to the bit.

Compiled for this machine, with sanitizers; the emulated boards run the same C
(`tests/e2e/test_emulate.py`).
"""

from __future__ import annotations

import random
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.firmware import build_kernels_for_host, converse, link_engine_for_host
from tests.support.firmware.op_models import OP_MODELS

from tinygauge import graph
from tinygauge.accuracy.processes import run_model
from tinygauge.accuracy.runners import Runner
from tinygauge.errors import InputError
from tinygauge.exact import pairs, recurrent, steps
from tinygauge.exact.lowering import lower_ops
from tinygauge.exact.steps import Step
from tinygauge.firmware import generate_engine, wire_of
from tinygauge.firmware.calls import CALLS

pytest.importorskip("tflite_micro", reason="tflite-micro is for Linux only")

TFLM = Runner("tflite-micro", "tflite-micro", "tflite-micro")
PACKAGED = Path(str(resources.files("tinygauge"))) / "data" / "fashion_mnist" / "models"
QUANTIZED = sorted(path for path in PACKAGED.glob("*.tflite") if "_f32" not in path.name)
TRAINED = (
    "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark/training/{}/trained_models/"
)
REFERENCES = {
    "kws": "keyword_spotting/kws_ref_model",
    "ic": "image_classification/pretrainedResnet_quant",
    "vww": "visual_wake_words/vww_96_int8",
    "ad": "anomaly_detection/ad01_int8",
    "sww": "streaming_wakeword/str_ww_ref_model",
}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return build_kernels_for_host(tmp_path_factory.mktemp("engine"))


def _expected(content: bytes, inputs: npt.NDArray[Any]) -> list[bytes]:
    """Return the output tensors of tflite-micro."""
    return [output.tobytes() for output in run_model(content, inputs, TFLM)]


def _given(program: Path, contents: list[bytes]) -> tuple[list[bytes], list[list[float]]]:
    """Load, infer twice, and return the raw output and the results of each input."""
    commands = []
    for content in contents:
        parts = [content[at : at + 31].hex() for at in range(0, len(content), 31)]
        commands += [f"db load {len(content)}", *(f"db {part}" for part in parts)]
        commands += ["infer 2 0", "output"]
    outputs: list[bytes] = []
    results: list[list[float]] = []
    for line in converse(program, "".join(f"{each}%" for each in commands).encode()):
        if line.startswith("m-results-["):
            outputs.append(b"")
            results.append([float(item) for item in line[11:-1].split(",")])
        elif line.startswith("m-output-"):
            outputs[-1] += bytes.fromhex(line.removeprefix("m-output-").replace("-", ""))
    return outputs, results


def _inputs(model: graph.Model, count: int) -> npt.NDArray[Any]:
    tensor = model.main.tensors[model.main.inputs[0]]
    source = np.random.default_rng(3)
    shape = (count, *tensor.shape)
    if tensor.dtype is graph.DType.FLOAT32:
        return source.normal(0, 4, shape).astype(np.float32)
    kind = np.dtype(tensor.dtype.value)
    limits = np.iinfo(kind)
    spread = source.integers(limits.min, limits.max, shape, endpoint=True)
    spread[-1] = limits.max  # saturated, all over
    return spread.astype(kind)


def _check(content: bytes, objects: list[Path], count: int, benchmark: str = "custom") -> None:
    model = graph.parse(content, name="tested")
    engine = generate_engine(model, wire_of(benchmark))
    inputs = _inputs(model, count)
    program = link_engine_for_host(objects, engine.source)

    given, _ = _given(program, [one.tobytes() for one in inputs])

    assert given == _expected(content, inputs)


@pytest.mark.parametrize("name", OP_MODELS)
def test_an_op_gives_what_tflite_micro_gives(objects: list[Path], name: str) -> None:
    """Each way in which an op becomes C, on random inputs."""
    _check(OP_MODELS[name](), objects, 40)


def test_every_step_that_becomes_c_is_among_those_tried() -> None:
    """A new kind of step needs a model here."""
    models = (graph.parse(make(), name=name) for name, make in OP_MODELS.items())

    assert {type(step) for model in models for step in lower_ops(model)} == set(CALLS)


def test_every_step_of_the_evaluator_becomes_c() -> None:
    """What is evaluated as tflite-micro does can be run as a firmware too."""
    found = {
        kind
        for module in (pairs, recurrent, steps)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Step) and kind is not Step
    }

    assert found == set(CALLS)


@pytest.mark.parametrize("path", QUANTIZED, ids=lambda path: path.stem)
def test_a_packaged_model_gives_what_tflite_micro_gives(objects: list[Path], path: Path) -> None:
    """Whole models; inferring again on the same input gives the same."""
    _check(path.read_bytes(), objects, 6)


def _reference(mirror: Path, benchmark: str) -> bytes:
    folder, name = REFERENCES[benchmark].split("/")
    return (mirror / TRAINED.format(folder) / f"{name}.tflite").read_bytes()


@pytest.mark.parametrize("benchmark", ["kws", "sww"])
def test_a_benchmark_gives_what_tflite_micro_gives(
    mirror: Path, objects: list[Path], benchmark: str
) -> None:
    """The reference models whose input goes over the wire as it is."""
    _check(_reference(mirror, benchmark), objects, 4, benchmark)


@pytest.mark.parametrize("benchmark", ["ic", "vww"])
def test_pixels_reach_the_model_as_the_benchmark_says(
    mirror: Path, objects: list[Path], benchmark: str
) -> None:
    """Images come as bytes from 0 to 255, and the results are the scores in three digits."""
    content = _reference(mirror, benchmark)
    model = graph.parse(content, name=benchmark)
    program = link_engine_for_host(objects, generate_engine(model, wire_of(benchmark)).source)
    inputs = _inputs(model, 2)

    pixels = [(one.astype(np.int16) + 128).astype(np.uint8).tobytes() for one in inputs]
    given, results = _given(program, pixels)

    expected = _expected(content, inputs)
    assert given == expected
    scores = (np.frombuffer(b"".join(expected), np.int8).astype(np.float64) + 128) / 256
    assert np.ravel(results) == pytest.approx(scores, abs=5.1e-4)


def test_a_spectrogram_gives_its_reconstruction_error(mirror: Path, objects: list[Path]) -> None:
    """Anomaly detection takes floats, quantises them itself, and gives one number."""
    content = _reference(mirror, "ad")
    model = graph.parse(content, name="ad")
    program = link_engine_for_host(objects, generate_engine(model, wire_of("ad")).source)
    tensors = (model.main.tensors[each[0]] for each in (model.main.inputs, model.main.outputs))
    (x_scale, x_zero), (y_scale, y_zero) = (
        (tensor.quantization.scale[0], tensor.quantization.zero_point[0])
        for tensor in tensors
        if tensor.quantization is not None
    )
    reals = np.random.default_rng(5).uniform(-40, 20, (3, 1, 640)).astype(np.float32)
    stored = np.clip(np.floor(reals / np.float32(x_scale) + 0.5) + x_zero, -128, 127)

    given, results = _given(program, [one.tobytes() for one in reals])

    expected = _expected(content, stored.astype(np.int8))
    assert given == expected
    rebuilt = (np.frombuffer(b"".join(expected), np.int8).reshape(3, 640) - y_zero) * y_scale
    errors = np.mean((rebuilt - reals[:, 0]) ** 2, axis=1)
    assert np.ravel(results) == pytest.approx(errors, rel=1e-5, abs=5.1e-4)


def test_a_damaged_model_is_refused_or_runs_cleanly(objects: list[Path]) -> None:
    """Eighty files with a changed byte: never C that does not compile, or a sanitizer's report."""
    source = random.Random(1)  # noqa: S311 (not for secrets)
    wholes = [make() for make in OP_MODELS.values()]
    ran = 0
    for _ in range(80):
        content = bytearray(source.choice(wholes))
        content[source.randrange(len(content))] = source.randrange(256)
        try:
            model = graph.parse(bytes(content), name="damaged")
            engine = generate_engine(model, wire_of("custom"))
        except InputError:
            continue
        if engine.input_bytes <= 4096:
            program = link_engine_for_host(objects, engine.source)
            _given(program, [source.randbytes(engine.input_bytes)])
            ran += 1
    assert ran > 5
