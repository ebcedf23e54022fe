"""Faults on the wire of a fake board, at moments that a seed decides."""

from __future__ import annotations

import random
from collections import Counter
from enum import StrEnum

from tests.support.fake_board import FakeBoard
from tests.support.fake_link import VirtualClock
from tinygauge.errors import LinkClosedError


class Fault(StrEnum):
    """What can happen on a bench."""

    LOST_BYTES = "lost bytes"
    GARBAGE = "garbage"
    CHANGED_BYTE = "changed byte"
    STALL = "stall"
    RESET = "reset"
    WRONG_BAUD = "wrong baud"
    CUT_HEX = "truncated hex"
    PULLED_CABLE = "pulled cable"


ALL = tuple(Fault)


class FaultyLink:
    """A link to a fake board on which something goes wrong now and then.

    Parameters
    ----------
    board : FakeBoard
    clock : VirtualClock
    seed : int
    every : float
        Mean number of bytes between two faults.
    faults : tuple of Fault
    most : int
        No more faults than this.
    baud : int
    """

    def __init__(
        self,
        board: FakeBoard,
        clock: VirtualClock,
        seed: int,
        *,
        every: float = 4000.0,
        faults: tuple[Fault, ...] = ALL,
        most: int = 10_000,
        baud: int = 115200,
        latency_s: float = 0.001,
    ) -> None:
        self.board = board
        self.clock = clock
        self.name, self.baud = "fake", baud
        self.counts: Counter[Fault] = Counter()
        self._random = random.Random(seed)
        self._every, self._faults, self._most = every, faults, most
        self._byte_s, self._latency_s = 10 / baud, latency_s
        self._free_s = 0.0
        self._left = self._distance()
        self._garbling = 0
        self._unplugged_until_s = 0.0

    def open(self) -> FaultyLink:
        """Return the link, as an opener of the port does; fails while the cable is out."""
        if self.clock.now_s() < self._unplugged_until_s:
            raise LinkClosedError(self.name, "there is no such port")
        self._garbling = 0
        return self

    def write(self, data: bytes) -> None:
        """Send bytes to the board; what goes wrong with them is decided byte by byte."""
        self._check_cable()
        at_s = max(self._free_s, self.clock.now_s())
        for byte in data:
            at_s += self._byte_s
            for arriving in self._damaged(byte, at_s, to_board=True):
                self.board.receive(arriving, at_s)
        self._free_s = at_s

    def read(self, timeout_s: float) -> bytes:
        """Return what came in virtual time."""
        self._check_cable()
        end_s = self.clock.now_s() + timeout_s
        sent = self.board.sent
        if not sent or sent[0][0] + self._latency_s > end_s:
            self.clock.at_s = end_s
            return b""
        self.clock.at_s = max(self.clock.at_s, sent[0][0] + self._latency_s)
        data = bytearray()
        while sent and sent[0][0] <= self.clock.at_s:
            at_s, byte = sent.popleft()
            data += bytes(self._damaged(byte, at_s, to_board=False))
        return bytes(data)

    def close(self) -> None:
        """Do nothing."""

    def _check_cable(self) -> None:
        if self.clock.now_s() < self._unplugged_until_s:
            raise LinkClosedError(self.name, "the port went away (input/output error)")

    def _distance(self) -> float:
        return self._random.expovariate(1 / self._every)

    def _damaged(self, byte: int, at_s: float, *, to_board: bool) -> list[int]:
        """Return what arrives in place of a byte."""
        if self._garbling:
            self._garbling -= 1
            return [self._random.randrange(256)]
        self._left -= 1
        if self._left > 0 or sum(self.counts.values()) >= self._most:
            return [byte]
        self._left = self._distance()
        fault = self._random.choice(self._faults)
        self.counts[fault] += 1
        return self._apply(fault, byte, at_s, to_board=to_board)

    def _apply(self, fault: Fault, byte: int, at_s: float, *, to_board: bool) -> list[int]:
        random_bytes = [self._random.randrange(256) for _ in range(self._random.randint(1, 40))]
        match fault:
            case Fault.LOST_BYTES:
                return []
            case Fault.GARBAGE:
                return [*random_bytes, byte]
            case Fault.CHANGED_BYTE:
                # One bit, as noise does; a digit may become another digit.
                return [byte ^ 1 << self._random.randrange(8)]
            case Fault.STALL:
                self.board.stall(at_s, self._random.uniform(0.5, 20.0))
                return [byte]
            case Fault.RESET:
                self.board.boot(max(at_s, self.clock.now_s()))
                return []
            case Fault.WRONG_BAUD:
                self._garbling = self._random.randint(5, 200)
                return random_bytes
            case Fault.CUT_HEX:
                return [ord("%")] if to_board else [ord("\n")]
            case Fault.PULLED_CABLE:
                self._unplugged_until_s = self.clock.now_s() + self._random.uniform(0.1, 8.0)
                return []
