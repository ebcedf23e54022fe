"""Where two runtimes differ: the kind of a difference, the first op, the choice of inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import accuracy, graph
from tinygauge.accuracy import Dataset
from tinygauge.diagnosis.differences import Cause, cause_of, measure_gap
from tinygauge.diagnosis.doctor import choose_inputs, diagnose
from tinygauge.errors import ConfigError
from tinygauge.graph import DType, Op, Quantization, Tensor
from tinygauge.quantity import Missing

MODEL = graph.parse(build_cnn(), name="cnn")
X = np.random.default_rng(7).normal(0, 2, (60, 8, 8, 1)).astype(np.float32)
DATA = Dataset(name="data", path="data.npz", sha256="d", x=X, y=np.arange(60) % 3)


def _kind(op_kind: str, base: list[int], other: list[int], **options: str) -> Cause:
    tensor = Tensor(
        index=1, name="y", shape=(1, len(base)), dtype=DType.INT8,
        quantization=Quantization(scale=(0.1,), zero_point=(-10,)),
    )  # fmt: skip
    op = Op(index=0, kind=op_kind, inputs=(0,), outputs=(1,), options=options)
    return cause_of(op, tensor, np.array([base], np.int8), np.array([other], np.int8))


@pytest.mark.parametrize(
    ("kind", "base", "other", "cause"),
    [
        ("ADD", [1, 2, 3], [1, 2, 3], Cause.EQUAL),
        ("ADD", [1, 2, 3], [2, 2, 2], Cause.ROUNDING),
        ("ADD", [1, 127, 3], [1, -126, 3], Cause.SATURATION),  # it wrapped around
        ("ADD", [1, 127, 3], [2, -126, 3], Cause.SATURATION),  # and another was rounded
        ("ADD", [1, 127, 3], [1, -126, 5], Cause.OPERATOR),
        ("SOFTMAX", [-128, 127], [-125, 124], Cause.OPERATOR),  # ends of a curve are no clamps
        ("CONV_2D", [50, 3], [70, 3], Cause.SATURATION),  # RELU6 ends at 6 / 0.1 - 10 = 50
        ("CONV_2D", [51, 3], [70, 3], Cause.OPERATOR),
    ],
)
def test_the_kind_of_a_difference(
    kind: str, base: list[int], other: list[int], cause: Cause
) -> None:
    """By one step it is rounding; where one of the two is clamped, saturation."""
    assert _kind(kind, base, other, fused_activation_function="RELU6") is cause


def test_floats_differ_in_the_last_digits_or_altogether() -> None:
    """The border is a share of the largest value; what is no number equals nothing."""
    tensor = Tensor(index=1, name="y", shape=(1, 2), dtype=DType.FLOAT32)
    op = Op(index=0, kind="ADD", inputs=(0,), outputs=(1,))
    base = np.array([[100.0, 1e-3]], np.float32)
    assert cause_of(op, tensor, base, base + np.float32(1e-4)) is Cause.DIGITS
    assert cause_of(op, tensor, base, base + np.float32(1.0)) is Cause.OPERATOR
    assert cause_of(op, tensor, base, base * np.float32(np.nan)) is Cause.OPERATOR


@given(st.lists(st.tuples(st.integers(-128, 127), st.integers(-128, 127)), min_size=1, max_size=20))
def test_a_gap_counts_what_differs(pairs: list[tuple[int, int]]) -> None:
    """It is symmetric, and empty exactly where all is equal."""
    base, other = (np.array(each, np.int8)[:, None] for each in zip(*pairs, strict=True))
    gap, back = measure_gap(base, other, is_float=False), measure_gap(other, base, is_float=False)
    assert gap == back
    assert gap.differing == sum(a != b for a, b in pairs) == gap.inputs
    assert gap.largest == max(abs(a - b) for a, b in pairs)
    assert (gap.largest == 0) == np.array_equal(base, other)


def test_inputs_that_differ_are_looked_at_first() -> None:
    """The rest is spread evenly; no more than asked for, each once, in order."""
    outputs = np.zeros((50, 3), np.int8)
    changed = outputs.copy()
    changed[[7, 30]] = 1
    chosen = choose_inputs(MODEL, (outputs, changed), 6)
    assert {7, 30} <= set(chosen.tolist())
    assert len(set(chosen.tolist())) == 6
    assert sorted(chosen.tolist()) == chosen.tolist()
    assert choose_inputs(MODEL, (outputs, outputs + 1), 4).tolist() == [0, 16, 32, 49]


def test_what_xnnpack_rounds_once_is_told() -> None:
    """The first difference is a convolution's, by one step; what only passes it on is drift."""
    found = diagnose(MODEL, DATA, accuracy.RUNNERS["litert-xnnpack"], inputs=30)
    assert found.first is not None
    assert (found.first.kind, found.first.cause) == ("CONV_2D", Cause.ROUNDING)
    assert [op.op for op in found.ops] == [op.index for op in MODEL.main.ops]
    for each in found.ops:
        assert not isinstance(each.alone, Missing)
        assert (each.cause is Cause.EQUAL) == (each.in_model.differing == 0)
    reshape = next(op for op in found.ops if op.kind == "RESHAPE")
    assert reshape.cause in (Cause.DRIFT, Cause.EQUAL)
    assert found.notes == ()


def test_float_models_are_compared_too() -> None:
    """Two runtimes' sums of floats differ in the last digits at most."""
    model = graph.parse(build_fully_connected(dtype="float32"), name="mlp")
    x = np.random.default_rng(1).normal(0, 1, (20, 4)).astype(np.float32)
    data = Dataset(name="d", path="", sha256="", x=x, y=np.arange(20) % 2)
    found = diagnose(model, data, accuracy.RUNNERS["litert-builtin"])
    assert {op.cause for op in found.ops} <= {Cause.EQUAL, Cause.DIGITS, Cause.DRIFT}
    assert not found.differs
    with pytest.raises(ConfigError, match="compared with itself"):
        diagnose(model, data, accuracy.RUNNERS["litert-xnnpack"])


def test_an_op_that_only_runs_in_the_whole_is_said_to_be_unknown() -> None:
    """A model of one op without computed inputs is still compared as a whole."""
    builder = ModelBuilder()
    x, y, z = (builder.tensor((1, 4), "int8", scale=0.5) for _ in range(3))
    constant = builder.tensor((1, 4), "int8", data=[[1, 2, 3, 4]], scale=0.5)
    builder.op("RELU", [constant], [y])
    builder.op("ADD", [x, y], [z])
    model = graph.parse(builder.build([x], [z]), name="odd")
    x_rows = np.random.default_rng(1).normal(0, 9, (20, 4)).astype(np.float32)
    data = Dataset(name="d", path="", sha256="", x=x_rows, y=np.arange(20) % 4)
    found = diagnose(model, data, accuracy.RUNNERS["litert-builtin"])
    assert isinstance(found.ops[0].alone, Missing)
    assert found.ops[0].cause is Cause.EQUAL
