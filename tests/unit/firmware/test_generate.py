"""What the generator refuses, and what of a model reaches the C text."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.errors import InputError, UnknownNameError, UnsupportedOpError
from tinygauge.firmware import generate_engine, machine_of, wire_of
from tinygauge.firmware.text import c_array, c_float


def _model(content: bytes, name: str = "tested") -> graph.Model:
    return graph.parse(content, name=name)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_literal_reads_back_as_the_same_number(value: float) -> None:
    """To the bit, also where it is tiny."""
    text = c_float(value)

    assert text.endswith("f")
    assert struct.pack("<f", float.fromhex(text[:-1])) == struct.pack("<f", value)


def test_the_lowest_int32_is_no_overflow() -> None:
    """-2147483648 is an expression in C, on a constant that does not fit."""
    assert "(-2147483647 - 1)" in c_array("int32_t", "x", [-(2**31)])


def test_names_in_a_model_never_reach_the_text() -> None:
    """A file may hold anything; its numbers are all that is written."""
    builder = ModelBuilder('*/ #include "x"')
    x = builder.tensor((1, 4), "int8", scale=0.1, name='*/ #error "x"')
    y = builder.tensor((1, 4), "int8", scale=0.1, zero_point=3, name="y\n#error")
    builder.op("RELU", [x], [y])
    source = generate_engine(_model(builder.build([x], [y]), "*/ #error"), wire_of("custom")).source

    assert "#error" not in source
    assert source.count("#include") == 2


def test_an_engine_says_what_it_needs() -> None:
    """Bytes on the wire, and of the arena: the input stays, and three tensors live at once."""
    engine = generate_engine(_model(build_cnn(side=8, channels=4)), wire_of("custom"))

    assert engine.input_bytes == 64
    assert engine.arena_bytes == 64 + 2 * 64


@pytest.mark.parametrize(
    ("content", "benchmark", "match"),
    [
        (build_cnn(dtype="float32"), "custom", "runs int8 and int16x8 models"),
        (build_fully_connected(dtype="float32"), "kws", "runs int8 and int16x8 models"),
        (build_fully_connected(inputs=4, outputs=3), "ad", "4 inputs and 3 outputs"),
    ],
)
def test_a_model_that_it_cannot_run_is_refused(content: bytes, benchmark: str, match: str) -> None:
    """In one line that says what it can run."""
    with pytest.raises(UnsupportedOpError, match=match):
        generate_engine(_model(content), wire_of(benchmark))


def test_a_batch_is_refused() -> None:
    """The kernels evaluate one image at a time."""
    builder = ModelBuilder()
    x = builder.tensor((2, 4, 4, 1), "int8", scale=0.1)
    y = builder.tensor((2, 2, 2, 1), "int8", scale=0.1)
    builder.op(
        "MAX_POOL_2D", [x], [y], version=2, padding="VALID", stride_h=2, stride_w=2,
        filter_height=2, filter_width=2,
    )  # fmt: skip

    with pytest.raises(UnsupportedOpError, match=r"MAX_POOL_2D: .*one image at a time"):
        generate_engine(_model(builder.build([x], [y])), wire_of("custom"))


def test_a_tensor_that_nothing_writes_is_refused() -> None:
    """As an output without an op, which would be whatever lies in the arena."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "int8", scale=0.1)
    y = builder.tensor((1, 4), "int8", scale=0.1)

    with pytest.raises(UnsupportedOpError, match=r"tensor 1 is read before anything writes it"):
        generate_engine(_model(builder.build([x], [y])), wire_of("custom"))


@pytest.mark.parametrize("name", ["cortex-m4", "M4", "m4"])
def test_a_core_is_found_by_its_short_name(name: str) -> None:
    """As in --cpu m4."""
    assert machine_of(name).name == "mps2-an386"


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    """Cores that QEMU's boards lack, and benchmarks."""
    with pytest.raises(UnknownNameError, match="cortex-m33"):
        machine_of("cortex-m3")
    with pytest.raises(InputError, match="Known: ad, custom"):
        wire_of("xyz")


def test_a_saturated_constant_survives() -> None:
    """All values of int8 are written as they are."""
    values = np.arange(-128, 128, dtype=np.int8)
    text = c_array("int8_t", "x", values.tolist())
    body = text[text.index("{") + 1 : text.index("}")]

    assert [int(part) for part in body.split(",") if part.strip()] == list(range(-128, 128))
