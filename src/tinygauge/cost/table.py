"""The table of work: instructions per term of each path, loaded once when first needed.

`data/calibrations/work.json` holds them per build and core, with the held-out errors behind their
intervals. It is written by ``tools/fit_latency.py`` and never by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from tinygauge.cost.features import OpFeatures
from tinygauge.cost.work import KERNELS, fallback, path, terms
from tinygauge.errors import ConfigError

__all__ = [
    "OpWork",
    "WorkSpread",
    "WorkTable",
    "domain_features",
    "parse_work",
    "read_calibration",
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
    missed : float
        Factor that 90 % of ops like it stay within, held out.
    """

    instructions: float
    known: bool
    inside: bool
    missed: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSpread:
    """How far instructions were missed on models left out, one build on one core.

    Parameters
    ----------
    models : float
        Factor that 90 % of the models of three ops or more stay within.
    ops : float
        The same of single ops, most of whose kinds few other models show.
    unknown : float
        The same of kinds of op that no model of the fit had.
    n : int
        Models behind the first.
    paths : mapping of str to float
        The same of the ops of one path, where more than one network has it.
    """

    models: float
    ops: float
    unknown: float
    n: int
    paths: Mapping[str, float] = field(default_factory=dict)


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
    spread : mapping
        (build, core) to its `WorkSpread`.
    source : str
        Where the numbers come from.
    """

    kernels: Mapping[str, str]
    coefficients: Mapping[tuple[str, str], Mapping[str, Mapping[str, float]]]
    overhead: Mapping[tuple[str, str], tuple[float, float]]
    domain: Mapping[str, Mapping[str, tuple[float, float]]]
    spread: Mapping[tuple[str, str], WorkSpread]
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
        inside, spread = self._inside(op, name), self.spread[build, core]
        missed = spread.paths.get(name, spread.ops) if known else spread.unknown
        return OpWork(total, known, inside, missed if inside else max(missed, spread.ops))

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


def read_calibration(name: str) -> dict[str, Any]:
    """Read one packaged calibration file.

    Parameters
    ----------
    name : str
        Such as ``"work.json"``.

    Returns
    -------
    dict

    Raises
    ------
    ConfigError
        If the file is absent or damaged.
    """
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
        spread={(build, core): WorkSpread(**table["spread"]) for build, core, table in tables},
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
    return parse_work(read_calibration("work.json"))
