"""Sizes of TFLM's C++ structures on a 32-bit Arm target.

A tensor arena holds structures whose sizes follow from their members: pointers, `int`, `float`
and `size_t` take 4 bytes, `double` and `int64_t` take 8 and are aligned to 8, and an `enum`
takes 1 byte where all its values fit (`-fshort-enums`, the default of `arm-none-eabi-gcc`).
Here each structure is written as its members in order, and its size is computed; no size is
fitted to a measurement. Host builds have 8-byte pointers, so their sizes differ.

It says nothing of which kernel allocates what: see `kernels.py`.

>>> layout("e2ie").on().size  # enum, two ints, enum: padded to a multiple of 4
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
from functools import cache

__all__ = [
    "ALLOCATION_INFO",
    "ALLOCATORS",
    "ARENA_ALIGNMENT_BYTES",
    "ARM32",
    "BUILTIN_PARAMS",
    "CONV_PARAMS",
    "EVAL_TENSOR",
    "HOST",
    "INTERPRETER_BYTES",
    "NODE_AND_REGISTRATION",
    "PLANNER_BYTES_PER_BUFFER",
    "POINTER",
    "QUANTIZATION",
    "RX",
    "SCRATCH_REQUEST",
    "SUBGRAPH_ALLOCATIONS",
    "TENSOR",
    "Abi",
    "Layout",
    "Size",
    "align_up",
    "int_array_bytes",
    "layout",
    "resolver_bytes",
]

_MEMBER = re.compile(r"(\d*)([bcdehipqw])")

# Alignment of planned buffers and of buffers a kernel keeps.
# tflite-micro: micro_arena_constants.h, MicroArenaBufferAlignment.
ARENA_ALIGNMENT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Abi:
    """How a compiler lays out what the others lay out alike, bytes.

    Parameters
    ----------
    pointer, enum, double : int
        Sizes.
    widest_alignment : int
        What no member's alignment exceeds.
    has_compression : bool
        Whether TFLM was compiled to run compressed models, as its Python package is: some
        structures then hold more.
    more_objects_bytes : int
        What the interpreter's own objects take beside `ALLOCATORS`.
    """

    pointer: int = 4
    enum: int = 1
    double: int = 8
    widest_alignment: int = 8
    has_compression: bool = False
    more_objects_bytes: int = 0


ARM32 = Abi()
# GCC for RX: enums are ints, `double` has 4 bytes unless -m64bit-doubles, and nothing is
# aligned to more than 4 (gcc/config/rx/rx.h, BIGGEST_ALIGNMENT).
RX = Abi(enum=4, double=4, widest_alignment=4)
# x86-64 (System V ABI), with the options of TFLM's Python package. Its allocator records what it
# allocates, and tables of compressed tensors come on top: 240 bytes make the tail that it prints
# agree (0.dev20261023182759).
HOST = Abi(pointer=8, enum=4, has_compression=True, more_objects_bytes=240)


@dataclass(frozen=True, slots=True)
class Size:
    """Size and alignment of a structure, bytes."""

    size: int
    align: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The members of a C structure, in order: nested structures, or letters with counts."""

    members: tuple[str | Layout, ...]

    def on(self, abi: Abi = ARM32) -> Size:
        """Return size and alignment under an ABI."""
        return _measure(self, abi)


def align_up(size_bytes: int, alignment_bytes: int = ARENA_ALIGNMENT_BYTES) -> int:
    """Return the next multiple of an alignment, bytes."""
    return -(-size_bytes // alignment_bytes) * alignment_bytes


def layout(*members: str | Layout) -> Layout:
    """Lay out a structure.

    Parameters
    ----------
    *members : str or Layout
        In order: a nested structure, or letters with optional counts. ``b`` is a `bool` or an
        8-bit number (1 byte), ``e`` an `enum`, ``h`` an `int16_t` (2), ``i`` an `int` or `float`
        (4), ``q`` an `int64_t` (8), ``d`` a `double`, ``p`` a pointer or `size_t`; those without
        a number here have the size that the ABI gives them. ``c`` is an `int` and ``w`` a
        pointer that are there only in builds that run compressed models.

    Returns
    -------
    Layout

    References
    ----------
    AAPCS32, 5.3: members at the next multiple of their alignment, the whole padded to the
    largest alignment of a member.
    """
    return Layout(members)


@cache
def _measure(structure: Layout, abi: Abi) -> Size:
    offset, largest = 0, 1
    for member in structure.members:
        for size, align, count in _expand(member, abi):
            offset = align_up(offset, align) + size * count
            largest = max(largest, align)
    return Size(align_up(offset, largest), largest)


def _expand(member: str | Layout, abi: Abi) -> list[tuple[int, int, int]]:
    if isinstance(member, Layout):
        nested = member.on(abi)
        return [(nested.size, nested.align, 1)]
    sizes = {"b": 1, "h": 2, "i": 4, "q": 8, "d": abi.double, "e": abi.enum, "p": abi.pointer}
    if abi.has_compression:
        sizes |= {"c": 4, "w": abi.pointer}
    return [
        (sizes[letter], min(sizes[letter], abi.widest_alignment), int(count or 1))
        for count, letter in _MEMBER.findall(member)
        if letter in sizes
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
ALLOCATORS = (
    layout("9p"),  # SingleArenaBufferAllocator
    layout("p2i4p2ipb"),  # GreedyMemoryPlanner
    layout("5pb3p"),  # MicroAllocator
    layout("2p"),  # MicroBuiltinDataAllocator
)

# What lies at the arena's start while TFLM prepares and plans, in arrays.
# References: micro_allocator.h, ScratchBufferRequest {bytes, node_idx, subgraph_idx};
# micro_allocation_info.h @ 19a6fbd2, AllocationInfo {bytes, output_ptr, first_created, last_used,
# offline_offset, needs_allocating}; greedy_memory_planner.h @ 5e65f820, per_buffer_size (ten ints).
SCRATCH_REQUEST = layout("p2i")
ALLOCATION_INFO = layout("2p3ib")
PLANNER_BYTES_PER_BUFFER = 40

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
    return layout("3p").on().size + kinds * layout("5pip", "ip").on().size


def int_array_bytes(entries: int) -> int:
    """Return the bytes of a TfLiteIntArray: its length, then its entries."""
    return 4 * (1 + entries)


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
    # The last two are inferred from the tail that TFLM's Python package prints.
    "FULLY_CONNECTED": layout("2e2be2w"),
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
