"""Sizes of the op data that TFLM's kernels allocate in `Init`, where they depend on nothing else.

References
----------
.. [1] tensorflow/tflite-micro, tensorflow/lite/micro/kernels/: file and commit at each line;
   "types.h" is internal/types.h @ 69c19b8b.
"""

from __future__ import annotations

from tinygauge.memory.structs import Layout, layout

__all__ = [
    "CONV",
    "FULLY_CONNECTED",
    "LSTM",
    "MEASURED",
    "POOLING",
    "REDUCE",
    "SOFTMAX",
    "UNMEASURED",
    "UNMEASURED_WITHOUT_OP_DATA",
]

_NONE = layout()

# Op data of kernels whose other needs depend on shapes and types: see `kernels.py`.
CONV = layout("9i2p3i2c")  # conv.h @ 0cc6f983, OpDataConv
FULLY_CONNECTED = layout("9i2pb2c")  # fully_connected.h @ 00af3da3
POOLING = layout("8i")  # pooling.h @ 2555bc2d
SOFTMAX = layout("d7i5p")  # types.h, SoftmaxParams
REDUCE = layout("11i")  # reduce.h, OpDataReduce with three scratch indices and num_axis

_PAD = layout(layout("b5ib5ib"), "i")  # pad.h: PadParams and a zero point
_COMPARISON = layout("7ib")  # comparisons.h @ ceb4e0e5, ComparisonParams
_ELEMENTWISE = layout("4ib2e")  # elementwise.cc @ 0ad70939, OpDataAbsRsqrt
_ARITHMETIC_PARAMS = layout("b13i2q2h6i")  # types.h, ArithmeticParams with six broadcast dimensions
_FULLY_CONNECTED_PARAMS = layout("9i3b")  # types.h

LSTM = layout(  # lstm_shared.h @ 0cc6f983, OpDataLSTM
    layout("b4i"),
    layout("ihi"),
    "e",
    *[_FULLY_CONNECTED_PARAMS] * 8,
    *[_ARITHMETIC_PARAMS] * 3,
    "4i",
)

# Kinds for which arenas measured on emulated cores agree with the sizes to the byte (MINIMUM and
# PADV2 run the code of MAXIMUM and PAD).
MEASURED: dict[str, Layout] = {
    "ADD": layout("b14i"),  # add.h @ 0cc6f983
    "CONCATENATION": layout("i2p3i10c"),  # types.h, ConcatenationParams
    "DEQUANTIZE": layout(layout("di"), "3i"),  # dequantize.h @ 07fe78d5
    "HARD_SWISH": layout("3hihi"),  # types.h, HardSwishParams
    "LEAKY_RELU": layout("6i"),  # leaky_relu.h @ 0cc6f983
    "LOGISTIC": layout("4i"),  # logistic.h @ 6add2715
    "MAXIMUM": _NONE,
    "MINIMUM": _NONE,
    "MUL": layout("9i"),  # mul.h @ 0cc6f983
    "NEG": _NONE,
    "PAD": _PAD,  # pad_common.cc @ 0cc6f983
    "PADV2": _PAD,
    "QUANTIZE": layout(layout("id"), "3i"),  # quantize.h @ 670c2ff0
    "RELU": layout(layout("b6i")),  # activations.h @ 18d1247b, ReluParams
    "RELU6": layout("2i"),  # activations.h, Relu6OpData: two words since it serves int16, too
    "RESIZE_BILINEAR": _NONE,  # resize_bilinear.cc @ 46f3213e
    "RESIZE_NEAREST_NEIGHBOR": _NONE,
    "STRIDED_SLICE": layout("b5ib5ib5i5hb"),  # types.h, StridedSliceParams
    "SUB": layout("b12i"),  # sub.h @ 0cc6f983
    "TANH": layout("4i"),  # tanh.cc @ 1178d742
    "TRANSPOSE": _NONE,  # transpose_common.cc @ 0cc6f983
}

# Kinds read from the source alone.
UNMEASURED: dict[str, Layout] = {
    "CUSTOM:CIRCULAR_BUFFER": layout("2i"),  # circular_buffer.h, cycles until run and at most
    "ABS": _ELEMENTWISE,
    "DIV": layout("7i"),  # div.cc, OpDataDiv
    "ELU": layout("256b"),  # elu.cc @ 0cc6f983, a table of 256 entries
    "EQUAL": _COMPARISON,
    "GREATER": _COMPARISON,
    "GREATER_EQUAL": _COMPARISON,
    "L2_NORMALIZATION": layout("i"),  # l2norm.cc @ 0b7d9af9
    "LESS": _COMPARISON,
    "LESS_EQUAL": _COMPARISON,
    "NOT_EQUAL": _COMPARISON,
    "PRELU": layout("7i"),  # types.h, PreluParams
    "RSQRT": _ELEMENTWISE,
    "SELECT_V2": layout("b"),  # select.cc
    "SPACE_TO_BATCH_ND": layout("i"),  # space_to_batch_nd.cc @ 20e98e04, SpaceToBatchParams
    "SQUARED_DIFFERENCE": layout("b", _ARITHMETIC_PARAMS),  # squared_difference.cc @ 0cc6f983
}

UNMEASURED_WITHOUT_OP_DATA = frozenset(
    (
        "ARG_MAX",
        "ARG_MIN",
        "BATCH_TO_SPACE_ND",
        "BROADCAST_ARGS",
        "BROADCAST_TO",
        "CAST",
        "CEIL",
        "COS",
        "EXP",
        "EXPAND_DIMS",
        "FILL",
        "FLOOR",
        "FLOOR_DIV",
        "FLOOR_MOD",
        "LOG",
        "LOGICAL_AND",
        "LOGICAL_NOT",
        "LOGICAL_OR",
        "PACK",
        "REVERSE_V2",
        "ROUND",
        "SHAPE",
        "SIN",
        "SLICE",
        "SPLIT",
        "SPLIT_V",
        "SQRT",
        "SQUARE",
        "SQUEEZE",
        "UNPACK",
        "ZEROS_LIKE",
    )
)
