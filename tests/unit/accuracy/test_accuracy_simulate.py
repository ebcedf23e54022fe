"""Scoring a model on a dataset: metric, interval, provenance, cache."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.accuracy import Dataset, Limits, Task, Windows, cache, score, stop_workers
from tinygauge.errors import DatasetError, RunnerError
from tinygauge.quantity import Basis, Method, Missing
from tinygauge.records import Score

RANDOM = np.random.default_rng(9)
X = RANDOM.normal(0, 2, (40, 8, 8, 1)).astype(np.float32)
CNN = graph.parse(build_cnn(), name="cnn")
TOO_SHORT = Limits(time_s=0.0)  # no run ends in no time: with it, only cached outputs come


def dataset(x: np.ndarray[Any, Any], y: Any, **fields: Any) -> Dataset:
    sha256 = fields.pop("sha256", "5ha")
    return Dataset(name="data", path="data.npz", sha256=sha256, x=x, y=np.asarray(y), **fields)


def scored(*arguments: Any, **keywords: Any) -> Score:
    result = score(*arguments, **keywords)
    assert isinstance(result, Score)
    return result


def test_a_score_carries_its_interval_and_where_it_is_from() -> None:
    """Top-1 with a Wilson interval, confusion, runner and digests; equal to a count by hand."""
    truth = np.arange(40) % 3
    result = scored(CNN, dataset(X, truth, labels=("a", "b", "c")), "two-rounding")
    assert (result.metric, result.n, result.profile) == ("top1", 40, "two-rounding")
    confusion = np.array(result.confusion)
    assert result.correct == confusion.trace()
    np.testing.assert_array_equal(confusion.sum(axis=1), np.bincount(truth))
    assert result.value.value == confusion.trace() / 40
    assert result.value.interval.low < result.value.value < result.value.interval.high
    assert (result.value.interval.basis, result.value.interval.n) == (Basis.SAMPLING, 40)
    assert result.value.provenance.method is Method.SIMULATED
    assert result.value.provenance.tool == result.runner
    assert [each.sha256 for each in result.value.provenance.evidence] == ["5ha", CNN.sha256]
    assert result.labels == ("a", "b", "c")


def test_a_second_run_needs_no_runner() -> None:
    """Outputs come from the cache, unless they are not wanted or something differs."""
    data = dataset(X, np.zeros(40, dtype=int))
    first = scored(CNN, data, "one-rounding")
    assert scored(CNN, data, "one-rounding", limits=TOO_SHORT) == first
    others: list[tuple[graph.Model, Dataset, str, bool]] = [
        (CNN, data, "one-rounding", False),
        (CNN, data, "litert", True),
        (graph.parse(build_cnn(seed=1), name="cnn"), data, "one-rounding", True),
        (CNN, dataset(X, data.y, sha256="another"), "one-rounding", True),
        (CNN, dataset(X, data.y, x_scale=0.5), "one-rounding", True),
    ]
    for model, other, profile, use_cache in others:
        with pytest.raises(RunnerError, match="did not end"):
            score(model, other, profile, use_cache=use_cache, limits=TOO_SHORT)


def test_a_damaged_cache_is_made_anew() -> None:
    """An entry that was tampered with is not believed, and is repaired by the next run."""
    data = dataset(X, np.zeros(40, dtype=int))
    first = scored(CNN, data, "one-rounding")
    (file,) = cache.cache_folder().rglob("*.npy")
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(RunnerError):
        score(CNN, data, "one-rounding", limits=TOO_SHORT)
    assert scored(CNN, data, "one-rounding") == first
    assert scored(CNN, data, "one-rounding", limits=TOO_SHORT) == first


def test_an_unknown_rounding_is_bounded_by_both() -> None:
    """The value is that with two roundings; the interval holds those of both."""
    data = dataset(X, np.arange(40) % 3)
    unknown = scored(CNN, data, "unknown")
    both = [scored(CNN, data, profile) for profile in ("two-rounding", "one-rounding")]
    assert unknown.value.value == both[0].value.value
    assert unknown.value.interval.low == min(each.value.interval.low for each in both)
    assert unknown.value.interval.high == max(each.value.interval.high for each in both)
    assert all(each.runner in unknown.runner for each in both)


def test_float_models_score_alike_for_all_engines() -> None:
    """There is no rounding of integers in them: one run serves all profiles, and says so."""
    model = graph.parse(build_fully_connected(dtype="float32"), name="fc")
    data = dataset(X[:, :4, 0, 0], np.zeros(40, dtype=int))
    first = scored(model, data, "two-rounding")
    assert "floating-point model" in first.value.provenance.source
    other = scored(model, data, "unknown", limits=TOO_SHORT)
    assert other.value == first.value


def sigmoid_model(*, logistic: bool) -> graph.Model:
    """Return a model of one output: the first input, or its sigmoid."""
    builder = ModelBuilder()
    x = builder.tensor((1, 2), "int8", scale=0.1)
    weights = builder.tensor((1, 2), "int8", data=[[10, 0]], scale=0.1)
    bias = builder.tensor((1,), "int32", data=[0], scale=0.01)
    y = builder.tensor((1, 1), "int8", scale=0.1, zero_point=5)
    builder.op("FULLY_CONNECTED", [x, weights, bias], [y], version=4)
    if logistic:
        p = builder.tensor((1, 1), "int8", scale=1 / 256, zero_point=-128)
        builder.op("LOGISTIC", [y], [p])
        y = p
    return graph.parse(builder.build([x], [y]), name="one output")


@pytest.mark.parametrize("logistic", [True, False])
def test_one_output_decides_between_two_classes(*, logistic: bool) -> None:
    """A sigmoid is compared with 0.5, a logit with 0, each in the tensor's own scale."""
    x = np.array([[1.0, 0], [-1.0, 0], [0.3, 0], [-0.3, 0]], dtype=np.float32)
    result = scored(sigmoid_model(logistic=logistic), dataset(x, [1, 0, 1, 1]), "one-rounding")
    assert result.confusion == ((1, 0), (1, 2))
    assert result.recall == (1.0, 2 / 3)


def autoencoder(width: int = 4) -> graph.Model:
    """Return a model that gives back its input, clipped to -6.4..6.35 by its scale."""
    builder = ModelBuilder()
    x = builder.tensor((1, width), "int8", scale=0.05)
    weights = builder.tensor((width, width), "int8", data=np.eye(width) * 100, scale=0.01)
    bias = builder.tensor((width,), "int32", data=[0] * width, scale=0.0005)
    y = builder.tensor((1, width), "int8", scale=0.05)
    builder.op("FULLY_CONNECTED", [x, weights, bias], [y], version=4)
    return graph.parse(builder.build([x], [y]), name="autoencoder")


def test_anomalies_are_told_by_the_error_per_recording() -> None:
    """Windows are scored by the mean squared error of the real output, recordings by the mean."""
    # The third recording holds values that the model can't give back; the second hardly so.
    recordings = [np.zeros(8), np.r_[np.zeros(7), 6.5], np.full(8, 20.0), np.full(8, 1.0)]
    windows = Windows(width=4, starts=np.arange(0, 32, 4), recording=np.repeat(np.arange(4), 2))
    data = dataset(
        np.concatenate(recordings).astype(np.float32), [0, 1, 1, 0],
        task=Task.ANOMALY, windows=windows, labels=("normal", "anomaly"),
    )  # fmt: skip
    result = scored(autoencoder(), data, "one-rounding")
    assert (result.metric, result.n, result.correct) == ("auc", 4, None)
    assert result.value.value == 1.0
    assert result.value.interval.low < 1.0
    (file,) = cache.cache_folder().rglob("*.npy")
    errors = np.load(file)
    np.testing.assert_allclose(errors, [0, 0, 0, 0.15**2 / 4, *[13.65**2] * 2, 0, 0], atol=1e-6)
    assert scored(autoencoder(), data, "one-rounding", limits=TOO_SHORT) == result


def test_anomalies_of_one_kind_have_no_auc() -> None:
    """Without both kinds the score is missing, with the reason, and is not 0."""
    data = dataset(np.zeros((3, 4), np.float32), [0, 0, 0], task=Task.ANOMALY)
    result = score(autoencoder(), data, "one-rounding")
    assert isinstance(result, Missing)
    assert "all 3 inputs are normal" in result.reason


@pytest.mark.parametrize("task", Task)
def test_data_without_classes_have_no_score(task: Task) -> None:
    """It is missing, with the reason, and is not 0."""
    data = dataset(np.zeros((3, 4), np.float32), np.empty(0, np.int64), task=task)

    result = score(autoencoder(), data, "one-rounding")

    assert result == Missing("data holds no classes", "Add the true classes as y")


def test_data_that_do_not_fit_are_told_before_anything_runs() -> None:
    """Shapes, classes and outputs are checked first."""
    misfits = [
        (CNN, dataset(X[:, :4], np.zeros(40, int)), "each input is 4 x 8 x 1"),
        (CNN, dataset(X, np.full(40, 3)), "y holds the class 3, but cnn tells 3 classes apart"),
        (CNN, dataset(X, np.zeros(40, int), task=Task.ANOMALY), "cnn has 3 outputs"),
    ]
    for model, data, told in misfits:
        with pytest.raises(DatasetError, match=told):
            score(model, data, "two-rounding", limits=TOO_SHORT)


def test_outputs_that_are_no_numbers_are_no_score() -> None:
    """A float model that gives nan is told so, rather than scored as if nan were an answer."""
    builder = ModelBuilder()
    x, y = builder.tensor((1, 3), "float32"), builder.tensor((1, 3), "float32")
    builder.op("LOG", [x], [y])
    model = graph.parse(builder.build([x], [y]), name="log")
    data = dataset(np.array([[1, 2, 3], [1, -1, 2]], np.float32), [0, 1])
    with pytest.raises(RunnerError, match="1 of 2 outputs are no finite numbers"):
        score(model, data, "two-rounding")


def test_stopping_without_a_run_does_nothing() -> None:
    """stop_workers may be called at any time."""
    stop_workers()
