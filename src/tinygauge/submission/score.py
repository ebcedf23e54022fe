"""The accuracy of a run, as both runners compute it."""

from __future__ import annotations

import numpy as np

from tinygauge.accuracy.scores import auc, mean_by_group
from tinygauge.bench.records import Run
from tinygauge.errors import ConfigError
from tinygauge.submission.rounds import TARGETS

__all__ = ["score_run"]


def score_run(run: Run) -> float:
    """Return the accuracy of a run by its benchmark's metric.

    Parameters
    ----------
    run : Run
        Of an accuracy run.

    Returns
    -------
    float
        A ratio: top-1, or for anomaly detection the AUC over recordings.

    Raises
    ------
    ConfigError
        If outputs or right answers are missing.

    References
    ----------
    mlcommons/tiny @ 1afd2c9, benchmark/runner/main.py (argmax, first of equals; a recording scores
    by the mean over its windows).
    """
    where = run.folder or f"the accuracy run of {run.benchmark}"
    if not run.inputs:
        raise ConfigError(where, "no input was inferred", "Measure accuracy first")
    if any(item.true_class is None or not item.outputs for item in run.inputs):
        raise ConfigError(
            where, "some inputs have no right answer or no output", "Use a dataset with labels"
        )
    truth = np.array([item.true_class for item in run.inputs], dtype=np.int64)
    if TARGETS[run.benchmark][0] == "top1":
        answer = np.array([int(np.argmax(item.outputs)) for item in run.inputs])
        return float((answer == truth).mean())
    _, group = np.unique([item.recording for item in run.inputs], return_inverse=True)
    scores = mean_by_group(np.array([item.outputs[0] for item in run.inputs]), group)
    positive = mean_by_group(truth.astype(np.float64), group) > 0.5
    if positive.all() or not positive.any():
        raise ConfigError(where, "all recordings are of one kind: there is no AUC")
    return auc(scores, positive)
