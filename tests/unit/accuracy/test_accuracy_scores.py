"""Statistics: answers, confusion, AUC, and intervals that cover what they claim."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygauge.accuracy import scores
from tinygauge.graph import Quantization


def test_the_first_of_equal_outputs_wins() -> None:
    """Ties, common with int8 outputs, go to the lower class."""
    outputs = np.array([[5, 5, 1], [-1, 7, 7], [-128, -128, -128]], dtype=np.int8)
    np.testing.assert_array_equal(scores.answers(outputs, 0.0), [0, 1, 0])


def test_one_output_is_compared_with_the_threshold() -> None:
    """A single output stands for class 1, above the threshold only."""
    outputs = np.array([[-1], [0], [1]], dtype=np.int8)
    np.testing.assert_array_equal(scores.answers(outputs, 0.0), [0, 0, 1])


def test_confusion_counts_truth_by_answer() -> None:
    """Rows are true classes; recall is nan where a class has no inputs."""
    truth, answer = np.array([0, 0, 1, 1, 1]), np.array([0, 2, 1, 1, 0])
    confusion = scores.confusion_matrix(truth, answer, 3)
    np.testing.assert_array_equal(confusion, [[1, 0, 1], [1, 2, 0], [0, 0, 0]])
    recall = scores.class_recall(confusion)
    assert recall[0] == 0.5
    assert recall[1] == pytest.approx(2 / 3)
    assert math.isnan(recall[2])


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_examples(
    successes: int, n: int, low: float, high: float
) -> None:
    """The interval equals the published ones to their four digits."""
    interval = scores.wilson_interval(successes, n)
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_share(n: int, data: st.DataObject) -> None:
    """The interval lies in 0..1, holds the observed share, and is never empty."""
    successes = data.draw(st.integers(0, n))
    interval = scores.wilson_interval(successes, n)
    assert 0 <= interval.low <= successes / n <= interval.high <= 1
    assert interval.width > 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 60), st.booleans())
def test_auc_is_the_share_of_pairs_in_order(seed: int, m: int, n: int, ties: bool) -> None:
    """The value is what counting all pairs gives, equal scores as half a pair."""
    random = np.random.default_rng(seed)
    values = random.normal(size=m + n)
    if ties:
        values = np.round(values)
    positive = np.arange(m + n) < m
    above = values[:m, None] - values[None, m:]
    pairs = float(np.mean((above > 0) + 0.5 * (above == 0)))
    assert scores.auc(values, positive) == pytest.approx(pairs, abs=1e-12)
    interval = scores.auc_interval(values, positive)
    assert 0 <= interval.low <= scores.auc(values, positive) <= interval.high <= 1
    assert interval.width > 0


@pytest.mark.parametrize(("m", "n", "shift"), [(60, 80, 0.8), (140, 108, 1.6), (40, 40, 0.0)])
def test_delong_variance_is_that_of_the_bootstrap(m: int, n: int, shift: float) -> None:
    """Half-width over 1.96 is the standard deviation of AUCs of resampled data."""
    random = np.random.default_rng(11)
    above, below = random.normal(shift, 1, m), random.normal(0, 1, n)
    positive = np.arange(m + n) < m
    interval = scores.auc_interval(np.concatenate([above, below]), positive)
    resampled = [
        scores.auc(np.concatenate([random.choice(above, m), random.choice(below, n)]), positive)
        for _ in range(1500)
    ]
    assert interval.width / (2 * 1.959964) == pytest.approx(np.std(resampled), rel=0.08)


def test_a_perfect_auc_still_has_an_interval() -> None:
    """With every positive above every negative the interval is one-sided and not empty."""
    values = np.arange(10.0)
    interval = scores.auc_interval(values, values >= 6)
    assert interval.high == 1.0
    assert interval.low == pytest.approx(scores.wilson_interval(4, 4).low)


def test_rebuilding_error_is_the_mean_square_per_recording() -> None:
    """Errors are averaged over elements, then over the windows of a recording."""
    inputs = np.array([[0, 0], [1, 1], [2, 2]], dtype=np.float32)
    rebuilt = np.array([[1, 1], [1, 3], [2, 2]], dtype=np.float32)
    errors = scores.mean_squared_errors(rebuilt, inputs)
    np.testing.assert_allclose(errors, [1, 2, 0])
    np.testing.assert_allclose(scores.mean_by_group(errors, np.array([0, 0, 1])), [1.5, 0])


def test_dequantising_takes_scale_and_zero_point() -> None:
    """Stored values become scale * (stored - zero_point), in float32."""
    stored = np.array([-128, 0, 127], dtype=np.int8)
    reals = scores.dequantize(stored, Quantization(scale=(0.5,), zero_point=(-128,)))
    assert reals.dtype == np.float32
    np.testing.assert_array_equal(reals, [0, 64, 127.5])
