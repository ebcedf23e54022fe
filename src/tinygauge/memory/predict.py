"""Memory that a model needs of a target, before any firmware is built.

RAM is the arena, the objects around it and an allowance for the stack; flash is the model and
the code. Every part carries its method, interval and source. Engines other than TFLM's two are
answered with `Missing`: how they place tensors is not public.

References
----------
See `arena.py`, `kernels.py` and `flash.py` for the formulas; `docs/design/memory.md` derives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from tinygauge.errors import UnsupportedOpError
from tinygauge.graph.types import Model
from tinygauge.memory.arena import Arena, plan_arena
from tinygauge.memory.cmsis_nn import Isa
from tinygauge.memory.flash import BUILD, LINKS, Code, predict_code
from tinygauge.memory.lifetimes import Lifetime
from tinygauge.memory.needs import KernelSet
from tinygauge.memory.planners import live_bytes
from tinygauge.memory.structs import ARM32, INTERPRETER_BYTES, RX, Abi, align_up, resolver_bytes
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity, total
from tinygauge.records import Memory, MemoryPart, TensorPlacement
from tinygauge.units import Unit

__all__ = ["ENGINES", "ISA", "kernel_set", "predict_memory"]

ENGINES = ("tflm-cmsis-nn", "tflm-ref")

TFLM = "TFLM 90b983c2b, CMSIS-NN 4ab83cc3 (August 2026)"
STUDY = "TinyGauge emulation study 2026-11-22"

ISA: Mapping[str, Isa] = {
    "cortex-m0": Isa.SCALAR,
    "cortex-m1": Isa.SCALAR,
    "cortex-m23": Isa.SCALAR,
    "cortex-m35p": Isa.DSP,
    "cortex-m52": Isa.MVE,
    "cortex-m0+": Isa.SCALAR,
    "cortex-m3": Isa.SCALAR,
    "cortex-m4": Isa.DSP,
    "cortex-m7": Isa.DSP,
    "cortex-m33": Isa.DSP,
    "cortex-m55": Isa.MVE,
    "cortex-m85": Isa.MVE,
    "rxv2": Isa.SCALAR,
}

# The stack is not predicted: an allowance. 1 KiB is what the linker script of EdgeMark's
# NUCLEO-L4R5ZI project reserves (github Black3rror/EdgeMark @ 3e7237d), which ran 189 TFLM
# programs; 4 KiB is our margin for interrupts and printing.
_STACK_BYTES, _STACK_LOW_BYTES, _STACK_HIGH_BYTES = 2048, 1024, 4096

# Structures are laid out as GCC for RX does, which no measurement confirms: each op's may be a
# step of the arena's alignment off, and so may each input's and output's.
_RX_SLACK_BYTES = 16
_ABI: Mapping[str, Abi] = {"rxv2": RX}

# Boards share cores and cores share instruction sets: a model is planned once for all of them.
_plan_once = lru_cache(maxsize=8)(plan_arena)


def kernel_set(core: str, engine: str) -> KernelSet:
    """Return which kernels run on a core with an engine.

    Parameters
    ----------
    core : str
        One of `ISA`.
    engine : str
        One of `ENGINES`.

    Returns
    -------
    KernelSet
        The reference kernels are the same for every instruction set.
    """
    is_cmsis_nn = engine == "tflm-cmsis-nn"
    isa = ISA[core] if is_cmsis_nn else Isa.SCALAR
    return KernelSet(is_cmsis_nn=is_cmsis_nn, isa=isa, abi=_ABI.get(core, ARM32))


def predict_memory(model: Model, *, core: str, engine: str) -> Memory | Missing:
    """Predict RAM and flash of a model on a core with an engine.

    Parameters
    ----------
    model : Model
    core : str
        Such as ``"cortex-m33"``, ``"cortex-m0+"``, ``"rxv2"``.
    engine : str
        ``"tflm-ref"`` or ``"tflm-cmsis-nn"``.

    Returns
    -------
    Memory or Missing
        Bytes, predicted (the model's own counted); `Missing` for other engines and cores, and
        for models that TFLM refuses.

    Raises
    ------
    ModelFormatError
        If the model holds an offline memory plan that does not fit it.

    References
    ----------
    `docs/design/memory.md`.
    """
    if engine not in ENGINES:
        return Missing(
            f"no public description of how {engine} places tensors and what it links",
            f"Predict with one of {', '.join(ENGINES)}, or measure on the board",
        )
    if core not in ISA:
        return Missing(
            f"no memory figures for the core {core}",
            f"Cores with figures: {', '.join(ISA)}",
        )
    try:
        arena = _plan_once(model, kernel_set(core, engine))
    except UnsupportedOpError as error:
        return Missing(f"{engine} can't run this model: {error.problem}", error.advice)
    return _memory(model, arena, core, engine)


def _memory(model: Model, arena: Arena, core: str, engine: str) -> Memory:
    kinds = {op.kind for graph in model.subgraphs for op in graph.ops}
    code = predict_code(kinds, core=core, engine=engine)
    low, high, why = _slack(model, arena, core)
    least = _least_quantity(arena, low, high)
    parts = (
        MemoryPart(name="tensor arena", kind="ram", size=least),
        *_other_ram(len(kinds), code),
        *_flash(model, code),
    )
    source = f"TFLM's allocations in its order{why}"
    return Memory(
        ram=_sum(parts, "ram"),
        flash=_sum(parts, "flash"),
        parts=parts,
        arena=_bytes(arena.used_bytes, _around(arena.used_bytes, low, high), source),
        peak_op=arena.timeline.op_at[arena.peak_moment],
        lower_bound_bytes=arena.lower_bound_bytes,
        placements=_placements(model, arena),
        arena_head=_bytes(
            arena.head_bytes,
            _around(arena.head_bytes, arena.low_bytes, arena.high_bytes),
            "greedy plan of tensors and scratch buffers",
        ),
        arena_tail=_bytes(arena.tail_bytes, _around(arena.tail_bytes, low, high), source),
        min_arena=least,
        min_arena_set_by=arena.least_set_by,
        op_kinds=tuple(op.kind for op in model.main.ops),
        live_bytes=_live_by_op(arena),
    )


def _sum(parts: tuple[MemoryPart, ...], kind: str) -> Quantity:
    provenance = Provenance(Method.PREDICTED, f"sum of the {kind} parts", TFLM)
    return total(
        [part.size for part in parts if part.kind == kind],
        correlated=True,
        provenance=provenance,
    )


def _bytes(
    value: float, interval: Interval, source: str, method: Method = Method.PREDICTED
) -> Quantity:
    return Quantity(value, Unit.BYTE, interval, Provenance(method, source, TFLM))


def _slack(model: Model, arena: Arena, core: str) -> tuple[int, int, str]:
    """By how much an arena may be smaller and larger, bytes, and why."""
    low, high, why = arena.low_bytes, arena.high_bytes, ""
    if low or high:
        why = "; some ops have no formula checked against a measured arena"
    if core in _ABI:
        ops = sum(len(graph.ops) for graph in model.subgraphs)
        slack = _RX_SLACK_BYTES * (ops + len(model.main.inputs) + len(model.main.outputs))
        low, high = low + slack, high + slack
        why += "; structures laid out as GCC for RX does, not measured"
    return low, high, why


def _around(value: int, low: int, high: int) -> Interval:
    if low == high == 0:
        return Interval.exact(value)
    return Interval(max(0, value - low), value + high, 0.95, Basis.BOUND)


def _least_quantity(arena: Arena, low: int, high: int) -> Quantity:
    least = arena.least_bytes
    more = least - align_up(arena.used_bytes)
    source = "the smallest arena that works, a multiple of 16"
    if more:
        source += f": {arena.least_set_by} needs {more} more than running"
    low, high = align_up(low), align_up(high + arena.preparing_slack_bytes)
    return _bytes(least, _around(least, low, high), source)


def _other_ram(kinds: int, code: Code) -> tuple[MemoryPart, ...]:
    objects = INTERPRETER_BYTES + resolver_bytes(kinds)
    static = Interval(code.static_bytes, code.static_high_bytes, 0.95, Basis.RESIDUALS, LINKS)
    stack = Interval(_STACK_LOW_BYTES, _STACK_HIGH_BYTES, 0.9, Basis.BOUND)
    return (
        MemoryPart(
            name="interpreter and resolver",
            kind="ram",
            size=_bytes(
                objects,
                Interval.exact(objects),
                f"sizeof(MicroInterpreter) and of a resolver for {kinds} ops, {STUDY}",
            ),
        ),
        MemoryPart(
            name="static data",
            kind="ram",
            size=_bytes(code.static_bytes, static, f"linked variables, {STUDY}, {BUILD}"),
        ),
        MemoryPart(
            name="stack allowance",
            kind="ram",
            size=_bytes(
                _STACK_BYTES,
                stack,
                "an allowance, not a prediction: EdgeMark's NUCLEO-L4R5ZI project reserves 1 KiB "
                "(github Black3rror/EdgeMark @ 3e7237d), doubled; measure it on the board",
            ),
        ),
    )


def _flash(model: Model, code: Code) -> tuple[MemoryPart, ...]:
    size = model.size_bytes
    source = f"union of linked sections, {STUDY}, {BUILD}"
    if code.note:
        source += f"; {code.note}"
    model_part = MemoryPart(
        name="model",
        kind="flash",
        size=_bytes(size, Interval.exact(size), "bytes of the file", Method.COUNTED),
    )
    code_parts = (
        MemoryPart(
            name=part,
            kind="flash",
            size=_bytes(
                value,
                Interval(code.low[part], code.high[part], 0.95, Basis.RESIDUALS, LINKS),
                source,
            ),
        )
        for part, value in sorted(code.flash_bytes.items())
    )
    return (model_part, *code_parts)


def _placements(model: Model, arena: Arena) -> tuple[TensorPlacement, ...]:
    op_at = arena.timeline.op_at
    return tuple(
        TensorPlacement(
            name=lifetime.name,
            size_bytes=lifetime.size_bytes,
            first_op=op_at[max(0, lifetime.first)],
            last_op=op_at[max(0, lifetime.last)],
            offset_bytes=offset,
            role=_role(model, lifetime),
        )
        for lifetime, offset in zip(arena.timeline.lifetimes, arena.plan.offsets_bytes, strict=True)
    )


def _role(model: Model, lifetime: Lifetime) -> str:
    if lifetime.tensor is None:
        return "scratch"
    subgraph, index = lifetime.tensor
    if subgraph == 0 and index in model.main.inputs:
        return "input"
    return "output" if subgraph == 0 and index in model.main.outputs else "tensor"


def _live_by_op(arena: Arena) -> tuple[int, ...]:
    """Return the most bytes of planned buffers that live at once, per op of the main subgraph."""
    op_at = arena.timeline.op_at
    most = [0] * (op_at[-1] + 1)
    for op, live in zip(op_at, live_bytes(arena.timeline.lifetimes, len(op_at)), strict=True):
        most[op] = max(most[op], live)
    return tuple(most)
