"""Learning from measurements: it helps other models, is kept whole, and refuses slips."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.tiny_models import build_cnn

from tinygauge import catalog, graph
from tinygauge.calibration import Learnt, learn, load_calibration, save_calibration
from tinygauge.calibration.readings import Reading, measurements
from tinygauge.cost import predict_latency
from tinygauge.cost.calibrate import Measurement, calibrate
from tinygauge.errors import ConfigError, InputError
from tinygauge.inspection import target_of
from tinygauge.prediction import predict
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Energy, Latency

BOARD, ENGINE = catalog.board("nrf5340-dk"), catalog.engine("tflm-cmsis-nn")
SMALL, LARGE = (graph.parse(build_cnn(side=side), name=f"cnn_{side}") for side in (16, 24))


def predicted(model: graph.Model, learnt: Learnt | None = None) -> Quantity:
    own = learnt.calibration if learnt else None
    found = predict_latency(model, target_of(BOARD, ENGINE), own)
    assert isinstance(found, Latency)
    return found.per_inference


def measured(model: graph.Model, factor: float, power_w: float | None = None) -> Measurement:
    """Return what a board would give that is slower than predicted by a factor."""
    latency_s = factor * predicted(model).value
    reading = Reading(
        where="own.csv, line 2",
        model=model,
        board=BOARD,
        engine=ENGINE,
        clock_hz=BOARD.clock.value,
        latencies_s=(latency_s,),
        energies_j=() if power_w is None else (latency_s * power_w,),
    )
    return measurements([reading])[0]


def test_one_model_helps_the_prediction_of_another() -> None:
    """It moves most of the way to what the board showed, and its interval narrows."""
    learnt = learn([measured(SMALL, 1.4)])
    before, after = predicted(LARGE), predicted(LARGE, learnt)

    assert 1.2 < after.value / before.value < 1.45
    assert after.interval.width / after.value < before.interval.width / before.value


def test_a_measured_energy_becomes_the_boards_power() -> None:
    """For every model on it; the prediction says whose measurement it is."""
    learnt = learn([measured(SMALL, 1.0, power_w=0.025)])
    found = predict(LARGE, BOARD, ENGINE, calibration=learnt.calibration).energy

    assert isinstance(found, Energy)
    assert found.power.value == pytest.approx(0.025)
    assert "your measurements" in found.power.provenance.source


@pytest.mark.slow
def test_each_is_predicted_from_the_others() -> None:
    """With two models; with one the reason says what is lacking."""
    alone = learn([measured(SMALL, 1.4)])
    both = learn([measured(SMALL, 1.4), measured(LARGE, 1.4)])

    assert isinstance(alone.checks[0].from_others, Missing)
    for check in both.checks:
        assert isinstance(check.from_others, Quantity)
        assert check.from_others.value == pytest.approx(check.measurement.latency.value, rel=0.15)


@pytest.mark.slow
def test_a_file_keeps_it_whole(tmp_path: Path) -> None:
    """What is read back predicts the same; another calibration is replaced."""
    learnt = learn([measured(SMALL, 1.4, power_w=0.02)])
    path = tmp_path / "folder" / "own.json"
    save_calibration(learnt.calibration, path)
    save_calibration(learnt.calibration, path)

    again = load_calibration(path)

    assert again.powers == learnt.calibration.powers
    one, two = (predicted(LARGE, replace(learnt, calibration=own)) for own in
                (learnt.calibration, again))  # fmt: skip
    assert two.value == pytest.approx(one.value, rel=1e-4)


@pytest.mark.slow
def test_what_was_known_stays(tmp_path: Path) -> None:
    """And the same measurement counts once, kept in a file or not."""
    first = learn([measured(SMALL, 1.4)]).calibration
    both = learn([measured(LARGE, 1.4)], first).calibration
    save_calibration(both, tmp_path / "own.json")

    assert len(both.rows) == 2
    for known in (both, load_calibration(tmp_path / "own.json")):
        with pytest.raises(ConfigError, match="has it already"):
            learn([measured(LARGE, 1.4)], known)


@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_a_slip_of_the_unit_is_refused(factor: float) -> None:
    """With what was expected."""
    with pytest.raises(InputError, match=r"own\.csv, line 2: .* the prediction, .*Check the unit"):
        learn([measured(SMALL, factor)])


@pytest.mark.parametrize("power_w", [30.0, 1e-6])
def test_an_energy_that_no_part_draws_is_refused(power_w: float) -> None:
    """Joules for microjoules, or the other way about."""
    with pytest.raises(InputError, match="Check the unit of the energy"):
        learn([measured(SMALL, 1.0, power_w=power_w)])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("rows", 0, "cycles"), math.inf),
        (("rows", 0, "cycles"), 1e300),
        (("rows", 0, "noise"), math.nan),
        (("rows", 0, "noise"), -1.0),
        (("rows", 0, "weight"), 0.0),
        (("rows", 0, "work", 0, 2), -5.0),
        (("rows", 0, "work", 0, 2), math.nan),
        (("powers", 0, "power_w"), 0.0),
        (("powers", 0, "clock_hz"), math.nan),
        (("clocks_hz", 0), 0.0),
    ],
)
def test_a_number_that_was_tampered_with_is_refused(
    tmp_path: Path, place: tuple[str | int, ...], value: float
) -> None:
    """No prediction starts from what can't be."""
    path = tmp_path / "own.json"
    save_calibration(calibrate([measured(SMALL, 1.4, power_w=0.02)]), path)
    content = json.loads(path.read_text())
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(content))

    with pytest.raises(ConfigError, match=r"own\.json: holds a"):
        load_calibration(path)


def _cut(text: str) -> str:
    return text[: len(text) // 2]


def _foreign(text: str) -> str:
    return json.dumps(json.loads(text) | {"schema": "tinygauge.results"})


def _newer(text: str) -> str:
    return json.dumps(json.loads(text) | {"format": 99})


def _damaged(text: str) -> str:
    return json.dumps(json.loads(text) | {"rows": [{"core": 1}]})


@pytest.mark.parametrize("damage", [_cut, _foreign, _newer, _damaged, lambda _: "[]"])
def test_a_file_that_is_no_calibration_is_refused(
    tmp_path: Path, damage: Callable[[str], str]
) -> None:
    """Reading it is an input error, and writing does not replace what is something else."""
    path = tmp_path / "own.json"
    save_calibration(calibrate([measured(SMALL, 1.4)]), path)
    path.write_text(damage(path.read_text()))

    with pytest.raises(ConfigError, match=r"own\.json"):
        load_calibration(path)
    with pytest.raises(ConfigError, match="something else than a calibration"):
        save_calibration(calibrate([measured(SMALL, 1.4)]), path)


def test_an_absent_file_says_how_to_make_one(tmp_path: Path) -> None:
    """The advice is a command."""
    with pytest.raises(ConfigError, match=r"can't read it .* tinygauge calibrate"):
        load_calibration(tmp_path / "none.json")
