"""The keyword-spotting reference on the 1,000 official inputs scores what boards published."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygauge import graph
from tinygauge.accuracy import Dataset, load_dataset, score
from tinygauge.accuracy.inputs import fit
from tinygauge.records import Score

MODEL = (
    "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark/training/"
    "keyword_spotting/trained_models/kws_ref_model.tflite"
)
INPUTS = "eembc/energyrunner/cf7c2f2634608a7c0ea7458ab7cb3379f2863424/datasets/kws01"


@pytest.fixture(scope="module")
def model(mirror: Path) -> graph.Model:
    return graph.load(mirror / MODEL)


@pytest.fixture(scope="module")
def inputs(mirror: Path) -> Dataset:
    return load_dataset(mirror / INPUTS)


@pytest.mark.parametrize(
    ("profile", "correct"),
    [
        # Published for TFLM on EK-RA6M4 and RX65N (v0.7) and EK-RA8D1 (v1.2): 90.1 %.
        ("two-rounding", 901),
        # Published for X-CUBE-AI on NUCLEO-L4R5ZI (v0.7): 90.2 %.
        ("one-rounding", 902),
        # Published for TFLM with Andes' library on D25 (v0.7): 90.1 %.
        ("litert", 901),
    ],
)
def test_top1_is_the_published_one(
    model: graph.Model, inputs: Dataset, profile: str, correct: int
) -> None:
    """Each numeric profile gives the accuracy that its boards published, to the input."""
    result = score(model, inputs, profile)
    assert isinstance(result, Score)
    assert result.n == 1000
    assert result.correct == correct


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("visual_wake_words", "vww_96_int8"),
        ("image_classification", "pretrainedResnet_quant"),
    ],
)
def test_reference_models_get_the_bytes_that_firmware_gives_them(
    mirror: Path, tmp_path: Path, folder: str, name: str
) -> None:
    """Pixels of the image benchmarks reach the int8 models less 128, as the firmware does it."""
    trained = mirror / MODEL.replace("keyword_spotting", folder)
    reference = graph.load(trained.with_name(f"{name}.tflite"))
    (shape,) = (reference.main.tensors[index].shape for index in reference.main.inputs)
    pixels = bytes(range(256)) * (shape[1] * shape[2] * 3 // 256)
    (tmp_path / "a.bin").write_bytes(pixels)
    classes = reference.main.tensors[reference.main.outputs[0]].shape[-1]
    (tmp_path / "y_labels.csv").write_text(f"a.bin,{classes},1\n")
    given = fit(reference, load_dataset(tmp_path))[0:1]
    assert given.tobytes() == bytes((pixel - 128) % 256 for pixel in pixels)
