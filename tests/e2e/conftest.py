"""Fixtures of the end-to-end tests: the installed command, small data, damaged models."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

PACKAGED = Path(str(resources.files("tinygauge"))) / "data" / "fashion_mnist"


@pytest.fixture
def tinygauge(tmp_path: Path) -> Run:
    """Run the command as a user does, in an empty folder with a cache of its own."""

    def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tinygauge", *map(str, words)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | environment,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of packaged models."""
    return PACKAGED / "models"


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth packaged image, so that a run takes a moment."""
    path = tmp_path_factory.mktemp("data") / "test_200.npz"
    with np.load(PACKAGED / "test_2000.npz") as arrays:
        np.savez(
            path,
            x=arrays["x"][::10],
            y=arrays["y"][::10],
            x_scale=arrays["x_scale"],
            x_zero_point=arrays["x_zero_point"],
            labels=arrays["labels"],
        )
    return path


def damaged(model: Path, seed: int) -> bytes:
    """A packaged model with one to four bytes changed, the same for the same seed."""
    source = random.Random(seed)  # noqa: S311 (not for secrets)
    content = bytearray(model.read_bytes())
    for _ in range(source.choice([1, 2, 4])):
        place = source.randrange(len(content))
        content[place] = source.randrange(256)
    return bytes(content)
