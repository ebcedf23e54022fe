"""The tutorial, run as it stands: each command answers, and says what the page says it does."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.support.documentation import FENCE, commands

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"


def test_the_tutorial_does_what_it_says(mirror: Path, tmp_path: Path) -> None:
    """From fetching the model to the experiment file, in one folder; figures are the page's."""
    page = PAGE.read_text(encoding="utf-8")
    (experiment,) = [text for language, text in FENCE.findall(page) if language == "toml"]
    (tmp_path / "experiment.toml").write_text(experiment, encoding="utf-8")
    table = "model,latency\nmlperf-tiny/models/kws_ref_model.tflite,58ms\n"
    (tmp_path / "own.csv").write_text(table, encoding="utf-8")  # as its two echos do
    environment = os.environ | {
        "TINYGAUGE_MIRROR": str(mirror),
        "TINYGAUGE_CACHE": str(tmp_path / "cache"),
        "COLUMNS": "200",
    }
    said = {}
    for command in commands(page):
        done = subprocess.run(
            [sys.executable, "-m", "tinygauge", *shlex.split(command)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=300,
            check=False,
        )
        assert done.returncode in {0, 1}, f"{command}: {done.stderr}"
        said[command] = done

    (inspected,) = [done for command, done in said.items() if command.startswith("inspect")]
    asked, too_much, _ = [done for command, done in said.items() if command.startswith("evaluate")]
    assert "ds-cnn, int8, 13 ops" in inspected.stdout
    assert "2,656,768" in inspected.stdout
    assert "90.1 % (88.1 to 91.8 %) simulated" in asked.stdout
    assert too_much.returncode == 1
    assert "nearest miss" in too_much.stdout
    assert (tmp_path / "report" / "results.json").is_file()
    assert (tmp_path / "report" / "report.html").is_file()
    assert (tmp_path / "own.json").is_file()
    assert (tmp_path / "firmware" / "model.cc").is_file()
