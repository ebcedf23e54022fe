"""RESIZE_BILINEAR."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygauge.exact.lowering.scope import Scope
from tinygauge.exact.steps import ResizeBilinear
from tinygauge.graph import DType, Op

__all__ = ["resize_bilinear"]

_ONE = 1 << 10


def _between(
    scope: Scope, op: Op, *, size: int, wanted: int, aligned: bool, half: bool
) -> npt.NDArray[np.int32]:
    """Return for every wanted place the two between which it lies, and how far behind the first.

    References
    ----------
    tflite-micro, reference/resize_bilinear.h, ComputeInterpolationValuesInteger.
    """
    if aligned and wanted > 1:
        step = (_ONE * (size - 1) + (wanted - 1) // 2) // (wanted - 1)
    else:
        step = (_ONE * size + wanted // 2) // wanted
    places = np.arange(wanted, dtype=np.int64) * step
    if half:
        places += step // 2 - _ONE // 2
    cut = np.sign(places) * (np.abs(places) // _ONE)  # C's division
    first = np.maximum(cut, 0)
    scope.require(op, int(first.max()) < size, f"{size} to {wanted}, which reads beyond the image")
    rounded_up = places + _ONE - 1
    second = np.minimum(np.sign(rounded_up) * (np.abs(rounded_up) // _ONE), size - 1)
    return np.stack([first, second, places - _ONE * first], axis=1).astype(np.int32)


def resize_bilinear(scope: Scope, op: Op) -> ResizeBilinear:
    """Lower RESIZE_BILINEAR of int8, the one integer type that TFLM has it for."""
    scope.operands(op, 2)
    source, output = scope.input(op), scope.output(op)
    both = source.dtype is output.dtype is DType.INT8
    scope.require(op, both, f"values of type {source.dtype}")
    batch, height, width, channels = scope.image(op, source)
    sizes = scope.integers(op, 1)
    scope.require(op, len(sizes) == 2 and all(0 < size < 2**15 for size in sizes), f"{sizes}")
    scope.same_shape(op, output, (batch, *sizes, channels))
    scope.require(op, max(height, width) < 2**15, f"an image of {height} x {width}")
    aligned = bool(op.options.get("align_corners"))
    half = bool(op.options.get("half_pixel_centers"))
    scope.require(op, not (aligned and half), "aligned corners and half pixels, which TFLM refuses")
    rows, columns = (
        _between(scope, op, size=size, wanted=wanted, aligned=aligned, half=half)
        for size, wanted in zip((height, width), sizes, strict=True)
    )
    return ResizeBilinear(
        op=op.index,
        inputs=(source.index,),
        outputs=(output.index,),
        in_h=height,
        in_w=width,
        in_c=channels,
        rows=rows,
        columns=columns,
    )
