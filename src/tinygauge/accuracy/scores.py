"""From outputs to scores: answers, confusion, AUC, reconstruction error, and their intervals.

Pure arithmetic on arrays: nothing here runs a model or reads a file.

>>> interval = wilson_interval(901, 1000)
>>> round(interval.low, 4), round(interval.high, 4)
(0.8809, 0.918)
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from tinygauge.graph import Quantization
from tinygauge.quantity import Basis, Interval

__all__ = [
    "answers",
    "auc",
    "auc_interval",
    "class_recall",
    "confusion_matrix",
    "dequantize",
    "mean_by_group",
    "mean_squared_errors",
    "wilson_interval",
]

LEVEL = 0.95


def dequantize(
    stored: npt.NDArray[np.generic], quantization: Quantization | None
) -> npt.NDArray[np.float32]:
    """Return real values: scale * (stored - zero_point), in float32 as a device computes them.

    Parameters
    ----------
    stored : ndarray of integers or floats
    quantization : Quantization or None
        Per tensor; None leaves the values as they are.

    Returns
    -------
    ndarray of float32

    References
    ----------
    B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018, eq. 1.
    """
    if quantization is None:
        return stored.astype(np.float32)
    centred = stored.astype(np.float32) - np.float32(quantization.zero_point[0])
    return centred * np.float32(quantization.scale[0])


def answers(outputs: npt.NDArray[np.generic], threshold: float) -> npt.NDArray[np.int64]:
    """Return the class that a model chose for each input.

    Parameters
    ----------
    outputs : ndarray of integers or floats, shape (n, k)
        One value per class: the largest is chosen, of equals the first. With k = 1, the value
        for class 1: chosen where it is above `threshold`.
    threshold : float
        In the terms of `outputs`; used with k = 1 alone.

    Returns
    -------
    ndarray of int64, shape (n,)

    References
    ----------
    First of equals: as numpy's argmax, which MLPerf Tiny's runner takes (mlcommons/tiny @
    05b1d3b, benchmark/runner/main.py, summarize_result).
    """
    if outputs.shape[1] == 1:
        return (outputs[:, 0].astype(np.float64) > threshold).astype(np.int64)
    return np.asarray(outputs.argmax(axis=1), dtype=np.int64)


def confusion_matrix(
    truth: npt.NDArray[np.int64], answer: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    """Count inputs by true class (rows) and answer (columns).

    Parameters
    ----------
    truth, answer : ndarray of int64, shape (n,)
        In 0..classes - 1.
    classes : int

    Returns
    -------
    ndarray of int64, shape (classes, classes)

    References
    ----------
    M. Sokolova, G. Lapalme, "A systematic analysis of performance measures for classification
    tasks", Information Processing & Management 45 (2009) 427-437.
    """
    flat = np.bincount(truth * classes + answer, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def class_recall(confusion: npt.NDArray[np.int64]) -> tuple[float, ...]:
    """Return the share of each class's inputs that was answered right.

    Parameters
    ----------
    confusion : ndarray of int64, shape (k, k)
        Rows are true classes.

    Returns
    -------
    tuple of float
        Ratios; nan for a class without inputs.

    References
    ----------
    Sokolova and Lapalme (2009), as above.
    """
    totals = confusion.sum(axis=1)
    right = confusion.diagonal()
    return tuple(
        float(hit / total) if total else math.nan for hit, total in zip(right, totals, strict=True)
    )


def wilson_interval(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Return the interval of a proportion.

    Parameters
    ----------
    successes, n : int
        How many of how many; n above 0.
    level : float
        Confidence.

    Returns
    -------
    Interval
        Ratios within 0..1.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    J. Am. Stat. Assoc. 22 (1927) 209-212; recommended in L. D. Brown, T. T. Cai, A. DasGupta,
    Statistical Science 16 (2001) 101-133, eq. 4.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(low, high, level, Basis.SAMPLING, n)


def _midranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def _placements(
    scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return each positive's share of negatives below it, each negative's of positives above.

    Equal scores count a half. The mean of either is the AUC.
    """
    above, below = scores[positive], scores[~positive]
    ranks = _midranks(scores)
    of_positives = (ranks[positive] - _midranks(above)) / len(below)
    of_negatives = 1.0 - (ranks[~positive] - _midranks(below)) / len(above)
    return of_positives, of_negatives


def auc(scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]) -> float:
    """Return the area under the receiver operating characteristic.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Larger means more likely positive.
    positive : ndarray of bool, shape (n,)
        The truth; both kinds must occur.

    Returns
    -------
    float
        Ratio in 0..1: how often a positive scores above a negative, equals counting a half.
        This is exact; MLPerf Tiny's runner sums over 100 thresholds and may differ in the
        third decimal.

    References
    ----------
    J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", Radiology 143 (1982) 29-36.
    """
    return float(_placements(scores, positive)[0].mean())


def auc_interval(
    scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_], level: float = LEVEL
) -> Interval:
    """Return the interval of an AUC.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
    positive : ndarray of bool, shape (n,)
        At least one of each kind.
    level : float
        Confidence.

    Returns
    -------
    Interval
        Ratios within 0..1. Where all positives lie on one side of all negatives, DeLong's
        variance is 0; then it is the interval of a proportion over the rarer kind, which is
        wider than the truth but not empty.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837-845; by
    midranks: X. Sun, W. Xu, IEEE Signal Processing Letters 21 (2014) 1389-1393.
    """
    of_positives, of_negatives = _placements(scores, positive)
    value = float(of_positives.mean())
    rarer = min(len(of_positives), len(of_negatives))
    variance = 0.0
    if rarer > 1:
        variance = float(
            of_positives.var(ddof=1) / len(of_positives)
            + of_negatives.var(ddof=1) / len(of_negatives)
        )
    if variance == 0.0:
        share = wilson_interval(round(value * rarer), rarer, level)
        low, high = min(share.low, value), max(share.high, value)
    else:
        half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(variance)
        low, high = max(0.0, value - half), min(1.0, value + half)
    return Interval(low, high, level, Basis.SAMPLING, len(scores))


def mean_squared_errors(
    rebuilt: npt.NDArray[np.float32], inputs: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Return how badly an autoencoder rebuilt each input.

    Parameters
    ----------
    rebuilt, inputs : ndarray of float32, shape (n, ...)
        Real values, of equally many elements.

    Returns
    -------
    ndarray of float64, shape (n,)
        Mean over the elements of the squared difference, in the data's unit squared.

    References
    ----------
    mlcommons/tiny @ 154f3bd, benchmark/reference_submissions/anomaly_detection/
    submitter_implemented.cpp, calculate_result: real output against the float input.
    """
    count = len(inputs)
    difference = rebuilt.reshape(count, -1).astype(np.float64) - inputs.reshape(count, -1)
    return np.asarray((difference * difference).mean(axis=1))


def mean_by_group(
    values: npt.NDArray[np.float64], group: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the mean of the values of each group.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    group : ndarray of int64, shape (n,)
        From 0, without gaps.

    Returns
    -------
    ndarray of float64, shape (groups,)

    References
    ----------
    MLPerf Tiny scores a recording by the mean over its windows: mlcommons/tiny @ 05b1d3b,
    benchmark/runner/main.py, summarize_result.
    """
    return np.bincount(group, weights=values) / np.bincount(group)
