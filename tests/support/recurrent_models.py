"""Quantised models of one SVDF or LSTM op, with numbers of the test's choice.

>>> from tinygauge import graph
>>> graph.parse(lstm_model(units=2), name="lstm").main.ops[0].kind
'UNIDIRECTIONAL_SEQUENCE_LSTM'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.support.tiny_models import ModelBuilder

__all__ = ["add_lstm", "add_svdf", "lstm_model", "svdf_model"]

# Hidden values lie within -1 .. 1.
_HIDDEN = {"int8": (1 / 128, 0), "int16": (1 / 32768, 0)}


def add_lstm(
    builder: ModelBuilder,
    x: int,
    *,
    shape: tuple[int, int, int],
    units: int,
    rng: np.random.Generator,
    dtype: str = "int8",
    in_scale: float = 0.02,
    weight_scale: float = 0.01,
    hidden: tuple[float, int] | None = None,
    cell_scale: float = 2.0**-11,
    bias_reach: int = 1000,
    inputs: Mapping[int, int] | None = None,
    **options: Any,
) -> int:
    """Add an LSTM to a model.

    Parameters
    ----------
    builder : ModelBuilder
    x : int
        Its input, of shape `shape`.
    shape : tuple of int
        ``(batch, steps, inputs)``, or ``(steps, batch, inputs)`` with ``time_major=True``.
    units : int
    rng : Generator
        Of the weights.
    dtype : str
    in_scale : float
        Of `x`.
    weight_scale : float
    hidden : tuple of float and int, optional
        Scale and zero point of the output.
    cell_scale : float
    bias_reach : int
    inputs : mapping of int to int, optional
        Tensors in some places, such as those of a peephole.
    **options
        Of the op.

    Returns
    -------
    int
        The output, of shape ``(*shape[:2], units)``.
    """
    scale, zero = hidden or _HIDDEN[dtype]
    batch = shape[1] if options.get("time_major") else shape[0]
    places = dict.fromkeys(range(24), -1) | {0: x}
    for gate in range(4):
        for place, depth in ((1 + gate, shape[2]), (5 + gate, units)):
            data = rng.integers(-127, 128, (units, depth))
            factor = weight_scale * float(np.exp(rng.normal(scale=0.3)))
            places[place] = builder.tensor((units, depth), "int8", data=data, scale=factor)
        bias = rng.integers(-bias_reach, bias_reach + 1, units)
        places[12 + gate] = builder.tensor(
            (units,), "int32" if dtype == "int8" else "int64", data=bias,
            scale=in_scale * weight_scale,
        )  # fmt: skip
    places[18] = builder.tensor(
        (batch, units), dtype, scale=scale, zero_point=zero, is_variable=True
    )
    places[19] = builder.tensor((batch, units), "int16", scale=cell_scale, is_variable=True)
    y = builder.tensor((*shape[:2], units), dtype, scale=scale, zero_point=zero)
    chosen = {"fused_activation_function": "TANH"} | options
    builder.op(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", list((places | dict(inputs or {})).values()), [y],
        version=3, **chosen,
    )  # fmt: skip
    return y


def lstm_model(
    *,
    shape: tuple[int, int, int] = (1, 5, 6),
    units: int = 7,
    seed: int = 1,
    dtype: str = "int8",
    in_zero: int = 0,
    in_scale: float = 0.02,
    **numbers: Any,
) -> bytes:
    """Build a model of one LSTM; `numbers` are those of `add_lstm`."""
    builder = ModelBuilder()
    x = builder.tensor(shape, dtype, scale=in_scale, zero_point=in_zero)
    y = add_lstm(
        builder, x, shape=shape, units=units, rng=np.random.default_rng(seed), dtype=dtype,
        in_scale=in_scale, **numbers,
    )  # fmt: skip
    return builder.build([x], [y])


def add_svdf(
    builder: ModelBuilder,
    x: int,
    *,
    shape: tuple[int, int],
    units: int,
    rng: np.random.Generator,
    rank: int = 1,
    memory: int = 4,
    state: str = "int16",
    in_scale: float = 0.05,
    feature_scale: float = 0.01,
    state_scale: float = 0.001,
    state_zero: int = 0,
    time_scale: float = 0.01,
    out: tuple[float, int] = (0.1, 0),
    bias_reach: int = 1000,
) -> int:
    """Add an SVDF to a model.

    Parameters
    ----------
    builder : ModelBuilder
    x : int
        Its input, of int8 and shape `shape`.
    shape : tuple of int
        ``(batch, inputs)``.
    units : int
    rng : Generator
        Of the weights.
    rank, memory : int
    state : str
        Type of state and time weights.
    in_scale, feature_scale, state_scale, time_scale : float
    state_zero : int
    out : tuple of float and int
        Scale and zero point of the output.
    bias_reach : int

    Returns
    -------
    int
        The output, of shape ``(batch, units)``.
    """
    batch, inputs = shape
    filters = units * rank
    limits = np.iinfo(state)
    features = builder.tensor(
        (filters, inputs), "int8", data=rng.integers(-127, 128, (filters, inputs)),
        scale=feature_scale,
    )  # fmt: skip
    times = builder.tensor(
        (filters, memory), state, data=rng.integers(-limits.max, limits.max + 1, (filters, memory)),
        scale=time_scale,
    )  # fmt: skip
    unit = float(np.float32(state_scale) * np.float32(time_scale))
    bias = builder.tensor(
        (units,), "int32", data=rng.integers(-bias_reach, bias_reach + 1, units), scale=unit
    )
    kept = builder.tensor(
        (batch, filters * memory), state, scale=state_scale, zero_point=state_zero,
        is_variable=True,
    )  # fmt: skip
    y = builder.tensor((batch, units), "int8", scale=out[0], zero_point=out[1])
    builder.op("SVDF", [x, features, times, bias, kept], [y], version=3, rank=rank,
               fused_activation_function="RELU")  # fmt: skip
    return y


def svdf_model(
    *,
    shape: tuple[int, int] = (1, 10),
    units: int = 6,
    seed: int = 1,
    in_zero: int = 0,
    in_scale: float = 0.05,
    **numbers: Any,
) -> bytes:
    """Build a model of one SVDF; `numbers` are those of `add_svdf`."""
    builder = ModelBuilder()
    x = builder.tensor(shape, "int8", scale=in_scale, zero_point=in_zero)
    y = add_svdf(
        builder, x, shape=shape, units=units, rng=np.random.default_rng(seed), in_scale=in_scale,
        **numbers,
    )  # fmt: skip
    return builder.build([x], [y])
