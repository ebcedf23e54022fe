r"""Results as Markdown, for a pull request: the decision, the candidates, what to know of them.

Names and reasons can hold anything. Names stand in code spans and other text is escaped, so that
none becomes markup, a link or a call to somebody.

>>> _code("a`b|c")
'``a`b\\|c``'
>>> _text("<b> *@all*")
'\\<b\\> \\*@<!-- -->all\\*'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tinygauge.evaluation import Results
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Evaluation, Metric
from tinygauge.report.cells import cell
from tinygauge.report.decision import (
    decision_lines,
    deviation_lines,
    findings_by_code,
    order_verdicts,
    why_not,
)
from tinygauge.report.plain import LONGEST_NAME, shown
from tinygauge.selection import Position
from tinygauge.units import format_interval, format_value

__all__ = ["render_markdown"]

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&])")
_CALLS = re.compile(r"([@#])")
_BACKTICKS = re.compile(r"`+")
_MARKS = {Position.INSIDE: "✓", Position.UNDECIDED: "?", Position.OUTSIDE: "✗"}
# A pull request shows so many rows; the rest can be unfolded.
_ROWS = 10
# GitHub takes comments of 65,536 characters; results.csv holds the rest.
_MOST_ROWS = 200
_MOST_FINDINGS = 20


def render_markdown(results: Results) -> str:
    """Write the evaluation as Markdown (GitHub's flavour, with tables).

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
    """
    heading, *lines = decision_lines(results)
    chosen = results.chosen
    parts = [f"## {_text(heading)}"]
    if chosen is not None:
        parts.append(_figures(chosen))
        lines = [line for line in lines if not line.startswith("  ")]  # the table holds them
    parts += _sentences(lines)
    parts.append(_region(results))
    parts += _candidates(results)
    parts += _measured(results)
    parts += _findings(results)
    parts += _failures(results)
    parts.append(_closing(results))
    return "\n\n".join(parts) + "\n"


def _measured(results: Results) -> list[str]:
    """Set what was measured on the board beside what was expected."""
    lines = deviation_lines(results.evaluations)
    if not lines:
        return []
    return ["### Measured on the board", "\n".join(f"- {_text(line.strip())}" for line in lines)]


def _text(text: str) -> str:
    """Escape what is markup within a line; a comment keeps ``@name`` from calling anybody."""
    return _CALLS.sub(r"\1<!-- -->", _SPECIAL.sub(r"\\\1", shown(text)))


def _code(name: str) -> str:
    """Set a name as code, fenced by more backticks than it holds, its bars kept from tables."""
    text = shown(name, LONGEST_NAME).replace("|", "\\|")
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    room = " " if text[:1] == "`" or text[-1:] == "`" or not text.strip() else ""
    return f"{'`' * (longest + 1)}{room}{text}{room}{'`' * (longest + 1)}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: int) -> str:
    """Lay out a table; so many columns from the third on are numbers."""
    rules = [":--", ":--", *["--:"] * numbers, *[":--"] * (len(heads) - 2 - numbers)]
    lines = [heads, rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figures(evaluation: Evaluation) -> str:
    rows = [_figure_row(metric, evaluation.metric(metric)) for metric in Metric]
    return _table(("metric", "method", "value", "interval", "source"), rows, numbers=2)


def _figure_row(metric: Metric, quantity: Quantity | Missing) -> tuple[str, ...]:
    if isinstance(quantity, Missing):
        return metric.value, "missing", "—", "—", _text(quantity.reason)
    interval, unit = quantity.interval, quantity.unit
    exact = interval.low == interval.high
    span = "exact" if exact else format_interval(interval.low, interval.high, unit, quantity.value)
    value = format_value(quantity.value, unit)
    return metric.value, quantity.method.value, value, span, _text(quantity.provenance.source)


def _sentences(lines: Iterable[str]) -> list[str]:
    """Indented lines become the points of a list under the sentence before them."""
    parts: list[str] = []
    for line in lines:
        if line.startswith("  ") and parts:
            parts[-1] += f"\n- {_text(line.strip())}"
        else:
            parts.append(_text(line.strip()))
    return [part.replace("\n- ", "\n\n- ", 1) for part in parts]


def _region(results: Results) -> str:
    bounds = ", ".join(_text(str(bound)) for bound in results.region.bounds)
    return f"Region of interest: {bounds}." if bounds else "No bounds were set."


def _candidates(results: Results) -> list[str]:
    ordered = order_verdicts(results.selection)
    ranks = {id(verdict): rank for rank, verdict in enumerate(results.selection.ranked, start=1)}
    heads = ("", "model", *(metric.value for metric in Metric), "board, engine", "why not")
    rows = [
        (
            _MARKS[verdict.position] + (f" {ranks[id(verdict)]}" if id(verdict) in ranks else ""),
            _code(verdict.evaluation.model.name),
            *(cell(verdict.evaluation.metric(metric)) for metric in Metric),
            f"{_code(verdict.evaluation.target.board)} {_code(verdict.evaluation.target.engine)}",
            _text(why_not(verdict)),
        )
        for verdict in ordered[:_MOST_ROWS]
    ]
    if not rows:
        return []
    parts = [_table(heads, rows[:_ROWS], len(Metric))]
    if rows[_ROWS:]:
        summary = f"{len(rows) - _ROWS} more candidates"
        parts.append(_folded(summary, _table(heads, rows[_ROWS:], len(Metric))))
    if len(ordered) > _MOST_ROWS:
        parts.append(f"{len(ordered) - _MOST_ROWS:,} more stand in `results.csv`.")
    return parts


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"


def _findings(results: Results) -> list[str]:
    parts: list[str] = []
    for code, found in findings_by_code(results.evaluations).items():
        advice = f" {_text(found[0].advice)}." if found[0].advice else ""
        items = [f"- {_code(item.where)}: {_text(item.message)}" for item in found[:_MOST_FINDINGS]]
        if len(found) > _MOST_FINDINGS:
            items.append(f"- {len(found) - _MOST_FINDINGS:,} more stand in `results.json`.")
        parts.append(f"**{code}**, {found[0].severity.value}.{advice}\n\n" + "\n".join(items))
    return parts


def _failures(results: Results) -> list[str]:
    if not results.failures:
        return []
    items = [
        f"- {_code(item.model)}, {item.stage}: {_text(item.message)}" for item in results.failures
    ]
    return [f"**Could not be evaluated ({len(items)})**\n\n" + "\n".join(items)]


def _closing(results: Results) -> str:
    data = results.dataset
    scored = f" Scored on {_code(data.name)} ({data.n:,} inputs)." if data else ""
    return (
        "~ predicted; ± the larger half of the interval; ✓ inside, ? undecided, ✗ outside."
        f"{scored} Made by {_text(results.tool)} on {results.created[:16].replace('T', ' ')} UTC."
    )
