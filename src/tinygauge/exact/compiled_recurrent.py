"""Evaluates an LSTM: NumPy multiplies matrices over the batch, a compiled kernel does the rest.

SVDF needs no kernel of its own here: from its reset state it is a matrix product and little else.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from tinygauge.exact.library import CLstm, CScale, level, pointer
from tinygauge.exact.plain_recurrent import lstm
from tinygauge.exact.recurrent import Lstm
from tinygauge.exact.scales import Scale
from tinygauge.exact.steps import Array
from tinygauge.exact.tables import curve16

__all__ = ["bind_lstm"]

Run = Callable[[list[Array]], list[Array]]


@cache
def _curves(tanh_multiplier: int, tanh_shift: int) -> npt.NDArray[np.int16]:
    """Return all values of the logistic function, of a gate's tanh and of the cell's."""
    x = np.arange(-(2**15), 2**15)
    return np.stack(
        [
            curve16(x, is_tanh=False, multiplier=0, shift=0),
            curve16(x, is_tanh=True, multiplier=0, shift=0),
            curve16(x, is_tanh=True, multiplier=tanh_multiplier, shift=tanh_shift),
        ]
    )


def bind_lstm(step: Lstm, kernels: ctypes.CDLL) -> Run:
    """Return what evaluates an LSTM.

    Parameters
    ----------
    step : Lstm
    kernels : ctypes.CDLL

    Returns
    -------
    callable
    """
    _, units, inputs = step.weights.shape

    def scales(each: tuple[Scale, ...]) -> ctypes.Array[CScale]:
        return (CScale * 4)(*map(CScale.of, each))

    form = CLstm(
        1, 1, inputs, units, False, step.in_zero, step.hidden_zero, scales(step.from_input),
        scales(step.from_hidden), *map(CScale.of, (step.kept, step.added, step.hidden)),
        step.cell_low, step.cell_high, step.tanh_multiplier, step.tanh_shift, True,
    )  # fmt: skip
    curves = _curves(step.tanh_multiplier, step.tanh_shift)

    def move_on(from_input: Array, from_hidden: Array, hidden: Array, cell: Array) -> None:
        is_wide = hidden.dtype == np.int16
        function = kernels.tg_batch_lstm_step_s16 if is_wide else kernels.tg_batch_lstm_step_s8
        arrays = (curves, from_input, from_hidden, hidden, cell)
        if function(byref(form), level(), len(hidden), *map(pointer, arrays)) != 0:
            raise MemoryError("no room for the compiled kernels")

    return partial(lstm, step, move_on=move_on)
