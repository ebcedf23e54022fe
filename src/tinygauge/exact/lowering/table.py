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
    shapes,
)
from tinygauge.exact.lowering.scope import Lower, Scope
from tinygauge.exact.steps import Step
from tinygauge.graph import Model

__all__ = ["LOWER", "lower_ops"]

LOWER: dict[str, Lower] = {
    "ABS": activations.absolute,
    "ADD": arithmetic.add,
    "ADD_N": pairs.add_many,
    "ARG_MAX": arithmetic.arg_extremum,
    "ARG_MIN": arithmetic.arg_extremum,
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
    "MEAN": arithmetic.reduce,
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
    "REDUCE_MAX": arithmetic.reduce,
    "REDUCE_MIN": arithmetic.reduce,
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
    "SUM": arithmetic.reduce,
    "SVDF": recurrent.svdf,
    "TANH": activations.curve,
    "TRANSPOSE": shapes.transpose,
    "TRANSPOSE_CONV": convolution.transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": recurrent.lstm,
    "UNPACK": shapes.unpack,
}


def lower_ops(model: Model) -> tuple[Step, ...]:
    """Lower every op of a model's main subgraph.

    Parameters
    ----------
    model : Model

    Returns
    -------
    tuple of Step
        In execution order.

    Raises
    ------
    UnsupportedOpError
        If an op is none of `LOWER`, or one of its numbers is refused.
    """
    scope = Scope(model)
    steps: list[Step] = []
    for op in model.main.ops:
        if op.kind not in LOWER:
            raise scope.refuse(op, "this op is not among those evaluated exactly")
        steps.append(LOWER[op.kind](scope, op))
    return tuple(steps)
