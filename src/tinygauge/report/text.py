"""Results as text and tables for the terminal: the decision, the catalogue, an inspected model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tinygauge.inspection import Inspection
from tinygauge.quantity import Basis, Method, Missing, Quantity
from tinygauge.records import Evaluation, Finding, Metric, Severity
from tinygauge.selection import Bound, Position, Selection, Verdict
from tinygauge.units import Unit, format_value

if TYPE_CHECKING:
    from tinygauge.evaluation import Results

__all__ = [
    "cell",
    "decision_table",
    "explain",
    "inspection_tables",
]

_STYLES = {Position.INSIDE: "green", Position.UNDECIDED: "yellow", Position.OUTSIDE: "dim"}
_ORDER = (Position.INSIDE, Position.UNDECIDED, Position.OUTSIDE)


def cell(quantity: Quantity | Missing, *, with_interval: bool = True) -> str:
    """Print a quantity in a table: ``~`` where it is predicted, value, how far it may be off.

    Parameters
    ----------
    quantity : Quantity or Missing
    with_interval : bool
        Whether to say how far it may be off.

    Returns
    -------
    str
        Such as ``"~18.2 ms ±15%"``, the larger half of the interval as a share of the value;
        for a ratio in points, ``"89.4 % ±1.4"``; an em dash where the number is missing.
    """
    if isinstance(quantity, Missing):
        return "—"
    mark = "~" if quantity.method is Method.PREDICTED else ""
    text = mark + format_value(quantity.value, quantity.unit)
    interval = quantity.interval
    if interval.basis is Basis.EXACT or not with_interval:
        return text
    if not interval.is_known or quantity.value == 0:
        return f"{text} ±?"
    half = max(quantity.value - interval.low, interval.high - quantity.value)
    if quantity.unit is Unit.RATIO:
        return f"{text} ±{100 * half:.1f}"
    return f"{text} ±{half / quantity.value:.0%}"


def _order(selection: Selection) -> list[Verdict]:
    """Inside by rank, then undecided, then outside, each by how far they are off."""
    rank = {id(verdict): position for position, verdict in enumerate(selection.ranked)}
    return sorted(
        selection.verdicts,
        key=lambda v: (_ORDER.index(v.position), rank.get(id(v), 0), v.worst_overshoot),
    )


def decision_table(results: Results, limit: int | None = None, *, compact: bool = False) -> Table:
    """Lay out every candidate, the best first.

    Parameters
    ----------
    results : Results
    limit : int or None
        Show at most so many; None shows all.
    compact : bool
        Leave out flash and intervals, for narrow terminals.

    Returns
    -------
    rich.table.Table
    """
    metrics = [metric for metric in Metric if not compact or metric is not Metric.FLASH]
    bounds = ", ".join(str(bound) for bound in results.region.bounds) or "no bounds"
    engines = {evaluation.target.engine for evaluation in results.evaluations}
    only = f"; engine {engines.pop()}" if len(engines) == 1 else ""
    title = escape(f"Region of interest: {bounds}{only}")
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    # Where there is little room, names are folded, and numbers keep their units.
    for name in ("model", "board" if only else "board, engine"):
        table.add_column(name, overflow="fold")
    for metric in metrics:
        name = metric.value.upper() if metric is Metric.RAM else metric.value
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why not", overflow="fold")
    ordered = _order(results.selection)
    shown = ordered if limit is None else ordered[:limit]
    ranks = {id(verdict): rank for rank, verdict in enumerate(results.selection.ranked, start=1)}
    for verdict in shown:
        target = verdict.evaluation.target
        quantities = [verdict.evaluation.metric(metric) for metric in metrics]
        table.add_row(
            _mark(verdict, ranks.get(id(verdict))),
            Text(verdict.evaluation.model.name),
            Text(target.board if only else f"{target.board} {target.engine}"),
            *(cell(quantity, with_interval=not compact) for quantity in quantities),
            Text(_why_not(verdict)),
            style=_STYLES[verdict.position],
        )
    table.caption = _caption(len(ordered) - len(shown), compact)
    return table


def _caption(hidden: int, compact: bool) -> str:
    parts = ["~ predicted"]
    if not compact:
        parts.append("± the larger half of the interval")
    parts.append("? undecided")
    if hidden:
        parts.append(f"{hidden:,} more candidates: see results.csv, or --all")
    return "; ".join(parts)


def _mark(verdict: Verdict, rank: int | None) -> str:
    return {Position.UNDECIDED: "?", Position.OUTSIDE: "✗"}.get(verdict.position, str(rank))


def _why_not(verdict: Verdict) -> str:
    """Say in a few characters what stands in the way; `Verdict.reasons` says it in full."""
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
    selection = results.selection
    lines = _shipping(results) if selection.chosen is not None else _empty_region(results)
    findings = _grouped_findings(results.evaluations)
    if findings:
        lines += ["", "Findings:", *findings]
    if results.failures:
        lines += ["", f"{len(results.failures)} could not be evaluated:"]
        lines += [f"  {failure.stage}: {failure.message}" for failure in results.failures]
    return "\n".join(lines)


def _describe(evaluation: Evaluation) -> str:
    return f"{evaluation.model.name} on {evaluation.target.board} with {evaluation.target.engine}"


def _figures(evaluation: Evaluation) -> str:
    parts: list[str] = []
    for metric in Metric:
        quantity = evaluation.metric(metric)
        known = f"unknown ({quantity.reason})" if isinstance(quantity, Missing) else str(quantity)
        parts.append(f"{metric.value} {known}")
    return "\n".join(f"  {part}" for part in parts)


def _shipping(results: Results) -> list[str]:
    selection = results.selection
    chosen = selection.ranked[0].evaluation
    order = ", then ".join(metric.value for metric in selection.ranking)
    counts = {
        position: sum(verdict.position is position for verdict in selection.verdicts)
        for position in _ORDER
    }
    return [
        f"Ship {_describe(chosen)}.",
        _figures(chosen),
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
        _describe(verdict.evaluation)
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
            f"{len(undecided)} undecided; the nearest: {_describe(best.evaluation)}:",
            *(f"  {reason}" for reason in best.reasons),
        ]
    elif selection.nearest_miss is not None:
        miss = selection.nearest_miss
        lines.append(f"The nearest miss: {_describe(miss.evaluation)}:")
        lines += [f"  {reason}" for reason in miss.reasons]
    return lines + _what_would_help(results, settled=not undecided)


def _what_would_help(results: Results, *, settled: bool) -> list[str]:
    relaxation = results.selection.relaxation
    lines: list[str] = []
    if relaxation is not None:
        lines.append(
            f"Relax {relaxation.bound} to {_limit(relaxation.relaxed)} "
            f"({relaxation.share:.1%}) to admit {_describe(relaxation.verdict.evaluation)}."
        )
    elif settled and results.region.bounds:
        lines.append("No single bound can be relaxed to admit a model.")
    if results.alternatives:
        names = "; ".join(
            f"{a.evaluation.target.board} admits {a.admitted} (best: {a.evaluation.model.name})"
            for a in results.alternatives[:3]
        )
        lines.append(f"Another board would do: {names}.")
    elif settled:  # else a measurement may still let one in
        lines.append("No other board of the catalogue would admit one: reconsider the system.")
    return lines


def _limit(bound: Bound) -> str:
    return f"{bound.sign} {format_value(bound.limit, bound.unit)}"


def _grouped_findings(evaluations: Iterable[Evaluation]) -> list[str]:
    """One line a kind of finding, with an example; the rest is in results.json."""
    distinct: dict[tuple[str, str, str], Finding] = {}
    for evaluation in evaluations:
        for finding in evaluation.findings:
            if finding.severity is not Severity.ERROR:  # those are in the table
                distinct.setdefault((finding.code, finding.where, finding.message), finding)
    lines: list[str] = []
    ordered = sorted(distinct.values(), key=lambda finding: finding.code)
    for code, group in groupby(ordered, key=lambda finding: finding.code):
        found = list(group)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        first = found[0]
        advice = f". {first.advice}" if first.advice else ""
        lines.append(f"  {code} {first.where}: {first.message}{more}{advice}")
    return lines


def inspection_tables(inspection: Inspection) -> list[Table | Text]:
    """Lay out an inspected model: figures, ops, engine support, findings.

    Parameters
    ----------
    inspection : Inspection

    Returns
    -------
    list of rich.table.Table or rich.text.Text
    """
    parts: list[Table | Text] = [_figures_table(inspection), _ops_table(inspection)]
    for name, kinds in inspection.support.items():
        verdict = f"no kernel for {', '.join(kinds)}" if kinds else "all ops supported"
        parts.append(Text(f"{name}: {verdict}"))
    parts.extend(
        Text(f"{finding.code}: {finding.message}. {finding.advice}", style="yellow")
        for finding in inspection.findings
    )
    return parts


def _figures_table(inspection: Inspection) -> Table:
    summary, counts, main = inspection.summary, inspection.counts, inspection.model.main
    table = Table(title=Text(summary.name), box=box.SIMPLE, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    figures = {
        "architecture": f"{summary.family}, {summary.precision}, {summary.ops} ops",
        "file": f"{format_value(summary.file_size.value, Unit.BYTE)}, sha256 {summary.sha256}",
        "MACs": f"{counts.macs:,} ({counts.live_macs:,} over live channels)",
        "parameters": f"{counts.parameters:,} in {format_value(counts.weight_bytes, Unit.BYTE)}",
        "zero weights": f"{counts.zero_share:.1%}; {counts.dead_channels:,} dead channels",
        "largest op": f"{format_value(counts.peak_activation_bytes, Unit.BYTE)} of activations",
    }
    for name, value in figures.items():
        table.add_row(name, value)
    for label, indices in (("input", main.inputs), ("output", main.outputs)):
        for index in indices:
            table.add_row(label, Text(_tensor_line(inspection, index)))
    return table


def _tensor_line(inspection: Inspection, index: int) -> str:
    tensor = inspection.model.main.tensors[index]
    text = f"{tensor.name} {tensor.dtype.value} {_shape(tensor.shape)}"
    if tensor.quantization is None:
        return text
    scale, zero_point = tensor.quantization.scale[0], tensor.quantization.zero_point[0]
    return f"{text}, scale {scale:g}, zero point {zero_point}"


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(extent) for extent in shape) or "scalar"


def _ops_table(inspection: Inspection) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("#", no_wrap=True)
    for name in ("op", "input", "output"):  # folded where there is little room
        table.add_column(name, overflow="fold")
    for name in ("MACs", "live", "parameters", "weight\nbytes", "activation\nbytes", "dead"):
        table.add_column(name, justify="right", no_wrap=True)
    for counts in inspection.ops:
        op, graph = counts.op, inspection.model.subgraphs[counts.subgraph]
        source, result = graph.input_of(op, 0), graph.output_of(op)
        share = f"{counts.live_macs / counts.macs:.0%}" if counts.macs else ""
        table.add_row(
            str(op.index),
            Text(op.kind),
            _shape(source.shape) if source else "",
            _shape(result.shape) if result else "",
            f"{counts.macs:,}" if counts.macs else "",
            share,
            f"{counts.parameters:,}" if counts.parameters else "",
            f"{counts.weight_bytes:,}" if counts.weight_bytes else "",
            f"{counts.input_bytes + counts.output_bytes:,}",
            f"{counts.dead_channels}/{counts.channels}" if counts.dead_channels else "",
        )
    return table
