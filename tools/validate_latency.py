"""Print how far latency and energy predictions are from what they had not seen.

Called by ``fit_latency.py --validate``. Errors are of predicted over measured minus 1. Coverage is
the share of rows inside a 90 % interval whose reach comes from the errors of other groups. Beside
each split stand the simple ways to predict (`baselines.py`), given the same rows to learn from.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from functools import cache

import baselines
import fit_latency
import fit_work
import numpy as np
from held_out import FAMILIES, Errors, HeldOut
from numpy.typing import NDArray
from scipy.stats import spearmanr

HEADER = (
    "| split | rows | median | mean | p90 | within 10 % | within 15 % | inside 90 % interval | "
    "MACs only | nearest neighbour | CoreMark only |\n|" + "---|" * 11
)


class Coverage:
    """Tell which errors lie inside intervals made without their group."""

    def __init__(self, found: HeldOut, errors: Mapping[str, Errors]) -> None:
        self.found = found
        self.kinds = fit_latency.kinds_of(found, errors)
        self.reach = cache(self._reach)

    def _reach(self, kind: str, unit: str) -> float:
        errors = self.kinds[kind]
        others = errors.keep(errors.unit != unit)
        return fit_latency.reach_of(others, self.found)

    def share(self, kind: str, errors: Errors) -> float:
        """Return the share of errors inside their intervals."""
        found, inside = self.found, []
        for number, place in enumerate(errors.place):
            entries = [(kind, errors.unit[number])]
            if errors.distance[number] > fit_latency.BEYOND:
                entries.append(("family", found.labels["family"][place]))
            if found.flagged[place]:
                entries.append(("flagged", errors.unit[number]))
            reach = max(self.reach(self._entry(k, place), unit) for k, unit in entries)
            inside.append(abs(errors.log[number]) <= reach * errors.standard[number])
        return float(np.mean(inside))

    def _entry(self, kind: str, place: int) -> str:
        counted = f"{kind}/counted"
        return counted if self.found.counted[place] and counted in self.kinds else kind


def per_cent(value: float, digits: int = 0) -> str:
    """Lay out a share; a dash where there is none."""
    return "-" if np.isnan(value) else f"{value:.{digits}%}".replace("%", " %")


def line(name: str, found: HeldOut, errors: Errors, covered: float, unit: str | None) -> str:
    """Lay out one split; `unit` is the label that the baselines don't see."""
    wrong = errors.relative
    plain = (
        [float("nan")] * 3
        if unit is None
        else [
            float(np.nanmedian(np.abs(np.exp(-logs[errors.place]) - 1)))
            for logs in baselines.all_three(found, unit)
        ]
    )
    cells = [
        name,
        str(len(wrong)),
        *(per_cent(v, 1) for v in (np.median(wrong), wrong.mean(), np.quantile(wrong, 0.9))),
        *(per_cent(float(np.mean(wrong <= limit))) for limit in (0.1, 0.15)),
        per_cent(covered),
        *(per_cent(value) for value in plain),
    ]
    return f"| {' | '.join(cells)} |"


def latency_lines(found: HeldOut, errors: Mapping[str, Errors]) -> list[str]:
    """Lay out the splits on latency."""
    coverage = Coverage(found, errors)
    published, use, labels = found.published, found.use, found.labels
    tflm = np.char.startswith(labels["engine"], "tflm") & ~published & ~found.flagged
    arm = np.char.startswith(labels["core"], "cortex")
    cells = dict(zip(labels["cell"], labels["engine"], strict=True))
    builds = collections.Counter(cells.values())
    known = published & np.array([builds[engine] > 1 for engine in labels["engine"]])
    splits = [
        ("new board, core and engine known", "board", "board", use["board"] & published),
        ("new board and new model", "board and model", "board", use["board"]),
        ("the same, after one calibration run", "calibrated", None, use["board"] & published),
        ("one run on a new core, TFLM on Arm", "calibrated", None, use["core"]),
        ("one run of a build, board and engine known", "calibrated build", None, known & arm),
        ("new engine and new model", "engine", "engine", found.everything & ~found.flagged),
    ]
    for board in ("nucleo-l4r5zi", "rx65n-cloud-kit"):
        for kind in ("int8", "int16", "float32"):
            kept = tflm & (labels["board"] == board) & (found.dtype == kind)
            splits.append((f"new model, EdgeMark {board}, TFLM, {kind}", "pair", "network", kept))
    splits += [
        ("the same, op sets flagged on the RX65N", "pair", "network", found.flagged),
        ("new model, published boards and engines", "pair", "network", published),
        ("new family, TFLM on Arm", "family", "family", use["family"]),
    ]
    for name in ("mlperf", *sorted(set(FAMILIES.values()))):
        kept = use["family"] & (labels["family"] == name)
        splits.append((f"new family, {name} alone", "family", "family", kept))
    uncounted = "new family, its ops never counted either"
    splits.append((uncounted, "family uncounted", "family", use["family"]))
    splits.append(("new core and new model, TFLM on Arm", "core", "core", use["core"]))
    kinds = {
        "board and model": "board",
        "calibrated build": "calibrated",
        "family uncounted": "family",
    }
    return [
        line(name, found, mine, coverage.share(kinds.get(key, key), mine), unit)
        for name, key, unit, kept in splits
        for mine in [errors[key].where(kept)]
    ]


def energy_lines(found: HeldOut, errors: Mapping[str, Errors]) -> list[str]:
    """Lay out energy, with the power taken from the other models of the same system."""
    power = fit_latency.power_errors(found.rows)
    latency = dict(zip(errors["pair"].place, errors["pair"].log, strict=True))
    standard = dict(zip(errors["pair"].place, errors["pair"].standard, strict=True))
    reach = fit_latency.reach_of(fit_latency.kinds_of(found, errors)["pair"], found)
    spread = np.quantile(np.abs(list(power.values())), fit_latency.LEVEL)
    both = {place: log + latency[place] for place, log in power.items() if place in latency}
    wide = {place: np.hypot(spread, reach * standard[place]) for place in both}
    rows = (
        ("energy, latency measured", power, dict.fromkeys(power, spread)),
        ("energy, end to end", both, wide),
    )
    lines = []
    for name, logs, width in rows:
        wrong = np.abs(np.exp(-np.array(list(logs.values()))) - 1)
        inside = np.mean([abs(log) <= width[place] for place, log in logs.items()])
        lines.append(
            f"| {name} | {len(wrong)} | {per_cent(np.median(wrong), 1)} | "
            f"{per_cent(np.quantile(wrong, 0.9), 1)} | {per_cent(float(inside))} |"
        )
    return lines


def rank_line(found: HeldOut, errors: Errors) -> str:
    """Say how well models are ranked on each board and engine."""
    predicted = np.full(len(found.rows), np.nan)
    predicted[errors.place] = found.log_cycles[errors.place] - errors.log
    cells, usable = found.labels["cell"], ~found.flagged
    ranks = [
        spearmanr(predicted[mine], found.log_cycles[mine]).statistic
        for cell in sorted(set(cells))
        if (mine := (cells == cell) & usable).sum() >= 4
    ]
    return (
        "Rank order of new models within a board, engine and build: Spearman median "
        f"{np.median(ranks):.3f}, lowest {min(ranks):.3f}, at least 0.98 in "
        f"{np.sum(np.array(ranks) >= 0.98)} of {len(ranks)}."
    )


def work_lines(
    missed: Mapping[tuple[str, str], Sequence[tuple[fit_work.Sample, float]]],
) -> list[str]:
    """Lay out the errors of total instructions per model, networks left out."""
    lines = []
    for (build, core), pairs in sorted(missed.items()):
        size = collections.Counter(row.model for row, _ in pairs)
        nets = [(row, value) for row, value in pairs if size[row.model] >= fit_latency.MODEL_OPS]
        cells = [f"{build} | {core}"]
        for chosen in (nets, pairs):
            wrong: NDArray[np.float64] = np.abs(fit_work.model_errors(list(chosen)))
            median, most = np.median(wrong), np.quantile(wrong, 0.9)
            cells += [str(len(wrong)), per_cent(median, 2), per_cent(most, 1)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def report(
    missed: Mapping[tuple[str, str], Sequence[tuple[fit_work.Sample, float]]],
    found: HeldOut,
    errors: Mapping[str, Errors],
) -> None:
    """Print all tables as Markdown."""
    print(
        "\n| build | core | models of three ops or more | median | p90 "
        "| all models | median | p90 |\n|" + "---|" * 8
    )
    print("\n".join(work_lines(missed)))
    print("\n" + HEADER)
    print("\n".join(latency_lines(found, errors)))
    print("\n| split | rows | median | p90 | inside 90 % interval |\n|" + "---|" * 5)
    print("\n".join(energy_lines(found, errors)))
    print("\n" + rank_line(found, errors["pair"]))
