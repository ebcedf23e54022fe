"""Turn a trained network into a ``.tflite`` file and check what is in it.

The input has the fixed shape ``[1, 28, 28, 1]`` and the variables are frozen to constants first, so
that the converter folds every batch norm and leaves no shape arithmetic behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from architectures import IMAGE_SHAPE
from tensorflow import keras
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

FILE_IDENTIFIER = b"TFL3"
BUFFER_ALIGNMENT_BYTES = 16
ALLOWED_OPS = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "MAX_POOL_2D",
        "MEAN",
        "PAD",
        "RESHAPE",
        "SOFTMAX",
    }
)
_OP_NAMES = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)
}
# What an op's inputs after the first are, where they are constants (ADD's second one isn't).
_CONSTANT_INPUTS = {
    "CONV_2D": ("weights", "bias"),
    "DEPTHWISE_CONV_2D": ("weights", "bias"),
    "FULLY_CONNECTED": ("weights", "bias"),
    "MEAN": ("axes",),
    "PAD": ("padding",),
    "RESHAPE": ("shape",),
}
# "n_1/c1_relu_1/Relu;n_1/c1_1/convolution" is layer c1; "n_1/c1_pad_1/Pad" stays c1_pad.
_LAYER_IN_TENSOR_NAME = re.compile(r"^n(?:_\d+)?/([a-z]+\d*[a-z]?(?:_pad)?)(?:_|/)")


def convert(model: keras.Model, variant: str, images: npt.NDArray[np.float32]) -> bytes:
    """Convert a trained network.

    Parameters
    ----------
    model : keras.Model
        The network.
    variant : str
        ``f32``, ``i8``, ``i8_pruned`` (the same conversion as ``i8``) or ``i16x8``.
    images : ndarray of float32, shape (n, 28, 28, 1)
        Training images, 0..1, from which the activation ranges are taken.

    Returns
    -------
    bytes
        The ``.tflite`` file.
    """
    infer = tf.function(
        lambda image: model(image, training=False),
        input_signature=[tf.TensorSpec((1, *IMAGE_SHAPE), tf.float32, name="image")],
    )
    frozen = convert_variables_to_constants_v2(infer.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    if variant != "f32":
        _quantise(converter, variant, images)
    return _slim(converter.convert())


def _quantise(converter: Any, variant: str, images: npt.NDArray[np.float32]) -> None:
    def representative_dataset() -> Iterator[list[npt.NDArray[np.float32]]]:
        for image in images:
            yield [image[np.newaxis]]

    is_i16x8 = variant == "i16x8"
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative_dataset
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        if is_i16x8
        else tf.lite.OpsSet.TFLITE_BUILTINS_INT8
    ]
    converter.inference_input_type = tf.int16 if is_i16x8 else tf.int8
    converter.inference_output_type = converter.inference_input_type


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A buffer that honours ``force_align: 16``, which FlatBuffers' Python code ignores.

    On a microcontroller the weights are read in place, and int32 biases must be aligned.
    """

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 (FlatBuffers' name)
        """Write the buffer and return its offset."""
        if self.data is None or len(self.data) == 0:
            schema.BufferStart(builder)
            return int(schema.BufferEnd(builder))
        content = np.asarray(self.data, np.uint8).tobytes()
        builder.StartVector(1, len(content), BUFFER_ALIGNMENT_BYTES)
        builder.head -= len(content)
        builder.Bytes[builder.head : builder.head + len(content)] = content
        data = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, data)
        return int(schema.BufferEnd(builder))


def _shorten_names(subgraph: Any, ops: list[str]) -> None:
    """Name each op's output after its layer, and its constants after that."""
    for tensor in subgraph.tensors:
        tensor.name = tensor.name.decode()
    subgraph.tensors[subgraph.inputs[0]].name = "image"
    taken = {"image"}
    for name, op in zip(ops, subgraph.operators, strict=True):
        output = subgraph.tensors[op.outputs[0]]
        match = _LAYER_IN_TENSOR_NAME.match(output.name)
        layer = match.group(1) if match else "scores"
        if layer in taken:
            raise ValueError(f"two ops would be called {layer}; the second is {output.name}")
        taken.add(layer)
        output.name = layer
        for index, part in zip(op.inputs[1:], _CONSTANT_INPUTS.get(name, ()), strict=False):
            if index >= 0:
                subgraph.tensors[index].name = f"{layer}/{part}"


def _slim(content: bytes) -> bytes:
    """Drop what only the converter needs: long names, calibration ranges and metadata."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    model.description = None
    model.metadata = None
    model.signatureDefs = None
    kept = [model.buffers[0]]
    for subgraph in model.subgraphs:
        subgraph.name = None
        _shorten_names(subgraph, op_names(content))
        for tensor in subgraph.tensors:
            if tensor.quantization is not None:
                tensor.quantization.min = tensor.quantization.max = None
            if tensor.buffer != 0:
                kept.append(model.buffers[tensor.buffer])
                tensor.buffer = len(kept) - 1
    for buffer in kept:
        buffer.__class__ = _AlignedBuffer
    model.buffers = kept
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


def op_names(content: bytes) -> list[str]:
    """Return the builtin op names of a model file in order of execution."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    return [_OP_NAMES[codes[op.opcodeIndex]] for op in model.subgraphs[0].operators]


def dead_channels(content: bytes) -> dict[str, int]:
    """Count the output channels whose weights and bias are all exactly zero.

    Parameters
    ----------
    content : bytes
        A ``.tflite`` file.

    Returns
    -------
    dict of str to int
        Per convolution that has any, by name of its output tensor.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    subgraph = model.subgraphs[0]
    dead = {}
    for name, op in zip(op_names(content), subgraph.operators, strict=True):
        if name not in {"CONV_2D", "DEPTHWISE_CONV_2D"}:
            continue
        weights, bias = (subgraph.tensors[index] for index in op.inputs[1:3])
        # Every dtype used here writes zero as zero bytes, so bytes are enough to compare.
        channel_axis = 0 if name == "CONV_2D" else 3
        stored = np.asarray(model.buffers[weights.buffer].data, np.uint8)
        per_channel = np.moveaxis(stored.reshape(*weights.shape, -1), channel_axis, 0)
        biases = np.asarray(model.buffers[bias.buffer].data, np.uint8).reshape(len(per_channel), -1)
        is_dead = ~per_channel.reshape(len(per_channel), -1).any(axis=1) & ~biases.any(axis=1)
        if is_dead.any():
            dead[subgraph.tensors[op.outputs[0]].name.decode()] = int(is_dead.sum())
    return dead


def check(content: bytes, *, is_pruned: bool) -> None:
    """Raise ValueError on unexpected ops or shapes, or a pruned model without dead channels."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    subgraph = model.subgraphs[0]
    shape = tuple(int(size) for size in subgraph.tensors[subgraph.inputs[0]].shape)
    if shape != (1, *IMAGE_SHAPE):
        raise ValueError(f"the input has shape {shape}, not {(1, *IMAGE_SHAPE)}")
    unexpected = set(op_names(content)) - ALLOWED_OPS
    if unexpected:
        raise ValueError(f"unexpected ops: {sorted(unexpected)}")
    if is_pruned and not dead_channels(content):
        raise ValueError("a pruned model has no dead channels")
