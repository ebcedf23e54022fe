"""What the fake energy monitors see: a board that idles, works twice, and marks its windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scene:
    """Idle, busy, idle, busy, idle; the board pulls its pin at both ends of each busy stretch."""

    supply_v: float = 3.0
    idle_w: float = 0.030
    busy_w: float = 0.060
    idle_s: float = 0.2
    busy_s: float = 0.5

    @property
    def duration_s(self) -> float:
        """Of the whole scene, seconds."""
        return 3 * self.idle_s + 2 * self.busy_s

    @property
    def windows_s(self) -> tuple[tuple[float, float], ...]:
        """Begin and end of the busy stretches, seconds."""
        first = self.idle_s
        second = 2 * self.idle_s + self.busy_s
        return (first, first + self.busy_s), (second, second + self.busy_s)

    @property
    def marks_s(self) -> tuple[float, ...]:
        """When the pin falls, seconds."""
        return tuple(at for window in self.windows_s for at in window)

    @property
    def window_j(self) -> float:
        """Energy of one busy stretch, joules."""
        return self.busy_w * self.busy_s

    @property
    def above_idle_j(self) -> float:
        """The same less the idle power, joules."""
        return (self.busy_w - self.idle_w) * self.busy_s

    def power_w(self, rate_hz: float) -> NDArray[np.float64]:
        """Power of each sample, watts."""
        t_s = (np.arange(round(self.duration_s * rate_hz)) + 0.5) / rate_hz
        busy = np.zeros(len(t_s), dtype=np.bool_)
        for start, end in self.windows_s:
            busy |= (t_s >= start) & (t_s < end)
        return np.where(busy, self.busy_w, self.idle_w)

    def pin(self, rate_hz: float, low_s: float = 1e-3) -> NDArray[np.bool_]:
        """Level of the pin at each sample: high, low for a moment after each mark."""
        t_s = (np.arange(round(self.duration_s * rate_hz)) + 0.5) / rate_hz
        level = np.ones(len(t_s), dtype=np.bool_)
        for mark in self.marks_s:
            level &= ~((t_s >= mark) & (t_s < mark + low_s))
        return level
