"""The energy monitors that TinyGauge knows, with what their makers state of their accuracy."""

from __future__ import annotations

from dataclasses import replace

from tinygauge.bench.trace import Accuracy, Instrument
from tinygauge.errors import UnknownNameError
from tinygauge.quantity import Missing

__all__ = ["INSTRUMENTS", "instrument", "instrument_with"]

_NOT_READ = "its data sheet was not read for this project"
_STATE_IT = "State it, from the calibration certificate: ?accuracy=0.3%"

INSTRUMENTS: dict[str, Instrument] = {
    "lpm01a": Instrument(
        "X-NUCLEO-LPM01A",
        Accuracy(
            0.02, 0.0, 'ST UM2243 rev 2, section 10: "in the range of 2%", dynamic, 100 nA to 50 mA'
        ),
    ),
    "ppk2": Instrument(
        "Power Profiler Kit II",
        Accuracy(
            0.10,
            0.0,
            "Nordic's typical figure as restated in tipoLi5890/ppk2lab @ 01682363, docs/SPEC.md; "
            "the supply is what was set, not measured",
        ),
    ),
    "otii-arc": Instrument(
        "Otii Arc",
        Accuracy(0.001, 50e-9, "qoitech.com, How accurate is your low current measurement?"),
    ),
    "otii-ace": Instrument(
        "Otii Ace",
        Accuracy(0.0005, 25e-9, "qoitech.com, How accurate is your low current measurement?"),
    ),
    "js220": Instrument("Joulescope JS220", Missing(_NOT_READ, _STATE_IT)),
    "js110": Instrument("Joulescope JS110", Missing(_NOT_READ, _STATE_IT)),
}


def instrument(name: str) -> Instrument:
    """Return a known instrument.

    Parameters
    ----------
    name : str
        Such as ``"lpm01a"``.

    Returns
    -------
    Instrument

    Raises
    ------
    UnknownNameError
        If there is none of this name.
    """
    try:
        return INSTRUMENTS[name.lower()]
    except KeyError:
        raise UnknownNameError("instrument", name, INSTRUMENTS) from None


def instrument_with(base: Instrument, gain: float | None, identity: str = "") -> Instrument:
    """Return an instrument with the accuracy that the user states, and what it says of itself.

    Parameters
    ----------
    base : Instrument
    gain : float or None
        Ratio of the reading; None to keep what is known.
    identity : str
        Serial number and firmware.

    Returns
    -------
    Instrument
    """
    accuracy = base.accuracy if gain is None else Accuracy(gain, 0.0, "stated by the user")
    return replace(base, accuracy=accuracy, identity=identity or base.identity)
