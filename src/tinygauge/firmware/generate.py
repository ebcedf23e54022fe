"""Writes the reference engine of a quantised model as C: constants, a static arena, kernel calls.

It is a reference: plain loops that round as tflite-micro does, to the bit, and are not meant to
be fast. What goes over the wire follows the benchmark (`Wire`). Of the model only numbers reach
the C text; its names don't.

::

    from tinygauge import graph
    from tinygauge.firmware.generate import generate_engine, wire_of
    source = generate_engine(graph.load("model.tflite"), wire_of("kws")).source
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from string import Template

from tinygauge import __version__
from tinygauge.errors import UnknownNameError, UnsupportedOpError
from tinygauge.exact.lowering import lower_ops
from tinygauge.exact.steps import Reshape, Step
from tinygauge.firmware.arena import ALIGNMENT_BYTES, Room, place
from tinygauge.firmware.calls import CALLS
from tinygauge.firmware.templates import ENGINE, INPUTS, RESULTS
from tinygauge.firmware.text import c_float
from tinygauge.firmware.writer import C_TYPES, Place, Writer
from tinygauge.graph import DType, Model, Tensor

__all__ = ["BENCHMARKS", "Engine", "Wire", "generate_engine", "wire_of"]

_ENDS = {DType.INT8, DType.UINT8, DType.INT16, DType.FLOAT32}
_ADVICE = "The reference engine runs int8 and int16x8 models, one image at a time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What the host sends and reads for one benchmark.

    Parameters
    ----------
    model : str
        The model's name on the wire.
    sent : str
        ``"tensor"``: the bytes of the input tensor; ``"pixels"``: uint8 that the tensor holds less
        128; ``"floats"``: float32, quantised on the board.
    results : str
        ``"scores"``: the output's real values; ``"error"``: the mean squared difference between
        output and input.
    """

    model: str
    sent: str = "tensor"
    results: str = "scores"


BENCHMARKS: dict[str, Wire] = {
    "kws": Wire(model="kws01"),
    "ic": Wire(model="ic01", sent="pixels"),
    "vww": Wire(model="vww01", sent="pixels"),
    "ad": Wire(model="ad01", sent="floats", results="error"),
    "sww": Wire(model="sww01"),
    "custom": Wire(model="custom"),
}
"""By benchmark; sizes and types as in the published runs (mlcommons/tiny, benchmark/api)."""


def wire_of(benchmark: str) -> Wire:
    """Return what goes over the wire for a benchmark.

    Parameters
    ----------
    benchmark : str
        A key of `BENCHMARKS`.

    Returns
    -------
    Wire

    Raises
    ------
    UnknownNameError
        If there is no such benchmark.
    """
    if benchmark not in BENCHMARKS:
        raise UnknownNameError("benchmark", benchmark, BENCHMARKS)
    return BENCHMARKS[benchmark]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A generated engine.

    Parameters
    ----------
    source : str
        C that implements ``tg_engine.h``.
    input_bytes : int
        Of one input on the wire.
    arena_bytes : int
        Of the static array that holds tensors and scratch.
    """

    source: str
    input_bytes: int
    arena_bytes: int


def generate_engine(model: Model, wire: Wire) -> Engine:
    """Write the engine of a model.

    Parameters
    ----------
    model : Model
        With one input and one output; int8 or int16 activations.
    wire : Wire

    Returns
    -------
    Engine

    Raises
    ------
    UnsupportedOpError
        If an op, its types or its numbers are not among those that the kernels evaluate.
    """
    source, result = _ends(model, wire)
    try:
        steps = lower_ops(model)
    except UnsupportedOpError as error:
        raise UnsupportedOpError(error.where, error.problem, _ADVICE) from error
    _check_order(model, steps)
    layout = _Layout(model, steps)
    writer = _write(model, steps, layout)
    input_bytes = source.elements * (4 if wire.sent == "floats" else source.dtype.bits // 8)
    numbers = _numbers(writer, source, result)
    values = {
        "version": __version__,
        "sha256": model.sha256,
        "model": wire.model,
        "input_bytes": str(input_bytes),
        "definitions": "\n\n".join(writer.definitions),
        "calls": "\n".join(writer.calls),
        "arena_bytes": str(max(layout.size_bytes, 1)),
        "alignment": str(ALIGNMENT_BYTES),
        **numbers,
    }
    values["set_input"] = Template(INPUTS[wire.sent]).substitute(values)
    kind = "floats" if result.dtype is DType.FLOAT32 else wire.results
    values["result"] = Template(RESULTS[kind]).substitute(values)
    text = Template(ENGINE).substitute(values)
    return Engine(source=text, input_bytes=input_bytes, arena_bytes=layout.size_bytes)


def _ends(model: Model, wire: Wire) -> tuple[Tensor, Tensor]:
    """Return input and output of a model that fits the wire."""
    where = model.path or model.name
    graph = model.main
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        problem = f"it has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
        raise UnsupportedOpError(where, problem, "Export it with one of each")
    source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    stored = {DType.INT8} if wire.sent != "tensor" else _ENDS
    if source.dtype not in stored or result.dtype not in _ENDS:
        problem = f"it takes {source.dtype.value} and gives {result.dtype.value}"
        raise UnsupportedOpError(where, problem, _ADVICE)
    for tensor in (source, result):
        scale = tensor.quantization.scale[0] if tensor.quantization is not None else 1.0
        if not 0 < scale < math.inf:
            problem = f"tensor {tensor.index} has scale {scale}"
            raise UnsupportedOpError(where, problem, "Convert it again")
    if wire.results == "error" and (
        source.elements != result.elements or result.dtype is not DType.INT8
    ):
        problem = f"{source.elements} inputs and {result.elements} outputs have no difference"
        raise UnsupportedOpError(where, problem, "Give an autoencoder")
    return source, result


def _check_order(model: Model, steps: tuple[Step, ...]) -> None:
    """Refuse a file whose ops read what nothing wrote before: it would be another tensor's."""
    graph = model.main
    written = set(graph.inputs)
    last = Step(op=len(graph.ops), inputs=tuple(graph.outputs), outputs=())
    for step in (*steps, last):
        for index in step.inputs:
            if index not in written and graph.tensors[index].data is None:
                problem = f"tensor {index} is read before anything writes it"
                raise UnsupportedOpError(model.path or model.name, problem, "Convert it again")
        written.update(step.outputs)


def _numbers(writer: Writer, source: Tensor, result: Tensor) -> dict[str, str]:
    numbers: dict[str, str] = {}
    for name, tensor in (("input", source), ("output", result)):
        found = tensor.quantization
        numbers |= {
            f"{name}_pointer": writer.tensor(tensor.index).pointer,
            f"{name}_type": C_TYPES[tensor.dtype],
            f"{name}_elements": str(tensor.elements),
            f"{name}_tensor_bytes": str(tensor.size_bytes),
            f"{name}_scale": c_float(found.scale[0] if found else 1.0),
            f"{name}_zero": str(found.zero_point[0] if found else 0),
        }
    return numbers


def _write(model: Model, steps: tuple[Step, ...], layout: _Layout) -> Writer:
    """Write all steps; the first time over finds the scratch that they need."""
    constants: dict[int, str] = {}

    def run(offsets: Callable[[int], int]) -> Writer:
        constants.clear()
        layout.scratch_at = offsets
        writer = Writer(lambda index: layout.tensor(writer, index, constants), layout.scratch)
        for number, step in enumerate(steps):
            layout.begin(number)
            if not _is_single(model, step):
                op = model.main.ops[step.op]
                where = model.path or model.name
                problem = f"op {op.index} {op.kind}: the reference engine has no kernel for it"
                raise UnsupportedOpError(where, problem, _ADVICE)
            CALLS[type(step)](writer, step)
        layout.end()
        return writer

    run(lambda _: 0)
    layout.plan()
    return run(layout.planned)


def _is_single(model: Model, step: Step) -> bool:
    """Tell whether a step's tensors are of types that its kernel takes, a batch of one."""
    tensors = [model.main.tensors[index] for index in (*step.inputs, *step.outputs)]
    known = all(tensor.dtype in C_TYPES for tensor in tensors)
    images = hasattr(step, "window") and any(
        len(tensor.shape) == 4 and tensor.shape[0] != 1 for tensor in tensors
    )
    return known and not images


class _Layout:
    """Where tensors and scratch lie in the arena."""

    def __init__(self, model: Model, steps: tuple[Step, ...]) -> None:
        self.model = model
        self.steps = steps
        self.size_bytes = 0
        self.scratch_at: Callable[[int], int] = lambda _: 0
        self._same: dict[int, int] = {}  # outputs that are their inputs, seen differently
        for step in steps:
            if isinstance(step, Reshape):
                self._same[step.outputs[0]] = self._root(step.inputs[0])
        self._step = 0
        self._used = 0
        self._scratch: dict[int, int] = {}
        self._offsets: dict[int, int] = {}
        self._scratch_offsets: dict[int, int] = {}

    def _root(self, index: int) -> int:
        return self._same.get(index, index)

    def tensor(self, writer: Writer, index: int, constants: dict[int, str]) -> Place:
        """Return the place of a tensor, defining it where it is a constant."""
        tensor, root = self.model.main.tensors[index], self._root(index)
        kind = C_TYPES[tensor.dtype]
        data = self.model.main.tensors[root].data
        if data is not None:
            if root not in constants:
                constants[root] = writer.array(kind, data)
            return Place(constants[root], tensor.shape, tensor.dtype)
        pointer = f"AT({kind}, {self._offsets.get(root, 0)})"
        return Place(pointer, tensor.shape, tensor.dtype)

    def begin(self, number: int) -> None:
        """Begin a step: its scratch is its own."""
        self.end()
        self._step, self._used = number, 0

    def end(self) -> None:
        """Keep what the step needed."""
        if self._used:
            self._scratch[self._step] = self._used
        self._used = 0

    def scratch(self, size_bytes: int, kind: str) -> str:
        """Return a pointer to scratch of the step at hand."""
        at = self.scratch_at(self._step) + self._used
        self._used += -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        return f"AT({kind}, {at})"

    def planned(self, number: int) -> int:
        """Return the offset of a step's scratch."""
        return self._scratch_offsets.get(number, 0)

    def plan(self) -> None:
        """Place everything."""
        graph, end = self.model.main, len(self.steps)
        first: dict[int, int] = {self._root(index): 0 for index in graph.inputs}
        last: dict[int, int] = {self._root(index): end for index in (*graph.inputs, *graph.outputs)}
        for number, step in enumerate(self.steps):
            for index in (*step.inputs, *step.outputs):
                root = self._root(index)
                if graph.tensors[root].data is None:
                    first.setdefault(root, number)
                    last[root] = max(last.get(root, 0), number)
        tensors = [index for index in first if graph.tensors[index].data is None]
        rooms = [
            Room(size_bytes=graph.tensors[index].size_bytes, first=first[index], last=last[index])
            for index in tensors
        ]
        rooms += [
            Room(size_bytes=size, first=number, last=number)
            for number, size in self._scratch.items()
        ]
        offsets, self.size_bytes = place(rooms)
        self._offsets = dict(zip(tensors, offsets, strict=False))
        self._scratch_offsets = dict(zip(self._scratch, offsets[len(tensors) :], strict=True))
