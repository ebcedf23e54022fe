"""Outputs are those that boards printed, for all 1,000 inputs and all 12 classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tinygauge import graph
from tinygauge.accuracy import load_dataset
from tinygauge.accuracy.inputs import fit, output_tensor
from tinygauge.accuracy.processes import run_model
from tinygauge.accuracy.runners import runners_for
from tinygauge.accuracy.scores import dequantize
from tinygauge.exact import Rounding, compile_model

MODEL = (
    "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark/training/"
    "keyword_spotting/trained_models/kws_ref_model.tflite"
)
INPUTS = "eembc/energyrunner/cf7c2f2634608a7c0ea7458ab7cb3379f2863424/datasets/kws01"
RESULTS = re.compile(r"m-results-\[([0-9.,]+)\]")


def printed(log: Path) -> Iterator[list[float]]:
    """Yield the outputs of each input as a board printed them."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        for found in RESULTS.findall(line):
            yield [float(value) for value in found.split(",")]


@pytest.mark.parametrize(
    ("system", "profile"),
    [("EK-RA6M4", "two-rounding"), ("NUCLEO-L4R5ZI", "one-rounding"), ("AndesCore-D25", "litert")],
)
def test_outputs_are_those_of_the_board(
    mirror: Path, shared_data: Path, system: str, profile: str
) -> None:
    """No printed digit differs: the boards print three decimals, cut off or rounded."""
    log = shared_data / f"mlperf_tiny/transcripts/v0.7/{system}/kws/accuracy/log.txt"
    if not log.is_file():
        pytest.skip(f"no transcript of {system}")
    model = graph.load(mirror / MODEL)
    (runner,) = runners_for(profile, is_float=False)
    outputs = run_model(model.content, fit(model, load_dataset(mirror / INPUTS)), runner)
    ours: npt.NDArray[np.float32] = dequantize(outputs, output_tensor(model).quantization)
    assert_printed(log, ours)


def assert_printed(log: Path, ours: npt.NDArray[np.float32]) -> None:
    """Compare outputs with those that a board printed."""
    board = np.array(list(printed(log)))
    assert board.shape == ours.shape == (1000, 12)
    np.testing.assert_allclose(ours, board, rtol=0, atol=1.01e-3)


@pytest.mark.parametrize(
    ("system", "profile", "right"),
    [
        ("EK-RA6M4", Rounding.TWO, 901),
        ("NUCLEO-L4R5ZI", Rounding.ONE, 902),
        ("AndesCore-D25", Rounding.LITERT, 901),
    ],
)
def test_the_exact_evaluator_gives_the_board_s_outputs(
    mirror: Path, shared_data: Path, system: str, profile: Rounding, right: int
) -> None:
    """Each profile gives its board's outputs, its published accuracy and its interpreter's bits."""
    log = shared_data / f"mlperf_tiny/transcripts/v0.7/{system}/kws/accuracy/log.txt"
    if not log.is_file():
        pytest.skip(f"no transcript of {system}")
    model = graph.load(mirror / MODEL)
    dataset = load_dataset(mirror / INPUTS)
    inputs = fit(model, dataset)
    (runner,) = runners_for(profile, is_float=False)

    (found,) = compile_model(model, profile).run(np.asarray(inputs[0:1000]))

    np.testing.assert_array_equal(
        found.reshape(1000, 12), run_model(model.content, inputs, runner).reshape(1000, 12)
    )
    assert_printed(log, dequantize(found.reshape(1000, 12), output_tensor(model).quantization))
    assert (found.reshape(1000, 12).argmax(axis=1) == dataset.y).sum() == right
