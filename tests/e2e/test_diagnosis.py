"""`numerics` and `diff` through the command: what a user reads, also of mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import Run
from tinygauge import accuracy, graph


@pytest.fixture
def log(tmp_path: Path, models: Path, small_data: Path) -> Path:
    """What a board that rounds once would print for the first inputs, in stored values."""
    model, data = graph.load(models / "resnet_8_i8.tflite"), accuracy.load_dataset(small_data)
    runner = accuracy.RUNNERS["litert-xnnpack"]
    stored = accuracy.run_model(model.content, accuracy.fit(model, data)[0:80], runner)
    path = tmp_path / "log.txt"
    np.savetxt(path, stored, fmt="%d", delimiter=",")
    return path


def test_a_board_is_told_by_its_outputs(
    tinygauge: Run, models: Path, small_data: Path, log: Path
) -> None:
    """The profile, the entry for the engine's file, and where the board parts from TFLM."""
    model = models / "resnet_8_i8.tflite"
    told = tinygauge("numerics", "--log", log, "--model", model, "--data", small_data)
    assert told.returncode == 0, told.stderr
    assert "The board follows 'one-rounding': all 10 outputs equal on 80 of 80" in told.stdout
    assert "The log answers 80 of the 200 inputs." in told.stdout
    assert '[numerics]\nprofile = "one-rounding"\nevidence = "log.txt (SHA-256 ' in told.stdout
    words = ("diff", model, "--data", small_data, "--inputs", "20", "--against", "device")
    where = tinygauge(*words, "--log", log)
    assert where.returncode == 1, where.stderr
    assert "stands in for the board: it gives its outputs on 80 of 80 inputs" in where.stdout
    assert "First difference: op " in where.stdout
    assert "CONV_2D: rounding by one step." in where.stdout
    same = tinygauge(*words, "--log", log, "--engine", "x-cube-ai")
    assert same.returncode == 0
    assert "No output differs on any of 80 inputs." in same.stdout


def test_the_exact_evaluator_differs_nowhere_from_the_interpreter(
    tinygauge: Run, models: Path, small_data: Path
) -> None:
    """Op by op, on a model of five kinds of op."""
    done = tinygauge(
        "diff", models / "cnn_8_i8.tflite", "--data", small_data, "--against", "tflite-micro"
    )
    assert done.returncode == 0, done.stdout
    assert "No output differs on any of 200 inputs." in done.stdout


def test_the_op_that_adds_most_noise_is_named(
    tinygauge: Run, models: Path, small_data: Path
) -> None:
    """With the float model as the second; nothing is lost here beyond chance."""
    pair = (models / "cnn_4_i8.tflite", models / "cnn_4_f32.tflite")
    done = tinygauge("diff", *pair, "--data", small_data, "--inputs", "60")
    assert done.returncode == 0, done.stderr
    assert "adds most noise: " in done.stdout
    assert "dB signal to noise." in done.stdout
    assert "No op alone loses answers beyond chance on these inputs." in done.stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "give either a second model, in float, or --against"),
        (("--against", "device"), "--against device and --log go together"),
        (("--against", "litert", "--log", "x"), "--against device and --log go together"),
        (("--against", "device", "--log", "x"), "x: can't read the file"),
        (("--against", "litert", "--engine", "ekkono"), "its rounding is not known"),
    ],
)
def test_mistakes_are_told_in_a_line(
    tinygauge: Run, models: Path, small_data: Path, words: tuple[str, ...], problem: str
) -> None:
    """What is missing, or does not go together."""
    done = tinygauge("diff", models / "cnn_4_i8.tflite", "--data", small_data, *words)
    assert done.returncode == 2
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1
