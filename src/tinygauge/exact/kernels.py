"""Chooses what evaluates a step: the compiled library, or NumPy where there is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tinygauge.exact.compiled import bind_compiled
from tinygauge.exact.library import level, library
from tinygauge.exact.plain import PLAIN
from tinygauge.exact.steps import Array, Step

__all__ = ["backend", "bind"]


def backend() -> str:
    """Return what evaluates models here: ``"compiled"`` or ``"numpy"``.

    Raises
    ------
    ConfigError
        If what the environment asks for, or what was built, can't be used.
    """
    if library() is None:
        return "numpy"
    level()  # it refuses what this machine can't run
    return "compiled"


def bind(step: Step) -> Callable[[list[Array]], list[Array]]:
    """Return the function that evaluates a step on a batch."""
    kernels = library()
    fast = None if kernels is None else bind_compiled(step, kernels)
    return fast or partial(PLAIN[type(step)], step)
