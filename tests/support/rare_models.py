"""Small random models of the ops that `random_models` leaves out: a seed gives a model.

Each begins with one of them; ops of either kind follow. Sequences, ranks, memories, blocks, sizes,
scales and zero points are drawn, one model in three with extreme scales.

>>> rare_model(0).main.ops[-1].kind
'UNIDIRECTIONAL_SEQUENCE_LSTM'
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from tests.support.random_models import (
    Draw,
    Drawn,
    add_op,
    reshaped,
)
from tests.support.recurrent_models import add_lstm, add_svdf
from tinygauge import graph
from tinygauge.graph import Model

__all__ = ["rare_model"]

Add = Callable[[Draw, Drawn], Drawn]


def _lstm(d: Draw, x: Drawn) -> Drawn:
    """Rows of an image as steps, or as a batch."""
    shape = (x.shape[1], x.shape[2], x.shape[3])
    sequence = reshaped(d, x, shape)
    hidden = (d.scale(1 / 128), d.zero()) if d.dtype == "int8" else (d.scale(2**-15), 0)
    weight_scale = d.scale(0.3 / (x.scale * 100 * shape[2] ** 0.5))
    y = add_lstm(
        d.builder, sequence.index, shape=shape, units=d.integer(1, 9), rng=d.rng, dtype=d.dtype,
        in_scale=x.scale, weight_scale=weight_scale, hidden=hidden,
        cell_scale=d.one_of(2.0**-11, 2.0**-12, 2.0**-9, 2.0**-13, d.scale(2.0**-11)),
        bias_reach=2 ** d.integer(4, 14), time_major=bool(d.integer(0, 1)),
        cell_clip=d.one_of(0.0, 0.0, 1.0, 0.25),
    )  # fmt: skip
    return Drawn(y, d.builder.shape_of(y), *hidden, d.dtype)


def _svdf(d: Draw, x: Drawn) -> Drawn:
    batch, inputs = x.shape[1], x.shape[2] * x.shape[3]
    rows = reshaped(d, x, (batch, inputs))
    feature_scale, rank = d.scale(0.01), d.integer(1, 3)
    state = d.one_of("int8", "int16")
    reach = feature_scale * x.scale * 70 * 70 * inputs**0.5
    state_scale = d.scale(reach / (100 if state == "int8" else 20_000))
    time_scale = d.scale(0.01 if state == "int8" else 2**-15)
    out = (d.scale(reach / 50), d.zero())
    y = add_svdf(
        d.builder, rows.index, shape=(batch, inputs), units=d.integer(1, 9), rng=d.rng, rank=rank,
        memory=d.integer(1, 6), state=state, in_scale=x.scale, feature_scale=feature_scale,
        state_scale=state_scale, state_zero=d.zero() if state == "int8" else 0,
        time_scale=time_scale, out=out, bias_reach=2 ** d.integer(4, 14),
    )  # fmt: skip
    return Drawn(y, d.builder.shape_of(y), *out, "int8")


def _resize(d: Draw, x: Drawn) -> Drawn:
    sizes = (d.integer(1, 15), d.integer(1, 15))
    shape = (x.shape[0], *sizes, x.shape[3])
    how = d.one_of({}, {"half_pixel_centers": True}, {"align_corners": True})
    return add_op(d, "RESIZE_BILINEAR", x, shape, constants=[sizes], **how)


def _prelu(d: Draw, x: Drawn) -> Drawn:
    scale, zero = d.scale(0.01), d.one_of(0, -128, 127, d.integer(-128, 127))
    shape = d.one_of((1, 1, x.shape[3]), x.shape[1:])
    slopes = d.builder.tensor(
        shape, "int8", data=d.rng.integers(-128, 128, shape), scale=scale, zero_point=zero
    )
    y = d.tensor(x.shape, d.scale(x.scale), d.zero())
    d.builder.op("PRELU", [x.index, slopes], [y.index])
    return y


def _with_itself(kind: str) -> Add:
    """Return what adds an op of a tensor and its own first row, another scale beside it."""

    def add(d: Draw, x: Drawn) -> Drawn:
        limits = np.iinfo(x.dtype)
        shape = (1, 1, 1, x.shape[3])
        scale, zero = d.scale(x.scale), d.zero()
        data = d.rng.integers(limits.min, limits.max + 1, shape)
        other = d.builder.tensor(shape, x.dtype, data=data, scale=scale, zero_point=zero)
        around = max(x.scale, scale) ** 2 * (100 if x.dtype == "int8" else 20_000)
        y = d.tensor(x.shape, d.scale(around), d.zero())
        d.builder.op(kind, [x.index, other], [y.index])
        return y

    return add


def _product(d: Draw, x: Drawn) -> Drawn:
    columns, depth, is_turned = d.integer(1, 9), x.shape[3], bool(d.integer(0, 1))
    shape = (1, 1, columns, depth) if is_turned else (1, 1, depth, columns)
    limits = np.iinfo(x.dtype)
    scale, zero = d.scale(0.01 if x.dtype == "int8" else 0.0001), d.zero()
    data = d.rng.integers(limits.min, limits.max + 1, shape)
    other = d.builder.tensor(shape, x.dtype, data=data, scale=scale, zero_point=zero)
    y = d.tensor((*x.shape[:3], columns), d.scale(x.scale * scale * 70 * depth**0.5), d.zero())
    d.builder.op("BATCH_MATMUL", [x.index, other], [y.index], adj_y=is_turned)
    return y


def _to_batch(d: Draw, x: Drawn) -> Drawn:
    """Into blocks, and back: what a converter makes of a dilated convolution."""
    blocks = [d.one_of(*(b for b in (1, 2, 3) if size % b == 0)) for size in x.shape[1:3]]
    none = [[0, 0], [0, 0]]
    height, width = (size // block for size, block in zip(x.shape[1:3], blocks, strict=True))
    apart = add_op(
        d, "SPACE_TO_BATCH_ND", x, (prod(blocks), height, width, x.shape[3]),
        constants=[blocks, none],
    )  # fmt: skip
    cut = [[0, 1], [0, 0]] if x.shape[1] > 1 else none
    shape = (1, x.shape[1] - cut[0][1], *x.shape[2:])
    return add_op(d, "BATCH_TO_SPACE_ND", apart, shape, constants=[blocks, cut])


def _to_depth(d: Draw, x: Drawn) -> Drawn:
    size = d.one_of(*(b for b in (1, 2, 3) if all(each % b == 0 for each in x.shape[1:3])))
    _, height, width, channels = x.shape
    deep = (1, height // size, width // size, channels * size * size)
    y = add_op(d, "SPACE_TO_DEPTH", x, deep, block_size=size)
    return add_op(d, "DEPTH_TO_SPACE", y, x.shape, block_size=size)


def _broadcast(d: Draw, x: Drawn) -> Drawn:
    shape = (d.integer(1, 3), *x.shape[1:])
    y = add_op(d, "BROADCAST_TO", x, shape, constants=[shape])
    return add_op(d, "REVERSE_V2", y, shape, constants=[d.one_of([1], [0, 1], [-1])])


def _choose(d: Draw, x: Drawn) -> Drawn:
    """The greater of two that are not of one scale."""
    other = add_op(d, d.one_of("ABS", "ELU"), x, x.shape, numbers=(d.scale(x.scale), d.zero()))
    truth = d.builder.tensor(x.shape, "bool")
    kind = d.one_of("GREATER", "LESS", "EQUAL", "NOT_EQUAL", "GREATER_EQUAL", "LESS_EQUAL")
    d.builder.op(kind, [x.index, other.index], [truth])
    y = d.tensor(x.shape, x.scale, x.zero)
    d.builder.op("SELECT_V2", [truth, x.index, other.index], [y.index])
    return y


def _sum_up(d: Draw, x: Drawn) -> Drawn:
    y = d.tensor(x.shape, d.scale(3 * x.scale), d.zero())
    d.builder.op("ADD_N", [x.index] * d.integer(2, 4), [y.index])
    return y


def _normalize(d: Draw, x: Drawn) -> Drawn:
    return add_op(d, "L2_NORMALIZATION", x, x.shape, numbers=(1 / 128, 0))


def _cast(d: Draw, x: Drawn) -> Drawn:
    wide = d.builder.tensor(x.shape, d.one_of("int32", "int16", "float32"), scale=1.0)
    d.builder.op("CAST", [x.index], [wide])
    y = d.tensor(x.shape, x.scale, x.zero)
    d.builder.op("CAST", [wide], [y.index])
    return y


def _unsigned(d: Draw, x: Drawn) -> Drawn:
    scale, zero = d.scale(x.scale), d.integer(0, 255)
    unsigned = d.builder.tensor(x.shape, "uint8", scale=scale, zero_point=zero)
    d.builder.op("QUANTIZE", [x.index], [unsigned], version=2)
    y = d.tensor(x.shape, d.scale(scale), d.zero())
    d.builder.op("QUANTIZE", [unsigned], [y.index], version=2)
    return y


_WIDE: tuple[Add, ...] = (
    _lstm, _prelu, _with_itself("SQUARED_DIFFERENCE"), _product, _broadcast
)  # fmt: skip
_NARROW: tuple[Add, ...] = (
    _lstm, _svdf, _resize, _prelu, _with_itself("SQUARED_DIFFERENCE"), _product, _to_batch,
    _to_depth, _broadcast, _choose, _sum_up, _normalize, _cast, _unsigned,
)  # fmt: skip


def rare_model(seed: int) -> Model:
    """Draw a model.

    Parameters
    ----------
    seed : int

    Returns
    -------
    Model
        With one input of four dimensions.
    """
    draw = Draw(seed)
    adds = _NARROW if draw.dtype == "int8" else _WIDE
    shape = (1, draw.integer(2, 9), draw.integer(2, 9), draw.one_of(1, 2, 3, 8, 17))
    first = draw.tensor(shape, draw.scale(0.05), draw.zero())
    y = adds[seed % len(adds)](draw, first)
    for _ in range(draw.integer(0, 2)):
        if len(y.shape) == 4 and y.shape[0] == 1:
            y = draw.one_of(*adds)(draw, y)
    content = draw.builder.build([first.index], [y.index])
    return graph.parse(content, name=f"rare_{seed}")
