"""Scratch sizes of CMSIS-NN kernels, worked by hand from its size functions."""

from __future__ import annotations

import pytest

from tinygauge.memory.cmsis_nn import (
    Convolution,
    Isa,
    avgpool_bytes,
    convolve_s8_bytes,
    convolve_s16_bytes,
    depthwise_s4_bytes,
    depthwise_s8_bytes,
    fully_connected_s8_bytes,
    transpose_conv_s8_bytes,
)

THREE = Convolution(input=(1, 9, 9, 17), filter=(5, 3, 3, 17), output=(1, 9, 9, 5), padding=(1, 1))
POINTWISE = Convolution(input=(1, 8, 8, 16), filter=(16, 1, 1, 16), output=(1, 8, 8, 16))
GROUPED = Convolution(input=(1, 8, 8, 32), filter=(32, 1, 1, 16), output=(1, 8, 8, 32))
ROW = Convolution(input=(1, 1, 128, 4), filter=(8, 1, 5, 4), output=(1, 1, 128, 8), padding=(0, 2))


@pytest.mark.parametrize(
    ("conv", "scalar", "dsp", "mve"),
    [
        # Two int16 columns of 153, padded to 156; with MVE four int8 columns, padded to 160.
        pytest.param(THREE, 624, 624, 640, id="3x3"),
        pytest.param(POINTWISE, 0, 0, 0, id="1x1 needs no columns"),
        pytest.param(GROUPED, 128, 128, 128, id="grouped 1x1 is no 1x1"),
        # With MVE a row keeps only its padded ends: 5 * 4 + 2 * 4 at the left.
        pytest.param(ROW, 80, 80, 28, id="one row"),
    ],
)
def test_int8_convolution(conv: Convolution, scalar: int, dsp: int, mve: int) -> None:
    """Bytes per instruction set."""
    found = [convolve_s8_bytes(isa, conv) for isa in (Isa.SCALAR, Isa.DSP, Isa.MVE)]

    assert found == [scalar, dsp, mve]


def test_int16_convolution() -> None:
    """Two int16 columns; with MVE four, padded to 8 elements."""
    assert convolve_s16_bytes(Isa.DSP, THREE) == 2 * 153 * 2
    assert convolve_s16_bytes(Isa.MVE, THREE) == 4 * 160 * 2


def depthwise(channels: int, side: int, *, outputs: int = 0, batch: int = 1) -> Convolution:
    out = outputs or channels
    return Convolution(
        input=(batch, 10, 10, channels),
        filter=(1, side, side, out),
        output=(batch, 10, 10, out),
        padding=(side // 2, side // 2),
    )


@pytest.mark.parametrize(
    ("conv", "scalar", "dsp", "mve"),
    [
        pytest.param(depthwise(16, 3), 0, 0, 4464, id="3x3"),
        pytest.param(depthwise(48, 5), 0, 2400, 12400, id="5x5"),
        pytest.param(depthwise(8, 5, outputs=16), 0, 0, 0, id="multiplied channels"),
        pytest.param(depthwise(8, 5, batch=2), 0, 0, 0, id="two inputs at once"),
        # One input channel runs as a convolution: 4 * 16 of columns and 72 of weights.
        pytest.param(depthwise(1, 3, outputs=8), 0, 0, 136, id="one channel, many outputs"),
    ],
)
def test_int8_depthwise(conv: Convolution, scalar: int, dsp: int, mve: int) -> None:
    """Bytes per instruction set."""
    found = [depthwise_s8_bytes(isa, conv) for isa in (Isa.SCALAR, Isa.DSP, Isa.MVE)]

    assert found == [scalar, dsp, mve]


def test_int4_depthwise_is_the_same_on_every_core() -> None:
    """Two bytes per element of the window; none where channels are multiplied."""
    assert depthwise_s4_bytes(depthwise(16, 3)) == 288
    assert depthwise_s4_bytes(depthwise(8, 5, outputs=16)) == 0


def test_transposed_convolution() -> None:
    """Rows of int32 output for few channels; columns and a reversed filter for many."""
    few = Convolution(
        input=(1, 8, 8, 16), filter=(8, 3, 3, 16), output=(1, 16, 16, 8), stride=(2, 2)
    )
    many = Convolution(
        input=(1, 8, 8, 32), filter=(8, 3, 3, 32), output=(1, 16, 16, 8), stride=(2, 2)
    )

    assert transpose_conv_s8_bytes(Isa.DSP, few) == ((7 * 2 + 3) * 8 * 3 * 4, 0)
    assert transpose_conv_s8_bytes(Isa.DSP, many) == (2 * 288 * 2, 288 * 8)
    assert transpose_conv_s8_bytes(Isa.MVE, many) == (4 * 288, 288 * 8)


def test_sums() -> None:
    """Pooling sums with DSP alone, weight sums with MVE alone."""
    assert [avgpool_bytes(isa, 7) for isa in Isa] == [0, 28, 0]
    assert [fully_connected_s8_bytes(isa, 7) for isa in Isa] == [0, 0, 28]
