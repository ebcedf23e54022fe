"""Sweeps over many models through the command: interrupted, with crashes, on a cluster."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import Run, damaged
from tests.support.clusters import local_cluster
from tests.support.tiny_models import build_cnn, build_fully_connected

SCORED = ("--board", "nucleo-l4r5zi", "--engine", "tflm-cmsis-nn", "--engine", "x-cube-ai")
MODELS = 12


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    """A folder of models, among them one that no interpreter loads and one that is no model."""
    folder = tmp_path_factory.mktemp("many")
    source = sorted(models.glob("*_i8.tflite"))[0]
    for seed in range(MODELS):
        content = bytearray(source.read_bytes())
        content[-1 - seed] ^= 1  # a weight or what lies behind them: another file, the same work
        (folder / f"model_{seed:02}.tflite").write_bytes(content)
    (folder / "unfit.tflite").write_bytes(build_cnn())
    (folder / "broken.tflite").write_bytes(b"\0" * 64)
    shutil.copy(source, folder / "whole.tflite")
    for seed in range(3):
        (folder / f"damaged_{seed}.tflite").write_bytes(damaged(source, seed))
    return folder


def _document(text: str) -> dict[str, object]:
    """Return what must be equal between two runs."""
    document: dict[str, object] = json.loads(text)
    document.pop("created", None)
    return document


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a process there")
def test_an_interrupted_sweep_goes_on_where_it_was(
    tinygauge: Run, tmp_path: Path, many: Path, small_data: Path
) -> None:
    """Ctrl-C says what is kept; the same command finds it, does the rest, and gives the same."""
    kept = tmp_path / "cache"
    words = ["evaluate", str(many), "--data", str(small_data), *SCORED, "--json", "--jobs", "1"]
    started = subprocess.Popen(
        [sys.executable, "-m", "tinygauge", *words],
        env=os.environ | {"TINYGAUGE_CACHE": str(kept)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    deadline_s = time.monotonic() + 60
    while len(list(kept.glob("accuracy/*/*.npy"))) < 3:
        assert started.poll() is None, "it ended before it was interrupted"
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=30)
    found = len(list(kept.glob("accuracy/*/*.npy")))

    assert (started.returncode, out) == (130, "")
    assert "done and kept: the same command goes on from there" in err
    assert "Traceback" not in err
    again = tinygauge(*words, TINYGAUGE_CACHE=str(kept))
    assert again.returncode == 2  # the damaged models failed
    assert f"{found} accuracy runs found again from before" in again.stderr
    whole = tinygauge(*words, "--no-cache")
    assert _document(again.stdout) == _document(whole.stdout)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a Dask cluster of two processes on this machine."""
    pytest.importorskip("distributed")
    with local_cluster(2) as (address, _):
        yield address


def test_a_cluster_gives_the_same(
    tinygauge: Run, cluster: str, many: Path, small_data: Path
) -> None:
    """Scores, failures and their words are those of one machine, to the last digit."""
    words = ["evaluate", many, "--data", small_data, *SCORED, "--json", "--no-cache"]
    here, there = tinygauge(*words), tinygauge(*words, "--dask", cluster)

    assert there.returncode == here.returncode == 2
    assert _document(there.stdout) == _document(here.stdout)
    assert sorted(there.stderr.splitlines()) == sorted(here.stderr.splitlines())


def test_what_a_cluster_scored_is_found_again_here(
    tinygauge: Run, tmp_path: Path, cluster: str, models: Path, small_data: Path
) -> None:
    """The results come home: a cache is one, wherever the work was done."""
    words = ["evaluate", models, "--data", small_data, *SCORED, "--json"]
    kept = {"TINYGAUGE_CACHE": str(tmp_path / "cache")}
    there, here = tinygauge(*words, "--dask", cluster, **kept), tinygauge(*words, **kept)

    assert "found again from before" not in there.stderr
    assert "found again from before" in here.stderr
    assert _document(here.stdout) == _document(there.stdout)


def test_a_scheduler_that_is_not_there_is_named(
    tinygauge: Run, models: Path, small_data: Path
) -> None:
    """The address, and how to start one; an address that is none is told from it."""
    pytest.importorskip("distributed")
    for address, problem in (
        ("tcp://127.0.0.1:9", "no scheduler answers"),
        ("10.0.0.1", "this is no address of a scheduler"),
    ):
        done = tinygauge(
            "evaluate", models, "--data", small_data, *SCORED, "--no-cache", "--dask", address
        )
        assert done.returncode == 2
        assert f"--dask {address}: {problem}" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_worker_with_another_version_is_refused(
    tinygauge: Run, tmp_path: Path, models: Path, small_data: Path
) -> None:
    """It could round otherwise: the message names the worker and both versions."""
    pytest.importorskip("distributed")
    other = tmp_path / "other" / "ai_edge_litert-0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: ai-edge-litert\nVersion: 0.1\n")
    with local_cluster(1, PYTHONPATH=str(other.parent)) as (address, _):
        done = tinygauge(
            "evaluate", models, "--data", small_data, *SCORED, "--no-cache", "--dask", address
        )
    assert done.returncode == 2
    assert "has ai-edge-litert 0.1, here it is" in done.stderr


def test_a_cluster_that_goes_away_loses_nothing_that_was_scored(
    tinygauge: Run, tmp_path: Path, many: Path, small_data: Path
) -> None:
    """The command says so and ends with 3; the next one finds what had arrived."""
    pytest.importorskip("distributed")
    kept = tmp_path / "cache"
    words = ["evaluate", str(many), "--data", str(small_data), *SCORED, "--json"]
    with local_cluster(1) as (address, cluster):
        started = subprocess.Popen(
            [sys.executable, "-m", "tinygauge", *words, "--dask", address],
            env=os.environ | {"TINYGAUGE_CACHE": str(kept)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        )  # fmt: skip
        deadline_s = time.monotonic() + 60
        while not list(kept.glob("accuracy/*/*.npy")):
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        cluster.kill()
        out, err = started.communicate(timeout=60)

    assert (started.returncode, out) == (3, ""), err
    assert "the cluster went away. What was scored is kept: the same command goes on" in err
    assert "Traceback" not in err
    assert "found again from before" in tinygauge(*words, TINYGAUGE_CACHE=str(kept)).stderr


_PEAK = """
import pathlib, sys
from tinygauge.cli.main import main
code = main(sys.argv[1:])
status = pathlib.Path("/proc/self/status").read_text()
print("peak", next(line.split()[1] for line in status.splitlines() if "VmHWM" in line))
sys.exit(code)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak where Linux tells it")
def test_data_larger_than_the_memory_that_they_take(tmp_path: Path) -> None:
    """Real inputs of 328 MB are read, quantised and run in parts; the process stays far below."""
    (tmp_path / "wide.tflite").write_bytes(build_fully_connected(4096))
    x = np.zeros((20_000, 4096), np.float32)
    np.savez(tmp_path / "wide.npz", x=x, y=np.arange(len(x)) % 3)
    words = ["evaluate", "wide.tflite", "--data", "wide.npz", *SCORED[:4], "--no-cache"]
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, *words],
        capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    peak_bytes = int(done.stdout.split()[-1]) * 1024
    assert peak_bytes < 200e6 < x.nbytes
    (tmp_path / "wide.npz").unlink()  # the folder is kept for a while


def test_the_runner_can_be_chosen(tinygauge: Run, models: Path, small_data: Path) -> None:
    """Exact and interpreted scores are one; what can't be evaluated exactly fails if insisted."""
    words = ["evaluate", models / "cnn_4_i8.tflite", "--data", small_data, *SCORED[:4], "--json"]
    scores = []
    for runner in ("exact", "interpreter"):
        done = tinygauge(*words, "--runner", runner, "--no-cache")
        assert done.returncode == 0, done.stderr
        scores.append(json.loads(done.stdout)["candidates"][0]["accuracy"])
    exact, interpreted = scores
    assert exact["value"] == interpreted["value"]
    assert "exact" in exact["runner"]
    assert interpreted["runner"].startswith("tflite-micro")
    done = tinygauge(*words[:1], models / "mlp_8_f32.tflite", *words[2:], "--runner", "exact")
    assert done.returncode == 2
    assert "floating-point models have no roundings to repeat" in done.stderr
