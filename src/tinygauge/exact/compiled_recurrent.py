"""Evaluates an LSTM and SVDF: compiled products over the batch, a compiled kernel for a step."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from tinygauge.exact.library import CLstm, CScale, level, pointer, succeed
from tinygauge.exact.plain_recurrent import run_lstm, run_svdf
from tinygauge.exact.products import bind_product
from tinygauge.exact.recurrent import Lstm, Svdf
from tinygauge.exact.scales import Scale
from tinygauge.exact.steps import Array
from tinygauge.exact.tables import curve16

__all__ = ["bind_lstm", "bind_svdf"]

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
        succeed(function(byref(form), level(), len(hidden), *map(pointer, arrays)))

    dtype = "int8" if step.bias.dtype == np.int32 else "int16"
    weights, recurrent = step.matrices
    products = (
        bind_product(weights, step.in_zero, dtype, step.bias.reshape(-1), kernels),
        bind_product(recurrent, step.hidden_zero, dtype, None, kernels),
    )
    return partial(run_lstm, step, products, move_on)


def bind_svdf(step: Svdf, kernels: ctypes.CDLL) -> Run:
    """Return what evaluates SVDF: from its reset state it is a product and little else.

    Parameters
    ----------
    step : Svdf
    kernels : ctypes.CDLL

    Returns
    -------
    callable
    """
    product = bind_product(step.features, step.in_zero, "int8", None, kernels)
    return partial(run_svdf, step, product)
