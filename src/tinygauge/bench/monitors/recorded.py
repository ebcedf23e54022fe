"""A trace that was recorded elsewhere, in the place of an instrument."""

from __future__ import annotations

from pathlib import Path

from tinygauge.bench.instruments import instrument, instrument_with
from tinygauge.bench.monitors.address import MonitorAddress
from tinygauge.bench.trace import PowerTrace
from tinygauge.bench.trace_files import UNKNOWN, CsvOptions, load_csv_trace, load_eembc_trace
from tinygauge.errors import ConfigError
from tinygauge.units import Unit

__all__ = ["RecordedTrace", "load_recorded", "open_recorded"]

_COLUMNS = ("time", "current", "voltage_column", "power", "mark", "edge")
_OPTIONS = ("voltage", "rate", "accuracy", "instrument", "marks", *_COLUMNS)


def load_recorded(address: MonitorAddress) -> PowerTrace:
    """Read the file at an address: ``file:trace.csv?voltage=3.0&mark=D0``.

    Parameters
    ----------
    address : MonitorAddress
        Options: `voltage`, `rate` (without a column of times), `mark` and `edge` (a digital input
        with timestamps), `time`, `current`, `voltage_column`, `power` (headings), `marks` (the
        timestamps file of an EEMBC trace), `instrument`, `accuracy`.

    Returns
    -------
    PowerTrace

    Raises
    ------
    ConfigError
        If an option is wrong or no file is named.
    TraceFormatError
        If the file can't be read.
    """
    address.refuse_others(_OPTIONS)
    if not address.target:
        raise ConfigError(address.text, "it names no file", "Write file:trace.csv")
    named = address.options.get("instrument")
    meter = instrument_with(
        UNKNOWN if named is None else instrument(named), address.number("accuracy", Unit.RATIO)
    )
    path = Path(address.target)
    if path.suffix == ".bin":
        return load_eembc_trace(path, marks=address.options.get("marks"), instrument=meter)
    options = CsvOptions(
        voltage_v=address.number("voltage", Unit.VOLT),
        rate_hz=address.number("rate", Unit.HERTZ),
        time=address.options.get("time", ""),
        current=address.options.get("current", ""),
        voltage=address.options.get("voltage_column", ""),
        power=address.options.get("power", ""),
        mark=address.options.get("mark", ""),
        edge=address.choice("edge", ("falling", "rising"), "falling"),
    )
    return load_csv_trace(path, options, instrument=meter)


def open_recorded(address: MonitorAddress) -> RecordedTrace:
    """Read the file at an address, to hand it out as a monitor does; see `load_recorded`."""
    return RecordedTrace(load_recorded(address))


class RecordedTrace:
    """Stands for an instrument whose recording is finished.

    Parameters
    ----------
    trace : PowerTrace
        Of the whole recording; each `stop` returns it.
    """

    def __init__(self, trace: PowerTrace) -> None:
        self._trace = trace

    @property
    def name(self) -> str:
        """The instrument and the file."""
        return f"{self._trace.instrument.name}, {self._trace.name}"

    @property
    def supply_v(self) -> float | None:
        """What supplied the board, volt; None where nobody said."""
        return self._trace.supply_v

    def start(self) -> None:
        """Do nothing: it was recorded already."""

    def stop(self) -> PowerTrace:
        """Return the recording."""
        return self._trace

    def partial(self) -> PowerTrace:
        """Return the recording."""
        return self._trace

    def close(self) -> None:
        """Do nothing."""
