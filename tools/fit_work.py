"""Fit instructions per op: the coefficients of `tinygauge.cost.work`'s terms.

Non-negative least squares on relative error, one fit per build, core and path of an op. Each
coefficient is drawn weakly towards what similar ops cost, which decides only where data are
thin; paths that were not measured on a core are borrowed from another. Errors are those of
models left out of the fit, all variants of a network together.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from tinygauge.cost import work
from tinygauge.cost.features import OpFeatures

BUILDS = {
    "tflm-ref": "reference",
    "tflm-cmsis-nn": "cmsis-nn",
    "tflm-cmsis-nn@emO3": "cmsis-nn",
}
CORES = ("m4f", "m33", "m7", "m55", "m3", "m0p")
# A path with fewer networks than this keeps only its principal terms.
THIN = 5
PRINCIPAL = {"products", "taps", "inputs", "outputs", "tensors", "op"}
# Instructions that a term costs where nothing better is known; weight 0.03 of one sample each.
PRIOR = {
    "op": 400.0,
    "tensors": 60.0,
    "outputs": 30.0,
    "inputs": 5.0,
    "products": 5.0,
    "taps": 20.0,
}
PRIOR_WEIGHT = 0.03

Coefficients = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Sample:
    """Instructions of a group of ops of one model, with the terms that should explain them."""

    network: str
    model: str
    path: str
    fallback: str
    terms: Mapping[str, float]
    instructions: float


def network(model: str) -> str:
    """Name the network of a model: its variants by data type share it, whoever trained them."""
    name = model.split("__", maxsplit=1)[0].removeprefix("TinyMLPerf_")
    for prefix, known in (
        ("ad01", "AE"),
        ("pretrainedResnet", "ResNet"),
        ("kws_ref", "DS_CNN"),
        ("vww_96", "MobileNet"),
        ("fio", "fio"),
    ):
        if name.startswith(prefix):
            return known + ("_large" if "large" in name else "")
    return name


def read_ops(folder: Path) -> pd.DataFrame:
    """Read `ops.csv` with an `OpFeatures` per row."""
    ops = pd.read_csv(folder / "ops.csv", dtype={"group": str}, keep_default_na=False)
    names = [field.name for field in dataclasses.fields(OpFeatures)]
    ops["op"] = [OpFeatures(**row) for row in ops[names].to_dict("records")]
    return ops[["model", "group", "count", "op"]]


def samples(folder: Path, ops: pd.DataFrame) -> dict[tuple[str, str], list[Sample]]:
    """Pair measured instructions with terms, by build and core."""
    table = pd.read_csv(folder / "instructions.csv", dtype={"group": str})
    groups = dict(iter(ops.groupby(["model", "group"])))
    found: dict[tuple[str, str], list[Sample]] = {}
    for column in table.columns.drop(["model", "group"]):
        build, core = column.rsplit("/", 1)
        known = table[["model", "group", column]].dropna()
        found[build, core] = [
            sample
            for model, group, count in known.itertuples(index=False)
            if (sample := _sample(model, groups[model, group], BUILDS[build], count)) is not None
        ]
    return found


def _sample(model: str, rows: pd.DataFrame, kernels: str, count: float) -> Sample | None:
    """Add up the terms of ops that were counted together; None where they mix paths."""
    paths = {work.path(op, kernels) for op in rows["op"]}
    if len(paths) > 1:
        return None
    terms: collections.Counter[str] = collections.Counter()
    for op, times in zip(rows["op"], rows["count"], strict=True):
        for name, value in work.terms(op, kernels).items():
            terms[name] += value * times
    fallback = work.fallback(rows["op"].iloc[0])
    return Sample(network(model), model, paths.pop(), fallback, dict(terms), count)


def fit(rows: list[Sample], prior: Mapping[str, float], names: Iterable[str]) -> Coefficients:
    """Fit non-negative coefficients on relative error, with a weak pull to the prior."""
    names = sorted(names)
    design = np.array([[row.terms.get(name, 0) for name in names] for row in rows], float)
    design /= np.array([row.instructions for row in rows])[:, None]
    # Terms without a prior are drawn to zero on the scale on which they matter.
    scale = np.sqrt((design**2).mean(0))
    pull = np.array([1 / prior[n] if n in prior else s for n, s in zip(names, scale, strict=True)])
    weight = np.array([PRIOR_WEIGHT if name in prior else 1e-3 for name in names])
    wanted = np.concatenate(
        [np.ones(len(rows)), [weight[i] * (n in prior) for i, n in enumerate(names)]]
    )
    found, _ = nnls(np.vstack([design, np.diag(weight * pull)]), wanted)
    return {name: float(f"{value:.5g}") for name, value in zip(names, found, strict=True) if value}


def is_thin(rows: list[Sample]) -> bool:
    """Tell whether a path was seen in too few networks, or sizes, to fit all of its terms."""
    sizes = [row.terms.get("outputs", 1) / row.terms.get("op", 1) for row in rows]
    return len({row.network for row in rows}) < THIN or max(sizes) < 10 * max(1, min(sizes))


def fit_path(rows: list[Sample], sibling: Coefficients | None) -> Coefficients:
    """Fit one path: all terms, or where data are thin a sibling's scaled, or the principal terms.

    Parameters
    ----------
    rows : list of Sample
        At least one.
    sibling : dict or None
        Coefficients of the same kind of op for another data type that was seen well.
    """
    names = {name for row in rows for name, value in row.terms.items() if value}
    if not is_thin(rows):
        return fit(rows, PRIOR, names)
    if sibling is None:
        return fit(rows, PRIOR, names & PRINCIPAL)
    ratios = [row.instructions / predict(row, sibling) for row in rows]
    factor = float(np.exp(np.mean(np.log(ratios))))
    return {name: float(f"{value * factor:.5g}") for name, value in sibling.items()}


def by_path(rows: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Sort samples by path."""
    found: dict[str, list[Sample]] = collections.defaultdict(list)
    for row in rows:
        found[row.path].append(row)
    return found


def predict(row: Sample, coefficients: Coefficients) -> float:
    """Return the instructions that the coefficients give a sample."""
    return sum(coefficients.get(name, 0.0) * value for name, value in row.terms.items())


def fit_core(rows: list[Sample]) -> dict[str, Coefficients]:
    """Fit every path of a build on a core, and the fallbacks for kinds that were not seen."""
    paths = by_path(rows)
    rich = {path: fit_path(found, None) for path, found in paths.items() if not is_thin(found)}
    siblings: dict[str, Coefficients] = {}
    for path in sorted(rich, key=lambda path: -len(paths[path])):
        siblings.setdefault(path.split("/")[0], rich[path])
    table = {
        path: rich.get(path) or fit_path(found, siblings.get(path.split("/")[0]))
        for path, found in sorted(paths.items())
    }
    return table | _fallbacks(paths)


def _fallbacks(paths: Mapping[str, list[Sample]]) -> dict[str, Coefficients]:
    """Cost an unknown kind per product or output as the median kind, beside a fixed part."""
    found: dict[str, list[float]] = collections.defaultdict(list)
    for rows in paths.values():
        per = "products" if rows[0].fallback.endswith("/macs") else "outputs"
        large = [row for row in rows if row.terms.get(per, 0) >= 100 * row.terms.get("op", 1)]
        if large:
            costs = [(r.instructions - PRIOR["op"] * r.terms["op"]) / r.terms[per] for r in large]
            found[rows[0].fallback].append(max(0.0, float(np.median(costs))))
    return {
        name: {
            "op": PRIOR["op"],
            "products" if name.endswith("/macs") else "outputs": float(f"{np.median(costs):.4g}"),
        }
        for name, costs in sorted(found.items())
    }


def fit_all(
    found: Mapping[tuple[str, str], list[Sample]],
) -> dict[tuple[str, str], dict[str, Coefficients]]:
    """Fit every build and core, then lend each the paths that only others show."""
    tables = {key: fit_core(rows) for key, rows in found.items()}
    own = {key: dict(table) for key, table in tables.items()}
    for (build, core), table in tables.items():
        for donor_build in (build, build.split("@")[0], "tflm-ref"):
            for donor_core in CORES:
                donor = own.get((donor_build, donor_core))
                if donor is None or donor is own[build, core]:
                    continue
                factor = _ratio(own[build, core], donor)
                for path, coefficients in donor.items():
                    if path not in table and BUILDS[donor_build] == BUILDS[build]:
                        table[path] = {
                            n: float(f"{v * factor:.5g}") for n, v in coefficients.items()
                        }
    return tables


def _ratio(mine: Mapping[str, Coefficients], other: Mapping[str, Coefficients]) -> float:
    """Return how much more a core executes than another for an average op that both know."""
    logs = [
        np.log(mine[path]["outputs"] / other[path]["outputs"])
        for path in mine.keys() & other.keys()
        if mine[path].get("outputs") and other[path].get("outputs")
    ]
    return float(np.exp(np.median(logs))) if logs else 1.0


def held_out(rows: list[Sample], folds: int = 10) -> list[tuple[Sample, float]]:
    """Predict every sample from fits without its network, and return it with the prediction."""
    networks = sorted({row.network for row in rows})
    fold = {name: i * 7 % folds for i, name in enumerate(networks)}
    found = []
    for number in range(folds):
        kept = [row for row in rows if fold[row.network] != number]
        table = fit_core(kept)
        for row in rows:
            if fold[row.network] == number:
                coefficients = table.get(row.path) or table.get(row.fallback, {})
                found.append((row, predict(row, coefficients)))
    return found


def model_errors(pairs: list[tuple[Sample, float]]) -> np.ndarray:
    """Return the relative error of the total instructions of each model."""
    measured: collections.Counter[str] = collections.Counter()
    predicted: collections.Counter[str] = collections.Counter()
    for row, value in pairs:
        measured[row.model] += row.instructions
        predicted[row.model] += value
    return np.array([predicted[model] / measured[model] - 1 for model in sorted(measured)])
