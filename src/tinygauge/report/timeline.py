"""The arena over the ops: which tensors are live, where they lie, and which op sets the peak.

Above, the bytes that live while each op runs; below, every planned tensor and scratch buffer as a
box from the op that writes it to the last that reads it, at its place in the arena's head. The
dashed line is the lower bound: no plan of whole tensors can end below it.

It draws what `predict_memory` planned and computes nothing but positions on paper.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tinygauge.quantity import Quantity
from tinygauge.records import Memory, Target, TensorPlacement
from tinygauge.units import Unit, format_value, scale_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["render_timeline", "timeline_document", "timeline_figure"]

# Okabe and Ito's colours, lightened, told apart with any colour vision ("Color Universal
# Design", 2008); neighbours among plain tensors get one of two shades.
_COLOURS = {
    "input": "#8CC7E8",
    "output": "#7FCFB5",
    "tensor": "#C9CDD3",
    "scratch": "#F3C66B",
}
_SECOND_SHADE = "#DDE0E4"
_EDGE = "#5F6670"
_PEAK, _BOUND = "#D55E00", "#0072B2"
_NAMES = {
    "input": "model input",
    "output": "model output",
    "tensor": "tensor",
    "scratch": "scratch buffer",
}
# With more ops than this, ticks carry numbers alone and boxes no names.
_NAMED_OPS = 40
_LONGEST_TITLE = 60
# Width of a letter and height of a line at the size of labels, inches.
_LETTER_IN, _LINE_IN = 0.062, 0.13


def timeline_document(memory: Memory) -> dict[str, Any]:
    """Describe the plan: ops with their live bytes, and every buffer with its place and time.

    Parameters
    ----------
    memory : Memory

    Returns
    -------
    dict
        What the drawing shows, bytes throughout.
    """
    return {
        "head_bytes": _head_bytes(memory),
        "lower_bound_bytes": memory.lower_bound_bytes,
        "peak_op": memory.peak_op,
        "ops": [
            {"op": op, "kind": kind, "live_bytes": live}
            for op, (kind, live) in enumerate(zip(memory.op_kinds, memory.live_bytes, strict=False))
        ],
        "buffers": [
            {
                "name": place.name,
                "role": place.role,
                "size_bytes": place.size_bytes,
                "offset_bytes": place.offset_bytes,
                "first_op": place.first_op,
                "last_op": place.last_op,
            }
            for place in memory.placements
        ],
    }


def _head_bytes(memory: Memory) -> int:
    if isinstance(memory.arena_head, Quantity):
        return int(memory.arena_head.value)
    return max((place.offset_bytes + place.size_bytes for place in memory.placements), default=0)


def render_timeline(model: str, target: Target, memory: Memory) -> dict[str, bytes]:
    """Draw the timeline as PNG (150 dots an inch) and SVG.

    Parameters
    ----------
    model : str
        Its name, for the title.
    target : Target
    memory : Memory

    Returns
    -------
    dict of str to bytes
        ``"png"`` and ``"svg"``; the same memory gives the same bytes.
    """
    import matplotlib as mpl

    figure = timeline_figure(model, target, memory)
    drawn: dict[str, bytes] = {}
    with mpl.rc_context({"svg.hashsalt": "tinygauge"}), warnings.catch_warnings():
        # A letter that matplotlib's font lacks is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
            drawn[kind] = buffer.getvalue()
    return drawn


def timeline_figure(model: str, target: Target, memory: Memory) -> Figure:
    """Draw the live bytes of each op, and where each buffer lies while it lives.

    Parameters
    ----------
    model : str
        Its name, for the title.
    target : Target
    memory : Memory

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    ops = max(1, len(memory.op_kinds))
    width_in = min(16.0, max(8.5, 0.62 * ops + 2.5))
    figure = Figure(figsize=(width_in, 7.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 3.4])
    head = _head_bytes(memory)
    factor, symbol = scale_for(max(head, 1), Unit.BYTE)
    _draw_live(above, memory, factor, symbol)
    _draw_boxes(below, memory, factor, (width_in - 1.2, 4.4))
    _draw_lines(below, memory, head / factor, memory.lower_bound_bytes / factor)
    below.set_ylabel(f"place in the arena ({symbol})")
    _label_ops(below, memory.op_kinds)
    figure.suptitle(_title(model, target, memory, head), fontsize=11)
    handles = _legend(memory)
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return figure


def _title(model: str, target: Target, memory: Memory, head: int) -> str:
    kinds = memory.op_kinds
    peak = f"op {memory.peak_op}"
    if memory.peak_op < len(kinds):
        peak += f" {_plain(kinds[memory.peak_op], 30)}"
    where = _plain(f"{target.board or target.core}, {target.engine}", _LONGEST_TITLE)
    return (
        f"{_plain(model, _LONGEST_TITLE)} on {where}\n"
        f"{format_value(head, Unit.BYTE)} of planned tensors, most live at {peak}"
    )


def _plain(text: str, longest: int) -> str:
    """Shorten a text and keep matplotlib from reading it as mathematics, and XML valid."""
    if len(text) > longest:
        text = f"{text[: longest - 1]}…"
    printable = "".join(char if char.isprintable() else "�" for char in text)
    return printable.replace("$", r"\$")


def _draw_live(axes: Axes, memory: Memory, factor: float, symbol: str) -> None:
    heights = [live / factor for live in memory.live_bytes]
    colours = [_PEAK if op == memory.peak_op else "#AEB4BC" for op in range(len(heights))]
    axes.bar(range(len(heights)), heights, width=0.9, color=colours, linewidth=0)
    axes.set_ylabel(f"live ({symbol})")
    axes.set_ylim(0, 1.25 * max(heights, default=1.0) or 1.0)
    if memory.peak_op < len(heights):
        axes.annotate(
            f"{heights[memory.peak_op]:,.1f}",
            (memory.peak_op, heights[memory.peak_op]),
            textcoords="offset points",
            xytext=(0, 2),
            ha="center",
            fontsize=8,
            color=_PEAK,
        )
    _tidy(axes)


def _draw_boxes(axes: Axes, memory: Memory, factor: float, paper_in: tuple[float, float]) -> None:
    """Draw the buffers, with names where they fit on paper of the given width and height."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    ops = max(1, len(memory.op_kinds))
    axes.set_xlim(-0.6, ops - 0.4)
    top = max(_head_bytes(memory), 1) / factor
    axes.set_ylim(0, 1.08 * top)
    boxes, colours = [], []
    for number, place in enumerate(memory.placements):
        left, width = place.first_op - 0.45, place.last_op - place.first_op + 0.9
        bottom, height = place.offset_bytes / factor, place.size_bytes / factor
        boxes.append(Rectangle((left, bottom), width, height))
        colours.append(_colour(place, number))
        room_in = width / (ops + 0.2) * paper_in[0], height / (1.08 * top) * paper_in[1]
        label = _label(place, *room_in) if ops <= _NAMED_OPS else ""
        if label:
            axes.text(
                left + width / 2,
                bottom + height / 2,
                label,
                ha="center",
                va="center",
                fontsize=7,
                linespacing=1.15,
                zorder=3,
            )
    thin = 0.8 if ops <= _NAMED_OPS else 0.2
    axes.add_collection(
        PatchCollection(boxes, facecolors=colours, edgecolors=_EDGE, linewidths=thin, zorder=2)
    )
    _tidy(axes)


def _colour(place: TensorPlacement, number: int) -> str:
    if place.role == "tensor" and number % 2:
        return _SECOND_SHADE
    return _COLOURS.get(place.role, _COLOURS["tensor"])


def _label(place: TensorPlacement, width_in: float, height_in: float) -> str:
    """Write the buffer's size, and its name where there is room for both."""
    letters = int(width_in / _LETTER_IN)
    size = format_value(place.size_bytes, Unit.BYTE)
    if height_in < _LINE_IN or len(size) > letters:
        return ""
    name = "scratch" if place.role == "scratch" else place.name.rsplit("/", 1)[-1]
    if height_in < 2.2 * _LINE_IN or min(len(name), 6) > letters:
        return size
    return f"{_plain(name, letters)}\n{size}"


def _draw_lines(axes: Axes, memory: Memory, head: float, bound: float) -> None:
    """Mark the peak op, the end of the plan and the lower bound."""
    axes.axvspan(memory.peak_op - 0.5, memory.peak_op + 0.5, color=_PEAK, alpha=0.10, zorder=0)
    axes.axhline(head, color="#222222", linewidth=1.2, zorder=4)
    if bound < head:
        axes.axhline(bound, color=_BOUND, linewidth=1.4, linestyle=(0, (5, 3)), zorder=4)


def _tidy(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(visible=True, axis="y", color="#E6E8EB", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)


def _label_ops(axes: Axes, kinds: Sequence[str]) -> None:
    if len(kinds) > _NAMED_OPS:
        axes.set_xlabel("op")
        return
    axes.set_xticks(
        range(len(kinds)),
        [f"{op} {_plain(kind, 24)}" for op, kind in enumerate(kinds)],
        rotation=35,
        ha="right",
        rotation_mode="anchor",
    )


def _legend(memory: Memory) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    roles = {place.role for place in memory.placements}
    head = _head_bytes(memory)
    handles: list[Any] = [
        Patch(facecolor=colour, edgecolor=_EDGE, label=_NAMES[role])
        for role, colour in _COLOURS.items()
        if role in roles
    ]
    handles.append(Line2D([], [], color="#222222", label=f"plan {format_value(head, Unit.BYTE)}"))
    bound = format_value(memory.lower_bound_bytes, Unit.BYTE)
    if memory.lower_bound_bytes < head:
        handles.append(
            Line2D([], [], color=_BOUND, linestyle=(0, (5, 3)), label=f"lower bound {bound}")
        )
    handles.append(Patch(facecolor=_PEAK, alpha=0.25, label="op with the most live"))
    return handles
