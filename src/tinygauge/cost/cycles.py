"""Cycles from instructions: a cost per instruction that board, core, engine and build share.

The cycles of an op are its instructions times a cost. The logarithm of the cost is a sum of
effects: one for the class of op, and where something is known about them one each for the
data type, the core, the engine, its build, the board, and board and engine together. An effect
that was never measured is 0, the average of its kind, so the same sum predicts a board or
engine nobody has measured; only its interval is wider (see `intervals.py`).

>>> effect_keys("conv", "float32", core="cortex-m4", engine="tflm-ref")[:3]
('base/conv', 'dtype/float32/conv', 'core/cortex-m4')

References
----------
Gelman, Hill, "Data Analysis Using Regression and Multilevel/Hierarchical Models", Cambridge
2007, chapter 12 (partial pooling). Cost per op class: TinyGauge emulation study 2026-11-22.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["CLASSES", "cost", "effect_keys"]

CLASSES = ("conv", "depthwise", "dense", "curve", "other", "call", "copy")
"""Classes of work; ``"call"`` counts ops, ``"copy"`` elements copied inside a timed part."""


def effect_keys(
    kind: str, dtype: str, *, core: str, engine: str = "", build: str = "", board: str = ""
) -> tuple[str, ...]:
    """List the effects that make up the cost of one class of work.

    Parameters
    ----------
    kind : str
        One of `CLASSES`.
    dtype : str
        Data type of the op; int8 is the reference and has no effect of its own.
    core, engine, build, board : str
        Of the target; empty where unknown.

    Returns
    -------
    tuple of str
        Keys such as ``"core/cortex-m4/conv"``.
    """
    keys = [f"base/{kind}"]
    if kind == "copy":
        return tuple(keys)
    other = dtype if dtype != "int8" else ""
    if other:
        keys.append(f"dtype/{other}/{kind}")
    names = [("core", core), ("engine", engine), ("board", board)]
    if build:
        names.append(("build", f"{engine}@{build}"))
    if board and engine:
        names.append(("pair", f"{board}+{engine}"))
    for level, name in names:
        if name:
            keys += [f"{level}/{name}", f"{level}/{name}/{kind}"]
            keys += [f"{level}/{name}/{other}"] if other else []
    return tuple(keys)


def cost(effects: Mapping[str, float], keys: tuple[str, ...]) -> float:
    """Return cycles per unit of work.

    Parameters
    ----------
    effects : mapping of str to float
        Logarithms; keys that are absent are 0.
    keys : tuple of str
        Of `effect_keys`.

    Returns
    -------
    float
        Cycles per instruction, op or element.
    """
    return math.exp(math.fsum(effects.get(key, 0.0) for key in keys))
