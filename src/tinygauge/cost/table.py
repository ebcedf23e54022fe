"""The calibration tables: what was fitted, loaded once when first needed.

`data/calibrations/work.json` holds instructions per term of each path, per build and core;
`data/calibrations/time.json` holds the effects that turn instructions into cycles, which
board, core and engine was timed, and the held-out errors behind the intervals. Both are
written by ``tools/fit_latency.py`` and never by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from tinygauge.cost.features import OpFeatures
from tinygauge.cost.work import KERNELS, fallback, path, terms
from tinygauge.errors import ConfigError

__all__ = [
    "EngineEntry",
    "OpWork",
    "TimeTable",
    "WorkTable",
    "domain_features",
    "parse_time",
    "parse_work",
    "time_table",
    "work_table",
]


@dataclass(frozen=True, slots=True)
class OpWork:
    """What an op costs in instructions, and how well that is known.

    Parameters
    ----------
    instructions : float
        Executed instructions, predicted.
    known : bool
        False where the kind of op was never measured and a typical cost stands in.
    inside : bool
        False where the op is far larger or smaller than those the fit has seen.
    """

    instructions: float
    known: bool
    inside: bool


@dataclass(frozen=True, slots=True)
class WorkTable:
    """Coefficients of the terms of each path, per build of the kernels and core.

    Parameters
    ----------
    kernels : mapping of str to str
        Kernel library of each build.
    coefficients : mapping
        (build, core) to path to term to instructions.
    overhead : mapping
        (build, core) to instructions per op and per inference outside the kernels.
    domain : mapping
        Path to feature to the smallest and largest value measured.
    source : str
        Where the numbers come from.
    """

    kernels: Mapping[str, str]
    coefficients: Mapping[tuple[str, str], Mapping[str, Mapping[str, float]]]
    overhead: Mapping[tuple[str, str], tuple[float, float]]
    domain: Mapping[str, Mapping[str, tuple[float, float]]]
    source: str

    def op_work(self, op: OpFeatures, build: str, core: str) -> OpWork | None:
        """Return the instructions of an op.

        Parameters
        ----------
        op : OpFeatures
        build, core : str
            Keys of `coefficients`.

        Returns
        -------
        OpWork or None
            None where not even ops of its data type were measured.
        """
        kernels = self.kernels[build]
        table = self.coefficients[build, core]
        name = path(op, kernels)
        found = table.get(name)
        known = found is not None
        if found is None:
            found = table.get(fallback(op)) or table.get(f"*/{op.dtype}")
        if found is None:
            return None
        counted = terms(op, kernels)
        if not known:
            counted = {"products": op.macs, "outputs": op.out_elements, "op": 1}
        total = sum(weight * counted.get(term, 0) for term, weight in found.items())
        return OpWork(total, known, self._inside(op, name))

    def _inside(self, op: OpFeatures, name: str) -> bool:
        """Tell whether an op is within a factor 4 of those measured, feature by feature."""
        ranges = self.domain.get(name)
        if ranges is None:
            return False
        return all(
            low / 4 <= value <= high * 4
            for feature, value in domain_features(op).items()
            for low, high in [ranges[feature]]
        )


def domain_features(op: OpFeatures) -> dict[str, int]:
    """Return the extents that a calibration's domain is stated in.

    Parameters
    ----------
    op : OpFeatures

    Returns
    -------
    dict of str to int
        Products per output, output channels and output elements, each at least 1.
    """
    return {
        "patch": max(1, op.patch),
        "channels": max(1, op.out_c),
        "outputs": max(1, op.out_elements),
    }


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """What is known of an engine.

    Parameters
    ----------
    work : str
        Build of the kernels whose instructions stand for the engine's work.
    counted : bool
        Whether those are the engine's own kernels, so that it can be predicted on every core.
    build : str
        The build that a bare name means on a board never timed with it; empty for the average.
    builds : mapping of str to mapping
        Per build: ``skips`` (whether channels without weights cost nothing), ``work`` where it
        differs, and ``copies`` where the timed part copies inputs and outputs.
    """

    work: str
    counted: bool
    build: str
    builds: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class TimeTable:
    """Effects that turn instructions into cycles, and how far they hold.

    Parameters
    ----------
    effects : mapping of str to float
        Of `cycles.effect_keys`.
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
    residuals : mapping of str to mapping
        Kind of transfer to its quantiles ``low`` and ``high`` of measured over predicted, and
        ``n`` (rows) and ``groups`` behind them.
    source : str
    """

    effects: Mapping[str, float]
    cores: Mapping[str, str]
    aliases: Mapping[str, str]
    renamed: Mapping[str, tuple[str, str]]
    engines: Mapping[str, EngineEntry]
    pairs: Mapping[str, str]
    timed_cores: Mapping[str, tuple[str, ...]]
    residuals: Mapping[str, Mapping[str, float]]
    source: str


def _read(name: str) -> dict[str, Any]:
    file = resources.files("tinygauge").joinpath("data", "calibrations", name)
    try:
        loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"calibration {name}", f"can't be read ({error})", "Reinstall tinygauge"
        ) from error
    return loaded


def parse_work(raw: Mapping[str, Any]) -> WorkTable:
    """Build a work table from the contents of its file.

    Parameters
    ----------
    raw : mapping
        As in ``work.json``.

    Returns
    -------
    WorkTable

    Raises
    ------
    ConfigError
        If a build names kernels whose loops are unknown here.
    """
    builds = raw["builds"]
    kernels = {build: str(entry["kernels"]) for build, entry in builds.items()}
    for build, library in kernels.items():
        if library not in KERNELS:
            raise ConfigError(f"calibration of {build}", f"unknown kernels '{library}'")
    tables = [
        (build, core, table) for build, e in builds.items() for core, table in e["cores"].items()
    ]
    return WorkTable(
        kernels=kernels,
        coefficients={(build, core): table["paths"] for build, core, table in tables},
        overhead={(build, core): tuple(table["overhead"]) for build, core, table in tables},
        domain=raw["domain"],
        source=raw["source"],
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
    return TimeTable(
        effects=raw["effects"],
        cores=raw["cores"],
        aliases=raw["aliases"],
        renamed={name: (engine, build) for name, (engine, build) in raw["renamed"].items()},
        engines={
            name: EngineEntry(entry["work"], entry["counted"], entry["build"], entry["builds"])
            for name, entry in raw["engines"].items()
        },
        pairs=raw["pairs"],
        timed_cores={engine: tuple(cores) for engine, cores in raw["timed_cores"].items()},
        residuals=raw["residuals"],
        source=raw["source"],
    )


@cache
def work_table() -> WorkTable:
    """Return the packaged work table.

    Returns
    -------
    WorkTable

    Raises
    ------
    ConfigError
        If the file is absent or damaged.
    """
    return parse_work(_read("work.json"))


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
    return parse_time(_read("time.json"))
