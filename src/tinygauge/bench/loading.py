"""Loads inputs into a board and makes sure that they arrived.

What the protocol itself tells: the board counts bytes, refuses what is no hex digit or an odd
number of them, and says when it has all. What it can't tell: a digit that became another digit,
and lost bytes that garbage made up for. Only reading the input back finds those, at twice the
time of the load. So that is always done where it is cheap; else with the first loads, with every
sixteenth, and, once anything went wrong, with all.

Commands are sent ahead of their answers as long as that goes well. The first fault in a load
ends that: a board that parses a command while the next arrives may lose or mix bytes. Where it
never went well, that is how the board is, and no fault.
"""

from __future__ import annotations

from collections.abc import Callable

from tinygauge.bench.board import Board
from tinygauge.bench.dialect import DUT_CHUNK_BYTES
from tinygauge.bench.plan import Verify
from tinygauge.errors import BenchError, DialectError

__all__ = ["Loader", "readback_s"]

# Reading back everything may take this long in a run.
_CHEAP_S = 600.0
_FIRST_LOADS = 3
_EVERY = 16
# Start bit, eight bits, stop bit.
_BITS_PER_CHARACTER = 10
# "m-buffer-" and 8 bytes as "xx-", CR LF: characters per 8 bytes.
_PRINT_CHARACTERS = 9 + 8 * 3 - 1 + 2
# A board that cuts off its print answers with this at least.
_CUT_BYTES = 16
_PRINTS = 3


def readback_s(size_bytes: int, baud: int) -> float:
    """Return how long it takes to read an input back, seconds; 0 where there is no baud rate."""
    if baud <= 0:
        return 0.0
    return size_bytes / 8 * _PRINT_CHARACTERS * _BITS_PER_CHARACTER / baud


class Loader:
    """Loads inputs into one board.

    Parameters
    ----------
    board : Board
    verify : Verify
    loads : int
        How many are planned.
    size_bytes : int
        Of one input.
    note : callable
        Told what was found out, for the transcript.
    """

    def __init__(
        self,
        board: Board,
        verify: Verify,
        *,
        loads: int,
        size_bytes: int,
        note: Callable[[str], None],
    ) -> None:
        self._board = board
        self._note = note
        self.can_read_back = True
        self._has_read_back = False
        self._went_ahead = False
        self.is_excused = False
        self.mismatches = 0
        self._loads = 0
        self._never = verify is Verify.NEVER
        takes_s = loads * readback_s(size_bytes, board.link.baud)
        self._always = verify is Verify.ALWAYS or (verify is Verify.AUTO and takes_s <= _CHEAP_S)

    def doubt(self) -> None:
        """Something went wrong: from here on read back every input, and send less far ahead."""
        if not self._never:
            self._always = True

    def load(self, content: bytes) -> bool:
        """Load an input once.

        Parameters
        ----------
        content : bytes

        Returns
        -------
        bool
            Whether it was read back and was right.

        Raises
        ------
        DialectError
            If the board refused it, counted other bytes, or holds another input.
        LinkTimeoutError, BoardResetError
        """
        index, self._loads = self._loads, self._loads + 1
        self.is_excused = False
        try:
            self._board.load(content)
            self._went_ahead = self._went_ahead or self._board.pipelined
            due = self._always or index < _FIRST_LOADS or index % _EVERY == 0
            return due and not self._never and self._is_there(content)
        except BenchError:
            self._slow_down()
            raise

    def _is_there(self, content: bytes) -> bool:
        if not self.can_read_back:
            return False
        # A board that does not print is believed only when it does so again and again.
        for _ in range(_PRINTS):
            found = self._board.read_back()
            if found == content:
                self._has_read_back = True
                return True
            is_cut = len(found) == _CUT_BYTES and content.startswith(found)
            if self._has_read_back or not (is_cut or not found):
                break
        else:
            self.can_read_back = False
            self._note(f"db print gave {len(found)} bytes: inputs can't be read back")
            return False
        self.mismatches += 1
        differ = sum(a != b for a, b in zip(found, content, strict=False))
        problem = (
            f"of {len(content)} bytes loaded, {differ} came back different, "
            f"{len(found)} came back in all"
        )
        raise DialectError(self._board.link.name, problem, "See the transcript")

    def _slow_down(self) -> None:
        if self._board.pipelined:
            self._board.pipelined = False
            self.is_excused = not self._went_ahead
            self._note("from here on every command waits for the answer to the one before")
        elif self._board.chunk_bytes == DUT_CHUNK_BYTES:
            self._board.chunk_bytes = DUT_CHUNK_BYTES // 2
            self._note(f"from here on {self._board.chunk_bytes} bytes to a command")
