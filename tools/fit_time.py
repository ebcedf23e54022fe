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
# An accelerator does part of the work, so the engine may cost far less than others.
ACCELERATED = {"tflm-silabs-mvp"}
# Engines whose own instructions were counted: what is left to them is the mix of instructions.
COUNTED = ("tflm-ref", "tflm-cmsis-nn")
# Effects under another name: Renesas' port has kernels of its own for its RX cores.
ALIASES = {"rxv2+tflm-cmsis-nn": "tflm-rx"}
# Engines of the catalogue that are builds here.
RENAMED = {"hale-1.0": ("hale", "1.0")}
WORK = {"tflm-ref": "tflm-ref", "renesas-eai-translator": "tflm-ref"}
WORK_OF_BUILD = {("tflm-cmsis-nn", "edgemark"): "tflm-cmsis-nn@emO3"}

# Standard deviation of the logarithm of each kind of effect: how much its kind may differ.
SPREAD = {
    "base": 0.5,
    "dtype": 0.4,
    "core": 0.25,
    "core/": 0.1,
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
START = {f"base/{kind}": np.log(1.6) for kind in CLASSES} | {
    "base/call": np.log(515.0),
    "base/copy": np.log(73.0),
    # Cores of one instruction set differ as their CoreMark/MHz does, from Cortex-M4's 3.42: Arm's
    # product pages give M7 5.01, M33 4.02, M85 6.28. Cores of other sets start at 0.
    "core/cortex-m7": np.log(3.42 / 5.01),
    "core/cortex-m33": np.log(3.42 / 4.02),
    "core/cortex-m85": np.log(3.42 / 6.28),
}


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
    released: str
    clock_hz: float
    cycles: float
    work: tuple[tuple[str, str, float], ...]
    energy_j: float
    power_w: float
    macs: int
    kinds: frozenset[str]

    @property
    def erratic(self) -> bool:
        """Whether the row is of a group whose times contradict each other, cause unknown.

        EdgeMark's integer convolutions on the RX65N take four to five times longer in networks
        that also link MEAN, ADD or depthwise convolution than in those that don't.
        """
        return (
            self.engine == "tflm-ref"
            and self.core == "rxv2"
            and self.dtype != "float32"
            and "CONV_2D" in self.kinds
            and bool(self.kinds & {"MEAN", "ADD", "DEPTHWISE_CONV_2D"})
        )


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
                engine=ALIASES.get(f"{row.core}+{row.engine}", row.engine),
                build=row.build,
                released=row.released,
                clock_hz=row.clock_hz,
                cycles=row.seconds * row.clock_hz,
                work=tuple(work),
                energy_j=row.energy_j,
                power_w=row.power_w,
                macs=sum(op.macs * count for op, count in mine),
                kinds=frozenset(op.kind for op, _ in mine),
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
                place = {"core": row.core, "engine": row.engine, "board": row.board}
                keys = effect_keys(kind, dtype, build=row.build, **place)
                names = self.names
                cells += [(len(logs), names.setdefault(key, len(names))) for key in keys]
                self.owner.append(number)
                logs.append(np.log(amount))
        self.log_work = np.array(logs)
        self.incidence = np.zeros((len(logs), len(self.names)))
        self.incidence[tuple(np.array(cells).T)] = 1.0
        self.term_row = np.array(self.owner)
        self.first = np.searchsorted(self.term_row, np.arange(len(rows)))
        self.target = np.log([row.cycles for row in rows])
        self.start = np.array([START.get(key, 0.0) for key in self.names])
        self.spread = np.array([_spread(key) for key in self.names])

    def evaluate(self, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log cycles per row and their derivatives by effect."""
        logs = self.log_work + self.incidence @ effects
        top = np.maximum.reduceat(logs, self.first)
        parts = np.exp(logs - top[self.term_row])
        total = np.add.reduceat(parts, self.first)
        share = parts / total[self.term_row]
        slope = np.add.reduceat(share[:, None] * self.incidence, self.first)
        return top + np.log(total), slope

    def fit(self, kept: np.ndarray, near: np.ndarray | None = None, steps: int = 20) -> np.ndarray:
        """Fit the effects to the rows marked in `kept`, from those of a similar fit if given."""
        effects = (self.start if near is None else near).copy()
        for _ in range(steps):
            logs, slope = self.evaluate(effects)
            error = (self.target - logs) / NOISE
            weight = kept * np.minimum(1.0, 2.0 / np.maximum(np.abs(error), 1e-9)) / NOISE**2
            gradient = slope.T @ (weight * (self.target - logs))
            gradient -= (effects - self.start) / self.spread**2
            curvature = (slope * weight[:, None]).T @ slope + np.diag(self.spread**-2)
            step = np.linalg.solve(curvature, gradient)
            effects = effects + step * min(1.0, 1.0 / max(1e-9, float(np.abs(step).max())))
            if np.abs(step).max() < 1e-3:
                break
        return effects

    def predict(self, effects: np.ndarray) -> np.ndarray:
        """Return predicted cycles per row."""
        return np.exp(self.evaluate(effects)[0])


def _spread(key: str) -> float:
    level, _, rest = key.partition("/")
    name, _, part = rest.partition("/")
    if level == "engine" and name in ACCELERATED:
        return 0.5 if part else 1.5
    if level == "engine" and name in COUNTED:
        return 0.1
    if level == "core" and not name.startswith("cortex"):
        return 0.4 if part else 0.8
    if level in ("core", "engine", "board", "build", "pair"):
        return SPREAD[level + ("/" if part else "")]
    return SPREAD[level]
