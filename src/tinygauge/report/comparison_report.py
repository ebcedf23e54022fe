"""A comparison with published results as text for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tinygauge.comparison import Cause, Comparison, Row
from tinygauge.prediction import Prediction
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Latency
from tinygauge.report.predict_report import prediction_document
from tinygauge.report.published_report import published_document
from tinygauge.report.serialise import quantity_document
from tinygauge.units import Unit, format_interval, format_value

__all__ = ["comparison_document", "comparison_lines", "rows_table"]

Document = dict[str, Any]

_COLUMNS = (
    "round", "submitter", "board", "engine", "clock", "latency", "energy", "accuracy",
    "of roofline", "yours, in cycles", "in energy", "differs in",
)  # fmt: skip
_TEXTS = ("round", "submitter", "board", "engine", "differs in")


def _put(document: Document, key: str, figure: Quantity | Missing) -> None:
    if isinstance(figure, Missing):
        document |= {key: None, f"{key}_missing": figure.reason}
    else:
        document[key] = figure.value


def comparison_document(comparison: Comparison, rows: Sequence[Row]) -> Document:
    """Describe a comparison.

    Parameters
    ----------
    comparison : Comparison
    rows : sequence of Row
        Those to list.

    Returns
    -------
    dict
    """
    own = comparison.own
    document: Document = {
        "headline": comparison.headline,
        "board": own.board.name,
        "core": own.board.core,
        "engine": own.engine.name,
        "benchmark": own.benchmark or None,
        "model": own.model.name if own.model else None,
        "is_reference_model": own.is_reference,
        "macs": own.macs,
        "live_macs": own.live_macs,
    }
    figures = {
        "clock_hz": own.clock,
        "latency_s": own.latency,
        "energy_j": own.energy,
        "supply_v": own.supply,
        "accuracy": own.accuracy,
        "cycles": own.cycles,
        "roofline_share": comparison.share,
        "roofline_share_live": comparison.live_share,
        "predicted_ratio": comparison.predicted_ratio,
    }
    for key, figure in figures.items():
        _put(document, key, figure)
    document["figures"] = {key: quantity_document(figure) for key, figure in figures.items()}
    found = comparison.prediction
    if isinstance(found, Missing):
        document |= {"prediction": None, "prediction_missing": found.reason}
    else:
        document["prediction"] = prediction_document(found)
    return document | {
        "causes": [_cause(cause) for cause in comparison.causes],
        "rows": [_row(row) for row in rows],
    }


def _cause(cause: Cause) -> Document:
    document: Document = {
        "name": cause.name,
        "text": cause.text,
        "evidence": cause.evidence,
        "explains": cause.explains,
        "least": cause.least,
        "most": cause.most,
    }
    if cause.least is None:
        document["least_missing"] = document["most_missing"] = "nobody knows how much it brings"
    return document


def _row(row: Row) -> Document:
    document = published_document(row.result) | {
        "differs": list(row.differs),
        "cycles_ratio": row.cycles_ratio.value,
    }
    _put(document, "energy_ratio", row.energy_ratio)
    _put(document, "power_ratio", row.power_ratio)
    return document


def rows_table(rows: Sequence[Row], *, compact: bool = False) -> Table:
    """Lay out published results beside the user's own.

    Parameters
    ----------
    rows : sequence of Row
    compact : bool
        Leave out who submitted what, energy and accuracy, for narrow terminals.

    Returns
    -------
    rich.table.Table
    """
    left_out = {"submitter", "energy", "accuracy", "of roofline", "in energy"} if compact else ()
    columns = [name for name in _COLUMNS if name not in left_out]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in columns:
        left = name in _TEXTS
        table.add_column(
            name, justify="left" if left else "right", no_wrap=not left, overflow="fold"
        )
    for row in rows:
        cells = _cells(row)
        table.add_row(*(Text(cells[name]) for name in columns))
    table.caption = "nearest first; yours over the row's: above 1 you are slower at the same clock"
    return table


def _cells(row: Row) -> dict[str, str]:
    result = row.result
    document = published_document(result)
    share = document["roofline_share"]
    energy = row.energy_ratio
    return {
        "round": result.round,
        "submitter": result.submitter,
        "board": result.catalogue_board or result.board,
        "engine": f"{result.engine} {result.engine_version}".rstrip(),
        "clock": _value(result.clock),
        "latency": _value(result.latency),
        "energy": _value(result.energy),
        "accuracy": _value(result.accuracy),
        "of roofline": "—" if share is None else f"{share:.1%}",
        "yours, in cycles": _times(row.cycles_ratio.value),
        "in energy": "—" if isinstance(energy, Missing) else _times(energy.value),
        "differs in": ", ".join(row.differs) or "nothing",
    }


def _times(factor: float) -> str:
    return f"{factor:.2f}×" if factor >= 0.01 else f"{factor:.1e}×"


def _value(figure: Quantity | Missing) -> str:
    return "—" if isinstance(figure, Missing) else format_value(figure.value, figure.unit)


def comparison_lines(comparison: Comparison) -> list[str]:
    """Say in sentences what the table does not: the answer, the prediction, the causes.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    list of str
    """
    lines = [comparison.headline, f"prediction: {_prediction(comparison)}"]
    lines.append(f"of the roofline: {_share(comparison)}")
    if comparison.causes:
        lines.append("probable causes, those that explain the difference first:")
    for number, cause in enumerate(comparison.causes, start=1):
        mark = " (explains it)" if cause.explains else ""
        lines += [f"  {number} {cause.name}{mark}: {cause.text}", f"    evidence: {cause.evidence}"]
    return lines


def _prediction(comparison: Comparison) -> str:
    found = comparison.prediction
    if isinstance(found, Missing):
        return f"none, {found.reason}. {found.advice}"
    return _against(found, comparison)


def _against(found: Prediction, comparison: Comparison) -> str:
    latency, factor = found.latency, comparison.predicted_ratio
    if not isinstance(latency, Latency) or isinstance(factor, Missing):
        return "none"
    value, interval = latency.per_inference, latency.per_inference.interval
    text = f"{format_value(value.value, Unit.SECOND)}, yours is {_times(factor.value)} that"
    if not interval.is_known:
        return text
    measured = comparison.own.latency.value
    place = "inside" if interval.low <= measured <= interval.high else "outside"
    ends = format_interval(interval.low, interval.high, Unit.SECOND, value.value)
    return f"{text}, {place} the {interval.level:.0%} interval ({ends})"


def _share(comparison: Comparison) -> str:
    share, live = comparison.share, comparison.live_share
    if isinstance(share, Missing):
        return f"unknown, {share.reason}"
    how_much = f"{share.value:.1%}" if share.value <= 1 else f"{share.value:,.3g} times"
    text = f"{how_much} ({share.provenance.source.partition(': ')[0]})"
    if isinstance(live, Quantity) and abs(live.value - share.value) > 1e-3:
        text += f"; {live.value:.1%} of what the live channels need"
    return text
