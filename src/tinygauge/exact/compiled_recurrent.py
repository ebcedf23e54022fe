"""Evaluates SVDF and LSTM with the compiled kernels.

An LSTM's gates are matrix products of NumPy's over the batch; the kernel does the rest of a step.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref
from functools import partial

import numpy as np

from tinygauge.exact.library import CLstm, CScale, CSvdf, pointer
from tinygauge.exact.plain_recurrent import lstm
from tinygauge.exact.recurrent import Lstm, Svdf
from tinygauge.exact.scales import Scale
from tinygauge.exact.steps import Array
from tinygauge.exact.tables import curve16_table

__all__ = ["bind_lstm", "bind_svdf"]

Run = Callable[[list[Array]], list[Array]]


def bind_svdf(step: Svdf, kernels: ctypes.CDLL) -> Run:
    """Return what evaluates SVDF.

    Parameters
    ----------
    step : Svdf
    kernels : ctypes.CDLL

    Returns
    -------
    callable
    """
    filters, inputs = step.features.shape
    units = filters // step.rank
    function = kernels.tg_loop_svdf_s8
    if step.times.dtype == np.int16:
        function = kernels.tg_loop_svdf_s16
    form = CSvdf(
        1, inputs, filters, step.rank, step.times.shape[1], step.in_zero, step.state_zero,
        step.out_zero, CScale.of(step.to_state), CScale.of(step.to_output),
    )  # fmt: skip
    held = [np.ascontiguousarray(each) for each in (step.features, step.times, step.bias)]

    def run(xs: list[Array]) -> list[Array]:
        x = np.ascontiguousarray(xs[0])
        rows = x.size // inputs  # each begins with its state reset, so rows of one input are alike
        y = np.empty((*x.shape[:-1], units), np.int8)
        if function(byref(form), rows, *map(pointer, (x, *held, y))) != 0:
            raise MemoryError("no room for the compiled kernels")
        return [y]

    return run


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
