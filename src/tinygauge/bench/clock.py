"""The clock that the bench waits by: the computer's own, or a virtual one in tests."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "HostClock"]


class Clock(Protocol):
    """Tells the time since some moment, and waits."""

    def now_s(self) -> float:
        """Return seconds that never run backwards."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Wait that long."""
        ...


class HostClock:
    """The computer's monotonic clock."""

    def now_s(self) -> float:
        """Return seconds since an arbitrary moment."""
        return time.monotonic()

    def sleep(self, duration_s: float) -> None:
        """Wait that long."""
        time.sleep(duration_s)
