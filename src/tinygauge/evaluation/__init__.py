"""The main job: models in, four metrics each, a decision out."""

from tinygauge.evaluation.results import Alternative, Results, Row
from tinygauge.evaluation.run import DEFAULT_ENGINES, Progress, evaluate, find_models

__all__ = [
    "DEFAULT_ENGINES",
    "Alternative",
    "Progress",
    "Results",
    "Row",
    "evaluate",
    "find_models",
]
