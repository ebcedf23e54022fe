"""Energy monitors: one file an instrument, each opened by its address.

Every one meets `tinygauge.bench.monitor.Monitor`: `start`, `stop` (which returns the trace) and
`close`; and has `partial`, which returns what was read before a failure. The packages that some
need are extras, imported when the instrument is opened.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from tinygauge.bench.monitors.address import MonitorAddress, parse_address
from tinygauge.errors import UnknownNameError

if TYPE_CHECKING:
    from tinygauge.bench.monitor import Monitor

__all__ = ["SCHEMES", "MonitorAddress", "open_monitor", "parse_address"]

# Scheme of the address: the function that opens it.
SCHEMES: dict[str, str] = {
    "file": "recorded:open_recorded",
    "joulescope": "joulescope:open_joulescope",
    "lpm01a": "lpm01a:open_lpm01a",
    "otii": "otii:open_otii",
    "ppk2": "ppk2:open_ppk2",
}


def open_monitor(text: str) -> Monitor:
    """Open the energy monitor at an address.

    Parameters
    ----------
    text : str
        Such as ``"lpm01a:///dev/ttyACM1?voltage=3.0"`` or ``"file:trace.csv"``.

    Returns
    -------
    Monitor
        Ready to start.

    Raises
    ------
    ConfigError
        If it is no address, or an option is wrong.
    UnknownNameError
        If there is no such kind of monitor.
    MissingExtraError
        If a package that it needs is not installed.
    MonitorError
        If the instrument is not there or does not answer.
    TraceFormatError
        If a recorded file can't be read.
    """
    address = parse_address(text)
    if address.scheme not in SCHEMES:
        raise UnknownNameError("kind of monitor", address.scheme, SCHEMES)
    module, _, function = SCHEMES[address.scheme].partition(":")
    opened: Monitor = getattr(
        importlib.import_module(f"tinygauge.bench.monitors.{module}"), function
    )(address)
    return opened
