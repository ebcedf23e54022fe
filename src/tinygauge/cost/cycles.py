"""Cycles from instructions: a cost per unit of work that board, core, engine and build share.

The cycles of a model are a sum over classes of work: instructions of its convolutions, of its
curves and so on, calls, elements copied, bytes of weights that are read once. Each amount is
multiplied by a cost. The logarithm of the cost is a sum of effects: one for the class of work,
and one each for the data type, core, engine, build, board and their combinations. An effect that
was never measured is 0 give or take the spread of its kind (`spread_name`), so the same sum
predicts a board or engine nobody has measured (see `posterior.py`).

>>> effect_keys("conv", "float32", Labels(core="cortex-m4", engine="tflm-ref"))[:3]
('base/conv', 'dtype/float32/conv', 'core/cortex-m4')

References
----------
Gelman, Hill, "Data Analysis Using Regression and Multilevel/Hierarchical Models", Cambridge
2007, chapter 12 (partial pooling). Cost per op class: TinyGauge emulation study 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["CLASSES", "OP_CLASSES", "Labels", "effect_keys", "spread_name"]

OP_CLASSES = ("conv", "depthwise", "dense", "curve", "other")
"""Classes of ops, whose work is instructions."""
CLASSES = (*OP_CLASSES, "call", "copy", "stream")
"""Classes of work; ``"call"`` counts ops, ``"copy"`` elements copied inside a timed part,
``"stream"`` bytes of the weights of dense ops, each read once an inference."""

# What a call costs depends on the engine most: an interpreter's dispatch, or compiled code.
_OWN_CALLS = frozenset({"engine", "counted", "build", "duo", "uncounted-duo"})
# No engine can change what these cost: bytes fetched from flash, and a plain copying loop.
_NO_ENGINE = frozenset({"copy", "stream"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What an effect may belong to; empty where unknown.

    Parameters
    ----------
    core, engine, build, board : str
        Of the target; the build is the engine's.
    flagged : bool
        Whether the model's op set is one whose times contradict the others' on this core and
        engine, cause unknown.
    """

    core: str
    engine: str = ""
    build: str = ""
    board: str = ""
    flagged: bool = False

    @property
    def groups(self) -> Mapping[str, str]:
        """Name the groups that a target belongs to, by kind of group."""
        return _groups(self)


@lru_cache(maxsize=4096)
def _groups(labels: Labels) -> Mapping[str, str]:
    found = {"core": labels.core, "engine": labels.engine, "board": labels.board}
    if labels.engine:
        build = f"{labels.engine}@{labels.build}" if labels.build else ""
        found |= {
            "build": build,
            "pair": f"{labels.board}+{labels.engine}" if labels.board else "",
            "duo": f"{labels.core}+{labels.engine}",
            "core-build": f"{labels.core}+{build}" if build else "",
            "cell": f"{labels.board}+{build}" if labels.board and build else "",
        }
    return {kind: name for kind, name in found.items() if name}


_LEVELS = ("core", "engine", "board", "build", "pair", "duo", "core-build")


@lru_cache(maxsize=16384)
def effect_keys(kind: str, dtype: str, labels: Labels) -> tuple[str, ...]:
    """List the effects that make up the cost of one class of work.

    Parameters
    ----------
    kind : str
        One of `CLASSES`.
    dtype : str
        Data type of the op; int8 is the reference and has no effect of its own.
    labels : Labels

    Returns
    -------
    tuple of str
        Keys such as ``"core/cortex-m4/conv"``.
    """
    keys = [f"base/{kind}"]
    groups = labels.groups
    if kind in _NO_ENGINE:
        places = () if kind == "copy" else ("core", "board")
        return (*keys, *(f"{place}/{groups[place]}/{kind}" for place in places if place in groups))
    other = dtype if dtype != "int8" else ""
    if other:
        keys.append(f"dtype/{other}/{kind}")
    for level in _LEVELS:
        if name := groups.get(level):
            keys += [f"{level}/{name}", f"{level}/{name}/{kind}"]
            keys += [f"{level}/{name}/{other}"] if other else []
    if labels.flagged and kind in ("conv", "depthwise"):
        keys.append(f"flagged/{labels.core}+{labels.engine}")
    return tuple(keys)


def spread_name(key: str, *, counted: frozenset[str], accelerated: frozenset[str]) -> str:
    """Name the spread that an effect has in common with its kind.

    Parameters
    ----------
    key : str
        Of `effect_keys`.
    counted : frozenset of str
        Engines whose own instructions were counted: little is left for their effects.
    accelerated : frozenset of str
        Engines that leave part of the work to an accelerator: they may cost far less.

    Returns
    -------
    str
        Such as ``"core"`` for what a core does to all work, ``"core/"`` for what it does to one
        class or data type, ``"engine/call"`` for what an engine does to the cost of a call,
        ``"uncounted-duo"`` for what a core does to an engine whose instructions on it are unknown,
        ``"counted"`` for an engine whose instructions were counted.
    """
    level, _, rest = key.partition("/")
    name, _, part = rest.partition("/")
    slash = "/" if part else ""
    if level == "engine" and name in accelerated:
        return "accelerated"
    if level == "engine" and name in counted:
        level = "counted"
    if level == "duo" and name.partition("+")[2] not in counted:
        level = "uncounted-duo"
    if level == "core" and not name.startswith("cortex"):
        return "foreign-core" + slash
    if level == "base":
        return "base" if rest in OP_CLASSES else "base-fixed"
    if part == "call" and level in _OWN_CALLS:
        return f"{level}/call"
    return level + slash if level in (*_LEVELS, "counted", "uncounted-duo") else level
