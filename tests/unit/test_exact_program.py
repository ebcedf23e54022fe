"""Compiled programs: what they take, what they refuse, and which kernels evaluate them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn

from tinygauge import graph
from tinygauge.errors import ConfigError, DatasetError, UnknownNameError
from tinygauge.exact import backend, compile_model
from tinygauge.exact.library import level, levels, library

MODEL = graph.parse(build_cnn(), name="cnn")
X = np.random.default_rng(2).integers(-128, 128, (3, 8, 8, 1), np.int8)


def _wide() -> graph.Model:
    builder = ModelBuilder()
    x, y = (builder.tensor((1, 4), "int16", scale=scale) for scale in (0.001, 0.002))
    builder.op("QUANTIZE", [x], [y])
    return graph.parse(builder.build([x], [y]), name="wide")


def test_the_byte_order_of_inputs_does_not_matter() -> None:
    """Files keep numbers in either order."""
    x = np.arange(-400, 400, 100).astype(np.int16).reshape(2, 4)
    program = compile_model(_wide())
    (expected,), (found,) = program.run(x), program.run(x.astype(x.dtype.newbyteorder()))
    np.testing.assert_array_equal(found, expected)
    assert expected.reshape(x.shape).tolist() == (x // 2).tolist()


@pytest.mark.parametrize("inputs", [None, 3, "x", [[1, 2]], np.int8(3), [None], X.tolist()])
def test_what_is_no_array_is_refused(inputs: Any) -> None:
    """The message says what shape is wanted and what was given."""
    with pytest.raises(
        DatasetError, match=r"cnn: .*(shape \(n, \*\(1, 8, 8, 1\)\), got|inputs, got)"
    ):
        compile_model(MODEL).run(inputs)


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ([X, X], "takes 1 inputs, got 2"),
        (X.astype(np.float32), "is int8, got float32"),
        (X[:, :4], r"has shape \(1, 8, 8, 1\), got \(4, 8, 1\) each"),
    ],
)
def test_arrays_of_other_models_are_refused(inputs: Any, problem: str) -> None:
    """Number, type and shape are the model's."""
    with pytest.raises(DatasetError, match=problem):
        compile_model(MODEL).run(inputs)


@pytest.mark.parametrize("model", [MODEL, _wide()], ids=lambda model: model.name)
def test_names_that_nobody_knows_are_refused(model: graph.Model) -> None:
    """With what there is; a rounding may be given by its name."""
    with pytest.raises(UnknownNameError, match="two-rounding"):
        compile_model(model, "two-roundings")
    with pytest.raises(UnknownNameError, match="no such processor"):
        compile_model(model, on="gpu")
    with pytest.raises(ConfigError, match="threads: must be 1 or more, got 0"):
        compile_model(model, threads=0)
    assert compile_model(model, "litert").rounding == "litert"


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Ask for kernels through the environment, as if at the start of a program."""

    def ask(kernels: str) -> None:
        monkeypatch.setenv("TINYGAUGE_KERNELS", kernels)
        library.cache_clear()
        level.cache_clear()

    yield ask
    monkeypatch.undo()
    library.cache_clear()
    level.cache_clear()


@pytest.mark.parametrize("kernels", ["AVX2", "nonsense"])
def test_kernels_that_nobody_wrote_are_refused(ask: Any, kernels: str) -> None:
    """A slip would time or compare others than were meant."""
    ask(kernels)
    with pytest.raises(
        ConfigError, match=f"TINYGAUGE_KERNELS={kernels}: .*Known: numpy, portable, "
    ):
        compile_model(MODEL)


@pytest.mark.skipif(not levels(), reason="no compiled kernels here")
def test_kernels_for_another_machine_are_refused(ask: Any) -> None:
    """No machine is both; what this one can run is named."""
    ask("neon" if "avx2" in levels() or levels() == ["portable"] else "avx2")
    with pytest.raises(ConfigError, match="this machine can't run them, but portable"):
        backend()
