"""The decision: bounds, regions of interest, verdicts, Pareto front, what to relax."""

from tinygauge.selection.region import (
    DEFAULT_RANKING,
    Bound,
    Position,
    Region,
    parse_bound,
    parse_ranking,
    parse_region,
)
from tinygauge.selection.verdicts import (
    Check,
    Relaxation,
    Selection,
    Verdict,
    pareto_front,
    select,
)

__all__ = [
    "DEFAULT_RANKING",
    "Bound",
    "Check",
    "Position",
    "Region",
    "Relaxation",
    "Selection",
    "Verdict",
    "pareto_front",
    "parse_bound",
    "parse_ranking",
    "parse_region",
    "select",
]
