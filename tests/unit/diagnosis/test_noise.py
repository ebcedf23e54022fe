"""Noise of integers against float: the ratio, what is lost beyond chance, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.accuracy import Dataset
from tinygauge.diagnosis.noise import _net_interval, compare_with_float, noise_ratio_db
from tinygauge.diagnosis.pairing import pair_ops
from tinygauge.errors import ConfigError
from tinygauge.graph import Model

X = np.random.default_rng(7).normal(0, 2, (40, 8, 8, 1)).astype(np.float32)
DATA = Dataset(name="data", path="data.npz", sha256="d", x=X, y=np.arange(40) % 3)
INTEGER = graph.parse(build_cnn(), name="integer")
FLOAT = graph.parse(build_cnn(dtype="float32"), name="float")


@given(st.floats(0.1, 10), st.integers(-60, 60))
def test_the_ratio_is_that_of_powers(amplitude: float, decibels: int) -> None:
    """A difference of a known share of the signal has its decibels, whatever the scale."""
    signal = amplitude * np.sin(np.arange(50))
    noisy = signal * (1 + 10 ** (-decibels / 20))
    assert noise_ratio_db(signal, noisy) == pytest.approx(decibels, abs=1e-6)


def test_the_ratio_has_its_ends() -> None:
    """No noise is infinitely good; noise alone is infinitely bad."""
    assert noise_ratio_db(np.ones(3), np.ones(3)) == math.inf
    assert noise_ratio_db(np.zeros(3), np.ones(3)) == -math.inf


def test_what_is_lost_and_won_is_weighed() -> None:
    """Ten lost and none won is no chance, six lost and four won is; with none, nothing is sure."""
    assert _net_interval(10, 0, 100).low > 0
    assert _net_interval(6, 4, 100).low < 0 < _net_interval(6, 4, 100).high
    empty = _net_interval(0, 0, 100)
    assert -0.04 < empty.low < 0 < empty.high < 0.04


def test_ops_are_paired_in_their_order() -> None:
    """Each with the one of its kind and shape."""
    pairs, unpaired = pair_ops(INTEGER, FLOAT)
    assert [(pair.op.index, pair.float_op.index) for pair in pairs] == [(i, i) for i in range(6)]
    assert unpaired == ()


def _two_branches(dtype: str) -> Model:
    """LOGISTIC of the input, in integers of a coarser copy of it, and TANH of the input itself."""
    builder = ModelBuilder()

    def tensor(scale: float, zero_point: int = 0) -> int:
        if dtype == "float32":
            return builder.tensor((1, 6), dtype)
        return builder.tensor((1, 6), dtype, scale=scale, zero_point=zero_point)

    x, left, right, y = tensor(0.05), tensor(1 / 256, -128), tensor(1 / 128), tensor(1 / 64)
    read = x
    if dtype == "int8":
        read = tensor(1.0)
        builder.op("QUANTIZE", [x], [read])
    builder.op("LOGISTIC", [read], [left])
    builder.op("TANH", [x], [right])
    builder.op("ADD", [left, right], [y])
    return graph.parse(builder.build([x], [y]), name=dtype)


def test_a_float_op_is_given_what_its_partner_is() -> None:
    """Where the integer model quantises one tensor twice, each op has the values that it reads."""
    rows = np.random.default_rng(3).uniform(-6, 6, (50, 6)).astype(np.float32)
    data = Dataset(name="data", path="data.npz", sha256="d", x=rows, y=np.arange(50) % 6)
    found = compare_with_float(_two_branches("int8"), _two_branches("float32"), data)
    logistic, tanh, _ = found.ops
    assert (logistic.kind, tanh.kind) == ("LOGISTIC", "TANH")
    for each in (logistic, tanh):
        assert isinstance(each.alone_db, float)
        assert each.alone_db > 40
    assert logistic.in_model_db < 30


def test_the_models_must_be_an_integer_and_a_float_one_of_one_architecture() -> None:
    """The message says which is not."""
    other = graph.parse(build_fully_connected(dtype="float32"), name="other")
    for first, second, problem in (
        (FLOAT, INTEGER, "float: it computes in floating point"),
        (INTEGER, INTEGER, "integer: it computes in integers"),
        (INTEGER, other, "integer: only . of its ops are those of other"),
    ):
        with pytest.raises(ConfigError, match=problem):
            compare_with_float(first, second, DATA)
