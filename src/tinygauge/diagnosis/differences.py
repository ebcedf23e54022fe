"""Says by how much two runtimes differ in a tensor, and of what kind that is.

Pure arithmetic on arrays of stored values: nothing here runs a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from tinygauge.graph import DType, Op, Tensor

__all__ = ["Cause", "Gap", "cause_of", "measure_gap"]

# Of the largest value: what float32 sums differ by when their order does (2^-23 a sum, some
# hundred sums in turn).
_LAST_DIGITS = 1e-4
# Ops that look up or approximate a curve: their ends are no saturation.
_CURVES = frozenset({"SOFTMAX", "LOGISTIC", "TANH", "LOG_SOFTMAX", "HARD_SWISH", "GELU"})
_ACTIVATION_ENDS = {"RELU": (0.0,), "RELU_N1_TO_1": (-1.0, 1.0), "RELU6": (0.0, 6.0)}
_INTEGERS = frozenset({DType.INT8, DType.UINT8, DType.INT16, DType.INT32})


class Cause(StrEnum):
    """Of what kind a difference is."""

    EQUAL = "equal"
    DRIFT = "accumulated drift"
    ROUNDING = "rounding by one step"
    SATURATION = "saturation"
    DIGITS = "last digits"
    OPERATOR = "different operator"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """By how much two runtimes differ in a tensor.

    Parameters
    ----------
    values, differing : int
        Elements compared, and those that differ.
    inputs : int
        Inputs with an element that differs.
    largest : float
        The largest difference: in steps of an integer tensor, as a share of the largest value
        of a float one.
    """

    values: int
    differing: int
    inputs: int
    largest: float

    @property
    def share(self) -> float:
        """Ratio of the elements that differ."""
        return self.differing / self.values if self.values else 0.0


def measure_gap(
    base: npt.NDArray[np.generic], other: npt.NDArray[np.generic], *, is_float: bool
) -> Gap:
    """Compare the values of a tensor.

    Parameters
    ----------
    base, other : ndarray, shape (n, …)
        Of two runtimes, for the same inputs.
    is_float : bool
        Whether differences in the last digits count as none, and `largest` is a share.

    Returns
    -------
    Gap
    """
    n = len(base)
    apart = np.abs(_apart(base, other)).reshape(n, -1)
    largest = float(apart.max(initial=0))
    unit = 1.0
    if is_float:
        unit = float(np.abs(base.astype(np.float64)).max(initial=0)) or 1.0
    differing = apart > 0
    return Gap(
        values=apart.size,
        differing=int(differing.sum()),
        inputs=int(differing.any(axis=1).sum()),
        largest=largest / unit,
    )


def _apart(
    base: npt.NDArray[np.generic], other: npt.NDArray[np.generic]
) -> npt.NDArray[np.float64]:
    first, second = (each.reshape(len(each), -1).astype(np.float64) for each in (base, other))
    apart = second - first
    return np.where(np.isnan(apart), np.inf, apart)  # what is no number equals nothing


def cause_of(
    op: Op, tensor: Tensor, base: npt.NDArray[np.generic], other: npt.NDArray[np.generic]
) -> Cause:
    """Tell of what kind an op's own difference is: both runtimes were given the same.

    Parameters
    ----------
    op : Op
    tensor : Tensor
        That it makes.
    base, other : ndarray, shape (n, …)
        What it made.

    Returns
    -------
    Cause
        `SATURATION` where all that differs by more than a step lies at an end of the range, of
        the type or of the fused activation, in one of the two.
    """
    apart = np.abs(_apart(base, other))
    largest = float(apart.max(initial=0))
    if largest == 0:
        return Cause.EQUAL
    if tensor.dtype not in _INTEGERS:
        magnitude = float(np.abs(base.astype(np.float64)).max(initial=0))
        return Cause.DIGITS if largest <= _LAST_DIGITS * magnitude else Cause.OPERATOR
    if largest <= 1:
        return Cause.ROUNDING
    if op.kind in _CURVES:
        return Cause.OPERATOR
    ends = _ends(op, tensor)
    flat = (base.reshape(len(base), -1), other.reshape(len(other), -1))
    at_end = np.isin(flat[0], ends) | np.isin(flat[1], ends)
    return Cause.SATURATION if bool(at_end[apart > 1].all()) else Cause.OPERATOR


def _ends(op: Op, tensor: Tensor) -> list[int]:
    """Return the stored values at which an op's results are clamped."""
    limits = np.iinfo(tensor.dtype.value)
    ends = [int(limits.min), int(limits.max)]
    if tensor.quantization is not None:
        scale, zero_point = tensor.quantization.scale[0], tensor.quantization.zero_point[0]
        activation = str(op.options.get("fused_activation_function", "NONE"))
        ends += [round(end / scale) + zero_point for end in _ACTIVATION_ENDS.get(activation, ())]
    return ends
