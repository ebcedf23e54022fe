"""What an op's `Prepare` takes from the arena for a while: descriptions of its tensors.

A kernel that prepares asks for a `TfLiteTensor` of each tensor it looks at, with a copy of the
zero points where the tensor is quantised. Nothing is given back before the kernel is done, and
what a kernel keeps is taken from the other end meanwhile; so wide ops that are quantised per
channel can need more to prepare than the whole model needs to run.

Most kernels look at each of their inputs and outputs once, before they keep anything; those that
do not are listed.

>>> from tinygauge.memory.structs import ARM32
>>> from tinygauge.graph.types import DType, Quantization, Tensor
>>> per_channel = Quantization(scale=(0.1,) * 640, zero_point=(0,) * 640)
>>> weights = Tensor(index=0, name="w", shape=(640, 128), dtype=DType.INT8,
...                  quantization=per_channel)
>>> tensor_bytes(weights, ARM32)
2608

References
----------
.. [1] tensorflow/tflite-micro, tensorflow/lite/micro/: micro_allocator.cc @ 190593be
   (AllocateTempTfLiteTensor, InitializeTfLiteTensorFromFlatbuffer, FinishPrepareNodeAllocations),
   arena_allocator/single_arena_buffer_allocator.cc @ 25b10cd2 (AllocateTemp, DeallocateTemp:
   giving back only counts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from tinygauge.graph.types import DType, Op, Subgraph, Tensor
from tinygauge.memory.structs import POINTER, QUANTIZATION, TENSOR, Abi, align_up, int_array_bytes

__all__ = ["Looks", "looks", "tensor_bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Temporary bytes of one op's `Prepare`.

    Parameters
    ----------
    before_bytes : int
        Taken before anything is kept.
    after_bytes : int
        Taken on top, after all that is kept.
    spare_bytes : int
        Of `before_bytes`, those at its end that what is kept may overwrite, since nobody reads
        them any more: the quantised dimension and the zero points of the tensor looked at last.
    unsure_bytes : int
        What may come on top for a kind whose kernel was not checked: each tensor once more.
    """

    before_bytes: int
    after_bytes: int
    spare_bytes: int
    unsure_bytes: int


# Kinds for which the smallest arena was measured on a target, or found by bisection with TFLM's
# Python package (0.dev20261023182759), for int8 and float32 where they run both.
_CHECKED = frozenset(
    (
        "ABS", "ADD", "ADD_N", "ARG_MAX", "AVERAGE_POOL_2D", "BATCH_TO_SPACE_ND", "BROADCAST_TO",
        "CAST", "CEIL", "CONCATENATION", "CONV_2D", "COS", "CUMSUM", "DEPTHWISE_CONV_2D",
        "DEPTH_TO_SPACE", "DEQUANTIZE", "DIV", "ELU", "EQUAL", "EXP", "EXPAND_DIMS", "FILL",
        "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "FULLY_CONNECTED", "GATHER", "GREATER",
        "GREATER_EQUAL", "HARD_SWISH", "L2_NORMALIZATION", "L2_POOL_2D", "LEAKY_RELU", "LESS",
        "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGICAL_NOT", "LOGISTIC", "LOG_SOFTMAX",
        "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MIRROR_PAD", "MUL", "NEG", "NOT_EQUAL",
        "PACK", "PAD", "PRELU", "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6",
        "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "ROUND",
        "RSQRT", "SELECT_V2", "SHAPE", "SIN", "SLICE", "SOFTMAX", "SPACE_TO_BATCH_ND",
        "SPACE_TO_DEPTH", "SPLIT", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SQUEEZE",
        "STRIDED_SLICE", "SUB", "SUM", "TANH", "TRANSPOSE", "TRANSPOSE_CONV", "UNPACK",
        "ZEROS_LIKE",
    )
)  # fmt: skip


@cache
def _sizes(abi: Abi) -> tuple[int, int, int]:
    """Bytes of a tensor's structure, of its quantisation, and of a pointer."""
    return TENSOR.on(abi).size, QUANTIZATION.on(abi).size, POINTER.on(abi).size


def tensor_bytes(tensor: Tensor, abi: Abi) -> int:
    """Return the bytes of a described tensor: the structure and, if quantised, its zero points.

    References
    ----------
    [1] InitializeTfLiteTensorFromFlatbuffer.
    """
    structure, quantization, pointer = _sizes(abi)
    if tensor.quantization is None:
        return structure
    zero_points = int_array_bytes(len(tensor.quantization.scale))
    return align_up(structure + quantization + zero_points, pointer)


def _unread_bytes(tensor: Tensor, abi: Abi) -> int:
    # Giving back reads the two pointers of the quantisation, nothing behind them.
    if tensor.quantization is None:
        return 0
    structure, _, pointer = _sizes(abi)
    return tensor_bytes(tensor, abi) - structure - 2 * pointer


def looks(graph: Subgraph, op: Op, abi: Abi) -> Looks:
    """Return what an op takes for a while when it prepares.

    Parameters
    ----------
    graph : Subgraph
    op : Op
    abi : Abi

    Returns
    -------
    Looks

    References
    ----------
    [1], and tensorflow/lite/micro/kernels/: conv_common.cc @ 28e6530b, cmsis_nn/conv.cc,
    depthwise_conv_common.cc @ 340fcba7 (input, filter and output, then all four again);
    transpose_conv.cc @ 0f3533d9 (the same, where quantised); tanh.cc @ 1178d742 (the input
    twice); concatenation.cc @ 06118a8f (the first input and the output, then all inputs);
    reduce_common.cc (`PrepareSimple` besides); reshape_common.cc @ 0cc6f983 (not the shape);
    fully_connected.cc @ 26a153e7 and others (each once).
    """
    inputs = [graph.tensor(index) for index in op.inputs]
    outputs = [graph.tensor(index) for index in op.outputs]
    once, again = _order(op.kind, inputs, outputs)
    before = _total(once, abi)
    last = [tensor for tensor in once if tensor is not None][-1:]
    return Looks(
        before_bytes=before,
        after_bytes=_total(again, abi),
        spare_bytes=_unread_bytes(last[0], abi) if last else 0,
        unsure_bytes=0 if op.kind in _CHECKED else max(before, _total([*inputs, *outputs], abi)),
    )


_Tensors = list[Tensor | None]
_Order = tuple[_Tensors, _Tensors]


def _twice(inputs: _Tensors, outputs: _Tensors) -> _Order:
    return [*inputs[:2], *outputs], [*inputs, *outputs]


def _transpose_conv(inputs: _Tensors, outputs: _Tensors) -> _Order:
    again = [] if _is(inputs[2], DType.FLOAT32) else [*inputs[1:], *outputs]
    return [*inputs[1:3], *outputs], again


def _reduction(inputs: _Tensors, outputs: _Tensors) -> _Order:
    simple = [*inputs, *outputs] if _is(inputs[0], DType.INT8) else inputs
    return [*simple, *inputs, *outputs], []


def _first_twice(inputs: _Tensors, outputs: _Tensors) -> _Order:
    return [*inputs[:1], *outputs, *inputs], []


def _first(inputs: _Tensors, outputs: _Tensors) -> _Order:
    return [*inputs[:1], *outputs], []


def _inputs(inputs: _Tensors, outputs: _Tensors) -> _Order:  # noqa: ARG001
    return inputs, []


def _none(inputs: _Tensors, outputs: _Tensors) -> _Order:  # noqa: ARG001
    return [], []


# Kinds whose kernels do not look at each tensor once: what they look at before they keep
# something, and after.
_ORDERS: dict[str, Callable[[_Tensors, _Tensors], _Order]] = {
    "CONCATENATION": _first_twice,
    "CONV_2D": _twice,
    "DEPTHWISE_CONV_2D": _twice,
    "TANH": _first_twice,
    "TRANSPOSE_CONV": _transpose_conv,
    **dict.fromkeys(("MEAN", "REDUCE_MAX", "REDUCE_MIN", "SUM"), _reduction),
    **dict.fromkeys(("BATCH_TO_SPACE_ND", "RESHAPE", "SPACE_TO_BATCH_ND"), _first),
    **dict.fromkeys(
        ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL", "RELU6"), _inputs
    ),
    **dict.fromkeys(
        ("ARG_MAX", "FLOOR", "MAXIMUM", "MINIMUM", "NEG", "PACK", "SPLIT", "UNPACK"), _none
    ),
}


def _order(kind: str, inputs: _Tensors, outputs: _Tensors) -> _Order:
    order = _ORDERS.get(kind)
    return ([*inputs, *outputs], []) if order is None else order(inputs, outputs)


def _is(tensor: Tensor | None, dtype: DType) -> bool:
    return tensor is not None and tensor.dtype is dtype


def _total(tensors: Iterable[Tensor | None], abi: Abi) -> int:
    return sum(tensor_bytes(tensor, abi) for tensor in tensors if tensor is not None)
