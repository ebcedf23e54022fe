"""What a user's measurements change in a prediction."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.tiny_models import build_cnn

from tinygauge import catalog
from tinygauge.calibration import (
    UserCalibration,
    calibrate,
    read_measurements,
)
from tinygauge.errors import InputError
from tinygauge.graph import parse
from tinygauge.prediction import Prediction, predict
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Energy, Latency

BOARD, ENGINE = "arduino-nano-33-ble", "tflm-cmsis-nn"


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], Path]:
    """Write a table beside a model called cnn.tflite."""
    (tmp_path / "cnn.tflite").write_bytes(build_cnn(side=16))

    def write(content: str) -> Path:
        path = tmp_path / "measured.csv"
        path.write_text(content, encoding="utf-8")
        return path

    return write


def _predict(side: int, own: UserCalibration | None, clock_hz: float | None = None) -> Prediction:
    model = parse(build_cnn(side=side), name=f"cnn-{side}")
    return predict(model, catalog.board(BOARD), ENGINE, clock_hz=clock_hz, calibration=own)


def _latency(found: Prediction) -> Quantity:
    assert isinstance(found.latency, Latency)
    return found.latency.per_inference


def _width(quantity: Quantity) -> float:
    return math.log(quantity.interval.high / quantity.interval.low)


def _slower(factor: float) -> str:
    seconds = _latency(_predict(16, None)).value * factor
    return f"model,board,engine,latency_s\ncnn.tflite,{BOARD},{ENGINE},{seconds!r}\n"


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_one_run_moves_and_narrows_the_other_models(
    table: Callable[[str], Path], factor: float
) -> None:
    """A board that is slower on one model is taken to be slower on another of its kind."""
    own = calibrate(read_measurements(table(_slower(factor))))
    before, after = _latency(_predict(20, None)), _latency(_predict(20, own))

    assert after.value / before.value == pytest.approx(factor, rel=0.1)
    assert _width(after) < _width(before)


@pytest.mark.slow
def test_what_was_measured_comes_back(table: Callable[[str], Path]) -> None:
    """The measured model itself is predicted as it was measured, within a few per cent."""
    own = calibrate(read_measurements(table(_slower(1.2))))
    measured = _latency(_predict(16, None)).value * 1.2

    assert _latency(_predict(16, own)).value == pytest.approx(measured, rel=0.05)


@pytest.mark.slow
def test_a_measured_energy_gives_the_power(table: Callable[[str], Path]) -> None:
    """A board without a published power has an energy once one was measured, at that clock."""
    text = (
        "model, board, engine, clock, latency, energy\n"
        f"cnn.tflite, {BOARD}, {ENGINE}, 32 MHz, 20 ms, 300 uJ\n"
    )
    own = calibrate(read_measurements(table(text)))
    found = _predict(20, own, clock_hz=32e6)

    assert isinstance(_predict(20, None).energy, Missing)
    assert isinstance(_predict(20, own).energy, Missing)
    assert isinstance(found.energy, Energy)
    power = found.energy.per_inference.value / _latency(found).value
    assert power == pytest.approx(300e-6 / 20e-3)
    assert not [finding for finding in found.findings if finding.code == "TG204"]


def test_no_measurement_is_no_calibration() -> None:
    """There is nothing to learn from nothing."""
    with pytest.raises(InputError, match="no measurement"):
        calibrate([])


def test_a_calibration_of_nothing_changes_nothing() -> None:
    """An empty record predicts what the package does."""
    empty = UserCalibration.from_dict(json.loads(json.dumps(UserCalibration().as_dict())))

    assert _latency(_predict(16, empty)).value == _latency(_predict(16, None)).value
