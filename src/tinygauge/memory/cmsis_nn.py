"""Scratch memory of the CMSIS-NN kernels, per instruction set.

CMSIS-NN kernels ask for working memory through functions named `..._get_buffer_size`; these are
their formulas, re-derived. They differ between cores without SIMD (Cortex-M0+, M3), with the DSP
extension (M4, M7, M33) and with the M-profile vector extension MVE (M55, M85).

>>> convolve_s8_bytes(Isa.DSP, Convolution(input=(1, 16, 16, 8), filter=(8, 3, 3, 8),
...                   output=(1, 16, 16, 8), stride=(1, 1), dilation=(1, 1), padding=(1, 1)))
288

References
----------
.. [1] ARM-software/CMSIS-NN, Source/ConvolutionFunctions:
   arm_convolve_get_buffer_sizes_s8.c @ 098d54a6, arm_convolve_get_buffer_sizes_s16.c,
   arm_depthwise_conv_get_buffer_sizes_s8.c @ 1d7a8bfe,
   arm_transpose_conv_get_buffer_sizes_s8.c @ 3c67a632;
   Source/PoolingFunctions/arm_avgpool_get_buffer_sizes_s8.c;
   Include/arm_nnsupportfunctions.h (CH_IN_BLOCK_MVE, REVERSE_TCOL_EFFICIENT_THRESHOLD,
   arm_nn_is_convolve_1x1, arm_nn_is_convolve_1_x_n).
   Checked against arenas measured with CMSIS-NN 4ab83cc3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tinygauge.memory.structs import align_up

__all__ = [
    "Convolution",
    "Isa",
    "avgpool_bytes",
    "convolve_s8_bytes",
    "convolve_s16_bytes",
    "depthwise_s4_bytes",
    "depthwise_s8_bytes",
    "fully_connected_s8_bytes",
    "transpose_conv_s8_bytes",
]

# CH_IN_BLOCK_MVE of arm_nnsupportfunctions.h [1].
_CHANNEL_BLOCK_MVE = 124
# REVERSE_TCOL_EFFICIENT_THRESHOLD of arm_nnsupportfunctions.h [1].
_REVERSE_CONV_MORE_CHANNELS_THAN = 16

Shape = tuple[int, ...]
Pair = tuple[int, int]


class Isa(StrEnum):
    """The instructions that CMSIS-NN is compiled for."""

    SCALAR = "scalar"
    DSP = "dsp"
    MVE = "mve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """Shapes of a convolution.

    Parameters
    ----------
    input, output : tuple of int
        Batch, height, width, channels.
    filter : tuple of int
        Output channels, height, width, input channels; 1, height, width, channels for a
        depthwise one.
    stride, dilation, padding : tuple of int
        Height, width; padding at the top and the left.
    """

    input: Shape
    filter: Shape
    output: Shape
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Pair = (0, 0)

    @property
    def is_grouped(self) -> bool:
        """Whether filters see only a part of the input channels."""
        return self.input[3] != self.filter[3]

    @property
    def is_1x1(self) -> bool:
        """Whether no im2col is needed (arm_nn_is_convolve_1x1)."""
        return (
            self.padding == (0, 0)
            and self.filter[1:3] == (1, 1)
            and self.dilation == (1, 1)
            and not self.is_grouped
        )

    @property
    def is_1xn(self) -> bool:
        """Whether it runs along one row (arm_nn_is_convolve_1_x_n)."""
        return (
            self.input[1] == 1
            and self.dilation[1] == 1
            and self.filter[1] == 1
            and self.stride[1] * self.input[3] % 4 == 0
            and not self.is_grouped
        )

    @property
    def column(self) -> int:
        """Elements of one im2col column."""
        return self.filter[1] * self.filter[2] * self.input[3]


def convolve_s8_bytes(isa: Isa, conv: Convolution) -> int:
    """Scratch bytes of an int8 convolution.

    References
    ----------
    [1] arm_convolve_wrapper_s8_get_buffer_size: none for 1x1; else two int16 columns padded to
    a multiple of 4; with MVE four int8 columns padded to a multiple of 16, and along a row the
    padded ends.
    """
    if conv.is_1x1:
        return 0
    if isa is not Isa.MVE:
        return 2 * align_up(conv.column, 4) * 2
    if conv.is_1xn:
        return _convolve_row_s8_mve_bytes(conv)
    return _convolve_s8_mve_bytes(conv.column)


def _convolve_s8_mve_bytes(column: int) -> int:
    return 4 * align_up(column, 16)


def _convolve_row_s8_mve_bytes(conv: Convolution) -> int:
    """Return the scratch of arm_convolve_1_x_n_s8_get_buffer_size_mve [1], bytes."""
    channels = conv.input[3]
    width, kernel, out = conv.input[2], conv.filter[2], conv.output[2]
    pad, stride = conv.padding[1], conv.stride[1]
    total_pad = (out - 1) * stride + kernel - width
    uneven = total_pad - 2 * int(total_pad / 2)  # C's remainder keeps the sign
    right = max(1, -(-(pad + uneven) // stride)) if pad + uneven else 0
    left = max(1, -(-pad // stride)) if pad else 0
    middle = max(out - (right + left), 0)
    if right + middle + left != out:
        return _convolve_s8_mve_bytes(conv.column)
    at_left = kernel * channels + pad * channels
    at_right = (kernel - 1) * channels + (right if uneven else pad) * channels
    return max(at_left, at_right)


def convolve_s16_bytes(isa: Isa, conv: Convolution) -> int:
    """Scratch bytes of a convolution of int16 activations with int8 weights.

    References
    ----------
    [1] arm_convolve_s16_get_buffer_size: two int16 columns; with MVE four, padded to 8.
    """
    if isa is Isa.MVE:
        return 4 * align_up(conv.column, 8) * 2
    return 2 * conv.column * 2


def depthwise_s8_bytes(isa: Isa, conv: Convolution) -> int:
    """Scratch bytes of an int8 depthwise convolution.

    References
    ----------
    [1] arm_depthwise_conv_wrapper_s8_get_buffer_size: only where channels are not multiplied,
    for one batch without dilation; none for 3x3 with a padding up to 1, except with MVE, where
    a single input channel with several output channels runs as a convolution (arm-none-eabi-gcc;
    armclang needs more than 8).
    """
    if isa is Isa.MVE and conv.input[3] == 1 and conv.output[3] > 1:
        channels, height, width = conv.output[3], *conv.filter[1:3]
        plain = replace(conv, filter=(channels, height, width, 1))
        return channels * height * width + convolve_s8_bytes(isa, plain)
    if not _has_optimised_depthwise(conv):
        return 0
    window = conv.filter[1] * conv.filter[2]
    if isa is Isa.MVE:
        return 4 * _CHANNEL_BLOCK_MVE * window
    is_3x3 = conv.filter[1:3] == (3, 3) and max(conv.padding) <= 1
    if isa is Isa.SCALAR or is_3x3:
        return 0
    return conv.input[3] * window * 2


def depthwise_s4_bytes(conv: Convolution) -> int:
    """Scratch bytes of a depthwise convolution with int4 weights, on every core.

    References
    ----------
    [1] arm_depthwise_conv_s4_opt_get_buffer_size: as int8 with the DSP extension.
    """
    if not _has_optimised_depthwise(conv):
        return 0
    return conv.input[3] * conv.filter[1] * conv.filter[2] * 2


def _has_optimised_depthwise(conv: Convolution) -> bool:
    return conv.input[3] == conv.output[3] and conv.input[0] == 1 and conv.dilation == (1, 1)


def transpose_conv_s8_bytes(isa: Isa, conv: Convolution) -> tuple[int, int]:
    """Scratch bytes of an int8 transposed convolution: working memory, reversed filter.

    References
    ----------
    [1] arm_transpose_conv_s8_get_buffer_size and ..._get_reverse_conv_buffer_size: with strides
    up to 2 and enough channels it runs as a convolution with the reversed filter, else it adds
    up a few rows of int32 output.
    """
    channels = conv.input[3]
    if max(conv.stride) <= 2 and channels > _REVERSE_CONV_MORE_CHANNELS_THAN:
        if isa is Isa.MVE:
            columns = _convolve_s8_mve_bytes(conv.column)
        else:
            columns = 2 * align_up(conv.column, 4) * 2
        return columns, conv.column * conv.filter[0]
    # The wider of the kernel's width and the stride's *height*: so in [1].
    row = (conv.input[2] - 1) * conv.stride[1] + max(conv.filter[2], conv.stride[0])
    rows = max(conv.filter[1], conv.stride[0])
    return row * conv.output[3] * rows * 4, 0


def avgpool_bytes(isa: Isa, channels: int) -> int:
    """Scratch bytes of average pooling: int32 sums with the DSP extension.

    References
    ----------
    [1] arm_avgpool_s8_get_buffer_size, arm_avgpool_s16_get_buffer_size.
    """
    return channels * 4 if isa is Isa.DSP else 0


def fully_connected_s8_bytes(isa: Isa, outputs: int) -> int:
    """Bytes of an int8 fully connected op's weight sums: int32 per output with MVE.

    References
    ----------
    ARM-software/CMSIS-NN, arm_fully_connected_get_buffer_sizes_s8.c; TFLM keeps them in
    the persistent part of the arena (kernels/cmsis_nn/fully_connected.cc).
    """
    return outputs * 4 if isa is Isa.MVE else 0
