"""What `predict_memory` answers, and what it refuses."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import catalog, graph
from tinygauge.memory import predict_memory
from tinygauge.memory.predict import ENGINES, ISA
from tinygauge.quantity import Basis, Method, Missing, Quantity
from tinygauge.records import Memory
from tinygauge.units import Unit


def predict(content: bytes, core: str = "cortex-m4", engine: str = "tflm-cmsis-nn") -> Memory:
    found = predict_memory(graph.parse(content, name="m"), core=core, engine=engine)
    assert isinstance(found, Memory)
    return found


@pytest.mark.parametrize("core", ISA)
@pytest.mark.parametrize("engine", ENGINES)
def test_parts_add_up_and_carry_their_method(core: str, engine: str) -> None:
    """RAM and flash are the sums of their parts, in bytes, each with interval and source."""
    memory = predict(build_cnn(), core, engine)

    for kind, sum_ in (("ram", memory.ram), ("flash", memory.flash)):
        parts = [part.size for part in memory.parts if part.kind == kind]
        assert sum_.value == pytest.approx(sum(part.value for part in parts))
        assert sum_.interval.low <= sum_.value <= sum_.interval.high
        for part in parts:
            assert part.unit is Unit.BYTE
            assert part.value > 0
            assert part.interval.low <= part.value <= part.interval.high
            assert part.provenance.source
    assert memory.min_arena in [part.size for part in memory.parts]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_arm_core_of_the_catalogue_has_figures(engine: str) -> None:
    """And the same of cores that run the same instructions, with a wider interval for code."""
    arm = {core for core in catalog.engine(engine).cores if core.startswith("cortex-m")}
    known, alike = (predict(build_cnn(), core, engine) for core in ("cortex-m33", "cortex-m35p"))

    assert arm == {core for core in ISA if core.startswith("cortex-m")}
    assert alike.ram.value == known.ram.value
    assert alike.flash.value == known.flash.value
    assert alike.flash.interval.width > known.flash.interval.width


@pytest.mark.parametrize("core", ISA)
def test_the_arena_is_its_head_and_its_tail(core: str) -> None:
    """Both are stated, and the smallest that works is no smaller than their sum."""
    memory = predict(build_cnn(side=16), core, "tflm-ref")
    head, tail, least = memory.arena_head, memory.arena_tail, memory.min_arena

    assert isinstance(head, Quantity)
    assert isinstance(tail, Quantity)
    assert isinstance(least, Quantity)
    assert head.value + tail.value == memory.arena.value <= least.value
    assert least.value % 16 == 0


def test_live_bytes_peak_at_the_peak_op() -> None:
    """The most that live at once is the lower bound, at the op that is named."""
    memory = predict(build_cnn(side=16))

    assert max(memory.live_bytes) == memory.lower_bound_bytes
    assert memory.live_bytes[memory.peak_op] == memory.lower_bound_bytes
    assert len(memory.live_bytes) == len(memory.op_kinds) == 6
    assert {place.role for place in memory.placements} == {"input", "output", "tensor", "scratch"}


def test_the_model_is_counted_and_the_arena_predicted() -> None:
    """The file's bytes are counted; the arena is exact where every op was measured."""
    content = build_cnn()
    sizes = {part.name: part.size for part in predict(content).parts}

    assert sizes["model"].value == len(content)
    assert sizes["model"].method is Method.COUNTED
    assert sizes["tensor arena"].method is Method.PREDICTED
    assert sizes["tensor arena"].interval.basis is Basis.EXACT
    assert "TFLM 90b983c2b" in sizes["tensor arena"].provenance.tool


def test_placements_show_the_plan() -> None:
    """Every planned tensor lies inside the head; the bound does not exceed the plan."""
    memory = predict(build_cnn(side=16))
    end = max(place.offset_bytes + place.size_bytes for place in memory.placements)

    assert memory.lower_bound_bytes <= end <= memory.arena.value
    assert 0 <= memory.peak_op < 6
    assert all(0 <= place.first_op <= place.last_op < 6 for place in memory.placements)


def test_unmeasured_cores_get_wider_intervals() -> None:
    """RXv2 was not measured: its arena is a bound and its code size a ratio."""
    content = build_cnn()
    arm, rx = predict(content, "cortex-m4"), predict(content, "rxv2")

    assert rx.arena.interval.basis is Basis.BOUND
    assert rx.flash.interval.width > 4 * arm.flash.interval.width
    assert any("not measured on RXv2" in part.size.provenance.source for part in rx.parts)


def test_other_engines_and_cores_are_missing_with_advice() -> None:
    """Nothing is invented for engines whose memory is not public."""
    model = graph.parse(build_fully_connected(), name="m")

    for core, engine in (("cortex-m4", "x-cube-ai"), ("rv32", "tflm-ref")):
        found = predict_memory(model, core=core, engine=engine)
        assert isinstance(found, Missing)
        assert found.advice


def hybrid() -> bytes:
    builder = ModelBuilder()
    x, y = builder.tensor((1, 4), "float32"), builder.tensor((1, 2), "float32")
    weights = builder.tensor((2, 4), "int8", data=[[1] * 4] * 2, scale=0.1)
    builder.op("FULLY_CONNECTED", [x, weights, -1], [y])
    return builder.build([x], [y])


def unknown_op() -> bytes:
    builder = ModelBuilder()
    x, y = builder.tensor((1, 4), "float32"), builder.tensor((1, 4), "float32")
    builder.op("CUSTOM:Mystery", [x], [y])
    return builder.build([x], [y])


def pool_of_a_vector() -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((), "int8", scale=0.1)
    y = builder.tensor((), "int8", scale=0.1)
    builder.op("AVERAGE_POOL_2D", [x], [y], padding="VALID", stride_w=0, stride_h=0)
    return builder.build([x], [y])


def convolution_of_a_vector() -> bytes:
    builder = ModelBuilder()
    x, y = builder.tensor((4,), "float32"), builder.tensor((4,), "float32")
    weights = builder.tensor((4,), "float32", data=[1.0] * 4)
    builder.op("CONV_2D", [x, weights], [y], padding="SAME")
    return builder.build([x], [y])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(hybrid(), "float32 inputs with int8 weights", id="hybrid"),
        pytest.param(unknown_op(), "CUSTOM:Mystery has no kernel in TFLM", id="unknown op"),
        pytest.param(pool_of_a_vector(), "needs more dimensions", id="pool of a scalar"),
        pytest.param(convolution_of_a_vector(), "needs a 4-dimensional", id="1-D convolution"),
    ],
)
def test_models_that_tflm_refuses_are_missing(content: bytes, reason: str) -> None:
    """The reason names the op and what is wrong with it."""
    found = predict_memory(graph.parse(content, name="m"), core="cortex-m4", engine=ENGINES[0])

    assert isinstance(found, Missing)
    assert reason in found.reason


def test_ops_without_a_formula_widen_the_interval() -> None:
    """A resource variable's bytes are in the interval, never 0 without a word."""
    builder = ModelBuilder()
    handle = builder.tensor((), "resource")
    x, y = builder.tensor((1, 64), "float32"), builder.tensor((1, 64), "float32")
    builder.op("VAR_HANDLE", [], [handle])
    builder.op("ASSIGN_VARIABLE", [handle, x], [])
    builder.op("RELU", [x], [y])
    memory = predict(builder.build([x], [y]))

    assert memory.arena.interval.basis is Basis.BOUND
    assert memory.arena.interval.high >= memory.arena.value + 256


@st.composite
def networks(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Ops that read one or two earlier tensors and write a new one of some width."""
    return [
        (draw(st.integers(0, number)), draw(st.integers(0, number)), draw(st.integers(1, 64)))
        for number in range(draw(st.integers(2, 12)))
    ]


def build_network(ops: list[tuple[int, int, int]]) -> bytes:
    builder = ModelBuilder()
    tensors = [builder.tensor((1, 24), "float32")]
    for first, second, width in ops:
        out = builder.tensor((1, width), "float32")
        builder.op("MAXIMUM", [tensors[first], tensors[second]], [out])
        tensors.append(out)
    return builder.build([tensors[0]], [tensors[-1]])


@given(networks())
def test_an_op_more_never_frees_memory(ops: list[tuple[int, int, int]]) -> None:
    """What must be kept, and what lives at once, never shrink; nor does any live tensor overlap."""
    shorter, longer = (predict(build_network(part), engine="tflm-ref") for part in (ops[:-1], ops))

    assert isinstance(shorter.arena_tail, Quantity)
    assert isinstance(longer.arena_tail, Quantity)
    assert shorter.arena_tail.value <= longer.arena_tail.value
    assert longer.lower_bound_bytes <= longer.arena.value - longer.arena_tail.value
    if len(ops) - 1 in ops[-1][:2]:  # the op reads what was the output, which so lives on
        assert shorter.lower_bound_bytes <= longer.lower_bound_bytes
    assert shorter.flash.value <= longer.flash.value


def test_a_longer_chain_never_needs_less() -> None:
    """RAM and flash of a chain of ops grow with it."""

    def chain(length: int) -> Memory:
        builder = ModelBuilder()
        tensors = [builder.tensor((1, 32), "float32") for _ in range(length + 1)]
        for op in range(length):
            builder.op(("TANH", "ABS", "RELU")[op % 3], [tensors[op]], [tensors[op + 1]])
        return predict(builder.build([tensors[0]], [tensors[-1]]))

    memories = [chain(length) for length in range(1, 8)]

    for shorter, longer in pairwise(memories):
        assert shorter.ram.value <= longer.ram.value
        assert shorter.flash.value <= longer.flash.value
