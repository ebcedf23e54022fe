"""The decision in words: what to ship and why, or what stands in the way.

The page's script words it in the same way (``html/script/selection.mjs``); the tests hold both
against each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from tinygauge.evaluation import Results
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Evaluation, Finding, Metric, Severity
from tinygauge.report.scoring import scoring_line
from tinygauge.selection import Bound, Position, Selection, Verdict
from tinygauge.units import format_value

__all__ = [
    "alternatives_line",
    "decision_lines",
    "describe",
    "deviation_lines",
    "explain",
    "findings_by_code",
    "order_verdicts",
    "why_not",
]

_ORDER = (Position.INSIDE, Position.UNDECIDED, Position.OUTSIDE)


def explain(results: Results) -> str:
    """Say in sentences what to ship and why, or what stands in the way.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
        Plain text, several lines.
    """
    lines = decision_lines(results)
    scored = scoring_line(results.evaluations)
    if scored:
        lines.append(scored)
    measured = deviation_lines(results.evaluations)
    if measured:
        lines += ["", "Measured on the board, beside what was expected:", *measured]
    findings = _grouped_findings(results.evaluations)
    if findings:
        lines += ["", "Findings:", *findings]
    if results.failures:
        lines += ["", f"{len(results.failures)} could not be evaluated:"]
        lines += [f"  {failure.stage}: {failure.message}" for failure in results.failures]
    return "\n".join(lines)


def decision_lines(results: Results) -> list[str]:
    """Say what to ship and why, or what stands in the way, without findings and failures.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of str
        A sentence a line; indented lines belong to the one before them.
    """
    chosen = results.selection.chosen
    return _shipping(results) if chosen is not None else _empty_region(results)


def deviation_lines(evaluations: Iterable[Evaluation]) -> list[str]:
    """Set what was measured beside what was expected.

    Parameters
    ----------
    evaluations : iterable of Evaluation

    Returns
    -------
    list of str
        Three parts each: what, the two numbers, and by how much they differ.
    """
    lines = []
    for evaluation in evaluations:
        for each in evaluation.deviations:
            text = f"  {describe(evaluation)}: {each.metric.value} {each.measured}, "
            if isinstance(each.predicted, Missing):
                text += f"expected: {each.predicted}"
            else:
                text += f"expected {each.predicted}"
                text += f": {each.share:+.1%}" if each.share is not None else ""
                if each.expected is not None:
                    text += ", within" if each.expected else ", outside"
                    text += " its interval"
            lines.append(text)
    return lines


def describe(evaluation: Evaluation) -> str:
    """Name a candidate: model, board, engine."""
    return f"{evaluation.model.name} on {evaluation.target.board} with {evaluation.target.engine}"


def _figures(evaluation: Evaluation) -> list[str]:
    lines: list[str] = []
    for metric in Metric:
        quantity = evaluation.metric(metric)
        known = f"unknown ({quantity.reason})" if isinstance(quantity, Missing) else str(quantity)
        lines.append(f"  {metric.value} {known}")
    return lines


def _shipping(results: Results) -> list[str]:
    selection = results.selection
    chosen = selection.ranked[0].evaluation
    order = ", then ".join(metric.value for metric in selection.ranking)
    counts = {
        position: sum(verdict.position is position for verdict in selection.verdicts)
        for position in _ORDER
    }
    return [
        f"Ship {describe(chosen)}.",
        *_figures(chosen),
        f"{counts[Position.INSIDE]} inside (ranked by {order}), "
        f"{counts[Position.UNDECIDED]} undecided, {counts[Position.OUTSIDE]} outside.",
        *_close_rivals(selection),
    ]


def _close_rivals(selection: Selection) -> list[str]:
    """Name the candidates on other targets that the first metric can't tell from the chosen.

    Those on the same target share the calibration, so that their order is surer.
    """
    best, metric = selection.ranked[0].evaluation, selection.ranking[0]
    own = best.metric(metric)
    if isinstance(own, Missing) or not own.interval.is_known:
        return []
    rivals = [
        describe(verdict.evaluation)
        for verdict in selection.ranked[1:]
        if verdict.evaluation.target != best.target
        and isinstance(other := verdict.evaluation.metric(metric), Quantity)
        and other.interval.low <= own.interval.high
        and own.interval.low <= other.interval.high
    ]
    if not rivals:
        return []
    more = f" and {len(rivals) - 1} more" if len(rivals) > 1 else ""
    return [
        f"Its {metric.value} can't be told from that of {rivals[0]}{more}: measure both to decide."
    ]


def _empty_region(results: Results) -> list[str]:
    selection = results.selection
    if not selection.verdicts:
        return ["No model could be evaluated."]
    undecided = [v for v in selection.verdicts if v.position is Position.UNDECIDED]
    lines = ["Nothing is surely inside the region of interest."]
    if undecided:
        best = min(undecided, key=lambda verdict: verdict.worst_overshoot)
        lines += [
            f"{len(undecided)} undecided; the nearest: {describe(best.evaluation)}:",
            *(f"  {reason}" for reason in best.reasons),
        ]
    elif selection.nearest_miss is not None:
        miss = selection.nearest_miss
        lines.append(f"The nearest miss: {describe(miss.evaluation)}:")
        lines += [f"  {reason}" for reason in miss.reasons]
    return lines + _what_would_help(results, settled=not undecided)


def _what_would_help(results: Results, *, settled: bool) -> list[str]:
    relaxation = results.selection.relaxation
    lines: list[str] = []
    if relaxation is not None:
        lines.append(
            f"Relax {relaxation.bound} to {_limit(relaxation.relaxed)} "
            f"({relaxation.share:.1%}) to admit {describe(relaxation.verdict.evaluation)}."
        )
    elif settled and results.region.bounds:
        lines.append("No single bound can be relaxed to admit a model.")
    line = alternatives_line(results)
    return [*lines, line] if line else lines


def alternatives_line(results: Results) -> str:
    """Say which other boards would do where nothing is inside, or that none would; else nothing."""
    if results.alternatives:
        names = "; ".join(
            f"{a.evaluation.target.board} admits {a.admitted} (best: {a.evaluation.model.name})"
            for a in results.alternatives[:3]
        )
        return f"Another board would do: {names}."
    positions = {verdict.position for verdict in results.selection.verdicts}
    if positions == {Position.OUTSIDE}:  # else a measurement may still let one in
        return "No other board of the catalogue would admit one: reconsider the system."
    return ""


def _limit(bound: Bound) -> str:
    return f"{bound.sign} {format_value(bound.limit, bound.unit)}"


def findings_by_code(evaluations: Iterable[Evaluation]) -> dict[str, list[Finding]]:
    """Gather the distinct findings but those that stand in the table: why a model can't run.

    Parameters
    ----------
    evaluations : iterable of Evaluation

    Returns
    -------
    dict of str to list of Finding
        By code, in its order.
    """
    distinct: dict[tuple[str, str, str], Finding] = {}
    for evaluation in evaluations:
        for finding in evaluation.findings:
            if finding.severity is not Severity.ERROR:
                distinct.setdefault((finding.code, finding.where, finding.message), finding)
    ordered = sorted(distinct.values(), key=lambda finding: finding.code)
    return {code: list(group) for code, group in groupby(ordered, key=lambda f: f.code)}


def _grouped_findings(evaluations: Iterable[Evaluation]) -> list[str]:
    """One line a kind of finding, with an example; the rest is in results.json."""
    lines: list[str] = []
    for code, found in findings_by_code(evaluations).items():
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        first = found[0]
        advice = f". {first.advice}" if first.advice else ""
        lines.append(f"  {code} {first.where}: {first.message}{more}{advice}")
    return lines


def order_verdicts(selection: Selection) -> list[Verdict]:
    """Sort those inside by rank, then undecided, then outside, each by how far they are off.

    Parameters
    ----------
    selection : Selection

    Returns
    -------
    list of Verdict
    """
    rank = {id(verdict): position for position, verdict in enumerate(selection.ranked)}
    return sorted(
        selection.verdicts,
        key=lambda v: (_ORDER.index(v.position), rank.get(id(v), 0), v.worst_overshoot),
    )


def why_not(verdict: Verdict) -> str:
    """Say in a few characters what stands in the way; `Verdict.reasons` says it in full.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    str
        Empty inside.
    """
    if verdict.blockers:
        return "; ".join(verdict.blockers)
    parts: list[str] = []
    for check in verdict.checks:
        name = check.bound.metric.value
        if check.bound.origin != "user":
            name = f"board's {name}"
        if check.position is Position.OUTSIDE:
            sign = "-" if check.bound.metric.higher_is_better else "+"
            parts.append(f"{name} {sign}{check.overshoot:.0%}")
        elif check.position is Position.UNDECIDED:
            parts.append(f"{name} ?")
    return ", ".join(parts)
