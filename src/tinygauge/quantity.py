"""A number that knows its unit, how it was obtained, how sure it is, and where it comes from.

Read this file and `records.py` first: every figure that TinyGauge prints is a `Quantity`.

>>> from tinygauge.units import Unit
>>> source = Provenance(method=Method.QUOTED, source="datasheet R01DS0357, table 1.1")
>>> sram = Quantity(262144, Unit.BYTE, Interval.exact(262144), source)
>>> str(sram)
'256.0 KiB quoted'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tinygauge.errors import ComparisonError
from tinygauge.units import Unit, format_interval, format_value

__all__ = ["Basis", "Evidence", "Interval", "Method", "Missing", "Provenance", "Quantity", "total"]


class Method(StrEnum):
    """How a number was obtained; the verb of the function that makes it says the same."""

    COUNTED = "counted"
    PREDICTED = "predicted"
    SIMULATED = "simulated"
    MEASURED = "measured"
    QUOTED = "quoted"


class Basis(StrEnum):
    """What an interval rests on."""

    EXACT = "exact"
    SAMPLING = "sampling"
    RESIDUALS = "residuals"
    REPEATS = "repeats"
    INSTRUMENT = "instrument"
    BOUND = "bound"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Interval:
    """The range in which the true value lies, with the confidence it was made for.

    Parameters
    ----------
    low, high : float
        The ends, in the unit of the quantity; nan where unknown.
    level : float
        Confidence in 0..1, such as 0.9; 1.0 for an exact value or a hard bound.
    basis : Basis
        What the range rests on.
    n : int or None
        Number of samples, residuals or repeats behind it; None where that has no meaning.
    """

    low: float
    high: float
    level: float
    basis: Basis
    n: int | None = None

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"interval ends are swapped: low {self.low} > high {self.high}")
        if not 0.0 <= self.level <= 1.0:
            raise ValueError(f"level must lie in 0..1, got {self.level}")

    @classmethod
    def exact(cls, value: float) -> Interval:
        """Return the interval of a value without error, such as a count."""
        return cls(value, value, 1.0, Basis.EXACT)

    @classmethod
    def unknown(cls) -> Interval:
        """Return the interval of a value whose error nobody stated."""
        return cls(math.nan, math.nan, 0.0, Basis.UNKNOWN)

    @classmethod
    def of_median(cls, values: Sequence[float]) -> Interval:
        """Return the interval of the median of repeats: from the least to the largest.

        Parameters
        ----------
        values : sequence of float
            At least one.

        Returns
        -------
        Interval
            Holds the true median with confidence 1 - 2^(1 - n), of which no more than 0.999 is
            claimed; unknown for a single value.

        References
        ----------
        H. A. David, H. N. Nagaraja, "Order Statistics", 3rd ed., 2003, section 7.1.
        """
        n = len(values)
        if n < 2:
            return cls.unknown()
        return cls(min(values), max(values), min(0.999, 1 - 2.0 ** (1 - n)), Basis.REPEATS, n)

    @property
    def is_known(self) -> bool:
        """Whether the ends are numbers."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    @property
    def width(self) -> float:
        """High minus low, in the unit of the quantity; nan where unknown."""
        return self.high - self.low

    def scaled(self, factor: float) -> Interval:
        """Return the interval multiplied by a positive exact factor."""
        return Interval(self.low * factor, self.high * factor, self.level, self.basis, self.n)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file or address that a number leads back to.

    Parameters
    ----------
    kind : str
        Such as ``"dataset"``, ``"calibration"``, ``"transcript"``, ``"url"``.
    ref : str
        Its name or address.
    sha256 : str
        Its digest in hex; empty where there is no file.
    """

    kind: str
    ref: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a number comes from.

    Parameters
    ----------
    method : Method
        How it was obtained.
    source : str
        The publication, calibration, simulator, board or formula.
    tool : str
        The program and version that made it; empty for quoted numbers.
    evidence : tuple of Evidence
        The files behind it.
    """

    method: Method
    source: str
    tool: str = ""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in a base unit, with its interval and provenance.

    Parameters
    ----------
    value : float
        The best estimate, in `unit`; finite.
    unit : Unit
        A base unit.
    interval : Interval
        Where the true value lies; `Interval.unknown()` must be said, it is no default.
    provenance : Provenance
        How and from where.
    """

    value: float
    unit: Unit
    interval: Interval
    provenance: Provenance

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"a quantity needs a finite value, got {self.value}: use Missing")

    @property
    def method(self) -> Method:
        """How the number was obtained."""
        return self.provenance.method

    def format(self) -> str:
        """Return the value with its unit, and its interval where that is not exact."""
        text = format_value(self.value, self.unit)
        if self.interval.basis is Basis.EXACT:
            return text
        low, high = self.interval.low, self.interval.high
        return f"{text} ({format_interval(low, high, self.unit, self.value)})"

    def __str__(self) -> str:
        return f"{self.format()} {self.method.value}"


@dataclass(frozen=True, slots=True)
class Missing:
    """A quantity that can't be given, and why: never 0, never None.

    Parameters
    ----------
    reason : str
        Why there is no number.
    advice : str
        What would give one.
    """

    reason: str
    advice: str = ""

    def __str__(self) -> str:
        return f"missing: {self.reason}"


def total(parts: Sequence[Quantity], *, correlated: bool, provenance: Provenance) -> Quantity:
    """Add quantities of one unit.

    Parameters
    ----------
    parts : sequence of Quantity
        At least one, all of the same unit.
    correlated : bool
        Whether their errors move together. Predictions from one calibration do, and their
        half-widths then add; independent half-widths add in quadrature.
    provenance : Provenance
        Of the sum.

    Returns
    -------
    Quantity
        The sum. Its level is the lowest of the parts', its basis the first that is not exact.

    Raises
    ------
    ComparisonError
        If the units differ or there is nothing to add.

    References
    ----------
    JCGM 100:2008 (GUM), 5.1 (independent inputs, eq. 10) and 5.2 (correlated inputs, eq. 16).
    """
    if not parts:
        raise ComparisonError("total", "there is nothing to add", "Give at least one quantity")
    units = {part.unit for part in parts}
    if len(units) > 1:
        names = ", ".join(sorted(unit.value for unit in units))
        raise ComparisonError("total", f"can't add different units: {names}")
    value = math.fsum(part.value for part in parts)
    return Quantity(value, parts[0].unit, _total_interval(parts, value, correlated), provenance)


def _total_interval(parts: Sequence[Quantity], value: float, correlated: bool) -> Interval:
    if not all(part.interval.is_known for part in parts):
        return Interval.unknown()
    inexact = [part.interval for part in parts if part.interval.basis is not Basis.EXACT]
    if not inexact:
        return Interval.exact(value)
    below = [part.value - part.interval.low for part in parts]
    above = [part.interval.high - part.value for part in parts]
    if correlated:
        low, high = value - math.fsum(below), value + math.fsum(above)
    else:
        low, high = value - math.hypot(*below), value + math.hypot(*above)
    counts = [interval.n for interval in inexact if interval.n is not None]
    return Interval(
        low,
        high,
        min(interval.level for interval in inexact),
        inexact[0].basis,
        min(counts) if counts else None,
    )
