"""Evaluations made of plain numbers, for tests of what is decided and reported about them.

>>> evaluation(latency=0.02).metric(Metric.LATENCY).value
0.02
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygauge.evaluation import Alternative, Results
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import (
    DatasetRef,
    Energy,
    Evaluation,
    Failure,
    Finding,
    Latency,
    Memory,
    MemoryPart,
    Metric,
    ModelSummary,
    OpLatency,
    Score,
    Target,
)
from tinygauge.selection import DEFAULT_RANKING, parse_region, select
from tinygauge.units import Unit

__all__ = ["DATASET", "Span", "evaluation", "exact", "quantity", "results", "span"]

Span = float | tuple[float, float, float] | Missing
"""A value known exactly, a value with the ends of its interval, or what is missing."""

DATASET = DatasetRef(name="test.npz", path="data/test.npz", sha256="d" * 64, n=1000)


def quantity(
    value: float,
    unit: Unit,
    interval: Interval | None = None,
    method: Method = Method.PREDICTED,
) -> Quantity:
    """Make a quantity; exact where no interval is given."""
    source = Provenance(method=method, source="a test", tool="tinygauge test")
    return Quantity(value, unit, interval or Interval.exact(value), source)


def exact(value: float, unit: Unit) -> Quantity:
    """Make a counted quantity without error."""
    return quantity(value, unit, method=Method.COUNTED)


def span(number: float | tuple[float, float, float], unit: Unit, basis: Basis) -> Quantity:
    """Make a quantity of a number, or of (value, low, high); nan ends are unknown."""
    if not isinstance(number, tuple):
        return quantity(number, unit)
    value, low, high = number
    known = not math.isnan(low)
    interval = Interval(low, high, 0.95, basis, 100) if known else Interval.unknown()
    return quantity(value, unit, interval)


def _score(number: Span) -> Score | Missing:
    if isinstance(number, Missing):
        return number
    value = span(number, Unit.RATIO, Basis.SAMPLING)
    return Score(
        metric="top1",
        value=value,
        n=DATASET.n,
        correct=round(value.value * DATASET.n),
        dataset=DATASET,
        runner="tflite-micro test",
        profile="two-rounding",
        labels=("cat", "dog"),
        recall=(0.9, math.nan),
        confusion=((9, 1), (0, 0)),
    )


def _memory(ram: Span, flash: Span) -> Memory | Missing:
    if isinstance(ram, Missing) or isinstance(flash, Missing):
        return ram if isinstance(ram, Missing) else flash  # type: ignore[return-value]
    ram_size = span(ram, Unit.BYTE, Basis.RESIDUALS)
    flash_size = span(flash, Unit.BYTE, Basis.RESIDUALS)
    return Memory(
        ram=ram_size,
        flash=flash_size,
        parts=(
            MemoryPart(name="arena", kind="ram", size=ram_size),
            MemoryPart(name="model", kind="flash", size=flash_size),
        ),
        arena=ram_size,
        peak_op=0,
        lower_bound_bytes=1,
    )


def _latency(number: Span) -> Latency | Missing:
    if isinstance(number, Missing):
        return number
    value = span(number, Unit.SECOND, Basis.RESIDUALS)
    return Latency(per_inference=value, by_op=(OpLatency(op=0, kind="CONV_2D", value=value),))


def _energy(number: Span) -> Energy | Missing:
    if isinstance(number, Missing):
        return number
    value = span(number, Unit.JOULE, Basis.RESIDUALS)
    power = quantity(0.05, Unit.WATT, Interval.unknown(), Method.QUOTED)
    return Energy(per_inference=value, power=power, scope="total", rail="mcu")


def _summary(name: str, family: str) -> ModelSummary:
    return ModelSummary(
        name=name,
        path=f"models/{name}.tflite",
        sha256="a" * 64,
        family=family,
        precision="int8",
        file_size=exact(4096, Unit.BYTE),
        parameters=exact(1000, Unit.COUNT),
        weights=exact(1100, Unit.BYTE),
        macs=exact(50_000, Unit.COUNT),
        live_macs=exact(40_000, Unit.COUNT),
        zero_weight_share=exact(0.25, Unit.RATIO),
        dead_channels=3,
        ops=6,
    )


def evaluation(
    name: str = "net",
    *,
    accuracy: Span = 0.9,
    ram: Span = 50_000.0,
    flash: Span = 100_000.0,
    latency: Span = 0.05,
    energy: Span = 0.002,
    family: str = "cnn",
    board: str = "ek-ra6m4",
    engine: str = "tflm-cmsis-nn",
    sram_bytes: float | None = None,
    flash_bytes: float | None = None,
    findings: Sequence[Finding] = (),
) -> Evaluation:
    """Make one candidate; numbers are in base units."""
    return Evaluation(
        model=_summary(name, family),
        target=Target(
            board=board,
            core="cortex-m33",
            engine=engine,
            clock_hz=200e6,
            supply_v=3.3,
            sram_bytes=sram_bytes,
            flash_bytes=flash_bytes,
        ),
        accuracy=_score(accuracy),
        memory=_memory(ram, flash),
        latency=_latency(latency),
        energy=_energy(energy),
        findings=tuple(findings),
    )


def results(
    evaluations: Sequence[Evaluation] = (),
    require: Sequence[str] = (),
    *,
    ranking: Sequence[Metric] = DEFAULT_RANKING,
    failures: Sequence[Failure] = (),
    alternatives: Sequence[Alternative] = (),
) -> Results:
    """Decide over candidates as `evaluate` does, without evaluating anything."""
    return Results(
        selection=select(evaluations, parse_region(require), ranking),
        failures=tuple(failures),
        dataset=DATASET,
        alternatives=tuple(alternatives),
        tool="tinygauge test",
        created="2026-11-28T12:00:00+00:00",
    )
