"""PRELU, SQUARED_DIFFERENCE and BATCH_MATMUL as C; see `calls.py`."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from tinygauge.exact.pairs import Prelu, Product, SquaredDifference
from tinygauge.firmware.text import c_scale
from tinygauge.firmware.writer import Shape, Writer, write_pair

__all__ = ["write_prelu", "write_product", "write_squared_difference"]


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
