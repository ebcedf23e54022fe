"""The main job through the command line, on packaged models and a part of the packaged data."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

import tinygauge as tg
from tests.e2e.conftest import Run

BOARDS = ("--board", "ek-ra6m4", "--board", "nucleo-l4r5zi")
BOUNDS = ("--require", "accuracy>=0.75", "--require", "latency<=100ms", "--require", "ram<=128KiB")


def _chosen(models: Path) -> list[Path]:
    return [models / f"{name}.tflite" for name in ("cnn_4_i8", "dscnn_8_i8", "mlp_8_f32")]


def test_a_batch_is_decided_and_the_report_agrees_with_itself(
    tinygauge: Run, models: Path, small_data: Path, tmp_path: Path
) -> None:
    """The command prints the decision; JSON, CSV and table hold the same candidates."""
    done = tinygauge(
        "evaluate", *_chosen(models), "--data", small_data, *BOARDS, *BOUNDS, "--out", "report"
    )

    assert done.returncode == 0, done.stderr
    assert "Ship " in done.stdout
    assert "Report: report" in done.stdout
    report = tmp_path / "report"
    document = json.loads((report / "results.json").read_text(encoding="utf-8"))
    with (report / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert document["schema_version"] == 1
    assert len(document["candidates"]) == len(rows) == 6
    for candidate, row in zip(document["candidates"], rows, strict=True):
        assert candidate["model"] == row["model"]
        assert candidate["board"] == row["board"]
        assert candidate["latency"]["value"] == float(row["latency_s"])
        assert candidate["accuracy"]["correct"] / 200 == float(row["accuracy"])
        assert candidate["latency"]["method"] == row["latency_method"] == "predicted"
    chosen = document["decision"]["chosen"]
    assert f"Ship {chosen['model']} on {chosen['board']}" in done.stdout
    assert (report / "four-metrics.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (report / "four-metrics.svg").read_text(encoding="utf-8")


def test_every_number_of_the_document_carries_unit_method_and_source(
    tinygauge: Run, models: Path, small_data: Path
) -> None:
    """No quantity is naked, and energy that nobody published is said to be missing."""
    done = tinygauge(
        "evaluate", *_chosen(models), "--data", small_data, "--board", "ek-ra6m4",
        "--board", "disco-f746ng", "--json",
    )  # fmt: skip
    document = json.loads(done.stdout)

    quantities = list(_quantities(document))
    assert len(quantities) > 100
    for quantity in quantities:
        assert math.isfinite(quantity["value"])
        assert quantity["unit"]
        assert quantity["method"] in {"counted", "predicted", "simulated", "measured", "quoted"}
        assert quantity["source"]
    energies = {c["board"]: c["energy"] for c in document["candidates"]}
    assert energies["ek-ra6m4"]["value"] > 0
    assert energies["disco-f746ng"]["missing"]


def _quantities(document: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if isinstance(document, dict):
        if "value" in document and "unit" in document:
            found.append(document)
        for value in document.values():
            found += _quantities(value)
    elif isinstance(document, list):
        for value in document:
            found += _quantities(value)
    return found


def test_an_empty_region_says_what_to_relax_and_which_board_would_do(
    tinygauge: Run, models: Path, small_data: Path
) -> None:
    """With nothing inside, the exit code is 1 and the nearest miss is explained."""
    done = tinygauge(
        "evaluate", *_chosen(models), "--data", small_data, "--board", "nucleo-g0b1re",
        "--require", "accuracy>=0.70", "--require", "latency<=5ms",
    )  # fmt: skip

    assert done.returncode == 1, done.stderr
    assert "Relax latency <= 5 ms" in done.stdout
    assert "Another board would do" in done.stdout


def test_an_experiment_file_gives_what_the_options_give(
    tinygauge: Run, models: Path, small_data: Path, tmp_path: Path
) -> None:
    """The same job written down has the same candidates and decision."""
    files = ", ".join(f'"{path}"' for path in _chosen(models))
    (tmp_path / "experiment.toml").write_text(
        f'models = [{files}]\ndata = "{small_data}"\nboards = ["ek-ra6m4"]\n'
        'require = ["accuracy>=0.80", "ram<=128KiB"]\n',
        encoding="utf-8",
    )
    written = tinygauge("evaluate", "experiment.toml", "--json")
    typed = tinygauge(
        "evaluate", *_chosen(models), "--data", small_data, "--board", "ek-ra6m4",
        "--require", "accuracy>=0.80", "--require", "ram<=128KiB", "--json",
    )  # fmt: skip

    left, right = json.loads(written.stdout), json.loads(typed.stdout)
    left.pop("created"), right.pop("created")
    assert left == right


def test_four_lines_of_python_do_the_same_job(models: Path, small_data: Path) -> None:
    """The library gives the decision and a DataFrame without the command line."""
    results = tg.evaluate(
        [models / "cnn_4_i8.tflite", models / "mlp_8_i8.tflite"],
        data=small_data,
        boards=["ek-ra6m4"],
        require=["accuracy>=0.75", "latency<=100ms"],
    )
    frame = results.to_dataframe()

    assert results.chosen is not None
    assert results.chosen.model.name in tg.explain(results)
    assert list(frame["model"]) == ["cnn_4_i8", "mlp_8_i8"]
    assert frame["latency_s"].between(1e-5, 1.0).all()


def test_an_engine_that_rounds_otherwise_may_score_otherwise(
    tinygauge: Run, models: Path, small_data: Path
) -> None:
    """Accuracy is scored with the numeric profile of each engine, and says with which."""
    done = tinygauge(
        "evaluate", models / "resnet_8_i8.tflite", "--data", small_data,
        "--board", "nucleo-l4r5zi", "--engine", "tflm-cmsis-nn", "--engine", "x-cube-ai", "--json",
    )  # fmt: skip
    profiles = {
        c["engine"]: (c["accuracy"]["profile"], c["accuracy"]["runner"])
        for c in json.loads(done.stdout)["candidates"]
    }

    assert profiles["tflm-cmsis-nn"][0] == "two-rounding"
    assert "exact evaluator (two-rounding)" in profiles["tflm-cmsis-nn"][1]
    assert profiles["x-cube-ai"][0] == "one-rounding"
    assert any(word in profiles["x-cube-ai"][1] for word in ("XNNPACK", "(one-rounding)"))


def test_two_roundings_that_disagree_are_explained(tinygauge: Run, models: Path) -> None:
    """On all packaged images this model answers one of 2,000 otherwise: findings say so.

    An engine whose rounding nobody knows is scored with both; the text says that too.
    """
    done = tinygauge(
        "evaluate", models / "cnn_8_i8.tflite", "--data", models.parent / "test_2000.npz",
        "--board", "nucleo-l4r5zi", "--engine", "tflm-cmsis-nn", "--engine", "x-cube-ai",
        "--engine", "ekkono",
    )  # fmt: skip

    told = " ".join(done.stdout.split())
    assert "TG105 cnn_8_i8: the engines round differently" in told
    assert "TG108 cnn_8_i8: how ekkono rounds is not known: accuracy" in told
    assert "Scored exactly: 1 model; exactly with 2 roundings, which the interval spans" in told


def test_a_board_of_ones_own_is_a_toml_file(tinygauge: Run, models: Path, tmp_path: Path) -> None:
    """A file of the documented form serves as a board; its small memory is a bound."""
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\ntitle = "My board"\ncore = "cortex-m4"\n'
        '[clock]\nvalue = "80 MHz"\nsource = "datasheet, table 1"\n'
        '[sram]\nvalue = "16 KiB"\nsource = "datasheet, table 2"\n'
        '[flash]\nvalue = "128 KiB"\nsource = "datasheet, table 2"\n',
        encoding="utf-8",
    )
    done = tinygauge(
        "evaluate", models / "cnn_8_i8.tflite", models / "cnn_16_f32.tflite",
        "--board", "mine.toml", "--json",
    )  # fmt: skip
    candidates = {c["model"]: c for c in json.loads(done.stdout)["candidates"]}

    assert candidates["cnn_8_i8"]["verdict"] == "inside"
    assert candidates["cnn_8_i8"]["clock_hz"] == 80e6
    assert candidates["cnn_8_i8"]["energy"]["missing"]
    assert candidates["cnn_16_f32"]["verdict"] == "outside"
    assert "of mine" in candidates["cnn_16_f32"]["reasons"][0]


@pytest.mark.parametrize("verb", ["boards", "engines"])
def test_the_catalogue_is_printed_as_table_and_json(tinygauge: Run, verb: str) -> None:
    """Both forms name every entry, and nothing goes to stderr."""
    table, document = tinygauge(verb), tinygauge(verb, "--json")

    names = [entry["name"] for entry in json.loads(document.stdout)]
    assert len(names) >= 11
    assert all(name in table.stdout for name in names)
    assert table.stderr == document.stderr == ""


def test_one_board_is_printed_with_its_sources(tinygauge: Run) -> None:
    """Naming a board prints where each number comes from."""
    done = tinygauge("boards", "ek-ra6m4")

    assert done.returncode == 0
    assert "MLPerf Tiny v0.7" in done.stdout
    assert "72.9 mW" in done.stdout


def test_inspect_lists_ops_and_support(tinygauge: Run, models: Path) -> None:
    """The table names each op, the JSON adds up to the printed totals."""
    model = models / "dscnn_8_i8.tflite"
    table, document = tinygauge("inspect", model), tinygauge("inspect", model, "--json")

    (found,) = json.loads(document.stdout)
    assert sum(op["macs"] for op in found["op_table"]) == found["macs"]["value"]
    assert f"{found['macs']['value']:,.0f}" in table.stdout
    assert "DEPTHWISE_CONV_2D" in table.stdout
    assert found["unsupported_ops"]["tflm-cmsis-nn"] == []


def test_an_arena_must_fit_into_one_piece_of_sram(
    tinygauge: Run, models: Path, tmp_path: Path
) -> None:
    """Two blocks that hold it only together do not hold it; the tables still show its size."""
    (tmp_path / "parted.toml").write_text(PARTED_BOARD)
    done = tinygauge(
        "evaluate", models / "mlp_8_i8.tflite", models / "cnn_16_i8.tflite",
        "--board", "parted.toml", "--json",
    )  # fmt: skip
    found = {c["model"]: c for c in json.loads(done.stdout)["candidates"]}

    assert found["mlp_8_i8"]["verdict"] == "inside"
    assert found["cnn_16_i8"]["verdict"] == "outside"
    assert "does not fit into one piece of parted's SRAM" in found["cnn_16_i8"]["reasons"][0]
    assert found["cnn_16_i8"]["ram"]["value"] < 32 * 1024


PARTED_BOARD = """
name = "parted"
title = "A board of two blocks"
core = "cortex-m4"
[clock]
value = "80 MHz"
source = "a test"
[sram]
value = "32 KiB"
source = "a test"
[sram_block]
value = "16 KiB"
source = "a test"
[flash]
value = "1 MiB"
source = "a test"
"""
