"""Evaluates an LSTM: NumPy multiplies matrices over the batch, a compiled kernel does the rest.

SVDF needs no kernel of its own here: from its reset state it is a matrix product and little else.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref
from functools import partial

import numpy as np

from tinygauge.exact.library import CLstm, CScale, pointer
from tinygauge.exact.plain_recurrent import lstm
from tinygauge.exact.recurrent import Lstm
from tinygauge.exact.scales import Scale
from tinygauge.exact.steps import Array
from tinygauge.exact.tables import curve16_table

__all__ = ["bind_lstm"]

Run = Callable[[list[Array]], list[Array]]


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
    table = curve16_table()

    def move_on(from_input: Array, from_hidden: Array, hidden: Array, cell: Array) -> None:
        is_wide = hidden.dtype == np.int16
        function = kernels.tg_loop_lstm_step_s16 if is_wide else kernels.tg_loop_lstm_step_s8
        arrays = (table, from_input, from_hidden, hidden, cell)
        function(byref(form), len(hidden), *map(pointer, arrays))

    return partial(lstm, step, move_on=move_on)
