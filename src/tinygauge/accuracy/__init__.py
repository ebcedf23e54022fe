"""Accuracy as a device would have it: datasets, runners in their own processes, scores.

``datasets.py`` what a dataset is; ``formats.py`` and ``wire.py`` read them, ``stored.py`` leaves
large arrays in their file; ``inputs.py`` pairs a dataset with a model; ``runners.py`` which
program rounds as an engine does; ``processes.py`` runs it through ``worker.py``, on what
``input_files.py`` writes; ``checking.py`` compares two of them; ``runs.py`` one model over one
dataset; ``cache.py`` keeps outputs; ``scores.py`` does the statistics; ``jobs.py`` keeps the cores
busy; ``simulate.py`` turns runs into a score.
"""

from tinygauge.accuracy.cache import prune as prune_cache
from tinygauge.accuracy.datasets import Dataset, Task, Windows
from tinygauge.accuracy.formats import load_dataset
from tinygauge.accuracy.inputs import find_range_fault, fit, output_tensor, quantize
from tinygauge.accuracy.processes import Limits, run_model, run_outputs, stop_workers
from tinygauge.accuracy.runners import PROFILES, RUNNERS, Choice, Runner
from tinygauge.accuracy.runs import Results, Run, is_float, make_run, plan_runs
from tinygauge.accuracy.scores import dequantize, wilson_interval
from tinygauge.accuracy.simulate import answers_of, score, score_results
from tinygauge.accuracy.wire import load_labels

__all__ = [
    "PROFILES",
    "RUNNERS",
    "Choice",
    "Dataset",
    "Limits",
    "Results",
    "Run",
    "Runner",
    "Task",
    "Windows",
    "answers_of",
    "dequantize",
    "find_range_fault",
    "fit",
    "is_float",
    "load_dataset",
    "load_labels",
    "make_run",
    "output_tensor",
    "plan_runs",
    "prune_cache",
    "quantize",
    "run_model",
    "run_outputs",
    "score",
    "score_results",
    "stop_workers",
    "wilson_interval",
]
