"""A wire to a fake board in virtual time: nothing waits, and every run of a seed is the same."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.fake_board import FakeBoard


class VirtualClock:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.at_s = 1000.0

    def now_s(self) -> float:
        """Return the time."""
        return self.at_s

    def sleep(self, duration_s: float) -> None:
        """Let time pass."""
        self.at_s += duration_s


class FakeLink:
    """A serial line to a fake board, with the delay of a USB adapter.

    Parameters
    ----------
    board : FakeBoard
    clock : VirtualClock
    baud : int
        Sets how long a byte takes from the host; the board has its own.
    latency_s : float
        How long the adapter keeps back what came from the board.
    """

    def __init__(
        self,
        board: FakeBoard,
        clock: VirtualClock,
        *,
        baud: int = 115200,
        latency_s: float = 0.001,
    ) -> None:
        self.board = board
        self.clock = clock
        self.name, self.baud = "fake", baud
        self._byte_s, self._latency_s = 10 / baud, latency_s
        self._free_s = 0.0

    def write(self, data: bytes) -> None:
        """Send bytes; they arrive one behind the other."""
        self.check_cable()
        at_s = max(self._free_s, self.clock.now_s())
        for byte in data:
            at_s += self._byte_s
            for arriving in self.arriving(byte, at_s, to_board=True):
                self.board.receive(arriving, at_s)
        self._free_s = at_s

    def read(self, timeout_s: float) -> bytes:
        """Return what came, after waiting for it in virtual time."""
        self.check_cable()
        end_s = self.clock.now_s() + timeout_s
        sent = self.board.sent
        if not sent or sent[0][0] + self._latency_s > end_s:
            self.clock.at_s = end_s
            return b""
        self.clock.at_s = max(self.clock.at_s, sent[0][0] + self._latency_s)
        data = bytearray()
        while sent and sent[0][0] <= self.clock.at_s:
            at_s, byte = sent.popleft()
            data += bytes(self.arriving(byte, at_s, to_board=False))
        return bytes(data)

    def close(self) -> None:
        """Do nothing."""

    def arriving(self, byte: int, at_s: float, *, to_board: bool) -> Sequence[int]:
        """Return what arrives in place of a byte: here, the byte."""
        del at_s, to_board
        return (byte,)

    def check_cable(self) -> None:
        """Raise where the cable is out: here, never."""
