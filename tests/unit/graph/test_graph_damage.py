"""Damaged and hostile models: whatever the bytes, the reader ends soon and with an InputError."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from tests.support.crafted import craft
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.errors import InputError, ModelFormatError
from tinygauge.inspection import summarise

_MUTATIONS = 2000


def _zoo() -> bytes:
    """Make a model with the ops that have formulas of their own, and a dead channel."""
    builder = ModelBuilder("zoo")
    add, ones = builder.tensor, np.ones
    x = add((1, 4, 4, 2), "int8", scale=0.1)
    filters = ones((4, 3, 3, 2))
    filters[1] = 0
    w = add((4, 3, 3, 2), "int8", data=filters, scale=[0.1] * 4)
    y = add((1, 4, 4, 4), "int8", scale=0.1)
    builder.op("CONV_2D", [x, w, -1], [y], padding="SAME", stride_h=1, stride_w=1)
    dw = add((1, 3, 3, 8), "int8", data=ones((1, 3, 3, 8)), scale=[0.1] * 8, axis=3)
    z = add((1, 4, 4, 8), "int8", scale=0.1)
    builder.op("DEPTHWISE_CONV_2D", [y, dw, -1], [z], stride_h=1, stride_w=1, depth_multiplier=2)
    axes = add((2,), "int32", data=[1, 2])
    m = add((1, 8), "int8", scale=0.1)
    builder.op("MEAN", [z, axes], [m], keep_dims=False)
    packed = add((3, 8), "int4", data=bytes(range(12)), scale=0.1)
    s = add((1, 3), "int8", scale=0.1)
    builder.op("FULLY_CONNECTED", [m, packed, -1], [s])
    sequence = add((1, 3, 5), "float32")
    gates = [add((4, 5), "float32", data=ones((4, 5))) for _ in range(4)]
    gates += [add((4, 4), "float32", data=ones((4, 4))) for _ in range(4)]
    h = add((1, 3, 4), "float32")
    builder.op("UNIDIRECTIONAL_SEQUENCE_LSTM", [sequence, *gates], [h])
    p, q, r = add((2, 3, 4), "float32"), add((2, 4, 5), "float32"), add((2, 3, 5), "float32")
    builder.op("BATCH_MATMUL", [p, q], [r])
    builder.op("CUSTOM:Mine", [r], [r])
    return builder.build([x, sequence, p, q], [s, h, r], metadata={"plan": b"abc"})


MODELS: dict[str, Callable[[], bytes]] = {
    "cnn-int8": build_cnn,
    "cnn-float32": lambda: build_cnn(dtype="float32"),
    "dense": build_fully_connected,
    "zoo": _zoo,
    "subgraphs": lambda: craft(subgraphs=("main", "cond", "body"), same_tensor=2, same_op=2),
}


def _read_and_count(content: bytes) -> None:
    """Do all that is done to a model before it is run."""
    model = graph.parse(content, name="x")
    ops = graph.count_ops(model)
    summary = summarise(model, ops)
    assert 0 <= summary.live_macs.value <= summary.macs.value
    assert 0 <= summary.zero_weight_share.value <= 1
    assert summary.dead_channels <= sum(op.channels for op in ops)


def _mutate(content: bytes, random: np.random.Generator) -> bytes:
    """Flip bits, cut, copy a block over another, forge a number, overwrite, or insert."""
    data, size = bytearray(content), len(content)
    match random.integers(6):
        case 0:
            for place in random.integers(size, size=random.integers(1, 5)):
                data[place] ^= 1 << int(random.integers(8))
        case 1:
            del data[random.integers(size) :]
        case 2:
            length = int(random.integers(4, min(200, size)))
            source, goal = random.integers(size - length, size=2)
            data[goal : goal + length] = data[source : source + length]
        case 3:
            forged = [0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0, 1, 0x100, size, size // 4]
            place = 4 * int(random.integers(2, size // 4))
            data[place : place + 4] = int(random.choice(forged)).to_bytes(4, "little")
        case 4:
            place = int(random.integers(size - 8))
            data[place : place + 8] = random.bytes(8)
        case _:
            place = int(random.integers(8, size))
            data[place:place] = random.bytes(int(random.integers(1, 16)))
    return bytes(data)


@pytest.mark.parametrize("name", MODELS)
def test_a_sound_model_is_read_and_counted(name: str) -> None:
    """The models that the other tests damage are sound to begin with."""
    _read_and_count(MODELS[name]())


@pytest.mark.parametrize("name", MODELS)
def test_mutated_models_raise_input_errors_alone(name: str) -> None:
    """Of thousands of damaged copies, each is read or refused: no other exception escapes."""
    content = MODELS[name]()
    refusals: list[str] = []

    for seed in range(_MUTATIONS // len(MODELS)):
        damaged = _mutate(content, np.random.default_rng(seed))
        try:
            _read_and_count(damaged)
        except InputError as error:
            refusals.append(str(error))

    assert all(refusal.startswith("x: ") and "\n" not in refusal for refusal in refusals)
    # A reader that refuses nothing, or everything, would pass the loop as well.
    assert 0.2 < len(refusals) / (_MUTATIONS // len(MODELS)) < 0.98


@pytest.mark.parametrize("name", MODELS)
def test_truncated_models_are_refused(name: str) -> None:
    """A download that stopped anywhere is refused; only padding at the very end may go."""
    content = MODELS[name]()

    for length in range(0, len(content) - 16, 13):
        with pytest.raises(ModelFormatError):
            _read_and_count(content[:length])


@pytest.mark.parametrize("length", [0, 3, 4, 7, 8, 31, 32, 100])
def test_random_bytes_behind_a_right_header_are_refused(length: int) -> None:
    """The identifier alone makes no model."""
    random = np.random.default_rng(length)

    for _ in range(25):
        with pytest.raises(ModelFormatError):
            graph.parse(random.bytes(4) + b"TFL3" + random.bytes(length), name="x")


# Each takes hours or terabytes where parts may be read over and over: the number is how often.
HOSTILE: dict[str, Callable[[], bytes]] = {
    "one subgraph, many times": lambda: craft(same_subgraph=30_000, same_tensor=30_000),
    "one tensor with a long name, many times": lambda: craft(
        tensor_name=b"n" * 200_000, same_tensor=50_000
    ),
    "one packed constant, many times": lambda: craft(
        dtype="INT4", shape=(2_000_000,), content=bytes(1_000_000), same_tensor=20_000
    ),
    "one op with many inputs, many times": lambda: craft(op_inputs=200_000, same_op=50_000),
    "one large metadata buffer, many times": lambda: craft(
        shape=(250_000,), content=bytes(1_000_000), same_metadata=50_000
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_parts_on_top_of_each_other_are_refused(name: str) -> None:
    """A small file can't make the reader work or store without measure."""
    content = HOSTILE[name]()

    tracemalloc.start()
    try:
        with pytest.raises(ModelFormatError, match="lie on top of each other"):
            graph.parse(content, name="x")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 64 * len(content)


def test_a_shape_of_a_million_dimensions_is_refused() -> None:
    """Its product would be a number of millions of digits."""
    with pytest.raises(ModelFormatError, match="1,000,000 dimensions"):
        graph.parse(craft(shape=(2**30,) * 1_000_000), name="x")


def test_sharing_as_sound_files_do_it_is_fine() -> None:
    """A constant used by several tensors, or a name used twice, is no attack."""
    model = graph.parse(craft(shape=(1000,), content=bytes(4000), same_tensor=3), name="x")

    assert len(model.main.tensors) == 3


@pytest.mark.parametrize("extent", [0, -1])
@pytest.mark.parametrize("name", ["LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "SVDF", "BATCH_MATMUL"])
def test_empty_and_open_dimensions_are_counted(name: str, extent: int) -> None:
    """Nothing is divided by an empty dimension, and open ones count as 1."""
    builder = ModelBuilder()
    x = builder.tensor((2, extent), "float32")
    w = builder.tensor((3, 3), "float32", data=np.ones((3, 3)))
    y = builder.tensor((2, 3), "float32")
    builder.op(name, [x, w, w], [y])

    (counts,) = graph.count_ops(graph.parse(builder.build([x], [y]), name="x"))

    assert counts.macs >= 0
    assert math.isfinite(counts.live_macs)


def test_weights_of_text_are_not_counted() -> None:
    """A string tensor in a weight's place is no weight, whatever its shape claims."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    w = builder.tensor((1, 1, 1, 3), "string", data=bytes(9), scale=(1.0, 2.0, 3.0), axis=3)
    y = builder.tensor((1, 3), "float32")
    builder.op("DEPTHWISE_CONV_2D", [x, w], [y])
    builder.op("CONV_2D", [x, w], [y])

    counts = graph.count_model(graph.parse(builder.build([x], [y]), name="x"))

    assert (counts.parameters, counts.weights, counts.dead_channels) == (0, 0, 0)


def test_depthwise_filters_that_do_not_fit_their_input_are_counted() -> None:
    """Three input channels with one dead can't pair with four filters: nothing is assumed."""
    builder = ModelBuilder()
    filters = np.ones((3, 1, 1, 1))
    filters[0] = 0
    x = builder.tensor((1, 2, 2, 1), "float32")
    w = builder.tensor((3, 1, 1, 1), "float32", data=filters)
    y = builder.tensor((1, 2, 2, 3), "float32")
    dw = builder.tensor((1, 1, 1, 4), "float32", data=np.ones((1, 1, 1, 4)))
    z = builder.tensor((1, 2, 2, 4), "float32")
    builder.op("CONV_2D", [x, w], [y])
    builder.op("DEPTHWISE_CONV_2D", [y, dw], [z])

    _, depthwise = graph.count_ops(graph.parse(builder.build([x], [z]), name="x"))

    assert depthwise.live_macs == depthwise.macs == 16
