"""A two-way stream of bytes to a board: a serial port, a socket, or whatever a plug-in brings.

`open_link` takes what pyserial takes (a port's name, ``rfc2217://…``, a pty) and
``socket://host:port``, which is opened here so that nothing waits for a full packet.
"""

from __future__ import annotations

import select
import socket
from typing import Protocol

from tinygauge.bench.clock import Clock, HostClock
from tinygauge.bench.transcript import Transcript
from tinygauge.errors import LinkClosedError

__all__ = ["DEFAULT_BAUD", "Link", "RecordedLink", "SerialLink", "SocketLink", "open_link"]

DEFAULT_BAUD = 115200

# The longest that one read of the port waits; longer waits are several, so that a port that went
# away is seen.
_POLL_S = 0.05
_CONNECT_S = 5.0
_WRITE_S = 20.0
_MOST_BYTES = 1 << 16
# A line that is longer goes into the transcript in pieces.
_MOST_HELD = 1 << 12


class Link(Protocol):
    """A stream of bytes to and from one board."""

    @property
    def name(self) -> str:
        """What the user calls it, such as ``/dev/ttyACM0``."""
        ...

    @property
    def baud(self) -> int:
        """Bits per second on the wire; 0 where that has no meaning."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of `data`; `LinkClosedError` where the port is gone or takes nothing."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, at least a byte; nothing where none came in time.

        `LinkClosedError` where the port is gone.
        """
        ...

    def close(self) -> None:
        """Close it; once is enough."""
        ...


class SerialLink:
    """A port that pyserial opens.

    Parameters
    ----------
    port : str
        A name or an address.
    baud : int
        Bits per second.

    Raises
    ------
    LinkClosedError
        If it can't be opened.
    """

    def __init__(self, port: str, baud: int = DEFAULT_BAUD, clock: Clock | None = None) -> None:
        import serial

        self._clock = clock or HostClock()
        self._name, self._baud = port, baud
        # A serial.SerialException is an OSError; unknown addresses are ValueErrors, and what a kind
        # of address can't do is a NotImplementedError.
        self._failures = (OSError, ValueError, NotImplementedError, serial.SerialException)
        # A terminal server's port has no time limit for writing.
        write_s = None if port.startswith("rfc2217://") else _WRITE_S
        try:
            self._serial = serial.serial_for_url(
                port, baudrate=baud, timeout=_POLL_S, write_timeout=write_s, do_not_open=True
            )
            if "://" not in port:  # two programs on one port would each get half of the bytes
                self._serial.exclusive = True
            self._serial.open()
        except self._failures as error:
            raise LinkClosedError(
                port, f"can't open it ({_reason(error)})", _advice(error)
            ) from error

    @property
    def name(self) -> str:
        """The port's name or address."""
        return self._name

    @property
    def baud(self) -> int:
        """Bits per second."""
        return self._baud

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._serial.write(data)
        except self._failures as error:
            raise self._gone(error) from error

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, or nothing after `timeout_s`."""
        end_s = self._clock.now_s() + timeout_s
        try:
            while True:
                first = self._serial.read(1)
                if first:
                    waiting = min(self._serial.in_waiting, _MOST_BYTES)
                    return bytes(first + (self._serial.read(waiting) if waiting else b""))
                if self._clock.now_s() >= end_s:
                    return b""
        except (*self._failures, TypeError) as error:  # TypeError: closed under pyserial's feet
            raise self._gone(error) from error

    def close(self) -> None:
        """Close the port."""
        try:
            self._serial.close()
        except self._failures:  # it went away already
            return

    def _gone(self, error: Exception) -> LinkClosedError:
        problem = f"the port went away ({_reason(error)})"
        return LinkClosedError(
            self._name, problem, "Check cable and supply, then go on with --resume"
        )


class SocketLink:
    """A TCP connection, such as an emulator's UART.

    Parameters
    ----------
    url : str
        ``socket://host:port``.

    Raises
    ------
    LinkClosedError
        If nobody listens there.
    """

    def __init__(self, url: str) -> None:
        self._name = url
        host, _, port = url.removeprefix("socket://").rpartition(":")
        try:
            self._socket = socket.create_connection((host, int(port)), _CONNECT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.settimeout(_WRITE_S)
        except (OSError, ValueError, OverflowError) as error:
            advice = "Expected socket://host:port, with something listening there"
            raise LinkClosedError(url, f"can't connect ({_reason(error)})", advice) from error

    @property
    def name(self) -> str:
        """The address."""
        return self._name

    @property
    def baud(self) -> int:
        """Of no meaning here: 0."""
        return 0

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._socket.sendall(data)
        except (OSError, ValueError) as error:
            raise self._gone(_reason(error)) from error

    def read(self, timeout_s: float) -> bytes:
        """Return what has come, or nothing after `timeout_s`."""
        try:
            ready, _, _ = select.select([self._socket], [], [], max(0.0, timeout_s))
            if not ready:
                return b""
            data = self._socket.recv(_MOST_BYTES)
        except (OSError, ValueError) as error:
            raise self._gone(_reason(error)) from error
        if not data:
            raise self._gone("the other side closed it")
        return data

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _gone(self, reason: str) -> LinkClosedError:
        problem = f"the connection ended ({reason})"
        return LinkClosedError(self._name, problem, "Start it again, then go on with --resume")


class RecordedLink:
    """A link whose every byte goes into a transcript as well.

    What comes is written line by line, with the time of the line's end: a port gives it in pieces.
    """

    def __init__(self, link: Link, transcript: Transcript) -> None:
        self._link = link
        self._transcript = transcript
        self._held = b""

    @property
    def name(self) -> str:
        """That of the link."""
        return self._link.name

    @property
    def baud(self) -> int:
        """That of the link."""
        return self._link.baud

    def write(self, data: bytes) -> None:
        """Keep, then send: what the board may have seen is never missing."""
        self._keep(self._held)
        self._transcript.sent(data)
        self._link.write(data)

    def read(self, timeout_s: float) -> bytes:
        """Read, then keep: whole lines at once, the rest when nothing more comes."""
        try:
            data = self._link.read(timeout_s)
        except BaseException:
            self._keep(self._held)
            raise
        self._held += data
        whole = self._held.rfind(b"\n") + 1
        self._keep(self._held[:whole] if data and len(self._held) < _MOST_HELD else self._held)
        return data

    def close(self) -> None:
        """Close the link; the transcript stays open."""
        try:
            self._keep(self._held)
        finally:
            self._link.close()

    def _keep(self, data: bytes) -> None:
        self._held = self._held[len(data) :]
        if data:
            self._transcript.received(data)


def open_link(port: str, baud: int = DEFAULT_BAUD) -> Link:
    """Open the link to a board.

    Parameters
    ----------
    port : str
        ``/dev/ttyACM0``, ``COM3``, ``socket://localhost:4000``, ``rfc2217://host:port``, a pty.
    baud : int
        Bits per second; of no meaning for sockets.

    Returns
    -------
    Link

    Raises
    ------
    LinkClosedError
        If it can't be opened.
    """
    if port.startswith("socket://"):
        return SocketLink(port)
    return SerialLink(port, baud)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _advice(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, PermissionError) or number == 13:
        return "Add yourself to the group that owns the port (often dialout) and log in again"
    if isinstance(error, FileNotFoundError) or number == 2:
        return "See which ports there are: tinygauge bench probe"
    if number in (11, 16):
        return "Another program has it open: close that one"
    return "See which ports there are: tinygauge bench probe"
