"""Sizes of TFLM's C++ structures on a 32-bit Arm target.

A tensor arena holds structures whose sizes follow from their members: pointers, `int`, `float`
and `size_t` take 4 bytes, `double` and `int64_t` take 8 and are aligned to 8, and an `enum`
takes 1 byte where all its values fit (`-fshort-enums`, the default of `arm-none-eabi-gcc`).
Here each structure is written as its members in order, and its size is computed; no size is
fitted to a measurement. Host builds have 8-byte pointers, so their sizes differ.

It says nothing of which kernel allocates what: see `kernels.py`.

>>> layout("e2ie").size  # enum, two ints, enum: padded to a multiple of 4
16

References
----------
.. [1] Procedure Call Standard for the Arm Architecture (AAPCS32, 2023Q3), sections 5.1
   (fundamental types) and 5.3 (composite types), 8.1.3 (enumerated types).
.. [2] tensorflow/tflite-micro: tensorflow/compiler/mlir/lite/core/c/builtin_op_data.h @ 687f1481
   (parameters of each op), tensorflow/lite/kernels/internal/types.h (`ConvParams` and so on; read
   from its copy tensorflow/lite/micro/kernels/internal/types.h @ 69c19b8b).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "ALLOCATOR_BYTES",
    "ARENA_ALIGNMENT_BYTES",
    "BUILTIN_PARAMS",
    "CONV_PARAMS",
    "EVAL_TENSOR",
    "INTERPRETER_BYTES",
    "NODE_AND_REGISTRATION",
    "POINTER",
    "QUANTIZATION",
    "SUBGRAPH_ALLOCATIONS",
    "TENSOR",
    "Layout",
    "align_up",
    "int_array_bytes",
    "layout",
    "resolver_bytes",
]

_SIZES = {"b": 1, "e": 1, "h": 2, "i": 4, "p": 4, "q": 8}
_MEMBER = re.compile(r"(\d*)([behipq])")

# Alignment of planned buffers and of buffers a kernel keeps.
# tflite-micro: micro_arena_constants.h, MicroArenaBufferAlignment.
ARENA_ALIGNMENT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Layout:
    """Size and alignment of a C structure, bytes."""

    size: int
    align: int


def align_up(size_bytes: int, alignment_bytes: int = ARENA_ALIGNMENT_BYTES) -> int:
    """Return the next multiple of an alignment, bytes."""
    return -(-size_bytes // alignment_bytes) * alignment_bytes


def layout(*members: str | Layout) -> Layout:
    """Lay out a structure.

    Parameters
    ----------
    *members : str or Layout
        In order: a nested structure, or letters with optional counts. ``b`` is a `bool` or an
        8-bit number and ``e`` an `enum` (1 byte each), ``h`` an `int16_t` (2), ``i`` an `int`
        or `float` and ``p`` a pointer or `size_t` (4 each), ``q`` an `int64_t` or `double` (8).

    Returns
    -------
    Layout

    References
    ----------
    AAPCS32, 5.3: members at the next multiple of their alignment, the whole padded to the
    largest alignment of a member.
    """
    offset, largest = 0, 1
    for member in members:
        for size, align, count in _expand(member):
            offset = align_up(offset, align) + size * count
            largest = max(largest, align)
    return Layout(align_up(offset, largest), largest)


def _expand(member: str | Layout) -> list[tuple[int, int, int]]:
    if isinstance(member, Layout):
        return [(member.size, member.align, 1)]
    return [
        (_SIZES[letter], _SIZES[letter], int(count or 1))
        for count, letter in _MEMBER.findall(member)
    ]


POINTER = layout("p")

# --- The interpreter's own structures in the arena.
# References: tflite-micro, micro_allocator.h @ 030427eb (NodeAndRegistration,
# SubgraphAllocations); core/c/common.h with TF_LITE_STATIC_MEMORY (TfLiteNode, TfLiteTensor,
# TfLiteEvalTensor, TfLiteAffineQuantization).

# data, dims, type
EVAL_TENSOR = layout("2pe")
# quantization {type, params}, params {scale, zero_point}, data, dims, bytes, type,
# allocation_type, is_variable
TENSOR = layout(layout("ep"), layout("2i"), "3p2eb")
# node {inputs, outputs, intermediates, user_data, builtin_data, custom_initial_data and its
# size}, registration
NODE_AND_REGISTRATION = layout(layout("6pi"), "p")
# node_and_registrations, tensors
SUBGRAPH_ALLOCATIONS = layout("2p")
# TfLiteAffineQuantization: scale, zero_point, quantized_dimension
QUANTIZATION = layout("2pi")

# Objects at the end of every arena, in order of their creation. A class with virtual functions
# starts with a pointer to its table.
# References: single_arena_buffer_allocator.h (two bases; five pointers, check sum, count),
# memory_planner/greedy_memory_planner.h @ 5e65f820, micro_allocator.h @ 030427eb,
# micro_allocator.cc @ 190593be (MicroBuiltinDataAllocator).
ALLOCATOR_BYTES = (
    layout("9p").size,  # SingleArenaBufferAllocator
    layout("p2i4p2ipb").size,  # GreedyMemoryPlanner
    layout("5pb3p").size,  # MicroAllocator
    layout("2p").size,  # MicroBuiltinDataAllocator
)

# sizeof(MicroInterpreter), a static object beside the arena: measured, not derived.
# Source: TinyGauge emulation study 2026-11-22, code size tables, row gt_interp_mem: 208 bytes
# on every core, TFLM 90b983c2b.
INTERPRETER_BYTES = 208


def resolver_bytes(kinds: int) -> int:
    """Return ``sizeof(MicroMutableOpResolver<kinds>)``, bytes.

    References
    ----------
    tflite-micro, micro_mutable_op_resolver.h: a table pointer and two counts, and for each op a
    registration (init, free, prepare, invoke, reset, builtin code, name), a builtin code and a
    parser. With 16 ops that is 588 bytes, as measured (TinyGauge emulation study 2026-11-22,
    code size tables, row gt_resolver_mem_16ops).
    """
    return layout("3p").size + kinds * layout("5pip", "ip").size


def int_array_bytes(entries: int) -> int:
    """Return the bytes of a TfLiteIntArray: its length, then its entries."""
    return layout("i").size * (1 + entries)


# --- Parameters that the flatbuffer parser stores per op; ops not listed store none.
# References: [2], and which parser allocates: tflite-micro,
# tensorflow/lite/core/api/flatbuffer_conversions.cc (Parse* functions).
_POOL = layout("e4ie", layout("4i"))
_REDUCER = layout("b")

BUILTIN_PARAMS: dict[str, Layout] = {
    "ADD": layout("eb"),
    "ARG_MAX": layout("e"),
    "ARG_MIN": layout("e"),
    "AVERAGE_POOL_2D": _POOL,
    "BATCH_MATMUL": layout("3b"),
    "CALL_ONCE": layout("i"),
    "CAST": layout("2e"),
    "CONCATENATION": layout("ie"),
    "CONV_2D": layout("e2ie2ie"),
    "CUMSUM": layout("2b"),
    "DEPTHWISE_CONV_2D": layout("e3ie2i"),
    "DEPTH_TO_SPACE": layout("i"),
    "DIV": layout("e"),
    "FULLY_CONNECTED": layout("2e2be"),
    "GATHER": layout("2i"),
    "IF": layout("2i"),
    "L2_NORMALIZATION": layout("e"),
    "L2_POOL_2D": _POOL,
    "LEAKY_RELU": layout("i"),
    "MAX_POOL_2D": _POOL,
    "MEAN": _REDUCER,
    "MIRROR_PAD": layout("e"),
    "MUL": layout("e"),
    "PACK": layout("2i"),
    "REDUCE_MAX": _REDUCER,
    "REDUCE_MIN": _REDUCER,
    "RESHAPE": layout("9i"),
    "RESIZE_BILINEAR": layout("2b"),
    "RESIZE_NEAREST_NEIGHBOR": layout("2b"),
    "SHAPE": layout("e"),
    "SOFTMAX": layout("i"),
    "SPACE_TO_DEPTH": layout("i"),
    "SPLIT": layout("i"),
    "SPLIT_V": layout("i"),
    "SQUEEZE": layout("9i"),
    "STRIDED_SLICE": layout("5ib"),
    "SUB": layout("eb"),
    "SUM": _REDUCER,
    "SVDF": layout("ieb"),
    "TRANSPOSE_CONV": layout("e2i2e"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": layout("e2i3b"),
    "UNPACK": layout("2i"),
    "VAR_HANDLE": layout("2p"),
    "WHILE": layout("2i"),
}

# internal/types.h, ConvParams: padding type, four int16 of padding, four of stride and dilation,
# nine words.
CONV_PARAMS = layout("b8h9i")
