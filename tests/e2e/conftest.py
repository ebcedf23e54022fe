"""Fixtures of the end-to-end tests: the installed command, small data, damaged models."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.support.browser import launch
from tinygauge.evaluation import Results, evaluate

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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser for all tests of the page."""
    with launch() as started:
        yield started


@pytest.fixture(scope="session")
def found(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Six real models on two boards, M33 and M4, with two engines' kernels."""
    names = (
        "cnn_8_i8",
        "cnn_16_i8",
        "cnn_16_pruned_i8",
        "dscnn_32_i8",
        "mlp_64_f32",
        "resnet_16_i8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGAUGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return evaluate(
            [PACKAGED / "models" / f"{name}.tflite" for name in names],
            data=small_data,
            boards=["ek-ra6m4", "nucleo-l4r5zi"],
            engines=["tflm-cmsis-nn", "tflm-ref"],
            require=("accuracy>=0.8", "ram<=32KiB", "latency<=60ms", "energy<=3mJ"),
        )
