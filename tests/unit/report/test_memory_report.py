"""Memory as tables, JSON and a drawing: nothing unknown reads as 0, hostile names do no harm."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.errors import ConfigError
from tinygauge.memory import find_savings, predict_memory
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Memory, Target
from tinygauge.report.memory_report import (
    MemoryEntry,
    memory_document,
    memory_tables,
    summary_table,
    write_timelines,
)
from tinygauge.report.serialise import render_json
from tinygauge.report.timeline import render_timeline, timeline_document, timeline_figure

BOARD = Target(
    board="some-board",
    core="cortex-m4",
    engine="tflm-ref",
    sram_bytes=128 * 1024,
    flash_bytes=512 * 1024,
)


def entry(name: str = "m", target: Target = BOARD, content: bytes = b"") -> MemoryEntry:
    model = graph.parse(content or build_cnn(side=16), name=name)
    memory = predict_memory(model, core=target.core, engine=target.engine)
    found = find_savings(model, core=target.core, engine=target.engine)
    return MemoryEntry(model=model, target=target, memory=memory, findings=found)


def planned(found: MemoryEntry) -> Memory:
    assert isinstance(found.memory, Memory)
    return found.memory


def text(*parts: object) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, width=200, no_color=True)
    for part in parts:
        console.print(part)
    return buffer.getvalue()


def test_json_holds_what_scripts_ask_for() -> None:
    """Plain numbers under plain keys, and how each was obtained under figures."""
    found = entry()
    document = json.loads(render_json(memory_document(found)))
    memory = planned(found)

    assert document["arena_bytes"] == document["arena_head_bytes"] + document["arena_tail_bytes"]
    assert document["arena_bytes"] == memory.arena.value <= document["min_arena_bytes"]
    assert document["ram_bytes"] == round(memory.ram.value)
    assert document["flash_bytes"] == round(memory.flash.value)
    assert document["figures"]["min_arena_bytes"]["method"] == "predicted"
    assert document["figures"]["min_arena_bytes"]["source"]
    assert {part["kind"] for part in document["parts"]} == {"ram", "flash"}
    assert (document["model"], document["board"], document["core"]) == (
        "m",
        "some-board",
        "cortex-m4",
    )
    assert document["fits"] is True


def test_json_says_why_a_number_is_missing() -> None:
    """Null with a reason, never 0."""
    target = Target(board="", core="cortex-m4", engine="x-cube-ai")
    document = memory_document(entry(target=target))

    for key in ("arena_bytes", "min_arena_bytes", "ram_bytes", "flash_bytes"):
        assert document[key] is None
        assert "no public description" in document[f"{key}_missing"]
    assert document["board"] is None
    assert document["parts"] == []
    assert document["fits"] is None


@pytest.mark.parametrize(
    ("sram_bytes", "fits", "words"),
    [(1 << 20, True, "fits:"), (1000, False, "does not fit:"), (5000, None, "undecided:")],
)
def test_the_board_is_compared_with_the_interval(
    sram_bytes: int, fits: bool | None, words: str
) -> None:
    """Inside, outside, or not to be told while the limit lies inside the interval."""
    target = Target(
        board="b", core="cortex-m4", engine="tflm-ref", sram_bytes=sram_bytes, flash_bytes=1 << 20
    )
    found = entry(target=target)

    assert found.fits is fits
    assert words in text(*memory_tables(found))


def test_an_arena_must_fit_into_one_piece() -> None:
    """SRAM that is enough in all, but not in one piece, does not fit."""
    split = Target(
        board="b",
        core="cortex-m4",
        engine="tflm-ref",
        sram_bytes=1 << 20,
        sram_block_bytes=64,
        flash_bytes=1 << 20,
    )

    assert entry(target=split).fits is False


def test_text_shows_parts_peak_and_bound() -> None:
    """RAM and flash part by part, what sets the arena, and the plan beside the lower bound."""
    found = entry()
    shown = text(*memory_tables(found))
    memory = planned(found)

    for part in memory.parts:
        assert part.name in shown
    assert f"{memory.lower_bound_bytes:,}, at op {memory.peak_op} " in shown
    assert "the smallest that works is" in shown
    assert f"{found.findings[0].code}: " in shown if found.findings else True


def test_summary_has_a_line_per_target() -> None:
    """Missing numbers are dashes."""
    other = entry(target=Target(board="", core="cortex-m4", engine="x-cube-ai"))
    shown = text(summary_table([entry(), other]))

    assert "some-board (cortex-m4), tflm-ref" in shown
    assert "cortex-m4, x-cube-ai" in shown
    assert "—" in shown


def test_timeline_places_every_buffer_inside_the_plan() -> None:
    """Nothing reaches over the head, and the op with the most live is the peak op."""
    memory = planned(entry())
    document = timeline_document(memory)
    ops, head = document["ops"], document["head_bytes"]

    assert isinstance(memory.arena_head, Quantity)
    assert head == memory.arena_head.value
    for buffer in document["buffers"]:
        assert 0 <= buffer["offset_bytes"] <= buffer["offset_bytes"] + buffer["size_bytes"] <= head
        assert 0 <= buffer["first_op"] <= buffer["last_op"] < len(ops)
    live = [op["live_bytes"] for op in ops]
    assert max(live) == live[document["peak_op"]] == document["lower_bound_bytes"]


def test_buffers_that_live_together_do_not_overlap_on_paper() -> None:
    """Boxes of the drawing share no area (a buffer that ends where another starts may touch it)."""
    buffers = timeline_document(planned(entry()))["buffers"]

    for i, a in enumerate(buffers):
        for b in buffers[:i]:
            together = a["first_op"] <= b["last_op"] and b["first_op"] <= a["last_op"]
            above = a["offset_bytes"] >= b["offset_bytes"] + b["size_bytes"]
            below = b["offset_bytes"] >= a["offset_bytes"] + a["size_bytes"]
            assert not together or above or below


def test_the_same_memory_gives_the_same_drawing() -> None:
    """PNG and SVG are the same bytes each time; the SVG is sound XML with the op's name."""
    found = entry()
    first, second = (render_timeline("m", BOARD, planned(found)) for _ in range(2))

    assert first == second
    assert first["png"].startswith(b"\x89PNG")
    assert ET.fromstring(first["svg"]).tag.endswith("svg")  # noqa: S314


@pytest.mark.parametrize("name", ["$x^2$ a\x00b\n<svg>& 名前", "x" * 300, ""])
def test_hostile_names_are_drawn_as_text(name: str, tmp_path: Path) -> None:
    """No mathematics, no broken XML, no path outside the folder."""
    written = write_timelines([entry(name=f"../{name}")], tmp_path / "out")

    assert len(set(written)) == 3
    assert all(path.parent == tmp_path / "out" and path.is_file() for path in written)
    svg = next(path for path in written if path.suffix == ".svg")
    assert ET.fromstring(svg.read_bytes())  # noqa: S314


def test_the_same_name_twice_makes_two_sets_of_files(tmp_path: Path) -> None:
    """Nothing is written over."""
    assert len(set(write_timelines([entry(), entry()], tmp_path))) == 6


def test_a_model_with_hundreds_of_ops_is_drawn_without_names() -> None:
    """Ticks carry numbers, boxes no labels; the figure stays of one page."""
    builder = ModelBuilder()
    tensors = [builder.tensor((1, 8), "float32") for _ in range(201)]
    for op in range(200):
        builder.op("RELU", [tensors[op]], [tensors[op + 1]])
    found = entry(content=builder.build([tensors[0]], [tensors[-1]]))
    figure = timeline_figure("m", BOARD, planned(found))

    assert figure.get_figwidth() <= 16
    assert not figure.axes[1].texts


def test_entries_without_an_answer_are_not_drawn(tmp_path: Path) -> None:
    """Only what was planned has a timeline."""
    nothing = MemoryEntry(
        model=graph.parse(build_fully_connected(), name="m"),
        target=BOARD,
        memory=Missing("no plan"),
    )

    assert write_timelines([nothing], tmp_path) == []


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "out").write_text("")

    with pytest.raises(ConfigError, match="can't write the timelines"):
        write_timelines([entry()], tmp_path / "out")


def test_no_number_is_nan() -> None:
    """JSON has no NaN, so none may come out."""
    document = memory_document(entry())

    assert all(math.isfinite(document[key]) for key in ("arena_bytes", "ram_bytes", "flash_bytes"))
