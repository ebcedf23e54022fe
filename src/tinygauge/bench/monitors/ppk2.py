"""Nordic Power Profiler Kit II: it measures current, and supplies the board or not.

`ppk2-api` opens it, reads its calibration and gives it commands; the samples are taken apart in
`ppk2_stream`, because the library throws the counter away that tells of lost ones. The board's
timestamp pin goes to one of the digital inputs. The kit measures no voltage: energy is current
times the supply that was set or stated, and says so.

Not tried on hardware: tested with the real `ppk2-api` and pyserial against a fake on a pty.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from tinygauge.bench.instruments import INSTRUMENTS, instrument_with
from tinygauge.bench.monitors.acquisition import Acquisition
from tinygauge.bench.monitors.address import MonitorAddress
from tinygauge.bench.monitors.ppk2_stream import RATE_HZ, ampere, read_words
from tinygauge.bench.trace import Gap, PowerTrace
from tinygauge.errors import ConfigError, MissingExtraError, MonitorError, SamplesLostError
from tinygauge.units import Unit

__all__ = ["Ppk2", "open_ppk2"]

# Words lost in whole rounds of the counter show only as time that passed; the computer's clock
# is good for this much over a trace.
_CLOCK_SLACK_S = 0.05
_CLOCK_SLACK = 0.002
_SILENCE_S = 1.0
_REST_S = 2.0


def open_ppk2(address: MonitorAddress) -> Ppk2:
    """Open the kit at an address: ``ppk2://PORT?voltage=3.0``; without a port, the only one.

    Parameters
    ----------
    address : MonitorAddress
        Options: `voltage` (needed, 0.8 to 5 V), `mode` (``source``: it supplies the board;
        ``ampere``: another does), `mark` (``D0`` to ``D7``, the board's timestamp pin), `accuracy`.

    Returns
    -------
    Ppk2

    Raises
    ------
    ConfigError
        If an option is wrong.
    MissingExtraError
        If `ppk2-api` is not installed.
    MonitorError
        If there is no kit, or not just one, or it does not answer.
    """
    address.refuse_others(("voltage", "mode", "mark", "accuracy"))
    supply_v = address.number("voltage", Unit.VOLT)
    if supply_v is None or not 0.8 <= supply_v <= 5.0:
        raise ConfigError(
            address.text, "state the supply of the board: 0.8 to 5 V", "Add ?voltage=3.0"
        )
    mark = address.choice("mark", (*(f"D{k}" for k in range(8)), "none"), "D0")
    mode = address.choice("mode", ("source", "ampere"), "source")
    try:
        from ppk2_api.ppk2_api import PPK2_API
    except ImportError as error:
        raise MissingExtraError("ppk2-api", "ppk2") from error
    port = address.target or _only_one(PPK2_API.list_devices())
    try:
        kit = PPK2_API(port, timeout=0.05, write_timeout=2)
    except (OSError, ValueError) as error:
        raise MonitorError(port, f"can't open the port ({error})") from error
    return Ppk2(
        kit,
        where=port,
        supply_v=supply_v,
        source=mode == "source",
        mark=None if mark == "none" else int(mark[1]),
        gain=address.number("accuracy", Unit.RATIO),
    )


def _only_one(ports: list[Any]) -> str:
    names = sorted({port[0] if isinstance(port, tuple) else str(port) for port in ports})
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise MonitorError("ppk2", f"expected one kit, found {found}", "Name it: ppk2://PORT")
    return names[0]


class Ppk2:
    """A Power Profiler Kit II.

    Parameters
    ----------
    kit : PPK2_API
        Of `ppk2-api`, open.
    where : str
        For messages.
    supply_v : float
        Volt, 0.8 to 5.
    source : bool
        Whether the kit supplies the board.
    mark : int or None
        Digital input of the board's timestamp pin.
    gain : float or None
        Accuracy that the user states, a ratio; None for the maker's.
    """

    def __init__(
        self,
        kit: Any,
        *,
        where: str,
        supply_v: float,
        source: bool = True,
        mark: int | None = 0,
        gain: float | None = None,
    ) -> None:
        self._kit, self._where, self._mark = kit, where, mark
        self._supply_v = supply_v
        self._source = source
        self._instrument = instrument_with(INSTRUMENTS["ppk2"], gain)
        self._data = bytearray()
        self._began_s = self._last_s = 0.0
        self._elapsed_s = 0.0
        self._acquisition: Acquisition | None = None
        self._set_up()

    def _set_up(self) -> None:
        kit = self._kit
        self._tell(kit.stop_measuring)  # a session that was cut off may still be streaming
        self._drain()
        try:
            answered = kit.get_modifiers()
        except (AttributeError, OSError, ValueError) as error:
            # What the library meets where nothing, or nonsense, came.
            raise MonitorError(
                self._where, f"no calibration came ({error})", "Is it a PPK2, on its first port?"
            ) from error
        if not answered:
            raise MonitorError(
                self._where, "no calibration came", "Is it a PPK2, on its first port?"
            )
        self._tell(kit.use_source_meter if self._source else kit.use_ampere_meter)
        self._tell(lambda: kit.set_source_voltage(round(self._supply_v * 1000)))
        if self._source:
            self._tell(lambda: kit.toggle_DUT_power("ON"))

    @property
    def name(self) -> str:
        """Its name and port."""
        return f"{self._instrument.name}, {self._where}"

    @property
    def supply_v(self) -> float:
        """What the board is supplied with, volt."""
        return self._supply_v

    def start(self) -> None:
        """Begin a trace; `MonitorError` where the kit went away."""
        self._drain()
        self._data = bytearray()
        self._tell(self._kit.start_measuring)
        self._began_s = self._last_s = time.monotonic()
        self._acquisition = Acquisition(self._step, self._where)
        self._acquisition.start()

    def _step(self) -> bool:
        try:
            data = self._kit.ser.read(max(self._kit.ser.in_waiting, 4096))
        except (OSError, TypeError) as error:
            raise MonitorError(self._where, f"it went away ({error})", "Check its cable") from error
        now_s = time.monotonic()
        if data:
            if not self._data:
                self._began_s = now_s - len(data) / 4 / RATE_HZ
            self._data += data
            self._last_s = now_s
        elif now_s - self._last_s > _SILENCE_S:
            raise MonitorError(self._where, f"no samples for {_SILENCE_S:g} s", "Check its cable")
        return True

    def stop(self) -> PowerTrace:
        """End the trace and return it, holes where the counter tells of lost samples.

        Returns
        -------
        PowerTrace

        Raises
        ------
        MonitorError
            If the kit went away, or sent nothing.
        SamplesLostError
            If far more time passed than samples came: whole rounds of the counter are missing, and
            nobody can say where.
        """
        acquisition, self._acquisition = self._acquisition, None
        if acquisition is None:
            raise MonitorError(self._where, "it was not started")
        acquisition.end()
        self._tell(self._kit.stop_measuring)
        self._read_rest()
        self._elapsed_s = self._last_s - self._began_s
        trace = self.partial()
        short_s = self._elapsed_s - trace.end_s
        if short_s > _CLOCK_SLACK_S + _CLOCK_SLACK * self._elapsed_s:
            raise SamplesLostError(
                self._where,
                f"{self._elapsed_s:.3f} s passed, but samples came for {trace.end_s:.3f} s only",
                "Close what else uses the computer, and measure again",
            )
        return trace

    def _read_rest(self) -> None:
        """Read what was on its way when the kit was told to stop: the last mark may be in it."""
        until_s = time.monotonic() + _REST_S
        before = -1
        while len(self._data) != before and time.monotonic() < until_s:
            before = len(self._data)
            self._step()

    def partial(self) -> PowerTrace:
        """Return what was read so far, even after a failure; `TraceFormatError` for nothing."""
        words = read_words(bytes(self._data))
        i_a = ampere(words, self._kit.modifiers, self._supply_v)
        t_s = words.place / RATE_HZ
        jumps = np.flatnonzero(np.diff(words.place) > 1)
        gaps = tuple(
            Gap(
                float(t_s[at] + 1 / RATE_HZ),
                float(t_s[at + 1]),
                f"{words.place[at + 1] - words.place[at] - 1} samples did not come, or a multiple "
                "of 64 more",
            )
            for at in jumps
        )
        marks = np.zeros(0)
        if self._mark is not None:
            level = (words.digital >> self._mark & 1).astype(np.int8)
            marks = t_s[np.flatnonzero(np.diff(level) == -1) + 1]
        how = "it was set" if self._source else "it was stated"
        return PowerTrace(
            name=self._where,
            instrument=self._instrument,
            t_s=t_s,
            period_s=1 / RATE_HZ,
            p_w=i_a * self._supply_v,
            i_a=i_a,
            overload=words.overload,
            marks_s=marks,
            gaps=gaps,
            supply_v=self._supply_v,
            notes=(f"the supply of {self._supply_v:g} V was not measured: {how}",),
        )

    def close(self) -> None:
        """Let go of the kit; it stops supplying the board once its port is closed."""
        try:
            if self._acquisition is not None:
                self._acquisition.end()
            self._tell(self._kit.stop_measuring)
        except MonitorError:
            pass  # it is gone already, which was told where it mattered
        finally:
            self._kit.ser.close()

    def _tell(self, command: Any) -> None:
        command()  # the library logs a failed write and goes on; the next read meets it

    def _drain(self) -> None:
        try:
            while self._kit.ser.read(4096):
                pass
        except OSError as error:
            raise MonitorError(self._where, f"it went away ({error})", "Check its cable") from error
