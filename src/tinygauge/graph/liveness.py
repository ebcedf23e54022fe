"""Find the channels that can't change: those whose weights are all zero, and what follows.

A filter whose weights all mean 0 has a constant output, whatever the input. An engine may fold
that constant into the next op's bias and skip both the filter and the products it feeds. Ops
that treat channels apart (pooling, activations, depthwise convolution) pass the constant on.
Where the constant is not the zero point, padding makes the borders differ: folding then needs
care, which the count of live MACs leaves to the engine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygauge.graph.types import DType, Op, Subgraph, Tensor

__all__ = ["Mask", "dead_filters", "live_channels", "weight_tensor", "zeros"]

Mask = npt.NDArray[np.bool_]

# Position of the weight tensor among the inputs, and its axis of output channels
# (tensorflow/lite/schema/schema.fbs and the operators' kernels: convolutions OHWI, 3-D DHWIO,
# depthwise 1HWO, fully connected OI, transpose convolution OHWI).
_WEIGHTS: dict[str, tuple[int, int]] = {
    "CONV_2D": (1, 0),
    "CONV_3D": (1, 4),
    "DEPTHWISE_CONV_2D": (1, 3),
    "FULLY_CONNECTED": (1, 0),
    "TRANSPOSE_CONV": (1, 0),
}

# Ops whose output channel depends on the same channel of the first input alone.
_CHANNELWISE = {
    "AVERAGE_POOL_2D",
    "DEPTHWISE_CONV_2D",
    "DEQUANTIZE",
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOGISTIC",
    "MAX_POOL_2D",
    "MEAN",
    "PAD",
    "PADV2",
    "QUANTIZE",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "RESHAPE",
    "SQUEEZE",
    "TANH",
}
_ELEMENTWISE = {"ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"}


def weight_tensor(graph: Subgraph, op: Op) -> tuple[Tensor, int] | None:
    """Return an op's constant weight tensor and its axis of output channels, if it has one."""
    if op.kind not in _WEIGHTS:
        return None
    position, axis = _WEIGHTS[op.kind]
    weights = graph.input_of(op, position)
    if weights is None or weights.data is None or weights.dtype is DType.STRING:
        return None
    return (weights, axis) if axis < len(weights.shape) else None


def zeros(tensor: Tensor) -> Mask:
    """Tell where a constant means 0: at its zero point, per channel where it has several.

    Parameters
    ----------
    tensor : Tensor
        A constant.

    Returns
    -------
    ndarray of bool, shape of the tensor
    """
    if tensor.data is None:
        raise ValueError(f"tensor {tensor.index} is computed at run time, it has no contents")
    if tensor.quantization is None:
        return np.asarray(tensor.data == 0)
    zero_points = tensor.quantization.zero_point
    if len(set(zero_points)) == 1:
        return np.asarray(tensor.data == zero_points[0])
    shape = [1] * len(tensor.shape)
    shape[tensor.quantization.axis] = -1
    return np.asarray(tensor.data == np.array(zero_points).reshape(shape))


def dead_filters(graph: Subgraph, op: Op) -> Mask | None:
    """Tell which output channels have weights that all mean 0.

    Parameters
    ----------
    graph : Subgraph
    op : Op

    Returns
    -------
    ndarray of bool, shape (channels,), or None
        None for ops without constant weights.
    """
    found = weight_tensor(graph, op)
    if found is None:
        return None
    weights, axis = found
    others = tuple(i for i in range(len(weights.shape)) if i != axis)
    return np.asarray(zeros(weights).all(axis=others))


def live_channels(graph: Subgraph) -> dict[int, Mask]:
    """Tell which channels of each tensor can change with the input.

    Parameters
    ----------
    graph : Subgraph

    Returns
    -------
    dict of int to ndarray of bool, shape (channels,)
        By tensor index; a tensor that is not there is live in all its channels.
    """
    live: dict[int, Mask] = {}
    for op in graph.ops:
        output = graph.output_of(op)
        mask = _output_mask(graph, op, live)
        if mask is None or output is None or not output.shape:
            continue
        if mask.size == output.shape[-1] and not mask.all():
            live[output.index] = mask
    return live


def _output_mask(graph: Subgraph, op: Op, live: dict[int, Mask]) -> Mask | None:
    if op.kind in _ELEMENTWISE:
        masks = [live.get(index) for index in op.inputs[:2]]
        if len(masks) == 2 and masks[0] is not None and masks[1] is not None:
            return masks[0] | masks[1] if masks[0].size == masks[1].size else None
        return None
    dead = dead_filters(graph, op)
    mask = None if dead is None else ~dead
    passes_on = op.kind in _CHANNELWISE and op.inputs and not _mixes_channels(graph, op)
    before = live.get(op.inputs[0]) if passes_on else None
    if mask is None or before is None:
        return before if mask is None else mask
    # A depthwise op with a multiplier makes several outputs of each input channel, in a row.
    return mask if mask.size % before.size else mask & np.repeat(before, mask.size // before.size)


def _mixes_channels(graph: Subgraph, op: Op) -> bool:
    """Tell a mean over the channels, or over axes known only at run time, from one over space."""
    source, axes = graph.input_of(op, 0), graph.input_of(op, 1)
    if op.kind != "MEAN" or source is None:
        return False
    if axes is None or axes.data is None:
        return True
    return bool(np.isin(axes.data, (-1, len(source.shape) - 1)).any())
