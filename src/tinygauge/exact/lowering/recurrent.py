"""SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tinygauge.exact.lowering.scope import MAX_DEPTH, PerTensor, Scope
from tinygauge.exact.recurrent import Lstm, Svdf
from tinygauge.exact.scales import LIMITS, Scale, nearest_power_of_two
from tinygauge.graph import DType, Op, Tensor

__all__ = ["lstm", "svdf"]

# Inputs by their places: lstm_shared.h.
_GATES = 4
_WEIGHTS, _RECURRENT, _BIAS = 1, 5, 12
_HIDDEN, _CELL = 18, 19
_LSTM_INPUTS = 24
_VARIANTS = {"a peephole": (9, 10, 11), "a projection": (16, 17), "norms": (20, 21, 22, 23)}
_Q3_12, _Q0_15 = 2.0**-12, 2.0**-15
# The kernel multiplies with 3 << shift in 32 bits, or shifts by up to 31 to the right.
_TANH_SHIFTS = range(-31, 15)
# svdf_common.cc stops where the bias is farther from the scale of the sum.
_BIAS_TOLERANCE = 1e-5

Weights = npt.NDArray[np.int8]


def _symmetric(scope: Scope, op: Op, tensor: Tensor, shape: tuple[int, ...]) -> Weights:
    """Return weights of int8, quantised as a whole."""
    scope.require(op, tensor.shape == shape, f"weights of shape {tensor.shape} for {shape}")
    scope.require(op, scope.quantization(op, tensor).zero == 0, "asymmetric weights")
    weights: Weights = scope.constant(op, tensor, DType.INT8)
    return weights


def svdf(scope: Scope, op: Op) -> Svdf:
    """Lower SVDF of int8, with a state of int8 or int16; TFLM ignores a fused activation.

    References
    ----------
    tflite-micro, kernels/svdf_common.cc, PrepareSvdf. That the scales are made in double was
    found by asking tflite-micro 0.dev20261023 for sums near ties.
    """
    scope.operands(op, 5)
    source, output, state = scope.input(op), scope.output(op), scope.state(op, 4)
    features, times, bias = (scope.input(op, position) for position in (1, 2, 3))
    both = len(source.shape) == len(features.shape) == len(times.shape) == 2
    scope.require(op, both, "operands that are no matrices")
    batch, inputs = source.shape
    filters, memory = features.shape[0], times.shape[1]
    (rank,) = scope.positive(op, "rank")
    scope.require(op, filters % rank == 0, f"{filters} filters of rank {rank}")
    scope.same_shape(op, output, (batch, filters // rank))
    scope.require(op, state.shape == (batch, memory * filters), f"a state of shape {state.shape}")
    scope.require(op, times.shape == (filters, memory), f"times of shape {times.shape}")
    scope.require(op, max(inputs, memory * rank) <= MAX_DEPTH, "sums of too many products")
    scope.require(op, source.dtype is output.dtype is DType.INT8, f"values of type {source.dtype}")
    scope.require(op, state.dtype is times.dtype, f"a state of {state.dtype}, times {times.dtype}")
    before, kept, after = (scope.quantization(op, each) for each in (source, state, output))
    own, weight = scope.quantization(op, features), scope.quantization(op, times)
    unit = kept.scale * weight.scale
    values = scope.constant(op, bias, DType.INT32).reshape(-1)
    scope.require(op, values.size == filters // rank, f"{values.size} biases")
    gap = abs(scope.quantization(op, bias).scale - unit)
    scope.require(op, gap < _BIAS_TOLERANCE, "a bias of another scale")
    return Svdf(
        op=op.index,
        inputs=(source.index,),
        outputs=(output.index,),
        rank=rank,
        features=_symmetric(scope, op, features, (filters, inputs)),
        times=scope.constant(op, times, DType.INT8, DType.INT16),
        bias=values,
        to_state=scope.scale(op, before.scale * own.scale / kept.scale),
        to_output=scope.scale(op, unit / after.scale),
        in_zero=before.zero,
        state_zero=kept.zero,
        out_zero=after.zero,
    )


def _matrices(scope: Scope, op: Op, first: int, shape: tuple[int, int]) -> Weights:
    """Return the four gates' weights."""
    tensors = [scope.input(op, first + gate) for gate in range(_GATES)]
    return np.stack([_symmetric(scope, op, tensor, shape) for tensor in tensors])


def _scales(
    scope: Scope, op: Op, first: int, source: PerTensor, *, wide: bool
) -> tuple[Scale, ...]:
    """Return the scales of the four gates' sums to Q3.12, in double."""
    own = [scope.quantization(op, scope.input(op, first + gate)).scale for gate in range(_GATES)]
    return tuple(scope.scale(op, source.scale * each / _Q3_12, wide=wide) for each in own)


def _biases(scope: Scope, op: Op, units: int, dtype: DType) -> npt.NDArray[np.generic]:
    """Return the four gates' biases; TFLM does not look at their scales."""
    wanted = DType.INT32 if dtype is DType.INT8 else DType.INT64
    biases = [scope.constant(op, scope.input(op, _BIAS + g), wanted) for g in range(_GATES)]
    scope.require(op, all(bias.shape == (units,) for bias in biases), "biases of other shapes")
    return np.stack(biases)


def _cell_limits(scope: Scope, op: Op, scale: float) -> tuple[int, int]:
    """Return what the cell is clipped to; a clip of 0 is none.

    References
    ----------
    tflite-micro, kernels/lstm_eval_common.cc, CreateLstmCellStateInfo: cut, not rounded.
    """
    clip = op.options.get("cell_clip", 0.0)
    if not isinstance(clip, float) or not math.isfinite(clip) or clip < 0:
        raise scope.refuse(op, f"cell_clip {clip}")
    low, high = LIMITS["int16"]
    if clip == 0:
        return low, high
    most = int(min(clip / scale, float(high)))
    return -most, most


def _tanh(scope: Scope, op: Op, scale: float) -> tuple[int, int]:
    """Return multiplier and shift of the cell's tanh: its scale is taken for a power of two."""
    shift = nearest_power_of_two(scale)[0] + 12
    scope.require(op, shift in _TANH_SHIFTS, f"a cell of scale {scale:.3g}")
    return (0, shift) if shift >= 0 else (3, -shift)


def _check_shapes(scope: Scope, op: Op) -> tuple[int, int]:
    """Check input, output and states, and return the extent of the input and of the state."""
    source, output, hidden = scope.input(op), scope.output(op), scope.state(op, _HIDDEN)
    cell = scope.state(op, _CELL)
    fits = len(source.shape) == 3 and len(hidden.shape) == 2
    scope.require(op, fits, f"shapes {source.shape} and {hidden.shape}")
    inputs, units = source.shape[2], hidden.shape[1]
    scope.same_shape(op, output, (*source.shape[:2], units))
    batch = source.shape[1 if op.options.get("time_major") else 0]
    whole = math.prod(hidden.shape) == math.prod(cell.shape) == batch * units
    scope.require(op, whole, f"states of shape {hidden.shape} and {cell.shape}")
    scope.require(op, max(inputs, units) <= MAX_DEPTH, "sums of too many products")
    return inputs, units


def lstm(scope: Scope, op: Op) -> Lstm:
    """Lower UNIDIRECTIONAL_SEQUENCE_LSTM without the variants that TFLM refuses too.

    References
    ----------
    tflite-micro, kernels/lstm_eval_common.cc, UnidirectionalSequenceLstmPrepare: scales in double.
    """
    scope.operands(op, _LSTM_INPUTS)
    for name, places in _VARIANTS.items():
        absent = all(scope.optional(op, place) is None for place in places)
        scope.require(op, absent, f"{name}, which TFLM refuses")
    curve = op.options.get("fused_activation_function", "NONE")
    scope.require(op, curve == "TANH", f"activation {curve}")
    inputs, units = _check_shapes(scope, op)
    source, output = scope.input(op), scope.output(op)
    hidden, cell = scope.state(op, _HIDDEN), scope.state(op, _CELL)
    dtype = scope.activations(op, source, hidden, output)
    scope.require(op, cell.dtype is DType.INT16, f"a cell of {cell.dtype}")
    before, after = scope.quantization(op, source), scope.quantization(op, hidden)
    unit = scope.quantization(op, cell).scale
    multiplier, shift = _tanh(scope, op, unit)
    low, high = _cell_limits(scope, op, unit)
    wide = dtype is DType.INT16
    return Lstm(
        op=op.index,
        inputs=(source.index,),
        outputs=(output.index,),
        is_time_major=bool(op.options.get("time_major")),
        weights=_matrices(scope, op, _WEIGHTS, (units, inputs)),
        recurrent=_matrices(scope, op, _RECURRENT, (units, units)),
        bias=_biases(scope, op, units, dtype),
        from_input=_scales(scope, op, _WEIGHTS, before, wide=wide),
        from_hidden=_scales(scope, op, _RECURRENT, after, wide=wide),
        kept=scope.scale(op, _Q0_15 * unit / unit),
        added=scope.scale(op, _Q0_15 * _Q0_15 / unit),
        hidden=scope.scale(op, _Q0_15 * _Q0_15 / after.scale),
        tanh_multiplier=multiplier,
        tanh_shift=shift,
        cell_low=low,
        cell_high=high,
        in_zero=before.zero,
        hidden_zero=after.zero,
    )
