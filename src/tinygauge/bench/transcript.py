r"""Every byte to and from a board, with the time, kept as it happens and read again.

A transcript is text. A line is ``SECONDS > TEXT`` for bytes to the board, ``<`` for bytes from
it, ``#`` for remarks of the runner; seconds count from the start of the session that the line
``# tinygauge transcript 1 …`` begins. Bytes that are no printable ASCII are written ``\xNN``, a
backslash ``\\``, line ends ``\r`` and ``\n``: nothing is lost.

>>> encode(b"m-ready\r\n\xff")
'm-ready\\r\\n\\xff'
>>> decode('m-ready\\r\\n\\xff')
b'm-ready\r\n\xff'
"""

from __future__ import annotations

import datetime as dt
import io
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinygauge.bench.clock import Clock
from tinygauge.errors import RunFormatError, RunStorageError

__all__ = [
    "Entry",
    "Transcript",
    "append_whole",
    "cut_torn_line",
    "decode",
    "encode",
    "parse_transcript",
]

_FIRST = "tinygauge transcript 1"
_LINE = re.compile(r"(\d+\.\d{6}) ([<>#]) ?(.*)")
_ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|[rn\\])")
_PLAIN = re.compile(rb"[^\\\x20-\x7e]|\\")
_NAMED = {b"\r": b"\\r", b"\n": b"\\n", b"\\": b"\\\\"}
# What `Transcript.remark` makes of characters beyond ASCII.
_ESCAPED_CHARACTER = re.compile(r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|\\U([0-9a-f]{8})")
_BACK = {value[1:]: key for key, value in _NAMED.items()}


def encode(data: bytes) -> str:
    """Return bytes as one line of printable ASCII."""

    def escape(found: re.Match[bytes]) -> bytes:
        byte = found[0]
        return _NAMED.get(byte) or b"\\x%02x" % byte[0]

    return _PLAIN.sub(escape, data).decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes that `encode` wrote.

    Parameters
    ----------
    text : str
        One line, without its end.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If it is not ASCII.
    """

    def unescape(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return _BACK.get(code) or bytes([int(code[1:], 16)])

    return _ESCAPE.sub(unescape, text.encode("ascii"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transcript.

    Parameters
    ----------
    at_s : float
        Seconds since the session began.
    direction : str
        ``">"`` to the board, ``"<"`` from it, ``"#"`` a remark of the runner.
    data : bytes
        What went over the wire; the remark's text.
    """

    at_s: float
    direction: str
    data: bytes

    @property
    def text(self) -> str:
        """A remark as the runner made it, in any script."""
        return _ESCAPED_CHARACTER.sub(_character, self.data.decode("ascii", "replace"))


def _character(escaped: re.Match[str]) -> str:
    code = int(escaped[1] or escaped[2] or escaped[3], 16)
    return chr(code) if code <= sys.maxunicode else escaped[0]


class Transcript:
    """Writes a transcript: each line reaches the file at once, whole or not at all.

    Parameters
    ----------
    path : Path
        Appended to; a line torn by a crash is cut off first.
    clock : Clock
        Whose time is written.
    about : str
        What the session talks to, for its first line.

    Raises
    ------
    RunStorageError
        If the file can't be written, now or later.
    """

    def __init__(self, path: Path, clock: Clock, about: str) -> None:
        self.path = path
        self._clock = clock
        self._start_s = clock.now_s()
        try:
            # Unbuffered: what was written is in the system's hands, whatever becomes of us.
            self._file = path.open("ab", buffering=0)
            cut_torn_line(path)
        except OSError as error:
            raise _unwritable(path, error) from error
        began = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        self.remark(f"{_FIRST} {began} {about}")

    def sent(self, data: bytes) -> None:
        """Keep bytes that went to the board."""
        self._write(">", data)

    def received(self, data: bytes) -> None:
        """Keep bytes that came from the board."""
        self._write("<", data)

    def remark(self, text: str) -> None:
        """Keep a remark of the runner."""
        self._write("#", text.encode("ascii", "backslashreplace"))

    def close(self) -> None:
        """Close the file; once is enough."""
        self._file.close()

    def _write(self, direction: str, data: bytes) -> None:
        at_s = self._clock.now_s() - self._start_s
        line = f"{at_s:.6f} {direction} {encode(data)}\n".encode("ascii")
        try:
            append_whole(self._file, line)
        except OSError as error:
            raise _unwritable(self.path, error) from error


def append_whole(file: io.FileIO, line: bytes) -> None:
    """Append a line to an unbuffered file.

    Parameters
    ----------
    file : FileIO
        Opened to append.
    line : bytes
        With its end.

    Raises
    ------
    OSError
        If it does not fit; part of it may then stand at the file's end.
    """
    done = 0
    while done < len(line):  # a full disk takes a part, and says so at the next try
        done += file.write(line[done:]) or 0


def cut_torn_line(path: Path) -> None:
    """Cut off what stands behind a file's last line end.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        If it can't be read or written.
    """
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 4096)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            end = start + found + 1 if found >= 0 else start
            if found >= 0:
                break
        if end != size:
            file.truncate(end)


def _unwritable(path: Path, error: OSError) -> RunStorageError:
    problem = f"can't write to it ({error.strerror or error})"
    advice = "Everything up to here is kept: make room, then go on with --resume"
    return RunStorageError(str(path), problem, advice)


def parse_transcript(content: bytes, where: str) -> Iterator[Entry]:
    """Yield the entries of a transcript.

    Parameters
    ----------
    content : bytes
        Of the file; a last line without its end was torn by a crash and is left out.
    where : str
        Its name, for messages.

    Yields
    ------
    Entry

    Raises
    ------
    RunFormatError
        If a line is no transcript line.
    """
    lines = content.split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        found = _LINE.fullmatch(line.decode("ascii", "replace"))
        if found is None or not found[3].isascii():
            problem = f"line {number} is no line of a transcript: {line[:60]!r}"
            raise RunFormatError(where, problem, "Give a transcript.log that bench run wrote")
        yield Entry(float(found[1]), found[2], decode(found[3]))
