"""The main job: models in, four metrics each, a decision out."""

from tinygauge.evaluation.results import Alternative, Results, Row
from tinygauge.evaluation.run import DEFAULT_ENGINES, evaluate, find_models
from tinygauge.evaluation.sweep import Progress, SweepOptions

__all__ = [
    "DEFAULT_ENGINES",
    "Alternative",
    "Progress",
    "Results",
    "Row",
    "SweepOptions",
    "evaluate",
    "find_models",
]
