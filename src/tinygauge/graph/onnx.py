"""Writes a model as ONNX: each op in real numbers, between dequantising and quantising.

That is the form (QDQ) in which quantised models reach ONNX Runtime, which makes integer kernels of
it. Tensors keep their shape (channels last) and their integer type; convolutions and pools are
given a copy with channels first. Only the usual ops of small models are written.

References
----------
ONNX operators, opset 19; ONNX Runtime, "Quantize ONNX models", tensor-oriented (QDQ) format.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.errors import MissingExtraError, UnsupportedOpError
from tinygauge.graph.types import DType, Model, Op, Quantization, Tensor

__all__ = ["ONNX_OPS", "to_onnx"]

# With 21, ONNX Runtime 1.32 makes a graph of QDQ models that it then refuses.
_OPSET = 19
_IR_VERSION = 9
_TO_FIRST, _TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
_QUANTIZED = frozenset({DType.INT8, DType.UINT8})

Array = npt.NDArray[Any]


def to_onnx(model: Model) -> bytes:
    """Write a model as ONNX.

    Parameters
    ----------
    model : Model
        Its main subgraph is written.

    Returns
    -------
    bytes
        An ONNX file with the inputs and outputs of the model, named ``t`` and the tensor's index.

    Raises
    ------
    MissingExtraError
        If the package onnx is not installed.
    UnsupportedOpError
        If an op, or a form of it, is not among those written.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("onnx", "onnx") from error
    writer = _Writer(model)
    for op in model.main.ops:
        writer.write(op)
    made = onnx.helper.make_graph(
        writer.made,
        model.name,
        [writer.described(index) for index in model.main.inputs],
        [writer.described(index) for index in model.main.outputs],
        writer.constants,
    )
    opset = onnx.helper.make_operatorsetid("", _OPSET)
    document = onnx.helper.make_model(made, opset_imports=[opset], ir_version=_IR_VERSION)
    return bytes(document.SerializeToString())


class _Writer:
    """The nodes and constants of a graph that grows."""

    def __init__(self, model: Model) -> None:
        import onnx

        self.onnx = onnx
        self.graph = model.main
        self.where = model.path or model.name
        self.made: list[Any] = []
        self.constants: list[Any] = []
        self.count = 0

    def described(self, index: int) -> Any:
        """Return the description of an input or output."""
        tensor = self.graph.tensors[index]
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype.value))
        return self.onnx.helper.make_tensor_value_info(f"t{index}", kind, _extents(tensor))

    def add(self, kind: str, *inputs: str, to: str = "", **attributes: Any) -> str:
        """Add a node of one output, and return the output's name."""
        name = to or self._fresh()
        self.made.append(self.onnx.helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, values: Array) -> str:
        """Add a constant, and return its name."""
        name = self._fresh()
        # Not ascontiguousarray, which makes a scalar an array of one.
        whole = np.asarray(values, order="C")
        self.constants.append(self.onnx.numpy_helper.from_array(whole, name))
        return name

    def _fresh(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def refuse(self, op: Op, problem: str) -> UnsupportedOpError:
        """Make the error of an op that is not written."""
        where = f"{self.where}, op {op.index} {op.kind}"
        return UnsupportedOpError(where, problem, f"Written are: {', '.join(ONNX_OPS)}")

    def write(self, op: Op) -> None:
        """Add the nodes of an op."""
        if op.kind not in _WRITERS:
            raise self.refuse(op, "this op is not written as ONNX")
        _WRITERS[op.kind](self, op)

    def real(self, op: Op, position: int, *, channels_first: bool = False) -> str:
        """Return an input in real numbers."""
        tensor = self.graph.input_of(op, position)
        if tensor is None:
            raise self.refuse(op, f"it has no input {position}")
        if tensor.data is not None:
            return self.real_constant(tensor, tensor.data)
        name = f"t{tensor.index}"
        if channels_first:
            name = self.add("Transpose", name, perm=_TO_FIRST)
        if tensor.dtype.is_float:
            return name
        return self.add("DequantizeLinear", name, *self._scale(op, tensor))

    def real_constant(self, tensor: Tensor, data: Array, axis: int = 0) -> str:
        """Return a constant in real numbers, scaled per tensor or along an axis."""
        name = self.constant(data)
        if tensor.dtype.is_float:
            return name
        found = tensor.quantization or Quantization(scale=(1.0,), zero_point=(0,))
        if found.per_channel:
            scale = self.constant(np.array(found.scale, np.float32))
            zero = self.constant(np.array(found.zero_point, data.dtype))
            return self.add("DequantizeLinear", name, scale, zero, axis=axis)
        scale = self.constant(np.array(found.scale[0], np.float32))
        zero = self.constant(np.array(found.zero_point[0], data.dtype))
        return self.add("DequantizeLinear", name, scale, zero)

    def finish(self, op: Op, name: str, *, channels_last: bool = False) -> None:
        """Apply the fused activation, and let what was computed be the op's output."""
        tensor = self.graph.output_of(op)
        if tensor is None:
            raise self.refuse(op, "it has no output")
        name = self._activated(op, name)
        to = f"t{tensor.index}"
        if not tensor.dtype.is_float:
            scale = self._scale(op, tensor)
            name = self.add("QuantizeLinear", name, *scale, to="" if channels_last else to)
        elif not channels_last:
            name = self.add("Identity", name, to=to)
        if channels_last:
            self.add("Transpose", name, to=to, perm=_TO_LAST)

    def _activated(self, op: Op, name: str) -> str:
        match op.options.get("fused_activation_function", "NONE"):
            case "NONE":
                return name
            case "RELU":
                return self.add("Relu", name)
            case "RELU6":
                ends = (self.constant(np.array(end, np.float32)) for end in (0, 6))
                return self.add("Clip", name, *ends)
            case other:
                raise self.refuse(op, f"its fused activation {other} is not written")

    def _scale(self, op: Op, tensor: Tensor) -> tuple[str, str]:
        found = tensor.quantization
        if tensor.dtype not in _QUANTIZED or found is None or found.per_channel:
            raise self.refuse(op, f"tensors of {tensor.dtype.value} are not written here")
        zero = np.array(found.zero_point[0], tensor.dtype.value)
        return self.constant(np.array(found.scale[0], np.float32)), self.constant(zero)


def _extents(tensor: Tensor) -> list[int]:
    return [max(1, extent) for extent in tensor.shape]


def _convolution(writer: _Writer, op: Op) -> None:
    """CONV_2D (filters OHWI) and DEPTHWISE_CONV_2D (1HWC); ONNX has OIHW."""
    weights = writer.graph.input_of(op, 1)
    given = writer.graph.input_of(op, 0)
    if weights is None or weights.data is None or given is None:
        raise writer.refuse(op, "its weights are computed")
    depthwise = op.kind == "DEPTHWISE_CONV_2D"
    order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
    filters = writer.real_constant(weights, weights.data.transpose(order))
    inputs = [writer.real(op, 0, channels_first=True), filters, *_bias(writer, op)]
    made = writer.add(
        "Conv",
        *inputs,
        group=given.shape[-1] // (1 if depthwise else weights.shape[-1]),
        strides=[op.option_int("stride_h", 1), op.option_int("stride_w", 1)],
        dilations=[op.option_int("dilation_h_factor", 1), op.option_int("dilation_w_factor", 1)],
        auto_pad=_auto_pad(op),
    )
    writer.finish(op, made, channels_last=True)


def _bias(writer: _Writer, op: Op) -> list[str]:
    bias = writer.graph.input_of(op, 2)
    if bias is None:
        return []
    if bias.data is None:
        raise writer.refuse(op, "its bias is computed")
    return [writer.real_constant(bias, bias.data)]


def _auto_pad(op: Op) -> str:
    return "SAME_UPPER" if op.options.get("padding") == "SAME" else "VALID"


def _fully_connected(writer: _Writer, op: Op) -> None:
    weights = writer.graph.input_of(op, 1)
    if weights is None or weights.data is None:
        raise writer.refuse(op, "its weights are computed")
    shape = writer.constant(np.array([-1, weights.shape[1]], np.int64))
    given = writer.add("Reshape", writer.real(op, 0), shape)
    filters = writer.real_constant(weights, weights.data)
    made = writer.add("Gemm", given, filters, *_bias(writer, op), transB=1)
    writer.finish(op, _reshaped(writer, op, made))


def _reshaped(writer: _Writer, op: Op, name: str) -> str:
    tensor = writer.graph.output_of(op)
    if tensor is None:
        raise writer.refuse(op, "it has no output")
    return writer.add("Reshape", name, writer.constant(np.array(_extents(tensor), np.int64)))


def _pool(writer: _Writer, op: Op) -> None:
    made = writer.add(
        "AveragePool" if op.kind == "AVERAGE_POOL_2D" else "MaxPool",
        writer.real(op, 0, channels_first=True),
        kernel_shape=[op.option_int("filter_height", 1), op.option_int("filter_width", 1)],
        strides=[op.option_int("stride_h", 1), op.option_int("stride_w", 1)],
        auto_pad=_auto_pad(op),
    )
    writer.finish(op, made, channels_last=True)


def _mean(writer: _Writer, op: Op) -> None:
    keep = int(bool(op.options.get("keep_dims")))
    axes = writer.constant(np.atleast_1d(_constant(writer, op, 1)).astype(np.int64))
    writer.finish(op, writer.add("ReduceMean", writer.real(op, 0), axes, keepdims=keep))


def _pad(writer: _Writer, op: Op) -> None:
    before_after = _constant(writer, op, 1).astype(np.int64)
    pads = writer.constant(before_after.T.reshape(-1))
    writer.finish(op, writer.add("Pad", writer.real(op, 0), pads))


def _constant(writer: _Writer, op: Op, position: int) -> Array:
    tensor = writer.graph.input_of(op, position)
    if tensor is None or tensor.data is None:
        raise writer.refuse(op, f"its input {position} is computed")
    return tensor.data


def _reshape(writer: _Writer, op: Op) -> None:
    """Reshaping moves stored values: their scale stays, so they need not be real."""
    tensor = writer.graph.output_of(op)
    shape = writer.constant(np.array(_extents(tensor) if tensor else [], np.int64))
    writer.add("Reshape", f"t{op.inputs[0]}", shape, to=f"t{op.outputs[0]}")


def _concatenate(writer: _Writer, op: Op) -> None:
    parts = [writer.real(op, position) for position in range(len(op.inputs))]
    writer.finish(op, writer.add("Concat", *parts, axis=op.option_int("axis")))


def _softmax(writer: _Writer, op: Op) -> None:
    given = writer.real(op, 0)
    beta = op.options.get("beta", 1.0)
    if beta != 1.0:
        given = writer.add("Mul", given, writer.constant(np.array(beta, np.float32)))
    writer.finish(op, writer.add("Softmax", given, axis=-1))


def _convert(writer: _Writer, op: Op) -> None:
    """QUANTIZE and DEQUANTIZE: reading and writing do it already."""
    writer.finish(op, writer.real(op, 0))


def _direct(kind: str, inputs: int) -> Callable[[_Writer, Op], None]:
    """Return what writes an op that ONNX has under another name."""

    def write(writer: _Writer, op: Op) -> None:
        given: Sequence[str] = [writer.real(op, position) for position in range(inputs)]
        writer.finish(op, writer.add(kind, *given))

    return write


def _relu6(writer: _Writer, op: Op) -> None:
    ends = (writer.constant(np.array(end, np.float32)) for end in (0, 6))
    writer.finish(op, writer.add("Clip", writer.real(op, 0), *ends))


_WRITERS: dict[str, Callable[[_Writer, Op], None]] = {
    "ADD": _direct("Add", 2),
    "AVERAGE_POOL_2D": _pool,
    "CONCATENATION": _concatenate,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "DEQUANTIZE": _convert,
    "EXPAND_DIMS": _reshape,
    "FULLY_CONNECTED": _fully_connected,
    "LOGISTIC": _direct("Sigmoid", 1),
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "MUL": _direct("Mul", 2),
    "PAD": _pad,
    "QUANTIZE": _convert,
    "RELU": _direct("Relu", 1),
    "RELU6": _relu6,
    "RESHAPE": _reshape,
    "SOFTMAX": _softmax,
    "SQUEEZE": _reshape,
    "SUB": _direct("Sub", 2),
    "TANH": _direct("Tanh", 1),
}
ONNX_OPS = tuple(_WRITERS)
"""Kinds of op that are written."""
