"""Read the timed models: each latency with the work behind it.

What is fitted to them, and how, is in `tinygauge.cost.posterior`; what was found about builds,
cores and odd rows, and cannot be fitted, stands here with its evidence.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import fit_work
import pandas as pd

from tinygauge.cost.amounts import doubt_of, heaviest_dtype, is_flagged, work_of
from tinygauge.cost.cycles import Labels
from tinygauge.cost.features import OpFeatures
from tinygauge.cost.posterior import Row
from tinygauge.cost.table import OpWork, WorkTable

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
# Off Arm, Edge Impulse's SDK builds the reference kernels: its CMSIS-NN is for Arm alone
# (edge-impulse/inferencing-sdk-cpp, "EI_CLASSIFIER_TFLITE_ENABLE_CMSIS_NN").
ELSEWHERE = {"edge-impulse-eon": "tflm-ref"}
WORK_OF_BUILD = {("tflm-cmsis-nn", "edgemark"): "tflm-cmsis-nn@emO3"}
# Op sets whose times contradict those of other models, cause unknown. EdgeMark's convolutions
# on the RX65N take three to ten times longer in networks that also link MEAN, ADD or depthwise
# convolution than in those that don't; in float networks MEAN alone does no harm.
FLAGGED = {
    "tflm-ref+rxv2": {
        "op": "CONV_2D",
        "with": {
            "int8": ["MEAN", "ADD", "DEPTHWISE_CONV_2D"],
            "int16": ["MEAN", "ADD", "DEPTHWISE_CONV_2D"],
            "float32": ["ADD", "DEPTHWISE_CONV_2D"],
        },
    }
}


@dataclasses.dataclass(frozen=True)
class Timed:
    """One latency: what the posterior sees of it, and where it is from."""

    row: Row
    network: str
    model: str
    source: str
    released: str
    clock_hz: float
    energy_j: float
    power_w: float
    macs: int
    copies: bool

    @property
    def published(self) -> bool:
        """Whether it is a result of MLPerf Tiny."""
        return self.source != "edgemark"


@dataclasses.dataclass(frozen=True)
class Facts:
    """What was measured: latencies, the ops of their models, and counted instructions."""

    latencies: pd.DataFrame
    ops: pd.DataFrame
    samples: Mapping[tuple[str, str], list[fit_work.Sample]]

    @classmethod
    def read(cls, folder: Path) -> Facts:
        """Read the fact tables."""
        ops = fit_work.read_ops(folder)
        latencies = pd.read_csv(folder / "latencies.csv")
        return cls(latencies, ops, fit_work.samples(folder, ops))

    def without(self, networks: Collection[str]) -> Facts:
        """Return what would be known had these networks never been counted."""
        kept = ~self.ops["model"].map(fit_work.network).isin(networks)
        samples = {
            key: [row for row in rows if row.network not in networks]
            for key, rows in self.samples.items()
        }
        return Facts(self.latencies, self.ops[kept], samples)

    def rows(self, table: WorkTable, networks: Collection[str] | None = None) -> list[Timed]:
        """Pair latencies with the predicted work of their models, of some networks if given."""
        by_model: dict[str, list[tuple[OpFeatures, int]]] = {
            str(model): list(zip(rows["op"], rows["count"], strict=True))
            for model, rows in self.ops.groupby("model")
        }
        return [
            timed(row, by_model[row.model], table)
            for row in self.latencies.itertuples(index=False)
            if networks is None or fit_work.network(row.model) in networks
        ]


def kernels_of(engine: str, build: str, core: str) -> str:
    """Name the build of the kernels whose instructions stand for an engine's work on a core."""
    usual = WORK.get(engine, "tflm-cmsis-nn")
    if not core.startswith("cortex"):
        usual = ELSEWHERE.get(engine, usual)
    return WORK_OF_BUILD.get((engine, build), usual)


def timed(row: Any, mine: list[tuple[OpFeatures, int]], table: WorkTable) -> Timed:
    """Pair one latency with the predicted work of its model.

    Ops of a type that the table lacks altogether count as none: the doubt stands for them.
    """
    build, core = kernels_of(row.engine, row.build, row.core), CORES[row.core]
    if (build, core) not in table.coefficients:
        build = build.split("@", maxsplit=1)[0]
    nothing = OpWork(1.0, known=False, inside=False, missed=table.spread[build, core].unknown)
    works = [(op, table.op_work(op, build, core) or nothing, count) for op, count in mine]
    work = work_of(
        works,
        table.overhead[build, core],
        skips=row.build in SKIPS.get(row.engine, ()),
        copied=int(row.copied),
    )
    doubt, _ = doubt_of([each for _, each, _ in works], [count for _, count in mine])
    dtype = heaviest_dtype([op for op, _ in mine])
    engine = ALIASES.get(f"{row.core}+{row.engine}", row.engine)
    flagged = is_flagged(FLAGGED, f"{engine}+{row.core}", dtype, {op.kind for op, _ in mine})
    labels = Labels(core=row.core, engine=engine, build=row.build, board=row.board, flagged=flagged)
    return Timed(
        row=Row(
            labels=labels, dtype=dtype, work=work, cycles=row.seconds * row.clock_hz, doubt=doubt
        ),
        network=fit_work.network(row.model),
        model=row.model,
        source=row.source,
        released=row.released,
        clock_hz=row.clock_hz,
        energy_j=row.energy_j,
        power_w=row.power_w,
        macs=sum(op.macs * count for op, count in mine),
        copies=bool(row.copied),
    )


# Starting points: cycles per instruction, per call of an op, per element copied in and out
# (TinyGauge emulation study 2026-11-22, fit to EdgeMark's NUCLEO-L4R5ZI); a byte streamed costs
# a cycle, as five wait states for eight bytes and the load do.
START = {
    f"base/{kind}": math.log(1.6) for kind in ("conv", "depthwise", "dense", "curve", "other")
} | {
    "base/call": math.log(515.0),
    "base/copy": math.log(73.0),
    "base/stream": 0.0,
    # Cores of one instruction set differ as their CoreMark/MHz does, from Cortex-M4's 3.42: Arm's
    # product pages give M7 5.01, M33 4.02, M85 6.28. Cores of other sets start at 0.
    "core/cortex-m7": math.log(3.42 / 5.01),
    "core/cortex-m33": math.log(3.42 / 4.02),
    "core/cortex-m85": math.log(3.42 / 6.28),
}
