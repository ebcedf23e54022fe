"""Predictions as documents and tables: nothing null without its reason."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from tests.support.tiny_models import build_cnn

from tinygauge import catalog, graph
from tinygauge.prediction import Prediction, predict
from tinygauge.report.predict_report import (
    op_table,
    prediction_document,
    prediction_notes,
    predictions_table,
)
from tinygauge.report.serialise import render_json

KEYS = {
    "model", "board", "core", "engine", "clock_hz", "instructions", "cycles", "latency_s",
    "latency_low_s", "latency_high_s", "energy_j", "energy_low_j", "energy_high_j", "method",
    "fewest_cycles", "roofline_share",
}  # fmt: skip


def _predictions() -> list[Prediction]:
    model = graph.parse(build_cnn(side=16), name="cnn")
    return [
        predict(model, catalog.board("nucleo-l4r5zi"), "tflm-cmsis-nn"),
        predict(model, catalog.board("nucleo-l4r5zi"), "x-cube-ai@7.3.0"),
        predict(model, catalog.board("ek-ra8d1"), "tflm-ref", clock_hz=1e8),
        predict(model, "cortex-m0+", "tflm-ref"),
        predict(model, "cortex-m55", "tflm-cmsis-nn", clock_hz=1e8),
    ]


@pytest.mark.parametrize("prediction", _predictions(), ids=lambda p: str(p.target))
def test_every_key_is_there_and_every_null_has_its_reason(prediction: Prediction) -> None:
    """Numbers lie inside their intervals; the ops' shares of time sum to one."""
    record = json.loads(render_json(prediction_document(prediction, per_op=True)))

    assert set(record) >= KEYS
    for key in KEYS:
        assert (record[key] is None) == (f"{key}_missing" in record), key
    for name, unit in (("latency", "s"), ("energy", "j")):
        if record[f"{name}_{unit}"] is not None:
            low, high = record[f"{name}_low_{unit}"], record[f"{name}_high_{unit}"]
            assert low < record[f"{name}_{unit}"] < high
    assert record["method"] == "predicted"
    if record["roofline_share"] is not None:
        share = record["fewest_cycles"] / record["cycles"]
        assert record["roofline_share"] == pytest.approx(share, rel=1e-4)
    assert sum(op["time_share"] for op in record["ops"]) == pytest.approx(1)
    assert sum(op["cycles"] for op in record["ops"]) == pytest.approx(record["cycles"], abs=9)


def test_tables_say_the_same() -> None:
    """A row per prediction, shares per op, and each reason once."""
    found = _predictions()
    console = Console(width=240, no_color=True, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(predictions_table(found))
        console.print(op_table(found[0]))
    text, notes = captured.get(), prediction_notes(found)

    assert text.count("x-cube-ai@7.3.0") == 1
    assert f"{round(found[3].execution.cycles.value):,}" in text
    assert "CONV_2D" in text
    assert len(notes) == len(set(notes))
    assert any("cortex-m0+ alone has no clock" in note for note in notes)
    assert any(note.startswith("TG204") for note in notes)


def test_a_narrow_terminal_keeps_the_figures_whole() -> None:
    """Columns are left out and names folded, but no number is cut off."""
    console = Console(width=80, no_color=True, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(predictions_table(_predictions(), compact=True))

    assert "…" not in captured.get()
    assert "90 % interval" in captured.get()
    assert "instructions" not in captured.get()


def test_every_key_is_described() -> None:
    """The how-to page has each key of a record, and of an op."""
    page = Path(__file__).resolve().parents[3] / "docs" / "howto" / "predict.md"
    record = prediction_document(_predictions()[0], per_op=True)

    described = set(re.findall(r"`(\w+)`", page.read_text(encoding="utf-8")))

    assert set(record) | set(record["ops"][0]) <= described
