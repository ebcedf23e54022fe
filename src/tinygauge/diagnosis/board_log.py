"""Reads the outputs that a board printed, from whatever kept them.

That is a log of EEMBC's or MLCommons' MLPerf Tiny runner, its ``results.json``, a transcript of
`tinygauge bench`, or any text with ``m-results-[…]`` in it, or else with a line of numbers an
input. Numbers keep the digits that were printed, for they say how exactly.

>>> answer = parse_board_log(b"m-results-[0.996,0.003]", "log.txt").answers[0]
>>> answer.values, answer.resolution
((0.996, 0.003), 0.001)
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from tinygauge.bench.transcript import parse_transcript
from tinygauge.errors import RunFormatError

__all__ = ["Answer", "BoardLog", "parse_board_log", "read_board_log"]

_RESULTS = r"m-results[\s:-]*\[(?P<results>[^\]]*)\]"
_EVENT = re.compile(
    r'bloadp?\s+\w+\s+"(?P<bload>[^"]+)"'  # EEMBC's runner
    r"|Loading file (?P<loading>.+?) segment"  # MLCommons' runner
    rf"|{_RESULTS}"
)
# A transcript of ours: a line of it anywhere near the start, for its head may be cut off.
_OWN = re.compile(rb"^\d+\.\d{6} [<>#] ", re.MULTILINE)
_OWN_WITHIN_BYTES = 1 << 16
_OWN_INPUT = re.compile(r"input (.+) sha256 \w+", re.DOTALL)
_OWN_READING = re.compile(r"reading \d+")
# The longer mark first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NUMBER = r"[-+]?[\d.][\d.eE+-]*"
_NUMBERS = re.compile(rf"\s*\[?\s*({_NUMBER}(?:(?:\s*[,;]\s*|\s+){_NUMBER})*)\s*\]?\s*")
_BETWEEN = re.compile(r"[\s,;]+")
_ADVICE = "Give a log with a line m-results-[0.996,0.003,…] an input, or one of numbers alone"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a board printed for one input.

    Parameters
    ----------
    input : str
        The input's file, with as much of its path as the log holds and with forward slashes, or
        what `tinygauge bench` calls it; empty where the log does not tell.
    values : tuple of float
    resolution : float
        The step of the last digit printed, such as 0.001; 1.0 for integers.
    """

    input: str
    values: tuple[float, ...]
    resolution: float


@dataclass(frozen=True, slots=True)
class BoardLog:
    """What a board printed for many inputs.

    Parameters
    ----------
    path, sha256 : str
        Of the file.
    answers : tuple of Answer
        In their order; at least one, all of equally many values. An input may be answered more
        than once.
    """

    path: str
    sha256: str
    answers: tuple[Answer, ...]

    @property
    def resolution(self) -> float:
        """The finest step that was printed; trailing digits may have been left out."""
        return min(answer.resolution for answer in self.answers)


def read_board_log(path: str | Path) -> BoardLog:
    """Read what a board printed.

    Parameters
    ----------
    path : str or Path
        A log, transcript or ``results.json``.

    Returns
    -------
    BoardLog

    Raises
    ------
    RunFormatError
        If the file can't be read, or holds no outputs.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise RunFormatError(str(path), f"can't read the file ({error.strerror})") from error
    return parse_board_log(content, str(path))


def parse_board_log(content: bytes, where: str) -> BoardLog:
    """Read what a board printed, from the content of a file.

    Parameters
    ----------
    content : bytes
    where : str
        Its name.

    Returns
    -------
    BoardLog

    Raises
    ------
    RunFormatError
        If it holds no outputs, or they differ in number.
    """
    answers = _answers(_in_utf8(content), where)
    if not answers:
        raise RunFormatError(where, "there are no outputs in it", _ADVICE)
    lengths = sorted({len(answer.values) for answer in answers})
    if len(lengths) > 1:
        problem = f"it holds outputs of {lengths[0]} and of {lengths[-1]} values"
        raise RunFormatError(where, problem, "Cut out what is of one model")
    return BoardLog(where, hashlib.sha256(content).hexdigest(), tuple(answers))


def _in_utf8(content: bytes) -> bytes:
    """Undo what other systems do to a text: PowerShell's ``>`` writes UTF-16, with CR and LF."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            content = content[len(mark) :].decode(encoding, "replace").encode("utf-8", "replace")
            break
    return content.replace(b"\r\n", b"\n")


def _answers(content: bytes, where: str) -> list[Answer]:
    if _OWN.search(content, 0, _OWN_WITHIN_BYTES):
        return list(_of_transcript(content, where))
    if content.lstrip()[:1] == b"[" and (found := _of_json(content)):
        return found
    text = content.decode("utf-8", "replace")
    return list(_of_log(text, where)) or list(_of_lines(text))


def _of_transcript(content: bytes, where: str) -> Iterator[Answer]:
    """Read what each inference gave that went well.

    The runner asks for the same outputs once more and then remarks that the reading is done, so
    that the first outputs behind an `infer` are taken, and only there.
    """
    name, printed = "", list[bytes]()
    for entry in parse_transcript(content, where):
        if entry.direction == "<":
            printed.append(entry.data)
        elif entry.direction == ">":
            if b"infer" in entry.data:
                printed.clear()
        elif found := _OWN_INPUT.fullmatch(entry.text):
            name = found[1]
            printed.clear()
        elif _OWN_READING.fullmatch(entry.text):
            results = re.search(_RESULTS, b"".join(printed).decode("ascii", "replace"))
            if results is not None:
                yield _as_answer(name, results, where)
            printed.clear()


def _of_log(text: str, where: str) -> Iterator[Answer]:
    name = ""
    for found in _EVENT.finditer(text):
        if loaded := found["bload"] or found["loading"]:
            name = loaded.replace("\\", "/")
        else:
            yield _as_answer(name, found, where)


def _as_answer(name: str, found: re.Match[str], where: str) -> Answer:
    answer = _answer(name, _BETWEEN.split(found["results"].strip()))
    if answer is None:
        raise RunFormatError(where, f"'{found[0][:60]}' holds what is no number", _ADVICE)
    return answer


def _of_lines(text: str) -> Iterator[Answer]:
    for line in text.splitlines():
        found = _NUMBERS.fullmatch(line)
        answer = _answer("", _BETWEEN.split(found[1])) if found else None
        if answer is not None:
            yield answer


def _of_json(content: bytes) -> list[Answer]:
    """Read MLCommons' results.json: a list of objects with ``file`` and ``infer.results``."""
    try:
        # Numbers stay text, so that their digits can be counted.
        listed: Any = json.loads(content, parse_float=str, parse_int=str)
        found = [
            _answer(
                str(each["file"]).replace("\\", "/"),
                [str(value) for value in each["infer"]["results"]],
            )
            for each in listed
            if isinstance(each, dict) and "infer" in each
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return [answer for answer in found if answer is not None]


def _answer(name: str, texts: Sequence[str]) -> Answer | None:
    try:
        numbers = [Decimal(text) for text in texts if text]
    except InvalidOperation:
        return None
    if not numbers:
        return None
    exponents = [number.as_tuple().exponent for number in numbers]
    finest = min((each for each in exponents if isinstance(each, int)), default=0)
    return Answer(name, tuple(float(number) for number in numbers), 10.0 ** min(0, finest))
