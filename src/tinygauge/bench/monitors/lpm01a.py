"""ST X-NUCLEO-LPM01A (PowerShield) over its serial port: it supplies the board and measures it.

It integrates energy itself: with ``output energy`` each sample is the joules of one period. The
board's timestamp pin goes to D7, whose falling edges come as events in the stream of samples.
Its time stamps tell how many samples should have come; where fewer did, the stretch between two
of them is a hole, since nobody knows which samples are missing.

Not tried on hardware: written after the command list of its firmware, and tested against a fake
that speaks it on a pty.

References
----------
ST UM2269, as its command list stands in mlcommons/tiny @ 5158b74c, benchmark/runner/power_manager.
"""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tinygauge.bench.instruments import INSTRUMENTS, instrument_with
from tinygauge.bench.monitors.acquisition import Acquisition
from tinygauge.bench.monitors.address import MonitorAddress
from tinygauge.bench.monitors.lpm01a_stream import BinaryStream, Readings, Stream, TextStream
from tinygauge.bench.trace import Gap, PowerTrace
from tinygauge.errors import ConfigError, MonitorError
from tinygauge.units import Unit

__all__ = ["Lpm01a", "open_lpm01a"]

BAUD = 3_686_400
# Text is too slow for more; energy is integrated over 100 us at least.
_RATES_HZ = {"text": (100, 200, 500, 1000, 2000, 5000), "binary": (100, 1000, 2000, 5000, 10_000)}
_REPLY_S = 3.0
_STOP_S = 5.0
# The instrument's time stamps have a resolution of 1 ms; two samples more may be on their way.
_STAMP_S = 1e-3
_STAMP_SAMPLES = 2


class Port(Protocol):
    """What is needed of a serial port; pyserial's has it."""

    def read(self, size: int = 1, /) -> bytes:
        """Return what came, waiting the port's own short timeout at most."""
        ...

    def write(self, data: bytes, /) -> int | None:
        """Send."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


def open_lpm01a(address: MonitorAddress) -> Lpm01a:
    """Open the instrument at an address: ``lpm01a://PORT?voltage=3.0``.

    Parameters
    ----------
    address : MonitorAddress
        Options: `voltage` (needed, 1.8 to 3.3 V), `rate` (1 kHz), `format` (``text`` or
        ``binary``), `baud`, `accuracy`.

    Returns
    -------
    Lpm01a
        It supplies the board from now on.

    Raises
    ------
    ConfigError
        If an option is wrong.
    MonitorError
        If the port can't be opened or the instrument does not answer.
    """
    import serial

    address.refuse_others(("voltage", "rate", "format", "baud", "accuracy"))
    supply_v = address.number("voltage", Unit.VOLT)
    if supply_v is None or not 1.8 <= supply_v <= 3.3:
        raise ConfigError(
            address.text, "it supplies the board: state 1.8 to 3.3 V", "Add ?voltage=3.0"
        )
    form = address.choice("format", _RATES_HZ, "text")
    rate_hz = address.number("rate", Unit.HERTZ, 1000.0)
    if rate_hz not in _RATES_HZ[form]:
        rates = ", ".join(f"{rate:g}" for rate in _RATES_HZ[form])
        raise ConfigError(address.text, f"rate {rate_hz:g} Hz is none of {rates} Hz as {form}")
    try:
        port = serial.serial_for_url(
            address.target,
            baudrate=int(address.number("baud", Unit.COUNT, BAUD) or BAUD),
            timeout=0.05,
            write_timeout=2,
        )
    except (serial.SerialException, ValueError, OSError) as error:
        raise MonitorError(address.target, f"can't open the port ({error})") from error
    try:
        return Lpm01a(
            port,
            where=address.target,
            supply_v=supply_v,
            rate_hz=rate_hz,
            binary=form == "binary",
            gain=address.number("accuracy", Unit.RATIO),
        )
    except BaseException:
        port.close()
        raise


class Lpm01a:
    """An X-NUCLEO-LPM01A that supplies a board.

    Parameters
    ----------
    port : Port
        Open.
    where : str
        For messages.
    supply_v : float
        Volt, 1.8 to 3.3.
    rate_hz : float
        Samples in a second.
    binary : bool
        Whether samples come as two bytes rather than as text.
    gain : float or None
        Accuracy that the user states, a ratio; None for the maker's.
    """

    def __init__(
        self,
        port: Port,
        *,
        where: str,
        supply_v: float,
        rate_hz: float = 1000.0,
        binary: bool = False,
        gain: float | None = None,
    ) -> None:
        self._port, self._where = port, where
        self._supply_v, self._rate_hz, self._binary = supply_v, rate_hz, binary
        self._pending = b""
        self._readings = Readings()
        self._acquisition: Acquisition | None = None
        self._stream: Stream = TextStream()
        self._send(b"\r\n")
        self._command("htc")
        firmware = self._command("version")
        for words in (
            f"volt {round(supply_v * 1000)}m",
            "trigsrc sw",
            "trigdelay 0",
            "acqtime inf",
            "eventsrc d7 fal",
            "output energy",
            f"format {'bin_hexa' if binary else 'ascii_dec'}",
            f"freq {round(rate_hz)}",
            "pwr on nostatus",
        ):
            self._command(words)
        self._instrument = instrument_with(INSTRUMENTS["lpm01a"], gain, f"firmware {firmware}")

    @property
    def name(self) -> str:
        """Its name, with the firmware."""
        return f"{self._instrument.name}, {self._instrument.identity}"

    @property
    def supply_v(self) -> float:
        """What it supplies, volt."""
        return self._supply_v

    def start(self) -> None:
        """Begin a trace; `MonitorError` where the instrument does not answer."""
        self._readings = Readings()
        self._stream = BinaryStream() if self._binary else TextStream()
        rest = self._command("start", keep_rest=True)
        self._stream.feed(rest.encode("latin-1"), self._readings)
        self._acquisition = Acquisition(self._step, self._where)
        self._acquisition.start()

    def _step(self) -> bool:
        self._stream.feed(self._read(), self._readings)
        return not self._readings.ended

    def stop(self) -> PowerTrace:
        """End the trace and return it, holes where samples were lost.

        Returns
        -------
        PowerTrace

        Raises
        ------
        MonitorError
            If the instrument went away, reports an error, or sent nothing.
        """
        acquisition = self._acquisition
        if acquisition is None:
            raise MonitorError(self._where, "it was not started")
        self._acquisition = None
        if acquisition.failure is None:
            self._send(b"stop\r\n")
            acquisition.wait(_STOP_S)
        acquisition.end()
        if not self._readings.ended:
            raise MonitorError(
                self._where,
                f"it did not end {_STOP_S:g} s after 'stop' "
                f"({len(self._readings.values)} samples came)",
                "Plug it in again; what earlier windows measured is kept",
            )
        if self._readings.errors:
            raise MonitorError(self._where, f"it reports: {self._readings.errors[0]}")
        return self.partial()

    def partial(self) -> PowerTrace:
        """Return what was read so far, even after a failure; `TraceFormatError` for nothing."""
        readings = self._readings
        notes = []
        lost = sum(value != value for value in readings.values)  # noqa: PLR0124 (nan)
        if lost:
            notes.append(f"{lost} samples could not be read")
        placed = place(readings, self._rate_hz)
        overload = np.isin(
            placed.index, [*readings.overload, *(at - 1 for at in readings.overload)]
        )
        return PowerTrace(
            name=self._where,
            instrument=self._instrument,
            t_s=placed.t_s,
            period_s=1 / self._rate_hz,
            p_w=np.array(readings.values)[placed.index] * self._rate_hz,
            overload=overload,
            marks_s=placed.marks_s,
            gaps=placed.gaps,
            supply_v=self._supply_v,
            notes=tuple(notes),
        )

    def close(self) -> None:
        """Let go of the instrument; the board stays supplied."""
        try:
            if self._acquisition is not None:
                self._acquisition.end()
            self._send(b"stop\r\nhrc\r\n")
        except MonitorError:
            pass  # it is gone already, which was told where it mattered
        finally:
            self._port.close()

    def _send(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError as error:  # pyserial's errors are OSErrors
            raise MonitorError(self._where, f"it went away ({error})", "Check its cable") from error

    def _read(self) -> bytes:
        try:
            return self._port.read(4096)
        except (OSError, TypeError) as error:  # TypeError: a port closed while it is read
            raise MonitorError(self._where, f"it went away ({error})", "Check its cable") from error

    def _command(self, words: str, *, keep_rest: bool = False) -> str:
        """Send a command and return what stands behind its ``ack``.

        With `keep_rest`, return what came behind the whole line instead: the first samples.
        """
        self._pending = b""
        self._send(words.encode("ascii") + b"\r\n")
        verb = words.split(maxsplit=1)[0]
        until = time.monotonic() + _REPLY_S
        seen = b""
        while time.monotonic() < until:
            self._pending += self._read()
            while b"\n" in self._pending:
                line, self._pending = self._pending.split(b"\n", 1)
                seen = line or seen
                text = line.decode("latin-1").replace("PowerShield >", "").strip(" \r\0")
                lowered = text.lower()
                if lowered.startswith("err"):
                    raise MonitorError(
                        self._where, f"it refused '{words}': {text}", "Is its firmware up to date?"
                    )
                if lowered.startswith("ack") and verb in lowered:
                    rest = self._pending.decode("latin-1")
                    return rest if keep_rest else text[3:].strip().removeprefix(words).strip()
        got = f"got {seen[:60]!r}" if seen else "nothing came"
        raise MonitorError(
            self._where,
            f"no answer to '{words}' within {_REPLY_S:g} s ({got})",
            "Is it an X-NUCLEO-LPM01A, on this port and at this baud rate?",
        )


class Placed:
    """Samples in time: which of the readings, when, and the holes between.

    Parameters
    ----------
    index : ndarray of int64, shape (n,)
        Of the readings that can be placed.
    t_s : ndarray of float64, shape (n,)
        Start of each, seconds.
    marks_s : ndarray of float64, shape (m,)
    gaps : tuple of Gap
    """

    __slots__ = ("gaps", "index", "marks_s", "t_s")

    def __init__(
        self,
        index: NDArray[np.int64],
        t_s: NDArray[np.float64],
        marks_s: NDArray[np.float64],
        gaps: tuple[Gap, ...],
    ) -> None:
        self.index, self.t_s, self.marks_s, self.gaps = index, t_s, marks_s, gaps


def place(readings: Readings, rate_hz: float) -> Placed:
    """Give each reading its time, by its number and the instrument's own time stamps.

    Parameters
    ----------
    readings : Readings
    rate_hz : float
        Samples in a second.

    Returns
    -------
    Placed
        Readings that could not be read are left out; so are those between two time stamps of
        which some are missing.
    """
    count = len(readings.values)
    shift = np.zeros(count + 1)  # seconds that missing samples move each reading
    keep = ~np.isnan(np.array(readings.values, dtype=np.float64))
    gaps = []
    total = 0.0
    tolerance = _STAMP_S + _STAMP_SAMPLES / rate_hz
    for (before_s, before), (stamp_s, at) in zip(
        readings.stamps, readings.stamps[1:], strict=False
    ):
        missing = (stamp_s - readings.stamps[0][0]) - (at - readings.stamps[0][1]) / rate_hz - total
        if missing > tolerance and stamp_s > before_s:
            keep[before:at] = False
            total += missing
            shift[at:] += missing
            start_s = before / rate_hz + float(shift[before])
            reason = f"{round(missing * rate_hz)} samples did not come"
            gaps.append(Gap(start_s, at / rate_hz + total, reason))
    index = np.flatnonzero(keep).astype(np.int64)
    marks = np.array([mark / rate_hz + shift[mark] for mark in readings.marks])
    return Placed(index, index / rate_hz + shift[index], marks, tuple(gaps))
