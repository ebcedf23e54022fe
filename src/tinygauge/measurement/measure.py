"""Measure a model on a board: from what the user named to a run on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygauge import graph
from tinygauge.accuracy import Dataset, Task, load_dataset
from tinygauge.bench.clock import Clock
from tinygauge.bench.folder import load_run
from tinygauge.bench.link import DEFAULT_BAUD, open_link
from tinygauge.bench.monitor import Monitor
from tinygauge.bench.plan import Plan, Verify, WireInput
from tinygauge.bench.records import FileRef, Mode, Run, Settings
from tinygauge.bench.rules import BENCHMARKS, MIN_ITERATIONS, MIN_WINDOW_S, WINDOWS
from tinygauge.bench.runner import Progress
from tinygauge.bench.session import Opener, Setup, run_session
from tinygauge.errors import ConfigError, RunFormatError, UnknownNameError
from tinygauge.graph import Model
from tinygauge.measurement.inputs import wire_inputs

__all__ = ["CUSTOM", "Request", "measure", "resumed"]

CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to measure where.

    Parameters
    ----------
    port : str
        A serial port, ``socket://host:port``, ``rfc2217://host:port`` or a pty.
    benchmark : str
        ``"kws"``, ``"ic"``, ``"vww"``, ``"ad"``, ``"sww"`` or ``"custom"``.
    mode : Mode
    data : str, Path or Dataset
        The inputs.
    out : Path
        Folder of the run.
    model : str, Path or None
        The `.tflite` that is on the board; a custom benchmark's inputs are quantised as it says.
    resume : bool
        Whether to go on with the run that is in `out`.
    baud : int
    passed_on : bool
        Whether commands go through an interface board (energy, as the benchmark wires it).
    simulated : bool
        Whether an emulator stands for the board.
    board, engine : str
        Catalogue names, for `evaluate` and `calibrate`.
    clock_hz, supply_v : float or None
    limit : int or None
        Infer only so many inputs.
    windows : int
    min_window_s : float
    iterations, warmups : int or None
        Inferences per window; None to find them by a trial.
    verify : Verify
    """

    port: str
    benchmark: str
    mode: Mode
    data: str | Path | Dataset
    out: Path
    model: str | Path | None = None
    resume: bool = False
    baud: int = DEFAULT_BAUD
    passed_on: bool = False
    simulated: bool = False
    board: str = ""
    engine: str = ""
    clock_hz: float | None = None
    supply_v: float | None = None
    limit: int | None = None
    windows: int = WINDOWS
    min_window_s: float = MIN_WINDOW_S
    iterations: int | None = None
    warmups: int | None = None
    verify: Verify = Verify.AUTO


def resumed(folder: Path) -> Request:
    """Return the request that an unfinished run was begun with.

    Parameters
    ----------
    folder : Path
        Of the run.

    Returns
    -------
    Request
        To go on with it.

    Raises
    ------
    RunFormatError
        If there is no run, or it was not measured by this program.
    """
    run = load_run(folder)
    if run.settings is None or run.dataset is None:
        raise RunFormatError(str(folder), "this run was not begun by tinygauge bench run")
    chosen = run.settings
    return Request(
        port=run.port,
        benchmark=run.benchmark,
        mode=run.mode,
        data=run.dataset.name,
        out=folder,
        model=run.model.name if run.model is not None else None,
        resume=True,
        baud=run.baud or DEFAULT_BAUD,
        passed_on=chosen.passed_on,
        simulated=run.simulated,
        board=run.board,
        engine=run.engine,
        clock_hz=run.clock_hz,
        supply_v=run.supply_v,
        limit=chosen.limit,
        windows=chosen.windows,
        min_window_s=chosen.min_window_s,
        iterations=chosen.iterations,
        warmups=chosen.warmups,
        verify=Verify(chosen.verify),
    )


def measure(
    request: Request,
    *,
    opener: Opener = open_link,
    clock: Clock | None = None,
    monitor: Monitor | None = None,
    progress: Progress | None = None,
) -> Run:
    """Measure a model on a board.

    Parameters
    ----------
    request : Request
    opener : callable
        Opens the port.
    clock : Clock, optional
    monitor : Monitor, optional
        For the energy mode; the caller closes it.
    progress : callable, optional

    Returns
    -------
    Run
        Complete; `request.out` holds it.

    Raises
    ------
    BenchError
        If something on the bench failed; what was measured is kept.
    InputError
        If the request can't be used.
    """
    if request.benchmark not in (*BENCHMARKS, CUSTOM):
        raise UnknownNameError("benchmark", request.benchmark, (*BENCHMARKS, CUSTOM))
    if (monitor is not None) != (request.mode is Mode.ENERGY):
        problem = "energy needs an energy monitor, the other modes take none"
        raise ConfigError(f"mode {request.mode.value}", problem, "Name it: --monitor ADDRESS")
    dataset = load_dataset(request.data) if not isinstance(request.data, Dataset) else request.data
    model = graph.load(request.model) if request.model is not None else None
    setup = Setup(
        port=request.port,
        benchmark=request.benchmark,
        plan=_plan(request, _inputs(request, dataset, model)),
        folder=request.out,
        settings=Settings(
            windows=request.windows,
            min_window_s=request.min_window_s,
            iterations=request.iterations,
            warmups=request.warmups,
            limit=request.limit,
            verify=request.verify.value,
            passed_on=request.passed_on,
        ),
        resume=request.resume,
        baud=request.baud,
        simulated=request.simulated,
        board=request.board,
        engine=request.engine,
        clock_hz=request.clock_hz,
        supply_v=request.supply_v,
        model=FileRef(model.path or model.name, model.sha256) if model is not None else None,
        dataset=FileRef(dataset.path or dataset.name, dataset.sha256),
        metric="auc" if dataset.task is Task.ANOMALY else "top1",
        inputs_in_all=dataset.recordings,
    )
    return run_session(setup, opener=opener, clock=clock, monitor=monitor, progress=progress)


def _inputs(request: Request, dataset: Dataset, model: Model | None) -> Sequence[WireInput]:
    benchmark = BENCHMARKS.get(request.benchmark)
    if benchmark is not None:
        # The benchmarks' inputs are bytes as they are: the firmware quantises where it must.
        return wire_inputs(dataset, expected_bytes=benchmark.input_bytes)
    return wire_inputs(dataset, model)


def _plan(request: Request, inputs: Sequence[WireInput]) -> Plan:
    if request.limit is not None and request.mode is Mode.ACCURACY:
        inputs = [inputs[index] for index in range(min(request.limit, len(inputs)))]
    return Plan(
        mode=request.mode,
        inputs=inputs,
        windows=request.windows,
        min_window_s=request.min_window_s,
        min_iterations=MIN_ITERATIONS,
        iterations=request.iterations,
        warmups=request.warmups,
        verify=request.verify,
    )
