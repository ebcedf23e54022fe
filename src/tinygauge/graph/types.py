"""The graph of a model: ops and tensors by index, constants as views of the file.

Nothing here knows the file format (see `tflite.py`) or any hardware.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

__all__ = ["DType", "Model", "Op", "OptionValue", "Quantization", "Subgraph", "Tensor"]

OptionValue = int | float | str | bool | tuple[int, ...]


class DType(StrEnum):
    """Element types of TFLite tensors; the value is the printed name."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    FLOAT64 = "float64"
    BFLOAT16 = "bfloat16"
    INT2 = "int2"
    INT4 = "int4"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    BOOL = "bool"
    STRING = "string"
    RESOURCE = "resource"
    VARIANT = "variant"
    COMPLEX64 = "complex64"
    COMPLEX128 = "complex128"

    @property
    def bits(self) -> int:
        """Bits per element; 0 for types without a fixed size."""
        return _BITS.get(self, 0)

    @property
    def is_float(self) -> bool:
        """Whether elements are real floating-point numbers."""
        return self in (DType.FLOAT16, DType.FLOAT32, DType.FLOAT64, DType.BFLOAT16)


_BITS: dict[DType, int] = {
    DType.FLOAT32: 32,
    DType.FLOAT16: 16,
    DType.FLOAT64: 64,
    DType.BFLOAT16: 16,
    DType.INT2: 2,
    DType.INT4: 4,
    DType.INT8: 8,
    DType.INT16: 16,
    DType.INT32: 32,
    DType.INT64: 64,
    DType.UINT8: 8,
    DType.UINT16: 16,
    DType.UINT32: 32,
    DType.UINT64: 64,
    DType.BOOL: 8,
    # A resource tensor holds a 32-bit handle in TFLM (tflite-micro memory_helpers.cc,
    # TfLiteTypeSizeOf: sizeof(int32_t) for kTfLiteResource).
    DType.RESOURCE: 32,
    DType.COMPLEX64: 64,
    DType.COMPLEX128: 128,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """Affine quantisation: real = scale * (stored - zero_point).

    Parameters
    ----------
    scale : tuple of float
        One entry per tensor, or one per channel along `axis`.
    zero_point : tuple of int
        As many as `scale`.
    axis : int
        The channel dimension; meaningful with more than one scale.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        """Whether channels have scales of their own."""
        return len(self.scale) > 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tensor:
    """One tensor of a subgraph.

    Parameters
    ----------
    index : int
        Its place in the subgraph's list.
    name : str
        As in the file; may be empty.
    shape : tuple of int
        Dimensions; -1 where the file leaves one open.
    dtype : DType
        Element type.
    quantization : Quantization or None
        None for tensors without scale.
    data : ndarray or None
        Constant contents, read-only, of `shape` (int4 unpacked to int8); None where the
        tensor is computed at run time.
    is_variable : bool
        Whether it keeps its state between invocations.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: DType
    quantization: Quantization | None = None
    data: npt.NDArray[np.generic] | None = None
    is_variable: bool = False

    @property
    def elements(self) -> int:
        """Number of elements; open dimensions count as 1."""
        return math.prod(max(1, extent) if extent < 0 else extent for extent in self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes in memory, packed types rounded up to whole bytes."""
        return (self.elements * self.dtype.bits + 7) // 8

    @property
    def is_constant(self) -> bool:
        """Whether the contents are in the file."""
        return self.data is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One operation of a subgraph.

    Parameters
    ----------
    index : int
        Its place in execution order.
    kind : str
        TFLite's name, such as ``"CONV_2D"``; ``"CUSTOM:name"`` for custom ops.
    inputs, outputs, intermediates : tuple of int
        Tensor indices; -1 for an optional input that is absent.
    options : mapping of str to int, float, str, bool or tuple of int
        The op's attributes by their schema names in snake case, such as ``stride_h``.
    version : int
        The op's version in the file.
    """

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    intermediates: tuple[int, ...] = ()
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    version: int = 1

    def option_int(self, name: str, default: int = 0) -> int:
        """Return an integer attribute, or `default` where the file does not state it."""
        value = self.options.get(name, default)
        return int(value) if isinstance(value, int | float) else default


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subgraph:
    """Tensors and ops in execution order, with the inputs and outputs of the whole."""

    index: int
    name: str
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def tensor(self, index: int) -> Tensor | None:
        """Return a tensor by index; None for -1, the absent optional input."""
        return None if index < 0 else self.tensors[index]

    def input_of(self, op: Op, position: int) -> Tensor | None:
        """Return an op's input at a position; None where it is absent."""
        return self.tensor(op.inputs[position]) if position < len(op.inputs) else None

    def output_of(self, op: Op, position: int = 0) -> Tensor | None:
        """Return an op's output at a position; None where it is absent."""
        return self.tensor(op.outputs[position]) if position < len(op.outputs) else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A model file: what it computes and what it is called.

    Parameters
    ----------
    name : str
        The file's stem.
    path : str
        Where it was read from; empty for bytes.
    content : bytes
        The whole file.
    sha256 : str
        Of `content`, in hex.
    subgraphs : tuple of Subgraph
        At least one; the first is the one that runs.
    description : str
        As in the file.
    metadata : mapping of str to bytes
        Named metadata buffers, such as the offline memory plan.
    """

    name: str
    path: str
    content: bytes = field(repr=False)
    sha256: str
    subgraphs: tuple[Subgraph, ...] = field(repr=False)
    description: str = ""
    metadata: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def main(self) -> Subgraph:
        """The subgraph that runs."""
        return self.subgraphs[0]

    @property
    def size_bytes(self) -> int:
        """Bytes of the file."""
        return len(self.content)
