"""Derive the boards' active power from the published MLPerf Tiny energy runs.

Reads `energy_runs.csv` (one row per energy window) and `results.csv` (one row per system and
benchmark) of the MLPerf Tiny rounds, and prints the figures that stand as ``[active_power]`` in
``src/tinygauge/data/boards/*.toml``. It writes no file: a changed figure is carried over by hand,
with its changelog entry.

How a figure is made:

1. A *run* is one system on one benchmark; its power is the median over its windows.
2. Runs whose energy mode was not clocked as the performance mode (throughputs more than 3 %
   apart) are left out: they belong to another operating point.
3. A *system* is one submission of one software stack on one board; its power is the median over
   its benchmarks. An operating point is a board at a clock and a supply; its power is the median
   over its systems.
4. The interval (level 0.9) is that power times the 5 % and 95 % quantiles of the ratio "run of a
   left-out system / median of the other systems", pooled over every operating point that has two
   systems or more. It covers what models, engines, compilers, submitters and specimens change,
   also for boards that only one system was published for.

>>> quantile([1.0, 2.0, 3.0], 0.5)
2.0

References
----------
Results repositories mlcommons/tiny_results_v0.5 to v1.2 (supply and window power as the energy
monitor reported them). Leave-one-group-out: Hastie, Tibshirani, Friedman, The Elements of
Statistical Learning, 2nd edition, section 7.10.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

SAME_CLOCK = 0.03
LEVEL = 0.9


@dataclass(frozen=True)
class Point:
    """An operating point: a board at a clock (MHz) and a supply (V)."""

    board: str
    clock_mhz: float
    supply_v: float


# Power in mW of every run, by the system that made it.
Systems = dict[str, list[float]]


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile, interpolated linearly between the sorted values."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_points(folder: Path) -> dict[Point, Systems]:
    """Return the runs' powers (mW) by operating point and system."""
    windows: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in read_rows(folder / "energy_runs.csv"):
        run = (row["round"], row["submitter"], row["system"], row["benchmark"])
        windows[*run, row["supply_v"]].append(float(row["power_mw"]))
    results: dict[tuple[str, ...], dict[str, str]] = {
        (row["round"], row["submitter"], row["system"], row["benchmark"]): row
        for row in read_rows(folder / "results.csv")
    }
    points: dict[Point, Systems] = defaultdict(lambda: defaultdict(list))
    for (*names, supply_v), powers_mw in windows.items():
        result = results[tuple(names)]
        if not result["core"].startswith(("cortex-m", "rx")) or not same_clock(result):
            continue
        clock_mhz = float(result["frequency_mhz"])
        point = Point(result["board"].lower(), clock_mhz, float(supply_v))
        points[point]["/".join(names[:3])].append(median(powers_mw))
    return points


def same_clock(result: Mapping[str, str]) -> bool:
    """Tell whether the energy run went as fast as the performance run."""
    energy, performance = result["energy_run_throughput_inf_s"], result["median_throughput_inf_s"]
    return abs(float(energy) / float(performance) - 1) <= SAME_CLOCK


def left_out_ratios(systems: Systems) -> list[float]:
    """Return each run's power over the median of the systems other than its own."""
    centre = {name: median(powers) for name, powers in systems.items()}
    ratios = []
    for name, powers in systems.items():
        others = [value for other, value in centre.items() if other != name]
        if others:
            ratios += [power / median(others) for power in powers]
    return ratios


def main() -> None:
    """Print one line per operating point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the two CSV files")
    points = read_points(parser.parse_args().data)
    ratios = [ratio for systems in points.values() for ratio in left_out_ratios(systems)]
    low, high = (quantile(ratios, share) for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    print(
        f"interval at level {LEVEL}: {low:.3f} to {high:.3f} of the value, n={len(ratios)} runs\n"
    )
    print("board              MHz    V  runs  systems  power mW     low    high")
    for point in sorted(points, key=lambda p: (p.board, p.supply_v)):
        systems = points[point]
        power_mw = median(median(powers) for powers in systems.values())
        runs = sum(map(len, systems.values()))
        print(
            f"{point.board:16} {point.clock_mhz:5.0f} {point.supply_v:4} {runs:5} {len(systems):8} "
            f"{power_mw:9.1f} {power_mw * low:7.1f} {power_mw * high:7.1f}"
        )


if __name__ == "__main__":
    main()
