"""Results as tables for the terminal: the decision, an inspected model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tinygauge.inspection import Inspection
from tinygauge.records import Metric
from tinygauge.report.cells import cell
from tinygauge.report.decision import order_verdicts, why_not
from tinygauge.selection import Position, Verdict
from tinygauge.units import Unit, format_value

if TYPE_CHECKING:
    from tinygauge.evaluation import Results

__all__ = [
    "decision_table",
    "inspection_tables",
]

_STYLES = {Position.INSIDE: "green", Position.UNDECIDED: "yellow", Position.OUTSIDE: "dim"}


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
    ordered = order_verdicts(results.selection)
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
            Text(why_not(verdict)),
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
