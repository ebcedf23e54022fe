"""`tinygauge memory`: targets, exit codes, JSON and files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.tiny_models import build_cnn

from tinygauge.cli.main import main


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "cnn.tflite"
    path.write_bytes(build_cnn(side=16))
    return str(path)


def test_prints_a_record_per_model_and_target(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Boards first, then bare cores, each with every engine."""
    words = ["memory", model, model, "--board", "nucleo-l4r5zi", "--core", "cortex-m0+"]
    code = main([*words, "--engine", "tflm-ref", "--engine", "tflm-cmsis-nn", "--json"])
    records = json.loads(capsys.readouterr().out)

    assert code == 0
    assert [(r["board"], r["core"], r["engine"]) for r in records[:4]] == [
        ("nucleo-l4r5zi", "cortex-m4", "tflm-ref"),
        ("nucleo-l4r5zi", "cortex-m4", "tflm-cmsis-nn"),
        (None, "cortex-m0+", "tflm-ref"),
        (None, "cortex-m0+", "tflm-cmsis-nn"),
    ]
    assert len(records) == 8
    assert records[0]["min_arena_bytes"] >= records[0]["arena_bytes"] > 0


def test_the_usual_target_is_a_cortex_m4(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without options, CMSIS-NN on a Cortex-M4; no board, so no verdict."""
    code = main(["memory", model, "--json"])
    (record,) = json.loads(capsys.readouterr().out)

    assert code == 0
    assert (record["core"], record["engine"]) == ("cortex-m4", "tflm-cmsis-nn")
    assert record["fits"] is None


def test_an_engine_that_does_not_run_on_the_core_is_missing(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason stands under the number's own key."""
    code = main(["memory", model, "--core", "cortex-m4", "--engine", "tflm-silabs-mvp", "--json"])
    (record,) = json.loads(capsys.readouterr().out)

    assert code == 0
    assert record["ram_bytes"] is None
    assert "does not run on cortex-m4" in record["ram_bytes_missing"]


def test_a_model_too_large_for_its_board_is_the_answer_no(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and by how much."""
    path = tmp_path / "large.tflite"
    path.write_bytes(build_cnn(side=640, channels=16))

    assert main(["memory", str(path), "--board", "nucleo-l4r5zi"]) == 1
    assert "does not fit" in capsys.readouterr().out


def test_an_unreadable_model_leaves_the_others_their_answer(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, the good model printed, the bad one named in one line on stderr."""
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"nonsense")
    code = main(["memory", str(bad), model, "--json"])
    printed = capsys.readouterr()

    assert code == 2
    assert len(json.loads(printed.out)) == 1
    assert printed.err.count("\n") == 1
    assert "bad.tflite" in printed.err


def test_an_unknown_core_is_named_with_its_neighbours(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and a suggestion."""
    assert main(["memory", model, "--core", "cortex-m44"]) == 2
    assert "cortex-m4" in capsys.readouterr().err


def test_timelines_are_written_where_asked(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A PNG, an SVG and the record as JSON."""
    out = tmp_path / "drawn"
    assert main(["memory", model, "--out", str(out)]) == 0

    assert sorted(path.suffix for path in out.iterdir()) == [".json", ".png", ".svg"]
    assert str(out) in capsys.readouterr().out.replace("\n", "")
