"""Steps that LiteRT's kernels and XNNPACK need and tflite-micro does not.

What they compute was found by comparing single ops with LiteRT on x86-64, after reading its
sources: docs/design/accuracy.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygauge.exact.scales import Scale
from tinygauge.exact.steps import Add, Convolve, Lookup, Step

__all__ = [
    "AddInBlocks",
    "AddOnce",
    "BlockLookup",
    "ChannelMean",
    "DenseWide",
    "RealSum",
    "SoftmaxReal",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AddInBlocks(Add):
    """ADD as LiteRT's own kernels, which rescale the operands otherwise in whole blocks.

    Parameters
    ----------
    run : int
        Neighbouring results that the kernel is called for.
    block : int
        Those of a run that it takes at a time; the rest are rescaled as in `Add`.
    cuts : bool
        Whether the second rounding of the operands is down; one rounding, ties up, otherwise.
    """

    run: int
    block: int
    cuts: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AddOnce(Step):
    """ADD and SUB of int8 with one rounding, as XNNPACK.

    Parameters
    ----------
    a_shape, b_shape : tuple of int
        Of the operands, filled with 1 in front to as many dimensions as the output.
    a_part, b_part : ndarray of int32, shape (256,)
        What each stored value adds to the sum, that of -128 first; `a_part` has half a unit of
        the shift as well.
    shift : int
        Of the sum, to the right.
    out_zero : int
    low, high : int
    """

    a_shape: tuple[int, ...]
    b_shape: tuple[int, ...]
    a_part: npt.NDArray[np.int32]
    b_part: npt.NDArray[np.int32]
    shift: int
    out_zero: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockLookup(Lookup):
    """A `Lookup` in whole blocks of values, and in another table for those behind them.

    LiteRT's kernel for whole registers and its loop for the rest round in two ways.

    Parameters
    ----------
    rest : ndarray of int8, shape (256,)
        The table for the values behind the last whole block.
    block : int
        Values of a block.
    """

    rest: npt.NDArray[np.int8]
    block: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelMean(Step):
    """MEAN of int8 over the height and width of an image, as LiteRT's own kernel.

    Parameters
    ----------
    scale : Scale
        Of the sum of stored values.
    offset : int
        Of the rescaled sum: both zero points.
    ties_up : int
        Channels, from the first, whose ties go up.
    """

    scale: Scale
    offset: int
    ties_up: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RealSum(Step):
    """MEAN and SUM in float32: the sum of stored values times a factor, plus an offset.

    Parameters
    ----------
    axes : tuple of int
        Sorted; the batch is axis 0, so that the tensor's own begin at 1.
    factor, offset : float
        As float32.
    ties_away : bool
        Whether ties go away from zero; to even otherwise.
    out_zero : int
        Added behind the rounding.
    """

    axes: tuple[int, ...]
    factor: float
    offset: float
    ties_away: bool
    out_zero: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SoftmaxReal(Step):
    """SOFTMAX of int8 along the last axis, in float32; the output's scale is 1/256.

    Parameters
    ----------
    exp_table : ndarray of float32, shape (256,)
        exp() of the differences 0, -1, ... to the row's maximum.
    """

    exp_table: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DenseWide(Convolve):
    """FULLY_CONNECTED of int16, as LiteRT's own kernels.

    Parameters
    ----------
    real : ndarray of float64, shape (out_c,), or None
        The factors of the sums; None where the kernel for 32-bit sums takes them.
    """

    real: npt.NDArray[np.float64] | None
