"""Accuracy as a device would have it: datasets, runners in their own processes, scores.

``datasets.py`` what a dataset is; ``formats.py`` and ``wire.py`` read them; ``inputs.py`` pairs
a dataset with a model; ``runners.py`` runs the model through ``worker.py``; ``scores.py`` does
the statistics; ``cache.py`` keeps outputs; ``simulate.py`` puts them together.
"""

from tinygauge.accuracy.datasets import Dataset, Task, Windows
from tinygauge.accuracy.formats import load_dataset
from tinygauge.accuracy.inputs import find_range_fault
from tinygauge.accuracy.runners import PROFILES, Limits, stop_workers
from tinygauge.accuracy.simulate import score

__all__ = [
    "PROFILES",
    "Dataset",
    "Limits",
    "Task",
    "Windows",
    "find_range_fault",
    "load_dataset",
    "score",
    "stop_workers",
]
