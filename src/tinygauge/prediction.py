"""What a model needs of a core or a board: instructions, cycles, latency, energy.

A combination that nothing measured stands for is refused with the nearest known ones. A core
alone has cycles but no seconds, unless a clock is named, and no energy. Nothing is run here.

::

    from tinygauge import catalog, graph
    from tinygauge.prediction import predict
    predict(graph.load("model.tflite"), catalog.board("ek-ra6m4"), "tflm-cmsis-nn").latency
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from tinygauge import catalog
from tinygauge.catalog import Board, Engine
from tinygauge.cost import predict_energy, predict_execution
from tinygauge.cost.calibration import UserCalibration
from tinygauge.cost.clock import at_clock, time_execution
from tinygauge.cost.setting import translate
from tinygauge.cost.table import work_table
from tinygauge.cost.times import time_table
from tinygauge.errors import InputError, UnknownNameError
from tinygauge.graph import Model, count_model, precision
from tinygauge.inspection import core_findings, maker_findings, target_of
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Energy, Execution, Finding, Latency, Severity, Target
from tinygauge.roofline import fewest_cycles

__all__ = ["Prediction", "core_of", "predict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One model on one target.

    Parameters
    ----------
    model : Model
    target : Target
        Its board is empty where a core alone was named, its clock None where none was.
    execution : Execution
    latency : Latency or Missing
    energy : Energy or Missing
    fewest_cycles : Quantity or Missing
        In which the core could finish the model's products, were nothing else to do.
    findings : tuple of Finding
    """

    model: Model
    target: Target
    execution: Execution
    latency: Latency | Missing
    energy: Energy | Missing
    fewest_cycles: Quantity | Missing
    findings: tuple[Finding, ...] = ()


def core_of(name: str) -> str:
    """Look up a core on which something was counted or timed.

    Parameters
    ----------
    name : str
        Such as ``"cortex-m4"``.

    Returns
    -------
    str
        In lower case.

    Raises
    ------
    UnknownNameError
        If nothing is known of such a core; the message names the nearest.
    """
    if name.lower() not in time_table().cores:
        raise UnknownNameError("core", name, time_table().cores)
    return name.lower()


def predict(
    model: Model,
    place: Board | str,
    engine: Engine | str,
    *,
    clock_hz: float | None = None,
    supply_v: float | None = None,
    calibration: UserCalibration | None = None,
) -> Prediction:
    """Predict one model on one target.

    Parameters
    ----------
    model : Model
    place : Board or str
        A board, or the name of a core.
    engine : Engine or str
        May name a build: ``"x-cube-ai@7.3.0"``.
    clock_hz : float, optional
        By default the board's; a core alone has none.
    supply_v : float, optional
        By default the board's.
    calibration : UserCalibration, optional
        The user's own measurements (see `tinygauge.calibration`).

    Returns
    -------
    Prediction

    Raises
    ------
    UnknownNameError
        If no instructions were counted for the core, or there is no such engine.
    InputError
        If the engine can't run the model there, or nothing measured stands for the combination.
    """
    engine = catalog.engine(engine) if isinstance(engine, str) else engine
    target = _target(place, engine, clock_hz, supply_v)
    findings = _findings(model, place, engine, where=f"{model.name} on {target}")
    for finding in findings:
        if finding.severity is Severity.ERROR:
            raise InputError(finding.where, finding.message, _advice(finding.advice, place, target))
    execution = predict_execution(model, target, calibration)
    if isinstance(execution, Missing):
        advice = _advice(execution.advice, place, target)
        raise InputError(f"{model.name} on {target}", execution.reason, advice)
    if isinstance(place, Board) and clock_hz is not None:
        timed = calibration.clocks_of(place.name) if calibration else ()
        usual = clock_hz if clock_hz in timed else place.clock.value
        execution = at_clock(execution, usual, clock_hz, where=str(target))
    latency = _latency(execution, target)
    energy = _energy(latency, place, target, calibration)
    return Prediction(
        model=model,
        target=target,
        execution=execution,
        latency=latency,
        energy=energy,
        fewest_cycles=_roofline(model, target.core, engine),
        findings=(
            *findings,
            *execution.findings,
            *(energy.findings if isinstance(energy, Energy) else ()),
        ),
    )


def _target(
    place: Board | str, engine: Engine, clock_hz: float | None, supply_v: float | None
) -> Target:
    if isinstance(place, Board):
        usual = target_of(place, engine)
        return replace(
            usual, clock_hz=clock_hz or usual.clock_hz, supply_v=supply_v or usual.supply_v
        )
    return Target(board="", core=core_of(place), engine=engine.name, clock_hz=clock_hz)


def _latency(execution: Execution, target: Target) -> Latency | Missing:
    if target.clock_hz is None:
        return Missing(f"{target.core} alone has no clock", "Name a board, or --clock 100MHz")
    return time_execution(execution, target.clock_hz)


def _energy(
    latency: Latency | Missing,
    place: Board | str,
    target: Target,
    calibration: UserCalibration | None,
) -> Energy | Missing:
    if isinstance(place, str):
        return Missing(f"{place} alone has no supply and draws no known power", "Name a board")
    if isinstance(latency, Missing):
        return latency
    return predict_energy(
        latency,
        place,
        clock_hz=target.clock_hz,
        supply_v=target.supply_v,
        calibration=calibration,
    )


@lru_cache(maxsize=16)  # a model meets many boards and engines
def _products(model: Model) -> int:
    return count_model(model).macs


def _roofline(model: Model, core: str, engine: Engine) -> Quantity | Missing:
    """Return the fewest cycles for all products of a model, dead channels' included."""
    if engine.accelerator:
        return Missing(f"{engine.accelerator} computes, not the core alone")
    kind = precision(model)
    if kind != "int8":
        return Missing(f"the roofline is that of 8-bit products, and the model is {kind}")
    return fewest_cycles(core, _products(model))


def _findings(
    model: Model, place: Board | str, engine: Engine, *, where: str
) -> tuple[Finding, ...]:
    if isinstance(place, str):
        return core_findings(model, precision(model), core_of(place), engine, where=where)
    return (
        *maker_findings(place, engine, where=where),
        *core_findings(model, precision(model), place.core, engine, where=where),
    )


def _is_known(target: Target, place: Board | str, engine: Engine) -> bool:
    """Tell whether anything measured stands for an engine on a target."""
    if engine.cores and target.core not in engine.cores:
        return False
    if isinstance(place, Board) and not engine.runs_on_parts_of(place.mcu_maker):
        return False
    with_engine = replace(target, engine=engine.name)
    return not isinstance(translate(time_table(), work_table(), with_engine), Missing)


def _advice(advice: str, place: Board | str, target: Target) -> str:
    """Add the nearest known combinations where this one is unknown, not just its build."""
    base = target.engine.partition("@")[0]
    engines = [catalog.engine(name) for name in catalog.engine_names()]
    own = [engine for engine in engines if engine.name == base]
    if any(_is_known(target, place, engine) for engine in own):
        return advice
    here = [engine.name for engine in engines if _is_known(target, place, engine)]
    boards = [catalog.board(name) for name in catalog.board_names()]
    there = [
        board.name
        for engine in own
        for board in boards
        if _is_known(replace(target, board=board.name, core=board.core), board, engine)
    ]
    parts = [advice] if advice else []
    parts += [f"Known on {target.board or target.core}: {', '.join(here)}"] if here else []
    parts += [f"Known with {base}: {', '.join(there)}"] if there else []
    return ". ".join(parts)
