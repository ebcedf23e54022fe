"""Runs models in processes of their own, which stay to be given the next model.

A worker (`worker.py`) is started once and serves one model after another, each in a child of its
own where the system can fork (Linux); so a model that crashes, hangs or eats memory costs its own
run and nothing else. On CUDA, the models of a worker share its process. The inputs of a sweep are
written once for all models that take them alike.

What a model's outputs mean is not known here; which program rounds how stands in `runners.py`.
"""

from __future__ import annotations

import atexit
import json
import logging
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tinygauge.accuracy.input_files import Rows, forget_inputs, put_inputs
from tinygauge.accuracy.runners import Runner
from tinygauge.accuracy.stored import StoredArray, collect
from tinygauge.errors import RunnerError

__all__ = ["Limits", "Progress", "run_model", "run_outputs", "run_stored", "stop_workers"]

_LOG = logging.getLogger(__name__)

_Read = TypeVar("_Read")

_WORKER = Path(__file__).with_name("worker.py")
_CHUNK_ELEMENTS = 1 << 18  # of outputs
_QUOTED = 300  # characters of what a runtime says
_MEMORY_SIGNS = ("MemoryError", "bad_alloc", "failed to map segment", "Memory allocation")
_ADVICE = "Convert it again, or see its ops with: tinygauge inspect"

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run of a model may use.

    Parameters
    ----------
    time_s : float
        Wall-clock time for all inputs.
    memory_bytes : int
        Address space of the process, where the system can limit it; CUDA takes what it takes.
    threads : int
        Threads that the exact evaluator may use; the interpreters use one.
    """

    time_s: float = 600.0
    memory_bytes: int = 2 << 30
    threads: int = 1


def run_model(
    content: bytes,
    inputs: Rows,
    runner: Runner,
    *,
    name: str = "model",
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> npt.NDArray[Any]:
    """Run a model over inputs in a process of its own. Safe to call from several threads.

    Parameters
    ----------
    content : bytes
        The `.tflite` file; it may be damaged.
    inputs : Rows
        Of the shape and type of the model's input, first dimension left out; not empty.
    runner : Runner
        What runs it.
    name : str
        The model's name, for messages.
    limits : Limits, optional
        Time and memory.
    progress : callable, optional
        Called with the number of inputs done, a few times a second.

    Returns
    -------
    ndarray, shape (n, ...)
        The first output of each input, in the output tensor's type.

    Raises
    ------
    RunnerError
        If the process can't run the model, crashes, or meets a limit; one line says which.
    """
    (output,) = run_outputs(
        content, [inputs], runner, count=1, name=name, limits=limits, progress=progress
    )
    return output


def run_outputs(
    content: bytes,
    inputs: Sequence[Rows],
    runner: Runner,
    *,
    count: int,
    name: str = "model",
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> list[npt.NDArray[Any]]:
    """Run a model of several inputs and outputs; otherwise like `run_model`.

    Parameters
    ----------
    content : bytes
        As for `run_model`, as are the others.
    inputs : sequence of Rows
        One for each input of the model, in its order, of equally many rows.
    runner : Runner
    count : int
        How many outputs the model has.
    name : str
    limits : Limits, optional
    progress : callable, optional

    Returns
    -------
    list of ndarray, each of shape (n, ...)
        In the order of the model's outputs.

    Raises
    ------
    RunnerError
        As `run_model`.
    """
    return _execute(
        content, inputs, runner, _read_whole,
        count=count, name=name, limits=limits, progress=progress,
    )  # fmt: skip


def run_stored(
    content: bytes,
    inputs: Rows,
    runner: Runner,
    *,
    name: str = "model",
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> npt.NDArray[Any] | StoredArray:
    """Run a model whose outputs may be larger than the memory; otherwise like `run_model`.

    Parameters
    ----------
    content : bytes
        As for `run_model`, as are the others.
    inputs : Rows
    runner : Runner
    name : str
    limits : Limits, optional
    progress : callable, optional

    Returns
    -------
    ndarray or StoredArray, shape (n, k)
        The elements of the first output of each input.

    Raises
    ------
    RunnerError
        As `run_model`.
    """
    (output,) = _execute(
        content, [inputs], runner, _read_in_parts,
        count=1, name=name, limits=limits, progress=progress,
    )  # fmt: skip
    return output


def _execute(
    content: bytes,
    inputs: Sequence[Rows],
    runner: Runner,
    read: Callable[[Path, np.dtype[Any], tuple[int, ...]], _Read],
    *,
    count: int,
    name: str,
    limits: Limits | None,
    progress: Progress | None,
) -> list[_Read]:
    allowed, stops = limits or Limits(), _pool.stops
    try:
        with tempfile.TemporaryDirectory(prefix="tinygauge-") as folder:
            place = Path(folder)
            (place / "model").write_bytes(content)
            job = {
                "runner": runner.name,
                "model": str(place / "model"),
                "inputs": [
                    put_inputs(rows, place / f"inputs.{index}") for index, rows in enumerate(inputs)
                ],
                "outputs": str(place / "outputs"),
                "output_count": count,
                "stderr": str(place / "stderr"),
                "count": len(inputs[0]),
                "time_s": allowed.time_s,
                "memory_bytes": allowed.memory_bytes,
                "threads": allowed.threads,
            }
            run = _Run(name, runner, allowed, place / "stderr")
            reply = run.execute(job, progress, stops)
            return _read_outputs(run, reply, place, (count, len(inputs[0])), read)
    except OSError as error:
        problem = f"can't start a process or write its files ({error.strerror or error})"
        advice = f"Check the free memory, and the space in {tempfile.gettempdir()}"
        raise RunnerError(name, problem, advice) from error


def _read_outputs(
    run: _Run,
    reply: dict[str, Any],
    folder: Path,
    counts: tuple[int, int],
    read: Callable[[Path, np.dtype[Any], tuple[int, ...]], _Read],
) -> list[_Read]:
    """Read the files that the worker wrote: so many outputs, of so many rows each."""
    count, rows = counts
    try:
        described = [
            (np.dtype(each["dtype"]), tuple(int(extent) for extent in each["shape"]))
            for each in reply["outputs"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise run.failure(f"replied {reply} where types and shapes were due") from error
    if len(described) != count:
        raise run.failure(f"gave {len(described)} outputs, not {count}")
    found: list[_Read] = []
    for index, (dtype, shape) in enumerate(described):
        path = folder / f"outputs.{index}"
        values = path.stat().st_size // dtype.itemsize
        if values != rows * math.prod(shape):
            raise run.failure(f"gave {values:,} values, not {rows} x {math.prod(shape)}")
        found.append(read(path, dtype, (rows, *(shape[1:] if shape[:1] == (1,) else shape))))
    return found


def _read_whole(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return np.fromfile(path, dtype=dtype).reshape(shape)


def _read_in_parts(
    path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> npt.NDArray[Any] | StoredArray:
    """Lay an output where it stays when its file goes."""
    row = (math.prod(shape[1:]),)

    def parts() -> Iterator[npt.NDArray[Any]]:
        with path.open("rb") as file:
            while (part := np.fromfile(file, dtype, _CHUNK_ELEMENTS)).size:
                yield part

    return collect(parts(), row, dtype, "the outputs")


class _Worker:
    """A process that serves models, until it is ended; those on CUDA have processes apart."""

    def __init__(self, *, is_on_cuda: bool) -> None:
        self.is_on_cuda = is_on_cuda
        # One thread each: evaluations run side by side, and every thread of a numerical
        # library reserves address space, which counts against the limit.
        single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed in `end`
        self.process = subprocess.Popen(  # noqa: S603  # no shell, our own file
            # -P: the worker's own folder must not shadow installed packages.
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            env={**os.environ, **single},
        )

    def end(self) -> None:
        """End the process and what it runs; it may have ended before."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def converse(
        self, job: dict[str, Any], progress: Progress | None
    ) -> tuple[dict[str, Any], int | None]:
        """Send a job and follow the replies.

        Returns the last that is no progress, and the exit code of the child that did the job;
        None where the worker itself has ended.
        """
        source, sink = self.process.stdout, self.process.stdin
        if sink is None or source is None:
            raise AssertionError("Bug: the worker was started without pipes")
        with suppress(BrokenPipeError):  # broken: it has died; its exit code tells
            sink.write(json.dumps(job).encode() + b"\n")
            sink.flush()
        reply: dict[str, Any] = {}
        for line in source:
            try:
                message = json.loads(line)
            except ValueError:
                _LOG.debug("the worker printed %r", line)
                continue
            if "ended" in message:
                return reply, int(message["ended"])
            if "done" in message:
                if progress is not None:
                    progress(int(message["done"]))
            else:
                reply = message
        return reply, None

    def said(self) -> bytes:
        """Return what the process itself has printed, outside of jobs."""
        self.stderr.seek(0)
        return self.stderr.read()


class _Pool:
    """Workers that wait for a job, and those that have one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.idle: list[_Worker] = []
        self.busy: set[_Worker] = set()
        self.stops = 0

    def take(self, stops: int, *, is_on_cuda: bool) -> _Worker | None:
        """Return a worker that waits, or a new one; None if all were stopped since `stops`."""
        with self.lock:
            if stops != self.stops:
                return None
            for worker in [each for each in self.idle if each.is_on_cuda == is_on_cuda][::-1]:
                self.idle.remove(worker)
                if worker.process.poll() is None:
                    self.busy.add(worker)
                    return worker
                worker.end()
            worker = _Worker(is_on_cuda=is_on_cuda)
            self.busy.add(worker)
            return worker

    def give_back(self, worker: _Worker, *, keep: bool) -> None:
        """Keep a worker that can serve again, or end it."""
        with self.lock:
            self.busy.discard(worker)
            if keep:
                self.idle.append(worker)
                return
        worker.end()

    def end_all(self) -> None:
        """End the workers that wait, and kill those at work; their runs notice."""
        with self.lock:
            self.stops += 1
            waiting, self.idle = self.idle, []
            working = tuple(self.busy)
        for worker in working:
            worker.process.kill()
        for worker in waiting:
            worker.end()


_pool = _Pool()


def stop_workers() -> None:
    """End every process that runs a model now; their `run_model` then raises RunnerError.

    For a caller that runs models in several threads and is interrupted, or that has run its last
    model and wants the memory back. The next run starts a new process.
    """
    _pool.end_all()
    forget_inputs()


atexit.register(stop_workers)


class _Run:
    """One model in one worker, from its start to its end, and what was said."""

    def __init__(self, name: str, runner: Runner, limits: Limits, stderr: Path) -> None:
        self.name = name
        self.runner = runner
        self.limits = limits
        self.stderr = stderr
        self.timed_out = False

    def execute(self, job: dict[str, Any], progress: Progress | None, stops: int) -> dict[str, Any]:
        """Run the job, unless it was stopped before, and return the worker's last reply."""
        worker = _pool.take(stops, is_on_cuda=self.runner.is_on_cuda)
        if worker is None:
            raise self.failure("was stopped")
        clock = threading.Timer(self.limits.time_s, self._time_out, [worker])
        clock.daemon = True
        clock.start()
        keep = False
        try:
            reply, ended = worker.converse(job, progress)
            code = worker.process.wait() if ended is None else ended
            clock.cancel()
            keep = ended is not None and not self.timed_out
            own = b"" if ended is not None else worker.said()
        finally:
            clock.cancel()
            _pool.give_back(worker, keep=keep)
        if code == 0 and reply and "error" not in reply:
            return reply
        raise self._explain(code, reply, own)

    def _time_out(self, worker: _Worker) -> None:
        self.timed_out = True
        worker.process.kill()

    def failure(self, problem: str, advice: str = "") -> RunnerError:
        """Make the error of this run."""
        return RunnerError(self.name, f"{self.runner.label} {problem}", advice)

    def _explain(self, code: int, reply: dict[str, Any], own: bytes) -> RunnerError:
        """Tell in one line why the run failed."""
        said = self._chatter(own)
        stated = str(reply.get("error", ""))
        if self.timed_out:
            return self.failure(
                f"did not end within {self.limits.time_s:g} s", "Give fewer inputs or more time"
            )
        if any(sign in text for sign in _MEMORY_SIGNS for text in (*said, stated)):
            mib = self.limits.memory_bytes >> 20
            return self.failure(f"needs more than the limit of {mib:,} MiB", "Allow more memory")
        if stated:
            reasons = "; ".join([stated[:_QUOTED], *said[-2:]]).rstrip(".")
            return self.failure(f"can't run the model: {reasons}", _ADVICE)
        last = f" ({said[-1]})" if said else ""
        if code < 0:
            return self.failure(f"was killed by {_signal_name(-code)}{last}", _ADVICE)
        return self.failure(f"ended with code {code}{last}", _ADVICE)

    def _chatter(self, own: bytes) -> list[str]:
        """Return what the process printed, without the usual greetings."""
        printed = self.stderr.read_bytes() if self.stderr.exists() else b""
        text = (own + printed).decode("utf-8", "replace")
        lines = [" ".join(line.split())[:_QUOTED] for line in text.splitlines()]
        return [line for line in lines if line and not line.startswith("INFO:")]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
