"""A fake X-NUCLEO-LPM01A: answers its command list on a pty and sends a scene when started."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.pty_fake import PtyFake
from tests.support.scene import Scene


class Lpm01aFake(PtyFake):
    """Speaks text or binary as it is told.

    Parameters
    ----------
    scene : Scene
    drop : range
        Samples that never reach the host.
    refuse : str
        A command that it answers with an error.
    fails : str
        An error that it reports while it measures.
    """

    def __init__(
        self, scene: Scene, *, drop: range = range(0), refuse: str = "", fails: str = ""
    ) -> None:
        self.scene, self.drop, self.refuse, self.fails = scene, drop, refuse, fails
        self.commands: list[str] = []
        self._line = b""
        super().__init__()

    def answer(self, data: bytes) -> None:
        """Take command lines."""
        *lines, self._line = (self._line + data).split(b"\r\n")
        for line in lines:
            if line:
                self._command(line.decode())

    def _command(self, words: str) -> None:
        self.commands.append(words)
        if self.refuse and words.startswith(self.refuse):
            self.send(f"PowerShield > error {words}: not now\r\n".encode())
        elif words == "version":
            self.send(b"PowerShield > ack version 1.0.6\r\n\r\n")
        elif words == "start":
            self.send(b"PowerShield > ack start\r\n")
            self.send(b"".join(self._samples()))
        elif words == "stop":
            self.send(b"PowerShield > ack stop\r\n\r\n" + self._end)
        else:
            self.send(f"PowerShield > ack {words}\r\n\r\n".encode())

    @property
    def rate_hz(self) -> float:
        """What it was told."""
        return float([c for c in self.commands if c.startswith("freq ")][-1].split()[1])

    @property
    def _binary(self) -> bool:
        return "format bin_hexa" in self.commands

    @property
    def _end(self) -> bytes:
        return b"\xf0\xf4\xff\xff" if self._binary else b"end\r\n"

    def _samples(self) -> Iterator[bytes]:
        rate_hz = self.rate_hz
        marks = {round(mark * rate_hz) for mark in self.scene.marks_s}
        energy_j = self.scene.power_w(rate_hz) / rate_hz
        for index, value in enumerate(energy_j):
            if index % rate_hz == 0:
                yield self._stamp(round(index / rate_hz * 1000))
            if index in marks:
                yield b"\xf0\xf2event 1 ris\xff\xff" if self._binary else b"event 1 ris\r\n"
            if index not in self.drop:
                yield self._sample(float(value))
        yield self._stamp(round(len(energy_j) / rate_hz * 1000))
        if self.fails:
            yield f"error {self.fails}\r\n".encode()

    def _stamp(self, at_ms: int) -> bytes:
        if self._binary:
            return b"\xf0\xf3" + at_ms.to_bytes(4, "big") + b"\0\xff\xff"
        return f"TimeStamp: {at_ms // 1000:03}s {at_ms % 1000:03}ms, buff 00%\r\n".encode()

    def _sample(self, value: float) -> bytes:
        if not self._binary:
            mantissa, power = f"{value:.3e}".split("e")
            return f"{mantissa.replace('.', '')}{int(power) - 3:+03}\r\n".encode()
        shift = 0
        while value * 16.0 ** (shift + 1) < 4096:
            shift += 1
        number = round(value * 16.0**shift)
        return bytes([shift << 4 | number >> 8, number & 0xFF])
