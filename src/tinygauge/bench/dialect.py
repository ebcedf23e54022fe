r"""The MLPerf Tiny serial protocol as bytes and messages; no input or output happens here.

A command is words that end with ``%``; a board answers with lines, the last of which is
``m-ready``. Bytes from a board go through a `LineSplitter`, each line through `parse_line`.

>>> command_infer(200, 1)
b'infer 200 1%'
>>> splitter = LineSplitter()
>>> [parse_line(line).kind.value for line in splitter.feed(b"m-lap-us-46193897\r\nm-rea")]
['lap']
>>> parse_line(splitter.feed(b"dy\r\n")[0])
Message(kind=<Kind.READY: 'ready'>, text='m-ready', number=None, values=(), data=b'')

References
----------
mlcommons/tiny @ 18d632f, benchmark/api/internally_implemented.cpp (the board's side) and
benchmark/runner/device_under_test.py @ 1af53ff (the host's); literal lines are those of the
published logs, mlcommons/tiny_results_v0.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "COMMAND_CHARACTERS",
    "DUT_CHUNK_BYTES",
    "PASSED_CHUNK_BYTES",
    "READY",
    "TERMINATOR",
    "Kind",
    "LineSplitter",
    "Message",
    "command",
    "command_infer",
    "command_load",
    "command_print",
    "commands_hex",
    "hex_efficiency",
    "parse_line",
]

TERMINATOR = b"%"
READY = "m-ready"
# The board's command buffer (EE_CMD_SIZE).
COMMAND_CHARACTERS = 80
# Bytes of input per `db` command, from the board itself and through an interface board, which
# needs room for its own word (device_under_test.py).
DUT_CHUNK_BYTES = 31
PASSED_CHUNK_BYTES = 26

# Longer lines than any in the protocol: garbage without a line end must not grow for ever.
_LONGEST_LINE = 1 << 16


class Kind(StrEnum):
    """What a line from a board says."""

    READY = "ready"
    NAME = "name"
    PROFILE = "profile"
    MODEL = "model"
    LAP = "lap"
    TIMESTAMP_MODE = "timestamp mode"
    INIT_DONE = "init done"
    EXPECTING = "expecting"
    LOAD_DONE = "load done"
    BUFFER = "buffer"
    WARMUP_START = "warmup start"
    WARMUP_DONE = "warmup done"
    INFER_START = "infer start"
    INFER_DONE = "infer done"
    RESULTS = "results"
    ACTIVATIONS = "activations"
    PASSED = "passed on"
    FAULT = "fault"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Message:
    """One line from a board.

    Parameters
    ----------
    kind : Kind
    text : str
        The text in brackets, or the line itself.
    number : int or None
        Of laps (microseconds of the board's clock), starts (how many) and expected bytes.
    values : tuple of float
        Of results.
    data : bytes
        Of a buffer line.
    """

    kind: Kind
    text: str
    number: int | None = None
    values: tuple[float, ...] = ()
    data: bytes = b""


class LineSplitter:
    """Cuts a stream of bytes into lines, as the benchmark's runner does.

    A line ends at LF; CR and NUL are dropped; bytes that are no ASCII become U+FFFD, so that a
    damaged line can't be taken for a whole one.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that `data` completes; the rest waits for its end."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            whole.append(self._rest)
            self._rest = b""
        return [_text(line) for line in whole]

    def drop(self) -> str:
        """Forget an unfinished line and return it."""
        rest, self._rest = self._rest, b""
        return _text(rest)


def _text(line: bytes) -> str:
    return line.replace(b"\r", b"").replace(b"\0", b"").decode("ascii", "replace")


# Each pattern must reach the line's end; what stands before it may be an echo of the command or
# the interface board's "[dut]: ".
_BRACKETS = {
    Kind.NAME: re.compile(r"m-name-dut-\[([^\]]*)\]$"),
    Kind.PROFILE: re.compile(r"m-profile-\[([^\]]*)\]$"),
    Kind.MODEL: re.compile(r"m-model-\[([^\]]*)\]$"),
    Kind.TIMESTAMP_MODE: re.compile(r"m-timestamp-mode-(performance|energy)$"),
    Kind.PASSED: re.compile(r"m-dut-passthrough\(([^)]*)\)$"),
    Kind.ACTIVATIONS: re.compile(r"target activations: \[([^\]]*)\]$"),
    Kind.FAULT: re.compile(r"e-\[(.*)\]$"),
}
_NUMBERS = {
    Kind.LAP: re.compile(r"m-lap-us-(\d{1,20})$"),
    Kind.EXPECTING: re.compile(r"m-\[Expecting (\d{1,9}) bytes\]$"),
    Kind.WARMUP_START: re.compile(r"m-warmup-start-(\d{1,10})$"),
    Kind.INFER_START: re.compile(r"m-infer-start-(\d{1,10})$"),
}
_WORDS = {
    Kind.READY: READY,
    Kind.INIT_DONE: "m-init-done",
    Kind.LOAD_DONE: "m-load-done",
    Kind.WARMUP_DONE: "m-warmup-done",
    Kind.INFER_DONE: "m-infer-done",
}
_RESULTS = re.compile(r"m-results-\[([^\]]*)\]$")
_BUFFER = re.compile(r"m-buffer-((?:[0-9a-fA-F]{2}-)*[0-9a-fA-F]{2})$")
# Only what float() takes: \s is more than it strips.
_DECIMAL = re.compile(r" *[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)? *")
_TOO_LARGE = re.compile(r"Supplied buffer size \d+ exceeds maximum of \d+")


def parse_line(line: str) -> Message:
    """Tell what a line from a board says.

    Parameters
    ----------
    line : str
        Without its end.

    Returns
    -------
    Message
        Of kind ``OTHER`` where the line is none of the protocol's, damaged ones included.
    """
    for kind, word in _WORDS.items():
        if line.endswith(word):
            return Message(kind, word)
    for kind, pattern in _NUMBERS.items():
        if found := pattern.search(line):
            return Message(kind, found[0], number=int(found[1]))
    for kind, pattern in _BRACKETS.items():
        if found := pattern.search(line):
            return Message(kind, found[1])
    return _parse_data(line)


def _parse_data(line: str) -> Message:
    if found := _RESULTS.search(line):
        values = _values(found[1])
        if values is not None:
            return Message(Kind.RESULTS, found[0], values=values)
    if found := _BUFFER.search(line):
        return Message(Kind.BUFFER, found[0], data=bytes.fromhex(found[1].replace("-", "")))
    if found := _TOO_LARGE.search(line):
        return Message(Kind.FAULT, found[0])
    return Message(Kind.OTHER, line)


def _values(text: str) -> tuple[float, ...] | None:
    items = text.split(",")
    if not all(_DECIMAL.fullmatch(item) for item in items):
        return None
    return tuple(float(item) for item in items)


def command(*words: str) -> bytes:
    """Return a command as bytes.

    Parameters
    ----------
    *words : str
        Such as ``"db", "load", "490"``.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If it is empty (an empty command makes the reference firmware read through a null
        pointer), holds the terminator, or does not fit the board's command buffer.
    """
    text = " ".join(words)
    if not text.strip() or "%" in text or not text.isascii() or len(text) > COMMAND_CHARACTERS:
        raise ValueError(f"Bug: no command of the protocol: {text!r}")
    return text.encode("ascii") + TERMINATOR


def command_infer(iterations: int, warmups: int) -> bytes:
    """Return the command to infer `iterations` times behind `warmups` untimed ones."""
    return command("infer", str(iterations), str(warmups))


def command_load(size_bytes: int) -> bytes:
    """Return the command that announces an input of `size_bytes`."""
    return command("db", "load", str(size_bytes))


def command_print() -> bytes:
    """Return the command to print the loaded input."""
    return command("db", "print")


def commands_hex(content: bytes, chunk_bytes: int = DUT_CHUNK_BYTES) -> Iterator[bytes]:
    """Yield the commands that carry an input, `chunk_bytes` in each."""
    for start in range(0, len(content), chunk_bytes):
        yield command("db", content[start : start + chunk_bytes].hex())


def hex_efficiency(commands: Sequence[bytes], size_bytes: int) -> float:
    """Return the bytes of input per character on the wire: what hex coding allows.

    Parameters
    ----------
    commands : sequence of bytes
        That carry the input.
    size_bytes : int
        Of the input.

    Returns
    -------
    float
        Ratio in 0..0.5; about 0.47 with 31 bytes in a command.
    """
    return size_bytes / sum(len(each) for each in commands)
