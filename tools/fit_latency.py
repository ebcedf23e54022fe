"""Fit the latency calibration from the fact tables, and validate it on what was left out.

::

    python tools/fit_latency.py               # writes src/tinygauge/data/calibrations/*.json
    python tools/fit_latency.py --validate    # and prints the table of docs/design

The residuals behind the intervals are those of groups left out of the time fit, one kind per
transfer: ``pair`` (board and engine timed, network new), ``board``, ``core`` and ``engine``
(that new, and the network too), ``family`` (no network of the family seen).

References
----------
Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, "Distribution-Free Predictive Inference for
Regression", JASA 113(523), 2018, section 2.2 (intervals from held-out residuals); Student,
"The probable error of a mean", Biometrika 6(1), 1908 (the widening for few groups).
"""

from __future__ import annotations

import argparse
import collections
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import fit_time
import fit_work
import numpy as np
from fit_time import Design, Row
from scipy.stats import norm as normal
from scipy.stats import t as student

from tinygauge.cost.table import WorkTable, domain_features, parse_work

SOURCE_WORK = (
    "TinyGauge emulation study 2026-11-22, TFLM 90b983c2b, CMSIS-NN 4ab83cc3, QEMU 7.2.22; "
    "tools/fit_latency.py"
)
SOURCE_TIME = (
    "MLPerf Tiny results v0.5 to v1.2 (mlcommons/tiny_results_*) and EdgeMark "
    "(Black3rror/EdgeMark @ 3e7237d); tools/fit_latency.py"
)
# Instructions per op and per inference outside the kernels: models.csv of the emulation study,
# overhead_insns, which is exactly linear in the number of ops on each core.
OVERHEAD = {"m0p": (41, 88), "m55": (33, 70)}
LEVEL = 0.9
# A pair with at least this many networks gets an interval of its own.
OWN_INTERVAL = 8
FAMILIES = {"FC": "dense", "CNN": "conv", "GRU": "recurrent", "LSTM": "recurrent"}


def family(network: str) -> str:
    """Name the family of a network."""
    stem = network.split("_", maxsplit=1)[0]
    return "recurrent" if stem == "simple" else FAMILIES.get(stem, "mlperf")


def work_json(tables: dict[tuple[str, str], Any], ops: Any) -> dict[str, Any]:
    """Lay out the work table, with the range of features behind each path."""
    builds: dict[str, Any] = {}
    for (build, core), paths in sorted(tables.items()):
        entry = builds.setdefault(build, {"kernels": fit_work.BUILDS[build], "cores": {}})
        entry["cores"][core] = {
            "overhead": OVERHEAD.get(core, (33, 65)),
            "paths": {path: dict(sorted(c.items())) for path, c in sorted(paths.items())},
        }
    domain: dict[str, dict[str, list[int]]] = {}
    for op in ops["op"]:
        for kernels in set(fit_work.BUILDS.values()):
            ranges = domain.setdefault(fit_work.work.path(op, kernels), {})
            for name, value in domain_features(op).items():
                low, high = ranges.get(name, (value, value))
                ranges[name] = [min(low, value), max(high, value)]
    return {"source": SOURCE_WORK, "builds": builds, "domain": dict(sorted(domain.items()))}


Split = Iterable[tuple[np.ndarray, np.ndarray]]


class Residuals:
    """Logarithms of measured over predicted cycles, each from a fit without that row's group."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.design = Design(list(rows))
        self.rows = list(rows)
        self.usable = np.array([not row.erratic for row in rows])
        self.network = np.array([row.network for row in rows])
        self.board = np.array([row.board for row in rows])
        self.core = np.array([row.core for row in rows])
        self.engine = np.array([row.engine for row in rows])
        self.full = self.design.fit(self.usable.astype(float))
        self.family = np.array([family(row.network) for row in rows])

        self.cell = np.array([f"{row.board}+{row.engine}@{row.build}" for row in rows])
        self.both = np.char.add(np.char.add(self.cell, "/"), self.network)
        self.units = {
            "pair": self.network,
            "board": self.board,
            "core": self.core,
            "engine": self.engine,
            "family": self.family,
        }

    def kinds_of_use(self) -> dict[str, np.ndarray]:
        """Mark the rows that stand for a new board, a new core, and a new family."""
        boards = collections.defaultdict(set)
        for row in self.rows:
            boards[row.engine, row.core].add(row.board)
        elsewhere = np.array([len(boards[row.engine, row.core]) > 1 for row in self.rows])
        counted = np.array([row.engine in fit_time.COUNTED for row in self.rows])
        arm = np.char.startswith(self.core, "cortex")
        own = self.usable & counted & arm
        return {"board": self.usable & elsewhere, "core": own, "family": own}

    def leave_out(self, split: Split) -> np.ndarray:
        """Predict the rows of each test mask from a fit without those of the drop mask."""
        found = np.full(len(self.rows), np.nan)
        for test, drop in split:
            effects = self.design.fit((self.usable & ~drop).astype(float), self.full)
            logs, _ = self.design.evaluate(effects)
            found[test] = (self.design.target - logs)[test]
        return found

    def groups(self, labels: np.ndarray) -> Split:
        """Leave out one label after another."""
        for label in sorted(set(labels)):
            yield labels == label, labels == label

    def groups_and_networks(self, labels: np.ndarray) -> Split:
        """Leave out one label, and one network everywhere; predict where they meet."""
        for label, network in sorted(set(zip(labels, self.network, strict=True))):
            mine, same = labels == label, self.network == network
            yield mine & same, mine | same


def quantiles(
    logs: np.ndarray, groups: Sequence[str], units: Sequence[str], level: float = LEVEL
) -> tuple[float, float]:
    """Return the ends of the interval of `level` on measured over predicted.

    Parameters
    ----------
    logs : ndarray of float64, shape (n,)
        Held-out residuals.
    groups : sequence of str
        What each is a measurement of; groups weigh alike.
    units : sequence of str
        What is new in the transfer (network, board, core, engine). Residuals of one unit share
        its luck, so the ends move outwards as Student's t does for so few.
    level : float
        Confidence in 0..1.

    Returns
    -------
    low, high : float
        Factors.
    """
    sizes = collections.Counter(groups)
    weight = np.array([1 / sizes[group] for group in groups])
    order = np.argsort(logs)
    shares = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    tail = (1 - level) / 2
    few = student.ppf(1 - tail, max(1, len(set(units)) - 1)) / normal.ppf(1 - tail)
    low, high = few * np.interp([tail, 1 - tail], shares, logs[order])
    return float(np.exp(min(0.0, low))), float(np.exp(max(0.0, high)))


def summary(logs: np.ndarray, groups: Sequence[str], units: Sequence[str]) -> dict[str, float]:
    """Summarise residuals as the table stores them."""
    low, high = quantiles(logs, groups, units)
    return {
        "low": round(low, 4),
        "high": round(high, 4),
        "n": len(logs),
        "groups": len(set(units)),
    }


def all_residuals(found: Residuals) -> dict[str, np.ndarray]:
    """Compute the held-out residuals of every kind of transfer."""
    return {
        "pair": found.leave_out(found.groups(found.network)),
        "board": found.leave_out(found.groups_and_networks(found.board)),
        "core": found.leave_out(found.groups_and_networks(found.core)),
        "engine": found.leave_out(found.groups_and_networks(found.engine)),
        "family": found.leave_out(found.groups(found.family)),
    }


def residual_table(found: Residuals, logs: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Turn residuals into the quantiles behind the intervals, by kind of transfer.

    A kind takes the rows for which it would be used: ``board`` those whose engine was timed on
    another board of the core, ``core`` those of engines whose kernels' instructions were counted.
    """
    own = {cell for cell in set(found.cell) if _networks(found, cell) >= OWN_INTERVAL}
    shared = ~np.isin(found.cell, sorted(own))
    used = found.kinds_of_use() | {"pair": found.usable & shared}
    table = {}
    for kind, values in logs.items():
        kept = used.get(kind, found.usable)
        table[kind] = summary(values[kept], found.both[kept], found.units[kind][kept])
    for cell in sorted(own):
        mine = found.cell == cell
        networks = found.network[mine]
        table[f"pair/{cell}"] = summary(logs["pair"][mine], networks, networks)
    return table


def _networks(found: Residuals, cell: str) -> int:
    return len(set(found.network[found.cell == cell]))


def time_json(found: Residuals, residuals: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Lay out the time table."""
    named = {name: round(float(found.full[i]), 4) for name, i in found.design.names.items()}
    newest: dict[str, tuple[str, str]] = {}
    engines: dict[str, Any] = {}
    for row in found.rows:
        cell = f"{row.board}+{row.engine}"
        variant = row.build.endswith(("-max-performance", "-min-ram"))
        if not variant:
            newest[cell] = max(newest.get(cell, ("", "")), (row.released, row.build))
        entry = engines.setdefault(row.engine, _engine_entry(row.engine))
        entry["builds"][row.build] = _build_entry(row)
        if not variant and not row.engine.startswith("tflm-"):
            entry["newest"] = max(entry.get("newest", ("", "")), (row.released, row.build))
    for entry in engines.values():
        entry["build"] = entry.pop("newest", ("", ""))[1]
    cores = collections.defaultdict(set)
    for row in found.rows:
        cores[row.engine].add(row.core)
    return {
        "source": SOURCE_TIME,
        "cores": fit_time.CORES,
        "aliases": fit_time.ALIASES,
        "renamed": fit_time.RENAMED,
        "engines": dict(sorted(engines.items())),
        "pairs": {cell: build for cell, (_, build) in sorted(newest.items())},
        "timed_cores": {engine: sorted(found) for engine, found in sorted(cores.items())},
        "residuals": residuals,
        "effects": {name: value for name, value in sorted(named.items()) if abs(value) >= 5e-4},
    }


def _engine_entry(engine: str) -> dict[str, Any]:
    return {
        "work": fit_time.WORK.get(engine, "tflm-cmsis-nn"),
        "counted": engine in fit_time.COUNTED,
        "builds": {},
    }


def _build_entry(row: Row) -> dict[str, Any]:
    entry: dict[str, Any] = {"skips": row.build in fit_time.SKIPS.get(row.engine, ())}
    if work := fit_time.WORK_OF_BUILD.get((row.engine, row.build)):
        entry["work"] = work
    if any(kind == "copy" for kind, _, _ in row.work):
        entry["copies"] = True
    return entry


def write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON with one short line per innermost table."""
    text = json.dumps(content, indent=1, sort_keys=False)
    lines: list[str] = []
    depth_limit = 5 if "builds" in content else 3
    for line in text.splitlines():
        depth = len(line) - len(line.lstrip())
        if depth > depth_limit or (depth == depth_limit and line.strip()[0] in "]}"):
            lines[-1] += line.strip() if line.strip()[0] in "]}" else " " + line.strip()
        else:
            lines.append(line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Fit, write, and validate on demand."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("calibration"), help="the fact tables")
    parser.add_argument("--out", type=Path, default=Path("src/tinygauge/data/calibrations"))
    parser.add_argument("--validate", action="store_true", help="print the validation table")
    options = parser.parse_args()
    ops = fit_work.read_ops(options.data)
    found = fit_work.samples(options.data, ops)
    raw = work_json(fit_work.fit_all(found), ops)
    table: WorkTable = parse_work(raw)
    rows = Residuals(fit_time.read_rows(options.data, ops, table))
    logs = all_residuals(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.out / "work.json", raw)
    write(options.out / "time.json", time_json(rows, residual_table(rows, logs)))
    if options.validate:
        import validate_latency

        validate_latency.report(found, rows, logs)


if __name__ == "__main__":
    main()
