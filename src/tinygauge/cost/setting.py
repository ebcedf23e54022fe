"""Translate a target into the calibration's terms: which core, engine, build and transfer.

Names of engines may carry a build (``"x-cube-ai@7.3.0"``); a bare name means the newest build
timed on the board, else the engine's newest. What nothing measured stands for is `Missing`,
with the nearest known names. No model is looked at here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from tinygauge.cost.cycles import Labels
from tinygauge.cost.intervals import Transfer
from tinygauge.cost.table import WorkTable
from tinygauge.cost.times import EngineEntry, TimeTable
from tinygauge.quantity import Missing
from tinygauge.records import Target

__all__ = ["Setting", "translate"]


# Stands for a build that was never timed, so that what builds change is in the interval.
_NEW_BUILD = "new"


@dataclass(frozen=True, slots=True)
class Setting:
    """A target, in the terms of the calibration.

    Parameters
    ----------
    core, counted_core : str
        The core, and the one whose instructions were counted in its place.
    engine, build : str
        Names of effects; an empty build is the average of its engine.
    work : str
        Build of the kernels whose instructions count.
    skips, copies : bool
        Whether channels without weights cost nothing, and whether the timed part copies inputs
        and outputs.
    board : str
        Catalogue name; may be empty.
    transfer : Transfer
        What is new about the target.
    """

    core: str
    counted_core: str
    engine: str
    build: str
    work: str
    skips: bool
    copies: bool
    board: str
    transfer: Transfer

    def labels(self, *, flagged: bool) -> Labels:
        """Return what the effects of this target may belong to."""
        return Labels(
            core=self.core,
            engine=self.engine,
            build=self.build or _NEW_BUILD,
            board=self.board,
            flagged=flagged,
        )


def _nearest(kind: str, name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    return f"Nearest known {kind}: {', '.join(close or names)}"


def translate(table: TimeTable, work: WorkTable, target: Target) -> Setting | Missing:
    """Translate a target.

    Parameters
    ----------
    table : TimeTable
    work : WorkTable
    target : Target

    Returns
    -------
    Setting or Missing
        Missing where nothing measured stands for the core, the engine, the build, or engine
        and core together.
    """
    counted_core = table.cores.get(target.core)
    if counted_core is None:
        return Missing(
            f"no instructions were counted for the core '{target.core}'",
            _nearest("cores", target.core, table.cores),
        )
    base, _, asked = target.engine.partition("@")
    base = base.removeprefix("other:")
    base, named = table.renamed.get(base, (base, ""))
    engine = table.aliases.get(f"{target.core}+{base}", base)
    entry = table.engines.get(engine)
    if entry is None:
        return Missing(
            f"the engine '{target.engine}' was never timed",
            _nearest("engines", base, table.engines),
        )
    asked = asked or named
    if asked and asked not in entry.builds:
        return Missing(
            f"the build '{asked}' of {base} was never timed",
            _nearest("builds", asked, entry.builds),
        )
    newest = table.pairs.get(f"{target.board}+{engine}")
    transfer = _transfer(table, entry, engine, target, newest)
    if isinstance(transfer, Missing):
        return transfer
    build = asked or newest or entry.build
    details = entry.builds.get(build, {})
    usual = entry.work if target.core.startswith("cortex") else entry.elsewhere
    kernels = str(details.get("work", usual)) if asked else usual
    if (kernels, counted_core) not in work.coefficients:
        kernels = usual
    return Setting(
        core=target.core,
        counted_core=counted_core,
        engine=engine,
        build=build,
        work=kernels,
        skips=bool(details.get("skips")),
        copies=bool(asked and details.get("copies")),
        board=target.board,
        transfer=transfer,
    )


def _transfer(
    table: TimeTable, entry: EngineEntry, engine: str, target: Target, newest: str | None
) -> Transfer | Missing:
    """Say what is new about a target."""
    if newest is not None:
        return Transfer.PAIR
    timed = table.timed_cores.get(engine, ())
    if target.core in timed:
        return Transfer.BOARD
    if entry.counted and target.core.startswith("cortex-m"):
        return Transfer.CORE
    return Missing(
        f"the engine '{engine}' was never timed on a {target.core}",
        f"It was timed on {', '.join(timed)}; on this core try tflm-cmsis-nn",
    )
