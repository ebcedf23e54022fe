"""How LiteRT's own kernel of ADD goes through two tensors: which results it makes together.

References
----------
LiteRT, kernels/internal/reference/process_broadcast_shapes.h and
kernels/internal/optimized/integer_ops/add.h.
"""

from __future__ import annotations

import math

from tinygauge.exact.lowering.scope import Shape
from tinygauge.exact.steps import Add
from tinygauge.exact.steps_litert import AddInBlocks
from tinygauge.graph import DType

__all__ = ["add_of_litert"]

# Results of equal operands, and of one number and many, that the kernels make at a time.
_TOGETHER, _WITH_ONE_TOGETHER = 16, 8


def add_of_litert(step: Add, dtype: DType) -> Add:
    """Return the step for an ADD in LiteRT's own kernels.

    Parameters
    ----------
    step : Add
    dtype : DType
        int8 or int16.

    Returns
    -------
    Add
        Itself where the kernel makes one result after the other.
    """
    run, many = _run(step.a_shape, step.b_shape)
    if run == 0 or (dtype is DType.INT16 and step.a_shape != step.b_shape):
        return step
    fields = {name: getattr(step, name) for name in Add.__dataclass_fields__}
    block = _TOGETHER if many else _WITH_ONE_TOGETHER
    return AddInBlocks(**fields, run=run, block=block, cuts=not many)


def _run(a: Shape, b: Shape) -> tuple[int, bool]:
    """Return after how many results the kernel starts anew, and whether both operands move.

    Shapes that five nested loops do not cover have no kernel: 0.
    """
    if a == b:
        return math.prod(a), True
    axes = list(zip(a, b, strict=True))
    rest = axes[::-1]
    if next(x for x, y in rest if x != y) != 1:
        rest = [(y, x) for x, y in rest]
    loops = []
    for moves in (_both, _second, _both, _first, _both):
        extent = 1
        while rest and moves(*rest[0]):
            extent *= max(rest.pop(0))
        loops.append(extent)
    if rest:
        return 0, False
    return (loops[0], True) if loops[0] > 1 else (loops[1], False)


def _both(x: int, y: int) -> bool:
    return x == y


def _second(x: int, y: int) -> bool:
    del y
    return x == 1


def _first(x: int, y: int) -> bool:
    del x
    return y == 1
