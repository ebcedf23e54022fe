"""Accuracy as a device would have it: datasets, runners in their own processes, scores.

``datasets.py`` what a dataset is; ``formats.py`` and ``wire.py`` read them; ``inputs.py`` pairs
a dataset with a model; ``runners.py`` which program rounds as an engine does; ``processes.py``
runs it through ``worker.py``; ``runs.py`` one model over one dataset; ``cache.py`` keeps outputs;
``scores.py`` does the statistics; ``simulate.py`` turns runs into a score.
"""

from tinygauge.accuracy.cache import prune as prune_cache
from tinygauge.accuracy.datasets import Dataset, Task, Windows
from tinygauge.accuracy.formats import load_dataset
from tinygauge.accuracy.inputs import find_range_fault
from tinygauge.accuracy.processes import Limits, stop_workers
from tinygauge.accuracy.runners import PROFILES, Runner
from tinygauge.accuracy.runs import Results, Run, make_run, plan_runs
from tinygauge.accuracy.simulate import score, score_results

__all__ = [
    "PROFILES",
    "Dataset",
    "Limits",
    "Results",
    "Run",
    "Runner",
    "Task",
    "Windows",
    "find_range_fault",
    "load_dataset",
    "make_run",
    "plan_runs",
    "prune_cache",
    "score",
    "score_results",
    "stop_workers",
]
