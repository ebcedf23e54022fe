"""A run on disk: written as it happens, read as a whole, resumed where it stopped.

::

    run.json         what was run; `complete` once all of it was measured; written whole
    results.jsonl    a line per window, input or fault, appended the moment it is known
    transcript.log   every byte both ways, appended as it goes over the wire
    traces/          the power trace of each window of an energy run

A line that a crash or a full disk tore is no result: it has no end or does not parse, and is cut
off when the run is resumed. A complete run's `run.json` holds the digests of the other files, so
that a change is seen. The layout is described in ``docs/reference/bench-run.md``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tinygauge.bench.coding import from_plain, to_plain
from tinygauge.bench.records import BenchFault, FileRef, InputResult, Run, WindowResult
from tinygauge.bench.transcript import append_whole, cut_torn_line
from tinygauge.errors import ConfigError, RunFormatError, RunStorageError
from tinygauge.files import write_whole

__all__ = ["RUN_VERSION", "RunFolder", "file_sha256", "load_run"]

# 1: first.
RUN_VERSION = 1
_SCHEMA = "tinygauge-run"
_RUN, _RESULTS, _TRANSCRIPT = "run.json", "results.jsonl", "transcript.log"
Result = WindowResult | InputResult | BenchFault
_MOST_CLASSES = 10_000
# Kept in results.jsonl, not in run.json.
_APPENDED = ("windows", "inputs", "faults")
_KINDS: dict[str, type[Result]] = {
    "window": WindowResult,
    "input": InputResult,
    "fault": BenchFault,
}


class _Found:
    """Results by their index: of two with the same, the later counts."""

    def __init__(self, run: Run) -> None:
        self._windows = {window.index: window for window in run.windows}
        self._inputs = {item.index: item for item in run.inputs}
        self._faults = list(run.faults)

    def add(self, result: Result) -> None:
        if isinstance(result, WindowResult):
            self._windows[result.index] = result
        elif isinstance(result, InputResult):
            self._inputs[result.index] = result
        else:
            self._faults.append(result)

    def into(self, run: Run) -> Run:
        return replace(
            run,
            windows=tuple(self._windows[index] for index in sorted(self._windows)),
            inputs=tuple(self._inputs[index] for index in sorted(self._inputs)),
            faults=tuple(self._faults),
        )


class RunFolder:
    """A run that is being written.

    Parameters
    ----------
    path : Path
        The folder.
    run : Run
        What is known of it so far.

    Raises
    ------
    RunStorageError
        If a file can't be written, here and in every method.
    """

    def __init__(self, path: Path, run: Run) -> None:
        self.path = path
        self._head = run
        self._found = _Found(run)
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._results = (path / _RESULTS).open("ab", buffering=0)
            cut_torn_line(path / _RESULTS)
        except OSError as error:
            raise _unwritable(path, error) from error
        self._write_run()

    @classmethod
    def create(cls, path: Path, run: Run) -> RunFolder:
        """Begin a run; a `ConfigError` where the folder holds something already."""
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            advice = f"Name another folder, or go on with it: --resume {path}"
            raise ConfigError(str(path), "there is something here already", advice)
        return cls(path, run)

    @classmethod
    def resume(cls, path: Path) -> RunFolder:
        """Go on with a run; `RunFormatError` where there is none."""
        return cls(path, load_run(path))

    @property
    def run(self) -> Run:
        """The run with all that was kept."""
        return self._found.into(self._head)

    @property
    def transcript(self) -> Path:
        """Where the transcript is."""
        return self.path / _TRANSCRIPT

    @property
    def traces(self) -> Path:
        """Where traces are."""
        return self.path / "traces"

    def describe(self, run: Run) -> None:
        """Keep what became known of the run itself, such as what the board says it is."""
        self._head = run
        self._write_run()

    def keep(self, result: Result) -> None:
        """Append a result; one of the same index takes the place of an earlier one."""
        kind = next(name for name, cls in _KINDS.items() if isinstance(result, cls))
        line = json.dumps({"result": kind} | to_plain(result), separators=(",", ":"))
        try:
            append_whole(self._results, line.encode() + b"\n")
        except OSError as error:
            raise _unwritable(self._results_path, error) from error
        self._found.add(result)

    def finish(self, run: Run) -> Run:
        """Write the run as complete, with the digests of its files, and return it."""
        self._results.close()
        transcript = FileRef(_TRANSCRIPT, file_sha256(self.transcript))
        self._head = replace(run, complete=True, transcript=transcript)
        self._write_run()
        return replace(self.run, folder=str(self.path))

    def close(self) -> None:
        """Let go of the files; once is enough."""
        self._results.close()

    @property
    def _results_path(self) -> Path:
        return self.path / _RESULTS

    def _write_run(self) -> None:
        empty: Any = dict.fromkeys((*_APPENDED,), ())
        plain = to_plain(replace(self._head, folder="", **empty))
        for name in _APPENDED:
            del plain[name]
        head: dict[str, Any] = {"schema": _SCHEMA, "version": RUN_VERSION}
        if self._head.complete:
            head["results_sha256"] = file_sha256(self._results_path)
        content = json.dumps(head | plain, indent=1).encode() + b"\n"
        try:
            write_whole(self.path / _RUN, content)
        except OSError as error:
            raise _unwritable(self.path / _RUN, error) from error


def load_run(path: str | Path) -> Run:
    """Read a run.

    Parameters
    ----------
    path : str or Path
        Its folder.

    Returns
    -------
    Run
        Its `complete` tells whether all of it was measured.

    Raises
    ------
    RunFormatError
        If there is no run, it is of a newer version, or a complete run's files were changed.
    """
    folder = Path(path)
    file = folder / _RUN
    try:
        plain = json.loads(file.read_bytes())
        content = (folder / _RESULTS).read_bytes()
    except OSError as error:
        problem = f"can't read it ({error.strerror or error})"
        raise RunFormatError(str(error.filename), problem, "Name a folder of bench run") from error
    except ValueError as error:
        raise RunFormatError(str(file), f"this is no JSON ({error})") from error
    if not isinstance(plain, dict) or plain.pop("schema", None) != _SCHEMA:
        raise RunFormatError(str(file), "this is no run of tinygauge bench")
    version = plain.pop("version", None)
    if version != RUN_VERSION:
        problem = f"it is of version {version}, this program reads {RUN_VERSION}"
        raise RunFormatError(str(file), problem, "Update TinyGauge")
    digest = plain.pop("results_sha256", "")
    try:
        run = from_plain(Run, plain | {name: [] for name in _APPENDED})
    except ValueError as error:
        raise RunFormatError(str(file), str(error)) from error
    found = _Found(run)
    for result in _parse_results(content, folder):
        found.add(result)
    run = found.into(replace(run, folder=str(folder)))
    if run.complete:
        _check_digests(folder, run, content, digest)
    return run


def _parse_results(content: bytes, folder: Path) -> list[Result]:
    found = []
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):  # a torn line has no end
        try:
            plain = json.loads(line)
            result = from_plain(_KINDS[plain.pop("result")], plain)
            _check(result)
            found.append(result)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            where = f"{folder / _RESULTS}, line {number}"
            raise RunFormatError(where, f"this is no result ({error})") from error
    return found


def _check(result: Result) -> None:
    """Raise ValueError where a result can't be: nothing that reads a run needs to ask again."""
    if isinstance(result, WindowResult):
        if result.index < 0 or result.iterations < 1 or not result.elapsed_s >= 0:
            raise ValueError("a window has an index, inferences and a time")
    elif isinstance(result, InputResult):
        if result.index < 0 or not result.outputs:
            raise ValueError("an input has an index and outputs")
        if result.true_class is not None and not 0 <= result.true_class < _MOST_CLASSES:
            raise ValueError(f"{result.true_class} is no class")


def _check_digests(folder: Path, run: Run, results: bytes, digest: str) -> None:
    transcript = folder / run.transcript.name
    checks = [(folder / _RESULTS, hashlib.sha256(results).hexdigest() == digest)]
    try:
        checks.append((transcript, file_sha256(transcript) == run.transcript.sha256))
    except RunStorageError as error:
        raise RunFormatError(str(transcript), error.problem) from error
    for path, same in checks:
        if not same:
            problem = "it was changed since the run was complete: its digest differs"
            raise RunFormatError(str(path), problem, "Restore it, or measure again")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str

    Raises
    ------
    RunStorageError
        If it can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunStorageError(str(path), f"can't read it ({error.strerror or error})") from error


def _unwritable(path: Path, error: OSError) -> RunStorageError:
    problem = f"can't write it ({error.strerror or error})"
    advice = "What was measured before is kept: make room, then go on with --resume"
    return RunStorageError(str(path), problem, advice)
