"""Latency: what it sums, how sure it is, and what it refuses."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.tiny_models import ModelBuilder, build_cnn

from tinygauge import graph
from tinygauge.cost import predict_latency
from tinygauge.cost.intervals import Spread, Transfer, around, combined, reach
from tinygauge.cost.times import time_table
from tinygauge.graph import Model
from tinygauge.quantity import Basis, Method, Missing
from tinygauge.records import Latency, Target
from tinygauge.units import Unit

BOARDS = {
    "ek-ra6m4": ("cortex-m33", 200e6),
    "nucleo-l4r5zi": ("cortex-m4", 120e6),
    "nucleo-h7a3zi-q": ("cortex-m7", 280e6),
    "rx65n-cloud-kit": ("rxv2", 120e6),
}


def target(board: str = "ek-ra6m4", engine: str = "tflm-cmsis-nn", scale: float = 1.0) -> Target:
    core, clock_hz = BOARDS[board]
    return Target(board=board, core=core, engine=engine, clock_hz=clock_hz * scale)


def predict(model: Model, where: Target) -> Latency:
    found = predict_latency(model, where)
    assert isinstance(found, Latency)
    return found


def refused(model: Model, where: Target) -> Missing:
    found = predict_latency(model, where)
    assert isinstance(found, Missing)
    return found


def dense(units: int, kind: str = "FULLY_CONNECTED", dtype: str = "int8") -> Model:
    builder = ModelBuilder()
    x = builder.tensor((1, 64), dtype, scale=0.1)
    inputs = [x]
    if kind == "FULLY_CONNECTED":
        inputs.append(builder.tensor((units, 64), "int8", data=bytes([1]) * 64 * units, scale=0.1))
    y = builder.tensor((1, units), dtype, scale=0.1)
    builder.op(kind, inputs, [y])
    return graph.parse(builder.build([x], [y]), name=f"dense-{units}")


@pytest.fixture(scope="module")
def cnn() -> Model:
    return graph.parse(build_cnn(), name="cnn")


@pytest.mark.parametrize("board", BOARDS)
def test_ops_sum_to_the_whole(cnn: Model, board: str) -> None:
    """Each op has its share, in order; together they are the inference."""
    latency = predict(cnn, target(board))

    assert [share.kind for share in latency.by_op] == [op.kind for op in cnn.main.ops]
    assert math.isclose(
        math.fsum(share.value.value for share in latency.by_op), latency.per_inference.value
    )
    assert min(share.value.value for share in latency.by_op) > 0


def test_every_number_says_how_and_how_sure(cnn: Model) -> None:
    """Seconds, predicted, with a 90 % interval from residuals, a source and a calibration."""
    latency = predict(cnn, target())

    for quantity in (latency.per_inference, *(share.value for share in latency.by_op)):
        assert quantity.unit is Unit.SECOND
        assert quantity.method is Method.PREDICTED
        assert quantity.interval.basis is Basis.RESIDUALS
        assert quantity.interval.level == 0.9
        assert quantity.interval.low < quantity.value < quantity.interval.high
        assert quantity.provenance.evidence


@settings(max_examples=20)
@given(units=st.integers(1, 60))
def test_more_units_take_longer(units: int) -> None:
    """A dense op with four more units takes longer on the same target."""
    small, large = (predict(dense(n), target()).per_inference.value for n in (units, units + 4))

    assert small < large


def test_latency_goes_with_the_clock(cnn: Model) -> None:
    """Half the clock, twice the time; without a clock the catalogue's counts."""
    full = predict(cnn, target()).per_inference.value
    half = predict(cnn, target(scale=0.5)).per_inference.value
    unnamed = Target(board="ek-ra6m4", core="cortex-m33", engine="tflm-cmsis-nn")

    assert math.isclose(half, 2 * full)
    assert math.isclose(predict(cnn, unnamed).per_inference.value, full)


def test_the_less_is_known_the_wider(cnn: Model) -> None:
    """A board never timed is less sure than one that was, and a core never timed less still."""
    timed = predict(cnn, target("ek-ra6m4"))
    new_board = predict(
        cnn, Target(board="mine", core="cortex-m33", engine="tflm-cmsis-nn", clock_hz=200e6)
    )
    new_core = predict(
        cnn, Target(board="mine", core="cortex-m7", engine="tflm-cmsis-nn", clock_hz=200e6)
    )
    widths = [
        math.log(found.per_inference.interval.high / found.per_inference.interval.low)
        for found in (timed, new_board, new_core)
    ]

    assert widths == sorted(widths)
    assert len(set(widths)) == 3
    assert "TG203" not in [finding.code for finding in timed.findings]
    assert "TG203" in [finding.code for finding in new_board.findings]


def test_an_op_never_measured_widens_and_says_so() -> None:
    """A kind without data takes a typical cost, and a finding names it."""
    known = predict(dense(64), target())
    strange = predict(dense(64, kind="ABS"), target())

    assert strange.findings[0].code == "TG201"
    assert "ABS" in strange.findings[0].message
    assert (
        strange.per_inference.interval.high / strange.per_inference.value
        > known.per_inference.interval.high / known.per_inference.value
    )


def test_a_size_far_from_the_data_widens_and_says_so() -> None:
    """An op many times larger than any measured is an extrapolation."""
    latency = predict(dense(40_000), target())

    assert [finding.code for finding in latency.findings] == ["TG202"]


@pytest.mark.parametrize(
    ("core", "engine", "reason", "advice"),
    [
        ("cortex-m99", "tflm-ref", "core 'cortex-m99'", "cortex-m"),
        ("cortex-m4", "tflm-cmsisnn", "'tflm-cmsisnn' was never timed", "tflm-cmsis-nn"),
        ("cortex-m4", "x-cube-ai@1.0", "build '1.0'", "9.0"),
        ("cortex-m85", "x-cube-ai", "never timed on a cortex-m85", "cortex-m7"),
        ("rh850", "tflm-cmsis-nn", "never timed on a rh850", "cortex-m33"),
    ],
)
def test_what_nothing_stands_for_is_missing(
    cnn: Model, core: str, engine: str, reason: str, advice: str
) -> None:
    """Unknown cores, engines, builds and pairs are refused, naming the nearest known."""
    found = refused(cnn, Target(board="", core=core, engine=engine, clock_hz=1e8))

    assert reason in found.reason
    assert advice in found.advice


def test_types_and_clocks_that_are_unknown_are_missing(cnn: Model) -> None:
    """No zero stands for what can't be given."""
    assert "int64" in refused(dense(4, kind="ABS", dtype="int64"), target()).reason
    no_clock = Target(board="", core="cortex-m4", engine="tflm-ref")
    assert "no clock" in refused(cnn, no_clock).reason


def test_builds_of_one_engine_differ(cnn: Model) -> None:
    """A named build is its own; the bare name is the newest on that board."""
    bare, newest, old = (
        predict(cnn, target("nucleo-l4r5zi", name)).per_inference.value
        for name in ("x-cube-ai", "x-cube-ai@9.0", "x-cube-ai@7.1")
    )

    assert bare == newest < old


def test_a_timed_part_with_copies_takes_longer(cnn: Model) -> None:
    """EdgeMark's timer covers the copies of inputs and outputs, the bare name does not."""
    bare, edgemark = (
        predict(cnn, target("nucleo-l4r5zi", name)).per_inference.value
        for name in ("tflm-cmsis-nn", "tflm-cmsis-nn@edgemark")
    )

    assert bare < edgemark


def test_engines_that_skip_dead_channels_gain_by_them() -> None:
    """Zero filters make X-CUBE-AI faster and leave TFLM as it was."""
    alive, dead = dense(64), _half_dead()

    for engine, faster in (("x-cube-ai", True), ("tflm-cmsis-nn", False)):
        times = [
            predict(m, target("nucleo-l4r5zi", engine)).per_inference.value for m in (alive, dead)
        ]
        assert (times[1] < 0.9 * times[0]) is faster


def _half_dead() -> Model:
    builder = ModelBuilder()
    x = builder.tensor((1, 64), "int8", scale=0.1)
    content = bytes([1]) * 64 * 32 + bytes(64 * 32)
    w = builder.tensor((64, 64), "int8", data=content, scale=0.1)
    y = builder.tensor((1, 64), "int8", scale=0.1)
    builder.op("FULLY_CONNECTED", [x, w], [y])
    return graph.parse(builder.build([x], [y]), name="half-dead")


@given(low=st.floats(0.01, 1.0), high=st.floats(1.0, 100.0), other=st.floats(1.0, 10.0))
def test_intervals_hold_their_value_and_only_widen(low: float, high: float, other: float) -> None:
    """The value lies inside, and a second spread never narrows the first."""
    first, second = Spread(low, high, 5), Spread(1 / other, other, 3)
    both, interval = combined(first, second), around(2.0, first)

    assert interval.low <= 2.0 <= interval.high
    assert both.low <= first.low * (1 + 1e-12)
    assert both.high >= first.high * (1 - 1e-12)
    assert both.n == 3


@pytest.mark.parametrize("kind", [*Transfer, "family", "flagged", "calibrated"])
def test_every_kind_of_transfer_has_a_reach(kind: str) -> None:
    """Held-out errors stand behind every interval, and none is below what a normal one needs."""
    for counted in (False, True):
        if (kind, counted) != ("core", False):
            factor, groups = reach(time_table().intervals, kind, counted=counted)

            assert 1.0 < factor < 10.0
            assert groups >= 3
