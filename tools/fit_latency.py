"""Fit the latency calibration from the fact tables, and validate it on what was left out.

::

    python tools/fit_latency.py               # writes src/tinygauge/data/calibrations/*.json
    python tools/fit_latency.py --validate    # and prints the tables of docs/design

The prior is chosen in `fit_prior.py`; what is left out, and predicted, in `held_out.py`. An
interval reaches as many predicted standard deviations as 90 % of the held-out errors of its kind
of transfer do (`reaches`); the fit's own residuals play no part.

References
----------
Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, "Distribution-Free Predictive Inference for
Regression", JASA 113(523), 2018, sections 2.2 and 5.2 (intervals from held-out residuals, scaled
by a local spread); Student, "The probable error of a mean", Biometrika 6(1), 1908 (the widening
for few errors).
"""

from __future__ import annotations

import argparse
import collections
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fit_prior
import fit_time
import fit_work
import numpy as np
from fit_time import Facts, Timed
from held_out import Errors, HeldOut
from numpy.typing import NDArray
from scipy.stats import norm as normal
from scipy.stats import t as student

from tinygauge.cost.table import domain_features, parse_work
from tinygauge.cost.times import row_entry

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
# Models are unlike beyond half the length at which likeness falls to 0.6: it is 0.9 there.
BEYOND = fit_prior.LENGTH / 2
# Models with at least this many groups of ops count as whole ones; fewer are single ops.
MODEL_OPS = 3

Pairs = Sequence[tuple[fit_work.Sample, float]]


def work_spread(pairs: Pairs) -> dict[str, Any]:
    """Summarise how far instructions were missed on what was left out.

    Parameters
    ----------
    pairs : sequence of (Sample, float)
        Of `fit_work.held_out`.

    Returns
    -------
    dict
        As `tinygauge.cost.table.WorkSpread` has it.
    """
    sizes = collections.Counter(row.model for row, _ in pairs)
    models = [(row, value) for row, value in pairs if sizes[row.model] >= MODEL_OPS]
    missed = np.log1p(fit_work.model_errors(list(models)))
    groups: dict[bool, list[float]] = {True: [], False: []}
    networks = collections.defaultdict(set)
    for row, _ in pairs:
        networks[row.path].add(row.network)
    for row, value in pairs:
        if value > 0:
            groups[len(networks[row.path]) > 1].append(abs(np.log(value / row.instructions)))
    by_path = collections.defaultdict(list)
    for row, value in pairs:
        if value > 0 and len(networks[row.path]) > 1:
            by_path[row.path].append(abs(np.log(value / row.instructions)))
    seen, unseen = groups[True], groups[False] or groups[True]
    return {
        "models": factor(np.abs(missed)),
        "ops": factor(np.array(seen)),
        "unknown": max(factor(np.array(unseen)), factor(np.array(seen))),
        "n": len(missed),
        "paths": {path: factor(np.array(logs)) for path, logs in sorted(by_path.items())},
    }


def factor(logs: NDArray[np.float64]) -> float:
    """Return the factor that 90 % of the logarithms stay within."""
    return round(float(np.exp(np.quantile(logs, LEVEL))), 4)


def work_json(
    tables: dict[tuple[str, str], Any], ops: Any, missed: Mapping[tuple[str, str], Pairs]
) -> dict[str, Any]:
    """Lay out the work table, with the range of features behind each path."""
    builds: dict[str, Any] = {}
    for (build, core), paths in sorted(tables.items()):
        entry = builds.setdefault(build, {"kernels": fit_work.BUILDS[build], "cores": {}})
        entry["cores"][core] = {
            "overhead": OVERHEAD.get(core, (33, 65)),
            "spread": work_spread(missed[build, core]),
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


def independent(errors: Errors) -> float:
    """Return how many independent errors a set is worth: those of one unit share its luck.

    Parameters
    ----------
    errors : Errors

    Returns
    -------
    float
        Rows over Kish's design effect, from the intraclass correlation of the scaled errors.

    References
    ----------
    Kish, "Survey Sampling", Wiley 1965, section 5.4; Donner, "A review of inference procedures
    for the intraclass correlation coefficient", International Statistical Review 54(1), 1986.
    """
    scaled = errors.log / errors.standard
    groups = [scaled[errors.unit == unit] for unit in sorted(set(errors.unit))]
    rows, units = len(scaled), len(groups)
    if units < 2:
        return 1.0
    squares = sum(len(group) ** 2 for group in groups)
    between = sum(len(g) * (g.mean() - scaled.mean()) ** 2 for g in groups) / (units - 1)
    within = sum(float(((g - g.mean()) ** 2).sum()) for g in groups) / max(1, rows - units)
    typical = (rows - squares / rows) / (units - 1)
    alike = (between - within) / (between + (typical - 1) * within)
    return float(rows / (1 + (squares / rows - 1) * np.clip(alike, 0.0, 1.0)))


def reach_of(errors: Errors, found: HeldOut) -> float:
    """Return how many predicted standard deviations 90 % of the errors stay within.

    Parameters
    ----------
    errors : Errors
        Of one kind of transfer. Rows of one cell and network weigh as one.
    found : HeldOut

    Returns
    -------
    float
        The quantile, widened for the few independent errors behind it as a prediction interval
        for one more of a normal sample is.
    """
    networks, cells = found.labels["network"][errors.place], found.labels["cell"][errors.place]
    groups = list(zip(cells, networks, strict=True))
    sizes = collections.Counter(groups)
    weight = np.array([1 / sizes[group] for group in groups])
    scaled = np.abs(errors.log) / errors.standard
    order = np.argsort(scaled)
    shares = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    tail, number = (1 + LEVEL) / 2, max(2.0, independent(errors))
    few = student.ppf(tail, number - 1) / normal.ppf(tail) * np.sqrt(1 + 1 / number)
    return float(few * np.interp(LEVEL, shares, scaled[order]))


def kinds_of(found: HeldOut, errors: Mapping[str, Errors]) -> dict[str, Errors]:
    """Sort held-out errors by the entry of the table whose interval they decide.

    ``/counted`` marks engines whose own instructions were counted; ``family`` is for models that
    are unlike the timed ones of their engine.
    """
    ours, plain = found.counted, ~found.flagged
    use = found.use
    far = {kind: errors[kind].keep(errors[kind].distance > BEYOND) for kind in ("pair", "family")}
    return {
        "pair": errors["pair"].where(plain & ~ours),
        "pair/counted": errors["pair"].where(plain & ours),
        "board": errors["board and model"].where(plain & use["board"]),
        "board/counted": errors["core"].where(plain & use["core"]),
        "core/counted": errors["core"].where(plain & use["core"]),
        "engine": errors["engine"].where(plain),
        "family": far["pair"].where(plain & ~ours),
        "family/counted": far["family"].where(plain & use["family"]),
        "flagged": errors["pair"].where(found.flagged),
        "calibrated": errors["calibrated"].where(plain & use["board"]),
        "calibrated/counted": errors["calibrated"].where(plain & use["core"]),
    }


def interval_table(found: HeldOut, errors: Mapping[str, Errors]) -> dict[str, dict[str, float]]:
    """Turn held-out errors into the reach of each kind of interval."""
    return {
        kind: {
            "factor": round(reach_of(mine, found), 3),
            "rows": len(mine.place),
            "groups": len(set(mine.unit)),
        }
        for kind, mine in kinds_of(found, errors).items()
    }


def power_errors(rows: Sequence[Timed]) -> dict[int, float]:
    """Return log of measured over predicted power, taken from a system's other networks."""
    cells = collections.defaultdict(list)
    for number, row in enumerate(rows):
        if row.energy_j > 0 and row.power_w > 0:
            cells[row.row.labels.groups["cell"]].append(number)
    found = {}
    for numbers in cells.values():
        for number in numbers:
            others = [
                np.log(rows[n].power_w) for n in numbers if rows[n].network != rows[number].network
            ]
            if others:
                found[number] = float(np.log(rows[number].power_w) - np.mean(others))
    return found


def time_json(found: HeldOut, errors: Mapping[str, Errors]) -> dict[str, Any]:
    """Lay out the time table."""
    prior, effects = found.full.prior, found.full.effects
    powers = np.abs(list(power_errors(found.rows).values()))
    return {
        "source": SOURCE_TIME,
        "cores": fit_time.CORES,
        "aliases": fit_time.ALIASES,
        "renamed": fit_time.RENAMED,
        "engines": engine_entries(found.rows),
        "pairs": newest_builds(found.rows),
        "timed_cores": timed_cores(found.rows),
        "flags": fit_time.FLAGGED,
        "intervals": interval_table(found, errors),
        "beyond": BEYOND,
        "power_spread": factor(powers),
        "prior": {
            "start": {key: round(value, 5) for key, value in prior.start.items()},
            "spread": prior.spread,
            "likeness": prior.likeness,
            "length": prior.length,
            "noise": prior.noise,
            "small_noise": prior.small_noise,
            "accelerated": sorted(prior.accelerated),
        },
        "effects": {name: round(value, 5) for name, value in sorted(effects.items())},
        "rows": [
            row_entry(_weighted(row, weight))
            for row, weight in zip(found.rows, found.full.weight, strict=True)
        ],
    }


def _weighted(row: Timed, weight: float) -> fit_time.Row:
    return fit_time.dataclasses.replace(row.row, weight=float(weight))


def _is_variant(build: str) -> bool:
    return build.endswith(("-max-performance", "-min-ram"))


def newest_builds(rows: Sequence[Timed]) -> dict[str, str]:
    """Map board and engine to the newest build timed there."""
    newest: dict[str, tuple[str, str]] = {}
    for row in rows:
        at = row.row.labels
        if not _is_variant(at.build):
            cell = f"{at.board}+{at.engine}"
            newest[cell] = max(newest.get(cell, ("", "")), (row.released, at.build))
    return {cell: build for cell, (_, build) in sorted(newest.items())}


def timed_cores(rows: Sequence[Timed]) -> dict[str, list[str]]:
    """Map each engine to the cores on which it was timed."""
    cores = collections.defaultdict(set)
    for row in rows:
        cores[row.row.labels.engine].add(row.row.labels.core)
    return {engine: sorted(found) for engine, found in sorted(cores.items())}


def engine_entries(rows: Sequence[Timed]) -> dict[str, Any]:
    """Describe each engine and its builds."""
    found: dict[str, Any] = {}
    newest: dict[str, tuple[str, str]] = {}
    for row in rows:
        engine, build = row.row.labels.engine, row.row.labels.build
        entry = found.setdefault(
            engine,
            {
                "work": fit_time.kernels_of(engine, "", "cortex"),
                "elsewhere": fit_time.kernels_of(engine, "", ""),
                "counted": engine in fit_time.COUNTED,
                "builds": {},
            },
        )
        entry["builds"][build] = _build_entry(row)
        # What is new of TFLM was never timed: its bare name means the average build.
        if not _is_variant(build) and not engine.startswith("tflm-"):
            newest[engine] = max(newest.get(engine, ("", "")), (row.released, build))
    for engine, entry in found.items():
        entry["build"] = newest.get(engine, ("", ""))[1]
    return dict(sorted(found.items()))


def _build_entry(row: Timed) -> dict[str, Any]:
    at = row.row.labels
    entry: dict[str, Any] = {"skips": at.build in fit_time.SKIPS.get(at.engine, ())}
    if work := fit_time.WORK_OF_BUILD.get((at.engine, at.build)):
        entry["work"] = work
    if row.copies:
        entry["copies"] = True
    return entry


def write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON with one short line per innermost table."""
    text = json.dumps(content, indent=1, sort_keys=False)
    lines: list[str] = []
    depth_limit = 5 if "builds" in content else 2
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
    facts = Facts.read(options.data)
    missed = {key: fit_work.held_out(rows) for key, rows in facts.samples.items()}

    def tabulate(known: Facts) -> dict[str, Any]:
        names = {row.network for rows in known.samples.values() for row in rows}
        others = {
            key: [(row, value) for row, value in pairs if row.network in names]
            for key, pairs in missed.items()
        }
        return work_json(fit_work.fit_all(known.samples), known.ops, others)

    raw = tabulate(facts)
    found = HeldOut(facts, lambda known: parse_work(tabulate(known)))
    errors = found.all()
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.out / "work.json", raw)
    write(options.out / "time.json", time_json(found, errors))
    if options.validate:
        # It imports this file, which is only half read at the top.
        import validate_latency

        validate_latency.report(missed, found, errors)


if __name__ == "__main__":
    main()
