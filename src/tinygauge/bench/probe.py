"""Find boards that speak the protocol, and at which rate; say what was seen where none does."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tinygauge.bench.board import Board, Identity
from tinygauge.bench.clock import Clock, HostClock
from tinygauge.bench.link import Link, open_link
from tinygauge.errors import BenchError, DialectError, LinkClosedError, LinkTimeoutError

__all__ = ["BAUDS", "Port", "Probe", "list_ports", "probe_port"]

# The likeliest first: the reference's, ST's, that of energy firmware, and others seen.
BAUDS = (115200, 921600, 9600, 460800, 230400, 57600, 38400, 19200, 1_000_000)
_REPLY_S = 0.6
# A board that restarts when its port is opened greets within this time.
_BOOT_S = 0.5
_SHOWN = 60
_TEXT = frozenset(string.printable.encode())
_TEXT_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port of this computer: its name, what it is, and whether it hangs on USB."""

    name: str
    description: str
    is_usb: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was found at a port.

    Parameters
    ----------
    port : str
    baud : int or None
        At which it answered; None where it did not, 0 for a socket.
    identity : Identity or None
        None where no board answered.
    timestamps : str
        ``"lines"`` (a build for performance and accuracy), ``"pin"`` (one for energy), or empty.
    passed_on : bool
        Whether an interface board passes commands on.
    seen : str
        What was seen, in words.
    advice : str
        What to do about it.
    """

    port: str
    baud: int | None = None
    identity: Identity | None = None
    timestamps: str = ""
    passed_on: bool = False
    seen: str = ""
    advice: str = ""


def list_ports() -> list[Port]:
    """Return the serial ports of this computer.

    Returns
    -------
    list of Port
        Sorted by name.
    """
    from serial.tools import list_ports as ports

    found = [
        Port(each.device, each.description or "", each.vid is not None) for each in ports.comports()
    ]
    return sorted(found, key=lambda port: port.name)


def probe_port(
    port: str,
    bauds: Sequence[int] = BAUDS,
    *,
    opener: Callable[[str, int], Link] = open_link,
    clock: Clock | None = None,
) -> Probe:
    """Look for a board at a port.

    Parameters
    ----------
    port : str
        As `open_link` takes it.
    bauds : sequence of int
        Rates to try, in this order.
    opener : callable
        Opens the port.
    clock : Clock, optional

    Returns
    -------
    Probe
        Never an error: what went wrong is what was seen.
    """
    clock = clock or HostClock()
    heard: dict[int, bytes] = {}
    tried = (0,) if port.startswith("socket://") else tuple(bauds)
    for baud in tried:
        try:
            link = opener(port, baud)
        except LinkClosedError as error:
            return Probe(port=port, seen=error.problem, advice=error.advice)
        listening = _Listening(link)
        try:
            found = _ask(listening, port, clock)
        except BenchError as error:
            return Probe(port=port, seen=error.problem, advice=error.advice)
        finally:
            link.close()
        if found is not None:
            return found
        heard[baud] = listening.heard
    seen, advice = _explain(heard)
    return Probe(port=port, seen=seen, advice=advice)


class _Listening:
    """A link that remembers what came."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.heard = b""
        self.name, self.baud = link.name, link.baud

    def write(self, data: bytes) -> None:
        """Send."""
        self._link.write(data)

    def read(self, timeout_s: float) -> bytes:
        """Receive, and remember."""
        data = self._link.read(timeout_s)
        self.heard += data
        return data

    def close(self) -> None:
        """Close."""
        self._link.close()


def _ask(link: _Listening, port: str, clock: Clock) -> Probe | None:
    """Ask the board, then one behind an interface board, for its name."""
    link.read(_BOOT_S)
    for passed_on in (False, True):
        if passed_on and _text_share(link.heard) < _TEXT_SHARE:
            return None  # an interface board would have said something
        board = Board(link, clock=clock, passed_on=passed_on, reply_s=_REPLY_S)
        try:
            board.synchronise(2 * _REPLY_S)
            identity = board.identify()
            lap_us = board.timestamp()
        except (LinkTimeoutError, DialectError):
            continue
        timestamps = "pin" if lap_us is None else "lines"
        build = "energy" if lap_us is None else "performance and accuracy"
        return Probe(
            port=port,
            baud=link.baud,
            identity=identity,
            timestamps=timestamps,
            passed_on=passed_on,
            seen=f"a board built for {build}",
        )
    return None


def _explain(heard: dict[int, bytes]) -> tuple[str, str]:
    """Say what came in place of an answer, and what to do about it."""
    rates = ", ".join(str(baud) for baud in heard if baud)
    at = f" at {rates} baud" if rates else ""
    if not any(heard.values()):
        advice = (
            "Check that the board has power and runs the benchmark's firmware, that RX and TX "
            "cross over, and that this is its port"
        )
        return f"not a byte came{at}", advice
    baud, data = max(heard.items(), key=lambda item: _text_share(item[1]) * len(item[1]))
    if _text_share(data) >= _TEXT_SHARE:
        shown = " ".join(data.decode("ascii", "replace").split())[-_SHOWN:]
        advice = "Its firmware is another: flash one that speaks the MLPerf Tiny protocol"
        if "m-" in shown:
            advice = "It speaks the protocol but loses bytes: use a shorter cable or a lower rate"
        where = f" at {baud} baud" if baud else ""
        return f"text came{where} but no answer to name%: '{shown}'", advice
    total = sum(map(len, heard.values()))
    advice = "Name the rate that the firmware was built for: --baud N"
    return f"{total:,} bytes came that are text at none of {rates} baud", advice


def _text_share(data: bytes) -> float:
    return sum(byte in _TEXT for byte in data) / len(data) if data else 0.0
