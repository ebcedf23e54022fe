"""A fake instrument behind a pseudo-terminal, so that the real pyserial talks to it."""

from __future__ import annotations

import os
import select
import threading
import tty


class PtyFake:
    """Answers bytes on a pty; a subclass says what with `answer`, and what else with `idle`."""

    def __init__(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave = slave
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def answer(self, data: bytes) -> None:
        """Take bytes from the host."""
        raise NotImplementedError

    def idle(self) -> None:
        """Do what the instrument does of itself; called every few milliseconds."""

    def send(self, data: bytes) -> None:
        """Send bytes to the host."""
        while data:
            data = data[os.write(self._master, data) :]

    def unplug(self) -> None:
        """Pull the cable: the host's next read fails."""
        self._closing.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(2)
        for descriptor in (self._slave, self._master):
            os.close(descriptor)
        self._master = -1

    def close(self) -> None:
        """Put the fake away."""
        if self._master >= 0:
            self.unplug()

    def _run(self) -> None:
        while not self._closing.is_set():
            ready, _, _ = select.select([self._master], [], [], 0.002)
            if ready:
                try:
                    data = os.read(self._master, 4096)
                except OSError:
                    return
                self.answer(data)
            self.idle()
