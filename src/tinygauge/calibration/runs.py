"""Read a run of the board bench as a reading: the windows of a performance or energy run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tinygauge import graph
from tinygauge.bench.folder import load_run
from tinygauge.bench.records import FileRef, Run
from tinygauge.calibration.readings import Place, Reading
from tinygauge.errors import ConfigError, InputError
from tinygauge.graph import Model

__all__ = ["read_run"]


def read_run(folder: str | Path, given: Place, models: Iterable[Model] = ()) -> Reading:
    """Read a run folder.

    Parameters
    ----------
    folder : str or Path
        As `tinygauge bench` wrote it.
    given : Place
        What the run does not say of board, engine and clock.
    models : iterable of Model
        Among which the run's model is found by its digest, where its file is not at its place.

    Returns
    -------
    Reading
        One latency, and where it was metered one energy, per window.

    Raises
    ------
    InputError
        If there is no such run, it was not measured on a board or timed nothing, its model is
        not at hand, or board and engine are not named.
    """
    run = load_run(folder)
    where = str(folder)
    if run.simulated:
        problem = "its times are those of an emulator or a fake, not of a board"
        raise ConfigError(where, problem, "Measure on the board itself")
    timed = [window for window in run.windows if window.iterations > 0 and window.elapsed_s > 0]
    if not timed:
        advice = "Name a run of mode performance or energy"
        raise ConfigError(
            where, f"it is a run of mode {run.mode.value} without a timed window", advice
        )
    clock = f"{run.clock_hz} Hz" if run.clock_hz else ""
    said = Place(board=run.board, engine=run.engine, clock=clock)
    board, engine, clock_hz = said.or_else(given).look_up(where)
    return Reading(
        where=where,
        model=_model(run, Path(folder), {model.sha256: model for model in models}),
        board=board,
        engine=engine,
        clock_hz=clock_hz,
        latencies_s=tuple(window.elapsed_s / window.iterations for window in timed),
        energies_j=tuple(
            window.energy.energy_j / window.iterations
            for window in timed
            if window.energy is not None and window.energy.energy_j > 0
        ),
    )


def _model(run: Run, folder: Path, given: Mapping[str, Model]) -> Model:
    """Find the model by its digest among those given, or by its name; the digest must agree."""
    known: FileRef | None = run.model
    if known is not None and known.sha256 in given:
        return given[known.sha256]
    if known is None or not known.name:
        if len(given) == 1:
            return next(iter(given.values()))
        raise ConfigError(str(folder), "it does not say which model ran", "Name it: --model FILE")
    for path in (Path(known.name), folder / Path(known.name).name):
        if not path.is_file():
            continue
        try:
            model = graph.load(path)
        except InputError as error:
            raise ConfigError(f"{folder}, {error.where}", error.problem, error.advice) from error
        if known.sha256 in ("", model.sha256):
            return model
    problem = f"its model {known.name} (sha256 {known.sha256[:12]}…) is not at hand"
    raise ConfigError(str(folder), problem, "Name the file: --model FILE")
