"""The files of a deployment: made as text, then written.

>>> from tinygauge.deploy.folder import ArenaSize
>>> ArenaSize(needed_bytes=10000, margin_bytes=512).size_bytes
10512
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tinygauge import __version__
from tinygauge.deploy import templates
from tinygauge.deploy.cpp import identifier, plain
from tinygauge.deploy.ends import QUANTIZE, End, model_ends
from tinygauge.deploy.operators import resolver_methods
from tinygauge.errors import ConfigError, InputError
from tinygauge.files import write_whole
from tinygauge.graph import Model
from tinygauge.quantity import Quantity
from tinygauge.records import Memory, Target

__all__ = ["ArenaSize", "Deployment", "render_deployment", "write_deployment"]

# Our choice: releases of TFLM differ by a few bytes per op and tensor.
_MARGIN_SHARE, _LEAST_MARGIN_BYTES = 0.05, 256
# TFLM aligns the arena, and every buffer in it, to 16 bytes (micro_arena_constants.h,
# MicroArenaBufferAlignment).
_ALIGNMENT_BYTES = 16
_BYTES_PER_LINE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ArenaSize:
    """How large to make a tensor arena.

    Parameters
    ----------
    needed_bytes : int
        What the model needs at most to start and run, as predicted.
    margin_bytes : int
        What is added to it.
    """

    needed_bytes: int
    margin_bytes: int

    @property
    def size_bytes(self) -> int:
        """Both together."""
        return self.needed_bytes + self.margin_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A model made ready for a firmware.

    Parameters
    ----------
    name : str
        The C++ namespace.
    target : Target
    methods : tuple of str
        Of the resolver, one per operator.
    arena : ArenaSize
    memory : Memory
        The prediction behind it.
    files : mapping of str to str
        Name in the folder, and text.
    """

    name: str
    target: Target
    methods: tuple[str, ...]
    arena: ArenaSize
    memory: Memory
    files: Mapping[str, str]

    @property
    def shortages(self) -> tuple[str, ...]:
        """Where the firmware does not fit the board, in words; empty where it does."""
        memory, target = self.memory, self.target
        ram_bytes = memory.ram.value - memory.needed_arena.value + self.arena.size_bytes
        needs = (
            ("RAM", ram_bytes, target.sram_bytes),
            ("RAM in one piece", self.arena.size_bytes, target.sram_block_bytes),
            ("flash", memory.flash.value, target.flash_bytes),
        )
        return tuple(
            f"{what}: needs {need_bytes:,.0f} bytes, {target.board} has {room_bytes:,.0f}"
            for what, need_bytes, room_bytes in needs
            if room_bytes is not None and need_bytes > room_bytes
        )


def render_deployment(
    model: Model, memory: Memory, target: Target, *, name: str | None = None
) -> Deployment:
    """Make the files that a TFLM build needs for a model.

    Parameters
    ----------
    model : Model
    memory : Memory
        What the model needs on the target.
    target : Target
        Core and engine that `memory` is of.
    name : str, optional
        What the C++ namespace is made of; by default the file's name.

    Returns
    -------
    Deployment

    Raises
    ------
    UnsupportedOpError
        If TFLM has no kernel for an operator, or an input or output is of a type that C++ can't
        name.
    InputError
        If the arena is without a known upper end.
    """
    namespace = identifier(name or model.name)
    methods, ends = resolver_methods(model), model_ends(model)
    arena = _arena_size(model, memory)
    words = {
        "name": namespace,
        "guard": namespace.upper(),
        "head": _head(model, memory, target),
        "version": __version__,
        "file": plain(Path(model.path).name or model.name),
        "bytes": str(model.size_bytes),
        "target": plain(str(target)),
        "engine": plain(target.engine),
        "needed": str(arena.needed_bytes),
        "margin": str(arena.margin_bytes),
        "figures": _figures(memory),
        "ops": str(max(1, len(methods))),  # C++ has no array of no entries
        "ops_text": ", ".join(methods) or "none",
        "quantize": QUANTIZE if any(end.quantization for end in ends) else "",
        "ends": "".join(end.render() for end in ends),
        "register": _register(methods),
        "start": _start(model),
        "accessors": "".join(_accessor(end) for end in ends),
        "array": _array(model.content),
        "example": _example(ends),
    }
    files = {file: Template(text).substitute(words) for file, text in templates.FILES.items()}
    return Deployment(
        name=namespace, target=target, methods=methods, arena=arena, memory=memory, files=files
    )


def write_deployment(deployment: Deployment, folder: Path) -> None:
    """Write the files; those of the same names are replaced.

    Parameters
    ----------
    deployment : Deployment
    folder : Path
        Made where it does not exist.

    Raises
    ------
    ConfigError
        If the folder can't be written.
    """
    for name, text in deployment.files.items():
        try:
            write_whole(folder / name, text.encode("ascii"))
        except OSError as error:
            raise ConfigError(
                str(folder), f"can't write {name} ({error.strerror})", "Choose another --out"
            ) from error


def _arena_size(model: Model, memory: Memory) -> ArenaSize:
    """Take the smallest arena's upper end, and a margin that keeps the whole aligned."""
    interval = memory.needed_arena.interval
    if not interval.is_known:
        raise InputError(model.name, "nothing bounds its arena", "Measure it on the board")
    most = math.ceil(interval.high)
    needed = -(-most // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
    margin = max(_LEAST_MARGIN_BYTES, math.ceil(needed * _MARGIN_SHARE))
    return ArenaSize(
        needed_bytes=needed, margin_bytes=-(-margin // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
    )


def _bytes_text(size: Quantity) -> str:
    text = f"{size.value:,.0f} bytes"
    if not size.interval.is_known:
        return f"{text}, interval unknown, {size.method}"
    low, high = size.interval.low, size.interval.high
    between = f" ({low:,.0f} to {high:,.0f})" if low < high else ""
    return f"{text}{between}, {size.method}"


def _figures(memory: Memory) -> str:
    rows = [("RAM", memory.ram), ("flash", memory.flash)]
    rows += [(f"{part.kind}, {part.name}", part.size) for part in memory.parts]
    return "\n".join(f"| {plain(what)} | {plain(_bytes_text(size))} |" for what, size in rows)


def _head(model: Model, memory: Memory, target: Target) -> str:
    tool = plain(memory.arena.provenance.tool)
    lines = [
        f"Made by TinyGauge {__version__} of {plain(Path(model.path).name or model.name)}",
        f"(SHA-256 {model.sha256}).",
        "This text is yours to use and change under the Apache License 2.0;",
        "the model's bytes stay under their own terms. SPDX-License-Identifier: Apache-2.0",
        "",
        f"On {plain(str(target))}, before any firmware is built:",
        f"  arena {_bytes_text(memory.needed_arena)}; once running {_bytes_text(memory.arena)}",
        f"  RAM   {_bytes_text(memory.ram)}",
        f"  flash {_bytes_text(memory.flash)}",
        f"  for {tool}.",
    ]
    return "\n".join(f"// {line}".rstrip() for line in lines)


def _register(methods: tuple[str, ...]) -> str:
    calls = [f"resolver.{method}() == kTfLiteOk" for method in methods]
    if not calls:
        return "  static_cast<void>(resolver);\n  return true;"
    return "  return " + " &&\n         ".join(calls) + ";"


def _start(model: Model) -> str:
    """Return how the interpreter is made: models that keep state need room for their variables."""
    variables = {
        (op.options.get("container"), op.options.get("shared_name"))
        for graph in model.subgraphs
        for op in graph.ops
        if op.kind == "VAR_HANDLE"
    }
    if not variables:
        return templates.START
    return Template(templates.START_WITH_VARIABLES).substitute(count=len(variables))


def _accessor(end: End) -> str:
    tensor = f"{'input' if end.is_input else 'output'}({end.position})"
    return (
        f"\n{end.pointer} {end.name}() {{\n"
        "  if (g_interpreter == nullptr) return nullptr;\n"
        f"  return static_cast<{end.type_name}*>(g_interpreter->{tensor}->data.data);\n"
        "}\n"
    )


def _array(content: bytes) -> str:
    rows = (content[i : i + _BYTES_PER_LINE] for i in range(0, len(content), _BYTES_PER_LINE))
    return "\n".join("    " + " ".join(f"0x{byte:02x}," for byte in row) for row in rows)


def _example(ends: tuple[End, ...]) -> str:
    """Return the body of a function that fills the inputs and returns the first output."""
    lines = ["if (!Start()) return -1.0f;"]
    for end in ends:
        value = f"Quantize{end.name}(0.5f)" if end.quantization else f"{end.type_name}{{}}"
        if end.is_input:
            lines.append(f"std::fill_n({end.name}(), k{end.name}Elements, {value});")
    lines.append("if (!Run()) return -1.0f;")
    read = "0.0f"
    for end in ends:
        if end.name == "Output0":
            convert = "DequantizeOutput0" if end.quantization else "static_cast<float>"
            read = f"{convert}(Output0()[0])"
    lines.append(f"return {read};")
    return "\n".join(f"  {line}" for line in lines)
