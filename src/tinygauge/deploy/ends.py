"""A model's inputs and outputs as C++: shapes, quantisation and how to convert a value.

The conversion is TFLM's: the quotient in single precision, rounded half away from zero, moved
by the zero point, then cut to the type's range.

References
----------
.. [1] tensorflow/tflite-micro, tensorflow/lite/micro/micro_utils.h, FloatToQuantizedType, and
   tensorflow/lite/kernels/internal/reference/quantize.h, AffineQuantize (TfLiteRound is
   std::round).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinygauge.deploy.cpp import float_literal, plain
from tinygauge.errors import UnsupportedOpError
from tinygauge.graph import DType, Model, Quantization, Tensor

__all__ = ["QUANTIZE", "End", "model_ends"]

_TYPES: dict[DType, str] = {
    DType.FLOAT32: "float",
    DType.FLOAT64: "double",
    DType.INT8: "std::int8_t",
    DType.INT16: "std::int16_t",
    DType.INT32: "std::int32_t",
    DType.INT64: "std::int64_t",
    DType.UINT8: "std::uint8_t",
    DType.UINT16: "std::uint16_t",
    DType.UINT32: "std::uint32_t",
    DType.UINT64: "std::uint64_t",
    DType.BOOL: "bool",
}

# Types whose range, less any zero point in it, is exact in a float.
_RANGES = {
    DType.INT8: (-128, 127),
    DType.UINT8: (0, 255),
    DType.INT16: (-32768, 32767),
    DType.UINT16: (0, 65535),
}

QUANTIZE = """\
// Rounds half away from zero and saturates, as TFLM's QUANTIZE does; not-a-number gives the
// lowest value.
template <typename T>
T Quantize(float value, float scale, std::int32_t zero_point) {
  constexpr std::int32_t lowest = std::numeric_limits<T>::min();
  constexpr std::int32_t highest = std::numeric_limits<T>::max();
  const float steps = std::round(value / scale);
  if (!(steps > static_cast<float>(lowest - zero_point))) return static_cast<T>(lowest);
  if (steps > static_cast<float>(highest - zero_point)) return static_cast<T>(highest);
  return static_cast<T>(static_cast<std::int32_t>(steps) + zero_point);
}

template <typename T>
float Dequantize(T value, float scale, std::int32_t zero_point) {
  return scale * static_cast<float>(static_cast<std::int32_t>(value) - zero_point);
}

"""


@dataclass(frozen=True, slots=True)
class End:
    """An input or output of a model.

    Parameters
    ----------
    name : str
        ``"Input0"``, ``"Output1"``.
    position : int
        Among the inputs, or among the outputs.
    is_input : bool
    tensor : Tensor
    type_name : str
        Its element's type in C++.
    """

    name: str
    position: int
    is_input: bool
    tensor: Tensor
    type_name: str

    @property
    def pointer(self) -> str:
        """The type of a pointer to its elements: outputs are only read."""
        return f"{self.type_name}*" if self.is_input else f"const {self.type_name}*"

    @property
    def quantization(self) -> Quantization | None:
        """The scale that the helper functions use; None where they would not be right."""
        found, bounds = self.tensor.quantization, _RANGES.get(self.tensor.dtype)
        if found is None or bounds is None or found.per_channel:
            return None
        scale, zero_point = found.scale[0], found.zero_point[0]
        usable = math.isfinite(scale) and scale > 0 and bounds[0] <= zero_point <= bounds[1]
        return found if usable else None

    def render(self) -> str:
        """Return its declarations for the header."""
        tensor = self.tensor
        shape = [max(1, extent) for extent in tensor.shape]
        values = f"{{{{{', '.join(map(str, shape))}}}}}" if shape else "{}"
        lines = [
            f"// Tensor '{plain(tensor.name)}', {tensor.dtype}. Null before Start() succeeded.",
            f"{self.pointer} {self.name}();",
            f"constexpr std::array<std::int32_t, {len(shape)}> k{self.name}Shape{values};",
            f"constexpr std::size_t k{self.name}Elements = {tensor.elements};",
        ]
        found = self.quantization
        if found is not None:
            lines += self._conversions(found)
        elif tensor.quantization is not None:
            lines.append("// Quantised in a way that one scale and zero point don't tell.")
        return "\n".join(lines) + "\n\n"

    def _conversions(self, found: Quantization) -> list[str]:
        name, type_name = self.name, self.type_name
        constants = f"k{name}Scale, k{name}ZeroPoint"
        return [
            f"constexpr float k{name}Scale = {float_literal(found.scale[0])};",
            f"constexpr std::int32_t k{name}ZeroPoint = {found.zero_point[0]};",
            f"inline {type_name} Quantize{name}(float value) {{",
            f"  return Quantize<{type_name}>(value, {constants});",
            "}",
            f"inline float Dequantize{name}({type_name} value) {{",
            f"  return Dequantize(value, {constants});",
            "}",
        ]


def model_ends(model: Model) -> tuple[End, ...]:
    """Return a model's inputs, then its outputs.

    Parameters
    ----------
    model : Model

    Returns
    -------
    tuple of End

    Raises
    ------
    UnsupportedOpError
        If one has a type that C++ has no name for, such as a string.
    """
    graph = model.main
    ends = []
    for indices, word in ((graph.inputs, "Input"), (graph.outputs, "Output")):
        for position, index in enumerate(indices):
            tensor = graph.tensors[index]
            if tensor.dtype not in _TYPES:
                raise UnsupportedOpError(
                    model.path or model.name,
                    f"{word.lower()} {position} is of type {tensor.dtype}, which C++ can't name",
                    "Convert the model with float32, int8 or int16 inputs and outputs",
                )
            ends.append(
                End(f"{word}{position}", position, word == "Input", tensor, _TYPES[tensor.dtype])
            )
    return tuple(ends)
