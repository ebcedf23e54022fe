"""Results as JSON and CSV: the formats that other programs read.

The JSON document is described in ``docs/reference/results-json.md``. A missing number is an
object with ``missing`` (the reason) and ``advice``; an unknown interval end is null; nothing is
ever written as 0 or NaN for want of a value.

History of `SCHEMA_VERSION`
    1: first release.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tinygauge.quantity import Missing, Quantity
from tinygauge.records import (
    Deviation,
    Energy,
    Evaluation,
    Finding,
    Latency,
    Memory,
    Metric,
    ModelSummary,
    Score,
    Target,
)

if TYPE_CHECKING:  # not loaded to print a board
    from tinygauge.evaluation import Results
    from tinygauge.graph import OpCounts, Tensor
    from tinygauge.inspection import Inspection
    from tinygauge.selection import Bound, Relaxation, Verdict

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "inspection_document",
    "quantity_document",
    "render_csv",
    "render_json",
    "results_document",
]

SCHEMA = "tinygauge.results"
SCHEMA_VERSION = 1

Document = dict[str, Any]

# Lists of plain numbers go on one line: a confusion matrix is read by rows.
# No string of JSON holds the line break that the pattern starts with.
_NUMBER_ROWS = re.compile(r"\[\n\s*[-+.\dE]+(?:,\s+[-+.\dE]+)*\s+\]", re.IGNORECASE)


def render_json(document: Any) -> str:
    """Write a document as JSON text, numbers finite, keys in their order.

    Parameters
    ----------
    document : dict or list

    Returns
    -------
    str
    """
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    text = _NUMBER_ROWS.sub(lambda match: " ".join(match[0].split()), text)
    # A file name that is no UTF-8 holds lone surrogates, which JSON can only say escaped.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def render_csv(results: Results) -> str:
    """Write one line a candidate, base units said in the column names.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
        Missing numbers are empty cells with their reason in ``<metric>_missing``.
    """
    rows = results.rows()
    buffer = io.StringIO()
    columns = list(rows[0]) if rows else ["model"]
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def quantity_document(quantity: Quantity | Missing) -> Document:
    """Describe a quantity: value, unit, interval, method, source.

    Parameters
    ----------
    quantity : Quantity or Missing

    Returns
    -------
    dict
    """
    if isinstance(quantity, Missing):
        return {"missing": quantity.reason, "advice": quantity.advice}
    interval, provenance = quantity.interval, quantity.provenance
    document: Document = {
        "value": quantity.value,
        "unit": quantity.unit.value,
        "low": _finite(interval.low),
        "high": _finite(interval.high),
        "level": interval.level if interval.is_known else None,
        "basis": interval.basis.value,
        "n": interval.n,
        "method": provenance.method.value,
        "source": provenance.source,
        "tool": provenance.tool,
    }
    if provenance.evidence:
        document["evidence"] = [
            {"kind": item.kind, "ref": item.ref, "sha256": item.sha256}
            for item in provenance.evidence
        ]
    return document


def _finding(finding: Finding) -> Document:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "advice": finding.advice,
        "where": finding.where,
    }


def _model(model: ModelSummary) -> Document:
    return {
        "name": model.name,
        "path": model.path,
        "sha256": model.sha256,
        "family": model.family,
        "precision": model.precision,
        "ops": model.ops,
        "dead_channels": model.dead_channels,
        "file_size": quantity_document(model.file_size),
        "parameters": quantity_document(model.parameters),
        "weights": quantity_document(model.weights),
        "macs": quantity_document(model.macs),
        "live_macs": quantity_document(model.live_macs),
        "zero_weight_share": quantity_document(model.zero_weight_share),
        "by_op": [
            {
                "op": row.op,
                "kind": row.kind,
                "macs": row.macs,
                "live_macs": row.live_macs,
                "weight_bytes": row.weight_bytes,
                "activation_bytes": row.activation_bytes,
            }
            for row in model.op_table
        ],
    }


def _target(target: Target) -> Document:
    return {
        "board": target.board,
        "core": target.core,
        "engine": target.engine,
        "clock_hz": target.clock_hz,
        "supply_v": target.supply_v,
        "sram_bytes": target.sram_bytes,
        "flash_bytes": target.flash_bytes,
    }


def _accuracy(score: Score | Missing) -> Document:
    if isinstance(score, Missing):
        return quantity_document(score)
    return quantity_document(score.value) | {
        "metric": score.metric,
        "scored": score.n,
        "correct": score.correct,
        "runner": score.runner,
        "profile": score.profile,
        "why_interpreted": score.why_interpreted,
        "spanned": [quantity_document(each) for each in score.spanned],
    }


def _scores(evaluations: Sequence[Evaluation]) -> list[Document]:
    """List each score once, with what is too long to repeat for every target."""
    found: dict[tuple[str, str], Document] = {}
    for evaluation in evaluations:
        score = evaluation.accuracy
        if isinstance(score, Score):
            found[evaluation.model.sha256, score.profile] = {
                "model_sha256": evaluation.model.sha256,
                "profile": score.profile,
                "labels": list(score.labels),
                "recall": [_finite(value) for value in score.recall],
                "confusion": [list(row) for row in score.confusion],
            }
    return list(found.values())


def _memory(memory: Memory | Missing) -> Document:
    if isinstance(memory, Missing):
        return quantity_document(memory)
    return {
        "ram": quantity_document(memory.ram),
        "flash": quantity_document(memory.flash),
        "arena": quantity_document(memory.arena),
        "arena_head": quantity_document(memory.arena_head),
        "arena_tail": quantity_document(memory.arena_tail),
        "min_arena": quantity_document(memory.min_arena),
        "peak_op": memory.peak_op,
        "lower_bound_bytes": memory.lower_bound_bytes,
        "parts": [
            {"name": part.name, "kind": part.kind} | quantity_document(part.size)
            for part in memory.parts
        ],
    }


def _latency(latency: Latency | Missing) -> Document:
    if isinstance(latency, Missing):
        return quantity_document(latency)
    by_op = [
        {"op": item.op, "kind": item.kind, "value_s": item.value.value} for item in latency.by_op
    ]
    return quantity_document(latency.per_inference) | {"by_op": by_op}


def _energy(energy: Energy | Missing) -> Document:
    if isinstance(energy, Missing):
        return quantity_document(energy)
    return quantity_document(energy.per_inference) | {
        "power": quantity_document(energy.power),
        "scope": energy.scope,
        "rail": energy.rail,
    }


def _bound(bound: Bound) -> Document:
    return {
        "metric": bound.metric.value,
        "sign": bound.sign,
        "limit": bound.limit,
        "unit": bound.unit.value,
        "origin": bound.origin,
        "text": str(bound),
    }


def _candidate(verdict: Verdict, rank: int | None) -> Document:
    evaluation = verdict.evaluation
    return {
        "model": evaluation.model.name,
        "model_sha256": evaluation.model.sha256,
        **_target(evaluation.target),
        "verdict": verdict.position.value,
        "rank": rank,
        "pareto": verdict.on_front,
        "reasons": list(verdict.reasons),
        "checks": [
            _bound(check.bound)
            | {"position": check.position.value, "overshoot": _finite(check.overshoot)}
            for check in verdict.checks
        ],
        "accuracy": _accuracy(evaluation.accuracy),
        "ram": quantity_document(evaluation.metric(Metric.RAM)),
        "flash": quantity_document(evaluation.metric(Metric.FLASH)),
        "memory": _memory(evaluation.memory),
        "latency": _latency(evaluation.latency),
        "energy": _energy(evaluation.energy),
        "findings": [_finding(finding) for finding in evaluation.findings],
        "deviations": [_deviation(each) for each in evaluation.deviations],
    }


def _deviation(deviation: Deviation) -> Document:
    return {
        "metric": deviation.metric.value,
        "predicted": quantity_document(deviation.predicted),
        "measured": quantity_document(deviation.measured),
        "share": deviation.share,
        "expected": deviation.expected,
    }


def _brief(evaluation: Evaluation) -> Document:
    return {
        "model": evaluation.model.name,
        "model_sha256": evaluation.model.sha256,
        "board": evaluation.target.board,
        "engine": evaluation.target.engine,
    }


def _relaxation(relaxation: Relaxation) -> Document:
    return {
        "bound": _bound(relaxation.bound),
        "relaxed": _bound(relaxation.relaxed),
        "share": relaxation.share,
        "admits": _brief(relaxation.verdict.evaluation),
    }


def _decision(results: Results) -> Document:
    selection = results.selection
    miss = selection.nearest_miss
    return {
        "chosen": _brief(results.chosen) if results.chosen else None,
        "ranking": [metric.value for metric in selection.ranking],
        "nearest_miss": (
            _brief(miss.evaluation) | {"reasons": list(miss.reasons)} if miss else None
        ),
        "relaxation": _relaxation(selection.relaxation) if selection.relaxation else None,
        "other_boards": [
            _brief(alternative.evaluation) | {"admitted": alternative.admitted}
            for alternative in results.alternatives
        ],
    }


def results_document(results: Results) -> Document:
    """Describe results as the JSON document of `SCHEMA_VERSION`.

    Parameters
    ----------
    results : Results

    Returns
    -------
    dict
    """
    dataset = results.dataset
    models: dict[str, Document] = {}
    for evaluation in results.evaluations:
        models.setdefault(evaluation.model.path, _model(evaluation.model))
    ranks = {id(verdict): rank for rank, verdict in enumerate(results.selection.ranked, start=1)}
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "tool": results.tool,
        "created": results.created,
        "dataset": asdict(dataset) if dataset else None,
        "region": [_bound(bound) for bound in results.region.bounds],
        "decision": _decision(results),
        "models": list(models.values()),
        "scores": _scores(results.evaluations),
        "candidates": [
            _candidate(verdict, ranks.get(id(verdict))) for verdict in results.selection.verdicts
        ],
        "failures": [asdict(failure) for failure in results.failures],
    }


def _op(counts: OpCounts, inspection: Inspection) -> Document:
    op, graph = counts.op, inspection.model.subgraphs[counts.subgraph]
    return {
        "subgraph": counts.subgraph,
        "op": op.index,
        "kind": op.kind,
        "inputs": [list(graph.tensors[index].shape) for index in op.inputs if index >= 0],
        "outputs": [list(graph.tensors[index].shape) for index in op.outputs if index >= 0],
        "options": {
            name: _finite(value) if isinstance(value, float) else value
            for name, value in op.options.items()
        },
        "macs": counts.macs,
        "live_macs": counts.live_macs,
        "parameters": counts.parameters,
        "weight_bytes": counts.weight_bytes,
        "dead_channels": counts.dead_channels,
        "activation_bytes": counts.input_bytes + counts.output_bytes,
    }


def inspection_document(inspection: Inspection) -> Document:
    """Describe an inspected model.

    Parameters
    ----------
    inspection : Inspection

    Returns
    -------
    dict
    """
    main = inspection.model.main
    return _model(inspection.summary) | {
        "description": inspection.model.description,
        "inputs": [_tensor(main.tensors[index]) for index in main.inputs],
        "outputs": [_tensor(main.tensors[index]) for index in main.outputs],
        "peak_activation_bytes": inspection.counts.peak_activation_bytes,
        "op_table": [_op(counts, inspection) for counts in inspection.ops],
        "unsupported_ops": {name: list(kinds) for name, kinds in inspection.support.items()},
        "findings": [_finding(finding) for finding in inspection.findings],
    }


def _tensor(tensor: Tensor) -> Document:
    found = tensor.quantization
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype.value,
        "scale": list(found.scale) if found else None,
        "zero_point": list(found.zero_point) if found else None,
    }
