"""Fit cycles: effects of op class, core, engine, build and board on the cost of an instruction.

Each row is one measured or published latency. The logarithm of its cycles is that of the sum,
over classes of work, of instructions times a cost whose logarithm is a sum of effects, each
drawn to zero with the standard deviation given in `SPREAD` (so a board known by one row moves
little, one known by twenty moves freely). Solved by damped Gauss-Newton steps with Huber
weights. `Rows` keeps the designs, so that leaving groups out costs milliseconds.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import fit_work
import numpy as np
import pandas as pd

from tinygauge.cost.cycles import CLASSES, effect_keys
from tinygauge.cost.features import OpFeatures
from tinygauge.cost.table import WorkTable
from tinygauge.cost.work import op_class

CORES = {
    "cortex-m0": "m0p",
    "cortex-m0+": "m0p",
    "cortex-m1": "m0p",
    "cortex-m23": "m0p",
    "cortex-m3": "m3",
    "cortex-m4": "m4f",
    "cortex-m7": "m7",
    "cortex-m33": "m33",
    "cortex-m35p": "m33",
    "cortex-m52": "m55",
    "cortex-m55": "m55",
    "cortex-m85": "m55",
    # Not Arm: the instructions of the nearest Arm core stand in, the core's effect corrects.
    "rxv2": "m33",
    "rxv3": "m33",
    "rh850": "m33",
    "riscv-rv32imac-f": "m33",
}
# Engines that leave out channels without weights, from which build on. The published times of
# the visual-wake-words model, half of whose products are dead, halve there while those of the
# other three models do not: MLPerf Tiny results v1.0 and v1.1.
SKIPS = {
    "x-cube-ai": {"8.1.0", "9.0"},
    "plumerai": {"2023.05"},
    "onnc": {"v1.1"},
}
WORK = {"tflm-ref": "tflm-ref", "renesas-eai-translator": "tflm-ref"}
WORK_OF_BUILD = {("tflm-cmsis-nn", "edgemark"): "tflm-cmsis-nn@emO3"}

# Standard deviation of the logarithm of each kind of effect: how much its kind may differ.
SPREAD = {
    "base": 0.5,
    "dtype": 0.4,
    "core": 0.25,
    "core/": 0.2,
    "engine": 0.3,
    "engine/": 0.3,
    "board": 0.08,
    "board/": 0.08,
    "build": 0.15,
    "build/": 0.12,
    "pair": 0.08,
    "pair/": 0.08,
}
NOISE = 0.04
# Starting points: cycles per instruction, per call of an op, per element copied in and out
# (TinyGauge emulation study 2026-11-22, fit to EdgeMark's NUCLEO-L4R5ZI).
START = dict.fromkeys(CLASSES, np.log(1.6)) | {"call": np.log(515.0), "copy": np.log(73.0)}


@dataclasses.dataclass(frozen=True)
class Row:
    """One latency with the work behind it."""

    network: str
    model: str
    dtype: str
    source: str
    board: str
    core: str
    engine: str
    build: str
    clock_hz: float
    cycles: float
    work: tuple[tuple[str, str, float], ...]
    macs: int
    skips: bool


def class_work(
    ops: list[tuple[OpFeatures, int]], table: WorkTable, build: str, core: str, skips: bool
) -> dict[tuple[str, str], float]:
    """Sum instructions by class of op and data type."""
    found: dict[tuple[str, str], float] = {}
    for op, count in ops:
        work = table.op_work(op, build, core)
        if work is None:
            raise SystemExit(f"no instructions for {op.kind} of {op.dtype} on {core}")
        share = op.live_share if skips else 1.0
        key = (op_class(op), op.dtype)
        found[key] = found.get(key, 0.0) + work.instructions * share * count
    return found


def read_rows(folder: Path, ops: pd.DataFrame, table: WorkTable) -> list[Row]:
    """Pair every latency with the predicted work of its model."""
    by_model = {
        model: list(zip(rows["op"], rows["count"], strict=True))
        for model, rows in ops.groupby("model")
    }
    found = []
    for row in pd.read_csv(folder / "latencies.csv").itertuples(index=False):
        mine = by_model[row.model]
        skips = row.build in SKIPS.get(row.engine, ())
        build = WORK_OF_BUILD.get((row.engine, row.build)) or WORK.get(row.engine, "tflm-cmsis-nn")
        core = CORES[row.core]
        if (build, core) not in table.coefficients:
            build = build.split("@", maxsplit=1)[0]
        work = [(*key, value) for key, value in class_work(mine, table, build, core, skips).items()]
        per_op, fixed = table.overhead[build, core]
        calls = sum(count for _, count in mine)
        work += [("other", "int8", per_op * calls + fixed), ("call", "int8", float(calls))]
        if row.copied:
            work.append(("copy", "int8", float(row.copied)))
        heavy = max(mine, key=lambda pair: pair[0].macs)[0]
        found.append(
            Row(
                network=fit_work.network(row.model),
                model=row.model,
                dtype=heavy.dtype,
                source=row.source,
                board=row.board,
                core=row.core,
                engine=row.engine,
                build=row.build,
                clock_hz=row.clock_hz,
                cycles=row.seconds * row.clock_hz,
                work=tuple(work),
                macs=sum(op.macs * count for op, count in mine),
                skips=skips,
            )
        )
    return found


class Design:
    """Rows as matrices: log work per term, and which effects each term's cost has."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.names: dict[str, int] = {}
        self.owner: list[int] = []
        logs: list[float] = []
        cells: list[tuple[int, int]] = []
        for number, row in enumerate(rows):
            for kind, dtype, amount in row.work:
                if amount <= 0:
                    continue
                for key in effect_keys(
                    kind,
                    dtype,
                    core=row.core,
                    engine=row.engine,
                    build=row.build,
                    board=row.board,
                ):
                    cells.append((len(logs), self.names.setdefault(key, len(self.names))))
                self.owner.append(number)
                logs.append(np.log(amount))
        self.log_work = np.array(logs)
        self.incidence = np.zeros((len(logs), len(self.names)))
        self.incidence[tuple(np.array(cells).T)] = 1.0
        self.term_row = np.array(self.owner)
        self.target = np.log([row.cycles for row in rows])
        self.start = np.array([START.get(key.removeprefix("base/"), 0.0) for key in self.names])
        self.spread = np.array([_spread(key) for key in self.names])

    def evaluate(self, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log cycles per row and their derivatives by effect."""
        logs = self.log_work + self.incidence @ effects
        size = len(self.rows)
        top = np.full(size, -np.inf)
        np.maximum.at(top, self.term_row, logs)
        parts = np.exp(logs - top[self.term_row])
        total = np.bincount(self.term_row, parts, size)
        share = parts / total[self.term_row]
        slope = np.zeros((size, len(effects)))
        np.add.at(slope, self.term_row, share[:, None] * self.incidence)
        return top + np.log(total), slope

    def fit(self, kept: np.ndarray, steps: int = 12) -> np.ndarray:
        """Fit the effects to the rows marked in `kept`."""
        effects = self.start.copy()
        for _ in range(steps):
            logs, slope = self.evaluate(effects)
            error = (self.target - logs) / NOISE
            weight = kept * np.minimum(1.0, 2.0 / np.maximum(np.abs(error), 1e-9)) / NOISE**2
            gradient = slope.T @ (weight * (self.target - logs))
            gradient -= (effects - self.start) / self.spread**2
            curvature = (slope * weight[:, None]).T @ slope + np.diag(self.spread**-2)
            step = np.linalg.solve(curvature, gradient)
            effects = effects + step * min(1.0, 1.0 / max(1e-9, float(np.abs(step).max())))
            if np.abs(step).max() < 1e-4:
                break
        return effects

    def predict(self, effects: np.ndarray) -> np.ndarray:
        """Return predicted cycles per row."""
        return np.exp(self.evaluate(effects)[0])


def _spread(key: str) -> float:
    level, _, rest = key.partition("/")
    if level == "pair" or level in ("core", "engine", "board", "build"):
        return SPREAD[level + ("/" if "/" in rest else "")]
    return SPREAD[level]
