"""Recognise a model's architecture and precision from its graph.

The rules are stated in `family` and `precision`; they are for grouping and marker shapes, and
nothing numeric depends on them.
"""

from __future__ import annotations

from tinygauge.graph.types import DType, Model, Op, Subgraph

__all__ = ["FAMILIES", "family", "precision"]

FAMILIES = ("mlp", "autoencoder", "cnn", "ds-cnn", "resnet", "mobilenetv2", "rnn", "other")

_RECURRENT = {
    "BIDIRECTIONAL_SEQUENCE_LSTM",
    "BIDIRECTIONAL_SEQUENCE_RNN",
    "LSTM",
    "RNN",
    "SVDF",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
    "WHILE",
}
# Converters unroll short recurrences: the same weights are then used at every step.
_UNROLLED_USES = 4


def family(model: Model) -> str:
    """Name the architecture.

    Parameters
    ----------
    model : Model

    Returns
    -------
    str
        One of `FAMILIES`: ``"rnn"`` with recurrent ops or weights used at several steps;
        ``"mobilenetv2"`` with depthwise convolutions and a linear bottleneck (a 1x1 convolution
        without activation behind a depthwise one); ``"ds-cnn"`` with other depthwise
        convolutions; ``"resnet"`` with convolutions and an addition of two computed tensors;
        ``"cnn"`` with convolutions; ``"autoencoder"`` with dense ops and an output as large as
        the input (no softmax); ``"mlp"`` with dense ops; else ``"other"``.
    """
    graph = model.main
    kinds = {op.kind for op in graph.ops}
    if kinds & _RECURRENT or _reuses_weights(graph):
        return "rnn"
    if "DEPTHWISE_CONV_2D" in kinds:
        return "mobilenetv2" if _has_linear_bottleneck(graph) else "ds-cnn"
    if "CONV_2D" in kinds:
        return "resnet" if _has_residual(graph) else "cnn"
    if "FULLY_CONNECTED" in kinds:
        restores = "SOFTMAX" not in kinds and _restores_its_input(graph)
        return "autoencoder" if restores else "mlp"
    return "other"


def _reuses_weights(graph: Subgraph) -> bool:
    uses: dict[int, int] = {}
    for op in graph.ops:
        weights = graph.input_of(op, 1) if op.kind == "FULLY_CONNECTED" else None
        if weights is not None and weights.is_constant:
            uses[weights.index] = uses.get(weights.index, 0) + 1
    return max(uses.values(), default=0) >= _UNROLLED_USES


def _has_linear_bottleneck(graph: Subgraph) -> bool:
    makers: dict[int, Op] = {index: op for op in graph.ops for index in op.outputs}
    for op in graph.ops:
        weights = graph.input_of(op, 1)
        if op.kind != "CONV_2D" or weights is None or weights.shape[1:3] != (1, 1):
            continue
        before = makers.get(op.inputs[0])
        linear = op.options.get("fused_activation_function", "NONE") == "NONE"
        if linear and before is not None and before.kind == "DEPTHWISE_CONV_2D":
            return True
    return False


def _has_residual(graph: Subgraph) -> bool:
    for op in graph.ops:
        operands = [graph.tensor(index) for index in op.inputs[:2]]
        if op.kind == "ADD" and all(t is not None and not t.is_constant for t in operands):
            return True
    return False


def _restores_its_input(graph: Subgraph) -> bool:
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return False
    source, result = graph.tensor(graph.inputs[0]), graph.tensor(graph.outputs[0])
    return source is not None and result is not None and source.elements == result.elements > 1


def precision(model: Model) -> str:
    """Name the arithmetic of the ops that hold weights.

    Parameters
    ----------
    model : Model

    Returns
    -------
    str
        ``"float32"``, ``"int8"``, ``"int16x8"`` (int16 activations, int8 weights), ``"int4"``
        (int8 activations, int4 weights), ``"hybrid"`` (float activations, int8 weights in some
        ops or all: converters leave small tensors float), another pair as
        ``"activation/weight"``, ``"mixed"`` where ops differ otherwise, or ``"none"`` for a
        model without weights.
    """
    graph = model.main
    pairs: set[tuple[DType, DType]] = set()
    for op in graph.ops:
        source, weights = graph.input_of(op, 0), graph.input_of(op, 1)
        if op.kind == "TRANSPOSE_CONV":  # its first input is the output's shape
            source = graph.input_of(op, 2)
        if source is None or weights is None or len(weights.shape) < 2 or not weights.is_constant:
            continue
        if weights.dtype.is_float or weights.quantization is not None:
            pairs.add((source.dtype, weights.dtype))
    names = {_PRECISIONS.get(pair, f"{pair[0]}/{pair[1]}") for pair in pairs}
    if not names:
        return "none"
    if names == {"float32", "hybrid"}:
        return "hybrid"
    return names.pop() if len(names) == 1 else "mixed"


_PRECISIONS: dict[tuple[DType, DType], str] = {
    (DType.FLOAT32, DType.FLOAT32): "float32",
    (DType.INT8, DType.INT8): "int8",
    (DType.UINT8, DType.UINT8): "uint8",
    (DType.INT16, DType.INT8): "int16x8",
    (DType.INT8, DType.INT4): "int4",
    (DType.FLOAT32, DType.INT8): "hybrid",
}
