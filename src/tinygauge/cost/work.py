"""Which terms make up an op's instructions: loops, taps, copies, requantisation.

An op's executed instructions are a sum of terms, each a count that follows from its shape
(such as blocks of four products, or taps copied into a patch) times a coefficient fitted per
core (see `table.py`). This module holds the structure: which kernel an engine's dispatch picks
for an op, and which loops that kernel runs. It holds no fitted number.

>>> from tinygauge.cost.features import OpFeatures
>>> dense = OpFeatures(kind="FULLY_CONNECTED", dtype="int8", in_c=37, out_c=10, out_elements=10)
>>> path(dense, "cmsis-nn")
'FULLY_CONNECTED/int8'
>>> terms(dense, "cmsis-nn")["quads"]
10

References
----------
Dispatch and loops as in ARM-software/CMSIS-NN, Source/ConvolutionFunctions
(arm_convolve_wrapper_s8.c, arm_convolve_s8.c, arm_depthwise_conv_wrapper_s8.c,
arm_depthwise_conv_s8_opt.c), Source/NNSupportFunctions (arm_nn_mat_mult_nt_t_s8.c,
arm_nn_vec_mat_mult_t_s8.c); reference kernels as in tensorflow/tflite-micro,
tensorflow/lite/kernels/internal/reference (conv.h, integer_ops/conv.h, depthwiseconv_float.h).
"""

from __future__ import annotations

from collections.abc import Callable

from tinygauge.cost.features import OpFeatures

__all__ = ["KERNELS", "fallback", "op_class", "path", "terms"]

KERNELS = ("reference", "cmsis-nn")
"""Kernel libraries whose loops are known here."""

Terms = dict[str, int]

_CLASSES = {
    "CONV_2D": "conv",
    "TRANSPOSE_CONV": "conv",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "dense",
    "BATCH_MATMUL": "dense",
    "SVDF": "dense",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "dense",
    "LOGISTIC": "curve",
    "TANH": "curve",
    "ELU": "curve",
    "EXP": "curve",
}


def op_class(op: OpFeatures) -> str:
    """Name the class of op that shares a cost per instruction.

    Parameters
    ----------
    op : OpFeatures

    Returns
    -------
    str
        ``"conv"``, ``"depthwise"``, ``"dense"``, ``"curve"`` or ``"other"``.
    """
    return _CLASSES.get(op.kind, "other")


# Ops that copy elements and compute nothing.
_MOVES = frozenset(
    {
        "BATCH_TO_SPACE_ND",
        "BROADCAST_TO",
        "CONCATENATION",
        "DEPTH_TO_SPACE",
        "EXPAND_DIMS",
        "GATHER",
        "GATHER_ND",
        "MIRROR_PAD",
        "PACK",
        "PAD",
        "PADV2",
        "RESHAPE",
        "RESIZE_NEAREST_NEIGHBOR",
        "SLICE",
        "SPACE_TO_BATCH_ND",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SPLIT_V",
        "SQUEEZE",
        "STRIDED_SLICE",
        "TILE",
        "TRANSPOSE",
        "UNPACK",
    }
)


def _optimised(op: OpFeatures, kernels: str) -> bool:
    """Tell whether CMSIS-NN has a kernel for the type; floats run the reference kernels."""
    return kernels == "cmsis-nn" and op.dtype in ("int8", "int16")


def _variant(op: OpFeatures, kernels: str) -> str:
    """Name the kernel that the dispatch picks among those for one kind of op; often empty."""
    if op.kind == "FULLY_CONNECTED":
        return "per-channel" if op.per_channel else ""
    if op.dtype != "int8" or not _optimised(op, kernels):
        return ""
    if op.kind == "CONV_2D":
        unpadded = "pointwise" if op.taps == 1 and not op.padded else ""
        return "grouped" if op.groups > 1 else unpadded
    if op.kind == "DEPTHWISE_CONV_2D":
        if op.in_c == op.out_c and op.batch == 1 and op.dilation == 1:
            return "3x3" if (op.k_h, op.k_w) == (3, 3) else "unit"
        return "four" if op.out_c // op.in_c % 4 == 0 else ""
    return ""


def path(op: OpFeatures, kernels: str) -> str:
    """Name the code that runs an op: ops of one path share coefficients.

    Parameters
    ----------
    op : OpFeatures
    kernels : str
        One of `KERNELS`.

    Returns
    -------
    str
        Such as ``"CONV_2D/int8/pointwise"``.
    """
    name = f"{op.kind}/{op.dtype}"
    if op.kind in ("QUANTIZE", "DEQUANTIZE", "CAST"):
        name += f"-{op.out_dtype}"
    variant = _variant(op, kernels)
    return f"{name}/{variant}" if variant else name


def fallback(op: OpFeatures) -> str:
    """Name the pooled coefficients for an op whose path nobody measured.

    Parameters
    ----------
    op : OpFeatures

    Returns
    -------
    str
        Such as ``"*/int8/macs"``: by data type, for ops with products, that move data, or others.
    """
    if op.macs:
        return f"*/{op.dtype}/macs"
    return f"*/{op.dtype}/moves" if op.kind in _MOVES else f"*/{op.dtype}"


def _gemm(op: OpFeatures) -> Terms:
    """Patches copied to 16 bits, then multiplied two pixels by two channels, four deep."""
    pixels, depth = op.pixels, op.in_c // op.groups
    pairs = pixels // 2 * op.out_c + pixels % 2 * op.out_c
    return {
        "quads": pixels * op.out_c * (op.patch // 4),
        "rest": pixels * op.out_c * (op.patch % 4),
        "vectors": pixels * op.out_c * -(-op.patch // 16),
        "products": pixels * op.out_c * op.patch,
        # Releases before 2024 multiply patches of 512 or more without the paired kernel.
        "deep": pixels * op.out_c * op.patch if op.patch >= 512 else 0,
        "outputs": pixels * op.out_c,
        "pairs": pairs,
        "odd_channel": pixels * (op.out_c % 2) * op.patch,
        "odd_pixel": pixels % 2 * op.out_c * op.patch,
        "taps": op.valid_taps * op.groups,
        "border": (pixels * op.taps - op.valid_taps) * op.groups,
        "copies": op.valid_taps * op.groups * (depth // 4),
        "copy_rest": op.valid_taps * op.groups * (depth % 4),
        "pixels": pixels * op.groups,
        "channels": op.out_c,
        "op": 1,
    }


def _pointwise(op: OpFeatures) -> Terms:
    """No patches: rows of input meet rows of filter in pairs, sixteen deep, then four, then one.

    With a stride, each row of the image is a product of its own, which repeats the sums.
    """
    strided = op.stride_h * op.stride_w > 1
    calls = op.batch * op.out_h if strided else 1
    rows, patch = op.pixels // calls, op.patch
    pairs = calls * (rows // 2) * (op.out_c // 2)
    single = calls * (rows % 2) * (op.out_c // 2)
    lone = op.pixels * (op.out_c % 2)
    return {
        "blocks": pairs * (patch // 16),
        "quads": pairs * (patch % 16 // 4),
        "rest": pairs * (patch % 4),
        "products": pairs * patch,
        "pairs": pairs,
        "row_quads": single * (patch // 4),
        "row_rest": single * (patch % 4),
        "row_products": single * patch,
        "row_pairs": single,
        "channel_products": lone * patch,
        "lone": lone,
        "vectors": op.pixels * op.out_c * -(-patch // 16),
        "outputs": op.pixels * op.out_c,
        "sums": calls * op.out_c * patch,
        "channels": calls * op.out_c,
        "rows": op.pixels,
        "calls": calls,
        "op": 1,
    }


def _direct(op: OpFeatures) -> Terms:
    """Plain loops over pixels, channels and taps; taps outside the input cost their test alone."""
    depth = op.in_c // op.groups
    outputs = op.pixels * op.out_c
    return {
        "products": op.valid_taps * op.out_c * depth,
        "taps": op.valid_taps * op.out_c,
        "border": (op.pixels * op.taps - op.valid_taps) * op.out_c,
        "rows": outputs * op.k_h,
        "outputs": outputs,
        "pixels": op.pixels,
        "op": 1,
    }


def _depthwise(op: OpFeatures) -> Terms:
    """One filter per channel, in blocks of four channels where the kernel has them."""
    pixels, taps = op.pixels, op.taps
    return {
        "products": op.valid_taps * op.out_c,
        "padded_products": pixels * taps * (op.out_c // 4),
        "tail_products": pixels * taps * (op.out_c % 4),
        "odd_taps": pixels * (taps % 2) * op.out_c,
        "vectors": pixels * taps * -(-op.out_c // 4),
        "blocks": pixels * -(-op.out_c // 4),
        "rows": pixels * op.k_h * -(-op.out_c // 4),
        "outputs": pixels * op.out_c,
        "taps": op.valid_taps,
        "border": pixels * taps - op.valid_taps,
        "pixels": pixels,
        "op": 1,
    }


def _dense(op: OpFeatures) -> Terms:
    """One row of weights per output: sixteen deep, then four, then one."""
    outputs = op.batch * op.out_c
    return {
        "products": outputs * op.in_c,
        "blocks": outputs * (op.in_c // 16),
        "quads": outputs * (op.in_c % 16 // 4),
        "rest": outputs * (op.in_c % 4),
        "vectors": outputs * -(-op.in_c // 16),
        # Products of 16-bit activations beyond the first 512 are added up in 64 bits.
        "deep": outputs * max(0, op.in_c - 512),
        "outputs": outputs,
        "odd_outputs": op.batch * (op.out_c % 3) * op.in_c,
        "batches": op.batch,
        "op": 1,
    }


def _pool(op: OpFeatures) -> Terms:
    return {
        "taps": op.valid_taps * op.out_c,
        "tap_blocks": op.valid_taps * -(-op.out_c // 4),
        "tap_vectors": op.valid_taps * -(-op.out_c // 16),
        "windows": op.valid_taps,
        "outputs": op.pixels * op.out_c,
        "pixels": op.pixels,
        "op": 1,
    }


def _elementwise(op: OpFeatures) -> Terms:
    return {
        "products": op.macs,
        "outputs": op.out_elements,
        "broadcast": op.out_elements * op.broadcast,
        "inputs": op.in_elements,
        "rows": op.in_elements // max(1, op.in_c),
        "tensors": op.tensors,
        "op": 1,
    }


_TERMS: dict[str, Callable[[OpFeatures], Terms]] = {
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "TRANSPOSE_CONV": _direct,
}


def terms(op: OpFeatures, kernels: str) -> Terms:
    """Count what an op's kernel does, by term.

    Parameters
    ----------
    op : OpFeatures
    kernels : str
        One of `KERNELS`.

    Returns
    -------
    dict of str to int
        Terms of the path; those without a coefficient on a core cost nothing there.
    """
    if op.kind == "CONV_2D":
        if not _optimised(op, kernels):
            return _direct(op)
        return _pointwise(op) if _variant(op, kernels) == "pointwise" else _gemm(op)
    if op.kind == "DEPTHWISE_CONV_2D" and not _optimised(op, kernels):
        return _direct(op) | {"outputs": op.pixels * op.out_c}
    return _TERMS.get(op.kind, _elementwise)(op)
