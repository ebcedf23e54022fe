"""What ran the models whose accuracy is told, in a line."""

from __future__ import annotations

from collections.abc import Iterable

from tinygauge.quantity import Method
from tinygauge.records import Evaluation, Score
from tinygauge.report.plain import shown

__all__ = ["scoring_line"]

_LONGEST_REASON = 100


def scoring_line(evaluations: Iterable[Evaluation]) -> str:
    """Count the models that were evaluated exactly, and those that each interpreter ran.

    Parameters
    ----------
    evaluations : iterable of Evaluation
        What was measured on a board is not counted.

    Returns
    -------
    str
        Empty where nothing was scored.
    """
    exact: set[str] = set()
    interpreted: dict[str, dict[str, str]] = {}
    for evaluation in evaluations:
        score, model = evaluation.accuracy, evaluation.model.sha256
        if not isinstance(score, Score) or score.value.provenance.method is not Method.SIMULATED:
            continue
        if score.why_interpreted:
            interpreted.setdefault(score.runner, {})[model] = score.why_interpreted
        else:
            exact.add(model)
    parts = [f"exactly: {_count(len(exact))}"] if exact else []
    parts += [_part(runner, list(reasons.values())) for runner, reasons in interpreted.items()]
    return f"Scored {'; '.join(parts)}." if parts else ""


def _count(models: int) -> str:
    return f"{models:,} model{'s' * (models != 1)}"


def _part(runner: str, reasons: list[str]) -> str:
    given = list(dict.fromkeys(reasons))
    rest = len(given) - 1
    more = f"; {rest:,} more reason{'s' * (rest != 1)}" if rest else ""
    return f"in {runner}: {_count(len(reasons))} ({shown(given[0], _LONGEST_REASON)}{more})"
