"""Which published results are like a user's own, nearest first, and how they compare.

Cycles are compared, not seconds, so that results at different clocks can be: that is what
*at this clock* means. What differs between the two is listed with each row.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygauge import __version__, graph
from tinygauge.comparison.own import OwnResult
from tinygauge.published import PublishedResult, find_published
from tinygauge.quantity import Interval, Method, Missing, Provenance, Quantity
from tinygauge.units import Unit

__all__ = ["Row", "nearest_rows", "ratio", "same_version"]

# What weighs how much: of two results, the one that shares core and engine is nearer than the
# one that shares the board. On one board the engine moves latency by up to 6.8 times, two
# boards of one core with one engine differ by 1.4 (docs/design/latency-and-energy.md).
_WEIGHTS = {"core": 32, "weights": 16, "engine": 8, "board": 4, "version": 2, "clock": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A published result beside the user's own.

    Parameters
    ----------
    result : PublishedResult
    differs : tuple of str
        Of ``"core"``, ``"weights"`` (their type), ``"engine"``, ``"board"``, ``"version"`` and
        ``"clock"``: those in which the two differ, or may.
    cycles_ratio : Quantity
        The user's cycles over the row's: above 1, the user's is slower at the same clock.
    energy_ratio, power_ratio : Quantity or Missing
        The user's energy, and energy per second, over the row's.
    """

    result: PublishedResult
    differs: tuple[str, ...]
    cycles_ratio: Quantity
    energy_ratio: Quantity | Missing
    power_ratio: Quantity | Missing

    @property
    def distance(self) -> int:
        """How unlike the two are; 0 where nothing differs."""
        return sum(_WEIGHTS[name] for name in self.differs)


def ratio(over: float, under: float, what: str) -> Quantity:
    """Return one number over another, with what they are.

    Parameters
    ----------
    over, under : float
        In the same unit.
    what : str
        The source of the ratio.

    Returns
    -------
    Quantity
        A ratio; nobody stated how sure the two are.
    """
    provenance = Provenance(Method.MEASURED, what, f"tinygauge {__version__}")
    return Quantity(over / under, Unit.RATIO, Interval.unknown(), provenance)


def nearest_rows(own: OwnResult) -> tuple[Row, ...]:
    """Set all published results of a benchmark beside a user's own.

    Parameters
    ----------
    own : OwnResult

    Returns
    -------
    tuple of Row
        The nearest first, and of equals the newest. Results of an accelerator, of the open
        division and without a stated clock are left out; empty without a benchmark.
    """
    if not own.benchmark:
        return ()
    rows = [
        _row(own, result, result.clock)
        for result in find_published(benchmark=own.benchmark)
        if not result.accelerator
        and result.division == "closed"
        and isinstance(result.clock, Quantity)
    ]
    newest_first = sorted(rows, key=lambda row: row.result.round, reverse=True)
    return tuple(sorted(newest_first, key=lambda row: row.distance))


def _row(own: OwnResult, result: PublishedResult, clock: Quantity) -> Row:
    cycles = result.latency.value * clock.value
    source = f"the user's over {result.source}"
    energy_ratio: Quantity | Missing
    power_ratio: Quantity | Missing
    if isinstance(own.energy, Missing):
        energy_ratio = power_ratio = own.energy
    elif isinstance(result.energy, Missing):
        energy_ratio = power_ratio = result.energy
    else:
        energy_ratio = ratio(own.energy.value, result.energy.value, f"energy, {source}")
        slower = own.latency.value / result.latency.value
        power_ratio = ratio(energy_ratio.value, slower, f"energy over latency, {source}")
    return Row(
        result=result,
        differs=_differs(own, result, clock),
        cycles_ratio=ratio(own.cycles.value, cycles, f"cycles, {source}"),
        energy_ratio=energy_ratio,
        power_ratio=power_ratio,
    )


def _differs(own: OwnResult, result: PublishedResult, clock: Quantity) -> tuple[str, ...]:
    engine, _ = own.published_engine
    differs = {
        "core": result.core != own.board.core,
        "weights": _is_float(own) != ("float" in result.quantization),
        "engine": result.engine != engine,
        "board": result.catalogue_board != own.board.name,
        "version": result.engine == engine and not same_version(own, result),
        "clock": abs(clock.value / own.clock.value - 1) > 0.01,
    }
    return tuple(name for name, does in differs.items() if does)


def _is_float(own: OwnResult) -> bool:
    return own.model is not None and graph.precision(own.model) == "float32"


def same_version(own: OwnResult, result: PublishedResult) -> bool:
    """Tell whether a row ran the version, or the build, that the user's engine names.

    Parameters
    ----------
    own : OwnResult
    result : PublishedResult
        Of the same engine.

    Returns
    -------
    bool
        False too where the row does not state its version.
    """
    _, build = own.published_engine
    built_by = (result.round, f"{result.submitter.lower()}-{result.round}")
    if build and build in built_by:
        return True
    return bool(result.engine_version) and _plain(result.engine_version) == _plain(
        build or own.engine.version
    )


def _plain(version: str) -> str:
    """Strip what makes 9.0.0 another text than 9.0, and TVM e3a6cb6a than e3a6cb6a."""
    text = version.lower().split()[-1].removeprefix("v")
    while text.endswith(".0"):
        text = text.removesuffix(".0")
    return text
