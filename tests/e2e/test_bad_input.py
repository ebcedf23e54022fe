"""Bad input through the command line: one clear line, exit code 2, the rest still evaluated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import Run, damaged

# A change of bytes that the reader can't tell from a model and that makes the interpreter
# crash (found by trying seeds; test_a_crash_is_contained says when it no longer does).
CRASHING = ("cnn_4_i8.tflite", 111)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--board", "ek-ra6m5"], ["unknown board 'ek-ra6m5'", "Did you mean ek-ra6m4"]),
        (["--board", "ek-ra6m4", "--engine", "tflm-cmsis"], ["unknown engine", "tflm-cmsis-nn"]),
        (["--board", "ek-ra6m4", "--require", "latency~5"], ["'latency~5'", "this is no bound"]),
        (["--board", "ek-ra6m4", "--require", "latency<=5"], ["'latency' is in s"]),
        (["--board", "ek-ra6m4", "--require", "acuracy>=0.9"], ["Did you mean accuracy"]),
        (["--board", "ek-ra6m4", "--data", "absent.npz"], ["absent.npz"]),
        (["--board", "mine.toml"], ["mine.toml", "can't read"]),
        ([], ["no board was named", "tinygauge boards"]),
    ],
)
def test_wrong_words_give_one_line(
    tinygauge: Run, models: Path, words: list[str], expected: list[str]
) -> None:
    """Nothing is evaluated, stdout stays empty, the message says what and what to do."""
    done = tinygauge("evaluate", models / "cnn_4_i8.tflite", *words)

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert all(text in done.stderr for text in expected), done.stderr


def test_damaged_models_fail_alone(
    tinygauge: Run, models: Path, small_data: Path, tmp_path: Path
) -> None:
    """Of a batch with broken files, the good one is evaluated and each failure has its line."""
    good = models / "cnn_4_i8.tflite"
    (tmp_path / "short.tflite").write_bytes(good.read_bytes()[:3000])
    (tmp_path / "empty.tflite").write_bytes(b"")
    (tmp_path / "text.tflite").write_text("hello\n" * 20)
    (tmp_path / "folder.tflite").mkdir()
    done = tinygauge(
        "evaluate", good, "short.tflite", "empty.tflite", "text.tflite", "absent.tflite",
        "--data", small_data, "--board", "ek-ra6m4", "--out", "report",
    )  # fmt: skip

    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    document = json.loads((tmp_path / "report" / "results.json").read_text())
    assert [c["model"] for c in document["candidates"]] == ["cnn_4_i8"]
    assert document["decision"]["chosen"]["model"] == "cnn_4_i8"
    failures = {failure["model"]: failure["message"] for failure in document["failures"]}
    assert set(failures) == {"short.tflite", "empty.tflite", "text.tflite", "absent.tflite"}
    for name, message in failures.items():
        assert name in message
        assert message in done.stdout


def test_a_crash_is_contained(
    tinygauge: Run, models: Path, small_data: Path, tmp_path: Path
) -> None:
    """A model that kills the interpreter is reported alone; it is never chosen."""
    name, seed = CRASHING
    (tmp_path / "crashing.tflite").write_bytes(damaged(models / name, seed))
    done = tinygauge(
        "evaluate", "crashing.tflite", models / "mlp_8_i8.tflite",
        "--data", small_data, "--board", "ek-ra6m4", "--json",
    )  # fmt: skip
    document = json.loads(done.stdout)
    verdicts = {c["model"]: c["verdict"] for c in document["candidates"]}

    assert done.returncode == 2
    assert "SIGSEGV" in document["failures"][0]["message"]
    assert verdicts == {"crashing": "outside", "mlp_8_i8": "inside"}


def test_data_that_do_not_fit_are_said_to(tinygauge: Run, models: Path, tmp_path: Path) -> None:
    """The shapes of both sides are named; the static metrics are still there."""
    np.savez(tmp_path / "wrong.npz", x=np.zeros((5, 20, 20, 1), np.float32), y=np.arange(5))
    done = tinygauge(
        "evaluate",
        models / "cnn_4_i8.tflite",
        "--data",
        "wrong.npz",
        "--board",
        "ek-ra6m4",
        "--json",
    )
    document = json.loads(done.stdout)

    assert done.returncode == 2
    message = document["failures"][0]["message"]
    assert "28" in message
    assert "20" in message
    assert document["candidates"][0]["accuracy"]["missing"]
    assert document["candidates"][0]["latency"]["value"] > 0


def test_data_of_the_wrong_scale_are_said_to(tinygauge: Run, models: Path, tmp_path: Path) -> None:
    """Raw pixels for a model of 0 to 1 score, but the report says what happened to them."""
    pixels = np.full((5, 28, 28, 1), 200, np.uint8)
    np.savez(tmp_path / "raw.npz", x=pixels, y=np.arange(5))
    model = models / "cnn_4_i8.tflite"
    done = tinygauge("evaluate", model, "--data", "raw.npz", "--board", "ek-ra6m4")

    assert done.returncode == 0
    assert "TG106 cnn_4_i8: 100% of the values of 'raw' lie outside 0 to 1" in done.stdout


def test_inspect_goes_on_behind_a_bad_file(tinygauge: Run, models: Path) -> None:
    """Inspecting several files, of which one is bad, prints the others."""
    done = tinygauge("inspect", models / "cnn_4_i8.tflite", "absent.tflite")

    assert done.returncode == 2
    assert "cnn_4_i8" in done.stdout
    assert "absent.tflite" in done.stderr
    assert "Traceback" not in done.stderr
