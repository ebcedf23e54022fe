"""Ops between space, depth and batch, and others that put whole blocks elsewhere."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tinygauge.exact.lowering.scope import Scope, Shape
from tinygauge.exact.lowering.shapes import moved
from tinygauge.exact.steps import Constant, Pick
from tinygauge.graph import DType, Op, Tensor

__all__ = [
    "batch_to_space",
    "broadcast_to",
    "depth_to_space",
    "fill",
    "gather_nd",
    "reverse",
    "shape_of",
    "space_to_batch",
    "space_to_depth",
]

Index = npt.NDArray[np.int32]


def _places(tensor: Tensor) -> Index:
    """Return the place of each of a tensor's values."""
    return np.arange(math.prod(tensor.shape), dtype=np.int32).reshape(tensor.shape)


def _pick(scope: Scope, op: Op, source: Tensor, index: Index) -> Pick:
    """Put values where the output has them, whose shape the index has."""
    output = scope.output(op)
    scope.same_shape(op, output, index.shape)
    ends = moved(scope, op, source, output)
    return Pick(**ends, index=np.ascontiguousarray(index))


def _int8(scope: Scope, op: Op) -> Tensor:
    source = scope.input(op)
    scope.require(op, source.dtype is DType.INT8, f"values of type {source.dtype}")
    return source


def _blocks(scope: Scope, op: Op) -> tuple[Index, Shape, list[tuple[int, int]]]:
    """Return an image's places with four dimensions, its blocks, and what is added or cut."""
    source = _int8(scope, op)
    scope.operands(op, 3)
    ranks = len(source.shape)
    scope.require(op, ranks in (3, 4), f"a shape of {source.shape}")
    blocks, widths = scope.integers(op, 1), scope.integers(op, 2)
    counts = len(blocks) == ranks - 2 and len(widths) == 2 * len(blocks)
    scope.require(op, counts, f"blocks {blocks}, widths {widths}")
    good = all(0 < block < 2**15 for block in blocks) and all(0 <= w < 2**15 for w in widths)
    scope.require(op, good, f"blocks {blocks}, widths {widths}")
    pairs = list(zip(widths[::2], widths[1::2], strict=True))
    places = _places(source)
    if ranks == 3:
        return places[:, :, None], (*blocks, 1), [*pairs, (0, 0)]
    return places, blocks, pairs


def _with_ranks(scope: Scope, op: Op, index: Index) -> Index:
    """Drop the width that images of three dimensions were given."""
    return index[:, :, 0] if len(scope.input(op).shape) == 3 else index


def space_to_batch(scope: Scope, op: Op) -> Pick:
    """Lower SPACE_TO_BATCH_ND without padding.

    Nothing in tflite-micro 0.dev20261023 sets the value that it pads with
    (space_to_batch_nd_common.cc): what is in memory decides, so no two runs need agree.
    """
    places, (down, across), pairs = _blocks(scope, op)
    scope.require(op, not any(map(any, pairs)), "padding, whose value TFLM never sets")
    batch, height, width, channels = places.shape
    whole = height % down == 0 and width % across == 0
    scope.require(op, whole, f"{height} x {width} in blocks of {down} x {across}")
    cut = places.reshape(batch, height // down, down, width // across, across, channels)
    index = cut.transpose(2, 4, 0, 1, 3, 5).reshape(-1, height // down, width // across, channels)
    return _pick(scope, op, scope.input(op), _with_ranks(scope, op, index))


def batch_to_space(scope: Scope, op: Op) -> Pick:
    """Lower BATCH_TO_SPACE_ND, which cuts what was padded."""
    places, (down, across), ((top, bottom), (left, right)) = _blocks(scope, op)
    batch, height, width, channels = places.shape
    scope.require(op, batch % (down * across) == 0, f"{batch} in blocks of {down} x {across}")
    apart = places.reshape(down, across, -1, height, width, channels)
    whole = apart.transpose(2, 3, 0, 4, 1, 5).reshape(-1, height * down, width * across, channels)
    index = whole[:, top : height * down - bottom, left : width * across - right]
    return _pick(scope, op, scope.input(op), _with_ranks(scope, op, index))


def depth_to_space(scope: Scope, op: Op) -> Pick:
    """Lower DEPTH_TO_SPACE."""
    scope.operands(op, 1)
    source = _int8(scope, op)
    batch, height, width, channels = scope.image(op, source)
    (size,) = scope.positive(op, "block_size")
    scope.require(op, channels % (size * size) == 0, f"{channels} channels in blocks of {size}")
    apart = _places(source).reshape(batch, height, width, size, size, -1)
    index = apart.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height * size, width * size, -1)
    return _pick(scope, op, source, index)


def space_to_depth(scope: Scope, op: Op) -> Pick:
    """Lower SPACE_TO_DEPTH."""
    scope.operands(op, 1)
    source = _int8(scope, op)
    batch, height, width, channels = scope.image(op, source)
    (size,) = scope.positive(op, "block_size")
    whole = height % size == 0 and width % size == 0
    scope.require(op, whole, f"{height} x {width} in blocks of {size}")
    apart = _places(source).reshape(batch, height // size, size, width // size, size, channels)
    index = apart.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // size, width // size, -1)
    return _pick(scope, op, source, index)


def broadcast_to(scope: Scope, op: Op) -> Pick:
    """Lower BROADCAST_TO."""
    scope.operands(op, 2)
    source, shape = scope.input(op), scope.output(op).shape
    scope.require(op, scope.integers(op, 1) == shape, f"gives {scope.integers(op, 1)}")
    try:
        index = np.broadcast_to(_places(source), shape)
    except ValueError as error:
        raise scope.refuse(op, f"{source.shape} to {shape}") from error
    return _pick(scope, op, source, index)


def reverse(scope: Scope, op: Op) -> Pick:
    """Lower REVERSE_V2; TFLM takes neighbouring axes only."""
    scope.operands(op, 2)
    source, stated = scope.input(op), scope.integers(op, 1)
    ranks = len(source.shape)
    scope.require(op, all(-ranks <= axis < ranks for axis in stated), f"axes {stated}")
    axes = sorted(axis % ranks for axis in stated)
    scope.require(op, axes == list(range(axes[0], axes[0] + len(axes))), f"axes {stated}")
    return _pick(scope, op, source, np.flip(_places(source), tuple(axes)))


def gather_nd(scope: Scope, op: Op) -> Pick:
    """Lower GATHER_ND with constant indices."""
    scope.operands(op, 2)
    source = _int8(scope, op)
    index = scope.constant(op, scope.input(op, 1), DType.INT32)
    depth = index.shape[-1] if index.ndim else 0
    scope.require(op, 0 < depth <= len(source.shape), f"indices of shape {index.shape}")
    limits = np.array(source.shape[:depth])
    scope.require(op, bool(((index >= 0) & (index < limits)).all()), "an index outside")
    return _pick(scope, op, source, _places(source)[tuple(np.moveaxis(index, -1, 0))])


def fill(scope: Scope, op: Op) -> Pick:
    """Lower FILL of a stated shape."""
    scope.operands(op, 2)
    value, shape = scope.input(op, 1), scope.output(op).shape
    scope.require(op, math.prod(value.shape) == 1, f"a value of shape {value.shape}")
    scope.require(op, value.dtype in (DType.INT8, DType.INT32), f"values of type {value.dtype}")
    scope.require(op, scope.integers(op, 0) == shape, f"gives {scope.integers(op, 0)}")
    return _pick(scope, op, value, np.zeros(shape, np.int32))


def shape_of(scope: Scope, op: Op) -> Constant:
    """Lower SHAPE."""
    scope.operands(op, 1)
    source, output = scope.input(op), scope.output(op)
    scope.require(op, output.dtype is DType.INT32, f"gives {output.dtype}")
    scope.same_shape(op, output, (len(source.shape),))
    value = np.array([source.shape], np.int32)
    return Constant(op=op.index, inputs=(), outputs=(output.index,), value=value)
