"""Results as a notebook shows them: the decision in a line, and a table of the best candidates."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tinygauge.records import Metric
from tinygauge.selection import Position, Selection, Verdict

__all__ = ["selection_html"]

_ROWS = 12
_MARKS = {Position.INSIDE: "✓", Position.UNDECIDED: "?", Position.OUTSIDE: "✗"}
_ORDER = tuple(_MARKS)
_HEADS = ("", "model", "board", "engine", *(metric.value for metric in Metric), "why not")


def selection_html(selection: Selection, failed: int) -> str:
    """Lay out a decision as HTML without style, script or links.

    Parameters
    ----------
    selection : Selection
    failed : int
        How many models could not be evaluated.

    Returns
    -------
    str
        Names are escaped.
    """
    ranks = {id(verdict): rank for rank, verdict in enumerate(selection.ranked, start=1)}
    ordered = sorted(
        selection.verdicts,
        key=lambda v: (_ORDER.index(v.position), ranks.get(id(v), 0), v.worst_overshoot),
    )
    heads = "".join(f"<th>{head}</th>" for head in _HEADS)
    rows = "".join(_row(verdict, ranks.get(id(verdict))) for verdict in ordered[:_ROWS])
    hidden = len(ordered) - len(ordered[:_ROWS])
    notes = [f"{hidden:,} more candidates"] if hidden else []
    notes += [f"{failed} could not be evaluated"] if failed else []
    return (
        f"<p>{_decision(selection)}</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p>{'; '.join(notes)}</p>"
    )


def _decision(selection: Selection) -> str:
    chosen = selection.chosen
    bounds = ", ".join(str(bound) for bound in selection.region.bounds) or "no bounds"
    if chosen is None:
        return f"Nothing is surely inside ({escape(bounds)})."
    board, engine = escape(chosen.target.board), escape(chosen.target.engine)
    model = escape(chosen.model.name)
    return f"Ship <b>{model}</b> on <b>{board}</b> with <b>{engine}</b> ({escape(bounds)})."


def _row(verdict: Verdict, rank: int | None) -> str:
    evaluation = verdict.evaluation
    mark = _MARKS[verdict.position] + (f" {rank}" if rank else "")
    names = (evaluation.model.name, evaluation.target.board, evaluation.target.engine)
    figures = (str(evaluation.metric(metric)) for metric in Metric)
    return _cells((mark, *names, *figures, "; ".join(verdict.reasons)))


def _cells(texts: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in texts)}</tr>"
