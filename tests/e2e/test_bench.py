"""`tinygauge bench` against a fake board behind a pseudo-terminal, through the real pyserial."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.fake_board import Firmware, outputs_of

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

from tests.support.fake_pty_board import FakePtyBoard
from tinygauge.cli.main import main


@pytest.fixture
def board() -> Iterator[FakePtyBoard]:
    """A fake board that needs 2 ms for an inference."""
    fake = FakePtyBoard(Firmware(inference_s=0.002))
    yield fake
    fake.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve inputs; the fake answers eleven of them right."""
    x = np.random.default_rng(5).integers(-128, 128, (12, 40)).astype(np.int8)
    y = np.array([int(np.argmax(outputs_of(row.tobytes()))) for row in x])
    y[7] = (y[7] + 1) % 12
    path = tmp_path / "inputs.npz"
    np.savez(path, x=x, y=y)
    return path


def test_accuracy_of_a_custom_model_is_measured_end_to_end(
    board: FakePtyBoard, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Own inputs of any size, through pyserial, to JSON that says measured."""
    words = ["--port", board.port, "--mode", "accuracy", "--data", str(data)]

    code = main(["bench", "run", *words, "--out", str(tmp_path / "run"), "--json"])

    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert document["correct"] == 11
    assert document["inputs_verified"] == 12
    assert document["metrics"]["accuracy"]["method"] == "measured"
    assert document["metrics"]["latency"]["missing"]


def test_performance_finds_its_iterations_and_says_which_rules_it_meets(
    board: FakePtyBoard, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A short window is measured but not passed off as one of the rules."""
    words = ["--port", board.port, "--mode", "performance", "--data", str(data)]
    words += ["--min-window", "0.2", "--windows", "3", "--out", str(tmp_path / "run")]

    code = main(["bench", "run", *words, "--strict", "--json"])

    document = json.loads(capsys.readouterr().out)
    assert code == 1
    assert document["metrics"]["latency"]["value"] == pytest.approx(0.002, rel=0.05)
    met = {rule["rule"]: rule["met"] for rule in document["run"]["rules"]}
    assert met["window-10s"] is False
    assert met["window-10-iterations"] is True
    assert met["five-windows"] is False
    assert all(window["elapsed_s"] >= 0.2 for window in document["run"]["windows"])
