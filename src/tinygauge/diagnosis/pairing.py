"""Pairs the ops of an integer model with those of the float model that it was made from.

Converters keep the order of ops and put QUANTIZE and DEQUANTIZE between them; so ops belong
together that are of one kind, make equal shapes, and follow each other alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from tinygauge.graph import Model, Op

__all__ = ["OpPair", "pair_ops"]

_CONVERTING = frozenset({"QUANTIZE", "DEQUANTIZE"})

_Look = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class OpPair:
    """An op of an integer model, and its partner in the float model."""

    op: Op
    float_op: Op


def pair_ops(model: Model, float_model: Model) -> tuple[tuple[OpPair, ...], tuple[str, ...]]:
    """Pair the ops of two models.

    Parameters
    ----------
    model, float_model : Model

    Returns
    -------
    tuple of OpPair, and tuple of str
        In the order of execution; and the integer model's ops without a partner, as
        ``"7 PAD"``, those that quantise or dequantise left out.
    """
    ops, float_ops = (_computing(each) for each in (model, float_model))
    looks, float_looks = (
        [_look(each, op) for op in found]
        for each, found in ((model, ops), (float_model, float_ops))
    )
    blocks = SequenceMatcher(None, looks, float_looks, autojunk=False).get_matching_blocks()
    pairs = tuple(
        OpPair(ops[block.a + step], float_ops[block.b + step])
        for block in blocks
        for step in range(block.size)
    )
    paired = {pair.op.index for pair in pairs}
    return pairs, tuple(f"{op.index} {op.kind}" for op in ops if op.index not in paired)


def _computing(model: Model) -> list[Op]:
    return [op for op in model.main.ops if op.kind not in _CONVERTING and op.outputs]


def _look(model: Model, op: Op) -> _Look:
    shape = model.main.tensors[op.outputs[0]].shape
    return op.kind, tuple(extent for extent in shape if extent not in (1, -1))
