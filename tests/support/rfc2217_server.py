"""A terminal server (RFC 2217) in front of a serial port, made of pyserial's own parts."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any, cast

import serial
import serial.rfc2217


class _PtyPort(serial.Serial):
    """A pseudo-terminal has no modem lines to ask for or to set."""

    cts = dsr = ri = cd = dtr = rts = True


class Rfc2217Server:
    """Serves one port to one client; `url` is what a client opens."""

    def __init__(self, port: str) -> None:
        self._serial = _PtyPort(port, timeout=0.01)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End it."""
        self._closing.set()
        for thread in self._threads:
            thread.join(2)
        self._listener.close()
        self._serial.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            self._client, _ = self._listener.accept()
            self._client.settimeout(0.05)
            # Its annotations name the client's class; the server side is documented as duck-typed.
            manager = serial.rfc2217.PortManager(cast("Any", self._serial), cast("Any", self))
            sender = threading.Thread(target=self._send, args=(manager,), daemon=True)
            self._threads.append(sender)
            sender.start()
            while not self._closing.is_set():
                with contextlib.suppress(TimeoutError):
                    data = self._client.recv(4096)
                    if not data:
                        break
                    self._serial.write(b"".join(manager.filter(data)))
            self._client.close()

    def write(self, data: bytes) -> None:
        """Take what the manager has to say to the client."""
        with self._lock:
            self._client.sendall(data)

    def _send(self, manager: serial.rfc2217.PortManager) -> None:
        while not self._closing.is_set():
            data = self._serial.read(self._serial.in_waiting or 1)
            if data:
                self.write(b"".join(manager.escape(data)))
