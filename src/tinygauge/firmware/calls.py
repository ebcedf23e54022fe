"""One step of a model as C: its constants, and the call of the kernel that evaluates it.

The kernels are those of `tinygauge.exact`, compiled as they are. A step becomes one call, or
several where values have to be spread or put in order first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygauge.exact import steps
from tinygauge.exact.pairs import (
    AddMany,
    Compare,
    Normalize,
    Prelu,
    Product,
    Select,
    SquaredDifference,
)
from tinygauge.exact.recurrent import Lstm, Svdf
from tinygauge.exact.scales import LIMITS
from tinygauge.exact.steps import Step
from tinygauge.exact.tables import curve16_table, softmax16_tables
from tinygauge.firmware.pair_calls import (
    write_add_many,
    write_compare,
    write_normalize,
    write_prelu,
    write_product,
    write_select,
    write_squared_difference,
)
from tinygauge.firmware.recurrent_calls import write_lstm, write_svdf
from tinygauge.firmware.text import c_float, c_scale
from tinygauge.firmware.writer import (
    C_TYPES,
    Place,
    Strided,
    Writer,
    ends_of,
    strides_of,
    write_operands,
    write_pair,
)
from tinygauge.graph import DType

__all__ = ["CALLS"]


def _window(writer: Writer, window: steps.Window) -> str:
    names = steps.Window.__dataclass_fields__
    return writer.struct("tg_window", **{name: getattr(window, name) for name in names})


def _convolve(writer: Writer, step: steps.Convolve) -> None:
    source, goal = ends_of(writer, step)
    wide = source.dtype is DType.INT16
    sums = "int64_t" if wide else "int32_t"
    bias = "0" if step.bias is None else writer.array(sums, step.bias)
    arguments = [
        _window(writer, step.window),
        source.pointer,
        writer.array("int8_t", step.weights),
        bias,
        writer.scales(step.multipliers, step.shifts),
    ]
    if step.kind == "transpose":
        arguments.append(writer.scratch((8 if wide else 4) * goal.elements, sums))
    kernel = {"conv": "conv", "depthwise": "depthwise", "transpose": "transpose_conv"}[step.kind]
    writer.call(f"tg_{kernel}_{source.kind}", *arguments, goal.pointer)


def _pool(writer: Writer, step: steps.Pool) -> None:
    source, goal = ends_of(writer, step)
    kind = "max" if step.is_max else "average"
    kernel = f"tg_{kind}_pool_{source.kind}"
    writer.call(kernel, _window(writer, step.window), source.pointer, goal.pointer)


def _add(writer: Writer, step: steps.Add) -> None:
    scales = {"a": c_scale(step.a), "b": c_scale(step.b), "out": c_scale(step.out)}
    numbers = {"left_shift": step.left_shift, "negate_b": int(step.negate_b)}
    write_pair(writer, "add", step, **scales, **numbers, low=step.low, high=step.high)


def _multiply(writer: Writer, step: steps.Multiply) -> None:
    write_pair(writer, "mul", step, out=c_scale(step.out), low=step.low, high=step.high)


def _extremum(writer: Writer, step: steps.Extremum) -> None:
    operands, goal = write_operands(writer, step, step.a_shape, step.b_shape)
    writer.call(f"tg_extremum_{goal.kind}", int(step.is_max), *operands, goal.pointer)


def _lookup(writer: Writer, step: steps.Lookup) -> None:
    source, goal = ends_of(writer, step)
    table = writer.array("int8_t", step.table)
    writer.call("tg_lookup_s8", table, goal.elements, source.pointer, goal.pointer)


def _softmax(writer: Writer, step: steps.Softmax8 | steps.Softmax16) -> None:
    source, goal = ends_of(writer, step)
    depth = source.shape[-1]
    softmax = writer.struct(
        "tg_softmax",
        rows=source.elements // depth,
        depth=depth,
        scale=c_scale(step.scale),
        diff_min=step.diff_min if isinstance(step, steps.Softmax8) else 0,
    )
    tables = []
    if isinstance(step, steps.Softmax16):
        tables = [writer.array("int16_t", table) for table in softmax16_tables()]
    writer.call(f"tg_softmax_{source.kind}", softmax, *tables, source.pointer, goal.pointer)


def _curve(writer: Writer, step: steps.Curve) -> None:
    source, goal = ends_of(writer, step)
    curve = writer.struct(
        "tg_curve", multiplier=step.multiplier, shift=step.shift, is_tanh=int(step.is_tanh)
    )
    table = writer.array("uint16_t", curve16_table())
    writer.call("tg_curve_s16", curve, table, goal.elements, source.pointer, goal.pointer)


def _leaky_relu(writer: Writer, step: steps.LeakyRelu16) -> None:
    source, goal = ends_of(writer, step)
    low, high = LIMITS[goal.dtype.value]
    scales = {"a": c_scale(step.identity), "b": c_scale(step.alpha)}
    zeros = {"a_zero": step.in_zero, "out_zero": step.out_zero}
    pair = writer.struct("tg_pair", **zeros, **scales, low=low, high=high)
    writer.call("tg_leaky_relu_s16", pair, goal.elements, source.pointer, goal.pointer)


def _requantize(writer: Writer, step: steps.Requantize) -> None:
    source, goal = ends_of(writer, step)
    kinds = [source.kind] if source.kind == goal.kind else [source.kind, goal.kind]
    scale = f"(tg_scale){c_scale(step.scale)}"
    ends = (step.in_zero, step.out_zero, goal.elements, source.pointer, goal.pointer)
    writer.call(f"tg_requantize_{'_'.join(kinds)}", scale, *ends)
    for is_max, bound, limit in zip(
        (1, 0), (step.low, step.high), LIMITS[goal.dtype.value], strict=True
    ):
        if bound != limit:
            value = writer.array(C_TYPES[goal.dtype], [bound])
            operands = (goal.elements, goal.pointer, goal.elements, value, 1, goal.pointer)
            writer.call(f"tg_extremum_{goal.kind}", is_max, *operands)


def _reduce(writer: Writer, step: steps.Reduce) -> None:
    source, goal = ends_of(writer, step)
    axes = [axis - 1 for axis in step.axes]
    pointer, shape = source.pointer, source.shape
    if axes != list(range(axes[0], axes[-1] + 1)):  # put the reduced axes last
        order = [axis for axis in range(len(shape)) if axis not in axes] + axes
        pointer = writer.scratch(source.elements * source.width, C_TYPES[source.dtype])
        _permuted(writer, source, order, pointer)
        shape = tuple(shape[axis] for axis in order)
        axes = list(range(len(shape) - len(axes), len(shape)))
    reduction = writer.struct(
        "tg_reduction",
        outer=math.prod(shape[: axes[0]]),
        reduced=step.count,
        inner=math.prod(shape[axes[-1] + 1 :]),
        in_zero=step.in_zero,
        out_zero=step.out_zero,
        scale=c_scale(step.scale),
    )
    if step.kind in ("max", "min"):
        want_max = int(step.kind == "max")
        writer.call("tg_reduce_extremum_s8", reduction, want_max, pointer, goal.pointer)
    else:
        writer.call(f"tg_{step.kind}_{source.kind}", reduction, pointer, goal.pointer)


def _arg_extremum(writer: Writer, step: steps.ArgExtremum) -> None:
    source, goal = ends_of(writer, step)
    shape, axis = source.shape, step.axis - 1
    parts = {"outer": math.prod(shape[:axis]), "inner": math.prod(shape[axis + 1 :])}
    reduction = writer.struct("tg_reduction", reduced=shape[axis], **parts)
    ends = (source.pointer, goal.pointer)
    writer.call("tg_arg_extremum_s8", reduction, int(step.is_max), *ends)


def _quantize(writer: Writer, step: steps.Quantize) -> None:
    source, goal = ends_of(writer, step)
    numbers = (c_float(step.scale), step.zero, goal.elements)
    writer.call(f"tg_quantize_{goal.kind}", *numbers, source.pointer, goal.pointer)


def _dequantize(writer: Writer, step: steps.Dequantize) -> None:
    source, goal = ends_of(writer, step)
    numbers = (c_float(step.scale), step.zero, goal.elements)
    writer.call(f"tg_dequantize_{source.kind}", *numbers, source.pointer, goal.pointer)


def _permuted(writer: Writer, source: Place, order: Sequence[int], goal: str) -> None:
    extent = tuple(source.shape[axis] for axis in order)
    strides = strides_of(source.shape)
    moved = tuple(strides[axis] for axis in order)
    writer.copy(
        source.width, extent, Strided(source.pointer, moved), Strided(goal, strides_of(extent))
    )


def _permute(writer: Writer, step: steps.Permute) -> None:
    source, goal = ends_of(writer, step)
    _permuted(writer, source, [axis - 1 for axis in step.axes[1:]], goal.pointer)


def _pad(writer: Writer, step: steps.Pad) -> None:
    source, goal = ends_of(writer, step)
    value = writer.array(C_TYPES[source.dtype], [step.value])
    writer.call("tg_fill", goal.width, goal.elements, value, goal.pointer)
    strides = strides_of(goal.shape)
    offset = sum(
        before * stride for (before, _), stride in zip(step.widths[1:], strides, strict=True)
    )
    inner = Strided(goal.pointer, strides, offset)
    whole = Strided(source.pointer, strides_of(source.shape))
    writer.copy(source.width, source.shape, whole, inner)


def _concatenate(writer: Writer, step: steps.Concatenate) -> None:
    goal = writer.tensor(step.outputs[0])
    axis = step.axis - 1
    strides = strides_of(goal.shape)
    at = 0
    for index in step.inputs:
        source = writer.tensor(index)
        shape = source.shape
        if step.is_stack:
            shape = (*shape[:axis], 1, *shape[axis:])
        part = Strided(goal.pointer, strides, at * strides[axis])
        writer.copy(source.width, shape, Strided(source.pointer, strides_of(shape)), part)
        at += shape[axis]


def _slice(writer: Writer, step: steps.Slice) -> None:
    source = writer.tensor(step.inputs[0])
    strides = strides_of(source.shape)
    for index, part in zip(step.outputs, step.parts, strict=True):
        goal = writer.tensor(index)
        extent = tuple(count for _, count, _ in part)
        moved = tuple(stride * each[2] for stride, each in zip(strides, part, strict=True))
        offset = sum(stride * each[0] for stride, each in zip(strides, part, strict=True))
        picked = Strided(source.pointer, moved, offset)
        writer.copy(source.width, extent, picked, Strided(goal.pointer, strides_of(extent)))


def _pick(writer: Writer, step: steps.Pick) -> None:
    source, goal = ends_of(writer, step)
    index = writer.array("int32_t", step.index)
    writer.call("tg_pick", goal.width, goal.elements, index, source.pointer, goal.pointer)


def _gather(writer: Writer, step: steps.Gather) -> None:
    source, goal = ends_of(writer, step)
    places = np.arange(source.elements, dtype=np.int32).reshape(source.shape)
    index = writer.array("int32_t", np.take(places, step.index, axis=step.axis - 1))
    writer.call("tg_pick", goal.width, goal.elements, index, source.pointer, goal.pointer)


def _reshape(writer: Writer, step: steps.Reshape) -> None:
    """Do nothing: the output is the input, seen differently."""


def _take_rows(writer: Writer, step: steps.TakeRows) -> None:
    places, goal = ends_of(writer, step)
    width = math.prod(step.table.shape[1:]) * goal.width
    table = writer.array(C_TYPES[goal.dtype], step.table)
    numbers = (width, len(step.table), places.elements)
    writer.call("tg_take_rows", *numbers, places.pointer, table, goal.pointer)


def _constant(writer: Writer, step: steps.Constant) -> None:
    goal = writer.tensor(step.outputs[0])
    values = writer.array(C_TYPES[goal.dtype], step.value)
    flat = (goal.elements,)
    writer.copy(goal.width, flat, Strided(values, (1,)), Strided(goal.pointer, (1,)))


_CASTS = {
    DType.INT8: "TG_INT8",
    DType.INT16: "TG_INT16",
    DType.INT32: "TG_INT32",
    DType.BOOL: "TG_BOOL",
    DType.FLOAT32: "TG_FLOAT32",
}


def _cast(writer: Writer, step: steps.Cast) -> None:
    source, goal = ends_of(writer, step)
    kinds = (_CASTS[source.dtype], _CASTS[goal.dtype])
    writer.call("tg_cast", *kinds, goal.elements, source.pointer, goal.pointer)


def _negate(writer: Writer, step: steps.Negate) -> None:
    source, goal = ends_of(writer, step)
    writer.call("tg_negate_f32", goal.elements, source.pointer, goal.pointer)


def _resize_bilinear(writer: Writer, step: steps.ResizeBilinear) -> None:
    source, goal = ends_of(writer, step)
    resize = writer.struct(
        "tg_resize",
        images=source.elements // (step.in_h * step.in_w * step.in_c),
        in_h=step.in_h,
        in_w=step.in_w,
        channels=step.in_c,
        out_h=len(step.rows),
        out_w=len(step.columns),
    )
    places = [writer.array("int32_t", each) for each in (step.rows, step.columns)]
    writer.call("tg_resize_bilinear_s8", resize, *places, source.pointer, goal.pointer)


CALLS: dict[type[Step], Callable[[Writer, Any], None]] = {
    steps.Add: _add,
    steps.ArgExtremum: _arg_extremum,
    steps.Cast: _cast,
    steps.Concatenate: _concatenate,
    steps.Constant: _constant,
    steps.Convolve: _convolve,
    steps.Curve: _curve,
    steps.Dequantize: _dequantize,
    steps.Extremum: _extremum,
    steps.Gather: _gather,
    steps.LeakyRelu16: _leaky_relu,
    steps.Lookup: _lookup,
    steps.Multiply: _multiply,
    steps.Negate: _negate,
    steps.Pad: _pad,
    steps.Permute: _permute,
    steps.Pick: _pick,
    steps.Pool: _pool,
    steps.Quantize: _quantize,
    steps.Reduce: _reduce,
    steps.Requantize: _requantize,
    steps.Reshape: _reshape,
    steps.ResizeBilinear: _resize_bilinear,
    steps.Slice: _slice,
    steps.Softmax8: _softmax,
    steps.Softmax16: _softmax,
    steps.TakeRows: _take_rows,
    AddMany: write_add_many,
    Compare: write_compare,
    Lstm: write_lstm,
    Normalize: write_normalize,
    Prelu: write_prelu,
    Product: write_product,
    Select: write_select,
    SquaredDifference: write_squared_difference,
    Svdf: write_svdf,
}
"""How each kind of step is written."""
