"""When each tensor and scratch buffer must be in memory, as TFLM counts it.

TFLM numbers moments, not ops: entering the main subgraph is moment 0, every op starts the next
one, and an op that runs other subgraphs (IF, WHILE, CALL_ONCE) puts their moments between its
own first and last. A tensor lives from the moment of the op that writes it to that of the last
op that reads it; inputs and outputs of a subgraph from its entry, its outputs to its end;
scratch buffers for the moments of their op. Constants stay in flash, and variable tensors are
kept apart (`arena.py`), so neither is planned.

Nothing is placed here (see `planners.py`), and sizes are those of the tensors, unpadded.

References
----------
.. [1] tensorflow/tflite-micro, tensorflow/lite/micro/micro_allocation_info.cc @ 01010b3e:
   AllocationInfoBuilder::InitializeAllocationInfo, MarkAllocationLifetimes,
   MarkSubgraphLifetimesIfNecessary, GetOfflinePlannedOffsets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tinygauge.errors import ModelFormatError
from tinygauge.graph import Model
from tinygauge.graph.types import Op, Subgraph, Tensor

__all__ = ["ONLINE", "Lifetime", "Scratch", "Timeline", "kept_variables", "tensor_lifetimes"]

# Offset of a buffer that the offline plan leaves to the planner.
ONLINE = -1

_OFFLINE_PLAN = "OfflineMemoryAllocation"

# Options that name the subgraphs an op runs, in the order in which TFLM plans them.
_CALLS = {
    "IF": ("then_subgraph_index", "else_subgraph_index"),
    "WHILE": ("cond_subgraph_index", "body_subgraph_index"),
    "CALL_ONCE": ("init_subgraph_index",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """A buffer to be placed.

    Parameters
    ----------
    name : str
        The tensor's name, or the op's with the number of its scratch buffer.
    size_bytes : int
    first, last : int
        Moments, both included.
    offline_offset : int
        Bytes from the start of the arena where the model states it; `ONLINE` elsewhere.
    tensor : tuple of int or None
        Subgraph and index of the tensor; None for a scratch buffer.
    """

    name: str
    size_bytes: int
    first: int
    last: int
    offline_offset: int = ONLINE
    tensor: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """Working memory that a kernel asks for.

    Parameters
    ----------
    subgraph, op : int
        Which op.
    size_bytes : int
    """

    subgraph: int
    op: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All buffers to be planned, in TFLM's order, and what happens at each moment.

    Parameters
    ----------
    lifetimes : tuple of Lifetime
        Tensors of all subgraphs, then scratch buffers.
    op_at : tuple of int
        Per moment, the op of the main subgraph that runs (or calls what runs); the entry
        counts as the first op.
    """

    lifetimes: tuple[Lifetime, ...]
    op_at: tuple[int, ...]


def tensor_lifetimes(model: Model, scratch: Sequence[Scratch] = ()) -> Timeline:
    """List what must be placed in the arena, and when.

    Parameters
    ----------
    model : Model
    scratch : sequence of Scratch
        What the kernels ask for, in the order of their requests.

    Returns
    -------
    Timeline

    Raises
    ------
    ModelFormatError
        If the model holds an offline plan that does not fit its tensors, or calls a subgraph
        that it does not have.

    References
    ----------
    [1] of this module.
    """
    offline = _offline_offsets(model)
    walk = _Walk(model)
    walk.enter(0)
    found = [
        lifetime
        for index in range(len(model.subgraphs))
        for lifetime in walk.planned_tensors(index, offline)
    ]
    for number, request in enumerate(scratch):
        first, last = walk.op_span.get((request.subgraph, request.op), (0, 0))
        kind = model.subgraphs[request.subgraph].ops[request.op].kind
        found.append(
            Lifetime(
                name=f"scratch {number} of op {request.op} {kind}",
                size_bytes=request.size_bytes,
                first=first,
                last=last,
            )
        )
    return Timeline(lifetimes=tuple(found), op_at=tuple(walk.op_at))


def kept_variables(model: Model) -> Iterator[Tensor]:
    """List the variable tensors that are kept apart, beside the planned buffers.

    Parameters
    ----------
    model : Model

    Yields
    ------
    Tensor
        Of every subgraph; not those that the model's offline plan places.
    """
    offline = _offline_offsets(model)
    for subgraph, graph in enumerate(model.subgraphs):
        for tensor in graph.tensors:
            if tensor.is_variable and offline.get((subgraph, tensor.index), ONLINE) == ONLINE:
                yield tensor


class _Walk:
    """Visits ops in TFLM's order and notes first and last use of every tensor."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.now = 0
        self.op_at = [0]
        self.span: dict[tuple[int, int], list[int]] = {}
        self.op_span: dict[tuple[int, int], tuple[int, int]] = {}
        self.depth = 0

    def enter(self, subgraph: int) -> None:
        graph = self.subgraph(subgraph)
        self.depth += 1
        for tensor in (*graph.inputs, *graph.outputs):
            self.create(subgraph, tensor)
        for op in graph.ops:
            self.tick(op.index if self.depth == 1 else self.op_at[-1])
            first = self.now
            for tensor in op.outputs:
                self.create(subgraph, tensor)
            for callee in _callees(op):
                self.tick(self.op_at[-1])
                self.enter(callee)
            for tensor in (*op.inputs, *op.outputs):
                self.use(subgraph, tensor)
            self.op_span[subgraph, op.index] = (first, self.now)
        for tensor in graph.outputs:
            self.use(subgraph, tensor)
        self.depth -= 1

    def subgraph(self, index: int) -> Subgraph:
        if index >= len(self.model.subgraphs) or self.depth > len(self.model.subgraphs):
            raise ModelFormatError(
                self.model.path or self.model.name,
                f"an op calls subgraph {index} of {len(self.model.subgraphs)}, or calls itself",
                "Convert the model again",
            )
        return self.model.subgraphs[index]

    def tick(self, op: int) -> None:
        self.now += 1
        self.op_at.append(op)

    def create(self, subgraph: int, tensor: int) -> None:
        self.span[subgraph, tensor] = [self.now, self.now]

    def use(self, subgraph: int, tensor: int) -> None:
        if tensor >= 0:
            self.span.setdefault((subgraph, tensor), [ONLINE, ONLINE])[1] = self.now

    def planned_tensors(
        self, subgraph: int, offline: Mapping[tuple[int, int], int]
    ) -> list[Lifetime]:
        planned = []
        for tensor in self.model.subgraphs[subgraph].tensors:
            offset = offline.get((subgraph, tensor.index), ONLINE)
            if not _is_planned(tensor, offset):
                continue
            # A tensor that nothing writes or reads keeps TFLM's initial -1 and -1.
            first, last = self.span.get((subgraph, tensor.index), (ONLINE, ONLINE))
            planned.append(
                Lifetime(
                    name=tensor.name or f"tensor {tensor.index}",
                    size_bytes=tensor.size_bytes,
                    first=first,
                    last=last,
                    offline_offset=offset,
                    tensor=(subgraph, tensor.index),
                )
            )
        return planned


def _is_planned(tensor: Tensor, offset: int) -> bool:
    if tensor.is_variable and offset == ONLINE:
        return False
    return not tensor.is_constant and tensor.size_bytes > 0


def _callees(op: Op) -> list[int]:
    return [op.option_int(name) for name in _CALLS.get(op.kind, ())]


def _offline_offsets(model: Model) -> dict[tuple[int, int], int]:
    """Read the plan some tools store in the model: version, subgraph, count, offsets [1].

    TFLM gives the same table, from its start, to every subgraph.
    """
    plan = model.metadata.get(_OFFLINE_PLAN)
    if plan is None:
        return {}
    where = model.path or model.name
    tensors = sum(len(graph.tensors) for graph in model.subgraphs)
    if len(plan) < 12:
        raise ModelFormatError(where, f"its offline memory plan has {len(plan)} bytes")
    (count,) = struct.unpack_from("<I", plan, 8)
    if count != tensors or len(plan) < 12 + 4 * count:
        raise ModelFormatError(
            where,
            f"its offline memory plan is for {count} tensors and has {len(plan)} bytes; "
            f"the model has {tensors} tensors",
            "Remove the metadata 'OfflineMemoryAllocation' or plan again",
        )
    offsets = struct.unpack_from(f"<{count}i", plan, 12)
    return {
        (subgraph, index): offsets[index]
        for subgraph, graph in enumerate(model.subgraphs)
        for index in range(len(graph.tensors))
    }
