"""`tinygauge predict`, `published` and `battery` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Run

BOARD = ("--board", "nucleo-l4r5zi")


def test_a_record_per_model_place_and_engine(tinygauge: Run, models: Path) -> None:
    """Boards first, then cores, each with every engine; table and JSON agree."""
    words = [
        "predict", models / "cnn_4_i8.tflite", models / "mlp_8_i8.tflite", *BOARD,
        "--core", "cortex-m4", "--engine", "tflm-cmsis-nn@edgemark", "--engine", "tflm-ref",
    ]  # fmt: skip
    table, done = tinygauge(*words), tinygauge(*words, "--json", "--per-op")
    records = json.loads(done.stdout)

    assert (table.returncode, done.returncode) == (0, 0), table.stderr + done.stderr
    assert [(r["model"], r["board"], r["engine"]) for r in records[:4]] == [
        ("cnn_4_i8", "nucleo-l4r5zi", "tflm-cmsis-nn@edgemark"),
        ("cnn_4_i8", "nucleo-l4r5zi", "tflm-ref"),
        ("cnn_4_i8", None, "tflm-cmsis-nn@edgemark"),
        ("cnn_4_i8", None, "tflm-ref"),
    ]
    assert len(records) == 8
    for record in records:
        assert f"{record['instructions']:,}" in table.stdout
        assert [op["op"] for op in record["ops"]] == list(range(len(record["ops"])))


def test_a_core_has_latency_only_with_a_clock(tinygauge: Run, models: Path) -> None:
    """The reason stands beside the null."""
    words = ["predict", models / "cnn_4_i8.tflite", "--core", "cortex-m4", "--engine", "tflm-ref"]
    (bare,) = json.loads(tinygauge(*words, "--json").stdout)
    (clocked,) = json.loads(tinygauge(*words, "--clock", "100MHz", "--json").stdout)

    assert bare["latency_s"] is None
    assert bare["latency_s_missing"]
    assert clocked["latency_s"] == pytest.approx(clocked["cycles"] / 1e8, rel=1e-3)
    assert clocked["energy_j"] is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--board", "nucleo-l4r5z", "--engine", "tflm-ref"], "Did you mean nucleo-l4r5zi"),
        (["--core", "cortex-m44", "--engine", "tflm-ref"], "Did you mean cortex-m4"),
        ([*BOARD, "--engine", "tflm"], "unknown engine 'tflm'"),
        ([*BOARD, "--engine", "tflm-ref@2019"], "Did you mean tflm-ref@edgemark?"),
        (["--board", "ek-ra6m4", "--engine", "onnc"], "Known with onnc:"),
        ([*BOARD, "--engine", "tflm-ref", "--clock", "100ms"], "no clock from 1 kHz"),
        ([*BOARD, "--engine", "tflm-ref", "--clock", "0MHz"], "no clock from 1 kHz"),
        ([*BOARD, "--engine", "tflm-ref", "--clock", "1e-320Hz"], "no clock from 1 kHz"),
        (["--engine", "tflm-ref"], "no board or core was named"),
    ],
)
def test_refusals_are_one_line(
    tinygauge: Run, models: Path, words: list[str], expected: str
) -> None:
    """Nothing on stdout, exit code 2, what to do instead."""
    done = tinygauge("predict", models / "cnn_4_i8.tflite", *words)

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert expected in done.stderr


def test_the_others_are_predicted_beside_a_bad_one(tinygauge: Run, models: Path) -> None:
    """An unreadable file and a refused engine cost a line each."""
    done = tinygauge(
        "predict", "absent.tflite", models / "cnn_4_i8.tflite", "--board", "ek-ra8d1",
        "--engine", "plumerai", "--engine", "tflm-ref", "--json",
    )  # fmt: skip
    (record,) = json.loads(done.stdout)

    assert done.returncode == 2
    assert record["engine"] == "tflm-ref"
    assert [("absent" in line) for line in done.stderr.splitlines()] == [True, False]


def test_published_results_are_searched(tinygauge: Run) -> None:
    """Table and JSON hold the same rows; an empty answer is the answer no."""
    words = ["published", "--board", "ek-ra6m4", "--benchmark", "kws"]
    table, done = tinygauge(*words), tinygauge(*words, "--json")
    (record,) = json.loads(done.stdout)

    assert (table.returncode, done.returncode) == (0, 0), table.stderr + done.stderr
    assert record["submitter"] in table.stdout
    assert record["engine"] == "tflm-cmsis-nn"
    assert record["latency_s"] > 0
    assert record["source"].startswith("mlcommons/tiny_results_v0.7, ")
    assert 0 < record["roofline_share"] < 1
    none = tinygauge("published", "--round", "v0.5", "--engine", "plumerai", "--json")
    assert (none.returncode, json.loads(none.stdout)) == (1, [])
    wrong = tinygauge("published", "--engine", "plumeria")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Did you mean plumerai" in wrong.stderr


BATTERY = ("--rate", "4/min", "--cell", "cr2032", "--sleep-current", "2uA")


def test_battery_life(tinygauge: Run, models: Path) -> None:
    """A number with its interval, which a hungrier duty cycle shortens."""
    words = ["battery", models / "cnn_8_i8.tflite", *BOARD, "--cell", "cr2032"]
    words += ["--sleep-current", "2uA", "--wake-energy", "20uJ"]
    once = json.loads(tinygauge(*words, "--rate", "4/min", "--json").stdout)
    often = json.loads(tinygauge(*words, "--rate", "600/h", "--json").stdout)
    table = tinygauge(*words, "--rate", "4/min")

    assert table.returncode == 0, table.stderr
    assert "battery life: " in table.stdout
    assert once["life_low_s"] < once["life_s"] < once["life_high_s"]
    assert often["life_s"] < once["life_s"]
    assert once["verdict"] == "inside"
    assert sum(once["shares"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ([*BOARD, "--rate", "90/s", *BATTERY[2:]], 1, "outside: 90 inferences a second"),
        ([*BOARD, *BATTERY[:4]], 2, "--sleep-current: the catalogue has no sleep current"),
        (["--board", "ek-ra8d1", *BATTERY], 2, "no energy, so no battery life"),
        ([*BOARD, *BATTERY[:2], "--cell", "9mAh@1V", *BATTERY[4:]], 2, "below the 1.8 V"),
        ([*BOARD, "--rate", "4", *BATTERY[2:]], 2, "Write 4/min or 1200/h"),
        ([*BOARD, *BATTERY, "--self-discharge", "1%"], 2, "Write 1%/year"),
        ([*BOARD, *BATTERY, "--wake-energy", "1mW"], 2, "expected a value in J"),
        ([*BOARD, *BATTERY, "--wake-energy", "1e308J"], 2, "expected a value in J"),
        ([*BOARD, "--rate", "1e-320/s", *BATTERY[2:]], 2, "Write 4/min or 1200/h"),
    ],
)
def test_battery_says_what_is_missing(
    tinygauge: Run, models: Path, words: list[str], code: int, expected: str
) -> None:
    """One line on stderr."""
    done = tinygauge("battery", models / "cnn_8_i8.tflite", *words)

    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1
    assert expected in done.stderr
