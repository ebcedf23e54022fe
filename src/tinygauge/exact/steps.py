"""What a model is compiled to: one step an op, holding plain numbers and constant arrays.

Steps know no file format and no quantisation theory: scales are integers already, shapes are
checked. `plain.py` evaluates them with NumPy, `compiled.py` with the C kernels; the
structs in c/kernels.h have the same fields, for whoever generates firmware from them.

Arrays of activations have the batch in front: ``(n, *shape of the tensor)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.exact.scales import Rounding, Scale

__all__ = [
    "Add",
    "ArgExtremum",
    "Cast",
    "Concatenate",
    "Constant",
    "Convolve",
    "Curve",
    "Dequantize",
    "Extremum",
    "Gather",
    "LeakyRelu16",
    "Lookup",
    "Multiply",
    "Negate",
    "Pad",
    "Permute",
    "Pick",
    "Pool",
    "Quantize",
    "Reduce",
    "Requantize",
    "Reshape",
    "ResizeBilinear",
    "Slice",
    "Softmax8",
    "Softmax16",
    "Step",
    "TakeRows",
    "Window",
]

Array = npt.NDArray[Any]
Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A filter that moves over an image; the fields are those of ``tg_window``.

    Parameters
    ----------
    in_h, in_w, in_c, out_h, out_w, out_c : int
        Images, channels last.
    filter_h, filter_w, filter_c : int
        One filter; its depth is the input's channels over the groups.
    stride_h, stride_w, dilation_h, dilation_w : int
    pad_h, pad_w : int
        Above and to the left.
    in_zero, out_zero : int
        Zero points.
    low, high : int
        Fused activation, in stored values.
    """

    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    filter_h: int
    filter_w: int
    filter_c: int
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    pad_h: int = 0
    pad_w: int = 0
    in_zero: int = 0
    out_zero: int = 0
    low: int = -128
    high: int = 127


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One op, ready to be evaluated.

    Parameters
    ----------
    op : int
        Its index in the model's main subgraph.
    inputs : tuple of int
        Tensors that it reads; constants that the step holds itself are not among them.
    outputs : tuple of int
        Tensors that it writes.
    rounding : Rounding
        Whose arithmetic evaluates it, where engines differ: that of the model's profile, or of
        LiteRT's own kernels where XNNPACK leaves the op to them.
    """

    op: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    rounding: Rounding = Rounding.TWO


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Convolve(Step):
    """CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV and FULLY_CONNECTED.

    A dense op is a 1 x 1 convolution over an image of one column, a row for each of its rows.

    Parameters
    ----------
    kind : str
        ``"conv"``, ``"depthwise"`` or ``"transpose"``.
    window : Window
    weights : ndarray of int8
        ``(out_c, filter_h, filter_w, filter_c)``; depthwise ``(filter_h, filter_w, out_c)``.
    bias : ndarray of int32 or int64, shape (out_c,), or None
        int64 with int16 activations.
    multipliers, shifts : ndarray of int32, shape (out_c,)
        The scales, one an output channel.
    factors : ndarray of float32, shape (out_c,)
        The scales as real numbers, for engines that compute with them.
    ties_up : int
        Channels, from the first, whose ties go up where LiteRT's kernels round.
    """

    kind: str
    window: Window
    weights: npt.NDArray[np.int8]
    bias: Array | None
    multipliers: Int32s
    shifts: Int32s
    factors: npt.NDArray[np.float32]
    ties_up: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool(Step):
    """AVERAGE_POOL_2D and MAX_POOL_2D.

    Parameters
    ----------
    window : Window
    is_max : bool
    """

    window: Window
    is_max: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Add(Step):
    """ADD and SUB of quantised values.

    Parameters
    ----------
    a_shape, b_shape : tuple of int
        Of the operands, filled with 1 in front to as many dimensions as the output.
    a_zero, b_zero, out_zero : int
    a, b, out : Scale
        Of the operands, and of their sum.
    left_shift : int
        Bits gained before rescaling: 20 for int8, 15 for int16.
    negate_b : bool
        True to subtract.
    low, high : int
    """

    a_shape: tuple[int, ...]
    b_shape: tuple[int, ...]
    a_zero: int
    b_zero: int
    out_zero: int
    a: Scale
    b: Scale
    out: Scale
    left_shift: int
    negate_b: bool
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Multiply(Step):
    """MUL of quantised values; the fields are those of `Add`.

    `factor` is the scale as a real number, for engines that compute with it.
    """

    a_shape: tuple[int, ...]
    b_shape: tuple[int, ...]
    a_zero: int
    b_zero: int
    out_zero: int
    out: Scale
    factor: float
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Extremum(Step):
    """MAXIMUM and MINIMUM of two tensors of one quantisation."""

    a_shape: tuple[int, ...]
    b_shape: tuple[int, ...]
    is_max: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lookup(Step):
    """Any int8 function of one value: `table` has its 256 results, that of -128 first."""

    table: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Requantize(Step):
    """Another scale and zero point, and with them another type; clamped to [low, high]."""

    scale: Scale
    in_zero: int
    out_zero: int
    low: int
    high: int
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve(Step):
    """LOGISTIC and TANH of int16; a multiplier of 0 stands for a power-of-two scale."""

    is_tanh: bool
    multiplier: int
    shift: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeakyRelu16(Step):
    """LEAKY_RELU of int16: one scale for values from 0 up, one for negative ones."""

    in_zero: int
    out_zero: int
    identity: Scale
    alpha: Scale


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Softmax8(Step):
    """SOFTMAX of int8 along the last axis.

    Parameters
    ----------
    scale : Scale
        Of the difference to the row's maximum.
    diff_min : int
        Smaller differences give 0.
    exp_table : ndarray of int32, shape (256,)
        exp(-i) in Q0 for differences 0, -1, …; 0 below `diff_min`.
    """

    scale: Scale
    diff_min: int
    exp_table: Int32s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Softmax16(Step):
    """SOFTMAX of int16 along the last axis; `scale` is of the difference to the maximum."""

    scale: Scale


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduce(Step):
    """MEAN, SUM, REDUCE_MAX and REDUCE_MIN.

    Parameters
    ----------
    kind : str
        ``"mean"``, ``"sum"``, ``"max"`` or ``"min"``.
    axes : tuple of int
        Sorted; the batch is axis 0, so that the tensor's own begin at 1.
    count : int
        Values behind each result.
    scale : Scale
        Of input to output; that of means is divided by `count` with `scale_of_mean`.
    in_zero, out_zero : int
    """

    kind: str
    axes: tuple[int, ...]
    count: int
    scale: Scale
    in_zero: int
    out_zero: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantize(Step):
    """QUANTIZE of float32."""

    scale: float
    zero: int
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dequantize(Step):
    """DEQUANTIZE to float32."""

    scale: float
    zero: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reshape(Step):
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the same values in the same order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Permute(Step):
    """TRANSPOSE; `axes` begin with the batch's 0."""

    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pad(Step):
    """PAD and PADV2: `value` around the tensor; `widths` begin with the batch's (0, 0)."""

    widths: tuple[tuple[int, int], ...]
    value: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Concatenate(Step):
    """CONCATENATION, and PACK after a `Reshape` of its own: inputs along an axis.

    Parameters
    ----------
    axis : int
        Of the output, the batch being 0.
    is_stack : bool
        Whether the inputs lack the axis.
    """

    axis: int
    is_stack: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice(Step):
    """SLICE, STRIDED_SLICE, SPLIT, SPLIT_V, UNPACK: a part of the input for each output.

    Parameters
    ----------
    parts : tuple of tuple of (int, int, int)
        For each output, start, count and step along every axis, the batch left out.
    """

    parts: tuple[tuple[tuple[int, int, int], ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pick(Step):
    """Ops that put values elsewhere: output value i is input value ``index[i]``.

    RESIZE_NEAREST_NEIGHBOR, MIRROR_PAD, BROADCAST_TO, REVERSE_V2, GATHER_ND, FILL and those
    between space, depth and batch.
    """

    index: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gather(Step):
    """GATHER from a constant or a tensor, along `axis` (the batch being 0)."""

    axis: int
    index: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArgExtremum(Step):
    """ARG_MAX and ARG_MIN along `axis` (the batch being 0); the first of equals wins."""

    axis: int
    is_max: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TakeRows(Step):
    """GATHER and EMBEDDING_LOOKUP of rows of a constant `table`; the inputs are their places."""

    table: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Constant(Step):
    """SHAPE: the same `value` for every input, of shape ``(1, *shape of the tensor)``."""

    value: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cast(Step):
    """CAST to a type of NumPy's name; what does not fit loses its upper bits."""

    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Negate(Step):
    """NEG of float32, the one type that TFLM has it for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResizeBilinear(Step):
    """RESIZE_BILINEAR of int8 images.

    Parameters
    ----------
    in_h, in_w, in_c : int
        One image.
    rows, columns : ndarray of int32, shape (out_h, 3), (out_w, 3)
        For each of the output's, the two of the input's between which it lies, and how far behind
        the first, in 1/1024.
    """

    in_h: int
    in_w: int
    in_c: int
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
