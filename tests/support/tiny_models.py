"""Tiny `.tflite` models, made in memory from the schema's own builder functions.

`ModelBuilder` adds tensors and ops of any builtin kind and gives the bytes of a valid file
that interpreters run; the functions below it make the networks that several tests need.

>>> builder = ModelBuilder()
>>> x = builder.tensor((1, 4), "float32")
>>> y = builder.tensor((1, 4), "float32")
>>> builder.op("SOFTMAX", [x], [y], beta=1.0)
>>> builder.build([x], [y])[4:8]
b'TFL3'
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite

__all__ = ["ModelBuilder", "build_cnn", "build_fully_connected"]

OptionArgument = int | float | bool | str | Sequence[int]

# Kinds whose table of options is not the kind in camel case with "Options" behind it.
_OPTIONS: dict[str, str] = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "LSTM": "LSTMOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MEAN": "ReducerOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "SUM": "ReducerOptions",
    "SVDF": "SVDFOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
}

# Options whose integers have names in the schema.
_ENUMS: dict[str, type] = {
    "fused_activation_function": tflite.ActivationFunctionType,
    "in_data_type": tflite.TensorType,
    "mode": tflite.MirrorPadMode,
    "out_data_type": tflite.TensorType,
    "padding": tflite.Padding,
    "weights_format": tflite.FullyConnectedOptionsWeightsFormat,
}


@dataclass(frozen=True)
class _Tensor:
    shape: tuple[int, ...]
    dtype: str
    data: bytes
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int
    name: str
    is_variable: bool
    shape_signature: tuple[int, ...]


@dataclass(frozen=True)
class _Op:
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    version: int
    options: Mapping[str, OptionArgument]


class ModelBuilder:
    """Collects tensors and ops of one subgraph and writes them as a TFL3 flatbuffer.

    Parameters
    ----------
    description : str
        The file's description.
    """

    def __init__(self, description: str = "") -> None:
        self.description = description
        self._tensors: list[_Tensor] = []
        self._ops: list[_Op] = []

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str,
        *,
        data: npt.ArrayLike | bytes | None = None,
        scale: float | Sequence[float] = (),
        zero_point: int | Sequence[int] = (),
        axis: int = 0,
        name: str = "",
        is_variable: bool = False,
        shape_signature: Sequence[int] = (),
    ) -> int:
        """Add a tensor.

        Parameters
        ----------
        shape : sequence of int
        dtype : str
            TFLite's type in lower case: ``"float32"``, ``"int8"``, ``"int4"``, …
        data : array_like or bytes, optional
            Constant contents; arrays are cast to `dtype`, bytes taken as they are.
        scale, zero_point : number or sequence of number
            One, or one per channel along `axis`; a missing zero point is 0.
        axis : int
            Quantised dimension.
        name : str
            Default ``t0``, ``t1``, …
        is_variable : bool
            Whether the tensor keeps its state.
        shape_signature : sequence of int
            Shape with -1 for open dimensions.

        Returns
        -------
        int
            The tensor's index.
        """
        scales = (scale,) if isinstance(scale, int | float) else tuple(scale)
        zeros = (zero_point,) if isinstance(zero_point, int) else tuple(zero_point)
        if data is None:
            content = b""
        elif isinstance(data, bytes):
            content = data
        else:
            content = np.asarray(data).astype(dtype).tobytes()
        self._tensors.append(
            _Tensor(
                tuple(shape),
                dtype,
                content,
                tuple(float(value) for value in scales),
                zeros or (0,) * len(scales),
                axis,
                name or f"t{len(self._tensors)}",
                is_variable,
                tuple(shape_signature),
            )
        )
        return len(self._tensors) - 1

    def shape_of(self, index: int) -> tuple[int, ...]:
        """Return the shape of a tensor.

        Parameters
        ----------
        index : int

        Returns
        -------
        tuple of int
        """
        return self._tensors[index].shape

    def op(
        self,
        kind: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        *,
        version: int = 1,
        **options: OptionArgument,
    ) -> None:
        """Add an op, to be executed after those added before.

        Parameters
        ----------
        kind : str
            TFLite's name, such as ``"CONV_2D"``; ``"CUSTOM:name"`` for a custom op.
        inputs, outputs : sequence of int
            Tensor indices; -1 for an absent optional input.
        version : int
        **options
            The schema's attributes in snake case; enumerations by name (``padding="SAME"``).
        """
        self._ops.append(_Op(kind, tuple(inputs), tuple(outputs), version, options))

    def build(
        self,
        inputs: Sequence[int],
        outputs: Sequence[int],
        *,
        metadata: Mapping[str, bytes] | None = None,
    ) -> bytes:
        """Write the model.

        Parameters
        ----------
        inputs, outputs : sequence of int
            Tensor indices of the subgraph's inputs and outputs.
        metadata : mapping of str to bytes, optional
            Named metadata buffers.

        Returns
        -------
        bytes
            The file.
        """
        fb = flatbuffers.Builder(1024)
        extra = dict(metadata or {})
        contents = [b"", *(tensor.data for tensor in self._tensors), *extra.values()]
        buffers = _vector(fb, [_buffer(fb, content) for content in contents])
        first = 1 + len(self._tensors)
        entries = [_metadata(fb, name, first + i) for i, name in enumerate(extra)]
        metadata_vector = _vector(fb, entries)
        codes = list(dict.fromkeys((op.kind, op.version) for op in self._ops))
        code_vector = _vector(fb, [_operator_code(fb, *code) for code in codes])
        subgraphs = _vector(fb, [self._subgraph(fb, codes, inputs, outputs)])
        description = fb.CreateString(self.description)
        tflite.ModelStart(fb)
        tflite.ModelAddVersion(fb, 3)
        tflite.ModelAddOperatorCodes(fb, code_vector)
        tflite.ModelAddSubgraphs(fb, subgraphs)
        tflite.ModelAddDescription(fb, description)
        tflite.ModelAddBuffers(fb, buffers)
        tflite.ModelAddMetadata(fb, metadata_vector)
        fb.Finish(tflite.ModelEnd(fb), b"TFL3")
        return bytes(fb.Output())

    def _subgraph(
        self,
        fb: Any,
        codes: Sequence[tuple[str, int]],
        inputs: Sequence[int],
        outputs: Sequence[int],
    ) -> int:
        # Buffer 0 is the empty one; tensor i has buffer i + 1, empty where it is computed.
        tensors = [_write_tensor(fb, tensor, 1 + i) for i, tensor in enumerate(self._tensors)]
        tensor_vector = _vector(fb, tensors)
        ops = [_write_op(fb, op, codes.index((op.kind, op.version))) for op in self._ops]
        op_vector = _vector(fb, ops)
        input_vector, output_vector = _int32s(fb, inputs), _int32s(fb, outputs)
        name = fb.CreateString("main")
        tflite.SubGraphStart(fb)
        tflite.SubGraphAddTensors(fb, tensor_vector)
        tflite.SubGraphAddInputs(fb, input_vector)
        tflite.SubGraphAddOutputs(fb, output_vector)
        tflite.SubGraphAddOperators(fb, op_vector)
        tflite.SubGraphAddName(fb, name)
        return int(tflite.SubGraphEnd(fb))


def _vector(fb: Any, offsets: Sequence[int]) -> int:
    fb.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        fb.PrependUOffsetTRelative(offset)
    return int(fb.EndVector())


def _int32s(fb: Any, values: Sequence[int]) -> int:
    return int(fb.CreateNumpyVector(np.array(values, dtype=np.int32)))


def _buffer(fb: Any, content: bytes) -> int:
    vector = 0
    if content:
        # The schema asks for data aligned to 16 bytes (tflite schema.fbs, Buffer.data).
        fb.StartVector(1, len(content), 16)
        fb.head -= len(content)
        fb.Bytes[fb.head : fb.head + len(content)] = content
        vector = fb.EndVector()
    tflite.BufferStart(fb)
    if content:
        tflite.BufferAddData(fb, vector)
    return int(tflite.BufferEnd(fb))


def _metadata(fb: Any, name: str, buffer: int) -> int:
    text = fb.CreateString(name)
    tflite.MetadataStart(fb)
    tflite.MetadataAddName(fb, text)
    tflite.MetadataAddBuffer(fb, buffer)
    return int(tflite.MetadataEnd(fb))


def _operator_code(fb: Any, kind: str, version: int) -> int:
    base, _, custom_name = kind.partition(":")
    code = getattr(tflite.BuiltinOperator, base)
    custom = fb.CreateString(custom_name) if custom_name else 0
    tflite.OperatorCodeStart(fb)
    # Codes above 127 don't fit the old one-byte field, which then holds 127.
    tflite.OperatorCodeAddDeprecatedBuiltinCode(fb, min(code, 127))
    if custom:
        tflite.OperatorCodeAddCustomCode(fb, custom)
    tflite.OperatorCodeAddVersion(fb, version)
    tflite.OperatorCodeAddBuiltinCode(fb, code)
    return int(tflite.OperatorCodeEnd(fb))


def _quantization(fb: Any, tensor: _Tensor) -> int:
    scale = fb.CreateNumpyVector(np.array(tensor.scale, dtype=np.float32))
    zero_point = fb.CreateNumpyVector(np.array(tensor.zero_point, dtype=np.int64))
    tflite.QuantizationParametersStart(fb)
    tflite.QuantizationParametersAddScale(fb, scale)
    tflite.QuantizationParametersAddZeroPoint(fb, zero_point)
    tflite.QuantizationParametersAddQuantizedDimension(fb, tensor.axis)
    return int(tflite.QuantizationParametersEnd(fb))


def _write_tensor(fb: Any, tensor: _Tensor, buffer: int) -> int:
    shape = _int32s(fb, tensor.shape)
    signature = _int32s(fb, tensor.shape_signature) if tensor.shape_signature else 0
    name = fb.CreateString(tensor.name)
    quantization = _quantization(fb, tensor) if tensor.scale else 0
    tflite.TensorStart(fb)
    tflite.TensorAddShape(fb, shape)
    tflite.TensorAddType(fb, getattr(tflite.TensorType, tensor.dtype.upper()))
    tflite.TensorAddBuffer(fb, buffer)
    tflite.TensorAddName(fb, name)
    if quantization:
        tflite.TensorAddQuantization(fb, quantization)
    tflite.TensorAddIsVariable(fb, tensor.is_variable)
    if signature:
        tflite.TensorAddShapeSignature(fb, signature)
    return int(tflite.TensorEnd(fb))


def _camel(snake: str) -> str:
    return "".join(part.capitalize() for part in snake.lower().split("_"))


def _write_options(fb: Any, op: _Op) -> tuple[int, int]:
    """Return the option table's number in the schema's union, and its offset."""
    table = _OPTIONS.get(op.kind, _camel(op.kind) + "Options")
    union = getattr(tflite.BuiltinOptions, table, 0)
    if not union:
        if op.options:
            raise ValueError(f"{op.kind} has no options table {table}")
        return 0, 0
    module = importlib.import_module(f"tflite.{table}")
    values: dict[str, Any] = {}
    for name, value in op.options.items():
        if isinstance(value, str):
            values[name] = getattr(_ENUMS[name], value)
        elif isinstance(value, list | tuple):
            values[name] = _int32s(fb, value)
        else:
            values[name] = value
    module.Start(fb)
    for name, value in values.items():
        getattr(module, f"Add{_camel(name)}")(fb, value)
    return union, int(module.End(fb))


def _write_op(fb: Any, op: _Op, code: int) -> int:
    union, options = _write_options(fb, op)
    inputs, outputs = _int32s(fb, op.inputs), _int32s(fb, op.outputs)
    tflite.OperatorStart(fb)
    tflite.OperatorAddOpcodeIndex(fb, code)
    tflite.OperatorAddInputs(fb, inputs)
    tflite.OperatorAddOutputs(fb, outputs)
    if union:
        tflite.OperatorAddBuiltinOptionsType(fb, union)
        tflite.OperatorAddBuiltinOptions(fb, options)
    return int(tflite.OperatorEnd(fb))


class _Layers:
    """A builder with the weights of float32 or int8 networks drawn from one seed."""

    def __init__(self, dtype: str, seed: int) -> None:
        if dtype not in ("float32", "int8"):
            raise ValueError(f"dtype must be float32 or int8, got {dtype}")
        self.builder = ModelBuilder(f"tiny {dtype} test model")
        self.quantized = dtype == "int8"
        self.random = np.random.default_rng(seed)

    def activation(self, shape: Sequence[int], scale: float = 0.05, zero_point: int = 0) -> int:
        if self.quantized:
            return self.builder.tensor(shape, "int8", scale=scale, zero_point=zero_point)
        return self.builder.tensor(shape, "float32")

    def weights(self, shape: Sequence[int], channels: int, axis: int) -> tuple[int, int]:
        """Add weights, quantised per channel along `axis`, and their bias."""
        add = self.builder.tensor
        if not self.quantized:
            filters = self.random.normal(0, 0.5, shape)
            bias = self.random.normal(0, 0.1, channels)
            return add(shape, "float32", data=filters), add((channels,), "float32", data=bias)
        scales = self.random.uniform(0.005, 0.01, channels)
        data = self.random.integers(-127, 128, shape)
        filters_index = add(shape, "int8", data=data, scale=scales.tolist(), axis=axis)
        bias_data = self.random.integers(-200, 201, channels)
        bias_scale = (scales * 0.05).tolist()
        return filters_index, add((channels,), "int32", data=bias_data, scale=bias_scale)


def build_fully_connected(
    inputs: int = 4,
    outputs: int = 3,
    *,
    dtype: str = "int8",
    softmax: bool = True,
    seed: int = 0,
) -> bytes:
    """Make a model of one FULLY_CONNECTED op, with a SOFTMAX behind it if asked.

    Parameters
    ----------
    inputs, outputs : int
        Elements of the input ``(1, inputs)`` and the output ``(1, outputs)``.
    dtype : str
        ``"int8"`` (input scale 0.05, zero point 0, weights per channel) or ``"float32"``.
    softmax : bool
    seed : int
        Of the weights.

    Returns
    -------
    bytes
    """
    layers = _Layers(dtype, seed)
    builder = layers.builder
    x = layers.activation((1, inputs))
    weights, bias = layers.weights((outputs, inputs), outputs, axis=0)
    y = layers.activation((1, outputs))
    builder.op("FULLY_CONNECTED", [x, weights, bias], [y], version=4 if layers.quantized else 1)
    if softmax:
        probabilities = layers.activation((1, outputs), 1 / 256, -128)
        builder.op("SOFTMAX", [y], [probabilities], version=2, beta=1.0)
        y = probabilities
    return builder.build([x], [y])


def build_cnn(*, dtype: str = "int8", side: int = 8, channels: int = 4, seed: int = 0) -> bytes:
    """Make a small image classifier with the ops of the common families.

    CONV_2D, DEPTHWISE_CONV_2D, AVERAGE_POOL_2D, RESHAPE, FULLY_CONNECTED, SOFTMAX.

    Parameters
    ----------
    dtype : str
        ``"int8"`` or ``"float32"``.
    side : int
        Height and width of the ``(1, side, side, 1)`` input; even.
    channels : int
        Of both convolutions; the output is ``(1, 3)``.
    seed : int
        Of the weights.

    Returns
    -------
    bytes
    """
    layers = _Layers(dtype, seed)
    builder, half = layers.builder, side // 2
    x = layers.activation((1, side, side, 1))
    w1, b1 = layers.weights((channels, 3, 3, 1), channels, axis=0)
    y1 = layers.activation((1, half, half, channels))
    w2, b2 = layers.weights((1, 3, 3, channels), channels, axis=3)
    y2 = layers.activation((1, half, half, channels))
    y3 = layers.activation((1, 1, 1, channels))
    shape = builder.tensor((2,), "int32", data=[1, channels])
    y4 = layers.activation((1, channels))
    w5, b5 = layers.weights((3, channels), 3, axis=0)
    y5 = layers.activation((1, 3))
    y6 = layers.activation((1, 3), 1 / 256, -128)
    conv = 3 if layers.quantized else 1
    same: dict[str, str] = {"padding": "SAME", "fused_activation_function": "RELU"}
    builder.op(
        "CONV_2D", [x, w1, b1], [y1], version=conv, stride_h=2, stride_w=2,
        dilation_h_factor=1, dilation_w_factor=1, **same,
    )  # fmt: skip
    builder.op(
        "DEPTHWISE_CONV_2D", [y1, w2, b2], [y2], version=conv, stride_h=1, stride_w=1,
        depth_multiplier=1, dilation_h_factor=1, dilation_w_factor=1, **same,
    )  # fmt: skip
    builder.op(
        "AVERAGE_POOL_2D", [y2], [y3], version=2 if layers.quantized else 1, padding="VALID",
        stride_h=half, stride_w=half, filter_height=half, filter_width=half,
    )  # fmt: skip
    builder.op("RESHAPE", [y3, shape], [y4], new_shape=[1, channels])
    builder.op("FULLY_CONNECTED", [y4, w5, b5], [y5], version=4 if layers.quantized else 1)
    builder.op("SOFTMAX", [y5], [y6], version=2, beta=1.0)
    return builder.build([x], [y6])
