"""Where tensors lie in C, and what collects definitions and calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tinygauge.exact import pairs
from tinygauge.exact.scales import LIMITS
from tinygauge.exact.steps import Step
from tinygauge.firmware.text import c_array, c_struct
from tinygauge.graph import DType

__all__ = [
    "C_TYPES",
    "Place",
    "Shape",
    "Strided",
    "Writer",
    "ends_of",
    "strides_of",
    "write_operands",
    "write_pair",
]

C_TYPES = {
    DType.BOOL: "uint8_t",
    DType.UINT8: "uint8_t",
    DType.INT8: "int8_t",
    DType.INT16: "int16_t",
    DType.INT32: "int32_t",
    DType.FLOAT32: "float",
}
_KINDS = {
    DType.BOOL: "u8",
    DType.UINT8: "u8",
    DType.INT8: "s8",
    DType.INT16: "s16",
    DType.INT32: "s32",
    DType.FLOAT32: "f32",
}
_RANKS = 6  # dimensions of tg_copy

Shape = tuple[int, ...]


class Repeating(Protocol):
    """A step of operands that repeat where they are one."""

    @property
    def inputs(self) -> tuple[int, ...]:
        """Their tensors."""

    @property
    def outputs(self) -> tuple[int, ...]:
        """The one output."""


class ScaledPair(Repeating, pairs.Pair, Protocol):
    """A step of two quantised operands."""

    @property
    def a_zero(self) -> int:
        """Zero point of the first."""

    @property
    def b_zero(self) -> int:
        """Zero point of the second."""

    @property
    def out_zero(self) -> int:
        """Zero point of the output."""


class Place:
    """A tensor as a call sees it.

    Parameters
    ----------
    pointer : str
        C expression.
    shape : tuple of int
    dtype : DType
    """

    def __init__(self, pointer: str, shape: Shape, dtype: DType) -> None:
        self.pointer = pointer
        self.shape = shape
        self.dtype = dtype

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def width(self) -> int:
        """Bytes per element."""
        return self.dtype.bits // 8

    @property
    def kind(self) -> str:
        """How kernels for the type are called: ``"s8"``, ``"u8"`` or ``"f32"``."""
        return _KINDS[self.dtype]


class Strided(NamedTuple):
    """One side of a copy.

    Parameters
    ----------
    pointer : str
        C expression.
    steps : tuple of int
        Strides, in elements.
    offset : int
        Of the first, in elements.
    """

    pointer: str
    steps: Shape
    offset: int = 0


class Writer:
    """Collects definitions and calls, and says where tensors lie.

    Parameters
    ----------
    tensor : callable
        Returns the place of a tensor by its index.
    scratch : callable
        Returns a pointer, C expression, to so many bytes that live during the step.
    """

    def __init__(self, tensor: Callable[[int], Place], scratch: Callable[[int, str], str]) -> None:
        self.tensor = tensor
        self.scratch = scratch
        self.definitions: list[str] = []
        self.calls: list[str] = []

    def call(self, function: str, *arguments: str | int) -> None:
        """Add a call."""
        self.calls.append(f"    {function}({', '.join(map(str, arguments))});")

    def _name(self, what: str) -> str:
        return f"{what}_{len(self.definitions)}"

    def array(self, kind: str, values: npt.NDArray[Any] | Sequence[int]) -> str:
        """Define a constant array and return its name."""
        name = self._name("data")
        flat = np.asarray(values).reshape(-1).tolist()
        self.definitions.append(c_array(kind, name, flat))
        return name

    def pointers(self, kind: str, places: Sequence[Place]) -> str:
        """Define a constant array of pointers to tensors and return its name."""
        name = self._name("tensors")
        each = "".join(f"    {place.pointer},\n" for place in places)
        head = f"static const {kind} *const {name}[{len(places)}] = {{\n"
        self.definitions.append(f"{head}{each}}};")
        return name

    def struct(self, kind: str, **fields: int | str) -> str:
        """Define a constant struct and return a pointer to it."""
        name = self._name("step")
        self.definitions.append(c_struct(kind, name, fields))
        return f"&{name}"

    def scales(self, multipliers: npt.NDArray[np.int32], shifts: npt.NDArray[np.int32]) -> str:
        """Define a constant array of scales and return its name."""
        name = self._name("scales")
        pairs = [
            f"    {{{multiplier}, {shift}}},"
            for multiplier, shift in zip(multipliers.tolist(), shifts.tolist(), strict=True)
        ]
        head = f"static const tg_scale {name}[{len(pairs)}] = {{\n"
        self.definitions.append(head + "\n".join(pairs) + "\n};")
        return name

    def copy(self, width: int, extent: Shape, source: Strided, goal: Strided) -> None:
        """Copy elements of `width` bytes, as many along each axis as `extent` says."""

        def filled(values: Shape, value: int) -> str:
            every = (value,) * (_RANKS - len(values)) + tuple(values)
            return "{" + ", ".join(map(str, every)) + "}"

        fields: dict[str, int | str] = {
            "width": width,
            "extent": filled(extent, 1),
            "from": filled(source.steps, 0),
            "to": filled(goal.steps, 0),
            "from_offset": source.offset,
            "to_offset": goal.offset,
        }
        self.call("tg_strided_copy", self.struct("tg_copy", **fields), source.pointer, goal.pointer)


def ends_of(writer: Writer, step: Step) -> tuple[Place, Place]:
    """Return where the first input and the first output of a step lie.

    Parameters
    ----------
    writer : Writer
    step : Step

    Returns
    -------
    tuple of Place
    """
    return writer.tensor(step.inputs[0]), writer.tensor(step.outputs[0])


def strides_of(shape: Shape) -> Shape:
    """Return the strides of a dense tensor, in elements.

    Parameters
    ----------
    shape : tuple of int

    Returns
    -------
    tuple of int
    """
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _operand(writer: Writer, place: Place, shape: Shape, whole: Shape) -> tuple[str, int]:
    """Return an operand and after how many elements it repeats; spread out where it has to be."""
    tail = next((axis for axis, extent in enumerate(shape) if extent != 1), len(shape))
    if shape[tail:] == whole[tail:]:
        return place.pointer, math.prod(shape)
    spread = writer.scratch(math.prod(whole) * place.width, C_TYPES[place.dtype])
    kept = tuple(
        0 if extent == 1 else stride
        for extent, stride in zip(shape, strides_of(shape), strict=True)
    )
    goal = Strided(spread, strides_of(whole))
    writer.copy(place.width, whole, Strided(place.pointer, kept), goal)
    return spread, math.prod(whole)


def write_operands(
    writer: Writer, step: Repeating, *shapes: Shape
) -> tuple[list[str | int], Place]:
    """Write what puts operands in order.

    Parameters
    ----------
    writer : Writer
    step : Repeating
    *shapes : tuple of int
        Of the operands, each with the output's dimensions.

    Returns
    -------
    tuple of list and Place
        The number of outputs, each operand and after how many elements it repeats; the output.
    """
    goal = writer.tensor(step.outputs[0])
    whole = tuple(np.broadcast_shapes(*shapes))
    found: list[str | int] = [goal.elements]
    for index, shape in zip(step.inputs, shapes, strict=True):
        found += _operand(writer, writer.tensor(index), shape, whole)
    return found, goal


def write_pair(writer: Writer, kernel: str, step: ScaledPair, **fields: int | str) -> None:
    """Write an op of two quantised operands.

    Parameters
    ----------
    writer : Writer
    kernel : str
        Its name, without the type.
    step : ScaledPair
    **fields : int or str
        Of ``tg_pair``, besides the zero points; the range is that of the output's type unless
        `low` and `high` say otherwise.
    """
    operands, goal = write_operands(writer, step, step.a_shape, step.b_shape)
    low, high = LIMITS[goal.dtype.value]
    zeros = {"a_zero": step.a_zero, "b_zero": step.b_zero, "out_zero": step.out_zero}
    pair = writer.struct("tg_pair", **zeros, **({"low": low, "high": high} | fields))
    writer.call(f"tg_{kernel}_{goal.kind}", pair, *operands, goal.pointer)
