"""What an X-NUCLEO-LPM01A sends while it measures: text or binary, turned into readings.

In text a sample is seven characters, ``6409-07`` for 6409 x 10^-7; between samples stand lines
such as ``TimeStamp: 001s 000ms, buff 00%``, ``event 1 ris`` and ``end``. In binary a sample is
two bytes, a negated power of 16 in the upper four bits and a value in the other twelve; records
that begin 0xF0 and end 0xFF 0xFF stand between them, and so may the text that answers ``stop``.
Both streams are parsed from any split of
the bytes. A sample that can't be read is lost in its place, as nan.

References
----------
ST UM2269 (PowerShield firmware), as its command list stands in mlcommons/tiny @ 5158b74c,
benchmark/runner/power_manager/power_manager_lpm.py; records of the binary stream as observed in
zissis-pap/x-nucleo-lpm01a-gui @ 8230dc0c, core/data_parser.py.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["BinaryStream", "Readings", "Stream", "TextStream"]

_SAMPLES = re.compile(r"(?:\d{4}[+-]\d{2})+")
_SAMPLE = re.compile(r"(\d{4})([+-]\d{2})")
_STAMP = re.compile(r"time ?stamp: *(\d+)s *(\d+)ms, *buff *(\d+)%", re.IGNORECASE)
_EVENT = re.compile(r"event \d+ (?:ris|fal)\w*", re.IGNORECASE)
_END = re.compile(r"end|acquisition completed.*", re.IGNORECASE)
_OVERCURRENT = re.compile(r"over ?current", re.IGNORECASE)
_REPLY = re.compile(r"(?:PowerShield > *)?(?:ack|err|error)\b.*|PowerShield > *", re.IGNORECASE)
_KNOWN = re.compile(r"(summary|pwr|power|info|voltage|temp|acquisition|event|timestamp)", re.I)


@dataclass(slots=True)
class Readings:
    """What came so far.

    Parameters
    ----------
    values : list of float
        Samples in order, joules or ampere as asked for; nan where one could not be read.
    marks : list of int
        Index of the sample during which the board pulled its pin.
    stamps : list of tuple
        The instrument's own time in seconds, with the number of samples before it.
    overload : list of int
        Index of samples that went beyond the range.
    errors : list of str
        Its error messages.
    ended : bool
        Whether it said that it stopped.
    """

    values: list[float] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    stamps: list[tuple[float, int]] = field(default_factory=list)
    overload: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    ended: bool = False


class Stream(Protocol):
    """Parses one of the two formats."""

    def feed(self, data: bytes, into: Readings) -> None:
        """Take bytes in any split, and add what they say."""
        ...


class TextStream:
    """The format ``ascii_dec``."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes, into: Readings) -> None:
        """Take bytes in any split, and add what they say."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            text = line.strip(b"\r\0 ").decode("ascii", errors="replace")
            if text:
                _take_line(text, into)


def _take_line(text: str, into: Readings) -> None:
    stamp = _STAMP.search(text)
    if _SAMPLES.fullmatch(text):
        into.values.extend(
            int(mantissa) * 10.0 ** int(power) for mantissa, power in _SAMPLE.findall(text)
        )
    elif stamp is not None:
        into.stamps.append((int(stamp[1]) + int(stamp[2]) / 1000, len(into.values)))
    elif _EVENT.fullmatch(text):
        into.marks.append(len(into.values))
    elif _OVERCURRENT.search(text):
        into.overload.append(len(into.values))  # the sample that is being measured
    elif _END.fullmatch(text):
        into.ended = True
    elif text.lower().startswith("error"):
        into.errors.append(text)
    elif not (_REPLY.fullmatch(text) or _KNOWN.match(text)):
        into.values.append(math.nan)  # a sample of which bytes were lost


class BinaryStream:
    """The format ``bin_hexa``."""

    _LENGTHS = {0xF3: 9, 0xF4: 4, 0xF5: 4, 0xF6: 4, 0xF7: 6}  # noqa: RUF012 (never changed)
    _LONGEST = 256
    _PROMPT = b"PowerShield >"

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes, into: Readings) -> None:
        """Take bytes in any split, and add what they say."""
        buffer = self._rest + data
        at = 0
        while at + 2 <= len(buffer):
            if self._PROMPT.startswith(buffer[at : at + len(self._PROMPT)]):
                length = self._reply(buffer, at)
            elif buffer[at] >> 4 != 0xF:
                value = (buffer[at] & 0xF) << 8 | buffer[at + 1]
                into.values.append(value / 16.0 ** (buffer[at] >> 4))
                at += 2
                continue
            else:
                length = self._record(buffer, at)
            if length == 0:
                break  # the rest of it is on its way
            if length < 0:
                into.values.append(math.nan)  # no record begins here: bytes were lost
                at += 1
                continue
            _take_record(buffer[at : at + length], into)
            at += length
        self._rest = buffer[at:]

    def _reply(self, buffer: bytes, at: int) -> int:
        """Return the length of a line of text with the empty one behind it, 0 if not whole yet."""
        end = buffer.find(b"\r\n\r\n", at, at + self._LONGEST)
        if end < 0:
            return -1 if len(buffer) - at > self._LONGEST else 0
        return end + 4 - at

    def _record(self, buffer: bytes, at: int) -> int:
        """Return the length of the record, 0 where it is not whole yet, -1 where it is none."""
        kind = buffer[at + 1]
        if buffer[at] != 0xF0 or not 0xF1 <= kind <= 0xF7:
            return -1
        length = self._LENGTHS.get(kind)
        if length is None:  # text: until its end
            end = buffer.find(b"\xff\xff", at + 2, at + 2 + self._LONGEST)
            if end < 0:
                return -1 if len(buffer) - at > self._LONGEST else 0
            return end + 2 - at
        if len(buffer) < at + length:
            return 0
        return length if buffer[at + length - 2 : at + length] == b"\xff\xff" else -1


def _take_record(record: bytes, into: Readings) -> None:
    kind, body = record[1], record[2:-2]
    if kind == 0xF1:
        into.errors.append(body.decode("ascii", errors="replace").strip())
    elif kind == 0xF2:
        text = body.decode("ascii", errors="replace").strip()
        if _EVENT.fullmatch(text):
            into.marks.append(len(into.values))
    elif kind == 0xF3:
        # Milliseconds; the topmost bit says that the counter ran over.
        milliseconds = int.from_bytes(body[:4], "big") & 0x7FFF_FFFF
        into.stamps.append((milliseconds / 1000, len(into.values)))
    elif kind == 0xF4:
        into.ended = True
    elif kind == 0xF5:
        into.overload.append(len(into.values))
