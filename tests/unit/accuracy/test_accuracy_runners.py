"""Models run in processes of their own: what they answer, and how they may fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge.accuracy import input_files, processes, runners, stop_workers
from tinygauge.accuracy.processes import Limits, run_model, run_outputs
from tinygauge.accuracy.runners import Runner, exact_counterpart, runners_for
from tinygauge.errors import RunnerError, UnknownNameError

TFLM, XNNPACK = runners_for("unknown", is_float=False)
(BUILTIN,) = runners_for("litert", is_float=False)
EXACT, _ = exact_counterpart(TFLM)
ROWS = np.random.default_rng(3).integers(-100, 100, (6, 1, 8, 8, 1)).astype(np.int8)
# Enough work for a run to be interrupted in its midst.
LONG_MODEL = build_cnn(side=64, channels=8)
LONG_ROWS = np.zeros((20_000, 1, 64, 64, 1), dtype=np.int8)

needs_tflm = pytest.mark.skipif(TFLM.name != "tflite-micro", reason="tflite-micro is not installed")
needs_limits = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="memory is limited on Linux only"
)


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """Whatever a test does, no worker is still at work after it."""
    yield
    assert not processes._pool.busy


def test_profiles_name_their_runners() -> None:
    """Integer models run with the profile's rounding, float ones in LiteRT."""
    assert runners_for("one-rounding", is_float=False) == (XNNPACK,)
    assert BUILTIN.name == "litert-builtin"
    assert runners_for("two-rounding", is_float=False) == (TFLM,)
    assert runners_for("two-rounding", is_float=True) == (XNNPACK,)
    with pytest.raises(UnknownNameError, match="Did you mean one-rounding"):
        runners_for("one-roundings", is_float=False)


@pytest.mark.parametrize("machine", ["aarch64", "arm64", "ARM64"])
def test_on_arm_litert_checks_nothing(machine: str) -> None:
    """Its kernels differ there from those that the profiles were compared with."""
    for profile in ("one-rounding", "litert"):
        (there,) = runners_for(profile, is_float=False, machine=machine)
        (here,) = runners_for(profile, is_float=False, machine="AMD64")
        assert (there.name, bool(there.note), here.note) == (here.name, True, "")
    assert runners_for("two-rounding", is_float=False, machine=machine) == (TFLM,)


def test_without_tflite_micro_its_stand_in_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the wheel does not exist, LiteRT's reference kernels take its place, labelled."""
    absent = Runner("tflite-micro", "no-such-package", "tflite-micro")
    assert absent.version is None
    monkeypatch.setattr(runners, "_TFLM", absent)
    monkeypatch.setitem(runners._BY_PROFILE, "two-rounding", (absent,))
    (stand_in,) = runners_for("two-rounding", is_float=False)
    assert stand_in.label.startswith("LiteRT reference kernels")
    assert "99.1 %" in stand_in.note
    assert run_model(build_cnn(), ROWS, stand_in).shape == (6, 3)


def test_rows_are_answered_in_order() -> None:
    """Each input gets its own output, the same as when it is run alone; progress ends at n."""
    seen: list[int] = []
    outputs = run_model(build_cnn(), ROWS, TFLM, progress=seen.append)
    assert outputs.shape == (6, 3)
    assert outputs.dtype == np.dtype(np.int8)
    assert len(np.unique(outputs, axis=0)) > 1
    np.testing.assert_array_equal(run_model(build_cnn(), ROWS[4:5], TFLM), outputs[4:5])
    assert seen[-1] == 6


def test_float_models_give_float_outputs() -> None:
    """Softmax of a float model sums to 1."""
    rows = np.ones((2, 1, 4), dtype=np.float32)
    outputs = run_model(build_fully_connected(dtype="float32"), rows, XNNPACK)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)


def _counter() -> bytes:
    """Return a model that adds its input to a variable that it keeps, and answers the sum."""
    builder = ModelBuilder()
    x = builder.tensor((1, 1), "int8", scale=1.0)
    weights = builder.tensor((1, 1), "int8", data=[[1]], scale=1.0)
    time_weights = builder.tensor((1, 2), "int16", data=[[1, 1]], scale=1.0)
    bias = builder.tensor((1,), "int32", data=[0], scale=1.0)
    state = builder.tensor((1, 2), "int16", is_variable=True, scale=1.0)
    y = builder.tensor((1, 1), "int8", scale=1.0)
    builder.op("SVDF", [x, weights, time_weights, bias, state], [y], version=3, rank=1)
    return builder.build([x], [y])


@pytest.mark.parametrize("runner", [TFLM, XNNPACK], ids=lambda runner: runner.name)
def test_all_outputs_come_where_asked_for(runner: Runner) -> None:
    """In the order of the model; a wrong number of them is refused."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "int8", scale=0.5)
    first = builder.tensor((1, 4), "int8", scale=0.5)
    second = builder.tensor((1, 2, 2), "int8", scale=0.5)
    shape = builder.tensor((3,), "int32", data=[1, 2, 2])
    builder.op("RELU", [x], [first])
    builder.op("RESHAPE", [x, shape], [second])
    content = builder.build([x], [first, second])
    rows = np.array([[[-3, -2, 2, 3]], [[5, -5, 6, -6]]], dtype=np.int8)
    outputs = run_outputs(content, [rows], runner, count=2)
    np.testing.assert_array_equal(outputs[0], rows[:, 0].clip(0))
    np.testing.assert_array_equal(outputs[1], rows.reshape(2, 2, 2))


@pytest.mark.parametrize(
    "runner", [pytest.param(TFLM, marks=needs_tflm), EXACT], ids=lambda runner: runner.name
)
def test_inputs_do_not_affect_each_other(runner: Runner) -> None:
    """A model that keeps state starts anew for each input."""
    outputs = run_model(_counter(), np.ones((3, 1, 1), dtype=np.int8), runner)
    np.testing.assert_array_equal(outputs, [[1], [1], [1]])


def test_an_input_that_a_table_has_no_row_for_is_an_error() -> None:
    """The exact evaluator reads nothing beyond its tables, and says which row was asked for."""
    builder = ModelBuilder()
    x = builder.tensor((1, 2), "int32")
    table = builder.tensor((5, 3), "int8", data=np.arange(15).reshape(5, 3), scale=1.0)
    y = builder.tensor((1, 2, 3), "int8", scale=1.0)
    builder.op("GATHER", [table, x], [y], axis=0)
    rows = np.array([[[0, 4]], [[5, 1]]], dtype=np.int32)
    with pytest.raises(RunnerError, match="row 5 of a table of 5"):
        run_model(builder.build([x], [y]), rows, EXACT)


def _unknown_op() -> bytes:
    builder = ModelBuilder()
    x, y = builder.tensor((1, 4), "int8", scale=1.0), builder.tensor((1, 4), "int8", scale=1.0)
    builder.op("CUSTOM:mystery", [x], [y])
    return builder.build([x], [y])


@pytest.mark.parametrize("runner", [TFLM, XNNPACK], ids=lambda runner: runner.name)
def test_an_unknown_op_is_quoted(runner: Runner) -> None:
    """The runtime's own words say which op, in one line that names the model."""
    rows = np.zeros((1, 1, 4), dtype=np.int8)
    with pytest.raises(RunnerError) as caught:
        run_model(_unknown_op(), rows, runner, name="odd")
    message = str(caught.value)
    assert message.startswith(f"odd: {runner.label} can't run the model")
    assert "CUSTOM" in message or "mystery" in message
    assert "\n" not in message


def test_time_runs_out() -> None:
    """A run that takes too long is ended and says so."""
    started_s = time.monotonic()
    with pytest.raises(RunnerError, match=r"did not end within 0\.2 s"):
        run_model(LONG_MODEL, LONG_ROWS, TFLM, limits=Limits(time_s=0.2))
    assert time.monotonic() - started_s < 30


@needs_limits
@pytest.mark.parametrize("limit_mib", [30, 45, 60, 80])
def test_memory_runs_out(limit_mib: int) -> None:
    """Wherever a process meets its limit, it is told from one that crashed."""
    with pytest.raises(RunnerError, match=f"needs more than the limit of {limit_mib} MiB"):
        run_model(build_cnn(), ROWS, TFLM, limits=Limits(memory_bytes=limit_mib << 20))


@pytest.mark.skipif(sys.platform == "win32", reason="no signals on Windows")
def test_a_killed_worker_is_told() -> None:
    """stop_workers ends a run in its midst; the error names the signal."""
    with pytest.raises(RunnerError, match="was killed by SIGKILL"):
        run_model(LONG_MODEL, LONG_ROWS, TFLM, progress=lambda _done: stop_workers())


def test_an_interrupt_ends_the_worker() -> None:
    """What the progress callback raises arrives, and the process is gone."""

    def interrupt(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_model(LONG_MODEL, LONG_ROWS, TFLM, progress=interrupt)


PARENT = """
    import subprocess, sys, time
    worker = subprocess.Popen([sys.executable, sys.argv[1]], stdin=subprocess.PIPE)
    worker.stdin.write(sys.argv[2].encode() + b"\\n")
    worker.stdin.flush()
    print(worker.pid, flush=True)
    time.sleep(60)
"""


@needs_limits
def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    """Even if the parent is killed outright and the model hangs, nothing stays behind."""
    pipe = tmp_path / "model"
    os.mkfifo(pipe)
    job = {
        "runner": "tflite-micro", "model": str(pipe), "stderr": str(tmp_path / "stderr"),
        "time_s": 600, "memory_bytes": 2 << 30, "threads": 1,
    }  # fmt: skip
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), str(processes._WORKER), json.dumps(job)],
        stdout=subprocess.PIPE,
    )
    with parent, pipe.open("wb", buffering=0) as model:  # opens when the child does, which waits
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert _is_running(worker)
        parent.kill()
        deadline_s = time.monotonic() + 20
        while _is_running(worker):
            assert time.monotonic() < deadline_s, f"process {worker} outlived its parent"
            time.sleep(0.02)
        with pytest.raises(BrokenPipeError):  # nobody has the other end: the child is gone too
            model.write(b"x")


@needs_limits
def test_one_process_serves_many_models() -> None:
    """The second run needs no new process, a crash between them none either, and it is forked."""
    stop_workers()
    run_model(build_cnn(), ROWS, TFLM)
    (worker,) = processes._pool.idle
    for content in (build_cnn(seed=1), _unknown_op(), build_cnn()):
        try:
            outputs = run_model(content, ROWS[:, :, 0, :4, 0], TFLM)
        except RunnerError:
            outputs = run_model(build_cnn(), ROWS, TFLM)
        assert outputs.shape == (6, 3)
    assert processes._pool.idle == [worker]
    tasks = Path(f"/proc/{worker.process.pid}/task")
    assert len(list(tasks.iterdir())) == 1  # to fork is safe with one thread alone


def test_a_worker_that_died_while_waiting_is_replaced() -> None:
    """Somebody killed it between two runs: the next run does not notice."""
    stop_workers()
    first = run_model(build_cnn(), ROWS, TFLM)
    for worker in processes._pool.idle:
        worker.process.kill()
        worker.process.wait()
    np.testing.assert_array_equal(run_model(build_cnn(), ROWS, TFLM), first)


class _Numbered:
    """Rows that say how often they were asked for."""

    def __init__(self, identity: object) -> None:
        self.dtype = ROWS.dtype
        self.identity = identity
        self.asked = 0

    def __len__(self) -> int:
        return len(ROWS)

    def __getitem__(self, part: slice) -> np.ndarray[Any, np.dtype[np.int8]]:
        self.asked += part != slice(0, 1)  # which asks for the shape
        return ROWS[part]


def test_inputs_of_one_identity_are_written_once() -> None:
    """Many models share a file; another identity has another; old files go, others come."""
    same = _Numbered("same")
    first = run_model(build_cnn(), same, TFLM)
    np.testing.assert_array_equal(run_model(build_cnn(), same, XNNPACK).shape, first.shape)
    assert same.asked == 1
    for number in range(input_files._KEPT_INPUTS):
        other = _Numbered(number)
        np.testing.assert_array_equal(run_model(build_cnn(), other, TFLM), first)
        assert other.asked == 1
    np.testing.assert_array_equal(run_model(build_cnn(), same, TFLM), first)
    assert same.asked == 2


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Where nobody collects what ended, as in some containers, it stays as a zombie.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
def test_no_damage_reaches_the_parent() -> None:
    """Flipped bits and missing ends give outputs or one line, never a crash or a hang."""
    content = build_cnn()
    random = np.random.default_rng(5)

    def damaged(number: int) -> bytes:
        copy = bytearray(content)
        for _ in range(random.integers(1, 4)):
            copy[random.integers(len(copy))] ^= 1 << int(random.integers(8))
        return bytes(copy if number % 5 else copy[: random.integers(8, len(copy))])

    def outcome(case: tuple[bytes, Runner]) -> str:
        try:
            return str(run_model(case[0], ROWS, case[1], limits=Limits(time_s=60)).dtype)
        except RunnerError as error:
            return str(error)

    cases = zip([damaged(number) for number in range(20)], cycle([TFLM, XNNPACK]), strict=False)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(outcome, cases))
    assert all(told and "\n" not in told for told in outcomes)
    assert any("killed by SIG" in told or "code" in told for told in outcomes)
    assert "int8" in outcomes
