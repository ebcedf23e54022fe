"""Predictions as tables for the terminal and as JSON.

The JSON is a list of records, one per model and target. Where a number can't be given it is
null, with the reason under the same key and ``_missing``; interval, method and source of each
number stand under ``figures``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tinygauge.prediction import Prediction
from tinygauge.quantity import Evidence, Method, Missing, Quantity
from tinygauge.records import Energy, Latency
from tinygauge.report.cells import cell
from tinygauge.report.serialise import quantity_document
from tinygauge.roofline import roofline_share
from tinygauge.units import Unit, format_value

__all__ = ["op_table", "prediction_document", "prediction_notes", "predictions_table"]

Document = dict[str, Any]

_TEXTS = ("model", "board or core", "engine")


def _figures(prediction: Prediction) -> dict[str, Quantity | Missing]:
    execution, latency, energy = prediction.execution, prediction.latency, prediction.energy
    model, fewest = prediction.model, prediction.fewest_cycles
    evidence = Evidence("model", model.name, model.sha256)
    return {
        "instructions": execution.instructions,
        "cycles": execution.cycles,
        "fewest_cycles": fewest,
        "roofline_share": roofline_share(fewest, execution.cycles, evidence),
        "latency_s": latency.per_inference if isinstance(latency, Latency) else latency,
        "energy_j": energy.per_inference if isinstance(energy, Energy) else energy,
    }


def _put(document: Document, key: str, value: float | str | None, reason: str) -> None:
    document[key] = value
    if value is None:
        document[f"{key}_missing"] = reason


def _put_figure(document: Document, key: str, figure: Quantity | Missing) -> None:
    """Write a figure and, behind its stem, the ends of its interval."""
    stem, _, unit = key.rpartition("_")
    ends = (f"{stem}_low_{unit}", f"{stem}_high_{unit}") if len(unit) == 1 else ()
    if isinstance(figure, Missing):
        for name in (key, *ends):
            _put(document, name, None, figure.reason)
        return
    document[key] = round(figure.value) if figure.unit is Unit.COUNT else figure.value
    for name, end in zip(ends, (figure.interval.low, figure.interval.high), strict=bool(ends)):
        _put(document, name, end if figure.interval.is_known else None, "its interval is unknown")


def prediction_document(prediction: Prediction, *, per_op: bool = False) -> Document:
    """Describe one prediction.

    Parameters
    ----------
    prediction : Prediction
    per_op : bool
        Whether to list the ops.

    Returns
    -------
    dict
    """
    target, figures = prediction.target, _figures(prediction)
    document: Document = {
        "model": prediction.model.name,
        "model_path": prediction.model.path,
        "model_sha256": prediction.model.sha256,
    }
    alone = "a core alone was named"
    _put(document, "board", target.board or None, alone)
    document |= {"core": target.core, "engine": target.engine}
    _put(document, "clock_hz", target.clock_hz, f"{alone}, without a clock")
    no_supply = f"the catalogue has no supply for {target.board}" if target.board else alone
    _put(document, "supply_v", target.supply_v, no_supply)
    for key, figure in figures.items():
        _put_figure(document, key, figure)
    document["method"] = Method.PREDICTED.value
    document["figures"] = {key: quantity_document(figure) for key, figure in figures.items()}
    document["findings"] = [
        {
            "code": finding.code,
            "severity": finding.severity.value,
            "message": finding.message,
            "advice": finding.advice,
        }
        for finding in prediction.findings
    ]
    if per_op:
        document["ops"] = _op_documents(prediction)
    return document


def _op_documents(prediction: Prediction) -> list[Document]:
    execution, clock_hz = prediction.execution, prediction.target.clock_hz
    documents: list[Document] = []
    for op in execution.by_op:
        share = op.cycles.value / execution.cycles.value
        document: Document = {"op": op.op, "kind": op.kind, "time_share": share}
        _put_figure(document, "instructions", op.instructions)
        _put_figure(document, "cycles", op.cycles)
        seconds = op.cycles.value / clock_hz if clock_hz else None
        _put(document, "latency_s", seconds, "no clock was named")
        documents.append(document)
    return documents


def predictions_table(predictions: Sequence[Prediction], *, compact: bool = False) -> Table:
    """Lay out predictions, one a row.

    Parameters
    ----------
    predictions : sequence of Prediction
    compact : bool
        Leave out the clock and what no latency needs, for narrow terminals.

    Returns
    -------
    rich.table.Table
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    left_out = {"clock", "instructions", "cycles", "of\nroofline"} if compact else set()
    rows = [_cells(prediction) for prediction in predictions]
    columns = [name for name in rows[0] if name not in left_out]
    for name in columns:
        left = name in _TEXTS
        justify: Literal["left", "right"] = "left" if left else "right"
        table.add_column(name, justify=justify, no_wrap=not left, overflow="fold")
    for row in rows:
        table.add_row(*(row[name] for name in columns))
    table.caption = "~ predicted; — can't be given, see below"
    if not compact:
        table.caption += "; of roofline: fewest cycles for the products over these"
    return table


def _cells(prediction: Prediction) -> dict[str, str | Text]:
    target, figures = prediction.target, _figures(prediction)
    return {
        "model": Text(prediction.model.name),
        "board or core": Text(target.board or target.core),
        "engine": Text(target.engine),
        "clock": format_value(target.clock_hz, Unit.HERTZ) if target.clock_hz else "—",
        "instructions": _count(figures["instructions"]),
        "cycles": _count(figures["cycles"]),
        "of\nroofline": _share(figures["roofline_share"]),
        "latency": cell(figures["latency_s"], with_interval=False),
        "90 % interval": _interval(figures["latency_s"]),
        "energy": cell(figures["energy_j"]),
    }


def _count(figure: Quantity | Missing) -> str:
    return "—" if isinstance(figure, Missing) else f"~{round(figure.value):,}"


def _share(figure: Quantity | Missing) -> str:
    return "—" if isinstance(figure, Missing) else f"~{figure.value:.0%}"


def _interval(figure: Quantity | Missing) -> str:
    if isinstance(figure, Missing):
        return "—"
    low, high = (format_value(end, figure.unit) for end in _ends(figure))
    return f"{low} to {high}"


def _ends(figure: Quantity) -> tuple[float, float]:
    return figure.interval.low, figure.interval.high


def op_table(prediction: Prediction) -> Table:
    """Lay out one prediction's ops.

    Parameters
    ----------
    prediction : Prediction

    Returns
    -------
    rich.table.Table
    """
    target, execution = prediction.target, prediction.execution
    table = Table(
        title=escape(f"{prediction.model.name} on {target}"),
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("op", justify="right")
    table.add_column("kind", no_wrap=True)
    for name in ("time", "share", "instructions", "share", "cycles"):
        table.add_column(name, justify="right", no_wrap=True)
    all_instructions = execution.instructions
    for op in execution.by_op:
        work, seconds = op.instructions, "—"
        share = "—"
        if isinstance(work, Quantity) and isinstance(all_instructions, Quantity):
            share = f"{work.value / all_instructions.value:.1%}"
        if target.clock_hz:
            seconds = "~" + format_value(op.cycles.value / target.clock_hz, Unit.SECOND)
        table.add_row(
            str(op.op),
            Text(op.kind),
            seconds,
            f"{op.cycles.value / execution.cycles.value:.1%}",
            _count(work),
            share,
            _count(op.cycles),
        )
    return table


def prediction_notes(predictions: Sequence[Prediction]) -> list[str]:
    """Say once each what can't be given and why, then the findings.

    Parameters
    ----------
    predictions : sequence of Prediction

    Returns
    -------
    list of str
    """
    lines: dict[str, None] = {}
    for prediction in predictions:
        for key, figure in _figures(prediction).items():
            if isinstance(figure, Missing):
                name = "roofline" if key == "fewest_cycles" else key.partition("_")[0]
                advice = f". {figure.advice}" if figure.advice else ""
                lines[f"no {name}: {figure.reason}{advice}"] = None
    for prediction in predictions:
        for finding in prediction.findings:
            advice = f". {finding.advice}" if finding.advice else ""
            lines[f"{finding.code} {finding.where}: {finding.message}{advice}"] = None
    return list(lines)
