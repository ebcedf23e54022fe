"""SVDF and LSTM in NumPy: matrix products over the batch, then integers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from tinygauge.exact.fixedpoint import rescale, rescale_by, rescale_wide, stored, wrap
from tinygauge.exact.products import Product, product_with
from tinygauge.exact.recurrent import Lstm, Svdf
from tinygauge.exact.scales import LIMITS, Scale
from tinygauge.exact.steps import Array
from tinygauge.exact.tables import curve16

__all__ = ["MoveOn", "lstm", "run_lstm", "run_svdf", "svdf"]

Longs = npt.NDArray[np.int64]
MoveOn = Callable[[Array, Array, Array, Array], None]
"""Moves hidden and cell on by one step, in place, from the two sums of the gates."""

_INPUT, _FORGET, _CELL, _OUTPUT = range(4)


def svdf(step: Svdf, xs: list[Array]) -> list[Array]:
    """Evaluate SVDF from its reset state.

    Parameters
    ----------
    step : Svdf
    xs : list of ndarray
        The inputs, ``(n, batch, inputs)``.

    Returns
    -------
    list of ndarray
    """
    return run_svdf(step, product_with(step.features, step.in_zero, "int8"), xs)


def run_svdf(step: Svdf, product: Product, xs: list[Array]) -> list[Array]:
    """Evaluate SVDF from its reset state, in which all but the newest features are zero.

    Parameters
    ----------
    step : Svdf
    product : callable
        What multiplies inputs with the features.
    xs : list of ndarray

    Returns
    -------
    list of ndarray
    """
    sums = product(xs[0]).astype(np.int64)
    clamped = np.clip(rescale_by(sums, step.to_state), *LIMITS[step.times.dtype.name])
    features = (clamped + step.state_zero).astype(step.times.dtype)  # int8 wraps around, as TFLM's
    newest = features.astype(np.int64) - step.state_zero
    weighted = newest * step.times[:, -1].astype(np.int64)
    total = weighted.reshape(*weighted.shape[:-1], -1, step.rank).sum(axis=-1) + step.bias
    return [stored(rescale_by(wrap(total), step.to_output) + step.out_zero, "int8")]


def _short(values: Longs) -> Longs:
    return np.clip(values, *LIMITS["int16"])


def _gates(step: Lstm, from_input: Array, from_hidden: Array) -> list[Longs]:
    """Return what the gates let through, in Q0.15."""
    scaled = rescale_wide if from_input.dtype == np.int64 else rescale

    def rescaled(sums: Array, scale: Scale) -> Longs:
        return _short(scaled(sums.astype(np.int64), scale.multiplier, scale.shift))

    sums = zip(
        np.split(from_input, 4, axis=-1), np.split(from_hidden, 4, axis=-1), step.from_input,
        step.from_hidden, strict=True,
    )  # fmt: skip
    added = [_short(rescaled(a, of_a) + rescaled(b, of_b)) for a, b, of_a, of_b in sums]
    return [
        curve16(x, is_tanh=gate == _CELL, multiplier=0, shift=0).astype(np.int64)
        for gate, x in enumerate(added)
    ]


def _move_on(step: Lstm, from_input: Array, from_hidden: Array, hidden: Array, cell: Array) -> None:
    """Move hidden and cell on by one step."""
    gates = _gates(step, from_input, from_hidden)
    kept = _short(rescale_by(gates[_FORGET] * cell, step.kept))
    added = _short(rescale_by(gates[_INPUT] * gates[_CELL], step.added))
    cell[:] = np.clip(_short(kept + added), step.cell_low, step.cell_high)
    curve = curve16(
        cell, is_tanh=True, multiplier=step.tanh_multiplier, shift=step.tanh_shift
    ).astype(np.int64)
    values = rescale_by(curve * gates[_OUTPUT], step.hidden) + step.hidden_zero
    hidden[:] = stored(values, hidden.dtype.name)


def lstm(step: Lstm, xs: list[Array]) -> list[Array]:
    """Evaluate an LSTM from its reset state.

    Parameters
    ----------
    step : Lstm
    xs : list of ndarray
        The sequences, with the batch in front.

    Returns
    -------
    list of ndarray
    """
    weights, recurrent = step.matrices
    dtype = xs[0].dtype.name
    products = (
        product_with(weights, step.in_zero, dtype, step.bias.reshape(-1)),
        product_with(recurrent, step.hidden_zero, dtype),
    )
    return run_lstm(step, products, partial(_move_on, step), xs)


def run_lstm(
    step: Lstm, products: tuple[Product, Product], move_on: MoveOn, xs: list[Array]
) -> list[Array]:
    """Evaluate an LSTM from its reset state, step by step over a batch.

    Parameters
    ----------
    step : Lstm
    products : tuple of two callables
        What multiplies inputs, and hidden values, with the four gates' weights.
    move_on : callable
    xs : list of ndarray

    Returns
    -------
    list of ndarray
    """
    from_input, from_hidden = products
    x = np.swapaxes(xs[0], 1, 2) if step.is_time_major else xs[0]
    n, batch, times, inputs = x.shape
    units = step.recurrent.shape[1]
    sequences = x.reshape(n * batch, times, inputs)
    hidden = np.full((n * batch, units), step.hidden_zero, x.dtype)
    cell = np.zeros((n * batch, units), np.int16)
    y = np.empty((n * batch, times, units), x.dtype)
    for time in range(times):
        move_on(from_input(sequences[:, time]), from_hidden(hidden), hidden, cell)
        y[:, time] = hidden
    y = y.reshape(n, batch, times, units)
    return [np.ascontiguousarray(np.swapaxes(y, 1, 2)) if step.is_time_major else y]
