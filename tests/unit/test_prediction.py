"""Predictions: boards, cores, clocks and builds, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.tiny_models import build_cnn

from tinygauge import catalog, graph
from tinygauge.catalog import Engine
from tinygauge.cost import predict_energy, predict_latency
from tinygauge.errors import InputError
from tinygauge.inspection import target_of
from tinygauge.prediction import Prediction, predict
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Energy, Latency

L4R5 = "nucleo-l4r5zi"


@pytest.fixture(scope="module")
def model() -> graph.Model:
    return graph.parse(build_cnn(side=16), name="cnn")


def _latency(prediction: Prediction) -> Quantity:
    assert isinstance(prediction.latency, Latency)
    return prediction.latency.per_inference


@pytest.mark.parametrize("engine", ["tflm-cmsis-nn", "x-cube-ai", "tflm-ref@edgemark"])
def test_a_board_gets_what_the_cost_room_says(model: graph.Model, engine: str) -> None:
    """Cycles over the clock are the latency of `predict_latency`, ends and ops included."""
    board = catalog.board(L4R5)
    found = predict(model, board, engine)
    expected = predict_latency(model, target_of(board, catalog.engine(engine)))

    assert isinstance(expected, Latency)
    assert isinstance(found.latency, Latency)
    for mine, theirs in zip(
        [found.latency.per_inference, *(op.value for op in found.latency.by_op)],
        [expected.per_inference, *(op.value for op in expected.by_op)],
        strict=True,
    ):
        assert mine.value == pytest.approx(theirs.value)
        assert mine.interval.low == pytest.approx(theirs.interval.low)
        assert mine.interval.high == pytest.approx(theirs.interval.high)
    energy = predict_energy(expected, board)
    assert isinstance(energy, Energy)
    assert isinstance(found.energy, Energy)
    assert found.energy.per_inference.value == pytest.approx(energy.per_inference.value)


def test_ops_add_up(model: graph.Model) -> None:
    """Instructions and cycles of the ops sum to those of the model."""
    execution = predict(model, "cortex-m4", "tflm-cmsis-nn").execution

    assert isinstance(execution.instructions, Quantity)
    assert sum(op.cycles.value for op in execution.by_op) == pytest.approx(execution.cycles.value)
    instructions = [op.instructions for op in execution.by_op]
    assert sum(each.value for each in instructions if isinstance(each, Quantity)) == pytest.approx(
        execution.instructions.value
    )


def test_a_core_alone_has_cycles_and_with_a_clock_seconds(model: graph.Model) -> None:
    """Without a clock the latency is missing with its reason; energy is in both cases."""
    bare = predict(model, "cortex-m7", "tflm-cmsis-nn")
    clocked = predict(model, "cortex-m7", "tflm-cmsis-nn", clock_hz=200e6)

    assert isinstance(bare.latency, Missing)
    assert "clock" in bare.latency.reason
    assert _latency(clocked).value == pytest.approx(bare.execution.cycles.value / 200e6)
    assert isinstance(bare.energy, Missing)
    assert isinstance(clocked.energy, Missing)


def test_another_clock_scales_and_widens(model: graph.Model) -> None:
    """Half the clock: twice the time, relatively wider intervals, and findings.

    Its energy lies between that of half the power and that of the same.
    """
    board = catalog.board(L4R5)
    usual = predict(model, board, "tflm-cmsis-nn")
    halved = predict(model, board, "tflm-cmsis-nn", clock_hz=board.clock.value / 2)
    before, after = _latency(usual), _latency(halved)

    assert after.value == pytest.approx(2 * before.value)
    assert after.interval.low / after.value < before.interval.low / before.value
    assert after.interval.high / after.value > before.interval.high / before.value
    assert "TG204" in {finding.code for finding in halved.findings}
    assert isinstance(usual.energy, Energy)
    assert isinstance(halved.energy, Energy)
    assert 0.5 < halved.energy.power.value / usual.energy.power.value < 1.0
    assert "TG209" in {finding.code for finding in halved.findings}


def test_another_supply_bounds_the_power(model: graph.Model) -> None:
    """Time stays; the power's interval spans a linear and a switching regulator, and both L4R5s."""
    board = catalog.board(L4R5)
    usual = predict(model, board, "x-cube-ai@7.3.0")
    raised = predict(model, board, "x-cube-ai@7.3.0", supply_v=3.0)

    assert _latency(raised) == _latency(usual)
    assert isinstance(raised.energy, Energy)
    # MLPerf Tiny v1.1, this board and engine at 3.0 V.
    assert raised.energy.power.interval.low < 74.4e-3 < raised.energy.power.interval.high
    assert "TG209" in {finding.code for finding in raised.findings}


def test_a_clock_beyond_the_boards_is_said_to(model: graph.Model) -> None:
    """The part may not reach it; the board's own clock, named, changes nothing."""
    board = catalog.board(L4R5)
    beyond = predict(model, board, "tflm-cmsis-nn", clock_hz=2 * board.clock.value)
    same = predict(model, board, "tflm-cmsis-nn", clock_hz=board.clock.value)

    assert any("may not reach it" in finding.message for finding in beyond.findings)
    assert "TG204" not in {finding.code for finding in same.findings}
    assert isinstance(same.energy, Energy)


@pytest.mark.parametrize(
    ("place", "engine"), [(L4R5, "x-cube-ai"), ("rx65n-cloud-kit", "tflm-ref")]
)
def test_instructions_nobody_counted_are_missing(
    model: graph.Model, place: str, engine: str
) -> None:
    """Of a vendor's engine and of a core that is no Cortex-M; cycles and latency stay."""
    found = predict(model, catalog.board(place), engine)

    assert isinstance(found.execution.instructions, Missing)
    assert "stand for" in found.execution.instructions.reason
    assert all(isinstance(op.instructions, Missing) for op in found.execution.by_op)
    assert _latency(found).value > 0


@pytest.mark.parametrize(
    ("place", "engine", "expected"),
    [
        ("ek-ra8d1", "plumerai", ["does not run on cortex-m85", "Known on ek-ra8d1: tflm"]),
        ("ek-ra6m4", "onnc", ["does not run on cortex-m33", "Known with onnc:", L4R5]),
        (L4R5, "ekkono", ["was never timed", f"Known on {L4R5}:"]),
        ("ek-ra6m4", "x-cube-ai@7.3.0", ["runs on parts of STMicroelectronics alone", "Renesas"]),
        ("nucleo-u575zi-q", "tflm-silabs-mvp", ["Known with tflm-silabs-mvp: xg24-dk2601b"]),
        (L4R5, "x-cube-ai@7.2", ["unknown build", "Did you mean x-cube-ai@7.1"]),
    ],
)
def test_unknown_combinations_are_refused(
    model: graph.Model, place: str, engine: str, expected: list[str]
) -> None:
    """With the nearest known ones."""
    with pytest.raises(InputError) as caught:
        predict(model, catalog.board(place), engine)

    assert all(text in str(caught.value) for text in expected), caught.value


def test_another_makers_engine_is_not_advised(model: graph.Model) -> None:
    """What is named as known on a board runs on its part, not just on its core."""
    with pytest.raises(InputError, match="Known on ek-ra6m4: ") as caught:
        predict(model, catalog.board("ek-ra6m4"), "x-cube-ai")

    assert "x-cube-ai" not in str(caught.value).partition("Known on ")[2].partition(".")[0]


@pytest.mark.parametrize("maker", ["", "STMicroelectronics N.V.", "ST"])
def test_a_part_that_may_be_its_makers_is_not_refused(model: graph.Model, maker: str) -> None:
    """An unknown maker, and a maker's name written longer or shorter."""
    board = replace(catalog.board("nucleo-u575zi-q"), mcu_maker=maker)

    assert _latency(predict(model, board, "x-cube-ai")).value > 0


def test_an_op_without_a_kernel_is_named(model: graph.Model) -> None:
    """The engine says which op it can't run, and no other combination is blamed."""
    engine = catalog.engine("tflm-ref")
    poorer: Engine = replace(engine, ops=(engine.ops or frozenset()) - {"CONV_2D"})
    with pytest.raises(InputError, match="no kernel for CONV_2D") as caught:
        predict(model, "cortex-m4", poorer)

    assert "Known" not in str(caught.value)


def test_the_roofline_is_that_of_the_core_and_of_8_bits(model: graph.Model) -> None:
    """Half the products on a Cortex-M4; none where an accelerator computes, or for floats."""
    products = graph.count_model(model).macs
    found = predict(model, "cortex-m4", "tflm-ref").fewest_cycles
    accelerated = predict(model, catalog.board("xg24-dk2601b"), "tflm-silabs-mvp").fewest_cycles
    floats = graph.parse(build_cnn(side=16, dtype="float32"), name="cnn")

    assert isinstance(found, Quantity)
    assert found.value == -(-products // 2)
    assert isinstance(accelerated, Missing)
    assert "MVP" in accelerated.reason
    assert isinstance(predict(floats, "cortex-m4", "tflm-ref").fewest_cycles, Missing)
