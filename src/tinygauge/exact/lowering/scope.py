"""What a lowering may ask of the model: tensors, shapes, quantisation, constants, checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.errors import UnsupportedOpError
from tinygauge.exact.scales import (
    LIMITS,
    Rounding,
    Scale,
    activation_range,
    quantize_multiplier,
)
from tinygauge.exact.steps import Step
from tinygauge.graph import DType, Model, Op, Subgraph, Tensor

__all__ = ["ADVICE", "MAX_DEPTH", "Lower", "PerTensor", "Scope", "Shape", "with_ranks"]

Shape = tuple[int, ...]

ADVICE = "It runs with --runner interpreter"
MAX_DEPTH = 2**16
"""Products in a sum of int8; more may not fit into 32 bits, and TFLM's behaviour is undefined."""

# Kernels index with 32-bit integers; nothing for a microcontroller comes near.
_MAX_ELEMENTS = 2**26
# A shift to the left beyond is undefined in the kernels of TFLM.
_LARGEST_SHIFT = 30
# Of 64-bit sums (common.cc asserts it).
_LARGEST_WIDE_SHIFT = 7
_MAX_DIMENSIONS = 6
# The smallest scale that float32 holds in full.
_TINY = float(np.finfo(np.float32).tiny)


def with_ranks(shape: Shape, ranks: int) -> Shape:
    """Fill a shape with 1 in front to so many dimensions."""
    return (1,) * (ranks - len(shape)) + shape


@dataclass(frozen=True, slots=True)
class PerTensor:
    """Scale and zero point of a tensor."""

    scale: float
    zero: int


class Scope:
    """One model while it is compiled for a profile."""

    def __init__(self, model: Model, rounding: Rounding = Rounding.TWO) -> None:
        self.model = model
        self.graph: Subgraph = model.main
        self.rounding = rounding

    def refuse(self, op: Op, why: str) -> UnsupportedOpError:
        """Make the error that says which op is not evaluated here, and why."""
        where = self.model.path or self.model.name
        return UnsupportedOpError(where, f"op {op.index} {op.kind}: {why}", ADVICE)

    def require(self, op: Op, holds: bool, why: str) -> None:
        """Refuse the op unless a condition holds."""
        if not holds:
            raise self.refuse(op, why)

    def operands(self, op: Op, least: int, most: int | None = None, outputs: int = 1) -> None:
        """Check the numbers of inputs and outputs."""
        most = least if most is None else most
        self.require(op, least <= len(op.inputs) <= most, f"{len(op.inputs)} inputs")
        self.require(op, len(op.outputs) == outputs, f"{len(op.outputs)} outputs")

    def input(self, op: Op, position: int = 0) -> Tensor:
        """Return an input that must be there."""
        tensor = self.graph.input_of(op, position)
        if tensor is None:
            raise self.refuse(op, f"input {position} is missing")
        self.shape(op, tensor)
        return tensor

    def optional(self, op: Op, position: int) -> Tensor | None:
        """Return an input that may be absent."""
        return None if self.graph.input_of(op, position) is None else self.input(op, position)

    def output(self, op: Op, position: int = 0) -> Tensor:
        """Return an output."""
        tensor = self.graph.output_of(op, position)
        if tensor is None:
            raise self.refuse(op, f"output {position} is missing")
        self.require(op, not tensor.is_constant, "it writes a constant")
        self.require(op, not tensor.is_variable, "it writes a variable")
        self.shape(op, tensor)
        return tensor

    def state(self, op: Op, position: int) -> Tensor:
        """Return an input that keeps the op's state: nothing else may use it."""
        tensor = self.input(op, position)
        uses = [*self.graph.inputs, *self.graph.outputs]
        for each in self.graph.ops:
            uses += (*each.inputs, *each.outputs)
        its_own = tensor.is_variable and not tensor.is_constant and uses.count(tensor.index) == 1
        self.require(op, its_own, f"tensor {tensor.index} is no state of its own")
        return tensor

    def shape(self, op: Op, tensor: Tensor) -> Shape:
        """Return a shape without open or empty dimensions."""
        whole = all(extent > 0 for extent in tensor.shape)
        self.require(op, whole, f"tensor {tensor.index} has shape {tensor.shape}")
        small = math.prod(tensor.shape) <= _MAX_ELEMENTS
        self.require(op, small, f"tensor {tensor.index} has {tensor.elements:,} elements")
        flat = len(tensor.shape) <= _MAX_DIMENSIONS
        self.require(op, flat, f"tensor {tensor.index} has {len(tensor.shape)} dimensions")
        return tensor.shape

    def image(self, op: Op, tensor: Tensor) -> Shape:
        """Return the shape of a tensor that must have four dimensions."""
        self.require(op, len(tensor.shape) == 4, f"tensor {tensor.index} has shape {tensor.shape}")
        return self.shape(op, tensor)

    def activations(self, op: Op, *tensors: Tensor) -> DType:
        """Return the type of quantised tensors, which must be one: int8 or int16."""
        dtypes = {tensor.dtype for tensor in tensors}
        self.require(op, len(dtypes) == 1, f"mixes {', '.join(sorted(dtypes))}")
        dtype = tensors[0].dtype
        self.require(op, dtype in (DType.INT8, DType.INT16), f"values of type {dtype}")
        return dtype

    def quantization(self, op: Op, tensor: Tensor, least: float = _TINY) -> PerTensor:
        """Return scale and zero point of a tensor quantised as a whole."""
        found = tensor.quantization
        label = f"tensor {tensor.index}"
        if found is None or found.per_channel:
            raise self.refuse(op, f"{label} has {'no scale' if found is None else 'many scales'}")
        scale, zero = found.scale[0], found.zero_point[0]
        normal = least <= scale < math.inf
        self.require(op, normal, f"{label} has scale {scale}")
        low, high = LIMITS.get(tensor.dtype.value, (0, 0))
        self.require(op, low <= zero <= high, f"{label} has zero point {zero}")
        self.require(op, tensor.dtype is not DType.INT16 or zero == 0, f"{label} is asymmetric")
        return PerTensor(scale, zero)

    def arithmetic(self, dtype: DType, *, taken: bool = True) -> Rounding:
        """Return whose arithmetic evaluates an op on values of a type.

        XNNPACK leaves int16 to LiteRT's own kernels, and of int8 what it has not `taken`.
        """
        if self.rounding is Rounding.ONE and not (taken and dtype is DType.INT8):
            return Rounding.LITERT
        return self.rounding

    def constant(self, op: Op, tensor: Tensor, *dtypes: DType) -> npt.NDArray[Any]:
        """Return the contents of a constant of one of the given types."""
        if tensor.data is None:
            raise self.refuse(op, f"tensor {tensor.index} is computed at run time")
        self.require(op, tensor.dtype in dtypes, f"tensor {tensor.index} is {tensor.dtype}")
        return np.ascontiguousarray(tensor.data)

    def integers(self, op: Op, position: int) -> tuple[int, ...]:
        """Return a constant list of integers: axes, a shape, paddings."""
        data = self.constant(op, self.input(op, position), DType.INT32, DType.INT64)
        return tuple(int(value) for value in data.reshape(-1))

    def same_shape(self, op: Op, tensor: Tensor, shape: Shape) -> None:
        """Refuse an output whose stated shape is not the one that the op gives."""
        self.require(op, tensor.shape == shape, f"gives {shape}, the file says {tensor.shape}")

    def operand_shapes(
        self, op: Op, *tensors: Tensor, most: int = _MAX_DIMENSIONS
    ) -> tuple[Shape, ...]:
        """Return the operands' shapes with the output's dimensions, which must follow from them.

        Operands of different shapes may have at `most` so many dimensions.
        """
        shapes = [tensor.shape for tensor in tensors]
        try:
            whole = np.broadcast_shapes(*shapes)
        except ValueError as error:
            raise self.refuse(op, f"shapes {' and '.join(map(str, shapes))}") from error
        alike = all(shape == whole for shape in shapes)
        self.require(op, alike or len(whole) <= most, f"{len(whole)} dimensions")
        self.same_shape(op, self.output(op), whole)
        return tuple(with_ranks(shape, len(whole)) for shape in shapes)

    def positive(self, op: Op, *names: str) -> tuple[int, ...]:
        """Return options that must be small positive integers: strides, sizes, dilations."""
        values = tuple(op.option_int(name, 1) for name in names)
        good = all(0 < value < 2**15 for value in values)
        self.require(op, good, f"{', '.join(names)} are {values}")
        return values

    def scale(self, op: Op, factor: float, *, wide: bool = False) -> Scale:
        """Turn a factor into integers that the kernels can shift by."""
        self.require(op, math.isfinite(factor), f"a scale of {factor}")
        scale = quantize_multiplier(factor)
        most = _LARGEST_WIDE_SHIFT if wide else _LARGEST_SHIFT
        self.require(op, scale.shift <= most, f"a scale of {factor:.3g}")
        return scale

    def small_scale(self, op: Op, factor: float) -> Scale:
        """Turn a factor below 1 into integers; TFLM stops at others."""
        self.require(op, 0 < factor < 1, f"a scale of {factor:.3g}, which TFLM stops at")
        scale = self.scale(op, factor)
        self.require(op, scale.shift <= 0, f"a scale of {factor:.3g}, which TFLM stops at")
        return scale

    def clamp(self, op: Op, tensor: Tensor) -> tuple[int, int]:
        """Return the range that the op's fused activation leaves to its output."""
        name = str(op.options.get("fused_activation_function", "NONE"))
        quantization = self.quantization(op, tensor)
        try:
            low, high = activation_range(
                name, quantization.scale, quantization.zero, tensor.dtype.value
            )
        except ValueError as error:
            raise self.refuse(op, str(error)) from error
        self.require(op, low <= high, f"activation {name} leaves no value")
        return low, high


Lower = Callable[[Scope, Op], Step]
