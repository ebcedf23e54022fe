"""MACs of hundreds of models equal the independently counted ones of the emulation study.

The column `macs` there was made by the study's own scripts, which share nothing with this package
(TinyGauge emulation study 2026-11-22; columns as described in its README).
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tinygauge import graph

_TABLES = {
    "cortexm/models.csv": "cortexm/models",
    "edgemark/instructions/models.csv": "edgemark/models",
}


def _macs(table: Path) -> dict[str, int]:
    """Read the column; lines that are a program's output rather than a row have no such value."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["model"]: int(row["macs"]) for row in rows if (row["macs"] or "").isdigit()}


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.rglob("*.tflite")}


@pytest.mark.parametrize(("table", "folder"), _TABLES.items())
def test_macs_equal_those_of_the_emulation_study(
    shared_data: Path, mirror: Path, table: str, folder: str
) -> None:
    """Every model with a value has exactly that many, padding taps included."""
    expected = _macs(shared_data / table)
    files = _files(mirror) | _files(shared_data / folder)

    counted = {
        name: graph.count_model(graph.load(files[name])).macs for name in expected if name in files
    }

    assert len(counted) >= 100
    assert counted == {name: expected[name] for name in counted}
