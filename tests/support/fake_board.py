"""A fake board that speaks the MLPerf Tiny protocol, as careless as the reference firmware.

`FakeBoard` is pure: bytes and their times of arrival in, bytes and their times out. It infers
whatever lies in its buffer, whole or not, as the reference firmware does; what it answers depends
on every byte of it, so that a wrong input can't give the right answer.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass

BOOT_S = 0.3
COMMAND_CHARACTERS = 80


def outputs_of(content: bytes, count: int = 12) -> tuple[float, ...]:
    """Return what the fake infers from an input."""
    digest = hashlib.shake_256(content).digest(2 * count)
    return tuple(
        int.from_bytes(digest[2 * index : 2 * index + 2]) % 1000 / 1000 for index in range(count)
    )


@dataclass
class Firmware:
    """What a fake board runs."""

    name: str = "FAKE"
    model: str = "kws01"
    inference_s: float = 0.05
    outputs: int = 12
    energy: bool = False
    clock_ratio: float = 1.0
    has_results: bool = True
    has_buffer: bool = True


class FakeBoard:
    """Answers commands; `sent` holds what it says, byte by byte with the time of its sending."""

    def __init__(self, firmware: Firmware | None = None, baud: int = 115200) -> None:
        self.firmware = firmware or Firmware()
        self.byte_s = 10 / baud if baud else 0.0
        self.sent: deque[tuple[float, int]] = deque()
        self.marks_s: list[float] = []
        self.busy_s: list[tuple[float, float]] = []
        self._command = bytearray()
        self._buffer = bytearray(1 << 15)
        self._filled = self._expected = 0
        self._results: tuple[float, ...] = ()
        self.now_s = 0.0
        self._wire_free_s = 0.0
        self.dead_until_s = 0.0

    @property
    def prefix(self) -> str:
        """What stands before each of its lines."""
        return ""

    def receive(self, byte: int, at_s: float) -> None:
        """Take a byte that arrives at a time."""
        if at_s < self.dead_until_s or (at_s < self.now_s and not self.firmware.has_buffer):
            return
        if byte == ord("%"):
            command = bytes(self._command).decode("ascii", "replace")
            self._command.clear()
            self.now_s = max(self.now_s, at_s)
            self.execute(command)
        elif len(self._command) < COMMAND_CHARACTERS and byte not in (0, 10, 13):
            self._command.append(byte)

    def say(self, text: str) -> None:
        """Send a line."""
        self.send(f"{self.prefix}{text}\r\n".encode())

    def send(self, data: bytes) -> None:
        """Send bytes, one behind the other on the wire."""
        at_s = max(self._wire_free_s, self.now_s)
        for byte in data:
            at_s += self.byte_s
            self.sent.append((at_s, byte))
        self._wire_free_s = at_s
        self.now_s = max(self.now_s, at_s)  # it writes without a buffer

    def boot(self, at_s: float) -> None:
        """Start anew: forget everything, be deaf for a while, then greet."""
        self.sent = deque((when, byte) for when, byte in self.sent if when <= at_s)
        self.dead_until_s = self.now_s = self._wire_free_s = at_s + BOOT_S
        self._command.clear()
        self._filled = self._expected = 0
        self._results = ()
        self._buffer = bytearray(len(self._buffer))
        self.say(f"m-timestamp-mode-{'energy' if self.firmware.energy else 'performance'}")
        self._lap()
        self.say("m-init-done")
        self.say("m-ready")

    def stall(self, at_s: float, duration_s: float) -> None:
        """Stop for a while: what is not sent yet comes later."""
        self.sent = deque(
            (when + duration_s if when > at_s else when, byte) for when, byte in self.sent
        )
        self.now_s = max(self.now_s, at_s) + duration_s
        self._wire_free_s = max(self._wire_free_s, at_s) + duration_s

    def _lap(self) -> None:
        if self.firmware.energy:
            self.marks_s.append(self.now_s)
        else:
            self.say(f"m-lap-us-{round((self.now_s * self.firmware.clock_ratio + 100) * 1e6)}")

    def execute(self, command: str) -> None:
        """Answer a command."""
        words = command.split()
        match words:
            case ["name"]:
                self.say(f"m-name-dut-[{self.firmware.name}]")
            case ["profile"]:
                self.say("m-profile-[ULPMark for tinyML Firmware V0.0.1]")
                self.say(f"m-model-[{self.firmware.model}]")
            case ["timestamp"]:
                self._lap()
            case ["results"] if self.firmware.has_results:
                self._say_results()
            case ["db", *rest]:
                self._load(rest)
            case ["infer", *numbers] if all(n.isdigit() for n in numbers) and numbers:
                self._infer(*(int(number) for number in numbers[:2]))
            case _:
                self.say(f"e-[Unknown command: {words[0] if words else ''}]")
        self.say("m-ready")

    def _load(self, words: list[str]) -> None:
        match words:
            case ["load", size] if size.isdigit() and 0 < int(size) <= len(self._buffer):
                self._expected, self._filled = int(size), 0
                self.say(f"m-[Expecting {self._expected} bytes]")
            case ["print"]:
                for start in range(0, self._expected, 8):
                    row = self._buffer[start : min(start + 8, self._expected)]
                    self.say("m-buffer-" + "-".join(f"{byte:02x}" for byte in row))
            case [digits]:
                self._take(digits)
            case _:
                self.say("e-[Command 'db' requires a subcommand]")

    def _take(self, digits: str) -> None:
        if len(digits) % 2:
            self.say("e-[Insufficent number of hex digits]")
            return
        for start in range(0, len(digits), 2):
            pair = digits[start : start + 2]
            try:
                value = int(pair, 16)
            except ValueError:
                self.say(f"e-[Invalid hex digit '{pair}']")
                return
            if self._filled < self._expected:
                self._buffer[self._filled] = value
                self._filled += 1
                if self._filled == self._expected:
                    self.say("m-load-done")

    def _infer(self, iterations: int, warmups: int = 10) -> None:
        if iterations <= 0:
            self.say("e-[Inference iterations must be >0]")
            return
        self.say(f"m-warmup-start-{warmups}")
        self._work(warmups)
        self.say("m-warmup-done")
        self.say(f"m-infer-start-{iterations}")
        self._lap()
        self._work(iterations)
        self._lap()
        self.say("m-infer-done")
        content = bytes(self._buffer[: self._expected])
        self._results = outputs_of(content, self.firmware.outputs)
        self._say_results()

    def _work(self, inferences: int) -> None:
        start_s = self.now_s
        self.now_s += inferences * self.firmware.inference_s
        self.busy_s.append((start_s, self.now_s))

    def _say_results(self) -> None:
        self.say(f"m-results-[{','.join(f'{value:.3f}' for value in self._results)}]")


class FakeInterfaceBoard(FakeBoard):
    """The benchmark's interface board with a fake board behind it, as for energy."""

    @property
    def prefix(self) -> str:
        """It marks what comes from behind it."""
        return "[dut]: "

    def execute(self, command: str) -> None:
        """Pass on what begins with dut; answer the rest itself."""
        passed = command.removeprefix("dut ")
        own = f"m-dut-passthrough({passed})" if passed != command else f"e-[Unknown: {command}]"
        self.send(f"{own}\r\nm-ready\r\n".encode())
        if passed != command:
            super().execute(passed)
