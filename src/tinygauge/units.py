"""Units: the only module that knows about milli, kibi and their like.

Values are kept in base units everywhere (seconds, joules, bytes) and scaled here, when
they are read from text or printed.

>>> parse("18 ms")
(0.018, <Unit.SECOND: 's'>)
>>> format_value(0.018, Unit.SECOND)
'18.0 ms'
>>> format_value(131072, Unit.BYTE)
'128.0 KiB'
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, DecimalException
from enum import StrEnum

from tinygauge.errors import ConfigError

__all__ = ["Unit", "format_interval", "format_value", "parse", "scale_for"]


class Unit(StrEnum):
    """A base unit; the value is its symbol."""

    SECOND = "s"
    JOULE = "J"
    WATT = "W"
    BYTE = "B"
    HERTZ = "Hz"
    VOLT = "V"
    AMPERE = "A"
    RATIO = "ratio"
    COUNT = "count"
    COREMARK_PER_MHZ = "CoreMark/MHz"
    ULPMARK = "ULPMark"


_DECIMAL = {"G": 1e9, "M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_BINARY = {"MiB": 1024.0**2, "KiB": 1024.0, "B": 1.0}

_PREFIXES: dict[Unit, tuple[str, ...]] = {
    Unit.SECOND: ("", "m", "u", "n"),
    Unit.JOULE: ("", "m", "u", "n"),
    Unit.WATT: ("", "m", "u"),
    Unit.HERTZ: ("G", "M", "k", ""),
    Unit.VOLT: ("", "m"),
    Unit.AMPERE: ("", "m", "u", "n"),
}

_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^,]*?)\s*$")


def _spellings() -> dict[str, tuple[float, Unit]]:
    table: dict[str, tuple[float, Unit]] = {
        "": (1.0, Unit.RATIO),
        "%": (0.01, Unit.RATIO),
        "ratio": (1.0, Unit.RATIO),
        "count": (1.0, Unit.COUNT),
        "CoreMark/MHz": (1.0, Unit.COREMARK_PER_MHZ),
        "ULPMark": (1.0, Unit.ULPMARK),
    }
    for name, factor in _BINARY.items():
        table[name] = (factor, Unit.BYTE)
    for unit, prefixes in _PREFIXES.items():
        for prefix in prefixes:
            table[prefix + unit.value] = (_DECIMAL[prefix], unit)
    for micro in "µμ":  # micro sign and Greek mu look the same on a keyboard
        for unit, prefixes in _PREFIXES.items():
            if "u" in prefixes:
                table[micro + unit.value] = (_DECIMAL["u"], unit)
    return table


_SPELLINGS = _spellings()
_CASELESS = {
    "kib": "KiB",
    "mib": "MiB",
    "b": "B",
    "bytes": "B",
    "byte": "B",
    "mhz": "MHz",
    "khz": "kHz",
    "ghz": "GHz",
    "hz": "Hz",
}


def parse(text: str) -> tuple[float, Unit]:
    """Read a number with its unit.

    Parameters
    ----------
    text : str
        Such as ``"18 ms"``, ``"128KiB"``, ``"0.9"``, ``"90 %"``, ``"200 MHz"``.

    Returns
    -------
    value : float
        In the base unit.
    unit : Unit
        The base unit; a bare number is a ratio.

    Raises
    ------
    ConfigError
        If the text is no finite number with a known unit. ``kB`` and ``KB`` are refused
        because they are used for 1000 and for 1024.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ConfigError(f"'{text}'", "this is no number with a unit", "Write 18ms or 128KiB")
    digits, suffix = match[1], match[2]
    if suffix.lower() in ("kb", "mb"):
        binary = suffix[0].upper() + "iB"
        raise ConfigError(
            f"'{text}'",
            f"{suffix} means 1000 to some and 1024 to others",
            f"Write {binary} (powers of 1024) or B",
        )
    spelling = suffix if suffix in _SPELLINGS else _CASELESS.get(suffix.lower(), suffix)
    if spelling not in _SPELLINGS:
        raise ConfigError(
            f"'{text}'", f"unknown unit '{suffix}'", "Known: s ms us, J mJ uJ, B KiB MiB, Hz MHz, %"
        )
    factor, unit = _SPELLINGS[spelling]
    try:
        # In decimal, so that "18 ms" is the double nearest to 0.018.
        value = float(Decimal(digits) * Decimal(str(factor)))
    except DecimalException:  # an exponent of a million
        value = math.inf
    if not math.isfinite(value):
        raise ConfigError(f"'{text}'", "the number is too large", "Write a finite number")
    return value, unit


def scale_for(value: float, unit: Unit) -> tuple[float, str]:
    """Choose the factor and symbol that suit a value.

    Parameters
    ----------
    value : float
        In the base unit.
    unit : Unit
        The base unit.

    Returns
    -------
    factor : float
        Divide by this before printing.
    symbol : str
        The unit's printed symbol, such as ``"ms"``.
    """
    size = abs(value)
    if unit is Unit.BYTE:
        for symbol, factor in _BINARY.items():
            if size >= factor:
                return factor, symbol
        return 1.0, "B"
    if unit is Unit.RATIO:
        return 0.01, "%"
    prefixes = _PREFIXES.get(unit)
    if prefixes is None:
        return 1.0, unit.value
    for prefix in prefixes:
        if size >= _DECIMAL[prefix]:
            return _DECIMAL[prefix], prefix + unit.value
    last = prefixes[-1]
    return _DECIMAL[last], last + unit.value


def _digits(scaled: float) -> str:
    """Print at least three significant digits, never in exponent form."""
    if scaled == 0 or not math.isfinite(scaled):
        return f"{scaled:g}"
    decimals = max(0, 2 - math.floor(math.log10(abs(scaled))))
    return f"{scaled:,.{min(decimals, 6)}f}"


def format_value(value: float, unit: Unit) -> str:
    """Print a value with its unit, scaled to suit.

    Parameters
    ----------
    value : float
        In the base unit.
    unit : Unit
        The base unit.

    Returns
    -------
    str
        Such as ``"18.2 ms"``; counts and small byte figures are whole numbers.
    """
    if math.isnan(value):
        return "unknown"
    factor, symbol = scale_for(value, unit)
    if factor == 1.0 and unit in (Unit.BYTE, Unit.COUNT) and float(value).is_integer():
        digits = f"{int(value):,}"
    elif unit is Unit.BYTE:
        digits = f"{value / factor:,.1f}"
    elif unit is Unit.RATIO:
        digits = f"{value / factor:.1f}"
    else:
        digits = _digits(value / factor)
    if unit is Unit.COUNT:
        return digits
    return f"{digits} {symbol}"


def format_interval(low: float, high: float, unit: Unit, like: float | None = None) -> str:
    """Print an interval in one unit, such as ``"17.1 to 20.3 ms"``.

    Parameters
    ----------
    low, high : float
        The ends, in the base unit.
    unit : Unit
        The base unit.
    like : float, optional
        Scale as for this value; by default as for the larger end.

    Returns
    -------
    str
    """
    if math.isnan(low) or math.isnan(high):
        return "interval unknown"
    if like is None:
        like = high if math.isfinite(high) else low
    factor, symbol = scale_for(like, unit)
    digits = (lambda v: f"{v:.1f}") if unit in (Unit.RATIO, Unit.BYTE) else _digits
    suffix = "" if unit is Unit.COUNT else f" {symbol}"
    return f"{digits(low / factor)} to {digits(high / factor)}{suffix}"
