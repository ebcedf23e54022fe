"""When tensors live, on models built for the purpose."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from tests.support.tiny_models import ModelBuilder

from tinygauge import graph
from tinygauge.errors import ModelFormatError
from tinygauge.graph.types import DType, Model, Op, Subgraph, Tensor
from tinygauge.memory.lifetimes import Scratch, kept_variables, tensor_lifetimes


def chain(metadata: dict[str, bytes] | None = None) -> Model:
    """Three ops in a row: a -> b -> c -> d, and a weight that stays in flash."""
    builder = ModelBuilder()
    a, b, c, d = (builder.tensor((1, 8), "float32", name=name) for name in "abcd")
    weight = builder.tensor((1, 8), "float32", data=[[1.0] * 8], name="w")
    builder.op("RELU", [a], [b])
    builder.op("ADD", [b, weight], [c])
    builder.op("RELU", [c], [d])
    return graph.parse(builder.build([a], [d], metadata=metadata), name="chain")


def spans(model: Model, scratch: tuple[Scratch, ...] = ()) -> dict[str, tuple[int, int]]:
    timeline = tensor_lifetimes(model, scratch)
    return {lifetime.name: (lifetime.first, lifetime.last) for lifetime in timeline.lifetimes}


def test_tensors_live_from_their_writer_to_their_last_reader() -> None:
    """Moment 0 is the entry, op i runs at moment i + 1; the output lives to the end."""
    assert spans(chain()) == {"a": (0, 1), "b": (1, 2), "c": (2, 3), "d": (3, 3)}


def test_scratch_buffers_live_while_their_op_runs() -> None:
    """A scratch buffer has the moment of its op and comes after all tensors."""
    found = spans(chain(), (Scratch(subgraph=0, op=1, size_bytes=40),))

    assert list(found)[-1] == "scratch 0 of op 1 ADD"
    assert found["scratch 0 of op 1 ADD"] == (2, 2)


def test_unread_inputs_and_variable_tensors() -> None:
    """An input nobody reads lives at the entry alone; variables are not planned."""
    builder = ModelBuilder()
    a, unread, state, b = (
        builder.tensor((1, 8), "float32", name="a"),
        builder.tensor((1, 8), "float32", name="unread"),
        builder.tensor((1, 8), "float32", name="state", is_variable=True),
        builder.tensor((1, 8), "float32", name="b"),
    )
    builder.op("ADD", [a, state], [b])
    model = graph.parse(builder.build([a, unread], [b]), name="m")

    assert spans(model) == {"a": (0, 1), "unread": (0, 0), "b": (1, 1)}


def calling_model(callee: int = 1) -> Model:
    """IF in the middle of the main subgraph; both branches are one RELU."""

    def tensor(index: int, name: str) -> Tensor:
        return Tensor(index=index, name=name, shape=(8,), dtype=DType.FLOAT32)

    def branch(index: int, name: str) -> Subgraph:
        ops = (Op(index=0, kind="RELU", inputs=(0,), outputs=(1,)),)
        tensors = (tensor(0, f"{name}.in"), tensor(1, f"{name}.out"))
        return Subgraph(index=index, name=name, tensors=tensors, ops=ops, inputs=(0,), outputs=(1,))

    main = Subgraph(
        index=0,
        name="main",
        tensors=(tensor(0, "x"), tensor(1, "y"), tensor(2, "z")),
        ops=(
            Op(
                index=0,
                kind="IF",
                inputs=(0, 0),
                outputs=(1,),
                options={"then_subgraph_index": callee, "else_subgraph_index": 2},
            ),
            Op(index=1, kind="RELU", inputs=(1,), outputs=(2,)),
        ),
        inputs=(0,),
        outputs=(2,),
    )
    return Model(
        name="m",
        path="",
        content=b"",
        sha256="",
        subgraphs=(main, branch(1, "then"), branch(2, "else")),
    )


def test_called_subgraphs_take_moments_inside_their_caller() -> None:
    """Both branches of IF run between its first and last moment, one after the other."""
    timeline = tensor_lifetimes(calling_model())
    found = {lifetime.name: (lifetime.first, lifetime.last) for lifetime in timeline.lifetimes}

    # Moments: 0 entry, 1 IF, 2 then, 3 its RELU, 4 else, 5 its RELU, 6 RELU.
    assert found == {
        "x": (0, 5),
        "y": (1, 6),
        "z": (6, 6),
        "then.in": (2, 3),
        "then.out": (3, 3),
        "else.in": (4, 5),
        "else.out": (5, 5),
    }
    assert timeline.op_at == (0, 0, 0, 0, 0, 0, 1)


@pytest.mark.parametrize("callee", [3, 0])
def test_a_call_of_no_subgraph_or_of_itself_is_refused(callee: int) -> None:
    """A damaged model ends as an error with advice, not in a loop."""
    with pytest.raises(ModelFormatError, match="an op calls subgraph"):
        tensor_lifetimes(calling_model(callee))


def offline_plan(*offsets: int, tensors: int | None = None) -> dict[str, bytes]:
    count = len(offsets) if tensors is None else tensors
    return {"OfflineMemoryAllocation": struct.pack(f"<3I{len(offsets)}i", 1, 0, count, *offsets)}


def test_offline_offsets_come_from_the_metadata() -> None:
    """Version, subgraph, count, then one offset per tensor; -1 leaves it to the planner."""
    model = chain(offline_plan(64, -1, 0, -1, -1))
    found = {life.name: life.offline_offset for life in tensor_lifetimes(model).lifetimes}

    assert found == {"a": 64, "b": -1, "c": 0, "d": -1}


def test_a_variable_with_an_offline_offset_is_planned_there() -> None:
    """Others are kept apart, beside the planned buffers."""
    builder = ModelBuilder()
    x, y = (builder.tensor((1, 8), "float32", name=name) for name in "xy")
    state, other = (builder.tensor((1, 8), "float32", name=name, is_variable=True) for name in "st")
    builder.op("ADD_N", [x, state, other], [y])
    content = builder.build([x], [y], metadata=offline_plan(-1, -1, 64, -1))
    model = graph.parse(content, name="m")
    found = {life.name: life.offline_offset for life in tensor_lifetimes(model).lifetimes}

    assert found == {"x": -1, "y": -1, "s": 64}
    assert [tensor.name for tensor in kept_variables(model)] == ["t"]


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(offline_plan(0, 0), id="for another model"),
        pytest.param(offline_plan(0, 0, tensors=5), id="shorter than it says"),
        pytest.param({"OfflineMemoryAllocation": b"\x01\x00"}, id="cut off"),
    ],
)
def test_an_offline_plan_that_does_not_fit_is_refused(metadata: dict[str, bytes]) -> None:
    """TFLM refuses such a model, and so do we, naming the metadata."""
    with pytest.raises(ModelFormatError, match="offline memory plan"):
        tensor_lifetimes(chain(metadata))


def test_an_op_more_never_shortens_a_lifetime() -> None:
    """Reading a tensor once more, later, keeps it at least as long."""
    model = chain()
    main = model.main
    longer = dataclasses.replace(
        main, ops=(*main.ops, Op(index=3, kind="ADD", inputs=(0, 3), outputs=(3,)))
    )
    before, after = spans(model), spans(dataclasses.replace(model, subgraphs=(longer,)))

    assert all(after[name][1] >= before[name][1] for name in before)
