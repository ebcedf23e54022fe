"""`tinygauge evaluate` and `tinygauge demo`: the main job."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path

from tinygauge.cli.output import console, print_error, progress_bar
from tinygauge.errors import ConfigError
from tinygauge.evaluation import DEFAULT_ENGINES, Progress, Results, SweepOptions, evaluate
from tinygauge.experiment import Experiment, load_experiment
from tinygauge.report.decision import explain
from tinygauge.report.serialise import render_json, results_document
from tinygauge.report.text import decision_table
from tinygauge.report.write import write_report
from tinygauge.selection import DEFAULT_RANKING
from tinygauge.units import Unit, parse

__all__ = ["run", "run_demo"]

_SHOWN = 15
# Terminals narrower than this get the compact table.
_ROOMY = 130


def run(options: argparse.Namespace) -> int:
    """Evaluate models on boards; return 0 if one is chosen, 1 if none, 2 if a model failed."""
    return _evaluate(_experiment(options), options)


def run_demo(options: argparse.Namespace) -> int:
    """Run the packaged example."""
    with resources.as_file(resources.files("tinygauge").joinpath("data/fashion_mnist")) as folder:
        experiment = load_experiment(folder / "demo.toml")
        return _evaluate(replace(experiment, out=options.out or "tinygauge-demo"), options)


def _experiment(options: argparse.Namespace) -> Experiment:
    """Read the experiment file, or make one of the options; options given as well win."""
    models: list[str] = options.models
    files = [name for name in models if name.endswith(".toml")]
    if files and len(models) > 1:
        raise ConfigError(files[0], "an experiment file stands alone", "Name models inside it")
    written = load_experiment(files[0]) if files else Experiment(models=tuple(models))
    return Experiment(
        models=written.models,
        boards=tuple(options.board or written.boards),
        engines=tuple(options.engine or written.engines or DEFAULT_ENGINES),
        require=tuple(options.require or written.require),
        data=options.data or written.data,
        rank=options.rank or written.rank,
        out=options.out or written.out,
        measured=tuple(options.measured or written.measured),
        calibration=options.calibration or written.calibration,
    )


class _Watch:
    """Passes progress on, and remembers how far it came."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.last = ("", 0, 0)

    def report(self, what: str, done: int, total: int) -> None:
        """Take what `evaluate` tells."""
        self.last = (what, done, total)
        self.progress(what, done, total)

    def summary(self, *, kept: bool) -> str:
        """Say what an interruption left."""
        what, done, total = self.last
        text = f"stopped while {what}, {done} of {total} done" if what else "stopped"
        return f"{text} and kept: the same command goes on from there" if kept and done else text


def _time_limit_s(text: str | None) -> float:
    """Read how long one model may take; by default what the library allows."""
    if text is None:
        return SweepOptions().time_limit_s
    value, unit = parse(text)
    if unit is not Unit.SECOND or value <= 0:
        raise ConfigError(f"--time-limit '{text}'", "this is no time above 0", "Write 60s")
    return value


def _evaluate(experiment: Experiment, options: argparse.Namespace) -> int:
    with progress_bar() as progress:
        watch = _Watch(progress)
        try:
            results = evaluate(
                experiment.models,
                data=experiment.data,
                boards=experiment.boards,
                engines=experiment.engines,
                require=experiment.require,
                rank=experiment.rank or DEFAULT_RANKING,
                jobs=options.jobs,
                use_cache=not options.no_cache,
                time_limit_s=_time_limit_s(options.time_limit),
                progress=watch.report,
                measured=experiment.measured,
                cluster=options.dask,
                runner=options.runner,
                calibration=experiment.calibration,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(watch.summary(kept=not options.no_cache)) from None
    if results.found_again:
        runs = f"{results.found_again} accuracy run{'s' * (results.found_again != 1)}"
        print_error(f"{runs} found again from before; --no-cache makes them anew")
    folder = write_report(results, experiment.out) if experiment.out else None
    if options.json:
        sys.stdout.write(render_json(results_document(results)))
        for failure in results.failures:
            print_error(failure.message)
    else:
        _print(results, folder, None if options.all else _SHOWN)
    if results.failures:
        return 2
    return 0 if results.chosen is not None else 1


def _print(results: Results, folder: Path | None, limit: int | None) -> None:
    out = console()
    out.print(decision_table(results, limit, compact=out.width < _ROOMY))
    out.print(explain(results), markup=False, highlight=False)
    if folder is not None:
        page = folder / "report.html"
        out.print(f"\nReport: {page}", markup=False, highlight=False, soft_wrap=True)
