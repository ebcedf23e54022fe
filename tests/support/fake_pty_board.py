"""The fake board behind a pseudo-terminal, in real time, so that the real pyserial talks to it."""

from __future__ import annotations

import time

from tests.support.fake_board import FakeBoard, Firmware
from tests.support.pty_fake import PtyFake


class FakePtyBoard(PtyFake):
    """Answers on a pty; `port` is its name. `baud` paces it; 0 is as fast as the machine."""

    def __init__(self, firmware: Firmware | None = None, baud: int = 0) -> None:
        self.board = FakeBoard(firmware, baud)
        super().__init__()

    def answer(self, data: bytes) -> None:
        """Take bytes from the host."""
        at_s = time.monotonic()
        for byte in data:
            self.board.receive(byte, at_s)
        self.idle()

    def idle(self) -> None:
        """Send what is due."""
        now_s, due = time.monotonic(), bytearray()
        sent = self.board.sent
        while sent and sent[0][0] <= now_s:
            due.append(sent.popleft()[1])
        if due:
            self.send(bytes(due))
