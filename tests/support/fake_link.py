"""A wire to a fake board in virtual time: nothing waits, and every run of a seed is the same."""

from __future__ import annotations

from collections.abc import Callable

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
        damage: Callable[[bytes, str], bytes] | None = None,
    ) -> None:
        self.board = board
        self.clock = clock
        self.name = "fake"
        self.baud = baud
        self._byte_s = 10 / baud
        self._latency_s = latency_s
        self._free_s = 0.0
        self._damage = damage or (lambda data, _: data)
        self.closed = False

    def write(self, data: bytes) -> None:
        """Send bytes; they arrive one behind the other."""
        at_s = max(self._free_s, self.clock.now_s())
        for byte in self._damage(data, ">"):
            at_s += self._byte_s
            self.board.receive(byte, at_s)
        self._free_s = at_s

    def read(self, timeout_s: float) -> bytes:
        """Return what came, after waiting for it in virtual time."""
        end_s = self.clock.now_s() + timeout_s
        sent = self.board.sent
        if not sent or sent[0][0] + self._latency_s > end_s:
            self.clock.at_s = end_s
            return b""
        self.clock.at_s = max(self.clock.at_s, sent[0][0] + self._latency_s)
        data = bytearray()
        while sent and sent[0][0] <= self.clock.at_s:
            data.append(sent.popleft()[1])
        return self._damage(bytes(data), "<")

    def close(self) -> None:
        """Close it."""
        self.closed = True
