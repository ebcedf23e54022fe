"""`tinygauge deploy` as a user runs it: a folder that compiles, figures, and clear refusals."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Run

STUBS = Path(__file__).parent.parent / "unit" / "deploy" / "stubs"


def test_a_folder_that_compiles(tinygauge: Run, models: Path, tmp_path: Path) -> None:
    """Every file is written, named on stdout, and taken by a C++ compiler without a warning."""
    done = tinygauge("deploy", models / "dscnn_8_i8.tflite", "--engine", "tflm-cmsis-nn")
    folder = tmp_path / "dscnn_8_i8_model"

    assert done.returncode == 0, done.stderr
    assert "namespace dscnn_8_i8_model" in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "model.cc",
        "model.h",
        "model_data.cc",
        "model_data.h",
    ]
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ on this machine")
    words = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    words += ["-I", str(STUBS), str(folder / "model.cc"), str(folder / "model_data.cc")]
    compiled = subprocess.run(words, capture_output=True, text=True, check=False)

    assert compiled.returncode == 0, compiled.stderr


@pytest.mark.parametrize("model", ["cnn_8_f32", "cnn_8_i16x8", "mlp_8_i8", "mobilenetv2_4_i8"])
def test_packaged_models_are_deployed(
    tinygauge: Run, models: Path, tmp_path: Path, model: str
) -> None:
    """Floats, int16 and other architectures are written too; the JSON agrees with the files."""
    words = ["--engine", "tflm-ref", "--core", "cortex-m33", "--out", "here", "--name", "it"]
    done = tinygauge("deploy", models / f"{model}.tflite", *words, "--json")
    found = json.loads(done.stdout)
    header = (tmp_path / "here" / "model.h").read_text()

    assert done.returncode == 0, done.stderr
    assert found["core"] == "cortex-m33"
    assert found["fits"] is True
    assert f"kArenaNeededBytes = {found['arena_needed_bytes']};" in header
    assert found["arena_bytes"] == found["arena_needed_bytes"] + found["arena_margin_bytes"]
    assert found["arena_needed_bytes"] % 16 == 0
    assert "namespace it_model {" in header
    assert (
        f"MicroMutableOpResolver<{len(found['operators'])}>"
        in (tmp_path / "here" / "model.cc").read_text()
    )


def test_a_model_too_large_is_said(tinygauge: Run, models: Path, tmp_path: Path) -> None:
    """The folder is written; the answer is no, with both numbers."""
    (tmp_path / "tiny.toml").write_text(
        'name = "tiny"\ntitle = "Tiny"\ncore = "cortex-m0+"\n'
        '[clock]\nvalue = "16 MHz"\nsource = "test"\n'
        '[sram]\nvalue = "4 KiB"\nsource = "test"\n'
        '[flash]\nvalue = "32 KiB"\nsource = "test"\n'
    )
    done = tinygauge(
        "deploy", models / "cnn_8_i8.tflite", "--engine", "tflm-ref", "--board", "tiny.toml"
    )

    assert done.returncode == 1
    assert "does not fit: RAM" in done.stderr
    assert "tiny has 4,096" in done.stderr
    assert (tmp_path / "cnn_8_i8_model" / "model.cc").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--engine", "edge-impulse-eon"], "no public description"),
        (["--engine", "tflm"], "unknown engine 'tflm'"),
        (["--engine", "tflm-ref", "--core", "cortex-m9"], "no memory figures for the core"),
        (["--engine", "tflm-ref", "--core", "cortex-m4", "--board", "ek-ra6m4"], "not both"),
        (["--engine", "tflm-ref", "--out", "taken"], "can't write"),
    ],
)
def test_refusals_are_one_line(
    tinygauge: Run, models: Path, tmp_path: Path, words: list[str], expected: str
) -> None:
    """Nothing is written, and the message says what to do."""
    (tmp_path / "taken").write_text("")
    done = tinygauge("deploy", models / "cnn_8_i8.tflite", *words)

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert expected in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]
