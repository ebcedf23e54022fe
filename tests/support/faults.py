"""Faults on the wire of a fake board, at moments that a seed decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from tests.support.fake_board import FakeBoard
from tests.support.fake_link import FakeLink, VirtualClock
from tinygauge.errors import LinkClosedError


class Fault(StrEnum):
    """What can happen on a bench."""

    LOST_BYTE = "lost byte"
    GARBAGE = "garbage"
    CHANGED_BIT = "changed bit"
    STALL = "stall"
    RESET = "reset"
    WRONG_BAUD = "wrong baud"
    CUT_COMMAND = "command or line cut in two"
    PULLED_CABLE = "pulled cable"


class FaultyLink(FakeLink):
    """A link on which something goes wrong now and then.

    Parameters
    ----------
    board : FakeBoard
    clock : VirtualClock
    seed : int
    every : float
        Mean number of bytes between two faults.
    faults : sequence of Fault
        That may happen.
    """

    def __init__(
        self,
        board: FakeBoard,
        clock: VirtualClock,
        seed: int,
        *,
        every: float = 4000.0,
        faults: Sequence[Fault] = tuple(Fault),
    ) -> None:
        super().__init__(board, clock)
        self.counts: Counter[Fault] = Counter()
        self._random = np.random.default_rng(seed)
        self._every, self._faults = every, faults
        self._left = self._random.exponential(every)
        self._garbling = 0
        self._unplugged_until_s = 0.0

    def open(self) -> FaultyLink:
        """Return the link, as an opener of the port does; fails while the cable is out."""
        if self.clock.now_s() < self._unplugged_until_s:
            raise LinkClosedError(self.name, "there is no such port")
        self._garbling = 0
        return self

    def check_cable(self) -> None:
        """Raise where the cable is out."""
        if self.clock.now_s() < self._unplugged_until_s:
            raise LinkClosedError(self.name, "the port went away (input/output error)")

    def arriving(self, byte: int, at_s: float, *, to_board: bool) -> Sequence[int]:
        """Return what arrives in place of a byte."""
        if self._garbling:
            self._garbling -= 1
            return self._noise(1)
        self._left -= 1
        if self._left > 0:
            return (byte,)
        self._left = self._random.exponential(self._every)
        fault = self._faults[int(self._random.integers(len(self._faults)))]
        self.counts[fault] += 1
        self._happen(fault, at_s)
        noise = self._noise(int(self._random.integers(1, 40)))
        # One bit, as noise does it: a digit may become another digit.
        changed = byte ^ 1 << int(self._random.integers(8))
        arrives: dict[Fault, Sequence[int]] = {
            Fault.GARBAGE: (*noise, byte),
            Fault.CHANGED_BIT: (changed,),
            Fault.STALL: (byte,),
            Fault.CUT_COMMAND: (ord("%" if to_board else "\n"),),
        }
        return arrives.get(fault, ())

    def _happen(self, fault: Fault, at_s: float) -> None:
        if fault is Fault.STALL:
            self.board.stall(at_s, self._random.uniform(0.5, 20.0))
        elif fault is Fault.RESET:
            self.board.boot(max(at_s, self.clock.now_s()))
        elif fault is Fault.WRONG_BAUD:
            self._garbling = int(self._random.integers(5, 200))
        elif fault is Fault.PULLED_CABLE:
            self._unplugged_until_s = self.clock.now_s() + self._random.uniform(0.1, 8.0)

    def _noise(self, count: int) -> Sequence[int]:
        return tuple(int(byte) for byte in self._random.integers(0, 256, count))
