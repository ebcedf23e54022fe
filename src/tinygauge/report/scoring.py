"""What ran the models whose accuracy is told, in a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tinygauge.quantity import Method
from tinygauge.records import Evaluation, Score
from tinygauge.report.plain import shown

__all__ = ["scoring_line"]

_LONGEST_REASON = 100


def scoring_line(evaluations: Iterable[Evaluation]) -> str:
    """Count the models that were evaluated exactly, and those that each interpreter ran.

    Where nobody knows how an engine rounds, several roundings were tried: that is told apart.

    Parameters
    ----------
    evaluations : iterable of Evaluation
        What was measured on a board is not counted.

    Returns
    -------
    str
        Empty where nothing was scored.
    """
    groups: dict[tuple[bool, str, int], _Group] = {}
    for evaluation in evaluations:
        score = evaluation.accuracy
        if not isinstance(score, Score) or score.value.provenance.method is not Method.SIMULATED:
            continue
        how = f"in {score.runner}" if score.why_interpreted else "exactly"
        key = (bool(score.why_interpreted), how, len(score.spanned))
        group = groups.setdefault(key, _Group())
        group.reasons[evaluation.model.sha256] = score.why_interpreted
        group.engines[evaluation.target.engine] = None
    exact_first = sorted(groups, key=lambda key: (key[0], key[2] > 0))
    parts = [_part(how, roundings, groups[_, how, roundings]) for _, how, roundings in exact_first]
    return f"Scored {'; '.join(parts)}." if parts else ""


@dataclass(slots=True)
class _Group:
    """Models that were scored alike: why not exactly, by model, and the engines."""

    reasons: dict[str, str] = field(default_factory=dict)
    engines: dict[str, None] = field(default_factory=dict)


def _part(how: str, roundings: int, group: _Group) -> str:
    if roundings:
        engines = " or ".join(group.engines)
        how += f" with {roundings} roundings, which the interval spans because nobody knows how "
        how += f"{engines} rounds"
    count = len(group.reasons)
    text = f"{how}: {count:,} model{'s' * (count != 1)}"
    given = list(dict.fromkeys(reason for reason in group.reasons.values() if reason))
    if not given:
        return text
    rest = len(given) - 1
    more = f"; {rest:,} more reason{'s' * (rest != 1)}" if rest else ""
    return f"{text} ({shown(given[0], _LONGEST_REASON)}{more})"
