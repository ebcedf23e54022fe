"""A user's measurements: how they are read, kept, and what they change in a prediction."""

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
    load_calibration,
    read_measurements,
    save_calibration,
)
from tinygauge.errors import ConfigError, InputError, TinygaugeError
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


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_one_run_moves_and_narrows_the_other_models(
    table: Callable[[str], Path], factor: float
) -> None:
    """A board that is slower on one model is taken to be slower on another of its kind."""
    own = calibrate(read_measurements(table(_slower(factor))))
    before, after = _latency(_predict(20, None)), _latency(_predict(20, own))

    assert after.value / before.value == pytest.approx(factor, rel=0.1)
    assert _width(after) < _width(before)


def test_what_was_measured_comes_back(table: Callable[[str], Path]) -> None:
    """The measured model itself is predicted as it was measured, within a few per cent."""
    own = calibrate(read_measurements(table(_slower(1.2))))
    measured = _latency(_predict(16, None)).value * 1.2

    assert _latency(_predict(16, own)).value == pytest.approx(measured, rel=0.05)


def test_a_calibration_is_kept_whole(table: Callable[[str], Path], tmp_path: Path) -> None:
    """Saved and loaded, it is the same and predicts the same; two can be joined."""
    own = calibrate(read_measurements(table(_slower(1.1))))
    save_calibration(own, tmp_path / "own.json")
    loaded = load_calibration(tmp_path / "own.json")

    assert _latency(_predict(20, loaded)).value == pytest.approx(_latency(_predict(20, own)).value)
    joined = calibrate(read_measurements(table(_slower(1.1))), loaded)
    assert len(joined.rows) == len(joined.clocks_hz) == len(joined.sources) == 2


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


def test_a_board_of_the_users_own_needs_core_and_clock(table: Callable[[str], Path]) -> None:
    """What the catalogue does not know, the table says."""
    head = "model,board,core,clock,engine,latency\n"
    found = read_measurements(table(f"{head}cnn.tflite,mine,cortex-m4,100MHz,tflm-ref,20ms\n"))

    assert found[0].target.core == "cortex-m4"
    assert found[0].target.clock_hz == 100e6
    with pytest.raises(TinygaugeError, match="mine"):
        read_measurements(table(f"{head}cnn.tflite,mine,,100MHz,tflm-ref,20ms\n"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no column 'model'"),
        ("model,board,engine,latency\n", "holds no measurement"),
        ("model,board,engine\ncnn.tflite,nucleo-l4r5zi,tflm-ref\n", "no column 'latency'"),
        ("model,board,engine,latency,colour\n", "unknown column 'colour'"),
        ("model,board,engine,latency\ncnn.tflite,nucleo-l4r5zi,tflm-ref,-3ms\n", "above 0"),
        ("model,board,engine,latency\ncnn.tflite,nucleo-l4r5zi,tflm-ref,3 mJ\n", "'3 mJ' is no s"),
        ("model,board,engine,latency\ncnn.tflite,nucleo-l4r5zi,tflm-ref\n", "fewer fields"),
        ("model,board,engine,latency\ncnn.tflite,nucleo-l4r5zi,tflm-ref,1ms,2\n", "more or fewer"),
        ("model,board,engine,latency\ncnn.tflite,nucleo,tflm-ref,1ms\n", "unknown board"),
        ("model,board,engine,latency\ncnn.tflite,nucleo-l4r5zi,tflm,1ms\n", "unknown engine"),
        ("model,board,engine,latency\nnone.tflite,nucleo-l4r5zi,tflm-ref,1ms\n", "none.tflite"),
    ],
)
def test_bad_tables_are_refused(table: Callable[[str], Path], text: str, problem: str) -> None:
    """The message says what is wrong, and nothing is guessed."""
    with pytest.raises(TinygaugeError, match=problem):
        read_measurements(table(text))


def test_no_measurement_is_no_calibration() -> None:
    """There is nothing to learn from nothing."""
    with pytest.raises(InputError, match="no measurement"):
        calibrate([])


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"format": 9}', b'{"format": 1, "rows": [{}]}', b"\xff"],
)
def test_damaged_calibrations_are_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is no calibration of this format says so."""
    path = tmp_path / "own.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"own\.json"):
        load_calibration(path)


def test_a_calibration_of_nothing_changes_nothing() -> None:
    """An empty record predicts what the package does."""
    empty = UserCalibration.from_dict(json.loads(json.dumps(UserCalibration().as_dict())))

    assert _latency(_predict(16, empty)).value == _latency(_predict(16, None)).value
