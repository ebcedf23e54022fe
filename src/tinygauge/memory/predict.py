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

from tinygauge.errors import UnsupportedOpError
from tinygauge.graph.types import Model
from tinygauge.memory.arena import Arena, plan_arena
from tinygauge.memory.cmsis_nn import Isa
from tinygauge.memory.flash import BUILD, LINKS, Code, predict_code
from tinygauge.memory.needs import KernelSet
from tinygauge.memory.structs import INTERPRETER_BYTES, resolver_bytes
from tinygauge.quantity import Basis, Interval, Method, Missing, Provenance, Quantity, total
from tinygauge.records import Memory, MemoryPart, TensorPlacement
from tinygauge.units import Unit

__all__ = ["ENGINES", "ISA", "predict_memory"]

ENGINES = ("tflm-cmsis-nn", "tflm-ref")

TFLM = "TFLM 90b983c2b, CMSIS-NN 4ab83cc3 (August 2026)"
STUDY = "TinyGauge emulation study 2026-11-22"

ISA: Mapping[str, Isa] = {
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

# RXv2 compilers store an enum in 4 bytes and a double in 4: each op's structures may grow by
# three enums and shrink by one double, each input and output tensor grows by two words.
_RX_GROWS_BYTES, _RX_SHRINKS_BYTES = 16, 16


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
    kernels = KernelSet(is_cmsis_nn=engine == "tflm-cmsis-nn", isa=ISA[core])
    try:
        arena = plan_arena(model, kernels)
    except UnsupportedOpError as error:
        return Missing(f"{engine} can't run this model: {error.problem}", error.advice)
    kinds = {op.kind for graph in model.subgraphs for op in graph.ops}
    code = predict_code(kinds, core=core, engine=engine)
    arena_size = _arena_quantity(model, arena, core)
    parts = (
        MemoryPart(name="tensor arena", kind="ram", size=arena_size),
        *_other_ram(len(kinds), code),
        *_flash(model, code),
    )
    return Memory(
        ram=_sum(parts, "ram"),
        flash=_sum(parts, "flash"),
        parts=parts,
        arena=arena_size,
        peak_op=arena.timeline.op_at[arena.peak_moment],
        lower_bound_bytes=arena.lower_bound_bytes,
        placements=_placements(arena),
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


def _arena_quantity(model: Model, arena: Arena, core: str) -> Quantity:
    low, high = arena.low_bytes, arena.high_bytes
    source = "greedy plan of tensors and scratch buffers, and TFLM's allocations in order"
    if core == "rxv2":
        ops = sum(len(graph.ops) for graph in model.subgraphs)
        ends = len(model.main.inputs) + len(model.main.outputs)
        low += _RX_SHRINKS_BYTES * ops
        high += _RX_GROWS_BYTES * (ops + ends)
        source += "; structures as on 32-bit Arm, which differ a little on RXv2"
    value = arena.used_bytes
    if low == high == 0:
        return _bytes(value, Interval.exact(value), source)
    if core != "rxv2":
        source += "; some ops have no formula checked against a measured arena"
    interval = Interval(max(0, value - low), value + high, 0.95, Basis.BOUND)
    return _bytes(value, interval, source)


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


def _placements(arena: Arena) -> tuple[TensorPlacement, ...]:
    op_at = arena.timeline.op_at
    return tuple(
        TensorPlacement(
            name=lifetime.name,
            size_bytes=lifetime.size_bytes,
            first_op=op_at[max(0, lifetime.first)],
            last_op=op_at[max(0, lifetime.last)],
            offset_bytes=offset,
        )
        for lifetime, offset in zip(arena.timeline.lifetimes, arena.plan.offsets_bytes, strict=True)
    )
