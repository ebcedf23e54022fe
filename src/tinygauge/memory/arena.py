"""TFLM's tensor arena on a 32-bit target: what `arena_used_bytes()` returns, and why.

The arena is used from both ends. At its head lie the planned buffers, which share their space;
at its tail grows, downwards, what must stay: the interpreter's tables, op data, multipliers and
shifts per channel. The tail is found by repeating TFLM's allocations in its order, since each is
aligned downwards and the gaps depend on what came before.

>>> from tinygauge.memory.arena import Tail
>>> tail = Tail()
>>> tail.take(5)
>>> tail.take(16, alignment_bytes=16)
>>> tail.used_bytes
32

References
----------
.. [1] tensorflow/tflite-micro, tensorflow/lite/micro/:
   micro_interpreter.cc @ 054bea0f (AllocateTensors: the order),
   micro_allocator.cc @ 190593be (StartModelAllocation, FinishModelAllocation,
   AllocateVariables, AllocatePersistentTfLiteTensor, InitializeTfLiteTensorFromFlatbuffer),
   arena_allocator/single_arena_buffer_allocator.cc @ 25b10cd2 (AllocatePersistentBuffer).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tinygauge.graph.types import Model, Op, Subgraph, Tensor
from tinygauge.memory.kernels import kernel_needs
from tinygauge.memory.lifetimes import Scratch, Timeline, tensor_lifetimes
from tinygauge.memory.needs import KernelSet, Needs
from tinygauge.memory.planners import Plan, lower_bound, plan_greedy
from tinygauge.memory.structs import (
    ALLOCATOR_BYTES,
    ARENA_ALIGNMENT_BYTES,
    BUILTIN_PARAMS,
    EVAL_TENSOR,
    NODE_AND_REGISTRATION,
    POINTER,
    QUANTIZATION,
    SUBGRAPH_ALLOCATIONS,
    TENSOR,
    int_array_bytes,
)

__all__ = ["Arena", "Tail", "plan_arena"]


@dataclass(slots=True)
class Tail:
    """The end of the arena, from which allocations are taken downwards."""

    used_bytes: int = 0

    def take(self, size_bytes: int, alignment_bytes: int = 1) -> None:
        """Take bytes below what is taken, aligned downwards.

        The arena's end is taken as aligned to 16 bytes, as TFLM's examples align it.
        """
        below = self.used_bytes + size_bytes
        self.used_bytes = -(-below // alignment_bytes) * alignment_bytes

    def take_aligned(self, sizes_bytes: Sequence[int]) -> None:
        """Take buffers as kernels do (MicroAllocator::AllocatePersistentBuffer [1])."""
        for size_bytes in sizes_bytes:
            self.take(size_bytes, ARENA_ALIGNMENT_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """An arena planned for a model.

    Parameters
    ----------
    head_bytes : int
        Planned tensors and scratch buffers.
    tail_bytes : int
        What stays allocated.
    low_bytes, high_bytes : int
        By how much the truth may lie below or above; 0 and 0 where every op has a formula
        that was checked.
    timeline : Timeline
    plan : Plan
        Of the timeline's lifetimes.
    lower_bound_bytes : int
        The most bytes of planned buffers that ever live at once.
    peak_moment : int
        When that is.
    """

    head_bytes: int
    tail_bytes: int
    low_bytes: int
    high_bytes: int
    timeline: Timeline = field(repr=False)
    plan: Plan = field(repr=False)
    lower_bound_bytes: int
    peak_moment: int

    @property
    def used_bytes(self) -> int:
        """What `MicroInterpreter::arena_used_bytes()` returns."""
        return self.head_bytes + self.tail_bytes


def plan_arena(model: Model, kernels: KernelSet) -> Arena:
    """Plan TFLM's arena for a model.

    Parameters
    ----------
    model : Model
    kernels : KernelSet

    Returns
    -------
    Arena

    Raises
    ------
    UnsupportedOpError
        If TFLM has no kernel for an op or refuses its types.
    ModelFormatError
        If the model's offline plan is damaged.

    References
    ----------
    [1] of this module.
    """
    where = model.path or model.name
    needs = {
        (index, op.index): kernel_needs(where, graph, op, kernels)
        for index, graph, op in _ops(model)
    }
    scratch = tuple(
        Scratch(subgraph=subgraph, op=op, size_bytes=size_bytes)
        for (subgraph, op), need in needs.items()
        for size_bytes in need.scratch_bytes
    )
    timeline = tensor_lifetimes(model, scratch)
    plan = plan_greedy(timeline.lifetimes)
    bound, moment = lower_bound(timeline.lifetimes)
    return Arena(
        head_bytes=plan.peak_bytes,
        tail_bytes=_tail_bytes(model, needs, len(scratch)),
        low_bytes=sum(need.low_bytes for need in needs.values()),
        high_bytes=sum(need.high_bytes for need in needs.values()),
        timeline=timeline,
        plan=plan,
        lower_bound_bytes=bound,
        peak_moment=moment,
    )


def _ops(model: Model) -> Iterator[tuple[int, Subgraph, Op]]:
    for index, graph in enumerate(model.subgraphs):
        for op in graph.ops:
            yield index, graph, op


def _tail_bytes(model: Model, needs: dict[tuple[int, int], Needs], scratch_buffers: int) -> int:
    tail = Tail()
    for size_bytes in ALLOCATOR_BYTES:
        tail.take(size_bytes, POINTER.align)
    tail.take(SUBGRAPH_ALLOCATIONS.size * len(model.subgraphs), SUBGRAPH_ALLOCATIONS.align)
    for graph in model.subgraphs:
        tail.take(EVAL_TENSOR.size * len(graph.tensors), EVAL_TENSOR.align)
    for graph in model.subgraphs:
        tail.take(NODE_AND_REGISTRATION.size * len(graph.ops), NODE_AND_REGISTRATION.align)
    for _, _, op in _ops(model):
        params = BUILTIN_PARAMS.get(op.kind)
        if params is not None:
            tail.take(params.size, params.align)
    tail.take_aligned([need.op_data_bytes for need in needs.values() if need.op_data_bytes])
    for need in needs.values():
        tail.take_aligned(need.kept_bytes)
    # One pointer per scratch buffer (AllocateScratchBufferHandles [1]).
    tail.take(POINTER.size * scratch_buffers, POINTER.align if scratch_buffers else 1)
    for graph in model.subgraphs:
        tail.take_aligned([tensor.size_bytes for tensor in graph.tensors if tensor.is_variable])
    main = model.main
    for indices in (main.inputs, main.outputs):
        tail.take_aligned([POINTER.size * len(indices)])
        for index in indices:
            _take_tensor(tail, main.tensors[index])
    return tail.used_bytes


def _take_tensor(tail: Tail, tensor: Tensor) -> None:
    tail.take(TENSOR.size, TENSOR.align)
    if tensor.quantization is not None:
        tail.take(QUANTIZATION.size, QUANTIZATION.align)
        tail.take(int_array_bytes(len(tensor.quantization.zero_point)), POINTER.align)
