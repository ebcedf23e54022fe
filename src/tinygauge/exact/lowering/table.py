"""Which op is lowered by what."""

from __future__ import annotations

from tinygauge.exact.lowering import (
    activations,
    arithmetic,
    blocks,
    convolution,
    images,
    pairs,
    recurrent,
    reductions,
    shapes,
)
from tinygauge.exact.lowering.scope import Lower, Scope
from tinygauge.exact.scales import Rounding
from tinygauge.exact.steps import Step
from tinygauge.graph import DType, Model, Op

__all__ = ["LOWER", "lower_ops"]

LOWER: dict[str, Lower] = {
    "ABS": activations.absolute,
    "ADD": arithmetic.add,
    "ADD_N": pairs.add_many,
    "ARG_MAX": reductions.arg_extremum,
    "ARG_MIN": reductions.arg_extremum,
    "AVERAGE_POOL_2D": convolution.pool_2d,
    "BATCH_MATMUL": pairs.batch_matmul,
    "BATCH_TO_SPACE_ND": blocks.batch_to_space,
    "BROADCAST_TO": blocks.broadcast_to,
    "CAST": arithmetic.cast,
    "CONCATENATION": shapes.concatenation,
    "CONV_2D": convolution.conv_2d,
    "DEPTHWISE_CONV_2D": convolution.depthwise_conv_2d,
    "DEPTH_TO_SPACE": blocks.depth_to_space,
    "DEQUANTIZE": arithmetic.dequantize,
    "ELU": activations.elu,
    "EMBEDDING_LOOKUP": shapes.embedding_lookup,
    "EQUAL": pairs.compare,
    "EXPAND_DIMS": shapes.reshape,
    "FILL": blocks.fill,
    "FULLY_CONNECTED": convolution.fully_connected,
    "GATHER": shapes.gather,
    "GATHER_ND": blocks.gather_nd,
    "GREATER": pairs.compare,
    "GREATER_EQUAL": pairs.compare,
    "HARD_SWISH": activations.hard_swish,
    "L2_NORMALIZATION": pairs.normalize,
    "LEAKY_RELU": activations.leaky_relu,
    "LESS": pairs.compare,
    "LESS_EQUAL": pairs.compare,
    "LOGISTIC": activations.curve,
    "MAXIMUM": arithmetic.extremum,
    "MAX_POOL_2D": convolution.pool_2d,
    "MEAN": reductions.reduce,
    "MINIMUM": arithmetic.extremum,
    "MIRROR_PAD": shapes.mirror_pad,
    "MUL": arithmetic.multiply,
    "NEG": arithmetic.negate,
    "NOT_EQUAL": pairs.compare,
    "PACK": shapes.pack,
    "PAD": shapes.pad,
    "PADV2": shapes.pad,
    "PRELU": pairs.prelu,
    "QUANTIZE": arithmetic.quantize,
    "REDUCE_MAX": reductions.reduce,
    "REDUCE_MIN": reductions.reduce,
    "RELU": activations.relu,
    "RELU6": activations.relu6,
    "RESHAPE": shapes.reshape,
    "RESIZE_BILINEAR": images.resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": shapes.resize_nearest,
    "REVERSE_V2": blocks.reverse,
    "RSQRT": activations.inverse_root,
    "SELECT_V2": pairs.select,
    "SHAPE": blocks.shape_of,
    "SLICE": shapes.slice_,
    "SOFTMAX": activations.softmax,
    "SPACE_TO_BATCH_ND": blocks.space_to_batch,
    "SPACE_TO_DEPTH": blocks.space_to_depth,
    "SPLIT": shapes.split,
    "SPLIT_V": shapes.split_v,
    "SQUARED_DIFFERENCE": pairs.squared_difference,
    "SQUEEZE": shapes.reshape,
    "STRIDED_SLICE": shapes.strided_slice,
    "SUB": arithmetic.add,
    "SUM": reductions.reduce,
    "SVDF": recurrent.svdf,
    "TANH": activations.curve,
    "TRANSPOSE": shapes.transpose,
    "TRANSPOSE_CONV": convolution.transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": recurrent.lstm,
    "UNPACK": shapes.unpack,
}


# Ops that were compared with tflite-micro alone, and types that LiteRT was not asked for.
_UNPROVEN = frozenset(
    {
        "ABS", "ADD_N", "BATCH_MATMUL", "ELU", "EQUAL", "GREATER", "GREATER_EQUAL",
        "L2_NORMALIZATION", "LESS", "LESS_EQUAL", "NOT_EQUAL", "PRELU", "RESIZE_BILINEAR",
        "RSQRT", "SQUARED_DIFFERENCE", "SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM",
    }
)  # fmt: skip


def _unproven(model: Model, op: Op, rounding: Rounding) -> str:
    """Say why an op is not known to be what LiteRT computes; nothing if it is."""
    if rounding is Rounding.TWO:
        return ""
    if op.kind in _UNPROVEN:
        return f"profile {rounding} is not known for it"
    tensors = (model.main.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0)
    if any(tensor.dtype is DType.UINT8 for tensor in tensors):
        return f"profile {rounding} is not known for uint8"
    return ""


def lower_ops(model: Model, rounding: Rounding = Rounding.TWO) -> tuple[Step, ...]:
    """Lower every op of a model's main subgraph.

    Parameters
    ----------
    model : Model
    rounding : Rounding
        The profile.

    Returns
    -------
    tuple of Step
        In execution order.

    Raises
    ------
    UnsupportedOpError
        If an op is none of `LOWER`, or one of its numbers is refused.
    """
    scope = Scope(model, rounding)
    steps: list[Step] = []
    for op in model.main.ops:
        if op.kind not in LOWER:
            raise scope.refuse(op, "this op is not among those evaluated exactly")
        why = _unproven(model, op, rounding)
        scope.require(op, not why, why)
        steps.append(LOWER[op.kind](scope, op))
    return tuple(steps)
