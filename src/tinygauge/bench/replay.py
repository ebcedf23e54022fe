"""Derive a run's results anew from its transcript, and compare them with what it kept.

Only bytes count: which input was loaded is read from the ``db`` commands, times and outputs from
the board's lines. The runner's remarks say which readings were kept, and as what.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from tinygauge.bench.coding import to_plain
from tinygauge.bench.dialect import Kind, LineSplitter, parse_line
from tinygauge.bench.exchange import InferReply, Timed, read_infer_reply
from tinygauge.bench.folder import load_run
from tinygauge.bench.metering import read_energy
from tinygauge.bench.records import EnergyReading, FileRef, InputResult, Run, WindowResult
from tinygauge.bench.trace_store import load_trace
from tinygauge.bench.transcript import Entry, parse_transcript
from tinygauge.errors import BenchError, InputError, RunFormatError

__all__ = ["Derived", "Replay", "derive", "replay_folder"]

_KEPT = re.compile(
    r"kept reading (\d+) as (window|input) (\d+)"
    r"(?: recording (\d+) class (\d+|unknown))? file (.*)"
)
_READING = re.compile(r"reading (\d+)")
_SESSION = "tinygauge transcript 1 "
_PASSED = "dut "
_PASSED_PREFIX = "[dut]: "


@dataclass(frozen=True, slots=True)
class Derived:
    """What a transcript gives: results by their index.

    Parameters
    ----------
    windows : dict of int to WindowResult
        Without energy, which is no matter of the transcript.
    busy_s : dict of int to float
        Of each window, how long the board was busy by the host's clock, seconds.
    inputs : dict of int to InputResult
    missing : tuple of str
        What was kept though the transcript does not hold it.
    """

    windows: dict[int, WindowResult]
    busy_s: dict[int, float]
    inputs: dict[int, InputResult]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """A run derived anew, and where it differs from the one that was kept."""

    run: Run
    differences: tuple[str, ...]


@dataclass(slots=True)
class _Taken:
    """An inference that the transcript holds whole."""

    reply: InferReply
    content: bytes
    verified: bool
    busy_s: float


class _Deriver:
    """Follows one session after the other."""

    def __init__(self) -> None:
        self.windows: dict[int, WindowResult] = {}
        self.busy_s: dict[int, float] = {}
        self.inputs: dict[int, InputResult] = {}
        self.missing: list[str] = []
        self._begin_session()

    def _begin_session(self) -> None:
        self._splitter = LineSplitter()
        self._sent = b""
        self._passed_on = False
        self._content = bytearray()
        self._verified = False
        self._command = ""
        self._sent_s = 0.0
        self._lines: list[Timed] = []
        self._last: _Taken | None = None
        self._readings: dict[int, _Taken | None] = {}

    def take(self, entry: Entry) -> None:
        """Follow one line of the transcript."""
        if entry.direction == "#":
            self._take_remark(entry.text)
        elif entry.direction == ">":
            *commands, self._sent = (self._sent + entry.data).split(b"%")
            for each in commands:
                self._take_command(each.decode("ascii", "replace"), entry.at_s)
        else:
            for text in self._splitter.feed(entry.data):
                if text:
                    self._take_line(text, entry.at_s)

    def _take_command(self, text: str, at_s: float) -> None:
        self._passed_on = text.startswith(_PASSED)
        text = text.removeprefix(_PASSED)
        words = text.split()
        if words[:2] == ["db", "load"]:
            self._content, self._verified = bytearray(), False
        elif words[:1] == ["db"] and words[1:2] != ["print"]:
            self._content += bytes.fromhex(words[1])
        if words[:1] == ["db"] and words[1:2] not in (["print"], ["load"]):
            return  # sent ahead of the answers to earlier ones
        self._command, self._sent_s, self._lines = text, at_s, []
        if words[:1] == ["infer"]:
            self._last = None
            self._splitter.drop()

    def _take_line(self, text: str, at_s: float) -> None:
        if self._passed_on and _PASSED_PREFIX not in text:
            return  # the interface board's own
        message = parse_line(text)
        self._lines.append(Timed(at_s, message))
        if message.kind is not Kind.READY:
            return
        if self._command == "db print":
            read = b"".join(line.message.data for line in self._lines)
            self._verified = read == bytes(self._content)
        elif self._command.startswith("infer "):
            try:
                reply = read_infer_reply(self._lines)
            except ValueError:
                return
            self._last = _Taken(reply, bytes(self._content), self._verified, at_s - self._sent_s)
        self._command = ""

    def _take_remark(self, text: str) -> None:
        if text.startswith(_SESSION):
            self._begin_session()
        elif found := _READING.fullmatch(text):
            self._readings[int(found[1])] = self._last
        elif found := _KEPT.fullmatch(text):
            self._keep(found)

    def _keep(self, found: re.Match[str]) -> None:
        number, kind, index, recording, true_class, name = found.groups()
        taken = self._readings.get(int(number))
        if taken is None:
            self.missing.append(f"{kind} {index}: the transcript does not hold its inference")
            return
        reply, digest = taken.reply, hashlib.sha256(taken.content).hexdigest()
        if kind == "window":
            self.windows[int(index)] = WindowResult(
                index=int(index), input=name, input_sha256=digest, iterations=reply.iterations,
                warmups=reply.warmups, start_us=reply.start_us, end_us=reply.end_us,
                elapsed_s=reply.elapsed_s, host_s=reply.host_s, outputs=reply.outputs,
                verified=taken.verified,
            )  # fmt: skip
            self.busy_s[int(index)] = taken.busy_s
            return
        timed = reply.start_us is not None
        self.inputs[int(index)] = InputResult(
            index=int(index), recording=int(recording or 0), input=name, input_sha256=digest,
            true_class=None if true_class in (None, "unknown") else int(true_class),
            outputs=reply.outputs, elapsed_us=round(reply.elapsed_s * 1e6) if timed else None,
            verified=taken.verified,
        )  # fmt: skip


def derive(content: bytes, where: str) -> Derived:
    """Derive results from a transcript.

    Parameters
    ----------
    content : bytes
        Of ``transcript.log``.
    where : str
        Its name, for messages.

    Returns
    -------
    Derived

    Raises
    ------
    RunFormatError
        If it is no transcript.
    """
    deriver = _Deriver()
    try:
        for entry in parse_transcript(content, where):
            deriver.take(entry)
    except (ValueError, IndexError) as error:  # a command that the runner never sends
        raise RunFormatError(where, f"this is no transcript of a run ({error})") from error
    return Derived(deriver.windows, deriver.busy_s, deriver.inputs, tuple(deriver.missing))


def replay_folder(path: str | Path) -> Replay:
    """Derive the results of a run from its transcript and traces, and compare.

    Parameters
    ----------
    path : str or Path
        Its folder.

    Returns
    -------
    Replay

    Raises
    ------
    RunFormatError
        If the run can't be read.
    """
    held = load_run(path)
    folder = Path(path)
    file = folder / (held.transcript.name or "transcript.log")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RunFormatError(str(file), f"can't read it ({error.strerror or error})") from error
    found = derive(content, str(file))
    differences = list(found.missing)
    windows: list[WindowResult] = []
    for window in held.windows:
        derived = found.windows.get(window.index)
        label = f"window {window.index}"
        if derived is None:
            differences.append(f"{label} is not in the transcript")
            continue
        if window.energy is not None:
            derived = _with_energy(derived, window.energy, folder, found.busy_s[window.index])
        windows.append(derived)
        differences += _compare(label, window, derived)
    inputs = [found.inputs[item.index] for item in held.inputs if item.index in found.inputs]
    for item in held.inputs:
        if item.index not in found.inputs:
            differences.append(f"input {item.index} is not in the transcript")
        else:
            differences += _compare(f"input {item.index}", item, found.inputs[item.index])
    return Replay(replace(held, windows=tuple(windows), inputs=tuple(inputs)), tuple(differences))


def _with_energy(
    derived: WindowResult, held: EnergyReading, folder: Path, busy_s: float
) -> WindowResult:
    """Integrate the window's trace anew."""
    reply = InferReply(
        iterations=derived.iterations, warmups=derived.warmups, start_us=derived.start_us,
        end_us=derived.end_us, host_s=derived.host_s, outputs=derived.outputs,
    )  # fmt: skip
    file = folder / held.trace.name
    try:
        energy = read_energy(load_trace(file), reply, busy_s)
    except (BenchError, InputError) as error:
        raise RunFormatError(str(file), f"its window can't be integrated ({error})") from error
    energy = replace(energy, trace=FileRef(held.trace.name, held.trace.sha256))
    elapsed_s = derived.elapsed_s if derived.start_us is not None else energy.duration_s
    return replace(derived, energy=energy, elapsed_s=elapsed_s)


# What the transcript's own clock says is written to the microsecond, a moment after it was read.
_HOST_FIELDS = ("host_s",)
_HOST_SLACK_S = 0.01


def _compare(
    label: str, held: WindowResult | InputResult, derived: WindowResult | InputResult
) -> list[str]:
    found = []
    by_host = isinstance(held, WindowResult) and held.start_us is None and held.energy is None
    for name in held.__slots__:
        before, now = getattr(held, name), getattr(derived, name)
        if name in _HOST_FIELDS or (name == "elapsed_s" and by_host):
            same = abs(before - now) <= _HOST_SLACK_S
        else:
            same = to_plain(before) == to_plain(now)
        if not same:
            found.append(
                f"{label}: {name} is {before!r} in results.jsonl, {now!r} by the transcript"
            )
    return found
