"""What could be saved of a model's memory, and how many bytes: findings TG301 to TG307.

Every figure comes from planning again: the arena with ops that work in place, without needless
ops, or without channels that can't change, against the arena as it is. Savings are not additive,
and what is below a step of the arena's alignment is not mentioned.

References
----------
`docs/design/memory.md`, section "What could be saved".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinygauge.graph.liveness import Mask, live_channels, weight_tensor
from tinygauge.graph.types import Model, Op, Tensor
from tinygauge.memory.arena import Arena, plan_arena
from tinygauge.memory.lifetimes import ONLINE, Lifetime
from tinygauge.memory.planners import Plan, plan_greedy, plan_in_order
from tinygauge.memory.predict import ENGINES, ISA, kernel_set
from tinygauge.memory.rewrites import (
    Rewrite,
    fold_constants,
    pass_quantized_ends,
    remove_round_trips,
)
from tinygauge.memory.structs import ARENA_ALIGNMENT_BYTES, align_up
from tinygauge.records import Finding, Severity
from tinygauge.units import Unit, format_value

__all__ = ["find_savings"]

# Ops whose output can lie where an input of the same size lay: each element depends on the
# element at its place alone (tensorflow/lite/micro/kernels: reshape.cc, add.cc and so on).
_IN_PLACE = frozenset(
    (
        "ABS", "ADD", "CEIL", "COS", "ELU", "EXP", "EXPAND_DIMS", "FLOOR", "HARD_SWISH",
        "LEAKY_RELU", "LOG", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL", "NEG", "QUANTIZE", "RELU",
        "RELU6", "RESHAPE", "ROUND", "RSQRT", "SIN", "SQRT", "SQUARE", "SQUEEZE", "SUB", "TANH",
    )
)  # fmt: skip

_NAMED = 3


def find_savings(model: Model, *, core: str, engine: str) -> tuple[Finding, ...]:
    """Tell how a model could need less memory, with the bytes that each step would save.

    Parameters
    ----------
    model : Model
    core, engine : str
        As for `predict_memory`.

    Returns
    -------
    tuple of Finding
        The largest saving first; none for engines and cores whose memory can't be predicted.

    Raises
    ------
    UnsupportedOpError
        If TFLM refuses the model.
    """
    if engine not in ENGINES or core not in ISA:
        return ()
    kernels = kernel_set(core, engine)
    arena = plan_arena(model, kernels)
    found: list[tuple[int, Finding]] = []
    for remedy in () if _is_offline(arena) else _remedies(model):
        if remedy.rewrite.removed:
            saved = arena.least_bytes - plan_arena(remedy.rewrite.model, kernels).least_bytes
            effect = _effect(remedy.rewrite, saved)
            message = f"{_count(remedy.rewrite.removed)} {remedy.what} {effect}"
            found.append((saved, _finding(model, message, remedy.advice, code=remedy.code)))
    for make in (_in_place, _dead_channels, _planning, _preparing):
        found += make(model, arena)
    ordered = sorted(found, key=lambda entry: (-entry[0], entry[1].code))
    return tuple(finding for _, finding in ordered)


def _bytes(size_bytes: float) -> str:
    return format_value(size_bytes, Unit.BYTE)


def _finding(model: Model, message: str, advice: str, *, code: str) -> Finding:
    return Finding(
        code=code, severity=Severity.INFO, message=message, advice=advice, where=model.name
    )


def _named(ops: Sequence[Op]) -> str:
    names = [f"op {op.index} {op.kind}" for op in ops[:_NAMED]]
    more = [f"{len(ops) - _NAMED} more"] if len(ops) > _NAMED else []
    return ", ".join(names + more)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remedy:
    """A rewrite, and how it is told."""

    code: str
    rewrite: Rewrite
    what: str
    advice: str


def _remedies(model: Model) -> tuple[_Remedy, ...]:
    return (
        _Remedy(
            code="TG302",
            rewrite=remove_round_trips(model),
            what="of quantisation without effect",
            advice="Leave them out when you convert: the tensors on both sides mean the same",
        ),
        _Remedy(
            code="TG303",
            rewrite=pass_quantized_ends(model),
            what="for float inputs and outputs",
            advice="Convert with quantised inputs and outputs, and scale in the application",
        ),
        _Remedy(
            code="TG304",
            rewrite=fold_constants(model),
            what="on constants alone",
            advice="Fold constants when you convert; float16 weights: convert to float32 or int8",
        ),
    )


def _effect(rewrite: Rewrite, saved: int) -> str:
    flash = rewrite.more_flash_bytes
    effect = f"({_named(rewrite.removed)}): "
    if saved > 0:
        effect += f"without that the arena needs {_bytes(saved)} less"
    else:
        effect += "the arena stays as large without, since other tensors set its peak"
    if flash:
        effect += f", the model {_bytes(abs(flash))} {'more' if flash > 0 else 'less'}"
    return effect


def _count(ops: Sequence[Op]) -> str:
    return "1 op" if len(ops) == 1 else f"{len(ops)} ops"


def _is_offline(arena: Arena) -> bool:
    return any(buffer.offline_offset != ONLINE for buffer in arena.timeline.lifetimes)


def _in_place(model: Model, arena: Arena) -> Iterable[tuple[int, Finding]]:
    """Look for ops that could write over their input."""
    if _is_offline(arena):
        return
    overlaid, ops = _overlay(model, arena.timeline.lifetimes)
    saved = arena.head_bytes - plan_greedy(overlaid).peak_bytes
    if saved <= 0:
        return
    message = (
        f"{_count(ops)} could write over an input ({_named(ops)}): the planned tensors would "
        f"need {_bytes(saved)} less ({_bytes(arena.head_bytes)} to "
        f"{_bytes(arena.head_bytes - saved)})"
    )
    advice = (
        "TFLM plans no overlays by itself: give both tensors one offset in an offline plan "
        "(metadata OfflineMemoryAllocation), or fuse the ops when you convert"
    )
    yield saved, _finding(model, message, advice, code="TG301")


def _overlay(model: Model, lifetimes: Sequence[Lifetime]) -> tuple[list[Lifetime], list[Op]]:
    """Join the lifetimes of tensors that could share their place."""
    graph = model.main
    merged = list(lifetimes)
    place = {
        buffer.tensor[1]: index
        for index, buffer in enumerate(lifetimes)
        if buffer.tensor is not None and buffer.tensor[0] == 0
    }
    ops: list[Op] = []
    for op in graph.ops:
        target = place.get(op.outputs[0]) if op.kind in _IN_PLACE and op.outputs else None
        if target is None:
            continue
        output = lifetimes[target]
        for index in op.inputs[:2]:
            source = place.get(index, target)
            joined = merged[source]
            if source == target or joined.last != output.first:
                continue
            if joined.size_bytes >= output.size_bytes > 0 and _same_places(
                graph.tensors[index], graph.tensors[op.outputs[0]]
            ):
                merged[source] = replace(joined, last=output.last)
                merged[target] = replace(output, size_bytes=0)
                place[op.outputs[0]] = source
                ops.append(op)
                break
    return [buffer for buffer in merged if buffer.size_bytes], ops


def _same_places(source: Tensor, target: Tensor) -> bool:
    return source.elements == target.elements and source.dtype.bits >= target.dtype.bits


def _dead_channels(model: Model, arena: Arena) -> Iterable[tuple[int, Finding]]:
    """Add up channels that can't change: their weights, their share of the planned tensors."""
    graph = model.main
    live = live_channels(graph)
    weights = sum(_dead_weight_bytes(model, op, live) for op in graph.ops)
    if not live or weights == 0:
        return
    thinner = [_thinned(buffer, live) for buffer in arena.timeline.lifetimes]
    saved = 0 if _is_offline(arena) else arena.head_bytes - plan_greedy(thinner).peak_bytes
    dead = sum(int(np.count_nonzero(~mask)) for mask in live.values())
    message = (
        f"{dead:,} channels of {len(live)} tensors can't change: without them the weights need "
        f"{_bytes(weights)} less and the planned tensors {_bytes(max(0, saved))} less"
    )
    advice = "Remove the channels before conversion; zero weights alone save no memory"
    yield weights + max(0, saved), _finding(model, message, advice, code="TG305")


def _thinned(buffer: Lifetime, live: Mapping[int, Mask]) -> Lifetime:
    if buffer.tensor is None or buffer.tensor[0] != 0 or buffer.tensor[1] not in live:
        return buffer
    mask = live[buffer.tensor[1]]
    return replace(buffer, size_bytes=buffer.size_bytes * int(mask.sum()) // mask.size)


def _dead_weight_bytes(model: Model, op: Op, live: Mapping[int, Mask]) -> int:
    """Bytes of an op's weights and bias that go with the dead channels around it."""
    graph = model.main
    found = weight_tensor(graph, op)
    if found is None:
        return 0
    weights, axis = found
    outputs = live.get(op.outputs[0])
    inputs = live.get(op.inputs[0]) if op.kind in ("CONV_2D", "FULLY_CONNECTED") else None
    kept = 1.0
    if outputs is not None and outputs.size == weights.shape[axis]:
        kept *= float(outputs.mean())
    if inputs is not None and inputs.size == weights.shape[-1]:
        kept *= float(inputs.mean())
    bias = graph.input_of(op, 2)
    dead = weights.size_bytes * (1 - kept)
    if bias is not None and bias.is_constant and outputs is not None:
        dead += bias.size_bytes * float(1 - outputs.mean())
    return round(dead)


def _planning(model: Model, arena: Arena) -> Iterable[tuple[int, Finding]]:
    """Compare the plan with the lower bound, and with what other orders find."""
    bound = align_up(arena.lower_bound_bytes)
    if arena.head_bytes - bound < ARENA_ALIGNMENT_BYTES or _is_offline(arena):
        return
    best = min(_other_plans(arena.timeline.lifetimes), key=lambda plan: plan.peak_bytes)
    saved = max(0, arena.head_bytes - best.peak_bytes)
    found = (
        f"another order of placing finds {_bytes(best.peak_bytes)}"
        if saved
        else ("none of the other orders tried finds less")
    )
    message = (
        f"TFLM's plan of the tensors is {_bytes(arena.head_bytes - bound)} above the most that "
        f"is ever live at once ({_bytes(arena.head_bytes)}, {_bytes(bound)}); {found}"
    )
    advice = "Give TFLM the better plan (metadata OfflineMemoryAllocation)" if saved else ""
    yield saved, _finding(model, message, advice, code="TG306")


def _other_plans(lifetimes: Sequence[Lifetime]) -> Iterator[Plan]:
    def length(index: int) -> int:
        return lifetimes[index].last - lifetimes[index].first + 1

    def size(index: int) -> int:
        return lifetimes[index].size_bytes

    indices = range(len(lifetimes))
    yield plan_in_order(lifetimes, sorted(indices, key=lambda i: (-size(i), -length(i))))
    yield plan_in_order(lifetimes, sorted(indices, key=lambda i: (-size(i) * length(i), i)))
    yield plan_in_order(lifetimes, sorted(indices, key=lambda i: (-length(i), -size(i))))
    yield plan_in_order(lifetimes, sorted(indices, key=lambda i: (lifetimes[i].first, -size(i))))


def _preparing(model: Model, arena: Arena) -> Iterable[tuple[int, Finding]]:
    """Tell when the arena must be larger than what is used once the model runs."""
    more = arena.least_bytes - align_up(arena.used_bytes)
    if more <= 0:
        return
    message = (
        f"the arena must be {_bytes(more)} larger than what the model uses once it runs "
        f"({_bytes(arena.least_bytes)}, {_bytes(arena.used_bytes)}): {arena.least_set_by} needs it"
    )
    advice = "Don't cut the arena down to arena_used_bytes(); the rest is free once it runs"
    yield 0, _finding(model, message, advice, code="TG307")
