"""Put what was measured on a board in the place of what was predicted, and keep both.

A run belongs to a candidate by the SHA-256 of its model, its board and its engine. It counts only
at the operating point of the candidate: a run at another clock is told and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinygauge import cost
from tinygauge.bench.folder import load_run
from tinygauge.bench.records import Run
from tinygauge.catalog import Board
from tinygauge.errors import ConfigError
from tinygauge.measurement import energy_of, latency_of, score_of
from tinygauge.quantity import Missing
from tinygauge.records import (
    Deviation,
    Energy,
    Evaluation,
    Finding,
    Latency,
    Metric,
    Score,
    Severity,
    Target,
)
from tinygauge.units import Unit, format_value

__all__ = ["load_runs", "with_runs"]

# A clock may be stated to three digits.
_SAME_CLOCK = 0.005


@dataclass(slots=True)
class _Measured:
    """What the runs of one candidate measured; of two that measured the same, the later named."""

    score: Score | None = None
    latency: Latency | None = None
    energy: Energy | None = None
    # Latency of energy runs: timed by the monitor, at the lower baud rate of energy firmware.
    latency_beside_energy: Latency | None = None


def load_runs(paths: Iterable[str | Path]) -> list[Run]:
    """Read runs.

    Parameters
    ----------
    paths : iterable of str or Path
        Their folders.

    Returns
    -------
    list of Run

    Raises
    ------
    RunFormatError
        If there is no run, or its files were changed.
    ConfigError
        If it is not complete, or does not say which model ran.
    """
    runs = [load_run(path) for path in paths]
    for run in runs:
        if not run.complete:
            raise ConfigError(
                run.folder,
                "this run is not finished",
                f"Try: tinygauge bench run --resume {run.folder}",
            )
        if run.model is None:
            raise ConfigError(
                run.folder, "it does not say which model ran", "Measure with --model FILE"
            )
    return runs


def with_runs(
    evaluations: Sequence[Evaluation], runs: Sequence[Run], boards: Sequence[Board]
) -> list[Evaluation]:
    """Return the evaluations with what was measured.

    Parameters
    ----------
    evaluations : sequence of Evaluation
    runs : sequence of Run
        Complete; of two that measured the same, the later one counts.
    boards : sequence of Board
        Of the evaluations.

    Returns
    -------
    list of Evaluation
        In the same order. Energy that was not measured is predicted from the measured latency.

    Raises
    ------
    ConfigError
        If a run belongs to none of them, or to several because it names no board or engine.
    """
    found = list(evaluations)
    by_name = {board.name: board for board in boards}
    for index, taken in _assign(found, runs).items():
        measured = _Measured()
        findings: list[Finding] = []
        for run in taken:
            other = _other_clock(run, found[index].target)
            if other is not None:
                findings.append(other)
            _collect(measured, run, timed=other is None)
        board = by_name[found[index].target.board]
        found[index] = _combined(found[index], measured, board, findings)
    return found


def _assign(evaluations: Sequence[Evaluation], runs: Sequence[Run]) -> dict[int, list[Run]]:
    """Find each run's candidate."""
    taken: dict[int, list[Run]] = {}
    for run in runs:
        fitting = [
            index
            for index, evaluation in enumerate(evaluations)
            if run.model is not None
            and evaluation.model.sha256 == run.model.sha256
            and run.board in ("", evaluation.target.board)
            and run.engine in ("", evaluation.target.engine)
        ]
        what = f"{run.model.name if run.model else 'an unknown model'} on {run.board or 'a board'}"
        what += f" with {run.engine}" if run.engine else ""
        if not fitting:
            problem = f"it measured {what}, which is none of the candidates"
            raise ConfigError(run.folder, problem, "Name its model, --board and --engine as well")
        if len(fitting) > 1:
            problem = f"it measured {what}, which may be any of {len(fitting)} candidates"
            raise ConfigError(run.folder, problem, "Measure with --board and --engine")
        taken.setdefault(fitting[0], []).append(run)
    return taken


def _other_clock(run: Run, target: Target) -> Finding | None:
    """Say that a run was made at another clock; None where it was not, or nobody said."""
    if run.clock_hz is None or target.clock_hz is None:
        return None
    if abs(run.clock_hz / target.clock_hz - 1) <= _SAME_CLOCK:
        return None
    at, usual = (format_value(hz, Unit.HERTZ) for hz in (run.clock_hz, target.clock_hz))
    message = f"the run {run.folder} was made at {at}, the board is evaluated at {usual}"
    advice = "Evaluate with a board file of that clock"
    return Finding(
        code="TG205", severity=Severity.WARNING, message=message, advice=advice, where=str(target)
    )


def _collect(measured: _Measured, run: Run, *, timed: bool) -> None:
    """Add what a run measured; its times and energies only if they are the board's own."""
    score = score_of(run)
    if isinstance(score, Score):
        measured.score = score
    if run.simulated or not timed:
        return
    latency, energy = latency_of(run), energy_of(run)
    if isinstance(energy, Energy):
        measured.energy = energy
        if isinstance(latency, Latency):
            measured.latency_beside_energy = latency
    elif isinstance(latency, Latency):
        measured.latency = latency


def _combined(
    evaluation: Evaluation, measured: _Measured, board: Board, findings: list[Finding]
) -> Evaluation:
    latency = measured.latency or measured.latency_beside_energy
    after = evaluation
    if measured.score is not None:
        after = replace(after, accuracy=measured.score)
    if latency is not None:
        after = replace(after, latency=latency)
        if measured.energy is None:
            after = replace(after, energy=cost.predict_energy(latency, board))
    if measured.energy is not None:
        after = replace(after, energy=measured.energy)
    deviations: list[Deviation] = []
    for metric, fresh in (
        (Metric.ACCURACY, measured.score),
        (Metric.LATENCY, latency),
        (Metric.ENERGY, measured.energy),
    ):
        value = after.metric(metric)
        if fresh is None or isinstance(value, Missing):
            continue
        deviation = Deviation(metric=metric, predicted=evaluation.metric(metric), measured=value)
        deviations.append(deviation)
        where = f"{evaluation.model.name} on {evaluation.target.board}"
        findings += _unexpected(deviation, where)
    return replace(
        after,
        findings=(*after.findings, *findings),
        deviations=(*after.deviations, *deviations),
    )


def _unexpected(deviation: Deviation, where: str) -> list[Finding]:
    if deviation.expected is not False or isinstance(deviation.predicted, Missing):
        return []
    message = (
        f"{deviation.metric.value} {deviation.measured} on the board lies outside what was "
        f"expected, {deviation.predicted}"
    )
    advice = "Check clock, compiler flags and engine of the run; then calibrate with it"
    return [
        Finding(code="TG206", severity=Severity.INFO, message=message, advice=advice, where=where)
    ]
