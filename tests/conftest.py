"""Fixtures shared by all tests: where others' files are found, and an isolated cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# In CI the same examples every time: a red run must mean a change of ours.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder of upstream files (MLPerf Tiny models and inputs); skips where absent."""
    folder = Path(os.environ.get("TINYGAUGE_MIRROR") or ROOT.parent / "shared" / "mirror")
    if not folder.is_dir():
        pytest.skip("no mirror of upstream files: set TINYGAUGE_MIRROR")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of measured data beside the checkout; skips where absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder ../shared/data beside the checkout")
    return folder


@pytest.fixture(autouse=True)
def _private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep cached accuracy runs of one test from another, and from the user's own."""
    monkeypatch.setenv("TINYGAUGE_CACHE", str(tmp_path / "cache"))
