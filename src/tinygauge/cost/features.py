"""What of an op decides its cost: shapes, data types, taps and products, read from the graph.

Nothing here knows a core, an engine or a number of instructions (see `work.py`). A feature
record can be written to a table and read back, so that calibrations are refitted without the
models they were measured on.

>>> from tinygauge.cost.features import OpFeatures
>>> dense = OpFeatures(kind="FULLY_CONNECTED", dtype="int8", out_h=1, out_w=1, in_c=64, out_c=10)
>>> dense.patch, dense.pixels
(64, 1)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinygauge.graph.counts import OpCounts, count_ops
from tinygauge.graph.types import DType, Model, Op, Subgraph, Tensor

__all__ = ["OpFeatures", "model_features", "op_features"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpFeatures:
    """The shape of one op, as far as its cost depends on it.

    Parameters
    ----------
    kind : str
        TFLite's name of the op.
    dtype : str
        Of its first activation input: ``"int8"``, ``"int16"``, ``"float32"``, ``"hybrid"``
        (float activations, integer weights) or another of `DType`.
    out_dtype : str
        Of its first output.
    batch, in_h, in_w, in_c, out_h, out_w, out_c : int
        Activation shape as NHWC; shapes of fewer dimensions fill from the right. Dense ops
        hold rows in `batch`, depth in `in_c` and units in `out_c`.
    k_h, k_w, stride_h, stride_w, dilation : int
        Filter and its steps; 1 for ops without.
    groups : int
        Input channels over the filter's depth; all of them for depthwise ops.
    padded : int
        1 where the filter reaches over the border, else 0.
    valid_taps : int
        Pairs of output pixel and filter position that lie inside the input, over the batch.
    per_channel : int
        1 where weights have a scale per output channel, else 0.
    tensors : int
        Activation inputs and outputs.
    in_elements, out_elements : int
        Over all activation inputs, and all outputs.
    broadcast : int
        1 where an element-wise op has inputs of different shapes, else 0.
    macs, live_macs : int
        Multiply-accumulates, and those without dead channels.
    weight_bytes : int
        Bytes of weights and biases.
    """

    kind: str
    dtype: str
    out_dtype: str = ""
    batch: int = 1
    in_h: int = 1
    in_w: int = 1
    in_c: int = 1
    out_h: int = 1
    out_w: int = 1
    out_c: int = 1
    k_h: int = 1
    k_w: int = 1
    stride_h: int = 1
    stride_w: int = 1
    dilation: int = 1
    groups: int = 1
    padded: int = 0
    valid_taps: int = 0
    per_channel: int = 0
    tensors: int = 2
    in_elements: int = 0
    out_elements: int = 0
    broadcast: int = 0
    macs: int = 0
    live_macs: int = 0
    weight_bytes: int = 0

    @property
    def taps(self) -> int:
        """Filter positions."""
        return self.k_h * self.k_w

    @property
    def patch(self) -> int:
        """Products behind one output element: filter positions times depth of the filter."""
        return self.taps * self.in_c // self.groups

    @property
    def pixels(self) -> int:
        """Output positions over the batch."""
        return self.batch * self.out_h * self.out_w

    @property
    def live_share(self) -> float:
        """Share of the products that remain without dead channels, in 0..1."""
        return self.live_macs / self.macs if self.macs else 1.0


_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
_POOLS = frozenset({"AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"})
_Sizes = tuple[tuple[int, int], tuple[int, int]]  # input and output, each height and width
_WINDOWED = _POOLS | {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"}


def _nhwc(tensor: Tensor | None) -> tuple[int, int, int, int]:
    """Return a shape as four dimensions; missing ones are 1, those beyond join the batch."""
    shape = [max(1, extent) for extent in tensor.shape] if tensor is not None else []
    filled = [1] * (4 - len(shape)) + shape
    return math.prod(filled[:-3]), filled[-3], filled[-2], filled[-1]


def _valid_taps(size: int, out: int, kernel: int, stride: int, dilation: int, *, same: bool) -> int:
    """Count pairs of output position and filter position inside the input, in one dimension.

    References
    ----------
    Dumoulin, Visin, arXiv 1603.07285, section 2; SAME padding puts the odd element last
    (tensorflow/lite/kernels/padding.h, ComputePaddingWithOffset).
    """
    reach = dilation * (kernel - 1) + 1
    before = max(0, (out - 1) * stride + reach - size) // 2 if same else 0
    total = 0
    for position in range(out):
        start = position * stride - before
        first = -(start // dilation) if start < 0 else 0
        last = min(kernel, (size - start + dilation - 1) // dilation)
        total += max(0, last - first)
    return total


def _activations(graph: Subgraph, op: Op) -> list[Tensor]:
    """Return the inputs that are computed at run time."""
    tensors = (graph.tensor(index) for index in op.inputs)
    return [tensor for tensor in tensors if tensor is not None and not tensor.is_constant]


def _dtype(graph: Subgraph, op: Op, source: Tensor | None, output: Tensor | None) -> str:
    """Name the type that decides the kernel: indices count for nothing, their values do."""
    if source is None:
        return output.dtype.value if output is not None else "none"
    if op.kind in _WEIGHTED:
        weights = graph.input_of(op, 1)
        if source.dtype.is_float and weights is not None and not weights.dtype.is_float:
            return "hybrid"
    if source.dtype in (DType.INT32, DType.INT64) and output is not None:
        return output.dtype.value
    return source.dtype.value


def _window(op: Op, weights: Tensor | None, size: _Sizes) -> dict[str, int]:
    """Return kernel extents, steps and the taps inside the input of a windowed op."""
    if weights is not None and len(weights.shape) == 4:
        k_h, k_w = weights.shape[1], weights.shape[2]
    else:
        k_h, k_w = op.option_int("filter_height", 1), op.option_int("filter_width", 1)
    s_h, s_w = max(1, op.option_int("stride_h", 1)), max(1, op.option_int("stride_w", 1))
    d_h = max(1, op.option_int("dilation_h_factor", 1))
    d_w = max(1, op.option_int("dilation_w_factor", 1))
    same = op.options.get("padding") == "SAME"
    # A transpose convolution walks over its input and scatters: exchange the two images.
    (in_h, in_w), (out_h, out_w) = size if op.kind != "TRANSPOSE_CONV" else size[::-1]
    rows = _valid_taps(in_h, out_h, k_h, s_h, d_h, same=same)
    columns = _valid_taps(in_w, out_w, k_w, s_w, d_w, same=same)
    return {
        "k_h": k_h,
        "k_w": k_w,
        "stride_h": s_h,
        "stride_w": s_w,
        "dilation": max(d_h, d_w),
        "padded": int(rows * columns < out_h * k_h * out_w * k_w),
        "valid_taps": rows * columns,
    }


def op_features(graph: Subgraph, op: Op, counts: OpCounts) -> OpFeatures:
    """Read the features of one op.

    Parameters
    ----------
    graph : Subgraph
        The op's subgraph.
    op : Op
    counts : OpCounts
        Of `graph.counts`, for its products.

    Returns
    -------
    OpFeatures
    """
    sources = _activations(graph, op)
    source = sources[0] if sources else graph.input_of(op, 0)
    if op.kind == "TRANSPOSE_CONV":
        source = graph.input_of(op, 2)
    output = graph.output_of(op)
    weights = graph.input_of(op, 1) if op.kind in _WEIGHTED else None
    batch, in_h, in_w, in_c = _nhwc(source)
    _, out_h, out_w, out_c = _nhwc(output)
    if op.kind == "FULLY_CONNECTED" and weights is not None and len(weights.shape) == 2:
        out_c, in_c = weights.shape
        batch, in_h, in_w, out_h, out_w = (
            (output.elements if output else out_c) // out_c,
            1,
            1,
            1,
            1,
        )
    window = {"valid_taps": batch * out_h * out_w}
    if op.kind in _WINDOWED:
        window = _window(op, weights, ((in_h, in_w), (out_h, out_w)))
        window["valid_taps"] *= batch
    groups = 1
    if op.kind == "CONV_2D" and weights is not None and len(weights.shape) == 4:
        groups = max(1, in_c // weights.shape[3])
    elif op.kind == "DEPTHWISE_CONV_2D":
        groups = in_c
    outputs = [tensor for index in op.outputs if (tensor := graph.tensor(index)) is not None]
    return OpFeatures(
        kind=op.kind,
        dtype=_dtype(graph, op, source, output),
        out_dtype=output.dtype.value if output is not None else "none",
        batch=batch,
        in_h=in_h,
        in_w=in_w,
        in_c=in_c,
        out_h=out_h,
        out_w=out_w,
        out_c=out_c,
        groups=groups,
        per_channel=int(_per_channel(weights)),
        tensors=len(sources) + len(outputs),
        in_elements=sum(tensor.elements for tensor in sources),
        out_elements=sum(tensor.elements for tensor in outputs),
        broadcast=int(len({graph.tensors[i].shape for i in op.inputs if i >= 0}) > 1),
        macs=counts.macs,
        live_macs=counts.live_macs,
        weight_bytes=counts.weight_bytes,
        **window,
    )


def _per_channel(weights: Tensor | None) -> bool:
    quantization = weights.quantization if weights is not None else None
    return quantization is not None and quantization.per_channel


def model_features(model: Model) -> tuple[OpFeatures, ...]:
    """Read the features of every op of the subgraph that runs, in order.

    Parameters
    ----------
    model : Model

    Returns
    -------
    tuple of OpFeatures
        Ops of further subgraphs, which control flow calls, are left out.
    """
    graph = model.main
    counted = count_ops(model)[: len(graph.ops)]
    return tuple(
        op_features(graph, op, counts) for op, counts in zip(graph.ops, counted, strict=True)
    )
