"""Count what a model does and holds: MACs, parameters, bytes, zero weights, dead channels.

Everything here is exact and read from the file; nothing is estimated and no hardware is known.
A multiply-accumulate (MAC) is one product added to a sum, padding taps included, because the
kernels on microcontrollers spend time on them or not in their own ways; element-wise ops,
pooling and table look-ups have none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinygauge.graph.liveness import Mask, dead_filters, live_channels, zeros
from tinygauge.graph.types import DType, Model, Op, Subgraph, Tensor

__all__ = ["ModelCounts", "OpCounts", "count_model", "count_op", "count_ops"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpCounts:
    """What one op does and holds.

    Parameters
    ----------
    op : Op
    subgraph : int
        Index of its subgraph.
    macs : int
        Multiply-accumulates of one execution.
    live_macs : int
        Those that remain when channels that can't change are left out (see `liveness.py`).
    parameters : int
        Elements of its weights and biases.
    weight_bytes : int
        Bytes of its weights and biases.
    weights, zero_weights : int
        Elements of its weight tensor, biases left out, and how many of them mean 0.
    channels, dead_channels : int
        Output channels, and those whose weights all mean 0; 0 for ops without weights.
    input_bytes, output_bytes : int
        Bytes of its activations.
    """

    op: Op
    subgraph: int
    macs: int
    live_macs: int
    parameters: int
    weight_bytes: int
    weights: int
    zero_weights: int
    channels: int
    dead_channels: int
    input_bytes: int
    output_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCounts:
    """What a whole model does and holds; tensors shared by ops count once.

    Parameters
    ----------
    macs, live_macs, dead_channels : int
        Sums over the ops.
    parameters, weight_bytes, weights, zero_weights : int
        Over distinct constants.
    peak_activation_bytes : int
        The most bytes that the inputs and outputs of any one op take together.
    """

    macs: int
    live_macs: int
    parameters: int
    weight_bytes: int
    weights: int
    zero_weights: int
    dead_channels: int
    peak_activation_bytes: int

    @property
    def zero_share(self) -> float:
        """Share of weights that mean 0, in 0..1; 0 for a model without weights."""
        return self.zero_weights / self.weights if self.weights else 0.0


def _elements(tensor: Tensor | None) -> int:
    return tensor.elements if tensor is not None else 0


def _extents(tensor: Tensor | None) -> tuple[int, ...]:
    """Shape with open dimensions as 1, as `Tensor.elements` counts them; () for no tensor."""
    if tensor is None:
        return ()
    return tuple(1 if extent < 0 else extent for extent in tensor.shape)


def _conv_macs(graph: Subgraph, op: Op) -> int:
    """Count convolutions: every output element sums over one filter.

    References
    ----------
    Sze, Chen, Yang, Emer, "Efficient Processing of Deep Neural Networks", Proc. IEEE 105(12),
    2017, eq. (1): N M E F outputs, each C R S products; with groups C is the filter's own depth.
    """
    weights, output = _extents(graph.input_of(op, 1)), graph.output_of(op)
    if len(weights) < 4:
        return 0
    if op.kind == "CONV_3D":  # filter layout DHWIO
        return _elements(output) * math.prod(weights[:4])
    return _elements(output) * math.prod(weights[1:])


def _depthwise_macs(graph: Subgraph, op: Op) -> int:
    """Count depthwise convolutions: every output element sums over one H x W filter.

    References
    ----------
    Howard et al., "MobileNets", arXiv 1704.04861, eq. (4), first term.
    """
    weights = _extents(graph.input_of(op, 1))
    return _elements(graph.output_of(op)) * math.prod(weights[1:3]) if len(weights) > 3 else 0


def _transpose_conv_macs(graph: Subgraph, op: Op) -> int:
    """Count transpose convolutions: every input element meets one filter per output channel.

    References
    ----------
    Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285,
    section 4.1: the transpose has the products of the convolution it transposes.
    """
    weights = _extents(graph.input_of(op, 1))
    return _elements(graph.input_of(op, 2)) * math.prod(weights[:3]) if len(weights) > 3 else 0


def _fully_connected_macs(graph: Subgraph, op: Op) -> int:
    """Count dense ops: every output element sums over one row of the weights.

    References
    ----------
    Sze et al. 2017 (see `_conv_macs`), section III-A: a fully connected op is a convolution
    whose filter covers the whole input.
    """
    weights = _extents(graph.input_of(op, 1))
    return _elements(graph.output_of(op)) * weights[-1] if weights else 0


def _batch_matmul_macs(graph: Subgraph, op: Op) -> int:
    """Count matrix products: every output element sums over the shared dimension.

    References
    ----------
    Golub, Van Loan, "Matrix Computations", 4th ed., section 1.1.11 (m n p products).
    """
    left = _extents(graph.input_of(op, 0))
    if len(left) < 2:
        return 0
    return _elements(graph.output_of(op)) * left[-2 if op.options.get("adj_x") else -1]


def _svdf_macs(graph: Subgraph, op: Op) -> int:
    """Count one step of an SVDF op: a feature product, then a product over its memory.

    References
    ----------
    Nakkiran et al., "Compressing Deep Neural Networks using a Rank-Constrained Topology",
    Interspeech 2015, section 3; weights are (filters, features) and (filters, memory).
    """
    features, time = graph.input_of(op, 1), graph.input_of(op, 2)
    batch, *_ = _extents(graph.input_of(op, 0)) or (1,)
    return batch * (_elements(features) + _elements(time))


def _lstm_macs(graph: Subgraph, op: Op) -> int:
    """Count an LSTM over a sequence: eight weight matrices and three products per cell a step.

    References
    ----------
    Hochreiter, Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997, in the
    form of Gers et al. 2000; weights are inputs 1 to 8 of the op (schema.fbs, LSTM).
    """
    image, output = _extents(graph.input_of(op, 0)), _extents(graph.output_of(op))
    matrices = sum(_elements(graph.input_of(op, position)) for position in range(1, 9))
    if not image or not output:
        return 0
    steps = math.prod(image[:-1])  # batch x time
    cells = output[-1]
    return steps * (matrices + 3 * cells)


_MACS: dict[str, Callable[[Subgraph, Op], int]] = {
    "CONV_2D": _conv_macs,
    "CONV_3D": _conv_macs,
    "DEPTHWISE_CONV_2D": _depthwise_macs,
    "TRANSPOSE_CONV": _transpose_conv_macs,
    "FULLY_CONNECTED": _fully_connected_macs,
    "BATCH_MATMUL": _batch_matmul_macs,
    "SVDF": _svdf_macs,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm_macs,
    "LSTM": _lstm_macs,
}


def _is_parameter(tensor: Tensor) -> bool:
    """Tell weights and biases from shapes, axes and paddings, which are plain integers."""
    if not tensor.is_constant or tensor.dtype is DType.STRING:
        return False
    return tensor.dtype.is_float or tensor.quantization is not None


def _live_macs(graph: Subgraph, op: Op, macs: int, live: Mapping[int, Mask]) -> int:
    """Leave out dead output channels, and the products with input channels that are dead.

    Dense ops and convolutions multiply every input channel of a group with every output channel
    of it, so the live products are those of the pairs that are live; depthwise ops have one
    input channel an output channel.
    """
    dead = dead_filters(graph, op)
    if dead is None or not dead.size:
        return macs
    before = live.get(op.inputs[0]) if op.inputs else None
    if op.kind == "DEPTHWISE_CONV_2D":
        alive = ~dead
        if before is not None and before.size and dead.size % before.size == 0:
            alive &= np.repeat(before, dead.size // before.size)
        return macs // dead.size * int(np.count_nonzero(alive))
    if before is None or op.kind not in ("CONV_2D", "FULLY_CONNECTED"):
        return macs // dead.size * int(np.count_nonzero(~dead))
    groups = _groups(graph, op, before.size, dead.size)
    outputs = np.count_nonzero(~dead.reshape(groups, -1), axis=1)
    inputs = np.count_nonzero(before.reshape(groups, -1), axis=1)
    return macs * groups * int(outputs @ inputs) // (dead.size * before.size)


def _groups(graph: Subgraph, op: Op, inputs: int, outputs: int) -> int:
    """Return a convolution's groups: its input channels over the depth of one filter."""
    depth = _extents(graph.input_of(op, 1))[-1]
    groups = inputs // depth if op.kind == "CONV_2D" else 1
    return groups if groups and inputs % groups == outputs % groups == 0 else 1


def count_op(graph: Subgraph, op: Op, live: Mapping[int, Mask] | None = None) -> OpCounts:
    """Count one op.

    Parameters
    ----------
    graph : Subgraph
        The op's subgraph.
    op : Op
    live : mapping of int to ndarray of bool, optional
        Of `live_channels`, where the caller has it already.

    Returns
    -------
    OpCounts
        Exact; ops without a MAC formula, such as pooling, have 0 MACs.
    """
    if live is None:
        live = live_channels(graph)
    inputs = [tensor for i in op.inputs if (tensor := graph.tensor(i)) is not None]
    outputs = [tensor for i in op.outputs if (tensor := graph.tensor(i)) is not None]
    constants = [tensor for tensor in inputs if _is_parameter(tensor)]
    matrices = _matrices(constants)
    macs = _MACS[op.kind](graph, op) if op.kind in _MACS else 0
    dead = dead_filters(graph, op)
    return OpCounts(
        op=op,
        subgraph=graph.index,
        macs=macs,
        live_macs=_live_macs(graph, op, macs, live),
        parameters=sum(tensor.elements for tensor in constants),
        weight_bytes=sum(tensor.size_bytes for tensor in constants),
        weights=sum(tensor.elements for tensor in matrices),
        zero_weights=sum(int(np.count_nonzero(zeros(tensor))) for tensor in matrices),
        channels=0 if dead is None else dead.size,
        dead_channels=0 if dead is None else int(np.count_nonzero(dead)),
        input_bytes=sum(tensor.size_bytes for tensor in inputs if not tensor.is_constant),
        output_bytes=sum(tensor.size_bytes for tensor in outputs),
    )


def _matrices(constants: Sequence[Tensor]) -> list[Tensor]:
    """Return the constants that hold weights; biases and scalars have one dimension or none."""
    return [tensor for tensor in constants if len(tensor.shape) > 1]


def count_ops(model: Model) -> tuple[OpCounts, ...]:
    """Count every op of every subgraph, in order.

    Parameters
    ----------
    model : Model

    Returns
    -------
    tuple of OpCounts
    """
    counted: list[OpCounts] = []
    for graph in model.subgraphs:
        live = live_channels(graph)
        counted.extend(count_op(graph, op, live) for op in graph.ops)
    return tuple(counted)


def count_model(model: Model, ops: Sequence[OpCounts] | None = None) -> ModelCounts:
    """Count a whole model.

    Parameters
    ----------
    model : Model
    ops : sequence of OpCounts, optional
        Of `count_ops`, where the caller has them already.

    Returns
    -------
    ModelCounts
        Exact. Ops in a subgraph that is called several times count once.
    """
    counted = count_ops(model) if ops is None else ops
    distinct: dict[int, Tensor] = {}
    for graph in model.subgraphs:
        used = {index for op in graph.ops for index in op.inputs if index >= 0}
        for index in sorted(used):
            tensor = graph.tensors[index]
            if tensor.data is not None and _is_parameter(tensor):
                distinct[tensor.data.__array_interface__["data"][0]] = tensor
    constants = list(distinct.values())
    matrices = _matrices(constants)
    return ModelCounts(
        macs=sum(op.macs for op in counted),
        live_macs=sum(op.live_macs for op in counted),
        parameters=sum(tensor.elements for tensor in constants),
        weight_bytes=sum(tensor.size_bytes for tensor in constants),
        weights=sum(tensor.elements for tensor in matrices),
        zero_weights=sum(int(np.count_nonzero(zeros(tensor))) for tensor in matrices),
        dead_channels=sum(op.dead_channels for op in counted),
        peak_activation_bytes=max((op.input_bytes + op.output_bytes for op in counted), default=0),
    )
