"""A fake Power Profiler Kit II: takes its one-byte commands on a pty, sends words of a scene."""

from __future__ import annotations

import numpy as np

from tests.support.pty_fake import PtyFake
from tests.support.scene import Scene

RATE_HZ = 100_000
_RANGE = 2
_OHM = 10.15
_ADC_V = 1.8 / 163_840

METADATA = (
    "Calibrated: 1\n"
    + "".join(f"R{k}: {ohm}\n" for k, ohm in enumerate((1031.64, 101.65, _OHM, 0.94, 0.043)))
    + "".join(
        f"{name}{k}: {value}\n"
        for name, value in (("GS", 0), ("GI", 1), ("O", 0), ("S", 0), ("I", 0), ("UG", 1))
        for k in range(5)
    )
    + "HW: 9173\nIA: 59\nEND\n"
)


class Ppk2Fake(PtyFake):
    """Answers as the kit does.

    Parameters
    ----------
    scene : Scene
    drop : range
        Words that never reach the host.
    overload : range
        Words with the ADC at its end.
    mute : bool
        Whether it does not answer at all.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        drop: range = range(0),
        overload: range = range(0),
        mute: bool = False,
    ) -> None:
        self.scene, self.drop, self.overload, self.mute = scene, drop, overload, mute
        self.supply_mv = 0
        self.power_mode = ""
        self.supplies = False
        super().__init__()

    def answer(self, data: bytes) -> None:
        """Take commands: one byte, and its arguments."""
        at = 0
        while at < len(data) and not self.mute:
            at += self._command(data[at:])

    def _command(self, data: bytes) -> int:
        code = data[0]
        if code == 0x19:
            self.send(METADATA.encode())
        elif code == 0x06:
            self.send(self.words())
        elif code == 0x11:
            self.power_mode = {1: "ampere", 2: "source"}[data[1]]
            return 2
        elif code == 0x0C:
            self.supplies = data[1] == 1
            return 2
        elif code == 0x0D:
            self.supply_mv = (data[1] - 3) * 256 + data[2] - 32 + 800
            return 3
        return 1

    def words(self) -> bytes:
        """Return what it sends once it is started."""
        current_a = self.scene.power_w(RATE_HZ) / self.scene.supply_v
        adc = np.rint(current_a * _OHM / _ADC_V / 4).astype(np.int64)
        adc[self.overload.start : self.overload.stop] = 0x3FFF
        number = np.arange(len(adc))
        pins = np.where(self.scene.pin(RATE_HZ), 0x01, 0x00)
        words = adc | _RANGE << 14 | (number % 64) << 18 | pins << 24
        kept = ~np.isin(number, self.drop)
        return words[kept].astype("<u4").tobytes()
