"""Scores many models: what is kept is found first, the rest runs on all cores or on a cluster.

Each result is kept as soon as it is there, so that a sweep that was stopped goes on where it was.
One model's failure is its own: it comes back in place of its score.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from tinygauge import accuracy
from tinygauge.accuracy import Dataset, Limits, Results, Run
from tinygauge.accuracy.jobs import Progress, at_once
from tinygauge.errors import InputError, RunnerError
from tinygauge.evaluation.cluster import Fault, make_on_cluster
from tinygauge.graph import Model
from tinygauge.quantity import Missing
from tinygauge.records import Score

__all__ = ["Fault", "Progress", "Sweep", "SweepOptions", "tell"]

# One reads or writes while the other computes; each takes some hundred megabytes there.
_JOBS_ON_CUDA = 2

_Work: TypeAlias = Iterator[tuple["_Task", Results | Fault]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions:
    """How a sweep is done.

    Parameters
    ----------
    jobs : int or None
        Models run at once; by default the number of cores, on CUDA 2.
    use_cache : bool
        Whether results are kept, and found again by content.
    time_limit_s : float
        Wall-clock time that one model may take.
    progress : callable or None
        Told of the work.
    cluster : str or None
        Address of a Dask scheduler whose workers run the models; None for this machine.
    runner : str
        ``"auto"``, ``"exact"``, ``"exact-cuda"`` or ``"interpreter"``; see
        `tinygauge.accuracy.plan_runs`.
    """

    jobs: int | None = None
    use_cache: bool = True
    time_limit_s: float = Limits().time_s
    progress: Progress | None = None
    cluster: str | None = None
    runner: str = "auto"

    @property
    def limits(self) -> Limits:
        """What one model may use."""
        return replace(Limits(), time_s=self.time_limit_s)


@dataclass(slots=True)
class _Scored:
    """A model on its way to a score for each profile."""

    plans: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    scores: dict[str, Score | Missing | Fault] = field(default_factory=dict)
    outcomes: dict[str, Results | Fault] = field(default_factory=dict)

    def runs(self) -> Iterator[Run]:
        """Yield what must be run, each once: profiles share runs."""
        yield from {run.key: run for plan in self.plans.values() for run in plan}.values()

    def arrive(self, key: str, outcome: Results | Fault) -> None:
        """Take a run's results, and score what they complete."""
        self.outcomes[key] = outcome
        if len(self.outcomes) < len(list(self.runs())):
            return
        for profile, plan in self.plans.items():
            found = [self.outcomes[run.key] for run in plan]
            faults = [each for each in found if isinstance(each, InputError | RunnerError)]
            results = [each for each in found if not isinstance(each, InputError | RunnerError)]
            self.scores[profile] = (
                faults[0] if faults else accuracy.score_results(plan, results, profile)
            )
        self.outcomes.clear()  # outputs of hundreds of models would fill the memory


@dataclass(frozen=True, slots=True)
class _Task:
    """A run that must be made, for a model."""

    scored: _Scored
    run: Run


class Sweep:
    """The scores of many models, found or made.

    Parameters
    ----------
    models : sequence of Model
    dataset : Dataset
        What all are scored on.
    profiles : sequence of str
        Numeric profiles to score each with.
    options : SweepOptions

    Attributes
    ----------
    scores : list of dict
        For each model and profile its score, or what is missing or failed. Filled by `work`.
    found_again : int
        Runs whose results were kept from before.
    total : int
        Runs in all.
    """

    def __init__(
        self,
        models: Sequence[Model],
        dataset: Dataset,
        profiles: Sequence[str],
        options: SweepOptions,
    ) -> None:
        self.options = options
        self.found_again = 0
        self._dataset = dataset
        self._scored = [_plan(model, dataset, profiles, options.runner) for model in models]
        self._tasks = [_Task(scored, run) for scored in self._scored for run in scored.runs()]
        self.total = len(self._tasks)

    @property
    def scores(self) -> list[dict[str, Score | Missing | Fault]]:
        """For each model and profile its score, or what is missing or failed."""
        return [scored.scores for scored in self._scored]

    def work(self) -> None:
        """Find what is kept and make the rest; results that are made are kept at once."""
        if self.options.use_cache:
            accuracy.prune_cache()  # before the work: a bad limit must not cost its results
        left = list(self._find()) if self.options.use_cache else self._tasks
        done = self.total - len(left)
        tell(self.options.progress, _WHAT, done, self.total)
        for task, outcome in self._run(left):
            if self.options.use_cache and not isinstance(outcome, InputError | RunnerError):
                task.run.keep(outcome)
            task.scored.arrive(task.run.key, outcome)
            done += 1
            tell(self.options.progress, _WHAT, done, self.total)
        if left and self.options.use_cache:
            accuracy.prune_cache()

    def _find(self) -> Iterator[_Task]:
        """Take what is kept; yield what is left to do."""
        for task in self._tasks:
            results = task.run.find()
            if results is None:
                yield task
                continue
            task.scored.arrive(task.run.key, results)
            self.found_again += 1
        if self.found_again:
            tell(self.options.progress, _FOUND, self.found_again, self.total)

    def _run(self, tasks: Sequence[_Task]) -> _Work:
        """Run models, here or on a cluster."""
        if not tasks:
            return
        options, runs = self.options, [task.run for task in tasks]
        if options.cluster is None:
            yield from self._run_here(tasks)
            return
        advice = _KEPT if options.use_cache else _NOT_KEPT
        found = make_on_cluster(options.cluster, runs, self._dataset, options.limits, advice)
        for place, outcome in found:
            yield tasks[place], outcome

    def _run_here(self, tasks: Sequence[_Task]) -> _Work:
        """Run models on this machine, several at a time."""
        on_cuda = any(task.run.runner.is_on_cuda for task in tasks)
        jobs = self.options.jobs or (_JOBS_ON_CUDA if on_cuda else os.cpu_count() or 1)
        limits = replace(self.options.limits, threads=max(1, jobs // max(1, len(tasks))))

        def make(task: _Task) -> Results | Fault:
            try:
                return task.run.make(limits)
            except (InputError, RunnerError) as error:
                return error

        yield from at_once(make, tasks, jobs)


_WHAT = "scoring accuracy"
_FOUND = "found again from earlier runs"
_KEPT = "What was scored is kept: the same command goes on from there"
_NOT_KEPT = "Nothing was kept, as asked: without that the same command would go on from there"


def _plan(model: Model, dataset: Dataset, profiles: Sequence[str], runner: str) -> _Scored:
    scored = _Scored()
    for profile in profiles:
        try:
            plan = accuracy.plan_runs(model, dataset, profile, runner)
        except InputError as error:
            scored.scores[profile] = error
            continue
        if isinstance(plan, Missing):
            scored.scores[profile] = plan
        else:
            scored.plans[profile] = plan
    return scored


def tell(progress: Progress | None, what: str, done: int, total: int) -> None:
    """Tell of the work, if somebody listens.

    Parameters
    ----------
    progress : callable or None
    what : str
        What is being done.
    done, total : int
        Steps.
    """
    if progress is not None:
        progress(what, done, total)
