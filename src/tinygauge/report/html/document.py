"""What the page knows of an evaluation: the same facts as results.json, laid out in columns.

results.json repeats sources and parts for every candidate, which is easy to read by other
programs and would make a page of 5,000 candidates too large to mail. Here each text and each
origin of a number stands once. The page's script reads it (``script/data.mjs``); nothing else
should: its layout may change with any version.

Texts are made fit to print (`shown`), numbers are in base units and complete to the last bit
where a decision hangs on them, and an infinite end of an interval is ``"inf"`` or ``"-inf"``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Sequence
from typing import Any

from tinygauge.evaluation import Results
from tinygauge.published import nearest_published
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import (
    Deviation,
    Energy,
    Evaluation,
    Latency,
    Memory,
    Metric,
    ModelSummary,
    Score,
    Target,
)
from tinygauge.report.decision import alternatives_line
from tinygauge.report.html.pool import Pool
from tinygauge.report.plain import LONGEST_NAME, shown
from tinygauge.report.published_report import published_document
from tinygauge.selection import Bound

__all__ = ["page_document", "render_document"]

Document = dict[str, Any]

# Shares of a time are drawn and compared, never decided on: four digits do.
_OP_DIGITS = 4


def render_document(document: Document) -> str:
    """Write a document as JSON that can stand inside a script element of any page.

    Parameters
    ----------
    document : dict

    Returns
    -------
    str
        ``<``, ``>``, ``&`` and the separators U+2028 and U+2029 are escaped, so that no text
        ends the element, opens a comment or breaks a line.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def page_document(results: Results) -> Document:
    """Describe results for the page.

    Parameters
    ----------
    results : Results

    Returns
    -------
    dict
    """
    return _Columns(results).document()


def _end(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else f"{value:g}"


class _Columns:
    """Gathers the columns, candidate by candidate."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.texts = Pool()
        self.evidence = Pool()
        self.origins = Pool()
        self.missing = Pool()
        self.findings = Pool()
        self.parts = Pool()
        self.timelines = Pool()
        self.plans = Pool()
        self.powers = Pool()
        self.published = Pool()
        self.models: list[Document] = []
        self.targets: list[Document] = []
        self.scores: list[Document] = []
        self._seen: dict[Hashable, int] = {}

    def document(self) -> Document:
        """Return everything; the pools are full once the candidates are described."""
        results, selection = self.results, self.results.selection
        candidates = self._candidates()
        data = results.dataset
        return {
            "tool": shown(results.tool),
            "created": shown(results.created),
            "dataset": None
            if data is None
            else {"name": shown(data.name, LONGEST_NAME), "sha256": data.sha256, "n": data.n},
            "region": _limits(results.region.bounds),
            "ranking": [metric.value for metric in selection.ranking],
            "alternatives": shown(alternatives_line(results)),
            "metrics": [metric.value for metric in Metric],
            "models": self.models,
            "targets": self.targets,
            "scores": self.scores,
            "candidates": candidates,
            "failures": [
                [shown(item.model, LONGEST_NAME), item.stage, shown(item.message)]
                for item in results.failures
            ],
            "texts": self.texts.values,
            "evidence": self.evidence.values,
            "origins": self.origins.values,
            "missing": self.missing.values,
            "findings": self.findings.values,
            "parts": self.parts.values,
            "timelines": self.timelines.values,
            "plans": self.plans.values,
            "powers": self.powers.values,
            "published": [json.loads(text) for text in self.published.values],
        }

    def _candidates(self) -> Document:
        verdicts = self.results.selection.verdicts
        evaluations = [verdict.evaluation for verdict in verdicts]
        return {
            "model": [self._model(each.model) for each in evaluations],
            "target": [self._target(each.target) for each in evaluations],
            "tie": _ties(evaluations),
            "front": [int(verdict.on_front) for verdict in verdicts],
            "metrics": [self._metric(evaluations, metric) for metric in Metric],
            "blockers": {
                str(number): [self._text(blocker) for blocker in verdict.blockers]
                for number, verdict in enumerate(verdicts)
                if verdict.blockers
            },
            "expected": {
                str(number): [self._expected(deviation) for deviation in each.deviations]
                for number, each in enumerate(evaluations)
                if each.deviations
            },
            "findings": [self._findings(each) for each in evaluations],
            "score": [self._score(each) for each in evaluations],
            "plan": [self._plan(each.memory) for each in evaluations],
            "power": [self._power(each.energy) for each in evaluations],
            "by_op_us": [_by_op(each.latency) for each in evaluations],
            "published": [self._published(each) for each in evaluations],
        }

    def _text(self, text: str) -> int:
        return self.texts.place(shown(text))

    def _metric(self, evaluations: Sequence[Evaluation], metric: Metric) -> Document:
        columns: Document = {"value": [], "low": [], "high": [], "from": []}
        for evaluation in evaluations:
            for name, cell in zip(columns, self._cells(evaluation.metric(metric)), strict=True):
                columns[name].append(cell)
        return columns

    def _cells(self, quantity: Quantity | Missing) -> tuple[Any, Any, Any, int]:
        """Return value, low, high, and where that stands among the origins or the missing."""
        if isinstance(quantity, Missing):
            place = self.missing.place((self._text(quantity.reason), self._text(quantity.advice)))
            return None, None, None, place
        interval = quantity.interval
        return quantity.value, _end(interval.low), _end(interval.high), self._origin(quantity)

    def _expected(self, deviation: Deviation) -> list[Any]:
        """Return which metric was measured, by what share it was missed, and what was expected."""
        place = list(Metric).index(deviation.metric)
        return [place, deviation.share, *self._cells(deviation.predicted)]

    def _origin(self, quantity: Quantity) -> int:
        interval, provenance = quantity.interval, quantity.provenance
        evidence = tuple(
            self.evidence.place((self._text(item.kind), self._text(item.ref), shown(item.sha256)))
            for item in provenance.evidence
        )
        return self.origins.place(
            (
                provenance.method.value,
                self._text(provenance.source),
                self._text(provenance.tool),
                interval.basis.value,
                interval.level,
                interval.n,
                evidence,
            )
        )

    def _once(self, key: Hashable, rows: list[Document], row: Document) -> int:
        if key not in self._seen:
            self._seen[key] = len(rows)
            rows.append(row)
        return self._seen[key]

    def _model(self, model: ModelSummary) -> int:
        key = ("model", model.path, model.sha256, model.name)
        if key in self._seen:
            return self._seen[key]
        ops = model.op_table
        row = {
            "name": shown(model.name, LONGEST_NAME),
            "path": shown(model.path),
            "sha256": model.sha256,
            "family": model.family,
            "precision": model.precision,
            "file_size_bytes": model.file_size.value,
            "parameters": model.parameters.value,
            "macs": model.macs.value,
            "live_macs": model.live_macs.value,
            "zero_weight_share": model.zero_weight_share.value,
            "dead_channels": model.dead_channels,
            "ops": model.ops,
            "op_kinds": [self._text(op.kind) for op in ops],
            "op_macs": [op.macs for op in ops],
            "op_live_macs": [op.live_macs for op in ops],
            "op_weight_bytes": [op.weight_bytes for op in ops],
            "op_activation_bytes": [op.activation_bytes for op in ops],
        }
        return self._once(key, self.models, row)

    def _target(self, target: Target) -> int:
        row = {
            "board": shown(target.board, LONGEST_NAME),
            "core": shown(target.core, LONGEST_NAME),
            "engine": shown(target.engine, LONGEST_NAME),
            "clock_hz": target.clock_hz,
            "supply_v": target.supply_v,
            "sram_bytes": target.sram_bytes,
            "flash_bytes": target.flash_bytes,
        }
        return self._once(("target", target), self.targets, row)

    def _score(self, evaluation: Evaluation) -> int:
        score = evaluation.accuracy
        if not isinstance(score, Score):
            return -1
        key = ("score", evaluation.model.path, evaluation.model.sha256, score.profile)
        row = {
            "metric": score.metric,
            "n": score.n,
            "correct": score.correct,
            "runner": shown(score.runner),
            "profile": score.profile,
            "labels": [shown(label, LONGEST_NAME) for label in score.labels],
            "recall": [_end(value) for value in score.recall],
            "confusion": [list(row) for row in score.confusion],
        }
        return self._once(key, self.scores, row)

    def _findings(self, evaluation: Evaluation) -> list[int]:
        return [
            self.findings.place(
                (
                    item.code,
                    item.severity.value,
                    self._text(item.where),
                    self._text(item.message),
                    self._text(item.advice),
                )
            )
            for item in evaluation.findings
        ]

    def _plan(self, memory: Memory | Missing) -> int:
        if isinstance(memory, Missing):
            return -1
        key = ("plan", id(memory))  # one plan serves every board of a core
        if key not in self._seen:
            parts = tuple(
                self.parts.place((self._text(part.name), part.kind, *self._cells(part.size)))
                for part in memory.parts
            )
            timeline = self.timelines.place(self._timeline(memory))
            set_by = self._text(memory.min_arena_set_by)
            self._seen[key] = self.plans.place(
                (parts, timeline, *self._cells(memory.needed_arena), set_by)
            )
        return self._seen[key]

    def _timeline(self, memory: Memory) -> tuple[Hashable, ...]:
        placements = tuple(
            (
                self._text(place.name),
                place.role,
                place.size_bytes,
                place.offset_bytes,
                place.first_op,
                place.last_op,
            )
            for place in memory.placements
        )
        kinds = tuple(self._text(kind) for kind in memory.op_kinds)
        return (
            memory.peak_op,
            memory.lower_bound_bytes,
            kinds,
            tuple(memory.live_bytes),
            placements,
        )

    def _power(self, energy: Energy | Missing) -> int:
        if isinstance(energy, Missing):
            return -1
        return self.powers.place((*self._cells(energy.power), energy.scope, energy.rail))

    def _published(self, evaluation: Evaluation) -> list[int]:
        found = nearest_published(evaluation.target, int(evaluation.model.macs.value))
        return [
            self.published.place(json.dumps(published_document(result), sort_keys=True))
            for result in found
        ]


def _by_op(latency: Latency | Missing) -> list[float]:
    """Return the microseconds of each op, by its number; nothing where they are not known."""
    if isinstance(latency, Missing):
        return []
    found = {item.op: item.value.value for item in latency.by_op}
    return [
        float(f"{found.get(op, 0.0) * 1e6:.{_OP_DIGITS}g}")
        for op in range(max(found, default=-1) + 1)
    ]


def _limits(bounds: Sequence[Bound]) -> dict[str, float]:
    """Return the limit of each bounded metric; the tighter where there are two."""
    limits: dict[str, Bound] = {}
    for bound in bounds:
        known = limits.get(bound.metric.value)
        if known is None or known.overshoot(bound.limit) < 0:
            limits[bound.metric.value] = bound
    return {name: bound.limit for name, bound in limits.items()}


def _ties(evaluations: Sequence[Evaluation]) -> list[int]:
    """Return where each stands among equals, which are ranked by model, board, engine."""
    names = [(e.model.name, e.target.board, e.target.engine) for e in evaluations]
    order = {name: number for number, name in enumerate(sorted(set(names)))}
    return [order[name] for name in names]
