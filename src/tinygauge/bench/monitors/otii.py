"""Qoitech Otii Arc and Ace, through the Otii desktop program's server (JSON over TCP).

`otii-tcp-client` speaks to the program, which must run, with the instrument in it and a licence
for automation. The instrument supplies the board; the board's timestamp pin goes to GPI1 or GPI2.
The program records; when the trace ends, current, voltage and the input are fetched from it.

Not tried on hardware: tested with the real `otii-tcp-client` against a fake server on loopback.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout, suppress
from itertools import pairwise
from typing import Any

import numpy as np

from tinygauge.bench.instruments import INSTRUMENTS, instrument_with
from tinygauge.bench.monitors.address import MonitorAddress
from tinygauge.bench.trace import Floats, PowerTrace
from tinygauge.errors import (
    ConfigError,
    MissingExtraError,
    MonitorError,
    TinygaugeError,
    UnknownNameError,
)
from tinygauge.units import Unit

__all__ = ["Otii", "open_otii"]

_PORT = 1905
_KINDS = {"Arc": "otii-arc", "Ace": "otii-ace"}
# Two inputs of the expansion port, as the server names them.
_MARKS = {"gpi1": "i1", "gpi2": "i2"}


def open_otii(address: MonitorAddress) -> Otii:
    """Open the instrument at an address: ``otii://HOST:PORT/NAME?voltage=3.0``.

    Parameters
    ----------
    address : MonitorAddress
        The name may be left out where there is only one. Options: `voltage` (needed, 0.5 to 5 V),
        `mark` (``gpi1``, ``gpi2`` or ``none``), `accuracy`.

    Returns
    -------
    Otii
        It supplies the board from now on.

    Raises
    ------
    ConfigError
        If the address or an option is wrong.
    MissingExtraError
        If `otii-tcp-client` is not installed.
    MonitorError
        If the server does not answer, refuses, or has no such instrument.
    """
    address.refuse_others(("voltage", "mark", "accuracy"))
    supply_v = address.number("voltage", Unit.VOLT)
    if supply_v is None or not 0.5 <= supply_v <= 5.0:
        raise ConfigError(
            address.text, "it supplies the board: state 0.5 to 5 V", "Add ?voltage=3.0"
        )
    server, _, name = address.target.partition("/")
    host, _, port = server.partition(":")
    if not (port.isdecimal() and int(port) < 65536) and port:
        raise ConfigError(address.text, f"'{port}' is no port", "Write otii://localhost:1905/NAME")
    mark = address.choice("mark", (*_MARKS, "none"), "gpi1")
    gain = address.number("accuracy", Unit.RATIO)
    try:
        from otii_tcp_client.otii_client import OtiiClient
    except ImportError as error:
        raise MissingExtraError("otii-tcp-client", "otii") from error
    where = f"otii://{host or 'localhost'}:{port or _PORT}"
    with redirect_stdout(sys.stderr):  # where no licence is free, the library prints
        client = _call(
            where,
            lambda: OtiiClient().connect(
                host=host or "localhost", port=int(port or _PORT), try_for_seconds=0
            ),
        )
    try:
        return Otii(client, where=where, wanted=name, supply_v=supply_v, mark=mark, gain=gain)
    except BaseException:
        _let_go(where, client)
        raise


def _let_go(where: str, client: Any) -> None:
    """Give licences back and close the socket, also where the server is gone already."""
    with suppress(MonitorError):  # which was told where it mattered
        _call(where, client.disconnect)
    client.connection.close_connection()


def _call(where: str, function: Any) -> Any:
    """Call the client library, its errors turned into ours."""
    from otii_tcp_client.otii_client import OtiiClientException
    from otii_tcp_client.otii_connection import DisconnectedException
    from otii_tcp_client.otii_exception import Otii_Exception

    try:
        return function()
    except DisconnectedException as error:
        raise MonitorError(where, "the server closed the connection", "Is Otii open?") from error
    except OtiiClientException as error:
        raise MonitorError(
            where, f"{error}", "Reserve a licence for automation in the Otii program"
        ) from error
    except Otii_Exception as error:
        raise MonitorError(where, f"the server refused: {error.type}") from error
    except TinygaugeError:
        raise
    except Exception as error:  # the library raises plain ones, and meets bad answers with any
        raise MonitorError(
            where, f"no good answer ({type(error).__name__}: {error})", "Is the Otii program open?"
        ) from error


class Otii:
    """An Otii Arc or Ace that supplies a board.

    Parameters
    ----------
    client : Connect
        Of `otii_tcp_client`, connected.
    where : str
        For messages.
    wanted : str
        Name of the instrument; empty for the only one.
    supply_v : float
        Volt.
    mark : str
        ``"gpi1"``, ``"gpi2"`` or ``"none"``.
    gain : float or None
        Accuracy that the user states, a ratio; None for the maker's.
    """

    def __init__(
        self,
        client: Any,
        *,
        where: str,
        wanted: str = "",
        supply_v: float,
        mark: str = "gpi1",
        gain: float | None = None,
    ) -> None:
        self._client, self._where, self._supply_v = client, where, supply_v
        self._mark = _MARKS.get(mark, "")
        self._recording: Any = None
        found = _call(where, lambda: client.get_devices(timeout=3))
        chosen = [each for each in found if wanted in ("", each.name)]
        if len(chosen) != 1:
            names = [each.name for each in found]
            if wanted:
                raise UnknownNameError("Otii instrument", wanted, names)
            raise MonitorError(
                where,
                f"expected one instrument, found {', '.join(names) or 'none'}",
                "Name it: otii://localhost:1905/NAME",
            )
        (self._meter,) = chosen
        known = INSTRUMENTS[_KINDS.get(self._meter.type, "otii-arc")]
        self._instrument = instrument_with(known, gain, f"{self._meter.name} {self._meter.id}")
        _call(where, self._set_up)

    def _set_up(self) -> None:
        from otii_tcp_client.otii import OtiiException

        try:
            self._project = self._client.get_active_project()
        except OtiiException:  # there is none
            self._project = self._client.create_project()
        meter = self._meter
        meter.add_to_project()
        meter.set_main_voltage(self._supply_v)
        for channel in ("mc", "mv", *([self._mark] if self._mark else [])):
            meter.enable_channel(channel, True)
        if self._mark:
            meter.enable_exp_port(True)
            meter.set_exp_voltage(self._supply_v)
        meter.set_main(True)

    @property
    def name(self) -> str:
        """Its name and identity."""
        return f"{self._instrument.name}, {self._instrument.identity}"

    @property
    def supply_v(self) -> float:
        """What it supplies, volt."""
        return self._supply_v

    def start(self) -> None:
        """Begin a trace; `MonitorError` where the server refuses."""
        _call(self._where, self._project.start_recording)

    def stop(self) -> PowerTrace:
        """End the trace and fetch it.

        Returns
        -------
        PowerTrace

        Raises
        ------
        MonitorError
            If the server went away or kept nothing; the recording stays in the Otii program.
        """
        _call(self._where, self._project.stop_recording)
        return self.partial()

    def partial(self) -> PowerTrace:
        """Return what the program recorded so far; `MonitorError` for nothing."""
        trace: PowerTrace = _call(self._where, self._fetch)
        return trace

    def _fetch(self) -> PowerTrace:
        recording = self._project.get_last_recording()
        if recording is None:
            raise MonitorError(self._where, "it kept no recording")
        current = self._channel(recording, "mc")
        voltage = self._channel(recording, "mv")
        start_s, period_s = float(current["timestamp"]), float(current["interval"])
        i_a = np.array(current["values"], dtype=np.float64)
        if not len(i_a):
            raise MonitorError(self._where, "no sample came")
        t_s = start_s + np.arange(len(i_a)) * period_s
        volts = np.array(voltage["values"], dtype=np.float64)
        # The Arc samples voltage more slowly than current: each value holds until the next.
        held = (t_s - float(voltage["timestamp"])) / float(voltage["interval"])
        v_v = volts[np.clip(held.astype(np.int64), 0, len(volts) - 1)]
        return PowerTrace(
            name=self._where,
            instrument=self._instrument,
            t_s=np.arange(len(i_a), dtype=np.float64) * period_s,
            period_s=period_s,
            p_w=i_a * v_v,
            i_a=i_a,
            v_v=v_v,
            overload=np.zeros(len(i_a), dtype=np.bool_),
            marks_s=self._marks(recording) - start_s,
            supply_v=self._supply_v,
        )

    def _channel(self, recording: Any, channel: str) -> Any:
        count = recording.get_channel_data_count(self._meter.id, channel)
        if count <= 0:
            raise MonitorError(self._where, f"channel {channel} holds nothing")
        data = recording.get_channel_data(self._meter.id, channel, 0, count)
        if len(data["values"]) != count:
            raise MonitorError(
                self._where,
                f"channel {channel}: {len(data['values'])} of {count} samples came",
                "The recording is whole in the Otii program: export it as CSV",
            )
        return data

    def _marks(self, recording: Any) -> Floats:
        if not self._mark:
            return np.zeros(0)
        count = recording.get_channel_data_count(self._meter.id, self._mark)
        data = recording.get_channel_data(self._meter.id, self._mark, 0, count)
        values = data["values"] if count else []
        falls = [
            float(later["timestamp"])
            for earlier, later in pairwise(values)
            if earlier["value"] and not later["value"]
        ]
        return np.array(falls, dtype=np.float64)

    def close(self) -> None:
        """Let go of the instrument; the board stays supplied."""
        _let_go(self._where, self._client)
