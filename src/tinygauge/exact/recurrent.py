"""Steps that keep a state from one call of an op to the next: SVDF and LSTM.

A model is evaluated on inputs that have nothing to do with each other, as the interpreters of
`tinygauge.accuracy` run it: each input meets the state as a reset leaves it. So a step takes no
state and gives none. What carries a state on is the time within one input of an LSTM; the kernels
in C, which firmware runs, take the state as they find it.

References
----------
tflite-micro, micro_interpreter_graph.cc, ResetVariableTensors: bytes of the zero point for int8,
else 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygauge.exact.scales import Scale
from tinygauge.exact.steps import Array, Int32s, Step

__all__ = ["Lstm", "Svdf"]

Weights = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Svdf(Step):
    """SVDF of int8: features of the input, and what the memory of each comes to.

    Parameters
    ----------
    rank : int
        Filters behind each output.
    features : ndarray of int8, shape (filters, inputs)
    times : ndarray of int8 or int16, shape (filters, memory)
        Of the state's type.
    bias : ndarray of int32, shape (filters / rank,)
    to_state, to_output : Scale
    in_zero, state_zero, out_zero : int
    """

    rank: int
    features: Weights
    times: Array
    bias: Int32s
    to_state: Scale
    to_output: Scale
    in_zero: int
    state_zero: int
    out_zero: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lstm(Step):
    """UNIDIRECTIONAL_SEQUENCE_LSTM of int8 or int16; gates are input, forget, cell, output.

    Parameters
    ----------
    is_time_major : bool
        Whether tensors are ``(steps, batch, …)`` instead of ``(batch, steps, …)``.
    weights : ndarray of int8, shape (4, units, inputs)
    recurrent : ndarray of int8, shape (4, units, units)
    bias : ndarray of int32 or int64, shape (4, units)
        int64 with int16 activations.
    from_input, from_hidden : tuple of four Scale
        Of the gates' sums to Q3.12.
    kept, added, hidden : Scale
        Of forget gate times cell, of input gate times cell gate, and of the cell's tanh times
        the output gate.
    tanh_multiplier, tanh_shift : int
        Of the cell, as in `Curve`.
    cell_low, cell_high : int
        What the cell is clipped to.
    in_zero, hidden_zero : int
    """

    is_time_major: bool
    weights: Weights
    recurrent: Weights
    bias: Array
    from_input: tuple[Scale, ...]
    from_hidden: tuple[Scale, ...]
    kept: Scale
    added: Scale
    hidden: Scale
    tanh_multiplier: int
    tanh_shift: int
    cell_low: int
    cell_high: int
    in_zero: int
    hidden_zero: int

    @property
    def matrices(self) -> tuple[Weights, Weights]:
        """Weights and recurrent weights of all gates, one row a gate's unit."""
        units = self.recurrent.shape[1]
        return self.weights.reshape(4 * units, -1), self.recurrent.reshape(4 * units, units)
