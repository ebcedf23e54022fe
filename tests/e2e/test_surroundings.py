"""The command in bad surroundings: no reader, a full disk, signals, odd options."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Run
from tinygauge.exact import library

FULL = Path("/dev/full")


@pytest.mark.parametrize("verb", [["boards"], ["boards", "--json"]])
def test_a_reader_that_goes_away_is_no_answer(verb: list[str]) -> None:
    """Neither 0 nor 1, which would answer the question; nothing on stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tinygauge", *verb],
            stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    finally:
        os.close(writing)

    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("verb", [["boards"], ["boards", "--json"]])
def test_a_full_disk_is_said_in_one_line(verb: list[str]) -> None:
    """What can't be written to stdout is the surroundings' fault, not a bug to report."""
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tinygauge", *verb],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip

    assert done.returncode == 3
    assert done.stderr == "tinygauge: the output: can't read or write (No space left on device)\n"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    """The models that run are ended with the command, and nothing is written."""
    started = subprocess.Popen(
        [sys.executable, "-m", "tinygauge", "demo", "--no-cache", "--out", str(tmp_path / "out")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=_with_default_signals,  # noqa: PLW1509 (no threads here)
    )  # fmt: skip
    _wait_for(lambda: len(_session(started.pid)) > 1, "no model was run")
    started.send_signal(number)

    assert started.wait(30) == 128 + number
    _wait_for(lambda: not _session(started.pid), "a process stayed behind")
    assert not (tmp_path / "out").exists()


def _with_default_signals() -> None:
    # A shell's background jobs ignore Ctrl-C, and so would what they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _session(leader: int) -> list[int]:
    """List the live processes of a session (field 6 of /proc/PID/stat; field 3 is the state)."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it ended meanwhile
            continue
        if int(session) == leader and state != "Z":
            found.append(int(stat.parent.name))
    return found


def _wait_for(condition: Callable[[], bool], otherwise: str, patience_s: float = 20) -> None:
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.02)


@pytest.mark.parametrize("told", [library._sources_id(), "tg_sources_id"], ids=["others", "old"])
def test_kernels_of_other_sources_are_refused(
    tinygauge: Run, tmp_path: Path, models: Path, small_data: Path, told: str
) -> None:
    """A build from before a change would give wrong results or crash; NumPy serves until then."""
    loaded = library.library()
    if loaded is None:
        pytest.skip("no compiled kernels here")
    built = Path(loaded._name)
    stale = tmp_path / "_tinygauge_kernels" / built.name
    stale.parent.mkdir()
    stale.write_bytes(built.read_bytes().replace(told.encode(), told[::-1].encode()))
    words = ("evaluate", models / "cnn_8_i8.tflite", "--data", small_data, "--board", "ek-ra6m4")

    done = tinygauge(*words, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "built from other sources than this package holds. Install the package" in done.stderr
    assert len(done.stderr.splitlines()) == 1

    done = tinygauge(*words, PYTHONPATH=str(tmp_path), TINYGAUGE_KERNELS="numpy")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("jobs", ["0", "-1", "x", "1.5", "²"])
def test_a_wrong_number_of_jobs_is_named(tinygauge: Run, jobs: str) -> None:
    """The message says what is expected and what was given."""
    done = tinygauge("demo", f"--jobs={jobs}")

    assert done.returncode == 2
    assert f"must be a whole number from 1 on, got '{jobs}'" in done.stderr


def test_boards_are_sorted_in_json_too(tinygauge: Run) -> None:
    """`--sort` means the same in both forms."""
    boards = json.loads(tinygauge("boards", "--json", "--sort", "coremark").stdout)
    scores = [board["coremark_per_mhz"]["value"] for board in boards]

    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1]
