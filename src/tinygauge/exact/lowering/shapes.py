"""Ops that move values and compute none."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tinygauge.exact.lowering.scope import Scope, Shape
from tinygauge.exact.steps import Concatenate, Gather, Pad, Permute, Pick, Reshape, Slice, TakeRows
from tinygauge.graph import DType, Op, Tensor

__all__ = [
    "concatenation",
    "embedding_lookup",
    "gather",
    "mirror_pad",
    "moved",
    "pack",
    "pad",
    "reshape",
    "resize_nearest",
    "slice_",
    "split",
    "split_v",
    "strided_slice",
    "transpose",
    "unpack",
]

_MOVABLE = (DType.INT8, DType.INT16, DType.INT32, DType.FLOAT32)
Part = tuple[tuple[int, int, int], ...]


def moved(scope: Scope, op: Op, source: Tensor, *outputs: Tensor) -> dict[str, Any]:
    """Check that values are only moved, and return where from and to."""
    for output in outputs:
        scope.require(op, output.dtype is source.dtype, f"{source.dtype} to {output.dtype}")
    scope.require(op, source.dtype in _MOVABLE, f"values of type {source.dtype}")
    return {
        "op": op.index,
        "inputs": (source.index,),
        "outputs": tuple(output.index for output in outputs),
    }


def _alike(scope: Scope, op: Op, *tensors: Tensor) -> None:
    """Refuse tensors of different quantisation: TFLM moves stored values or stops."""
    found = {
        (tensor.quantization.scale[0], tensor.quantization.zero_point[0])
        for tensor in tensors
        if tensor.quantization is not None
    }
    scope.require(op, len(found) <= 1, "mixes quantisations")


def _axis(scope: Scope, op: Op, axis: int, ranks: int) -> int:
    scope.require(op, -ranks <= axis < ranks, f"axis {axis} of {ranks}")
    return axis % ranks


def reshape(scope: Scope, op: Op) -> Reshape:
    """Lower RESHAPE, SQUEEZE and EXPAND_DIMS; the shape is the output's."""
    scope.operands(op, 1, 2)
    source, output = scope.input(op), scope.output(op)
    same = math.prod(source.shape) == math.prod(output.shape)
    scope.require(op, same, f"{source.shape} to {output.shape}")
    return Reshape(**moved(scope, op, source, output))


def transpose(scope: Scope, op: Op) -> Permute:
    """Lower TRANSPOSE."""
    scope.operands(op, 2)
    source, output, order = scope.input(op), scope.output(op), scope.integers(op, 1)
    scope.require(op, sorted(order) == list(range(len(source.shape))), f"axes {order}")
    scope.same_shape(op, output, tuple(source.shape[axis] for axis in order))
    axes = (0, *(axis + 1 for axis in order))
    return Permute(**moved(scope, op, source, output), axes=axes)


def _widths(scope: Scope, op: Op, source: Tensor) -> tuple[tuple[int, int], ...]:
    """Return the paddings before and behind every axis."""
    flat = scope.integers(op, 1)
    scope.require(op, len(flat) == 2 * len(source.shape), f"{len(flat)} paddings")
    scope.require(op, all(0 <= width < 2**15 for width in flat), f"paddings {flat}")
    return tuple(zip(flat[::2], flat[1::2], strict=True))


def _padded(source: Tensor, widths: tuple[tuple[int, int], ...]) -> Shape:
    return tuple(
        extent + before + behind
        for extent, (before, behind) in zip(source.shape, widths, strict=True)
    )


def pad(scope: Scope, op: Op) -> Pad:
    """Lower PAD and PADV2; without a value of its own PAD adds the zero point."""
    scope.operands(op, 2, 3)
    source, output = scope.input(op), scope.output(op)
    widths = _widths(scope, op, source)
    scope.same_shape(op, output, _padded(source, widths))
    scope.activations(op, source)
    _alike(scope, op, source, output)
    scope.require(op, source.dtype is DType.INT8 or op.kind == "PAD", "values of int16")
    value = scope.quantization(op, output).zero
    if scope.optional(op, 2) is not None:
        constant = scope.constant(op, scope.input(op, 2), source.dtype)
        scope.require(op, constant.size == 1, f"{constant.size} values to pad with")
        value = int(constant.reshape(-1)[0])
    return Pad(**moved(scope, op, source, output), widths=((0, 0), *widths), value=value)


def mirror_pad(scope: Scope, op: Op) -> Pick:
    """Lower MIRROR_PAD of both modes."""
    scope.operands(op, 2)
    source, output = scope.input(op), scope.output(op)
    widths = _widths(scope, op, source)
    scope.same_shape(op, output, _padded(source, widths))
    reflects = op.option_int("mode") == 0
    fits = all(
        max(pair) <= max(0, extent - reflects)
        for pair, extent in zip(widths, source.shape, strict=True)
    )
    scope.require(op, fits, f"paddings {widths} of {source.shape}")
    index = np.arange(math.prod(source.shape), dtype=np.int32).reshape(source.shape)
    index = np.pad(index, widths, mode="reflect" if reflects else "symmetric")
    return Pick(**moved(scope, op, source, output), index=np.ascontiguousarray(index))


def concatenation(scope: Scope, op: Op) -> Concatenate:
    """Lower CONCATENATION of tensors of one quantisation, without activation."""
    scope.require(op, bool(op.inputs), "no inputs")
    scope.operands(op, 1, len(op.inputs))
    sources = [scope.input(op, i) for i in range(len(op.inputs))]
    output = scope.output(op)
    plain = op.options.get("fused_activation_function", "NONE") == "NONE"
    scope.require(op, plain, "a fused activation")
    axis = _axis(scope, op, op.option_int("axis"), len(output.shape))
    for source in sources:
        alike = len(source.shape) == len(output.shape) and all(
            i == axis or mine == other
            for i, (mine, other) in enumerate(zip(source.shape, output.shape, strict=True))
        )
        scope.require(op, alike, f"{source.shape} into {output.shape}")
    total = sum(source.shape[axis] for source in sources)
    scope.require(op, total == output.shape[axis], f"gives {total} along axis {axis}")
    _alike(scope, op, *sources, output)
    ends = [moved(scope, op, source, output) for source in sources].pop()
    ends["inputs"] = tuple(source.index for source in sources)
    return Concatenate(**ends, axis=axis + 1)


def pack(scope: Scope, op: Op) -> Concatenate:
    """Lower PACK: inputs side by side along a new axis."""
    scope.require(op, bool(op.inputs), "no inputs")
    scope.operands(op, 1, len(op.inputs))
    sources = [scope.input(op, i) for i in range(len(op.inputs))]
    output = scope.output(op)
    axis = _axis(scope, op, op.option_int("axis"), len(output.shape))
    rest = output.shape[:axis] + output.shape[axis + 1 :]
    fits = output.shape[axis] == len(sources) and all(s.shape == rest for s in sources)
    scope.require(op, fits, f"gives {output.shape}")
    ends = [moved(scope, op, source, output) for source in sources].pop()
    ends["inputs"] = tuple(source.index for source in sources)
    return Concatenate(**ends, axis=axis + 1, is_stack=True)


def _whole(shape: Shape) -> list[tuple[int, int, int]]:
    return [(0, extent, 1) for extent in shape]


def slice_(scope: Scope, op: Op) -> Slice:
    """Lower SLICE."""
    scope.operands(op, 3)
    source, output = scope.input(op), scope.output(op)
    begins, sizes = scope.integers(op, 1), scope.integers(op, 2)
    scope.require(op, len(begins) == len(sizes) == len(source.shape), "begins and sizes")
    part = []
    for begin, size, extent in zip(begins, sizes, source.shape, strict=True):
        count = extent - begin if size == -1 else size
        scope.require(op, begin >= 0 and 0 < count <= extent - begin, f"{begins} and {sizes}")
        part.append((begin, count, 1))
    scope.same_shape(op, output, tuple(count for _, count, _ in part))
    return Slice(**moved(scope, op, source, output), parts=(tuple(part),))


def strided_slice(scope: Scope, op: Op) -> Slice:
    """Lower STRIDED_SLICE with its masks of begins, ends and shrunk axes."""
    scope.operands(op, 4)
    source, output = scope.input(op), scope.output(op)
    begins, ends, steps = (scope.integers(op, i) for i in (1, 2, 3))
    ranks = len(source.shape)
    scope.require(op, len(begins) == len(ends) == len(steps) == ranks, "a part of the axes")
    odd = (
        op.option_int("ellipsis_mask") or op.option_int("new_axis_mask") or op.options.get("offset")
    )
    scope.require(op, not odd, "masks of ellipses or new axes")
    part, shape = [], []
    for axis, extent in enumerate(source.shape):
        step = steps[axis]
        scope.require(op, step != 0 and abs(step) < 2**15, f"steps {steps}")
        bounds = slice(
            None if op.option_int("begin_mask") >> axis & 1 else begins[axis],
            None if op.option_int("end_mask") >> axis & 1 else ends[axis],
            step,
        )
        if op.option_int("shrink_axis_mask") >> axis & 1:
            scope.require(op, -extent <= begins[axis] < extent, f"begins {begins}")
            part.append((begins[axis] % extent, 1, 1))
            continue
        places = range(*bounds.indices(extent))
        scope.require(op, len(places) > 0, "an empty part")
        part.append((places[0], len(places), step))
        shape.append(len(places))
    scope.same_shape(op, output, tuple(shape))
    return Slice(**moved(scope, op, source, output), parts=(tuple(part),))


def _cut(scope: Scope, op: Op, source: Tensor, axis: int, sizes: list[int]) -> Slice:
    """Cut a tensor along an axis into outputs of the given sizes."""
    scope.require(
        op, len(op.outputs) == len(sizes) and sum(sizes) == source.shape[axis], f"sizes {sizes}"
    )
    outputs = [scope.output(op, i) for i in range(len(sizes))]
    parts: list[Part] = []
    start = 0
    for output, size in zip(outputs, sizes, strict=True):
        scope.same_shape(op, output, (*source.shape[:axis], size, *source.shape[axis + 1 :]))
        part = _whole(source.shape)
        part[axis] = (start, size, 1)
        parts.append(tuple(part))
        start += size
    return Slice(**moved(scope, op, source, *outputs), parts=tuple(parts))


def split(scope: Scope, op: Op) -> Slice:
    """Lower SPLIT into equal parts."""
    scope.operands(op, 2, outputs=len(op.outputs))
    source, axes = scope.input(op, 1), scope.integers(op, 0)
    scope.require(op, len(axes) == 1 and bool(op.outputs), "one axis and some outputs")
    axis = _axis(scope, op, axes[0], len(source.shape))
    size, rest = divmod(source.shape[axis], len(op.outputs))
    scope.require(op, rest == 0, f"{source.shape[axis]} into {len(op.outputs)} parts")
    return _cut(scope, op, source, axis, [size] * len(op.outputs))


def split_v(scope: Scope, op: Op) -> Slice:
    """Lower SPLIT_V into parts of stated sizes."""
    scope.operands(op, 3, outputs=len(op.outputs))
    source, sizes, axes = scope.input(op), list(scope.integers(op, 1)), scope.integers(op, 2)
    scope.require(op, len(axes) == 1, "one axis")
    axis = _axis(scope, op, axes[0], len(source.shape))
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = source.shape[axis] - (sum(sizes) + 1)
    scope.require(op, all(size > 0 for size in sizes), f"sizes {sizes}")
    return _cut(scope, op, source, axis, sizes)


def unpack(scope: Scope, op: Op) -> Slice:
    """Lower UNPACK: a part for each place along an axis, without the axis."""
    scope.operands(op, 1, outputs=len(op.outputs))
    source = scope.input(op)
    axis = _axis(scope, op, op.option_int("axis"), len(source.shape))
    scope.require(op, len(op.outputs) == source.shape[axis], f"{len(op.outputs)} outputs")
    outputs = [scope.output(op, i) for i in range(len(op.outputs))]
    parts: list[Part] = []
    for place, output in enumerate(outputs):
        scope.same_shape(op, output, source.shape[:axis] + source.shape[axis + 1 :])
        part = _whole(source.shape)
        part[axis] = (place, 1, 1)
        parts.append(tuple(part))
    return Slice(**moved(scope, op, source, *outputs), parts=tuple(parts))


def gather(scope: Scope, op: Op) -> Gather | TakeRows:
    """Lower GATHER with constant indices, or from a constant."""
    scope.operands(op, 2)
    source, places, output = scope.input(op), scope.input(op, 1), scope.output(op)
    scope.require(op, op.option_int("batch_dims") == 0, "batch dimensions")
    movable = source.dtype in (DType.INT8, DType.FLOAT32)
    scope.require(op, movable, f"values of type {source.dtype}")
    axis = _axis(scope, op, op.option_int("axis"), len(source.shape))
    shape = (*source.shape[:axis], *places.shape, *source.shape[axis + 1 :])
    scope.same_shape(op, output, shape)
    if source.is_constant and not places.is_constant:
        scope.require(op, axis == 0, f"places along axis {axis} of a constant")
        return _rows(scope, op, table=source, places=places, output=output)
    index = scope.constant(op, places, DType.INT32)
    inside = index.size > 0 and int(index.min()) >= 0 and int(index.max()) < source.shape[axis]
    scope.require(op, inside, "an index outside")
    return Gather(**moved(scope, op, source, output), axis=axis + 1, index=index.astype(np.int32))


def _rows(scope: Scope, op: Op, *, table: Tensor, places: Tensor, output: Tensor) -> TakeRows:
    """Take rows of a constant by computed places."""
    scope.require(op, places.dtype is DType.INT32, f"places of type {places.dtype}")
    values = scope.constant(op, table, DType.INT8, DType.FLOAT32)
    ends = moved(scope, op, table, output) | {"inputs": (places.index,)}
    return TakeRows(**ends, table=values)


def embedding_lookup(scope: Scope, op: Op) -> TakeRows:
    """Lower EMBEDDING_LOOKUP of rows that keep their type."""
    scope.operands(op, 2)
    places, table, output = scope.input(op), scope.input(op, 1), scope.output(op)
    scope.require(op, len(places.shape) == 1, f"places of shape {places.shape}")
    scope.same_shape(op, output, (*places.shape, *table.shape[1:]))
    return _rows(scope, op, table=table, places=places, output=output)


def _nearest(size: int, wanted: int, *, aligned: bool, half: bool) -> npt.NDArray[np.int64]:
    """Return the source place of every wanted one along one axis.

    References
    ----------
    tflite-micro, reference/resize_nearest_neighbor.h, GetNearestNeighbor, in float32.
    """
    one = np.float32(1)
    if aligned and wanted > 1:
        ratio = np.float32(size - 1) / np.float32(wanted - 1)
    else:
        ratio = np.float32(size) / np.float32(wanted)
    places = np.arange(wanted, dtype=np.float32)
    scaled = (places + np.float32(0.5) * one if half else places) * ratio
    if aligned:
        rounded = np.floor(np.abs(scaled) + np.float32(0.5)).astype(np.int64)
    else:
        rounded = np.floor(scaled).astype(np.int64)
    return cast("npt.NDArray[np.int64]", np.clip(rounded, 0, size - 1))


def resize_nearest(scope: Scope, op: Op) -> Pick:
    """Lower RESIZE_NEAREST_NEIGHBOR."""
    scope.operands(op, 2)
    source, output = scope.input(op), scope.output(op)
    batch, height, width, channels = scope.image(op, source)
    sizes = scope.integers(op, 1)
    scope.require(op, len(sizes) == 2 and all(0 < size < 2**15 for size in sizes), f"{sizes}")
    scope.same_shape(op, output, (batch, *sizes, channels))
    scope.activations(op, source)
    aligned, half = (
        bool(op.options.get("align_corners")),
        bool(op.options.get("half_pixel_centers")),
    )
    rows = _nearest(height, sizes[0], aligned=aligned, half=half)
    columns = _nearest(width, sizes[1], aligned=aligned, half=half)
    index = np.arange(math.prod(source.shape), dtype=np.int32).reshape(source.shape)
    picked = index[:, rows][:, :, columns]
    return Pick(**moved(scope, op, source, output), index=np.ascontiguousarray(picked))
