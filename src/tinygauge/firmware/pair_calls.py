"""The steps of `tinygauge.exact.pairs` as C; see `calls.py`."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from tinygauge.exact.pairs import (
    AddMany,
    Compare,
    Normalize,
    Prelu,
    Product,
    Select,
    SquaredDifference,
)
from tinygauge.exact.scales import LIMITS
from tinygauge.firmware.text import c_scale
from tinygauge.firmware.writer import Shape, Writer, ends_of, write_operands, write_pair

__all__ = [
    "write_add_many",
    "write_compare",
    "write_normalize",
    "write_prelu",
    "write_product",
    "write_select",
    "write_squared_difference",
]


def write_add_many(writer: Writer, step: AddMany) -> None:
    """Write ADD_N.

    Parameters
    ----------
    writer : Writer
    step : AddMany
    """
    goal = writer.tensor(step.outputs[0])
    low, high = LIMITS[goal.dtype.value]
    pair = writer.struct(
        "tg_pair",
        a_zero=step.in_zero,
        out_zero=step.out_zero,
        a=c_scale(step.each),
        out=c_scale(step.out),
        left_shift=step.left_shift,
        low=low,
        high=high,
    )
    sources = writer.pointers("int8_t", [writer.tensor(index) for index in step.inputs])
    writer.call("tg_add_n_s8", pair, len(step.inputs), goal.elements, sources, goal.pointer)


def write_compare(writer: Writer, step: Compare) -> None:
    """Write a comparison.

    Parameters
    ----------
    writer : Writer
    step : Compare
    """
    operands, goal = write_operands(writer, step, step.a_shape, step.b_shape)
    arguments = [f"TG_{step.kind}", *operands, goal.pointer]
    if step.a is not None and step.b is not None:
        scales = {"a": c_scale(step.a), "b": c_scale(step.b)}
        zeros = {"a_zero": step.a_zero, "b_zero": step.b_zero}
        pair = writer.struct("tg_pair", **zeros, **scales, left_shift=step.left_shift)
        arguments.insert(0, pair)
    writer.call(f"tg_compare_{writer.tensor(step.inputs[0]).kind}", *arguments)


def write_select(writer: Writer, step: Select) -> None:
    """Write SELECT_V2.

    Parameters
    ----------
    writer : Writer
    step : Select
    """
    operands, goal = write_operands(writer, step, *step.shapes)
    writer.call("tg_select", goal.width, *operands, goal.pointer)


def write_normalize(writer: Writer, step: Normalize) -> None:
    """Write L2_NORMALIZATION.

    Parameters
    ----------
    writer : Writer
    step : Normalize
    """
    source, goal = ends_of(writer, step)
    depth = source.shape[-1]
    numbers = (source.elements // depth, depth, step.in_zero)
    writer.call("tg_l2_normalize_s8", *numbers, source.pointer, goal.pointer)


def write_prelu(writer: Writer, step: Prelu) -> None:
    """Write PRELU.

    Parameters
    ----------
    writer : Writer
    step : Prelu
    """
    scales = {"a": c_scale(step.identity), "out": c_scale(step.product)}
    write_pair(writer, "prelu", step, **scales)


def write_squared_difference(writer: Writer, step: SquaredDifference) -> None:
    """Write SQUARED_DIFFERENCE.

    Parameters
    ----------
    writer : Writer
    step : SquaredDifference
    """
    scales = {"a": c_scale(step.a), "b": c_scale(step.b), "out": c_scale(step.out)}
    write_pair(writer, "squared_difference", step, **scales, left_shift=step.left_shift)


def write_product(writer: Writer, step: Product) -> None:
    """Write BATCH_MATMUL: a call for each product of two matrices.

    Parameters
    ----------
    writer : Writer
    step : Product
    """
    a, b = (writer.tensor(index) for index in step.inputs)
    goal = writer.tensor(step.outputs[0])
    rows, depth = step.a_shape[-2:][:: -1 if step.is_a_turned else 1]
    columns = step.b_shape[-2 if step.is_b_turned else -1]
    matrices = writer.struct(
        "tg_matrices",
        rows=rows,
        depth=depth,
        columns=columns,
        a_row=1 if step.is_a_turned else depth,
        a_depth=rows if step.is_a_turned else 1,
        b_depth=1 if step.is_b_turned else columns,
        b_column=depth if step.is_b_turned else 1,
        a_zero=step.a_zero,
        b_zero=step.b_zero,
        out_zero=step.out_zero,
        scale=c_scale(step.out),
    )
    front = np.broadcast_shapes(step.a_shape[:-2], step.b_shape[:-2])
    for number, place in enumerate(product(*map(range, front))):
        writer.call(
            f"tg_multiply_matrices_{goal.kind}",
            matrices,
            f"{a.pointer} + {_offset(step.a_shape, place)}",
            f"{b.pointer} + {_offset(step.b_shape, place)}",
            f"{goal.pointer} + {number * rows * columns}",
        )


def _offset(shape: Shape, place: Shape) -> int:
    """Return where the matrix for a place in front begins, those that are one repeated."""
    kept = [0 if extent == 1 else at for at, extent in zip(place, shape[:-2], strict=True)]
    number = int(np.ravel_multi_index(kept, shape[:-2])) if kept else 0
    return number * math.prod(shape[-2:])
