"""What the runner asks of an energy monitor; the instruments themselves are in `monitors`.

The runner records one trace per window, from before the board starts until after it is done, so
that a window that was measured is safe whatever happens to the next::

    monitor.start()          # samples from here on
    board.infer(200, 1)      # the board marks begin and end of the timed part on its pin
    trace = monitor.stop()   # a PowerTrace; recording has ended
"""

from __future__ import annotations

from typing import Protocol

from tinygauge.bench.trace import PowerTrace

__all__ = ["Monitor"]


class Monitor(Protocol):
    """An instrument that records the supply of a board."""

    @property
    def name(self) -> str:
        """Which instrument, with its serial number where known."""
        ...

    @property
    def supply_v(self) -> float | None:
        """The voltage that it supplies or was told, volt; None where unknown."""
        ...

    def start(self) -> None:
        """Begin a trace; a `BenchError` where the instrument does not answer."""
        ...

    def stop(self) -> PowerTrace:
        """End the trace and return it; a `BenchError` where nothing came."""
        ...

    def close(self) -> None:
        """Let go of the instrument; once is enough."""
        ...
