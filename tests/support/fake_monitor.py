"""A fake energy monitor that watches a fake board in virtual time."""

from __future__ import annotations

import numpy as np

from tests.support.fake_board import FakeBoard
from tests.support.fake_link import VirtualClock
from tinygauge.bench.trace import Accuracy, Gap, Instrument, PowerTrace

IDLE_W, BUSY_W = 0.010, 0.030
RATE_HZ = 1000.0


class FakeMonitor:
    """Sees idle power, more while the board infers, and its pin where it is wired.

    Parameters
    ----------
    board : FakeBoard
    clock : VirtualClock
    wired : bool
        Whether the board's timestamp pin is connected.
    losing : int
        So many traces have a hole in their window.
    overloaded : int
        So many traces, after those, go beyond the range.
    """

    name = "fake monitor"
    supply_v = 3.0

    def __init__(
        self,
        board: FakeBoard,
        clock: VirtualClock,
        *,
        wired: bool = True,
        losing: int = 0,
        overloaded: int = 0,
    ) -> None:
        self._board, self._clock, self._wired = board, clock, wired
        self._losing, self._overloaded = losing, overloaded
        self._from_s = 0.0
        self.closed = False

    def start(self) -> None:
        """Begin a trace."""
        self._from_s = self._clock.now_s()

    def stop(self) -> PowerTrace:
        """Return what was drawn since."""
        count = round((self._clock.now_s() - self._from_s) * RATE_HZ)
        t_s = np.arange(count) / RATE_HZ
        busy = np.zeros(count, dtype=np.bool_)
        for start_s, end_s in self._board.busy_s:
            busy |= (t_s >= start_s - self._from_s) & (t_s < end_s - self._from_s)
        marks = [mark - self._from_s for mark in self._board.marks_s if mark > self._from_s]
        middle_s = (marks[0] + marks[-1]) / 2 if marks else count / RATE_HZ / 2
        gaps: tuple[Gap, ...] = ()
        overload = np.zeros(count, dtype=np.bool_)
        if self._losing > 0:
            self._losing -= 1
            gaps = (Gap(middle_s, middle_s + 0.05, "the instrument said so"),)
        elif self._overloaded > 0:
            self._overloaded -= 1
            overload[round(middle_s * RATE_HZ)] = True
        return PowerTrace(
            name=self.name,
            instrument=Instrument(self.name, Accuracy(0.01, 0.0, "its maker")),
            t_s=t_s,
            period_s=1 / RATE_HZ,
            p_w=np.where(busy, BUSY_W, IDLE_W),
            overload=overload,
            gaps=gaps,
            marks_s=np.array(marks if self._wired else []),
            supply_v=self.supply_v,
        )

    def close(self) -> None:
        """Let go."""
        self.closed = True
