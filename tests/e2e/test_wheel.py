"""The built wheel, installed without the source tree into an empty environment, runs the demo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT


def _uv() -> str:
    found = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    if not Path(found).exists():
        pytest.skip("uv is not installed: make installs it")
    return found


@pytest.mark.slow
def test_the_wheel_runs_the_demo(tmp_path: Path) -> None:
    """Models, data and catalogue travel inside the wheel; nothing of the checkout is needed."""
    dist = tmp_path / "dist"
    build = [_uv(), "build", "--wheel", "--no-build-isolation", "--python", sys.executable]
    build += ["--out-dir", str(dist)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = dist.glob("*.whl")
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    install = [_uv(), "pip", "install", "--quiet", "--python", str(python)]
    locked = ["--require-hashes", "-r", str(ROOT / "requirements" / "demo.txt")]
    subprocess.run([*install, *locked], check=True, capture_output=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True, capture_output=True)

    done = subprocess.run(
        [home / "bin" / "tinygauge", "demo", "--json"],
        cwd=tmp_path,
        env=os.environ | {"TINYGAUGE_CACHE": str(tmp_path / "cache"), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    chosen = document["decision"]["chosen"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Ship {chosen['model']} on {chosen['board']} with {chosen['engine']}." in readme
    assert len(document["models"]) >= 24
    assert not document["failures"]
    assert all(each["path"].startswith("tinygauge/data/") for each in document["models"])
    assert document["dataset"]["path"].startswith("tinygauge/data/")
    assert (tmp_path / "tinygauge-demo" / "four-metrics.png").exists()
    page = (tmp_path / "tinygauge-demo" / "report.html").read_text(encoding="utf-8")
    assert "Copyright (c) 2017, Baidu Inc." in page
    assert page.endswith("</html>")
