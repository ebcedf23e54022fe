"""Runs models in processes of their own, with the interpreter that rounds as an engine does.

Which engine rounds how was found by comparing the outputs printed in the published MLPerf Tiny
accuracy logs with those of desktop interpreters: tflite-micro gives those of TFLM, CMSIS-NN and
others to the bit ("two-rounding"), LiteRT with XNNPACK those of X-CUBE-AI and Plumerai
("one-rounding"), LiteRT's own kernels those of Andes' library ("litert"). Floating-point models
have no such roundings, so they all run in LiteRT.

Nothing here decides what an output means; see `scores.py`.

>>> [runner.name for runner in runners_for("one-rounding", is_float=False)]
['litert-xnnpack']
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tinygauge.errors import RunnerError, UnknownNameError

__all__ = ["PROFILES", "Limits", "Rows", "Runner", "run_model", "runners_for", "stop_workers"]

_LOG = logging.getLogger(__name__)

_WORKER = Path(__file__).with_name("worker.py")
_CHUNK_BYTES = 16 << 20
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
        Address space of the process, where the system can limit it.
    """

    time_s: float = 600.0
    memory_bytes: int = 2 << 30


@dataclass(frozen=True, slots=True)
class Runner:
    """A program that runs models.

    Parameters
    ----------
    name : str
        As the worker knows it.
    package : str
        The distribution that holds it.
    title : str
        For people; followed by the version in `label`.
    note : str
        Where its numbers may differ from the profile's; empty where they don't.
    """

    name: str
    package: str
    title: str
    note: str = ""

    @property
    def version(self) -> str | None:
        """Version of the installed package; None where it is absent."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None

    @property
    def label(self) -> str:
        """Program, kernels and version, such as ``"LiteRT with XNNPACK 2.3.0"``."""
        return f"{self.title} {self.version or '(not installed)'}"


_TFLM = Runner("tflite-micro", "tflite-micro", "tflite-micro")
_XNNPACK = Runner("litert-xnnpack", "ai-edge-litert", "LiteRT with XNNPACK")
_BUILTIN = Runner("litert-builtin", "ai-edge-litert", "LiteRT built-in kernels")
_REFERENCE = Runner(
    "litert-reference",
    "ai-edge-litert",
    "LiteRT reference kernels",
    # 0.991 of the 1,000 MLPerf Tiny keyword-spotting inputs (LiteRT 2.3.0,
    # tflite-micro 0.dev20261023): all 12 outputs equal.
    "they agree with tflite-micro, which is not installed, on 99.1 % of outputs only",
)

_BY_PROFILE: dict[str, tuple[Runner, ...]] = {
    "two-rounding": (_TFLM,),
    "one-rounding": (_XNNPACK,),
    "litert": (_BUILTIN,),
    "unknown": (_TFLM, _XNNPACK),
}
PROFILES = tuple(_BY_PROFILE)


class Rows(Protocol):
    """Inputs of a model, a slice at a time; an ndarray is one."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        ...

    def __len__(self) -> int:
        """Return the number of inputs."""
        ...

    def __getitem__(self, part: slice, /) -> npt.NDArray[Any]:
        """Return inputs, shape ``(k, ...)``."""
        ...


def runners_for(profile: str, *, is_float: bool) -> tuple[Runner, ...]:
    """Return the programs whose outputs are those of a numeric profile.

    Parameters
    ----------
    profile : str
        One of `PROFILES`. With ``"unknown"`` there are two: the truth lies with either.
    is_float : bool
        Whether the model computes in floating point only.

    Returns
    -------
    tuple of Runner
        The first is the best guess; none of them need be installed.

    Raises
    ------
    UnknownNameError
        If there is no such profile.

    References
    ----------
    Own comparison of 2026-11-22 of the keyword-spotting accuracy logs in
    mlcommons/tiny_results_v0.5 to v1.2 with tflite-micro 0.dev20261023 and ai-edge-litert
    2.3.0; the catalogue's engines (data/engines/*.toml) state it for each.
    """
    if profile not in _BY_PROFILE:
        raise UnknownNameError("numeric profile", profile, PROFILES)
    if is_float:
        return (_XNNPACK,)
    chosen = _BY_PROFILE[profile]
    if _TFLM.version is None:
        return tuple(_REFERENCE if runner is _TFLM else runner for runner in chosen)
    return chosen


_live: set[subprocess.Popen[bytes]] = set()


def stop_workers() -> None:
    """End every process that runs a model now; their `run_model` then raises RunnerError.

    For a caller that runs models in several threads and is interrupted.
    """
    for process in tuple(_live):
        process.kill()


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
    allowed = limits or Limits()
    try:
        with tempfile.TemporaryDirectory(prefix="tinygauge-") as folder:
            place = Path(folder)
            (place / "model").write_bytes(content)
            job = {
                "runner": runner.name,
                "model": str(place / "model"),
                "inputs": str(place / "inputs"),
                "outputs": str(place / "outputs"),
                "dtype": inputs.dtype.str,
                "shape": _write_rows(inputs, place / "inputs"),
                "count": len(inputs),
                "time_s": allowed.time_s,
                "memory_bytes": allowed.memory_bytes,
            }
            run = _Run(name, runner, allowed, place / "stderr")
            reply = run.execute(job, progress)
            return _read_outputs(run, reply, place / "outputs", len(inputs))
    except OSError as error:
        problem = f"can't start a process or write its files ({error.strerror or error})"
        advice = f"Check the free memory, and the space in {tempfile.gettempdir()}"
        raise RunnerError(name, problem, advice) from error


def _write_rows(inputs: Rows, path: Path) -> list[int]:
    """Write all rows as raw bytes, and return the shape of one."""
    first = inputs[0:1]
    step = max(1, _CHUNK_BYTES // max(1, first.nbytes))
    with path.open("wb") as file:
        for start in range(0, len(inputs), step):
            file.write(np.ascontiguousarray(inputs[start : start + step]).tobytes())
    return list(first.shape[1:])


def _read_outputs(run: _Run, reply: dict[str, Any], path: Path, count: int) -> npt.NDArray[Any]:
    try:
        dtype, shape = np.dtype(reply["dtype"]), tuple(int(extent) for extent in reply["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise run.failure(f"replied {reply} where a type and a shape were due") from error
    outputs = np.fromfile(path, dtype=dtype)
    if outputs.size != count * math.prod(shape):
        raise run.failure(f"gave {outputs.size:,} values, not {count} x {math.prod(shape)}")
    if shape[:1] == (1,):
        shape = shape[1:]
    return outputs.reshape(count, *shape)


class _Run:
    """One worker process, from its start to its end, and what it said."""

    def __init__(self, name: str, runner: Runner, limits: Limits, stderr: Path) -> None:
        self.name = name
        self.runner = runner
        self.limits = limits
        self.stderr = stderr
        self.timed_out = False

    def execute(self, job: dict[str, Any], progress: Progress | None) -> dict[str, Any]:
        """Run the job and return the worker's last reply."""
        # One thread each: evaluations run side by side, and every thread of a numerical
        # library reserves address space, which counts against the limit.
        single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
        with self.stderr.open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603  # no shell, our own file
                # -P: the worker's own folder must not shadow installed packages.
                [sys.executable, "-P", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **single},
            )
        _live.add(process)
        clock = threading.Timer(self.limits.time_s, self._time_out, [process])
        clock.daemon = True
        clock.start()
        try:
            reply = _converse(process, job, progress)
            code = process.wait()
        finally:
            clock.cancel()
            process.kill()
            process.wait()
            _live.discard(process)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()
        if code == 0 and reply is not None and "error" not in reply:
            return reply
        raise self._explain(code, reply or {})

    def _time_out(self, process: subprocess.Popen[bytes]) -> None:
        self.timed_out = True
        process.kill()

    def failure(self, problem: str, advice: str = "") -> RunnerError:
        """Make the error of this run."""
        return RunnerError(self.name, f"{self.runner.label} {problem}", advice)

    def _explain(self, code: int, reply: dict[str, Any]) -> RunnerError:
        """Tell in one line why the run failed."""
        said = self._chatter()
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

    def _chatter(self) -> list[str]:
        """Return what the process printed, without the usual greetings."""
        text = self.stderr.read_bytes().decode("utf-8", "replace")
        lines = [" ".join(line.split())[:_QUOTED] for line in text.splitlines()]
        return [line for line in lines if line and not line.startswith("INFO:")]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _converse(
    process: subprocess.Popen[bytes], job: dict[str, Any], progress: Progress | None
) -> dict[str, Any] | None:
    """Send the job and follow the replies; return the last that is no progress."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("Bug: the worker was started without pipes")
    with suppress(BrokenPipeError), process.stdin:  # broken: it died at once; its exit code tells
        process.stdin.write(json.dumps(job).encode())
    reply = None
    for line in process.stdout:
        try:
            message = json.loads(line)
        except ValueError:
            _LOG.debug("the worker printed %r", line)
            continue
        if not isinstance(message, dict):
            continue
        if "done" in message:
            if progress is not None:
                progress(int(message["done"]))
        else:
            reply = message
    return reply
