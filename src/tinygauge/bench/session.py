"""One run from opening the port to the last line of its folder, new or resumed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from tinygauge import __version__
from tinygauge.bench.board import Board, Identity
from tinygauge.bench.clock import Clock, HostClock
from tinygauge.bench.folder import RunFolder, load_run
from tinygauge.bench.inferring import Inferrer, Surroundings
from tinygauge.bench.link import DEFAULT_BAUD, Link, RecordedLink, open_link
from tinygauge.bench.loading import Loader
from tinygauge.bench.metering import Meter
from tinygauge.bench.monitor import Monitor
from tinygauge.bench.plan import Plan
from tinygauge.bench.records import FileRef, Mode, Run, Settings
from tinygauge.bench.rules import BENCHMARKS, check_rules
from tinygauge.bench.runner import Progress, Runner
from tinygauge.bench.transcript import Transcript
from tinygauge.errors import ConfigError, DialectError, InputError

__all__ = ["Setup", "run_session"]

TOOL = f"tinygauge {__version__}"

Opener = Callable[[str, int], Link]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is measured where.

    Parameters
    ----------
    port : str
        As `open_link` takes it.
    benchmark : str
        A name in `BENCHMARKS`, or ``"custom"``.
    plan : Plan
    folder : Path
        Where the run is kept.
    settings : Settings
        What the plan was made of.
    resume : bool
        Whether to go on with the run that is there.
    baud : int
    simulated : bool
        Whether an emulator or a fake stands for the board.
    board, engine : str
    clock_hz, supply_v : float or None
    model, dataset : FileRef or None
    metric : str
        As in `Run`.
    inputs_in_all : int
        Of the dataset (files, for recordings), also where the plan takes only some.
    """

    port: str
    benchmark: str
    plan: Plan
    folder: Path
    settings: Settings
    resume: bool = False
    baud: int = DEFAULT_BAUD
    simulated: bool = False
    board: str = ""
    engine: str = ""
    clock_hz: float | None = None
    supply_v: float | None = None
    model: FileRef | None = None
    dataset: FileRef | None = None
    metric: str = ""
    inputs_in_all: int = 0

    def as_run(self, supply_v: float | None) -> Run:
        """Return the run as it begins."""
        return Run(
            mode=self.plan.mode,
            benchmark=self.benchmark,
            port=self.port,
            baud=0 if self.port.startswith("socket://") else self.baud,
            simulated=self.simulated,
            board=self.board,
            engine=self.engine,
            clock_hz=self.clock_hz,
            supply_v=self.supply_v if supply_v is None else supply_v,
            model=self.model,
            dataset=self.dataset,
            settings=self.settings,
            metric=self.metric if self.plan.mode is Mode.ACCURACY else "",
            inputs_planned=self.inputs_in_all if self.plan.mode is Mode.ACCURACY else 0,
            tool=TOOL,
            started=_now(),
        )


def run_session(
    setup: Setup,
    *,
    opener: Opener = open_link,
    clock: Clock | None = None,
    monitor: Monitor | None = None,
    progress: Progress | None = None,
) -> Run:
    """Measure what a setup says, or go on with it.

    Parameters
    ----------
    setup : Setup
    opener : callable
        Opens the port.
    clock : Clock, optional
    monitor : Monitor, optional
        For energy; the caller closes it.
    progress : callable, optional

    Returns
    -------
    Run
        Complete, with the rules that it meets.

    Raises
    ------
    BenchError
        If the board, its link, the monitor or the disk failed; what was measured is kept.
    InputError
        If the setup can't be used, or is another than that of the run to resume.
    """
    clock = clock or HostClock()
    link = opener(setup.port, setup.baud)
    try:
        folder = _folder(setup, monitor)
        with closing(folder):
            if folder.run.complete:
                return folder.run
            return _Session(
                setup, folder, link, opener=opener, clock=clock, monitor=monitor, progress=progress
            ).run()
    finally:
        link.close()


class _Session:
    """A run while the port is open."""

    def __init__(
        self,
        setup: Setup,
        folder: RunFolder,
        link: Link,
        *,
        opener: Opener,
        clock: Clock,
        monitor: Monitor | None,
        progress: Progress | None,
    ) -> None:
        self._setup = setup
        self._folder = folder
        self._opener = opener
        self._progress = progress
        about = f"{setup.port} at {link.baud} baud" if link.baud else setup.port
        self._transcript = Transcript(folder.transcript, clock, f"{TOOL}, {about}")
        self._board = Board(
            RecordedLink(link, self._transcript),
            clock=clock,
            passed_on=setup.settings.passed_on,
            remark=self._transcript.remark,
        )
        plan = setup.plan
        loader = Loader(
            self._board,
            plan.verify,
            loads=len(plan.inputs) if plan.mode is Mode.ACCURACY else plan.windows + 1,
            size_bytes=len(plan.inputs[0].content),
            note=self._transcript.remark,
        )
        around = Surroundings(
            clock=clock,
            fault=folder.keep,
            remark=self._transcript.remark,
            reopen=self._reopen,
            simulated=setup.simulated,
        )
        meter = Meter(monitor, clock, folder.traces) if monitor is not None else None
        self._inferrer = Inferrer(self._board, loader, around, meter)

    def run(self) -> Run:
        """Measure, and write the run as complete."""
        try:
            self._inferrer.synchronise()
            self._meet(self._inferrer.identify())
            Runner(
                self._inferrer,
                self._folder,
                self._setup.plan,
                remark=self._transcript.remark,
                progress=self._progress,
            ).measure()
        finally:
            with closing(self._transcript):
                self._board.link.close()
        run = replace(self._folder.run, finished=_now(), complete=True)
        return self._folder.finish(replace(run, rules=check_rules(run)))

    def _meet(self, found: Identity) -> None:
        """Keep what the board says it is; refuse another one than the run began with."""
        run = self._folder.run
        known = Identity(run.firmware_name, run.firmware_profile, run.firmware_model)
        if known != Identity("", "", "") and known != found:
            problem = f"the run began on {known}, this board says {found}"
            raise ConfigError(self._setup.port, problem, "Connect the board that it began on")
        asked = BENCHMARKS.get(self._setup.benchmark)
        runs = next((each for each in BENCHMARKS.values() if found.model in each.models), None)
        if asked is not None and runs is not None and runs is not asked:
            problem = f"its firmware is built for {runs.name} ({found.model}), not {asked.name}"
            raise DialectError(self._setup.port, problem, f"Try: --benchmark {runs.name}")
        self._folder.describe(
            replace(
                run,
                firmware_name=found.name,
                firmware_profile=found.profile,
                firmware_model=found.model,
            )
        )

    def _reopen(self) -> None:
        self._board.link.close()
        link = self._opener(self._setup.port, self._setup.baud)
        self._board.link = RecordedLink(link, self._transcript)


def _folder(setup: Setup, monitor: Monitor | None) -> RunFolder:
    """Begin a run, or go on with one; one that never got as far as a result is begun anew."""
    run = setup.as_run(monitor.supply_v if monitor is not None else None)
    if not setup.resume:
        return RunFolder(setup.folder, run) if _is_empty(setup.folder) else RunFolder.create(
            setup.folder, run
        )  # fmt: skip
    held = load_run(setup.folder)
    _compare(setup, run, held)
    return RunFolder.resume(setup.folder)


def _is_empty(folder: Path) -> bool:
    """Whether a run is here that measured nothing: nobody answered, say."""
    try:
        run = load_run(folder)
    except InputError:
        return False
    return not (run.complete or run.windows or run.inputs)


def _compare(setup: Setup, asked: Run, held: Run) -> None:
    """Refuse to go on with another run than the one that was begun."""
    for name in ("mode", "benchmark", "inputs_planned", "simulated", "board", "engine"):
        before, now = getattr(held, name), getattr(asked, name)
        if before != now:
            problem = f"this run was begun with {name} '{before}', now it is '{now}'"
            raise ConfigError(str(setup.folder), problem, "Resume with the options of before")
    if setup.plan.mode is Mode.ACCURACY:
        digests = {item.index: item.input_sha256 for item in held.inputs}
        items = list(setup.plan.inputs)
    else:
        digests = {window.index: window.input_sha256 for window in held.windows}
        items = setup.plan.window_inputs()
    for index, digest in digests.items():
        if index >= len(items) or items[index].sha256 != digest:
            problem = f"input {index + 1} is another one than when this run was begun"
            raise ConfigError(str(setup.folder), problem, "Give the dataset of before")


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
