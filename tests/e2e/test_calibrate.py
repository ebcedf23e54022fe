"""`tinygauge calibrate`, and `--calibration` where it is taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Run

PLACE = ("--board", "nrf5340-dk", "--engine", "tflm-cmsis-nn")


@pytest.fixture
def own(tinygauge: Run, models: Path, tmp_path: Path) -> Path:
    """Write a calibration of a board that is half as fast as predicted, at 20 mW."""
    lines = ["model,latency_s,energy_j"]
    for name in ("cnn_4_i8", "mlp_8_i8"):
        words = ("predict", models / f"{name}.tflite", *PLACE, "--json")
        (record,) = json.loads(tinygauge(*words).stdout)
        latency_s = 2 * record["latency_s"]
        lines.append(f"{models / name}.tflite,{latency_s},{0.02 * latency_s}")
    table = tmp_path / "own.csv"
    table.write_text("\n".join(lines))
    done = tinygauge("calibrate", table, *PLACE, "--out", tmp_path / "own.json")
    assert done.returncode == 0, done.stderr
    assert "each predicted from the others: off by" in done.stdout
    assert "use it: tinygauge predict" in done.stdout
    return tmp_path / "own.json"


def test_predict_evaluate_and_battery_start_from_it(
    tinygauge: Run, models: Path, own: Path
) -> None:
    """Latency of a third model moves to the board's, energy follows its power."""
    model = models / "cnn_8_i8.tflite"
    (before,) = json.loads(tinygauge("predict", model, *PLACE, "--json").stdout)
    words = ("--calibration", own, "--json")
    (after,) = json.loads(tinygauge("predict", model, *PLACE, *words).stdout)
    evaluated = json.loads(tinygauge("evaluate", model, *PLACE, *words).stdout)
    cell = ("--rate", "1/h", "--cell", "cr2450", "--sleep-current", "1uA")
    life = tinygauge("battery", model, *PLACE, *cell, *words)

    assert 1.5 < after["latency_s"] / before["latency_s"] < 2.2
    assert after["energy_j"] / after["latency_s"] == pytest.approx(0.02)
    (candidate,) = evaluated["candidates"]
    assert candidate["latency"]["value"] == pytest.approx(after["latency_s"])
    assert candidate["energy"]["value"] == pytest.approx(after["energy_j"])
    assert life.returncode == 0, life.stderr


def test_an_experiment_file_names_it(tinygauge: Run, models: Path, own: Path) -> None:
    """Relative to the file."""
    experiment = own.parent / "experiment.toml"
    experiment.write_text(
        f'models = ["{models / "cnn_4_i8.tflite"}"]\nboards = ["nrf5340-dk"]\n'
        f'calibration = "{own.name}"\n'
    )
    done = tinygauge("evaluate", experiment, "--json")

    (candidate,) = json.loads(done.stdout)["candidates"]
    assert "of your measurements" in candidate["latency"]["source"]


def test_json_has_a_reason_for_every_null(tinygauge: Run, models: Path, tmp_path: Path) -> None:
    """And the predictions without, with, and from the others."""
    table = tmp_path / "own.csv"
    table.write_text(f"model,latency\n{models / 'cnn_4_i8.tflite'},20ms\n")
    done = tinygauge("calibrate", table, *PLACE, "--json")
    document = json.loads(done.stdout)
    (found,) = document["measurements"]

    assert document["calibration"] == "calibration.json"
    assert (tmp_path / "calibration.json").is_file()
    assert found["before_low_s"] < found["before_s"] < found["before_high_s"]
    assert found["after_s"] == pytest.approx(0.02, rel=0.2)
    for key, value in found.items():
        if value is None:
            assert found[f"{key}_missing"], key


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model,latency\nMODEL,20\n", "line 2, latency: expected a value in s"),
        ("model,latency\nMODEL,20s\n", "Check the unit"),
        ("model,latency\nnone.tflite,20ms\n", "none.tflite: can't read it"),
        ("model,latency,board\nMODEL,20ms,ek-ra6m5\n", "Did you mean ek-ra6m4"),
    ],
)
def test_mistakes_are_one_line(
    tinygauge: Run, models: Path, tmp_path: Path, text: str, says: str
) -> None:
    """Exit code 2, nothing on stdout, and no file is left behind."""
    table = tmp_path / "own.csv"
    table.write_text(text.replace("MODEL", str(models / "cnn_4_i8.tflite")))
    done = tinygauge("calibrate", table, *PLACE)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr
    assert not (tmp_path / "calibration.json").exists()


def test_a_file_that_is_no_calibration_is_refused(tinygauge: Run, models: Path) -> None:
    """By each verb that takes one."""
    for verb in ("predict", "evaluate"):
        done = tinygauge(verb, models / "cnn_4_i8.tflite", *PLACE, "--calibration", "none.json")

        assert done.returncode == 2
        assert "none.json: can't read it" in done.stderr
