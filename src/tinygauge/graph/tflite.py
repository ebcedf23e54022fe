"""Read `.tflite` files into graphs, without trusting them.

The schema comes from the `tflite` package. FlatBuffers' Python reader does no verification, so
every count is checked against the file's size, every index against its list and every constant
against its shape, and a file whose parts lie on top of each other is refused before it costs
time or memory; whatever still goes wrong ends as `ModelFormatError` with the file's name.
Nothing here runs a model.

>>> parse(b"not a model", name="x")
Traceback (most recent call last):
    ...
tinygauge.errors.ModelFormatError: x: this is no .tflite file (11 bytes). Give a TFLite model
"""

from __future__ import annotations

import hashlib
import inspect
import math
import re
import struct
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from tinygauge.errors import ModelFormatError, UnsupportedOpError
from tinygauge.graph.types import (
    DType,
    Model,
    Op,
    OptionValue,
    Quantization,
    Subgraph,
    Tensor,
)

__all__ = ["load", "parse"]

_IDENTIFIER = b"TFL3"
_SMALLEST_BYTES = 32
# Beyond any microcontroller and any model meant for one; keeps a damaged shape from
# asking for terabytes.
_MAX_FILE_BYTES = 512 * 1024**2
_MAX_ELEMENTS = 2**31
# Far more than any kernel takes (TFLM: 6), and fewer than NumPy's limit.
_MAX_DIMENSIONS = 32
# How often a file may be read over, on average. Sound files share little (a name, a buffer);
# hostile ones point at the same bytes from everywhere, which would take hours and terabytes.
_MAX_READINGS = 4
# No table takes less room, its place in its parent's vector included.
_TABLE_BYTES = 32

# What FlatBuffers' accessors raise on damaged offsets, lengths and numbers.
_DAMAGE = (
    struct.error,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    OverflowError,
    AttributeError,
    MemoryError,
)

_OTHER_FORMATS = (
    (b"version https://git-lfs", "this is a Git LFS pointer", "Run: git lfs pull"),
    (b"\x89HDF", "this is a Keras HDF5 file", "Convert it with tf.lite.TFLiteConverter"),
    (b"PK\x03\x04", "this is a zip archive (a .keras file?)", "Convert or unpack it first"),
    (b"<!DOCTYPE", "this is a web page", "Download the raw file"),
    (b"<html", "this is a web page", "Download the raw file"),
)

_NUMPY_TYPES: dict[DType, str] = {
    DType.FLOAT32: "<f4",
    DType.FLOAT16: "<f2",
    DType.FLOAT64: "<f8",
    DType.BFLOAT16: "<u2",
    DType.INT8: "i1",
    DType.INT16: "<i2",
    DType.INT32: "<i4",
    DType.INT64: "<i8",
    DType.UINT8: "u1",
    DType.UINT16: "<u2",
    DType.UINT32: "<u4",
    DType.UINT64: "<u8",
    DType.BOOL: "?",
    DType.COMPLEX64: "<c8",
    DType.COMPLEX128: "<c16",
}


def load(path: str | Path) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : str or Path
        A `.tflite` file.

    Returns
    -------
    Model

    Raises
    ------
    ModelFormatError
        If the file can't be read, is too large, truncated or damaged.
    UnsupportedOpError
        If it uses a feature that is refused, such as sparse tensors.
    """
    file = Path(path)
    try:
        size_bytes = file.stat().st_size
        if size_bytes > _MAX_FILE_BYTES:
            problem = f"{size_bytes:,} bytes, more than {_MAX_FILE_BYTES:,}"
            raise ModelFormatError(str(path), problem, "Give a model for a microcontroller")
        content = file.read_bytes()
    except OSError as error:
        advice = "Check the path and its permissions"
        raise ModelFormatError(str(path), f"can't read it ({error.strerror})", advice) from error
    return parse(content, name=_printable(file.stem), path=str(path))


def parse(content: bytes, *, name: str, path: str = "") -> Model:
    """Read a model from bytes.

    Parameters
    ----------
    content : bytes
        The whole file.
    name : str
        What to call the model.
    path : str
        Where the bytes came from; for messages.

    Returns
    -------
    Model

    Raises
    ------
    ModelFormatError
        If the bytes are no model, truncated or damaged.
    UnsupportedOpError
        If the model uses a feature that is refused, such as sparse tensors.
    """
    where = path or name
    _check_header(content, where)
    try:
        return _Reader(content, where).model(name, path)
    except _DAMAGE as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelFormatError(
            where, f"the file is damaged or truncated ({detail})", "Convert or download it again"
        ) from error


def _check_header(content: bytes, where: str) -> None:
    for magic, problem, advice in _OTHER_FORMATS:
        if content[:64].lstrip().startswith(magic):
            raise ModelFormatError(where, problem, advice)
    if content[4:8] != _IDENTIFIER:
        size = "it is empty" if not content else f"{len(content):,} bytes"
        raise ModelFormatError(where, f"this is no .tflite file ({size})", "Give a TFLite model")
    if len(content) < _SMALLEST_BYTES:
        problem = f"the file is truncated ({len(content)} bytes)"
        raise ModelFormatError(where, problem, "Convert or download it again")


class _Reader:
    """Walks one file; every count and index it meets is checked before use."""

    def __init__(self, content: bytes, where: str) -> None:
        self.content = content
        self.where = where
        self.root = tflite.Model.GetRootAs(content, 0)
        self.left_bytes = _MAX_READINGS * len(content)

    def fail(self, problem: str) -> ModelFormatError:
        return ModelFormatError(self.where, problem, "Convert or download it again")

    def spend(self, size_bytes: int) -> None:
        """Account for bytes that were read or copied."""
        self.left_bytes -= size_bytes
        if self.left_bytes < 0:
            raise self.fail("its parts lie on top of each other")

    def count(self, length: int, what: str) -> range:
        """Range over a vector of tables, which take at least four bytes each in the file."""
        if not 0 <= length <= len(self.content) // 4:
            raise self.fail(f"it claims {length:,} {what} in {len(self.content):,} bytes")
        self.spend(length * _TABLE_BYTES)
        return range(length)

    def text(self, raw: bytes | None) -> str:
        self.spend(len(raw or b""))
        return _text(raw)

    def ints(self, vector: Any) -> tuple[int, ...]:
        found = _ints(vector)
        self.spend(4 * len(found))
        return found

    def model(self, name: str, path: str) -> Model:
        root = self.root
        graphs = self.count(root.SubgraphsLength(), "subgraphs")
        if not graphs:
            raise self.fail("it holds no subgraph")
        kinds = [
            self.kind(root.OperatorCodes(i))
            for i in self.count(root.OperatorCodesLength(), "operator codes")
        ]
        return Model(
            name=name,
            path=path,
            content=self.content,
            sha256=hashlib.sha256(self.content).hexdigest(),
            subgraphs=tuple(self.subgraph(i, root.Subgraphs(i), kinds) for i in graphs),
            description=self.text(root.Description()),
            metadata=dict(self.metadata()),
        )

    def metadata(self) -> Iterator[tuple[str, bytes]]:
        for i in self.count(self.root.MetadataLength(), "metadata entries"):
            entry = self.root.Metadata(i)
            data = self.buffer(entry.Buffer())
            self.spend(data.size)
            yield self.text(entry.Name()), data.tobytes()

    def kind(self, code: Any) -> tuple[str, int]:
        # Codes under 128 were once the only ones; files state the larger of the two fields
        # (tensorflow/lite/schema/schema_utils.cc, GetBuiltinCode).
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = _op_names().get(number, f"UNKNOWN_{number}")
        if name == "CUSTOM":
            name = f"CUSTOM:{self.text(code.CustomCode()) or 'unnamed'}"
        return name, code.Version()

    def buffer(self, index: int) -> npt.NDArray[np.uint8]:
        """Contents of a buffer, as a read-only view of the file; empty for buffer 0."""
        if not 0 <= index < self.root.BuffersLength():
            raise self.fail(f"buffer {index} does not exist")
        buffer = self.root.Buffers(index)
        if buffer.Offset() > 1:  # models over 2 GiB keep data behind the FlatBuffer
            start, size = buffer.Offset(), buffer.Size()
            if start + size > len(self.content):
                raise self.fail(f"buffer {index} ends behind the file")
            return np.frombuffer(self.content, np.uint8, size, start)
        if buffer.DataLength() == 0:
            return np.empty(0, np.uint8)
        data: npt.NDArray[np.uint8] = buffer.DataAsNumpy()
        return data

    def subgraph(self, index: int, graph: Any, kinds: list[tuple[str, int]]) -> Subgraph:
        tensors = tuple(
            self.tensor(i, graph.Tensors(i)) for i in self.count(graph.TensorsLength(), "tensors")
        )
        ops = tuple(
            self.op(i, graph.Operators(i), kinds, len(tensors))
            for i in self.count(graph.OperatorsLength(), "ops")
        )
        return Subgraph(
            index=index,
            name=self.text(graph.Name()),
            tensors=tensors,
            ops=ops,
            inputs=self.ends(graph.InputsAsNumpy(), len(tensors), "a subgraph input"),
            outputs=self.ends(graph.OutputsAsNumpy(), len(tensors), "a subgraph output"),
        )

    def indices(self, vector: Any, limit: int, what: str) -> tuple[int, ...]:
        found = self.ints(vector)
        for index in found:
            if not -1 <= index < limit:
                raise self.fail(f"{what} names tensor {index} of {limit}")
        return found

    def ends(self, vector: Any, limit: int, what: str) -> tuple[int, ...]:
        """Read indices of tensors that must be there: -1 is for optional inputs of ops."""
        found = self.indices(vector, limit, what)
        if -1 in found:
            raise self.fail(f"{what} names no tensor")
        return found

    def tensor(self, index: int, tensor: Any) -> Tensor:
        name = self.text(tensor.Name())
        label = f"tensor {index} '{name}'"
        code = tensor.Type()
        if code not in _dtype_names():
            raise self.fail(f"{label} has unknown type {code}")
        if tensor.Sparsity() is not None:
            raise UnsupportedOpError(
                self.where, f"{label} is stored sparse", "Store weights dense: TFLM needs them so"
            )
        dtype = DType(_dtype_names()[code])
        shape = self.ints(tensor.ShapeAsNumpy())
        if len(shape) > _MAX_DIMENSIONS:
            raise self.fail(f"{label} has {len(shape):,} dimensions")
        if any(extent < -1 for extent in shape):
            raise self.fail(f"{label} has shape {shape}")
        if math.prod(max(1, extent) for extent in shape) >= _MAX_ELEMENTS:
            raise self.fail(f"{label} has shape {shape}, more than {_MAX_ELEMENTS:,} elements")
        plain = Tensor(
            index=index,
            name=name,
            shape=shape,
            dtype=dtype,
            quantization=self.quantization(label, shape, tensor.Quantization()),
            is_variable=bool(tensor.IsVariable()),
        )
        data = self.constant(label, plain, self.buffer(tensor.Buffer()))
        if data is None:
            return plain
        return Tensor(
            index=index,
            name=name,
            shape=shape,
            dtype=dtype,
            quantization=plain.quantization,
            data=data,
            is_variable=plain.is_variable,
        )

    def quantization(self, label: str, shape: tuple[int, ...], found: Any) -> Quantization | None:
        if found is None or found.ScaleLength() == 0:
            return None
        self.spend(4 * found.ScaleLength())
        scale = tuple(float(value) for value in found.ScaleAsNumpy())
        zero_point = self.ints(found.ZeroPointAsNumpy()) or (0,) * len(scale)
        axis = found.QuantizedDimension()
        if len(zero_point) == 1 and len(scale) > 1:
            zero_point *= len(scale)
        if len(zero_point) != len(scale):
            raise self.fail(f"{label} has {len(scale)} scales and {len(zero_point)} zero points")
        if not all(math.isfinite(value) and value >= 0 for value in scale):
            raise self.fail(f"{label} has a scale that is no positive number")
        if len(scale) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scale)):
            raise self.fail(f"{label} of shape {shape} has {len(scale)} scales on axis {axis}")
        return Quantization(scale=scale, zero_point=zero_point, axis=axis)

    def constant(
        self, label: str, tensor: Tensor, raw: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.generic] | None:
        if raw.size == 0 or tensor.is_variable:
            return None
        if tensor.dtype is DType.STRING:
            return raw
        if any(extent < 0 for extent in tensor.shape):
            raise self.fail(f"{label} is a constant of open shape {tensor.shape}")
        if raw.size != tensor.size_bytes:
            raise self.fail(
                f"{label} needs {tensor.size_bytes:,} bytes for shape {tensor.shape}, "
                f"the file has {raw.size:,}"
            )
        if tensor.dtype is DType.INT4:
            self.spend(raw.size)
            return _unpack_int4(raw, tensor.elements).reshape(tensor.shape)
        if tensor.dtype not in _NUMPY_TYPES:
            raise self.fail(f"{label} is a constant of type {tensor.dtype}")
        return raw.view(_NUMPY_TYPES[tensor.dtype]).reshape(tensor.shape)

    def op(self, index: int, op: Any, kinds: list[tuple[str, int]], tensors: int) -> Op:
        code = op.OpcodeIndex()
        if not 0 <= code < len(kinds):
            raise self.fail(f"op {index} has operator code {code} of {len(kinds)}")
        kind, version = kinds[code]
        label = f"op {index} {kind}"
        options = _options(op)
        self.spend(sum(4 * len(v) for v in options.values() if isinstance(v, str | tuple)))
        return Op(
            index=index,
            kind=kind,
            inputs=self.indices(op.InputsAsNumpy(), tensors, label),
            outputs=self.indices(op.OutputsAsNumpy(), tensors, label),
            intermediates=self.indices(op.IntermediatesAsNumpy(), tensors, label),
            options=options,
            version=version,
        )


def _text(raw: bytes | None) -> str:
    return _printable(raw.decode("utf-8", errors="replace")) if raw else ""


def _printable(text: str) -> str:
    """Keep control characters, which terminals obey and XML forbids, out of names."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _ints(vector: Any) -> tuple[int, ...]:
    """Tuple of a FlatBuffers vector; its accessor returns the number 0 for an absent one."""
    return tuple(vector.tolist()) if isinstance(vector, np.ndarray) else ()


def _unpack_int4(raw: npt.NDArray[np.uint8], elements: int) -> npt.NDArray[np.int8]:
    """Two elements a byte, the low half first, as TFLite stores them."""
    halves = np.stack([raw & 0x0F, raw >> 4], axis=-1).reshape(-1)[:elements].astype(np.int8)
    return np.where(halves > 7, halves - 16, halves).astype(np.int8)


@cache
def _op_names() -> dict[int, str]:
    return _enum_names(tflite.BuiltinOperator)


@cache
def _dtype_names() -> dict[int, str]:
    known = {member.value for member in DType}
    names = _enum_names(tflite.TensorType)
    return {code: name.lower() for code, name in names.items() if name.lower() in known}


@cache
def _enum_names(enum: type) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}


# Between words: StrideH -> Stride_H, DilationHFactor -> Dilation_H_Factor.
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

# Attributes whose numbers stand for names.
_ENUMS = {
    "padding": tflite.Padding,
    "fused_activation_function": tflite.ActivationFunctionType,
    "weights_format": tflite.FullyConnectedOptionsWeightsFormat,
}


def _options(op: Any) -> dict[str, OptionValue]:
    table = op.BuiltinOptions()
    name = _enum_names(tflite.BuiltinOptions).get(op.BuiltinOptionsType(), "NONE")
    if table is None or not hasattr(tflite, name):
        return {}
    options = getattr(tflite, name)()
    options.Init(table.Bytes, table.Pos)
    return {key: read(options) for key, read in _option_readers(name)}


@cache
def _option_readers(name: str) -> tuple[tuple[str, Callable[[Any], OptionValue]], ...]:
    """List a generated options class's attributes: key in snake case, and how to read it."""
    members = dict(inspect.getmembers(getattr(tflite, name), inspect.isfunction))
    readers: list[tuple[str, Callable[[Any], OptionValue]]] = []
    for member, getter in members.items():
        if member == "Init" or member.endswith(("Length", "IsNone", "AsNumpy")):
            continue
        key = _CAMEL.sub("_", member).lower()
        if f"{member}AsNumpy" in members:
            readers.append((key, _vector_reader(members[f"{member}AsNumpy"])))
        elif len(inspect.signature(getter).parameters) == 1:
            readers.append((key, _scalar_reader(key, getter)))
    return tuple(readers)


def _vector_reader(getter: Callable[[Any], Any]) -> Callable[[Any], OptionValue]:
    return lambda options: _ints(getter(options))


def _scalar_reader(key: str, getter: Callable[[Any], Any]) -> Callable[[Any], OptionValue]:
    names = _enum_names(_ENUMS[key]) if key in _ENUMS else None

    def read(options: Any) -> OptionValue:
        value = getter(options)
        if names is not None:
            return names.get(value, f"UNKNOWN_{value}")
        if isinstance(value, bytes):
            return _text(value)
        return value if isinstance(value, int | float | bool) else str(value)

    return read
