"""What a user measured, and the few figures that follow from it alone."""

from __future__ import annotations

from dataclasses import dataclass

from tinygauge import __version__, graph
from tinygauge.catalog import Board, Engine
from tinygauge.cost.times import time_table
from tinygauge.errors import ConfigError, InputError
from tinygauge.graph import Model
from tinygauge.published import ReferenceModel, reference_models
from tinygauge.quantity import Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import Target
from tinygauge.units import Unit, format_value

__all__ = ["OwnResult", "own_result"]

_TOOL = f"tinygauge {__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnResult:
    """One model, timed by the user.

    Parameters
    ----------
    board : Board
    engine : Engine
        May be a build.
    model : Model or None
        None where only a benchmark was named.
    benchmark : str
        ``"ad"``, ``"ic"``, ``"kws"`` or ``"vww"``; empty where the model is none of theirs.
    macs, live_macs : int
        Products of the model, and those with channels that are not all zero.
    clock, latency : Quantity
        Hz, and seconds per inference.
    energy, supply, accuracy : Quantity or Missing
        Joules per inference; volt; a ratio in 0..1.
    """

    board: Board
    engine: Engine
    model: Model | None
    benchmark: str
    macs: int
    live_macs: int
    clock: Quantity
    latency: Quantity
    energy: Quantity | Missing
    supply: Quantity | Missing
    accuracy: Quantity | Missing

    @property
    def cycles(self) -> Quantity:
        """Latency times clock, a count."""
        source = "latency times clock, as given"
        return Quantity(
            self.latency.value * self.clock.value,
            Unit.COUNT,
            Interval.unknown(),
            Provenance(Method.MEASURED, source, _TOOL),
        )

    @property
    def reference(self) -> ReferenceModel | None:
        """The benchmark's reference model; None without a benchmark."""
        return reference_models().get(self.benchmark)

    @property
    def is_reference(self) -> bool:
        """Whether the model is, or is taken to be, the benchmark's reference model."""
        reference = self.reference
        return reference is not None and (
            self.model is None or self.model.sha256 == reference.sha256
        )

    @property
    def published_engine(self) -> tuple[str, str]:
        """Engine and version as the published results name them; the version may be empty."""
        base, renamed = time_table().renamed.get(self.engine.base, (self.engine.base, ""))
        return base, self.engine.build or renamed

    @property
    def target(self) -> Target:
        """Board and engine at the clock that it ran at."""
        return Target(
            board=self.board.name,
            core=self.board.core,
            engine=self.engine.name,
            clock_hz=self.clock.value,
            supply_v=self.supply.value if isinstance(self.supply, Quantity) else None,
        )


def own_result(
    board: Board,
    engine: Engine,
    *,
    model: Model | None = None,
    benchmark: str = "",
    latency_s: float,
    clock_hz: float | None = None,
    energy_j: float | None = None,
    supply_v: float | None = None,
    accuracy: float | None = None,
) -> OwnResult:
    """Describe what a user measured.

    Parameters
    ----------
    board : Board
    engine : Engine
    model : Model, optional
    benchmark : str, optional
        Found by the model's digest where it is not named.
    latency_s : float
        Seconds per inference, above 0.
    clock_hz : float, optional
        By default the board's.
    energy_j, supply_v, accuracy : float, optional
        Joules per inference, volt, a ratio in 0..1.

    Returns
    -------
    OwnResult

    Raises
    ------
    InputError
        If there is neither a model nor a benchmark, or the benchmark is not known.
    """
    references = reference_models()
    if benchmark and benchmark not in references:
        raise ConfigError(f"benchmark '{benchmark}'", "there is none", ", ".join(references))
    if model is None and not benchmark:
        raise InputError("compare", "nothing says what ran", "Name MODEL or --benchmark kws")
    if model is not None and not benchmark:
        found = [each for each in references.values() if each.sha256 == model.sha256]
        benchmark = found[0].benchmark if found else ""
    macs, live_macs = _products(model, benchmark)
    by_user = Provenance(Method.MEASURED, "as given by the user", _TOOL)

    def given(value: float | None, unit: Unit, name: str) -> Quantity | Missing:
        if value is None:
            return Missing(f"no {name} was given", f"Add --{name}")
        return Quantity(value, unit, Interval.unknown(), by_user)

    clock = board.clock
    if clock_hz is not None:
        clock = Quantity(clock_hz, Unit.HERTZ, Interval.exact(clock_hz), by_user)
    if latency_s <= 0:
        text = format_value(latency_s, Unit.SECOND)
        raise ConfigError(f"--latency {text}", "must be above 0", "Write 62ms")
    return OwnResult(
        board=board,
        engine=engine,
        model=model,
        benchmark=benchmark,
        macs=macs,
        live_macs=live_macs,
        clock=clock,
        latency=Quantity(latency_s, Unit.SECOND, Interval.unknown(), by_user),
        energy=given(energy_j, Unit.JOULE, "energy"),
        supply=given(supply_v, Unit.VOLT, "supply"),
        accuracy=given(accuracy, Unit.RATIO, "accuracy"),
    )


def _products(model: Model | None, benchmark: str) -> tuple[int, int]:
    if model is None:
        reference = reference_models()[benchmark]
        return reference.macs, reference.live_macs
    counts = graph.count_model(model)
    return counts.macs, counts.live_macs
