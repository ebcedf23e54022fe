"""Which op is lowered by what."""

from __future__ import annotations

from tinygauge.exact.lowering import activations, arithmetic, convolution, recurrent, shapes
from tinygauge.exact.lowering.scope import Lower, Scope
from tinygauge.exact.steps import Step
from tinygauge.graph import Model

__all__ = ["LOWER", "lower_ops"]

LOWER: dict[str, Lower] = {
    "ADD": arithmetic.add,
    "ARG_MAX": arithmetic.arg_extremum,
    "ARG_MIN": arithmetic.arg_extremum,
    "AVERAGE_POOL_2D": convolution.pool_2d,
    "CONCATENATION": shapes.concatenation,
    "CONV_2D": convolution.conv_2d,
    "DEPTHWISE_CONV_2D": convolution.depthwise_conv_2d,
    "DEQUANTIZE": arithmetic.dequantize,
    "EXPAND_DIMS": shapes.reshape,
    "FULLY_CONNECTED": convolution.fully_connected,
    "GATHER": shapes.gather,
    "HARD_SWISH": activations.hard_swish,
    "LEAKY_RELU": activations.leaky_relu,
    "LOGISTIC": activations.curve,
    "MAXIMUM": arithmetic.extremum,
    "MAX_POOL_2D": convolution.pool_2d,
    "MEAN": arithmetic.reduce,
    "MINIMUM": arithmetic.extremum,
    "MIRROR_PAD": shapes.mirror_pad,
    "MUL": arithmetic.multiply,
    "PACK": shapes.pack,
    "PAD": shapes.pad,
    "PADV2": shapes.pad,
    "QUANTIZE": arithmetic.quantize,
    "REDUCE_MAX": arithmetic.reduce,
    "REDUCE_MIN": arithmetic.reduce,
    "RELU": activations.relu,
    "RELU6": activations.relu6,
    "RESHAPE": shapes.reshape,
    "RESIZE_NEAREST_NEIGHBOR": shapes.resize_nearest,
    "SLICE": shapes.slice_,
    "SOFTMAX": activations.softmax,
    "SPLIT": shapes.split,
    "SPLIT_V": shapes.split_v,
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
