"""Judge every candidate, rank those inside, and say why the others fail.

A candidate is one model on one target. It is *inside* when the whole interval of every bounded
metric satisfies its bound, *outside* when some interval lies wholly beyond, and *undecided*
otherwise. The board's own SRAM and flash are bounds too, which nobody can relax.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
import numpy.typing as npt

from tinygauge.quantity import Basis, Missing, Quantity
from tinygauge.records import Evaluation, Metric, Severity
from tinygauge.selection.region import DEFAULT_RANKING, Bound, Position, Region, format_limit
from tinygauge.units import Unit, format_value, scale_for

__all__ = ["Check", "Relaxation", "Selection", "Verdict", "pareto_front", "select"]

_MEASUREMENTS = {
    Metric.RAM: "link the firmware and read arena_used_bytes() on {board}",
    Metric.FLASH: "link the firmware for {board} and read the map file",
    Metric.LATENCY: "time the model on {board}",
    Metric.ENERGY: "meter the energy of the model on {board}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One bound applied to one candidate.

    Parameters
    ----------
    bound : Bound
    position : Position
    overshoot : float
        By what share of the limit the best estimate violates it; nan where that is missing.
    reason : str
        Why not inside, and what would settle it; empty inside.
    """

    bound: Bound
    position: Position
    overshoot: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Where one candidate lies, and why.

    Parameters
    ----------
    evaluation : Evaluation
    position : Position
    checks : tuple of Check
        One a bound.
    blockers : tuple of str
        Why the model can't run on the target at all; then it is outside.
    on_front : bool
        Whether no other candidate is at least as good in all metrics and better in one.
    """

    evaluation: Evaluation
    position: Position
    checks: tuple[Check, ...]
    blockers: tuple[str, ...]
    on_front: bool

    @property
    def reasons(self) -> tuple[str, ...]:
        """What stands in the way: blockers alone, or failed bounds and then undecided ones."""
        if self.blockers:  # the metrics that they leave missing would only repeat them
            return self.blockers
        failed = [c.reason for c in self.checks if c.position is Position.OUTSIDE]
        open_ = [c.reason for c in self.checks if c.position is Position.UNDECIDED]
        return (*failed, *open_)

    @property
    def worst_overshoot(self) -> float:
        """The largest violation over the bounds; infinite for blocked or unknown candidates."""
        if self.blockers:
            return math.inf
        worst = [math.inf if math.isnan(c.overshoot) else c.overshoot for c in self.checks]
        return max(worst, default=0.0)


@dataclass(frozen=True, slots=True)
class Relaxation:
    """The smallest change of a single bound that lets a candidate in.

    Parameters
    ----------
    bound : Bound
        As it is.
    relaxed : Bound
        As it would have to be.
    verdict : Verdict
        The candidate that it lets in.
    """

    bound: Bound
    relaxed: Bound
    verdict: Verdict

    @property
    def share(self) -> float:
        """The change as a share of the limit."""
        return abs(self.relaxed.limit - self.bound.limit) / self.bound.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The decision over all candidates.

    Parameters
    ----------
    region : Region
    ranking : tuple of Metric
        What those inside are ordered by.
    verdicts : tuple of Verdict
        In the order of the evaluations.
    ranked : tuple of Verdict
        Those inside, best first.
    nearest_miss : Verdict or None
        With nothing inside, the candidate whose worst violation is smallest.
    relaxation : Relaxation or None
        With nothing inside, the smallest single change that lets one in.
    """

    region: Region
    ranking: tuple[Metric, ...]
    verdicts: tuple[Verdict, ...]
    ranked: tuple[Verdict, ...]
    nearest_miss: Verdict | None
    relaxation: Relaxation | None

    @property
    def chosen(self) -> Evaluation | None:
        """The candidate to ship; None where nothing is inside."""
        return self.ranked[0].evaluation if self.ranked else None


def _check(bound: Bound, evaluation: Evaluation) -> Check:
    quantity = evaluation.metric(bound.metric)
    if isinstance(quantity, Missing):
        advice = f"; {quantity.advice}" if quantity.advice else ""
        return Check(
            bound=bound,
            position=Position.UNDECIDED,
            overshoot=math.nan,
            reason=f"{bound.metric.value} unknown: {quantity.reason}{advice}",
        )
    position = bound.position(quantity)
    overshoot = bound.overshoot(quantity.value)
    return Check(
        bound=bound,
        position=position,
        overshoot=overshoot,
        reason=_reason(bound, quantity, position, evaluation),
    )


def _reason(bound: Bound, quantity: Quantity, position: Position, evaluation: Evaluation) -> str:
    if position is Position.INSIDE:
        return ""
    limit = f"{bound.sign} {format_limit(bound.limit, bound.unit)}"
    if bound.origin != "user":
        limit += f" of {bound.origin}"
    if position is Position.OUTSIDE:
        beyond = bound.overshoot(quantity.value)
        distance = f" by {beyond:.0%}" if beyond >= 0.005 else ""
        value = format_value(quantity.value, bound.unit)
        return f"{bound.metric.value} {value} ({quantity.method.value}) fails {limit}{distance}"
    return (
        f"{bound.metric.value} {quantity.format()} straddles {limit}; to settle it, "
        f"{_settling_measurement(bound, quantity, evaluation)}"
    )


def _settling_measurement(bound: Bound, quantity: Quantity, evaluation: Evaluation) -> str:
    if bound.metric is not Metric.ACCURACY:
        board = evaluation.target.board or evaluation.target.core
        return _MEASUREMENTS[bound.metric].format(board=board)
    gap = abs(quantity.value - bound.limit)
    if quantity.interval.basis is not Basis.SAMPLING or gap == 0 or bound.limit >= 1:
        return "score it on more inputs"
    # Wilson's 95 % interval holds a limit L while |p - L| <= 1.96 sqrt(L (1-L) / n) (Brown, Cai,
    # DasGupta, "Interval Estimation for a Binomial Proportion", Statist. Sci. 16(2), 2001, eq. 4).
    needed = math.ceil(1.96**2 * bound.limit * (1 - bound.limit) / (gap * gap))
    return f"score it on about {needed:,} inputs"


def _judge(evaluation: Evaluation, region: Region, on_front: bool) -> Verdict:
    checks = tuple(_check(bound, evaluation) for bound in region.for_target(evaluation.target))
    blockers = tuple(
        finding.message for finding in evaluation.findings if finding.severity is Severity.ERROR
    )
    positions = {check.position for check in checks}
    if blockers or Position.OUTSIDE in positions:
        position = Position.OUTSIDE
    else:
        position = Position.UNDECIDED if Position.UNDECIDED in positions else Position.INSIDE
    return Verdict(
        evaluation=evaluation,
        position=position,
        checks=checks,
        blockers=blockers,
        on_front=on_front,
    )


def _costs(evaluations: Sequence[Evaluation]) -> npt.NDArray[np.float64]:
    """Table of metrics as costs, shape (candidates, metrics); nan where missing."""
    table = np.full((len(evaluations), len(Metric)), np.nan)
    for row, evaluation in enumerate(evaluations):
        if any(finding.severity is Severity.ERROR for finding in evaluation.findings):
            continue
        for column, metric in enumerate(Metric):
            quantity = evaluation.metric(metric)
            if isinstance(quantity, Quantity):
                table[row, column] = -quantity.value if metric.higher_is_better else quantity.value
    return table


def pareto_front(evaluations: Sequence[Evaluation]) -> tuple[bool, ...]:
    """Tell which candidates no other one beats.

    Parameters
    ----------
    evaluations : sequence of Evaluation

    Returns
    -------
    tuple of bool
        False for a candidate that another equals or beats in every metric and beats in one, for
        one that can't run, and for one with a metric missing that others have. A metric that
        every candidate lacks is left out of the comparison.

    References
    ----------
    Ehrgott, "Multicriteria Optimization", 2nd ed., 2005, definition 2.1 (Pareto optimality).
    """
    costs = _costs(evaluations)
    known = ~np.isnan(costs).all(axis=0)
    if not costs.size or not known.any():
        return (False,) * len(evaluations)
    costs = costs[:, known]
    complete = ~np.isnan(costs).any(axis=1)
    front = np.zeros(len(evaluations), dtype=bool)
    rows = costs[complete]
    undominated = np.array(
        [not ((rows <= row).all(axis=1) & (rows < row).any(axis=1)).any() for row in rows],
        dtype=bool,
    )
    front[complete] = undominated
    return tuple(bool(flag) for flag in front)


def _rank_key(verdict: Verdict, ranking: Sequence[Metric]) -> tuple[float | str, ...]:
    evaluation = verdict.evaluation
    costs: list[float | str] = []
    for metric in ranking:
        quantity = evaluation.metric(metric)
        if isinstance(quantity, Missing):
            costs.append(math.inf)
        else:
            costs.append(-quantity.value if metric.higher_is_better else quantity.value)
    return (*costs, evaluation.model.name, evaluation.target.board, evaluation.target.engine)


def _smallest_relaxation(verdicts: Sequence[Verdict]) -> Relaxation | None:
    found: list[Relaxation] = []
    for verdict in verdicts:
        open_checks = [c for c in verdict.checks if c.position is not Position.INSIDE]
        if verdict.blockers or len(open_checks) != 1 or open_checks[0].bound.origin != "user":
            continue
        bound = open_checks[0].bound
        quantity = verdict.evaluation.metric(bound.metric)
        if isinstance(quantity, Missing):
            continue
        exact = bound.limit_to_admit(quantity)
        limit = _round_outwards(exact, bound) if math.isfinite(exact) else math.nan
        if limit > 0:  # else only dropping the bound would do
            found.append(Relaxation(bound, Bound(bound.metric, limit), verdict))
    return min(found, key=lambda relaxation: relaxation.share, default=None)


def _round_outwards(limit: float, bound: Bound) -> float:
    """Round a limit to what is printed of it, away from what it must let in."""
    factor, _ = scale_for(limit, bound.unit)
    scaled = Decimal(repr(limit)) / Decimal(str(factor))
    tenths = bound.unit in (Unit.BYTE, Unit.RATIO)
    step = Decimal("0.1") if tenths else Decimal(10) ** (scaled.adjusted() - 2)
    rounding = ROUND_FLOOR if bound.metric.higher_is_better else ROUND_CEILING
    return float(scaled.quantize(step, rounding) * Decimal(str(factor)))


def select(
    evaluations: Sequence[Evaluation],
    region: Region,
    ranking: Sequence[Metric] = DEFAULT_RANKING,
) -> Selection:
    """Judge every candidate and choose among those inside.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        The candidates.
    region : Region
        The user's bounds; the boards' memories are added.
    ranking : sequence of Metric
        What those inside are ordered by, most important first, the default if empty; ties go by
        name. The order uses best estimates: predictions for one target share their calibration,
        so their order is surer than their intervals.

    Returns
    -------
    Selection
    """
    ranking = tuple(ranking) or DEFAULT_RANKING
    front = pareto_front(evaluations)
    verdicts = tuple(
        _judge(evaluation, region, on_front)
        for evaluation, on_front in zip(evaluations, front, strict=True)
    )
    inside = [verdict for verdict in verdicts if verdict.position is Position.INSIDE]
    ranked = tuple(sorted(inside, key=lambda verdict: _rank_key(verdict, ranking)))
    misses = [v for v in verdicts if not inside and math.isfinite(v.worst_overshoot)]
    return Selection(
        region=region,
        ranking=ranking,
        verdicts=verdicts,
        ranked=ranked,
        nearest_miss=min(misses, key=lambda v: v.worst_overshoot, default=None),
        relaxation=None if inside else _smallest_relaxation(verdicts),
    )
