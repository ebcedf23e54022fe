"""How much of each class of work a model is: instructions, calls, bytes streamed and copied.

The amounts are what a cost in cycles is multiplied by (see `cycles.py`). They follow from the
model's ops and the instructions of each (see `table.py`); no board plays a part.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from tinygauge.cost.features import OpFeatures
from tinygauge.cost.posterior import Work
from tinygauge.cost.table import OpWork
from tinygauge.cost.work import op_class

__all__ = ["doubt_of", "heaviest_dtype", "is_flagged", "streamed_bytes", "work_of"]

# Ops that read each weight once, for one product: their loops wait for the weights.
_STREAMING = "FULLY_CONNECTED"
# Ops unlike those counted matter where they are more than this share of the instructions.
_STRANGE_SHARE = 0.05
# Standard deviations of a normal distribution that 90 % stay within.
_NORMAL_90 = 1.645


def streamed_bytes(op: OpFeatures) -> int:
    """Return the bytes of weights that one op reads once each, for one product each."""
    return op.weight_bytes * op.batch if op.kind == _STREAMING else 0


def work_of(
    ops: Iterable[tuple[OpFeatures, OpWork, int]],
    overhead: tuple[float, float],
    *,
    skips: bool,
    copied: int,
) -> Work:
    """Sum a model's work by class and data type.

    Parameters
    ----------
    ops : iterable of (OpFeatures, OpWork, int)
        Distinct ops, the instructions of one, and how often it occurs.
    overhead : tuple of float
        Instructions per op and per inference outside the kernels.
    skips : bool
        Whether channels without weights cost nothing.
    copied : int
        Elements copied within the timed part.

    Returns
    -------
    tuple of (str, str, float)
        Class as in `cycles.CLASSES`, data type, amount.
    """
    found: dict[tuple[str, str], float] = {}
    calls = 0
    streamed = 0.0
    for op, work, count in ops:
        share = op.live_share if skips else 1.0
        key = (op_class(op), op.dtype)
        found[key] = found.get(key, 0.0) + work.instructions * share * count
        streamed += streamed_bytes(op) * share * count
        calls += count
    per_op, fixed = overhead
    outside = [
        ("other", "int8", per_op * calls + fixed),
        ("call", "int8", float(calls)),
        ("copy", "int8", float(copied)),
        ("stream", "int8", streamed),
    ]
    inside = [(kind, dtype, amount) for (kind, dtype), amount in found.items()]
    return tuple(entry for entry in inside + outside if entry[2] > 0)


def doubt_of(works: Sequence[OpWork], counts: Sequence[int]) -> tuple[float, tuple[int, ...]]:
    """Say how well the instructions of a model are known.

    Parameters
    ----------
    works : sequence of OpWork
        Of each distinct op.
    counts : sequence of int
        How often each occurs.

    Returns
    -------
    doubt : float
        Standard deviation of the logarithm of the whole; the ops are taken to be missed in one
        direction.
    strange : tuple of int
        Places of ops that were never counted, or are far from those that were, where together
        they matter.
    """
    amounts = [work.instructions * count for work, count in zip(works, counts, strict=True)]
    total = max(math.fsum(amounts), 1.0)
    missed = math.fsum(
        amount * math.log(work.missed) for amount, work in zip(amounts, works, strict=True)
    )
    strange = tuple(n for n, work in enumerate(works) if not (work.known and work.inside))
    if math.fsum(amounts[n] for n in strange) <= _STRANGE_SHARE * total:
        strange = ()
    return missed / total / _NORMAL_90, strange


def heaviest_dtype(ops: Sequence[OpFeatures]) -> str:
    """Return the data type of the op with the most products."""
    return max(ops, key=lambda op: op.macs).dtype


def is_flagged(
    flags: Mapping[str, Mapping[str, Any]], place: str, dtype: str, kinds: Collection[str]
) -> bool:
    """Tell whether an op set is one whose times contradict those of other models.

    Parameters
    ----------
    flags : mapping
        ``"engine+core"`` to the kind of op (``"op"``) that is slow beside any of the kinds
        listed for a data type (``"with"``).
    place : str
        ``"engine+core"``.
    dtype : str
    kinds : collection of str
        Of the model's ops.

    Returns
    -------
    bool
    """
    flag = flags.get(place)
    if flag is None or flag["op"] not in kinds:
        return False
    return any(kind in kinds for kind in flag["with"].get(dtype, ()))
