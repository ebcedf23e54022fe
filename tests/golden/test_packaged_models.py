"""The packaged models are those that were trained, and score what the training script measured."""

from __future__ import annotations

import csv
import hashlib
from importlib import resources
from pathlib import Path

import pytest

from tinygauge import accuracy, graph
from tinygauge.records import Score

PACKAGED = Path(str(resources.files("tinygauge"))) / "data" / "fashion_mnist"
with (PACKAGED / "models.csv").open(encoding="utf-8", newline="") as _file:
    TABLE = list(csv.DictReader(_file))
# The training script's names of what `graph.family` recognises.
FAMILIES = {"dscnn": "ds-cnn"}
PRECISIONS = {"f32": "float32", "i8": "int8", "i8_pruned": "int8", "i16x8": "int16x8"}


def test_the_example_is_what_was_asked_for() -> None:
    """At least 24 models of five architectures, several widths, all variants, under 4 MB."""
    files = sorted((PACKAGED / "models").glob("*.tflite"))
    variants = [row["variant"] for row in TABLE]

    assert {file.name for file in files} == {Path(row["file"]).name for row in TABLE}
    assert len(files) >= 24
    assert len({row["architecture"] for row in TABLE}) >= 5
    assert len({row["width"] for row in TABLE}) >= 3
    assert variants.count("i8_pruned") >= 2
    assert {"f32", "i8", "i16x8"} <= set(variants)
    assert sum(file.stat().st_size for file in files) < 4e6


@pytest.mark.parametrize("row", TABLE, ids=[row["name"] for row in TABLE])
def test_a_model_is_the_one_in_the_table(row: dict[str, str]) -> None:
    """Digest, parameters, architecture and precision are those that the training script wrote."""
    path = PACKAGED / "models" / Path(row["file"]).name
    model = graph.load(path)
    counts = graph.count_model(model)

    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
    assert counts.parameters == int(row["parameters"])
    assert counts.macs == int(row["macs"])
    assert graph.family(model) == FAMILIES.get(row["architecture"], row["architecture"])
    assert graph.precision(model) == PRECISIONS[row["variant"]]
    assert (counts.dead_channels > 0) == (row["variant"] == "i8_pruned")


@pytest.mark.slow
@pytest.mark.parametrize("row", TABLE, ids=[row["name"] for row in TABLE])
def test_a_model_scores_what_training_measured(row: dict[str, str]) -> None:
    """Right answers on the packaged 2,000 images equal the training script's count.

    Independent source: `models.csv`, written when the models were trained, from tflite-micro
    driven by the training script itself.
    """
    model = graph.load(PACKAGED / "models" / Path(row["file"]).name)
    score = accuracy.score(model, accuracy.load_dataset(PACKAGED / "test_2000.npz"), "two-rounding")

    assert isinstance(score, Score)
    assert score.n == 2000
    assert score.correct == int(row["correct_2000_tflm"])
