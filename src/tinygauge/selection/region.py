"""Bounds over the metrics, and the region of interest that they draw.

>>> bound = parse_bound("latency<=100ms")
>>> bound.metric.value, bound.limit
('latency', 0.1)
>>> str(bound)
'latency <= 100 ms'
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tinygauge.errors import ConfigError, UnknownNameError
from tinygauge.quantity import Quantity
from tinygauge.records import Metric, Target
from tinygauge.units import Unit, format_value, parse

__all__ = [
    "DEFAULT_RANKING",
    "METRIC_UNITS",
    "Bound",
    "Position",
    "Region",
    "format_limit",
    "parse_bound",
    "parse_ranking",
    "parse_region",
]

METRIC_UNITS: dict[Metric, Unit] = {
    Metric.ACCURACY: Unit.RATIO,
    Metric.RAM: Unit.BYTE,
    Metric.FLASH: Unit.BYTE,
    Metric.LATENCY: Unit.SECOND,
    Metric.ENERGY: Unit.JOULE,
}

# "Fix the accuracy, compare the other three": what a battery pays for comes first.
DEFAULT_RANKING = (Metric.ENERGY, Metric.LATENCY, Metric.RAM, Metric.FLASH)

_BOUND = re.compile(r"\s*([A-Za-z0-9_-]+)\s*(<=|>=|=<|=>|<|>|≤|≥|==?)\s*(?![<>=≤≥])(.+?)\s*")
_ALIASES = {"top1": Metric.ACCURACY, "auc": Metric.ACCURACY, "memory": Metric.RAM}
_NAMES = {metric.value: metric for metric in Metric} | _ALIASES


class Position(StrEnum):
    """Where a candidate lies."""

    INSIDE = "inside"
    UNDECIDED = "undecided"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit on one metric.

    Parameters
    ----------
    metric : Metric
    limit : float
        In the metric's base unit, above 0. Accuracy is bounded below, all others above.
    origin : str
        ``"user"``, or the board whose memory it is.
    """

    metric: Metric
    limit: float
    origin: str = "user"

    @property
    def unit(self) -> Unit:
        """The metric's base unit."""
        return METRIC_UNITS[self.metric]

    @property
    def sign(self) -> str:
        """How the metric must compare with the limit."""
        return ">=" if self.metric.higher_is_better else "<="

    def __str__(self) -> str:
        return f"{self.metric.value} {self.sign} {format_limit(self.limit, self.unit)}"

    def overshoot(self, value: float) -> float:
        """Return by what share of the limit a value violates it; negative where it has room."""
        distance = self.limit - value if self.metric.higher_is_better else value - self.limit
        return distance / self.limit

    def position(self, quantity: Quantity) -> Position:
        """Compare an interval with the limit; unknown intervals leave it undecided."""
        interval = quantity.interval
        if not interval.is_known:
            return Position.UNDECIDED
        worse, better = self._ends(quantity)
        if self.overshoot(worse) <= 0:
            return Position.INSIDE
        return Position.OUTSIDE if self.overshoot(better) > 0 else Position.UNDECIDED

    def _ends(self, quantity: Quantity) -> tuple[float, float]:
        low, high = quantity.interval.low, quantity.interval.high
        return (low, high) if self.metric.higher_is_better else (high, low)

    def limit_to_admit(self, quantity: Quantity) -> float:
        """Return the limit that the whole interval would satisfy; nan where it is unknown."""
        return self._ends(quantity)[0]


def format_limit(limit: float, unit: Unit) -> str:
    """Print a limit as `parse` reads it: no commas, no zeros behind the point."""
    number, _, symbol = format_value(limit, unit).replace(",", "").partition(" ")
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return f"{number} {symbol}".strip()


def parse_bound(text: str) -> Bound:
    """Read a bound such as ``"accuracy>=0.9"``, ``"latency <= 100 ms"`` or ``"ram<=128KiB"``.

    Parameters
    ----------
    text : str
        Metric (accuracy, ram, flash, latency, energy), sign and limit with its unit.

    Returns
    -------
    Bound

    Raises
    ------
    ConfigError
        If the text has another form, the sign or unit does not suit the metric, or the limit
        is not above 0.
    UnknownNameError
        If there is no such metric.
    """
    match = _BOUND.fullmatch(text)
    if match is None:
        example = "Write metric, sign, limit: 'accuracy>=0.9', 'latency<=100ms', 'ram<=128KiB'"
        raise ConfigError(f"bound '{text}'", "this is no bound", example)
    name, sign, limit_text = match[1].lower(), match[2], match[3]
    if name not in _NAMES:
        raise UnknownNameError("metric", name, (metric.value for metric in Metric))
    metric = _NAMES[name]
    wanted = ">" if metric.higher_is_better else "<"
    allowed = (wanted, f"{wanted}=", f"={wanted}", "≥" if metric.higher_is_better else "≤")
    if sign not in allowed:
        problem = f"'{name}' needs {wanted}=, got {sign}"
        raise ConfigError(f"bound '{text}'", problem, f"Write '{name}{wanted}={limit_text}'")
    limit, unit = parse(limit_text)
    expected = METRIC_UNITS[metric]
    if unit is not expected:
        found = "has no unit" if unit is Unit.RATIO else f"is in {unit.value}"
        problem = f"'{name}' is in {expected.value}, the limit {found}"
        raise ConfigError(f"bound '{text}'", problem, f"Give the limit in {expected.value}")
    if limit <= 0:
        raise ConfigError(f"bound '{text}'", f"the limit must be above 0, got {limit:g}")
    if metric is Metric.ACCURACY and limit > 1:
        advice = f"Write {limit / 100:g} or {limit:g}%"
        raise ConfigError(f"bound '{text}'", "accuracy lies in 0..1", advice)
    return Bound(metric, limit)


@dataclass(frozen=True, slots=True)
class Region:
    """A region of interest: at most one bound a metric."""

    bounds: tuple[Bound, ...] = ()

    def for_target(self, target: Target) -> tuple[Bound, ...]:
        """Return the user's bounds and those of the board's memories."""
        limits = ((Metric.RAM, target.sram_bytes), (Metric.FLASH, target.flash_bytes))
        own = tuple(Bound(metric, limit, target.board) for metric, limit in limits if limit)
        return self.bounds + own


def parse_region(texts: Iterable[str]) -> Region:
    """Read several bounds; of two on one metric, the tighter holds.

    Parameters
    ----------
    texts : str or iterable of str
        As for `parse_bound`.

    Returns
    -------
    Region
    """
    if isinstance(texts, str):  # else its letters would be the bounds
        texts = [texts]
    tightest: dict[Metric, Bound] = {}
    for bound in map(parse_bound, texts):
        known = tightest.get(bound.metric)
        if known is None or known.overshoot(bound.limit) < 0:
            tightest[bound.metric] = bound
    return Region(tuple(tightest[metric] for metric in Metric if metric in tightest))


def parse_ranking(text: str) -> tuple[Metric, ...]:
    """Read an order of metrics such as ``"energy,latency,ram"``.

    Parameters
    ----------
    text : str
        Metric names with commas, most important first.

    Returns
    -------
    tuple of Metric

    Raises
    ------
    ConfigError
        If the text names none.
    UnknownNameError
        If there is no such metric.
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if not names:
        raise ConfigError(f"ranking '{text}'", "it names no metric", "Write 'energy,latency'")
    for name in names:
        if name not in _NAMES:
            raise UnknownNameError("metric", name, (metric.value for metric in Metric))
    return tuple(dict.fromkeys(_NAMES[name] for name in names))
