"""What the interpreters answer, to compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tinygauge.exact import Rounding, find_unsupported
from tinygauge.graph import DType, Model, Tensor

__all__ = ["adversarial_inputs", "assert_refused", "run_litert", "run_micro"]

Array = npt.NDArray[Any]
_ARENAS = (1 << 20, 1 << 24, 1 << 28)


def run_micro(model: Model, inputs: list[Array]) -> list[Array]:
    """Run tflite-micro on every row, each from a fresh state; skip the test where it is absent."""
    runtime: Any = pytest.importorskip(
        "tflite_micro.python.tflite_micro.runtime", reason="tflite-micro is for Linux only"
    )
    interpreter: Any = None
    for size in _ARENAS:
        try:
            interpreter = runtime.Interpreter.from_bytes(model.content, arena_size=size)
            break
        except RuntimeError:
            if size == _ARENAS[-1]:
                raise
    rows: list[list[Array]] = [[] for _ in model.main.outputs]
    for row in zip(*inputs, strict=True):
        for position, values in enumerate(row):
            interpreter.set_input(values, position)
        interpreter.invoke()
        for position, kept in enumerate(rows):
            kept.append(interpreter.get_output(position).copy())
        interpreter.reset()
    return [np.stack(kept) for kept in rows]


def run_litert(rounding: Rounding) -> Callable[[Model, list[Array]], list[Array]]:
    """Return a function that runs LiteRT on every row, as it stands for a profile."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = {
        Rounding.ONE: OpResolverType.BUILTIN,
        Rounding.LITERT: OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    }

    def run(model: Model, inputs: list[Array]) -> list[Array]:
        interpreter = Interpreter(
            model_content=model.content,
            num_threads=1,
            experimental_op_resolver_type=kernels[rounding],
        )
        interpreter.allocate_tensors()
        places = [detail["index"] for detail in interpreter.get_input_details()]
        wanted = [detail["index"] for detail in interpreter.get_output_details()]
        rows = []
        for row in zip(*inputs, strict=True):
            for place, values in zip(places, row, strict=True):
                interpreter.set_tensor(place, values)
            interpreter.invoke()
            rows.append([interpreter.get_tensor(place) for place in wanted])
        return [np.stack(output) for output in zip(*rows, strict=True)]

    return run


def _rows(tensor: Tensor, count: int, rng: np.random.Generator) -> Array:
    """Return rows: all lowest, all highest, both by turns, half from the extremes, then random."""
    if tensor.dtype.is_float:
        values: Array = rng.normal(scale=2.0, size=(count, *tensor.shape)).astype(np.float32)
        return values
    if tensor.dtype is DType.BOOL:
        return rng.integers(0, 2, (count, *tensor.shape)).astype(bool)
    limits = np.iinfo(tensor.dtype.value)
    values = rng.integers(limits.min, limits.max + 1, (count, *tensor.shape))
    extremes = rng.choice(np.array([limits.min, limits.max]), tensor.shape)
    by_turns = np.arange(tensor.elements).reshape(tensor.shape) % 2
    special = [
        np.full(tensor.shape, limits.min),
        np.full(tensor.shape, limits.max),
        np.where(by_turns, limits.max, limits.min),
        extremes,
    ]
    for place, row in enumerate(special[:count]):
        values[place] = row
    return values.astype(tensor.dtype.value)


def _table_rows(model: Model) -> int:
    """Return how many rows a table has whose rows the inputs choose; 0 where there is none."""
    graph = model.main
    for op in graph.ops:
        if op.kind in ("GATHER", "EMBEDDING_LOOKUP"):
            operands = [graph.tensors[index] for index in op.inputs]
            table = next((each for each in operands if each.is_constant), None)
            if table is not None and not all(each.is_constant for each in operands):
                return table.shape[0]
    return 0


def _places(tensor: Tensor, count: int, rows: int, rng: np.random.Generator) -> Array:
    """Return rows of inputs that stand for places in a table: the first, the last, then any."""
    real = rng.integers(0, rows, (count, *tensor.shape)).astype(np.float64)
    real[:1], real[1:2] = 0, rows - 1
    if tensor.quantization is None:
        return np.asarray(real, tensor.dtype.value)
    limits, numbers = np.iinfo(tensor.dtype.value), tensor.quantization
    stored = np.floor(real / numbers.scale[0]) + numbers.zero_point[0]
    clipped: Array = np.clip(stored, limits.min, limits.max).astype(tensor.dtype.value)
    return clipped


def adversarial_inputs(model: Model, count: int, seed: int = 1) -> list[Array]:
    """Return `count` rows for every input of a model, the extreme ones first."""
    rng = np.random.default_rng(seed)
    tensors = [model.main.tensors[index] for index in model.main.inputs]
    rows = _table_rows(model)
    if rows:
        return [_places(tensor, count, rows, rng) for tensor in tensors]
    return [_rows(tensor, count, rng) for tensor in tensors]


def assert_refused(model: Model, why: str, *, micro_runs: bool) -> None:
    """Check that a model is not evaluated exactly and why, and whether tflite-micro runs it."""
    missing = find_unsupported(model)

    assert missing is not None
    assert why in missing.reason
    if not micro_runs:
        with pytest.raises(RuntimeError):
            run_micro(model, adversarial_inputs(model, 1))
