"""Print how far latency and energy predictions are from what they had not seen.

Called by ``fit_latency.py --validate``. Errors are of predicted over measured minus 1; coverage
is the share of rows inside a 90 % interval made from the residuals of other groups. Beside each
split stands the baseline of cycles per MAC, taken from the same rows that the fit was allowed.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import fit_latency
import fit_work
import numpy as np
from scipy.optimize import nnls
from scipy.stats import spearmanr

if TYPE_CHECKING:
    from fit_latency import Residuals

HEADER = (
    "| split | rows | median | mean | p90 | within 10 % | within 15 % | "
    "MACs only, median | inside 90 % interval |\n|---|---|---|---|---|---|---|---|---|"
)


def errors(logs: np.ndarray) -> np.ndarray:
    """Return |predicted / measured - 1| for logarithms of measured over predicted."""
    return np.abs(np.exp(-logs) - 1)


def coverage(found: Residuals, logs: np.ndarray, kept: np.ndarray, units: np.ndarray) -> float:
    """Return the share of rows inside intervals made without their unit."""
    inside = []
    for label in sorted(set(units[kept])):
        mine, others = kept & (units == label), kept & (units != label)
        low, high = fit_latency.quantiles(logs[others], found.both[others], units[others])
        inside += list((logs[mine] >= np.log(low)) & (logs[mine] <= np.log(high)))
    return float(np.mean(inside))


def macs_only(found: Residuals, labels: np.ndarray) -> np.ndarray:
    """Predict cycles as a constant plus a rate times MACs, fitted to similar rows.

    Similar are rows of the same data type and engine, on the same board where there are any
    with another label, else on the same core, else on any.
    """
    cycles = np.array([row.cycles for row in found.rows])
    design = np.array([[row.macs, 1.0] for row in found.rows]) / cycles[:, None]
    dtype = np.array([row.dtype for row in found.rows])
    out = np.full(len(cycles), np.nan)
    for number, row in enumerate(found.rows):
        others = (labels != labels[number]) & (dtype == row.dtype)
        same = others & (found.engine == row.engine)
        choices = (same & (found.board == row.board), same & (found.core == row.core), same, others)
        chosen = next(choice for choice in choices if choice.sum() > 1)
        rate, constant = nnls(design[chosen], np.ones(chosen.sum()))[0]
        out[number] = np.log(row.cycles / max(1.0, rate * row.macs + constant))
    return out


def line(name: str, found: Residuals, logs: np.ndarray, kept: np.ndarray, units: np.ndarray) -> str:
    """Lay out one split."""
    wrong, plain = errors(logs[kept]), errors(macs_only(found, units)[kept])
    return (
        f"| {name} | {kept.sum()} | {np.median(wrong):.1%} | {wrong.mean():.1%} | "
        f"{np.quantile(wrong, 0.9):.1%} | {np.mean(wrong <= 0.1):.0%} | "
        f"{np.mean(wrong <= 0.15):.0%} | {np.median(plain):.0%} | "
        f"{coverage(found, logs, kept, units):.0%} |"
    ).replace("%", " %")


def latency_lines(found: Residuals, logs: Mapping[str, np.ndarray]) -> list[str]:
    """Lay out the splits on latency."""
    published = np.array([row.source != "edgemark" for row in found.rows])
    dtype = np.array([row.dtype for row in found.rows])
    use, networks = found.kinds_of_use(), found.network
    name = "new model, published boards and engines"
    lines = [line(name, found, logs["pair"], published, networks)]
    tflm = np.char.startswith(found.engine, "tflm") & ~published
    for board in ("nucleo-l4r5zi", "rx65n-cloud-kit"):
        for kind in ("int8", "int16", "float32"):
            kept = tflm & found.usable & (found.board == board) & (dtype == kind)
            name = f"new model, EdgeMark {board}, TFLM, {kind}"
            lines.append(line(name, found, logs["pair"], kept, networks))
    name = "the same, RX65N integer convolutions set aside"
    lines.append(line(name, found, logs["pair"], ~found.usable, networks))
    name, kept = "new board, core and engine known", use["board"] & published
    board_out = found.leave_out(found.groups(found.board))
    lines.append(line(name, found, board_out, kept, found.board))
    for name, kind, kept in (
        ("new board and new model", "board", use["board"]),
        ("new core and new model, TFLM on Arm", "core", use["core"]),
        ("new engine and new model", "engine", found.usable),
        ("new family, TFLM on Arm", "family", use["family"]),
    ):
        lines.append(line(name, found, logs[kind], kept, found.units[kind]))
    return lines


def energy_lines(found: Residuals, logs: Mapping[str, np.ndarray]) -> list[str]:
    """Lay out energy, with the power taken from the other models of the same system."""
    given, whole = [], []
    cells = list(found.cell)
    for number, row in enumerate(found.rows):
        if not (row.energy_j > 0 and row.power_w > 0):
            continue
        others = [
            other.power_w
            for k, other in enumerate(found.rows)
            if cells[k] == cells[number] and other.network != row.network and other.power_w > 0
        ]
        if not others:
            continue
        power = float(np.exp(np.mean(np.log(others))))
        seconds = row.energy_j / row.power_w
        given.append(power * seconds / row.energy_j - 1)
        whole.append((1 + given[-1]) / np.exp(logs["pair"][number]) - 1)
    return [
        f"| {name} | {len(values)} | {np.median(np.abs(values)):.1%} | "
        f"{np.quantile(np.abs(values), 0.9):.1%} |".replace("%", " %")
        for name, values in (("energy, latency measured", given), ("energy, end to end", whole))
    ]


def rank_line(found: Residuals, logs: Mapping[str, np.ndarray]) -> str:
    """Say how well models are ranked on each board and engine."""
    predicted = found.design.target - logs["pair"]
    ranks = [
        spearmanr(predicted[mine], found.design.target[mine]).statistic
        for cell in sorted(set(found.cell))
        if (mine := (found.cell == cell) & found.usable).sum() >= 4
    ]
    return (
        f"Rank order of new models within a board and engine: Spearman median "
        f"{np.median(ranks):.3f}, lowest {min(ranks):.3f}, over {len(ranks)} pairs."
    )


def work_lines(
    found: Mapping[tuple[str, str], Sequence[fit_work.Sample]],
) -> list[str]:
    """Lay out the errors of total instructions per model, networks left out."""
    lines = []
    for (build, core), rows in sorted(found.items()):
        pairs = fit_work.held_out(list(rows))
        size = collections.Counter(row.model for row, _ in pairs)
        nets = [(row, value) for row, value in pairs if size[row.model] >= 3]
        cells = [f"{build} | {core}"]
        for chosen in (nets, pairs):
            wrong = np.abs(fit_work.model_errors(chosen))
            cells += [str(len(wrong)), f"{np.median(wrong):.2%}", f"{np.quantile(wrong, 0.9):.1%}"]
        lines.append(f"| {' | '.join(cells)} |".replace("%", " %"))
    return lines


def report(
    found: Mapping[tuple[str, str], Sequence[fit_work.Sample]],
    residuals: Residuals,
    logs: Mapping[str, np.ndarray],
) -> None:
    """Print all tables as Markdown."""
    print(
        "\n| build | core | models of three ops or more | median | p90 "
        "| all models | median | p90 |\n|---|---|---|---|---|---|---|---|"
    )
    print("\n".join(work_lines(found)))
    print("\n" + HEADER)
    print("\n".join(latency_lines(residuals, logs)))
    print("\n| split | rows | median | p90 |\n|---|---|---|---|")
    print("\n".join(energy_lines(residuals, logs)))
    print("\n" + rank_line(residuals, logs))
