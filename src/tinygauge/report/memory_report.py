"""What a model needs of a target's memories, as tables for the terminal and as JSON.

The JSON is a list of records, one per model and target. A missing number is null, with the
reason under the same key and ``_missing``; the interval, method and source of each number stand
under ``figures``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tinygauge.errors import ConfigError
from tinygauge.files import write_whole
from tinygauge.graph import Model
from tinygauge.memory.firmware import Firmware
from tinygauge.quantity import Basis, Missing, Quantity
from tinygauge.records import Finding, Memory, MemoryPart, Target
from tinygauge.report.serialise import quantity_document, render_json
from tinygauge.report.timeline import render_timeline, timeline_document
from tinygauge.units import Unit, format_interval, format_value

__all__ = [
    "MemoryEntry",
    "memory_document",
    "memory_tables",
    "summary_table",
    "write_timelines",
]

_KEYS = (
    "arena_bytes",
    "arena_head_bytes",
    "arena_tail_bytes",
    "min_arena_bytes",
    "ram_bytes",
    "flash_bytes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEntry:
    """One model on one target.

    Parameters
    ----------
    model : Model
    target : Target
    memory : Memory or Missing
    findings : tuple of Finding
        What could be saved.
    """

    model: Model
    target: Target
    memory: Memory | Missing
    findings: tuple[Finding, ...] = ()

    @property
    def fits(self) -> bool | None:
        """Whether RAM, its arena in one piece, and flash fit; None where not known or not sure."""
        target, memory = self.target, self.memory
        piece = target.sram_block_bytes or target.sram_bytes
        limits = (target.sram_bytes, piece, target.flash_bytes)
        if isinstance(memory, Missing) or None in limits:
            return None
        needs = (memory.ram, memory.needed_arena, memory.flash)
        checks = [_fits(need, limit) for need, limit in zip(needs, limits, strict=True)]
        if False in checks:
            return False
        return None if None in checks else True


def _fits(need: Quantity, limit: float | None) -> bool | None:
    interval = need.interval
    if limit is None or not interval.is_known:
        return None
    if interval.low > limit:
        return False
    return True if interval.high <= limit else None


def _quantities(entry: MemoryEntry) -> dict[str, Quantity | Missing]:
    memory = entry.memory
    if isinstance(memory, Missing):
        return dict.fromkeys(_KEYS, memory)
    values = (
        memory.arena,
        memory.arena_head,
        memory.arena_tail,
        memory.min_arena,
        memory.ram,
        memory.flash,
    )
    return dict(zip(_KEYS, values, strict=True))


def memory_document(entry: MemoryEntry, firmware: Firmware | None = None) -> dict[str, Any]:
    """Describe one entry.

    Parameters
    ----------
    entry : MemoryEntry
    firmware : Firmware, optional
        A real firmware, to stand beside.

    Returns
    -------
    dict
    """
    target, memory = entry.target, entry.memory
    document: dict[str, Any] = {
        "model": entry.model.name,
        "model_path": entry.model.path,
        "model_sha256": entry.model.sha256,
        "board": target.board or None,
        "core": target.core,
        "engine": target.engine,
    }
    quantities = _quantities(entry)
    for key, quantity in quantities.items():
        if isinstance(quantity, Missing):
            document |= {key: None, f"{key}_missing": quantity.reason}
        else:
            document[key] = round(quantity.value)
    document |= {
        "board_sram_bytes": _whole(target.sram_bytes),
        "board_flash_bytes": _whole(target.flash_bytes),
        "fits": entry.fits,
        "figures": {key: quantity_document(quantity) for key, quantity in quantities.items()},
        "parts": [],
        "findings": [
            {"code": finding.code, "message": finding.message, "advice": finding.advice}
            for finding in entry.findings
        ],
    }
    if isinstance(memory, Memory):
        document["parts"] = [_part(part) for part in memory.parts]
        document["min_arena_set_by"] = memory.min_arena_set_by
        document |= timeline_document(memory)
    if firmware is not None:
        document["firmware"] = {
            "path": firmware.path,
            "format": firmware.format,
            "ram_bytes": round(firmware.ram.value),
            "flash_bytes": round(firmware.flash.value),
            "parts": [_part(part) for part in firmware.parts],
        }
    return document


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _part(part: MemoryPart) -> dict[str, Any]:
    return {"name": part.name, "kind": part.kind} | quantity_document(part.size)


def memory_tables(entry: MemoryEntry, firmware: Firmware | None = None) -> list[Table | Text]:
    """Lay out one entry: the parts against the board, the arena, what could be saved.

    Parameters
    ----------
    entry : MemoryEntry
    firmware : Firmware, optional
        A real firmware, to stand beside.

    Returns
    -------
    list of rich.table.Table or rich.text.Text
    """
    memory = entry.memory
    title = f"{entry.model.name} on {_where(entry.target)}"
    if isinstance(memory, Missing):
        advice = f". {memory.advice}" if memory.advice else ""
        return [Text(f"{title}: no answer: {memory.reason}{advice}", style="yellow")]
    parts: list[Table | Text] = [_parts_table(title, entry, memory, firmware)]
    parts.append(Text("\n".join(_arena_lines(memory))))
    for finding in entry.findings:
        advice = f". {finding.advice}" if finding.advice else ""
        parts.append(Text(f"{finding.code}: {finding.message}{advice}", style="yellow"))
    return parts


def _where(target: Target) -> str:
    place = f"{target.board} ({target.core})" if target.board else target.core
    return f"{place}, {target.engine}"


def _parts_table(
    title: str, entry: MemoryEntry, memory: Memory, firmware: Firmware | None
) -> Table:
    table = Table(title=escape(title), box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    table.add_column("part", no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("interval", justify="right", no_wrap=True)
    if firmware is not None:
        table.add_column("firmware", justify="right", no_wrap=True)
    table.add_column("method", no_wrap=True)
    table.add_column("source", overflow="fold")
    limits = {"ram": entry.target.sram_bytes, "flash": entry.target.flash_bytes}
    for kind, total, name in (("ram", memory.ram, "RAM"), ("flash", memory.flash, "flash")):
        counted = _counted(firmware, kind)
        for part in memory.parts:
            if part.kind == kind:
                row = _row(name, part.name, part.size)
                table.add_row(*_beside(row, firmware, counted.pop(part.name, None)))
        for other, size in counted.items():
            empty: list[str | Text] = [name, Text(other), "—", "", "", ""]
            table.add_row(*_beside(empty, firmware, size))
        row = _row(name, "all", total)
        real = None if firmware is None else getattr(firmware, kind)
        table.add_row(*_beside(row, firmware, real), style="bold")
        limit = limits[kind]
        if limit is not None:
            row = [name, "board has", f"{limit:,.0f}", "", "", Text(_left(total, limit))]
            table.add_row(*_beside(row, firmware, None))
        table.add_section()
    return table


def _counted(firmware: Firmware | None, kind: str) -> dict[str, Quantity]:
    parts = () if firmware is None else firmware.parts
    return {part.name: part.size for part in parts if part.kind == kind}


def _beside(
    row: list[str | Text], firmware: Firmware | None, size: Quantity | None
) -> list[str | Text]:
    """Put the firmware's figure into a row, where there is a firmware."""
    if firmware is None:
        return row
    return [*row[:4], "—" if size is None else f"{size.value:,.0f}", *row[4:]]


def _row(kind: str, name: str, size: Quantity) -> list[str | Text]:
    interval = size.interval
    if interval.basis is Basis.EXACT:
        spread = "exact"
    elif interval.is_known:
        spread = format_interval(interval.low, interval.high, Unit.BYTE)
    else:
        spread = "unknown"
    source = size.provenance.source
    return [kind, Text(name), f"{size.value:,.0f}", spread, size.method.value, Text(source)]


def _left(need: Quantity, limit: float) -> str:
    verdict = {True: "fits", False: "does not fit", None: "undecided"}[_fits(need, limit)]
    rest = limit - need.value
    return f"{verdict}: {format_value(abs(rest), Unit.BYTE)} {'left' if rest >= 0 else 'too much'}"


def _arena_lines(memory: Memory) -> list[str]:
    def show(quantity: Quantity | Missing) -> str:
        return "unknown" if isinstance(quantity, Missing) else f"{quantity.value:,.0f}"

    kinds = memory.op_kinds
    peak = f"op {memory.peak_op}"
    if memory.peak_op < len(kinds):
        peak += f" {kinds[memory.peak_op]}"
    return [
        f"Arena: {show(memory.arena)} bytes once it runs ({show(memory.arena_head)} planned "
        f"tensors, {show(memory.arena_tail)} kept); the smallest that works is "
        f"{show(memory.min_arena)}, set by {memory.min_arena_set_by or 'running'}.",
        f"Planned tensors: {show(memory.arena_head)} bytes; the most ever live at once are "
        f"{memory.lower_bound_bytes:,}, at {peak}.",
    ]


def summary_table(entries: Sequence[MemoryEntry]) -> Table:
    """Lay out one line per entry.

    Parameters
    ----------
    entries : sequence of MemoryEntry

    Returns
    -------
    rich.table.Table
    """
    table = Table(title="bytes", box=box.SIMPLE_HEAD)
    table.add_column("model", no_wrap=True)
    table.add_column("target", no_wrap=True)
    for name in ("arena", "smallest arena", "RAM", "flash"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("fits", no_wrap=True)
    for entry in entries:
        quantities = _quantities(entry)
        cells = [
            "—" if isinstance(quantity, Missing) else f"{quantity.value:,.0f}"
            for key, quantity in quantities.items()
            if key not in ("arena_head_bytes", "arena_tail_bytes")
        ]
        fits = {True: "yes", False: "no", None: "—" if not entry.target.board else "?"}
        table.add_row(Text(entry.model.name), Text(_where(entry.target)), *cells, fits[entry.fits])
    return table


def write_timelines(entries: Sequence[MemoryEntry], folder: str | Path) -> list[Path]:
    """Write each entry's timeline as PNG, SVG and JSON.

    Parameters
    ----------
    entries : sequence of MemoryEntry
        Those without an answer are left out.
    folder : str or Path
        Made where it does not exist; files of the same names are replaced.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    ConfigError
        If the folder can't be written.
    """
    target = Path(folder)
    written: list[Path] = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for entry, stem in zip(entries, _stems(entries), strict=True):
            if isinstance(entry.memory, Missing):
                continue
            files = render_timeline(entry.model.name, entry.target, entry.memory)
            document = render_json(memory_document(entry))
            files["json"] = document.encode("utf-8", "backslashreplace")
            for kind, content in files.items():
                written.append(target / f"{stem}.{kind}")
                write_whole(written[-1], content)
    except OSError as error:
        problem = f"can't write the timelines ({error.strerror})"
        raise ConfigError(str(target), problem, "Name another folder with --out") from error
    return written


def _stems(entries: Sequence[MemoryEntry]) -> list[str]:
    """Name the files after model and target, whatever letters those hold, each once."""
    stems: list[str] = []
    for entry in entries:
        target = entry.target
        text = f"{entry.model.name[:60]}-{target.board or target.core}-{target.engine}"
        stem = re.sub(r"[^A-Za-z0-9._+-]+", "_", text).lstrip(".")
        while stem in stems:
            stem += "-again"
        stems.append(stem)
    return stems
