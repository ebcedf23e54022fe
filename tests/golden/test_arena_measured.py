"""Arenas and firmware sizes against measurements on emulated Cortex-M cores, to the byte.

Two sets of rows: a few small models committed beside this file with what was measured for them,
and, where the folder of measured data lies beside the checkout, every row of it.
Source of both: TinyGauge emulation study 2026-11-22, TFLM 90b983c2b, CMSIS-NN 4ab83cc3.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tinygauge import graph
from tinygauge.graph.types import Model
from tinygauge.memory import plan_arena
from tinygauge.memory.flash import predict_code
from tinygauge.memory.predict import kernel_set

DATA = Path(__file__).resolve().parent / "data"
CORES = {
    "m0p": "cortex-m0+",
    "m3": "cortex-m3",
    "m4f": "cortex-m4",
    "m7": "cortex-m7",
    "m33": "cortex-m33",
    "m55": "cortex-m55",
}
ENGINES = ("tflm-ref", "tflm-cmsis-nn")

# Rows that are not exact, by name and reason: none.
EXCEPTIONS: dict[str, str] = {}

# Model, core, engine, head, tail, smallest arena (None where the search for it crashed).
Facts = tuple[str, str, str, int, int, int | None]


@cache
def load(path: Path) -> Model:
    return graph.load(path)


def differences(rows: Iterator[Facts], models: dict[str, Path]) -> tuple[int, list[str]]:
    """Count the rows and describe those that differ."""
    count, wrong = 0, []
    for name, core, engine, head, tail, least in rows:
        arena = plan_arena(load(models[name]), kernel_set(core, engine))
        count += 1
        found = (arena.head_bytes, arena.tail_bytes, arena.least_bytes)
        expected = (head, tail, arena.least_bytes if least is None else least)
        if found != expected and name not in EXCEPTIONS:
            wrong.append(f"{name} {core} {engine}: {found}, not {expected}")
    return count, wrong


def committed_rows() -> Iterator[Facts]:
    with (DATA / "arena_measured.csv").open(newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        for row in csv.DictReader(lines):
            yield (
                row["model"],
                row["core"],
                row["engine"],
                int(row["head_bytes"]),
                int(row["tail_bytes"]),
                int(row["min_bytes"]) if row["min_bytes"] else None,
            )


def test_committed_models_are_those_that_were_measured() -> None:
    """Each model's digest is the one in the table."""
    with (DATA / "arena_measured.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for row in rows:
        content = (DATA / "models" / f"{row['model']}.tflite").read_bytes()
        assert hashlib.sha256(content).hexdigest().startswith(row["sha256"])


def test_every_committed_row_is_exact() -> None:
    """Head, tail and smallest arena of 27 models, six cores and both engines."""
    models = {path.stem: path for path in (DATA / "models").glob("*.tflite")}
    count, wrong = differences(committed_rows(), models)

    assert count == 27 * 6 * 2
    assert wrong == []


def study_models(shared_data: Path) -> dict[str, Path]:
    folders = (shared_data / "cortexm" / "models", shared_data.parent / "mirror")
    return {path.stem: path for folder in folders for path in folder.rglob("*.tflite")}


def test_every_row_of_the_study_is_exact(shared_data: Path) -> None:
    """All measured rows: synthetic models and networks, MLPerf Tiny where the mirror is."""
    models = study_models(shared_data)

    def rows() -> Iterator[Facts]:
        with (shared_data / "cortexm" / "models.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                measured = row["engine"] in ENGINES and row["arena_used_bytes"]
                if measured and row["model"] in models:
                    yield (
                        row["model"],
                        CORES[row["core"]],
                        row["engine"],
                        int(float(row["arena_nonpersistent"])),
                        int(float(row["arena_persistent"])),
                        int(float(row["min_arena_16B"])) if row["min_arena_16B"] else None,
                    )

    count, wrong = differences(rows(), models)

    assert count > 2000
    assert wrong == []


def test_flash_of_linked_firmware_is_within_two_percent() -> None:
    """Code of firmwares with several ops, which no prediction was fitted to."""
    with (DATA / "flash_linked.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for row in rows:
        code = predict_code(row["kinds"].split(), core=row["core"], engine=row["engine"])
        predicted, linked = sum(code.flash_bytes.values()), int(row["flash_bytes"])

        assert predicted == pytest.approx(linked, rel=0.02), row
        assert sum(code.low.values()) <= linked <= sum(code.high.values()), row
    assert len(rows) == 72
