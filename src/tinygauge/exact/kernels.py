"""Chooses what evaluates a step: the compiled library, or NumPy where there is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tinygauge.exact.compiled import bind_compiled
from tinygauge.exact.library import library
from tinygauge.exact.plain import PLAIN
from tinygauge.exact.steps import Array, Step

__all__ = ["backend", "bind"]


def backend() -> str:
    """Return what evaluates models here: ``"compiled"`` or ``"numpy"``."""
    return "numpy" if library() is None else "compiled"


def bind(step: Step) -> Callable[[list[Array]], list[Array]]:
    """Return the function that evaluates a step on a batch."""
    kernels = library()
    fast = None if kernels is None else bind_compiled(step, kernels)
    return fast or partial(PLAIN[type(step)], step)
