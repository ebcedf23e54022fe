"""Models with an op less: what a converter could have done, so that its saving can be planned.

Each rewrite gives a model that computes the same with fewer ops. It is planned, never run or
written, and only the main subgraph is rewritten.

References
----------
.. [1] tensorflow/tensorflow, tensorflow/lite/schema/schema.fbs: QUANTIZE, DEQUANTIZE and the
   affine quantisation of tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tinygauge.graph.types import DType, Model, Op, Subgraph, Tensor

__all__ = ["Rewrite", "fold_constants", "pass_quantized_ends", "remove_round_trips"]

# Ops whose result depends on more than their inputs, or that are there for their effect.
_NOT_FOLDED = frozenset(
    ("ASSIGN_VARIABLE", "CALL_ONCE", "IF", "READ_VARIABLE", "VAR_HANDLE", "WHILE")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """A model without some of its ops.

    Parameters
    ----------
    model : Model
    removed : tuple of Op
        As they were; empty where there was nothing to do.
    more_flash_bytes : int
        What its constants take beyond the original's.
    """

    model: Model
    removed: tuple[Op, ...]
    more_flash_bytes: int = 0


def remove_round_trips(model: Model) -> Rewrite:
    """Leave out QUANTIZE ops that change nothing, and DEQUANTIZE ops undone by a QUANTIZE.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Rewrite
    """
    graph = model.main
    conversions = _conversions(graph)
    maker = {index: op for op in graph.ops for index in op.outputs}
    instead: dict[int, int] = {}
    removed: list[Op] = []
    for op in conversions:
        if op.kind != "QUANTIZE":
            continue
        source = instead.get(op.inputs[0], op.inputs[0])
        before = maker.get(source)
        if before in conversions and before.kind == "DEQUANTIZE":
            source = before.inputs[0]
        if _means_the_same(graph.tensors[source], graph.tensors[op.outputs[0]]):
            instead[op.outputs[0]] = source
            removed.append(op)
    return _rewired(model, removed, instead)


def _conversions(graph: Subgraph) -> list[Op]:
    """List the ops that change a tensor's type and are no damaged ones without ends."""
    kinds = ("DEQUANTIZE", "QUANTIZE")
    return [op for op in graph.ops if op.kind in kinds and len(op.inputs) == len(op.outputs) == 1]


def _means_the_same(a: Tensor, b: Tensor) -> bool:
    if a.dtype is not b.dtype or a.quantization is None or b.quantization is None:
        return False
    same_scale = a.quantization.scale == b.quantization.scale
    return same_scale and a.quantization.zero_point == b.quantization.zero_point


def pass_quantized_ends(model: Model) -> Rewrite:
    """Take the quantised tensors next to the model's ends as its inputs and outputs.

    Parameters
    ----------
    model : Model
        Whose float inputs only a QUANTIZE reads, or whose float outputs a DEQUANTIZE writes.

    Returns
    -------
    Rewrite
    """
    graph = model.main
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    removed: list[Op] = []
    for op in _conversions(graph):
        if op.kind == "QUANTIZE" and op.inputs[0] in inputs and _is_float(graph, op.inputs[0]):
            if len(_readers(graph, op.inputs[0])) == 1:
                inputs[inputs.index(op.inputs[0])] = op.outputs[0]
                removed.append(op)
        elif op.kind == "DEQUANTIZE" and op.outputs[0] in outputs:
            is_int = not graph.tensors[op.inputs[0]].dtype.is_float
            if is_int and not _readers(graph, op.outputs[0]):
                outputs[outputs.index(op.outputs[0])] = op.inputs[0]
                removed.append(op)
    kept = tuple(op for op in graph.ops if op not in removed)
    main = replace(graph, ops=kept, inputs=tuple(inputs), outputs=tuple(outputs))
    return Rewrite(model=_with_main(model, _compacted(main)), removed=tuple(removed))


def _is_float(graph: Subgraph, index: int) -> bool:
    return graph.tensors[index].dtype is DType.FLOAT32


def _readers(graph: Subgraph, index: int) -> list[Op]:
    return [op for op in graph.ops if index in op.inputs]


def fold_constants(model: Model) -> Rewrite:
    """Compute ops whose inputs are all constant when the model is converted.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Rewrite
        With constants in the place of what the ops wrote (zeros: only their sizes matter here).
    """
    graph = model.main
    constant = {tensor.index for tensor in graph.tensors if tensor.is_constant}
    folded: list[Op] = []
    for op in graph.ops:
        inputs = [index for index in op.inputs if index >= 0]
        if inputs and op.kind not in _NOT_FOLDED and constant.issuperset(inputs):
            folded.append(op)
            constant.update(op.outputs)
    written = {index for op in folded for index in op.outputs}
    tensors = tuple(
        replace(tensor, data=np.broadcast_to(np.uint8(0), (tensor.elements,)))
        if tensor.index in written
        else tensor
        for tensor in graph.tensors
    )
    kept = tuple(op for op in graph.ops if op not in folded)
    main = replace(graph, tensors=tensors, ops=kept)
    read = {index for op in kept for index in op.inputs} | set(graph.outputs)
    more = sum(tensors[index].size_bytes for index in written & read)
    gone = {index for op in folded for index in op.inputs if index >= 0} - read - written
    less = sum(tensors[index].size_bytes for index in gone)
    return Rewrite(
        model=_with_main(model, _compacted(main)),
        removed=tuple(folded),
        more_flash_bytes=more - less,
    )


def _rewired(model: Model, removed: list[Op], instead: Mapping[int, int]) -> Rewrite:
    graph = model.main
    kept = [
        replace(op, inputs=tuple(instead.get(index, index) for index in op.inputs))
        for op in graph.ops
        if op not in removed
    ]
    outputs = tuple(instead.get(index, index) for index in graph.outputs)
    read = {index for op in kept for index in op.inputs} | set(outputs)
    useless = [op for op in kept if op.kind == "DEQUANTIZE" and not read & set(op.outputs)]
    main = replace(graph, ops=tuple(op for op in kept if op not in useless), outputs=outputs)
    if not removed:
        return Rewrite(model=model, removed=())
    return Rewrite(model=_with_main(model, _compacted(main)), removed=(*removed, *useless))


def _compacted(graph: Subgraph) -> Subgraph:
    """Drop the tensors that nothing touches any more."""
    used = {index for op in graph.ops for index in (*op.inputs, *op.outputs)}
    used.update(graph.inputs, graph.outputs)
    kept = [tensor for tensor in graph.tensors if tensor.index in used or tensor.is_variable]
    number = {tensor.index: index for index, tensor in enumerate(kept)} | {-1: -1}

    def renamed(indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(number[index] for index in indices)

    return replace(
        graph,
        tensors=tuple(replace(tensor, index=number[tensor.index]) for tensor in kept),
        ops=tuple(
            replace(op, index=index, inputs=renamed(op.inputs), outputs=renamed(op.outputs))
            for index, op in enumerate(graph.ops)
        ),
        inputs=renamed(graph.inputs),
        outputs=renamed(graph.outputs),
    )


def _with_main(model: Model, main: Subgraph) -> Model:
    return replace(model, subgraphs=(main, *model.subgraphs[1:]), metadata={})
