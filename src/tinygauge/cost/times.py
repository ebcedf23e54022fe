"""The table of times: what was timed, and the prior that goes with it, loaded once.

`data/calibrations/time.json` holds every timed model as a row of work and cycles, the spreads of
the prior, the effects most probable under both, and the factors that held-out errors put on
intervals. It is written by ``tools/fit_latency.py`` and never by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tinygauge.cost.cycles import Labels
from tinygauge.cost.posterior import Posterior, Prior, Row
from tinygauge.cost.table import read_calibration

__all__ = [
    "EngineEntry",
    "TimeTable",
    "packaged_posterior",
    "parse_row",
    "parse_time",
    "row_entry",
    "time_table",
]


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """What is known of an engine.

    Parameters
    ----------
    work : str
        Build of the kernels whose instructions stand for the engine's work.
    elsewhere : str
        The same on cores that are not Arm's.
    counted : bool
        Whether those are the engine's own kernels, so that it can be predicted on every core.
    build : str
        The build that a bare name means on a board never timed with it; empty for the average.
    builds : mapping of str to mapping
        Per build: ``skips`` (whether channels without weights cost nothing), ``work`` where it
        differs, and ``copies`` where the timed part copies inputs and outputs.
    """

    work: str
    elsewhere: str
    counted: bool
    build: str
    builds: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class TimeTable:
    """What was timed, and how to predict from it.

    Parameters
    ----------
    cores : mapping of str to str
        Catalogue core to the core whose instructions were counted.
    aliases : mapping of str to str
        ``"core+engine"`` whose effects go by another engine's name.
    renamed : mapping of str to tuple of str
        Catalogue engine to the engine and build it is here.
    engines : mapping of str to EngineEntry
    pairs : mapping of str to str
        ``"board+engine"`` that was timed, to its newest build.
    timed_cores : mapping of str to tuple of str
        Engine to the cores on which it was timed.
    flags : mapping
        Of `amounts.is_flagged`.
    prior : Prior
    rows : tuple of Row
    effects : mapping of str to float
        Most probable under prior and rows.
    intervals : mapping of str to mapping
        Kind of transfer to the ``factor`` by which 90 % of held-out errors stay within that many
        predicted standard deviations, and the ``groups`` behind it.
    beyond : float
        Distance of mixes beyond which a model is unlike those that were timed.
    power_spread : float
        Factor within which the power of 90 % of the models lies around their board's.
    source : str
    """

    cores: Mapping[str, str]
    aliases: Mapping[str, str]
    renamed: Mapping[str, tuple[str, str]]
    engines: Mapping[str, EngineEntry]
    pairs: Mapping[str, str]
    timed_cores: Mapping[str, tuple[str, ...]]
    flags: Mapping[str, Mapping[str, Any]]
    prior: Prior
    rows: tuple[Row, ...]
    effects: Mapping[str, float]
    intervals: Mapping[str, Mapping[str, float]]
    beyond: float
    power_spread: float
    source: str


def row_entry(row: Row) -> dict[str, Any]:
    """Lay out a row for a file; `parse_row` reads it back.

    Parameters
    ----------
    row : Row

    Returns
    -------
    dict
    """
    at = row.labels
    return {
        "core": at.core,
        "engine": at.engine,
        "build": at.build,
        "board": at.board,
        "flagged": at.flagged,
        "dtype": row.dtype,
        "cycles": float(f"{row.cycles:.7g}"),
        "noise": float(f"{row.noise:.4g}"),
        "weight": float(f"{row.weight:.4g}"),
        "work": [[kind, dtype, float(f"{amount:.7g}")] for kind, dtype, amount in row.work],
    }


def parse_row(entry: Mapping[str, Any]) -> Row:
    """Build a row from what `row_entry` laid out.

    Parameters
    ----------
    entry : mapping

    Returns
    -------
    Row

    Raises
    ------
    KeyError, TypeError, ValueError
        If the entry is not such a row.
    """
    return Row(
        labels=Labels(
            core=str(entry["core"]),
            engine=str(entry["engine"]),
            build=str(entry["build"]),
            board=str(entry["board"]),
            flagged=bool(entry["flagged"]),
        ),
        dtype=str(entry["dtype"]),
        work=tuple((str(kind), str(dtype), float(amount)) for kind, dtype, amount in entry["work"]),
        cycles=float(entry["cycles"]),
        noise=float(entry["noise"]),
        weight=float(entry["weight"]),
    )


def parse_time(raw: Mapping[str, Any]) -> TimeTable:
    """Build a time table from the contents of its file.

    Parameters
    ----------
    raw : mapping
        As in ``time.json``.

    Returns
    -------
    TimeTable
    """
    engines = {name: EngineEntry(**entry) for name, entry in raw["engines"].items()}
    prior = raw["prior"]
    return TimeTable(
        cores=raw["cores"],
        aliases=raw["aliases"],
        renamed={name: (engine, build) for name, (engine, build) in raw["renamed"].items()},
        engines=engines,
        pairs=raw["pairs"],
        timed_cores={engine: tuple(cores) for engine, cores in raw["timed_cores"].items()},
        flags=raw["flags"],
        prior=Prior(
            start=prior["start"],
            spread=prior["spread"],
            likeness=prior["likeness"],
            length=prior["length"],
            noise=prior["noise"],
            small_noise=prior["small_noise"],
            counted=frozenset(name for name, entry in engines.items() if entry.counted),
            accelerated=frozenset(prior["accelerated"]),
        ),
        rows=tuple(parse_row(entry) for entry in raw["rows"]),
        effects=raw["effects"],
        intervals=raw["intervals"],
        beyond=raw["beyond"],
        power_spread=raw["power_spread"],
        source=raw["source"],
    )


@cache
def time_table() -> TimeTable:
    """Return the packaged time table.

    Returns
    -------
    TimeTable

    Raises
    ------
    ConfigError
        If the file is absent or damaged.
    """
    return parse_time(read_calibration("time.json"))


@cache
def packaged_posterior() -> Posterior:
    """Return what the packaged rows say, without a user's measurements.

    Returns
    -------
    Posterior
    """
    table = time_table()
    return Posterior(table.prior, table.rows, table.effects)
