"""TFLM's tensor arena on a target: what `arena_used_bytes()` returns, and the least that works.

The arena is used from both ends. At its head lie the planned buffers, which share their space;
at its tail grows, downwards, what must stay: the interpreter's tables, op data, multipliers and
shifts per channel. The tail is found by repeating TFLM's allocations in its order, since each is
aligned downwards and the gaps depend on what came before.

While TFLM prepares, the head is not there yet; in its place lie notes on scratch buffers, the
descriptions of tensors that a kernel looks at (`preparing.py`), then the planner's own tables.
Where those need more than the head, the arena must be larger than what is used in the end.

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
   FinishPrepareNodeAllocations, AllocateVariables, CommitStaticMemoryPlan,
   AllocatePersistentTfLiteTensor, InitializeTfLiteTensorFromFlatbuffer),
   micro_allocation_info.h @ 19a6fbd2 (AllocationInfo),
   memory_planner/greedy_memory_planner.h @ 5e65f820 (per_buffer_size),
   arena_allocator/single_arena_buffer_allocator.cc @ 25b10cd2 (AllocatePersistentBuffer,
   ResizeBuffer, GetAvailableMemory).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tinygauge.graph.types import Model, Op, Subgraph, Tensor
from tinygauge.memory.kernels import kernel_needs
from tinygauge.memory.lifetimes import Scratch, Timeline, kept_variables, tensor_lifetimes
from tinygauge.memory.needs import KernelSet, Needs
from tinygauge.memory.planners import Plan, lower_bound, plan_greedy
from tinygauge.memory.preparing import looks
from tinygauge.memory.structs import (
    ALLOCATION_INFO,
    ALLOCATORS,
    ARENA_ALIGNMENT_BYTES,
    BUILTIN_PARAMS,
    EVAL_TENSOR,
    NODE_AND_REGISTRATION,
    PLANNER_BYTES_PER_BUFFER,
    POINTER,
    QUANTIZATION,
    SCRATCH_REQUEST,
    SUBGRAPH_ALLOCATIONS,
    TENSOR,
    Abi,
    Layout,
    align_up,
    int_array_bytes,
)

__all__ = ["Arena", "Tail", "plan_arena"]

# So many scratch buffers an op may ask for, and room for so many requests is held free.
# References: [1] micro_allocator.cc, kMaxScratchBuffersPerOp.
_SCRATCH_REQUESTS_PER_OP = 12


@dataclass(slots=True)
class Tail:
    """The end of the arena, from which allocations are taken downwards.

    Parameters
    ----------
    abi : Abi
    used_bytes : int
    least_bytes : int
        The smallest arena in which all went well so far.
    set_by : str
        What asked for that much.
    most_bytes : int
        What that size may be at most, where some steps are only bounded.
    """

    abi: Abi = field(default_factory=Abi)
    used_bytes: int = 0
    least_bytes: int = 0
    set_by: str = ""
    most_bytes: int = 0

    def take(self, size_bytes: int, alignment_bytes: int = 1) -> None:
        """Take bytes below what is taken, aligned downwards.

        The arena's end is taken as aligned to 16 bytes, as TFLM's examples align it.
        """
        self.used_bytes = align_up(self.used_bytes + size_bytes, alignment_bytes)

    def take_structures(self, structure: Layout, count: int = 1) -> None:
        """Take an array of structures."""
        on_target = structure.on(self.abi)
        self.take(on_target.size * count, on_target.align)

    def take_aligned(self, sizes_bytes: Sequence[int]) -> None:
        """Take buffers as kernels do (MicroAllocator::AllocatePersistentBuffer [1])."""
        for size_bytes in sizes_bytes:
            self.take(size_bytes, ARENA_ALIGNMENT_BYTES)

    def meet(self, other_end_bytes: int, what: str, unsure_bytes: int = 0) -> None:
        """Note that so many bytes at the other end, or a few more, are in use beside the tail."""
        needed = other_end_bytes + self.used_bytes
        self.most_bytes = max(self.most_bytes, needed + unsure_bytes)
        if needed > self.least_bytes:
            self.least_bytes, self.set_by = needed, what


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """An arena planned for a model.

    Parameters
    ----------
    head_bytes : int
        Planned tensors and scratch buffers.
    tail_bytes : int
        What stays allocated.
    least_bytes : int
        The smallest arena, a multiple of 16, in which `AllocateTensors()` succeeds.
    least_set_by : str
        What needs that much: ``"running"``, ``"planning"`` or ``"preparing op 3 CONV_2D"``.
    low_bytes, high_bytes : int
        By how much the truth may lie below or above; 0 and 0 where every op has a formula
        that was checked.
    preparing_slack_bytes : int
        By how much more `least_bytes` may lie above.
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
    least_bytes: int
    least_set_by: str
    low_bytes: int
    high_bytes: int
    preparing_slack_bytes: int
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
    needs = [(graph, op, kernel_needs(where, graph, op, kernels)) for graph, op in _ops(model)]
    scratch = tuple(
        Scratch(subgraph=graph.index, op=op.index, size_bytes=size_bytes)
        for graph, op, need in needs
        for size_bytes in need.scratch_bytes
    )
    timeline = tensor_lifetimes(model, scratch)
    plan = plan_greedy(timeline.lifetimes)
    bound, moment = lower_bound(timeline.lifetimes)
    tail = Tail(kernels.abi)
    _start(tail, model)
    _prepare(tail, needs)
    _plan(tail, model, len(scratch), len(timeline.lifetimes))
    _finish(tail, model, plan.peak_bytes)
    return Arena(
        head_bytes=plan.peak_bytes,
        tail_bytes=tail.used_bytes,
        least_bytes=align_up(tail.least_bytes),
        least_set_by=tail.set_by,
        low_bytes=sum(need.low_bytes for _, _, need in needs),
        high_bytes=sum(need.high_bytes for _, _, need in needs),
        preparing_slack_bytes=align_up(tail.most_bytes) - align_up(tail.least_bytes),
        timeline=timeline,
        plan=plan,
        lower_bound_bytes=bound,
        peak_moment=moment,
    )


_OpNeeds = tuple[Subgraph, Op, Needs]


def _ops(model: Model) -> Iterator[tuple[Subgraph, Op]]:
    for graph in model.subgraphs:
        for op in graph.ops:
            yield graph, op


def _start(tail: Tail, model: Model) -> None:
    """Take the interpreter's objects, its tables and each op's parsed parameters."""
    for allocator in ALLOCATORS:
        tail.take_structures(allocator)
    tail.take(tail.abi.more_objects_bytes, 4)
    tail.take_structures(SUBGRAPH_ALLOCATIONS, len(model.subgraphs))
    for graph in model.subgraphs:
        tail.take_structures(EVAL_TENSOR, len(graph.tensors))
    for graph in model.subgraphs:
        tail.take_structures(NODE_AND_REGISTRATION, len(graph.ops))
    for _, op in _ops(model):
        if op.kind in BUILTIN_PARAMS:
            tail.take_structures(BUILTIN_PARAMS[op.kind])


def _prepare(tail: Tail, needs: Sequence[_OpNeeds]) -> None:
    """Let each op take its op data (`Init`), then prepare."""
    tail.take_aligned([need.op_data_bytes for _, _, need in needs if need.op_data_bytes])
    requests = 0
    for graph, op, need in needs:
        what = f"preparing op {op.index} {op.kind}"
        look = looks(graph, op, tail.abi)
        used = _requests_bytes(requests, tail.abi) + look.before_bytes
        tail.meet(used, what, look.unsure_bytes)
        tail.take_aligned(need.kept_bytes)
        if look.after_bytes:
            tail.meet(used + look.after_bytes, what)
        elif need.kept_bytes:
            tail.meet(used - look.spare_bytes, what, look.unsure_bytes)
        requests += len(need.scratch_bytes)


def _requests_bytes(requests: int, abi: Abi) -> int:
    return SCRATCH_REQUEST.on(abi).size * (requests + _SCRATCH_REQUESTS_PER_OP)


def _plan(tail: Tail, model: Model, scratch_buffers: int, planned: int) -> None:
    """Take handles of scratch buffers and variables, then lay out the planner's tables."""
    abi = tail.abi
    if scratch_buffers:
        tail.take_structures(POINTER, scratch_buffers)
    for tensor in kept_variables(model):
        tail.take_aligned([tensor.size_bytes])
    tensors = sum(len(graph.tensors) for graph in model.subgraphs)
    tables = (
        _requests_bytes(scratch_buffers, abi)
        + POINTER.on(abi).size * len(model.subgraphs)
        + ALLOCATION_INFO.on(abi).size * (tensors + scratch_buffers)
    )
    # The planner gets what lies between, aligned at both ends (GetAvailableMemory [1]).
    padding = align_up(tail.used_bytes) - tail.used_bytes
    tail.meet(align_up(tables) + PLANNER_BYTES_PER_BUFFER * planned + padding, "planning")


def _finish(tail: Tail, model: Model, head_bytes: int) -> None:
    """Take the descriptions of inputs and outputs that the application sees."""
    main = model.main
    pointer = POINTER.on(tail.abi)
    for indices in (main.inputs, main.outputs):
        tail.take_aligned([pointer.size * len(indices)])
        for index in indices:
            _take_tensor(tail, main.tensors[index])
    tail.meet(head_bytes, "running")


def _take_tensor(tail: Tail, tensor: Tensor) -> None:
    tail.take_structures(TENSOR)
    if tensor.quantization is not None:
        tail.take_structures(QUANTIZATION)
        tail.take(int_array_bytes(len(tensor.quantization.zero_point)), 4)
