"""Evaluate models on targets: the one module that calls accuracy, memory, cost and selection.

The work is ordered so that nothing is done twice: a model is read once, run once per numeric
profile, planned once per core and engine, and then combined with every board. One model's
failure never costs another its result.
"""

from __future__ import annotations

import datetime as dt
import glob
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tinygauge import accuracy, catalog, cost, graph, memory
from tinygauge.accuracy import Choice, Dataset
from tinygauge.calibration import load_calibration
from tinygauge.catalog import Board, Engine
from tinygauge.cost.calibration import UserCalibration
from tinygauge.errors import ConfigError, InputError, ModelFormatError, RunnerError
from tinygauge.evaluation.findings import piece_findings, run_findings
from tinygauge.evaluation.measured import load_runs, with_runs
from tinygauge.evaluation.results import Alternative, Results
from tinygauge.evaluation.sweep import Fault, Progress, Sweep, SweepOptions, tell
from tinygauge.exact import backend, open_processor
from tinygauge.files import named_path
from tinygauge.inspection import (
    TOOL,
    build_findings,
    engine_findings,
    model_findings,
    summarise,
    target_of,
)
from tinygauge.quantity import Missing
from tinygauge.records import (
    DatasetRef,
    Energy,
    Evaluation,
    Failure,
    Latency,
    Memory,
    Metric,
    ModelSummary,
    Score,
    Severity,
)
from tinygauge.selection import DEFAULT_RANKING, Region, parse_ranking, parse_region, select

__all__ = ["DEFAULT_ENGINES", "evaluate", "find_models"]

_Item = TypeVar("_Item", Board, Engine)

log = logging.getLogger(__name__)

DEFAULT_ENGINES = ("tflm-cmsis-nn",)


@dataclass(slots=True)
class _Candidate:
    """A model on its way through the evaluation."""

    model: graph.Model
    summary: ModelSummary
    scores: dict[str, Score | Missing] = field(default_factory=dict)
    plans: dict[tuple[str, str], Memory | Missing] = field(default_factory=dict)
    run_faults: dict[str, str] = field(default_factory=dict)  # by profile
    range_fault: str = ""

    def plan(self, core: str, engine: str) -> Memory | Missing:
        """Plan the memory once per core and engine."""
        key = (core, engine)
        plan: Memory | Missing
        if key not in self.plans:
            try:
                plan = memory.predict_memory(self.model, core=core, engine=engine)
            except InputError as error:  # such as an offline plan that does not fit the model
                plan = Missing(error.problem, error.advice)
            self.plans[key] = plan
        return self.plans[key]


def find_models(patterns: str | Path | Iterable[str | Path]) -> list[Path]:
    """Expand files, folders and glob patterns into model files.

    Parameters
    ----------
    patterns : str, Path or iterable of them
        A file, a folder (all `.tflite` files in it), or a pattern with ``*``, ``?``, ``[``.

    Returns
    -------
    list of Path
        In the order given, patterns and folders sorted by name, no file twice. A file that
        does not exist is kept, so that it fails with its own message.

    Raises
    ------
    ModelFormatError
        If a folder or pattern holds no model.
    """
    if isinstance(patterns, str | Path):
        patterns = [patterns]
    found: dict[Path, None] = {}
    for pattern in patterns:
        text, path = str(pattern), Path(pattern)
        if path.is_dir():
            matches = sorted(file for file in path.glob("*") if file.suffix.lower() == ".tflite")
        elif glob.has_magic(text) and not path.exists():
            matches = [Path(name) for name in _expand(text)]
        else:
            matches = [path]
        if not matches:
            raise ModelFormatError(text, "there is no .tflite file here", "Check the path")
        found.update(dict.fromkeys(matches))
    if not found:
        raise ModelFormatError("models", "no model was named", "Name at least one .tflite file")
    return list(found)


def _expand(pattern: str) -> list[str]:
    # Path.glob takes no absolute pattern.
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207


def evaluate(
    models: str | Path | Iterable[str | Path],
    *,
    data: str | Path | Dataset | None = None,
    boards: Sequence[str | Board],
    engines: Sequence[str | Engine] = DEFAULT_ENGINES,
    require: Iterable[str] | Region = (),
    rank: str | Sequence[Metric] = DEFAULT_RANKING,
    jobs: int | None = None,
    use_cache: bool = True,
    time_limit_s: float = SweepOptions().time_limit_s,
    progress: Progress | None = None,
    cluster: str | None = None,
    runner: str = "auto",
    measured: Iterable[str | Path] = (),
    calibration: str | Path | UserCalibration | None = None,
) -> Results:
    """Evaluate models on boards and say which to ship.

    Parameters
    ----------
    models : str, Path or iterable of them
        `.tflite` files, folders or patterns.
    data : str, Path, Dataset or None
        What to score accuracy on (see `load_dataset`); None leaves accuracy missing.
    boards : sequence of str or Board
        Catalogue names or TOML files; at least one.
    engines : sequence of str or Engine
        Catalogue names or TOML files; at least one.
    require : str, iterable of str or Region
        Bounds such as ``"latency<=100ms"``; accuracy is a ratio, RAM and flash bytes, latency
        seconds, energy joules, each with its unit written out.
    rank : str or sequence of Metric
        What the candidates inside are ordered by, such as ``"energy,latency"``.
    jobs : int or None
        Models run at once; by default the number of cores.
    use_cache : bool
        Whether accuracy runs are kept and found again by content.
    time_limit_s : float
        Wall-clock time that one model may take over all inputs; then it has failed.
    progress : callable or None
        Told of long work.
    cluster : str or None
        Address of a Dask scheduler whose workers run the models, such as
        ``"tcp://10.0.0.1:8786"``; None runs them here. The results are the same.
    runner : str
        ``"auto"`` evaluates models exactly, and those with an op that the exact evaluator does
        not know in an interpreter; ``"exact"`` and ``"interpreter"`` insist. ``"exact-cuda"``
        evaluates exactly in the user's own PyTorch.
    measured : iterable of str or Path
        Folders of runs on a board (`tinygauge bench run`): what they measured takes the place of
        what is predicted, which stands beside it.
    calibration : str, Path, UserCalibration or None
        The user's own measurements, of `tinygauge calibrate`: latency and energy start from them.

    Returns
    -------
    Results
        With a verdict for every model on every target, and a failure for every model that
        could not be evaluated.

    Raises
    ------
    InputError
        If a board, engine, bound, dataset, run or cluster can't be used at all. A model that
        can't be used is a failure in the results instead.
    MissingExtraError
        If `cluster` is given and Dask is not installed.
    RunnerError
        If the cluster goes away in the midst.
    """
    if data is not None and runner != Choice.INTERPRETER:
        backend()  # say at once what can't be used, not once a model
    if runner == Choice.CUDA and cluster is None:
        open_processor("cuda")
    chosen_boards = _resolve(boards, catalog.board, "board")
    chosen_engines = _resolve(engines, catalog.engine, "engine")
    region = require if isinstance(require, Region) else parse_region(require)
    ranking = parse_ranking(rank) if isinstance(rank, str) else tuple(rank)
    dataset = accuracy.load_dataset(data) if isinstance(data, str | Path) else data
    runs = load_runs(measured)
    own = load_calibration(calibration) if isinstance(calibration, str | Path) else calibration

    failures: list[Failure] = []
    candidates = _load(find_models(models), failures, progress)
    profiles = sorted({engine.profile.name for engine in chosen_engines})
    options = SweepOptions(
        jobs=jobs,
        use_cache=use_cache,
        time_limit_s=time_limit_s,
        progress=progress,
        cluster=cluster,
        runner=runner,
    )
    found_again = _score_all(candidates, dataset, profiles, options, failures)
    evaluations = _evaluate_on(candidates, chosen_boards, chosen_engines, own, progress)
    evaluations = with_runs(evaluations, runs, chosen_boards)
    selection = select(evaluations, region, ranking)
    alternatives: tuple[Alternative, ...] = ()
    if selection.chosen is None and candidates:
        alternatives = _other_boards(
            candidates,
            chosen_boards,
            chosen_engines,
            own=own,
            region=region,
            ranking=ranking,
        )
    return Results(
        selection=selection,
        failures=tuple(failures),
        dataset=_reference(dataset),
        alternatives=alternatives,
        found_again=found_again,
        tool=TOOL,
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    )


def _resolve(
    names: Sequence[str | _Item], look_up: Callable[[str], _Item], kind: str
) -> tuple[_Item, ...]:
    """Turn names into catalogue entries, each once."""
    if isinstance(names, str):
        names = [names]
    if not names:
        raise ConfigError(kind, f"no {kind} was named", f"See: tinygauge {kind}s")
    found: dict[str, _Item] = {}
    for name in names:
        item = look_up(name) if isinstance(name, str) else name
        if found.setdefault(item.name, item) != item:
            raise ConfigError(kind, f"two {kind}s are called '{item.name}'", "Rename one")
    return tuple(found.values())


def _load(
    paths: Sequence[Path], failures: list[Failure], progress: Progress | None
) -> list[_Candidate]:
    candidates: list[_Candidate] = []
    for done, path in enumerate(paths):
        tell(progress, "reading models", done, len(paths))
        try:
            model = graph.load(path)
            candidates.append(_Candidate(model, summarise(model)))
        except InputError as error:
            log.info("%s", error)
            failures.append(Failure(model=str(path), stage="load", message=str(error)))
    tell(progress, "reading models", len(paths), len(paths))
    return candidates


def _score_all(
    candidates: Sequence[_Candidate],
    dataset: Dataset | None,
    profiles: Sequence[str],
    options: SweepOptions,
    failures: list[Failure],
) -> int:
    """Score every model once per numeric profile; return how many runs were found again."""
    if dataset is None:
        absent = Missing("no dataset was given", "Add --data")
        for candidate in candidates:
            candidate.scores = dict.fromkeys(profiles, absent)
        return 0
    sweep = Sweep([candidate.model for candidate in candidates], dataset, profiles, options)
    sweep.work()
    for candidate, found in zip(candidates, sweep.scores, strict=True):
        for profile in profiles:
            candidate.scores[profile] = _told(found[profile], candidate, profile, failures)
        if any(isinstance(score, Score) for score in candidate.scores.values()):
            candidate.range_fault = accuracy.find_range_fault(candidate.model, dataset)
    return sweep.found_again


def _told(
    outcome: Score | Missing | Fault,
    candidate: _Candidate,
    profile: str,
    failures: list[Failure],
) -> Score | Missing:
    """Note a model's failure with a profile, and leave the reason in place of that score."""
    if isinstance(outcome, Score | Missing):
        return outcome
    log.info("%s", outcome)
    name = candidate.model.path or candidate.model.name
    failure = Failure(model=name, stage="accuracy", message=str(outcome))
    if failure not in failures:  # profiles may meet the same fault
        failures.append(failure)
    if isinstance(outcome, RunnerError):
        candidate.run_faults[profile] = str(outcome)
    return Missing(outcome.problem, outcome.advice)


def _evaluate_on(
    candidates: Sequence[_Candidate],
    boards: Sequence[Board],
    engines: Sequence[Engine],
    own: UserCalibration | None,
    progress: Progress | None = None,
) -> list[Evaluation]:
    total = len(boards) * len(engines) * len(candidates)
    evaluations: list[Evaluation] = []
    for board in boards:
        for engine in engines:
            for candidate in candidates:
                tell(progress, "predicting memory, latency, energy", len(evaluations), total)
                evaluations.append(_evaluation(candidate, board, engine, own))
    tell(progress, "predicting memory, latency, energy", total, total)
    return evaluations


def _evaluation(
    candidate: _Candidate, board: Board, engine: Engine, own: UserCalibration | None
) -> Evaluation:
    target = target_of(board, engine)
    findings = [
        *engine_findings(candidate.model, candidate.summary, board, engine),
        *model_findings(candidate.summary),
    ]
    name, profile = candidate.model.name, engine.profile.name
    fault = candidate.run_faults.get(profile, "")
    findings.extend(run_findings(name, engine, candidate.scores, fault, candidate.range_fault))
    blocked = [finding for finding in findings if finding.severity is Severity.ERROR]
    plan: Memory | Missing
    latency: Latency | Missing
    energy: Energy | Missing
    if blocked:
        plan = latency = energy = Missing(blocked[0].message, blocked[0].advice)
    else:
        plan = candidate.plan(board.core, engine.base)
        findings.extend(piece_findings(name, board, plan))
        findings.extend(build_findings(engine) if isinstance(plan, Memory) else ())
        latency = cost.predict_latency(candidate.model, target, own)
        energy = (
            cost.predict_energy(latency, board, calibration=own)
            if isinstance(latency, Latency)
            else latency
        )
    if isinstance(latency, Latency):
        findings.extend(latency.findings)
    if isinstance(energy, Energy):
        findings.extend(energy.findings)
    return Evaluation(
        model=candidate.summary,
        target=target,
        accuracy=candidate.scores[profile],
        memory=plan,
        latency=latency,
        energy=energy,
        findings=tuple(findings),
    )


def _other_boards(
    candidates: Sequence[_Candidate],
    boards: Sequence[Board],
    engines: Sequence[Engine],
    *,
    own: UserCalibration | None,
    region: Region,
    ranking: Sequence[Metric],
) -> tuple[Alternative, ...]:
    """Find boards of the catalogue that would admit a candidate, those that admit most first."""
    known = {board.name for board in boards}
    found: list[Alternative] = []
    for name in catalog.board_names():
        if name not in known:
            others = _evaluate_on(candidates, [catalog.board(name)], engines, own)
            selection = select(others, region, ranking)
            if selection.chosen is not None:
                found.append(Alternative(selection.chosen, len(selection.ranked)))
    return tuple(sorted(found, key=lambda alternative: -alternative.admitted))


def _reference(dataset: Dataset | None) -> DatasetRef | None:
    if dataset is None:
        return None
    path = named_path(dataset.path)
    return DatasetRef(name=dataset.name, path=path, sha256=dataset.sha256, n=len(dataset))
