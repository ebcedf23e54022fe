"""What a whole answer means: from the lines behind a command to a reply, without input or output.

The same functions read a board's answers as they come and a transcript years later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinygauge.bench.dialect import Kind, Message

__all__ = ["InferReply", "Timed", "fault_in", "read_infer_reply", "read_outputs"]


@dataclass(frozen=True, slots=True)
class Timed:
    """A message and when it came, seconds of the host's clock."""

    at_s: float
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class InferReply:
    """What a board says to `infer`.

    Parameters
    ----------
    iterations, warmups : int
        As the board repeats them.
    start_us, end_us : int or None
        The board's clock around the timed part, microseconds; None for a board built for
        energy, which pulls a pin instead.
    host_s : float
        The timed part by the host's clock: from the line before it to the line behind it.
    outputs : tuple of float
        Of the last inference.
    """

    iterations: int
    warmups: int
    start_us: int | None
    end_us: int | None
    host_s: float
    outputs: tuple[float, ...]

    @property
    def elapsed_s(self) -> float:
        """The timed part by the board's clock, or by the host's where it gave none."""
        if self.start_us is None or self.end_us is None:
            return self.host_s
        return (self.end_us - self.start_us) / 1e6


_WITH_LAPS = (
    Kind.WARMUP_START, Kind.WARMUP_DONE, Kind.INFER_START, Kind.LAP, Kind.LAP, Kind.INFER_DONE,
    Kind.RESULTS, Kind.READY,
)  # fmt: skip
_WITHOUT_LAPS = tuple(kind for kind in _WITH_LAPS if kind is not Kind.LAP)


def read_infer_reply(lines: Sequence[Timed]) -> InferReply:
    """Read the answer to `infer`.

    Parameters
    ----------
    lines : sequence of Timed
        All lines behind the command, ``m-ready`` included. Those that are none of the
        protocol's are left out, as some firmwares print more.

    Returns
    -------
    InferReply

    Raises
    ------
    ValueError
        If a line is missing, doubled or out of order, or the laps run backwards.
    """
    known = [line for line in lines if line.message.kind not in (Kind.OTHER, Kind.PASSED)]
    kinds = tuple(line.message.kind for line in known)
    if kinds not in (_WITH_LAPS, _WITHOUT_LAPS):
        raise ValueError(_what_is_wrong(kinds, known))
    messages = [line.message for line in known]
    start_us = end_us = None
    if kinds == _WITH_LAPS:
        start_us, end_us = messages[3].number, messages[4].number
        if start_us is None or end_us is None or end_us < start_us:
            raise ValueError(f"its clock ran from {start_us} to {end_us} microseconds")
    if not messages[2].number:
        raise ValueError("it inferred 0 times")
    first, last = (3, 4) if kinds == _WITH_LAPS else (2, 3)
    return InferReply(
        iterations=messages[2].number or 0,
        warmups=messages[0].number or 0,
        start_us=start_us,
        end_us=end_us,
        host_s=known[last].at_s - known[first].at_s,
        outputs=messages[-2].values,
    )


def _what_is_wrong(kinds: Sequence[Kind], lines: Sequence[Timed]) -> str:
    fault = fault_in(lines)
    if fault:
        return f"it answered e-[{fault}]"
    expected = _WITH_LAPS if Kind.LAP in kinds else _WITHOUT_LAPS
    missing = [kind for kind in expected if kinds.count(kind) < expected.count(kind)]
    if missing:
        return f"the line '{missing[0].value}' is missing or damaged"
    return f"its lines came as {', '.join(kind.value for kind in kinds)}"


def fault_in(lines: Sequence[Timed]) -> str:
    """Return the text of the first ``e-[…]`` line; empty where there is none."""
    for line in lines:
        if line.message.kind is Kind.FAULT:
            return line.message.text
    return ""


def read_outputs(lines: Sequence[Timed]) -> tuple[float, ...]:
    """Read the answer to `results`.

    Parameters
    ----------
    lines : sequence of Timed

    Returns
    -------
    tuple of float

    Raises
    ------
    ValueError
        If there is not exactly one line of results.
    """
    found = [line.message for line in lines if line.message.kind is Kind.RESULTS]
    if len(found) != 1:
        problem = fault_in(lines) or f"{len(found)} lines of results"
        raise ValueError(problem)
    return found[0].values
