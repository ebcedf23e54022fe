"""Joulescope JS220 and JS110: current and voltage measured, the board supplied by another.

`pyjoulescope-driver` publishes blocks of samples, each with the number of its first; a number that
is not the next one tells of lost samples, and samples that the instrument could not give are nan.
The board's timestamp pin goes to one of the general-purpose inputs. What lies between two samples
of the host's output rate is averaged by the driver, so energy is kept.

Not tried on hardware: the wire is USB with the maker's own firmware protocol, so the fake stands
in for the driver's `Driver` class, the lowest layer that Python sees.

References
----------
pyjoulescope_driver 2.2.12: `record.py` (topics, decimation), `binding.pyx` (fields of a block;
one-bit inputs come packed, eight to a byte).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygauge.bench.instruments import INSTRUMENTS, instrument_with
from tinygauge.bench.monitors.address import MonitorAddress
from tinygauge.bench.trace import Floats, PowerTrace
from tinygauge.errors import ConfigError, MissingExtraError, MonitorError
from tinygauge.units import Unit

__all__ = ["Joulescope", "open_joulescope"]

_RATES_HZ = {1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000}
_MODELS = ("js220", "js110")


def open_joulescope(address: MonitorAddress) -> Joulescope:
    """Open the instrument at an address: ``joulescope://js220`` or ``joulescope://js220/SERIAL``.

    Parameters
    ----------
    address : MonitorAddress
        Options: `rate` (10 kHz), `mark` (``0`` to ``3``, the input of the board's timestamp pin, or
        ``none``), `accuracy`.

    Returns
    -------
    Joulescope

    Raises
    ------
    ConfigError
        If the model or an option is wrong.
    MissingExtraError
        If `pyjoulescope-driver` is not installed.
    MonitorError
        If there is no such instrument, or not just one.
    """
    address.refuse_others(("rate", "mark", "accuracy"))
    model = address.target.partition("/")[0]
    if model not in _MODELS:
        raise ConfigError(
            address.text, f"'{model}' is no Joulescope", f"Known: {', '.join(_MODELS)}"
        )
    rate_hz = address.number("rate", Unit.HERTZ, 10_000.0)
    if rate_hz not in _RATES_HZ:
        rates = ", ".join(str(rate) for rate in sorted(_RATES_HZ))
        raise ConfigError(address.text, f"rate {rate_hz:g} Hz is none of {rates} Hz")
    mark = address.choice("mark", ("0", "1", "2", "3", "none"), "0")
    gain = address.number("accuracy", Unit.RATIO)
    try:
        from pyjoulescope_driver import Driver
    except ImportError as error:
        raise MissingExtraError("pyjoulescope-driver", "joulescope") from error
    driver = Driver()
    try:
        return Joulescope(
            driver,
            address.target,
            rate_hz=int(rate_hz),
            mark=None if mark == "none" else int(mark),
            gain=gain,
        )
    except BaseException:
        driver.finalize()
        raise


@dataclass(slots=True)
class _Signal:
    """Blocks of one signal: number of the first sample, and the samples."""

    blocks: list[tuple[int, NDArray[Any]]] = field(default_factory=list)
    rate_hz: float = 0.0

    def take(self, value: dict[str, Any], *, bits: bool) -> None:
        factor = int(value["decimate_factor"]) or 1
        data = np.asarray(value["data"])
        if bits:
            data = np.unpackbits(data.astype(np.uint8), bitorder="little")
        self.rate_hz = float(value["sample_rate"]) / factor
        self.blocks.append((int(value["sample_id"]) // factor, data))

    def placed(self) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the number of each sample, and the samples."""
        if not self.blocks:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        numbers = [np.arange(first, first + len(data)) for first, data in self.blocks]
        return np.concatenate(numbers), np.concatenate([data for _, data in self.blocks])


class Joulescope:
    """A Joulescope that measures the supply of a board.

    Parameters
    ----------
    driver : Driver
        Of `pyjoulescope_driver`.
    wanted : str
        Model, with ``/`` and the serial number where there are several.
    rate_hz : int
        Samples in a second.
    mark : int or None
        Input of the board's timestamp pin.
    gain : float or None
        Accuracy that the user states, a ratio.
    """

    def __init__(
        self,
        driver: Any,
        wanted: str,
        *,
        rate_hz: int = 10_000,
        mark: int | None = 0,
        gain: float | None = None,
    ) -> None:
        self._driver, self._mark = driver, mark
        model, _, serial_number = wanted.partition("/")
        paths = [
            path
            for path in self._call(driver.device_paths)
            if model in path.split("/") and serial_number in ("", path.rsplit("/", 1)[-1])
        ]
        if len(paths) != 1:
            found = ", ".join(paths) or "none"
            raise MonitorError(
                f"joulescope://{wanted}",
                f"expected one such instrument, found {found}",
                "Name its serial number: joulescope://js220/SERIAL",
            )
        self._path = paths[0]
        self._instrument = instrument_with(
            INSTRUMENTS[model], gain, f"serial number {self._path.rsplit('/', 1)[-1]}"
        )
        self._lock = threading.Lock()
        self._signals: dict[str, _Signal] = {}
        self._topics = ["s/i", "s/v"] + ([] if mark is None else [f"s/gpi/{mark}"])
        self._call(driver.open, self._path, "defaults")
        self._call(driver.publish, f"{self._path}/h/fs", rate_hz)
        ranging = "s/i/range/mode" if model == "js220" else "s/i/range/select"
        self._call(driver.publish, f"{self._path}/{ranging}", "auto")

    @property
    def name(self) -> str:
        """Its model and serial number."""
        return f"{self._instrument.name}, {self._instrument.identity}"

    @property
    def supply_v(self) -> float | None:
        """None: it measures what another supplies."""
        return None

    def start(self) -> None:
        """Begin a trace; `MonitorError` where the instrument went away."""
        self._signals = {topic: _Signal() for topic in self._topics}
        for topic in self._topics:
            self._call(
                self._driver.subscribe, f"{self._path}/{topic}/!data", ["pub"], self._on_block
            )
        for topic in self._topics:
            self._call(self._driver.publish, f"{self._path}/{topic}/ctrl", 1)

    def _on_block(self, topic: str, value: dict[str, Any]) -> None:
        short = topic.removeprefix(f"{self._path}/").removesuffix("/!data")
        with self._lock:
            signal = self._signals.get(short)
            if signal is not None:
                signal.take(value, bits=short.startswith("s/gpi"))

    def stop(self) -> PowerTrace:
        """End the trace and return it, holes where samples were lost.

        Returns
        -------
        PowerTrace

        Raises
        ------
        MonitorError
            If the instrument went away or sent nothing.
        """
        for topic in self._topics:
            self._call(self._driver.publish, f"{self._path}/{topic}/ctrl", 0)
            self._call(self._driver.unsubscribe, f"{self._path}/{topic}/!data", self._on_block)
        return self.partial()

    def partial(self) -> PowerTrace:
        """Return what was read so far, even after a failure; `MonitorError` for nothing."""
        with self._lock:
            i_n, i_a = self._signals["s/i"].placed()
            v_n, v_v = self._signals["s/v"].placed()
            rate_hz = self._signals["s/i"].rate_hz
        # Only numbers of which both current and voltage came.
        both, at_i, at_v = np.intersect1d(i_n, v_n, return_indices=True)
        i_a, v_v = i_a[at_i].astype(np.float64), v_v[at_v].astype(np.float64)
        known = np.isfinite(i_a) & np.isfinite(v_v)
        if not known.any():
            raise MonitorError(self._path, "no sample came", "Check its cables")
        notes = []
        if not known.all():
            notes.append(f"{int((~known).sum())} samples have no value: they are holes")
        first = int(both[0])
        t_s: Floats = (both - first)[known] / rate_hz
        return PowerTrace(
            name=self._path,
            instrument=self._instrument,
            t_s=t_s,
            period_s=1 / rate_hz,
            p_w=(i_a * v_v)[known],
            i_a=i_a[known],
            v_v=v_v[known],
            overload=np.zeros(int(known.sum()), dtype=np.bool_),
            marks_s=self._marks(first / rate_hz),
            notes=tuple(notes),
        )

    def _marks(self, first_s: float) -> Floats:
        if self._mark is None:
            return np.zeros(0)
        signal = self._signals[f"s/gpi/{self._mark}"]
        numbers, levels = signal.placed()
        falls = np.flatnonzero(np.diff(levels.astype(np.int8)) == -1) + 1
        return np.asarray(numbers[falls] / (signal.rate_hz or 1.0) - first_s, dtype=np.float64)

    def close(self) -> None:
        """Let go of the instrument."""
        try:
            self._call(self._driver.close, self._path)
        except MonitorError:
            pass  # it is gone already, which was told where it mattered
        finally:
            self._driver.finalize()

    def _call(self, function: Any, *arguments: Any) -> Any:
        """Call the driver, its errors turned into ours."""
        try:
            return function(*arguments)
        except (RuntimeError, TimeoutError, OSError, KeyError) as error:
            where = getattr(self, "_path", "joulescope")
            raise MonitorError(where, f"the driver failed ({error})", "Check its cable") from error
