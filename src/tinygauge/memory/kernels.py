"""What each TFLM kernel takes from the arena: op data, kept buffers and scratch buffers.

A kernel allocates in two calls. `Init` takes a structure of op data; `Prepare` takes buffers
that stay (such as a multiplier and a shift per output channel) and asks for scratch buffers that
live only while the op runs. The reference kernels (`tflm-ref`) and those of CMSIS-NN
(`tflm-cmsis-nn`) differ; kernels that CMSIS-NN does not replace are the reference ones.

Formulas in `_MEASURED` were checked against arenas measured on emulated cores, for float32 and
int8. The other reference kernels were checked, member by member, against the allocations that
TFLM's 64-bit host build of 2026-10-23 reports; kinds of `_NO_FORMULA` have no formula. What was
not measured on a target comes with an interval.

References
----------
.. [1] tensorflow/tflite-micro, tensorflow/lite/micro/kernels/, file and commit named at each
   formula. The figures are those of TFLM 90b983c2b with CMSIS-NN 4ab83cc3 (August 2026).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tinygauge.graph.types import DType, Op, Subgraph, Tensor
from tinygauge.memory import cmsis_nn, op_data
from tinygauge.memory.cmsis_nn import Convolution
from tinygauge.memory.needs import KernelSet, Needs, Site
from tinygauge.memory.structs import (
    CONV_PARAMS,
    EVAL_TENSOR,
    POINTER,
    Layout,
    align_up,
    int_array_bytes,
    layout,
)

__all__ = ["kernel_needs"]

_QUANTIZED = (DType.INT8, DType.INT16)

# A structure read from the source of another commit may have gained or lost a member, and what
# kernels take is rounded up to 16 bytes.
_UNMEASURED_SLACK_BYTES = 16

# Kinds whose CMSIS-NN kernels need other memory for other types.
_CMSIS_NN_BY_TYPE = frozenset(
    (
        "AVERAGE_POOL_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "SOFTMAX",
        "TRANSPOSE_CONV",
    )
)

# Ops whose kernels TFLM has and whose needs are not derived here: what they keep is taken as
# up to 512 bytes beside the bytes of their tensors.
_NO_FORMULA = frozenset(
    (
        "ASSIGN_VARIABLE",
        "CALL_ONCE",
        "DYNAMIC_UPDATE_SLICE",
        "EMBEDDING_LOOKUP",
        "IF",
        "READ_VARIABLE",
        "VAR_HANDLE",
        "WHILE",
    )
)
_NO_FORMULA_KEPT_BYTES = 512


def kernel_needs(where: str, graph: Subgraph, op: Op, kernels: KernelSet) -> Needs:
    """Return what an op takes from the arena.

    Parameters
    ----------
    where : str
        The model, for messages.
    graph : Subgraph
        That holds the op.
    op : Op
    kernels : KernelSet

    Returns
    -------
    Needs

    Raises
    ------
    UnsupportedOpError
        If TFLM has no kernel for the op, or its kernel refuses the op's types.

    References
    ----------
    [1] of this module.
    """
    site = Site(where=where, graph=graph, op=op, kernels=kernels)
    if op.kind in _NO_FORMULA:
        return _without_formula(site)
    if op.kind in _MEASURED or op.kind in op_data.MEASURED:
        needs = _measured(site)
        return needs if _has_measured_types(site) else _with_slack(needs)
    needs = _unmeasured(site)
    return _with_slack(needs) if needs.op_data_bytes or needs.kept_bytes else needs


def _measured(site: Site) -> Needs:
    formula = _MEASURED.get(site.op.kind)
    if formula is not None:
        return formula(site)
    return Needs(op_data_bytes=site.bytes(op_data.MEASURED[site.op.kind]))


def _unmeasured(site: Site) -> Needs:
    kind = site.op.kind
    if kind in _UNMEASURED:
        return _UNMEASURED[kind](site)
    if kind in op_data.UNMEASURED:
        return Needs(op_data_bytes=site.bytes(op_data.UNMEASURED[kind]))
    if kind in op_data.UNMEASURED_WITHOUT_OP_DATA:
        return Needs()
    raise site.refusal("has no kernel in TFLM", "Replace the op, or choose another engine")


def _has_measured_types(site: Site) -> bool:
    # The reference kernels' 16-bit and 4-bit paths were checked on the host.
    if not site.kernels.is_cmsis_nn or site.op.kind not in _CMSIS_NN_BY_TYPE:
        return True
    indices = [index for index in site.op.inputs if index >= 0]
    return all(
        site.graph.tensors[index].dtype not in (DType.INT16, DType.INT4) for index in indices
    )


def _with_slack(needs: Needs) -> Needs:
    return replace(
        needs,
        low_bytes=needs.low_bytes + _UNMEASURED_SLACK_BYTES,
        high_bytes=needs.high_bytes + _UNMEASURED_SLACK_BYTES,
    )


def _without_formula(site: Site) -> Needs:
    indices = {index for index in (*site.op.inputs, *site.op.outputs) if index >= 0}
    tensors = sum(site.graph.tensors[index].size_bytes for index in indices)
    return Needs(high_bytes=_NO_FORMULA_KEPT_BYTES + tensors)


def _padding(site: Site, sizes: tuple[int, int], filters: tuple[int, int]) -> tuple[int, int]:
    """Rows above and columns left of the input that SAME padding adds.

    References
    ----------
    tensorflow/lite/kernels/padding.h, ComputePaddingHeightWidth.
    """
    if site.op.options.get("padding") != "SAME":
        return 0, 0
    dilation = _dilation(site)
    above_left = []
    for size, kernel, stride, spread in zip(sizes, filters, site.stride(), dilation, strict=True):
        out = -(-size // stride)
        total = (out - 1) * stride + (kernel - 1) * spread + 1 - size
        above_left.append(max(total, 0) // 2)
    return above_left[0], above_left[1]


def _dilation(site: Site) -> tuple[int, int]:
    return (
        max(1, site.op.option_int("dilation_h_factor", 1)),
        max(1, site.op.option_int("dilation_w_factor", 1)),
    )


def _convolution(site: Site) -> Convolution:
    shape, window = site.shape4(site.input(0)), site.shape4(site.input(1))
    return Convolution(
        input=shape,
        filter=window,
        output=site.shape4(site.output()),
        stride=site.stride(),
        dilation=_dilation(site),
        padding=_padding(site, shape[1:3], window[1:3]),
    )


def _check_types(site: Site, data: Tensor, weights: Tensor) -> None:
    allowed = {
        DType.FLOAT32: (DType.FLOAT32,),
        DType.INT8: (DType.INT8, DType.INT4),
        DType.INT16: (DType.INT8,),
    }.get(data.dtype, ())
    if weights.dtype not in allowed:
        raise site.refusal(
            f"has {data.dtype} inputs with {weights.dtype} weights, which TFLM refuses",
            "Quantise activations and weights alike (TFLM runs no hybrid models)",
        )


def _conv(site: Site) -> Needs:
    # conv_common.cc @ 28e6530b; cmsis_nn/conv.cc @ 19e0e51c
    return _filters(site, 0, _conv_scratch_bytes)


def _filters(
    site: Site, channel_axis: int, scratch_bytes: Callable[[Site, Tensor, Tensor], int]
) -> Needs:
    """Return what convolutions of both kinds need; they differ in CMSIS-NN's scratch alone."""
    data, weights = site.input(0), site.input(1)
    _check_types(site, data, weights)
    per_channel = (4 * site.shape4(weights)[channel_axis],) * 2
    if not site.kernels.is_cmsis_nn:
        return Needs(
            op_data_bytes=site.bytes(op_data.CONV),
            kept_bytes=per_channel,
            scratch_bytes=_unpacked_int4(weights),
        )
    init = site.bytes(layout(op_data.CONV, "i"))
    if data.dtype is DType.FLOAT32:
        return Needs(op_data_bytes=init)
    scratch = scratch_bytes(site, data, weights)
    return Needs(op_data_bytes=init, kept_bytes=per_channel, scratch_bytes=_if_any(scratch))


def _conv_scratch_bytes(site: Site, data: Tensor, _weights: Tensor) -> int:
    conv = _convolution(site)
    if data.dtype is DType.INT8:
        # For int4 weights, too, the kernel asks for the int8 size (@ 19e0e51c).
        return cmsis_nn.convolve_s8_bytes(site.kernels.isa, conv)
    return cmsis_nn.convolve_s16_bytes(site.kernels.isa, conv) if _has_wide_bias(site) else 0


def _has_wide_bias(site: Site) -> bool:
    bias = site.graph.input_of(site.op, 2)
    return bias is None or bias.dtype is DType.INT64


def _unpacked_int4(weights: Tensor) -> tuple[int, ...]:
    return (weights.elements,) if weights.dtype is DType.INT4 else ()


def _if_any(size_bytes: int) -> tuple[int, ...]:
    return (size_bytes,) if size_bytes > 0 else ()


def _depthwise(site: Site) -> Needs:
    # depthwise_conv_common.cc @ 340fcba7; cmsis_nn/depthwise_conv.cc @ 0cc6f983
    return _filters(site, 3, _depthwise_scratch_bytes)


def _depthwise_scratch_bytes(site: Site, data: Tensor, weights: Tensor) -> int:
    if data.dtype is not DType.INT8:
        return 0
    conv = _convolution(site)
    if weights.dtype is DType.INT4:
        return cmsis_nn.depthwise_s4_bytes(conv)
    return cmsis_nn.depthwise_s8_bytes(site.kernels.isa, conv)


def _fully_connected(site: Site) -> Needs:
    # fully_connected.cc @ 26a153e7, fully_connected_common.cc @ 0eec4fa5;
    # cmsis_nn/fully_connected.cc of 2024 and later
    data, weights, out = site.input(0), site.input(1), site.output()
    _check_types(site, data, weights)
    kept: tuple[int, ...] = ()
    scales = weights.quantization
    if data.dtype is not DType.FLOAT32 and scales is not None and scales.per_channel:
        kept = (4 * len(scales.scale),) * 2
    if not site.kernels.is_cmsis_nn:
        return Needs(
            op_data_bytes=site.bytes(op_data.FULLY_CONNECTED),
            kept_bytes=kept,
            scratch_bytes=_unpacked_int4(weights),
        )
    # Six words beside the reference's: scratch index, weight sums, sizes. (The source of 2024
    # has seven; the arenas measured with 90b983c2b agree with six.)
    init = site.bytes(layout(op_data.FULLY_CONNECTED, "6i"))
    if data.dtype is DType.INT8 and weights.dtype is DType.INT8:
        outputs = site.extent(out, -1)
        if len(out.shape) > 2 and site.extent(weights, -1) % 4 == 0:
            # Run as a 1x1 convolution, with a multiplier and a shift per output. No measured row
            # has this form, so that they may be missing is in the interval.
            pair = (4 * outputs,) * 2
            low_bytes = 2 * align_up(4 * outputs)
            return Needs(op_data_bytes=init, kept_bytes=kept + pair, low_bytes=low_bytes)
        sums = _if_any(cmsis_nn.fully_connected_s8_bytes(site.kernels.isa, outputs))
        if not weights.is_constant:
            return Needs(op_data_bytes=init, kept_bytes=kept, scratch_bytes=sums)
        kept += sums
    return Needs(op_data_bytes=init, kept_bytes=kept)


def _transpose_conv(site: Site) -> Needs:
    # transpose_conv.cc @ 0f3533d9; cmsis_nn/transpose_conv.cc @ 0cc6f983
    weights, data, out = site.input(1), site.input(2), site.output()
    _check_types(site, data, weights)
    is_fast = site.kernels.is_cmsis_nn
    scratch: tuple[int, ...] = ()
    if data.dtype is DType.INT8 and is_fast:
        conv = Convolution(
            input=site.shape4(data),
            filter=site.shape4(weights),
            output=site.shape4(out),
            stride=site.stride(),
        )
        scratch = cmsis_nn.transpose_conv_s8_bytes(site.kernels.isa, conv)
    elif data.dtype is DType.INT8:
        scratch = (4 * out.elements,)
    elif data.dtype is DType.INT16:
        scratch = (8 * out.elements,)
        bias = site.graph.input_of(site.op, 3)
        if bias is not None and bias.dtype is DType.INT16:
            scratch += (8 * bias.elements,)
    return Needs(
        op_data_bytes=site.bytes(layout(CONV_PARAMS, "3i2p" if is_fast else "2i2p2c")),
        kept_bytes=(4 * site.shape4(weights)[0],) * 2,
        scratch_bytes=scratch,
    )


def _pool(site: Site) -> Needs:
    # pooling.h @ 2555bc2d; cmsis_nn/pooling.cc @ 0955734f
    if not site.kernels.is_cmsis_nn:
        return Needs(op_data_bytes=site.bytes(op_data.POOLING))
    scratch = 0
    data = site.input(0)
    if site.op.kind == "AVERAGE_POOL_2D" and data.dtype in _QUANTIZED:
        scratch = cmsis_nn.avgpool_bytes(site.kernels.isa, site.extent(data, -1))
    return Needs(
        op_data_bytes=site.bytes(layout(op_data.POOLING, "i")), scratch_bytes=_if_any(scratch)
    )


# softmax_common.cc @ 0982c6f4, kInt16LUTArraySize: two tables of int16.
_SOFTMAX_TABLE_BYTES = 513 * 2


def _softmax(site: Site) -> Needs:
    # softmax_common.cc @ 0982c6f4; cmsis_nn/softmax.cc @ 0cc6f983
    init = layout(op_data.SOFTMAX, "2i") if site.kernels.is_cmsis_nn else op_data.SOFTMAX
    tables = 2 if site.input(0).dtype is DType.INT16 else 0
    return Needs(op_data_bytes=site.bytes(init), kept_bytes=(_SOFTMAX_TABLE_BYTES,) * tables)


def _reduce(site: Site) -> Needs:
    # reduce_common.cc: PrepareMeanOrSumHelper, PrepareMinMaxHelper: int32 sums for quantised
    # means and sums, an iterator over the input's dimensions and the resolved axes.
    data, axes = site.input(0), site.input(1)
    sums: tuple[int, ...] = ()
    if site.op.kind in ("MEAN", "SUM") and data.dtype in _QUANTIZED:
        sums = (4 * site.output().elements,)
    iterators = (4 * len(data.shape), 4 * axes.elements)
    return Needs(op_data_bytes=site.bytes(op_data.REDUCE), scratch_bytes=sums + iterators)


def _reshape(site: Site) -> Needs:
    # reshape_common.cc @ 0cc6f983: a writable shape only where one dimension is open.
    shape = site.output().shape
    return Needs(kept_bytes=(int_array_bytes(len(shape)),) if -1 in shape else ())


def _with_writable_shape(site: Site) -> Needs:
    # depth_to_space_common.cc @ 20e98e04, space_to_depth.cc, gather.cc, gather_nd.cc,
    # l2_pool_2d.cc: CreateWritableTensorDimsWithCopy.
    return Needs(kept_bytes=(int_array_bytes(len(site.output().shape)),))


def _mirror_pad(site: Site) -> Needs:
    # mirror_pad.cc @ 011f5951
    rank = len(site.input(0).shape)
    return Needs(op_data_bytes=site.bytes(layout("5i")), scratch_bytes=(4 * rank, 4 * rank))


def _if_int8(size: Layout) -> Callable[[Site], Needs]:
    """Op data that only the quantised path takes, and in Prepare."""

    def needs(site: Site) -> Needs:
        is_int8 = site.input(0).dtype is DType.INT8
        return Needs(kept_bytes=(site.bytes(size),) if is_int8 else ())

    return needs


def _add_n(site: Site) -> Needs:
    # add_n.cc @ 0cc6f983
    kept = (site.bytes(layout("10i")),) if site.input(0).dtype is DType.INT8 else ()
    return Needs(kept_bytes=kept, scratch_bytes=(site.bytes(POINTER) * len(site.op.inputs),))


def _svdf(site: Site) -> Needs:
    # svdf_common.cc @ 1176f9be, svdf.h @ 0cc6f983; cmsis_nn/svdf.cc (weight sums kept)
    data, weights = site.input(0), site.input(1)
    batch, filters = site.extent(data, 0), site.extent(weights, 0)
    units = filters // max(1, site.op.option_int("rank", 1))
    if data.dtype is DType.FLOAT32:
        scratch: tuple[int, ...] = (4 * batch * filters,)
    else:
        scratch = (4 * batch * filters, 4 * batch * units)
    kept: tuple[int, ...] = ()
    if site.kernels.is_cmsis_nn and data.dtype is DType.INT8:
        kept = _if_any(cmsis_nn.fully_connected_s8_bytes(site.kernels.isa, filters))
    init = layout("9ip") if site.kernels.is_cmsis_nn else layout("9i")
    return Needs(op_data_bytes=site.bytes(init), kept_bytes=kept, scratch_bytes=scratch)


def _lstm(site: Site) -> Needs:
    # lstm_shared.h @ 0cc6f983; unidirectional_sequence_lstm.cc: four buffers of the cell state;
    # cmsis_nn/unidirectional_sequence_lstm.cc @ 00353871: eight sums of weights and more op data.
    cell = site.input(19)
    if not site.kernels.is_cmsis_nn or cell.dtype is DType.FLOAT32:
        return Needs(op_data_bytes=site.bytes(op_data.LSTM), scratch_bytes=(cell.size_bytes,) * 4)
    gate = layout("2i2p2i3pe")
    init = site.bytes(layout(op_data.LSTM, layout("15i", *[gate] * 4)))
    sums = (site.extent(cell, -1) * (8 if site.input(0).dtype is DType.INT16 else 4),) * 8
    return Needs(
        op_data_bytes=init,
        kept_bytes=sums,
        scratch_bytes=(cell.size_bytes,) * 3,
        high_bytes=cell.size_bytes,
    )


def _batch_matmul(site: Site) -> Needs:
    # batch_matmul.h @ 445278f3; cmsis_nn/batch_matmul.cc @ 183da3e3
    left, right, out = site.input(0), site.input(1), site.output()
    is_fast = site.kernels.is_cmsis_nn
    flips_left = bool(site.op.option_int("adj_x"))
    flips_right = not site.op.option_int("adj_y")
    kept: list[int] = []
    for flips, tensor in ((flips_left, left), (flips_right, right)):
        if flips:
            kept += [site.bytes(EVAL_TENSOR), int_array_bytes(len(tensor.shape)), tensor.size_bytes]
    kept.append(int_array_bytes(len(out.shape)))
    scratch = 0
    if left.dtype in _QUANTIZED:
        kept.append(site.bytes(layout("7i")))
        if is_fast and left.dtype is DType.INT8:
            scratch = cmsis_nn.fully_connected_s8_bytes(site.kernels.isa, site.extent(out, -1))
    init = layout("3p3b", "5i") if is_fast else layout("3p3b")
    return Needs(
        op_data_bytes=site.bytes(init), kept_bytes=tuple(kept), scratch_bytes=_if_any(scratch)
    )


_MEASURED: dict[str, Callable[[Site], Needs]] = {
    "AVERAGE_POOL_2D": _pool,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _pool,
    "MEAN": _reduce,
    "REDUCE_MAX": _reduce,
    "REDUCE_MIN": _reduce,
    "RESHAPE": _reshape,
    "SOFTMAX": _softmax,
    "SUM": _reduce,
    "TRANSPOSE_CONV": _transpose_conv,
}

_UNMEASURED: dict[str, Callable[[Site], Needs]] = {
    "ADD_N": _add_n,
    "BATCH_MATMUL": _batch_matmul,
    "CUMSUM": _if_int8(layout("9i")),  # cumsum.cc @ 51ccd3a1
    "DEPTH_TO_SPACE": _with_writable_shape,
    "GATHER": _with_writable_shape,
    "GATHER_ND": _with_writable_shape,
    "L2_POOL_2D": _with_writable_shape,
    "LOG_SOFTMAX": _if_int8(layout("5i2p")),  # log_softmax.cc @ 0cc6f983
    "MIRROR_PAD": _mirror_pad,
    "SPACE_TO_DEPTH": _with_writable_shape,
    "SVDF": _svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}
