"""The exact evaluator scores models, an interpreter checks a part, and each says that it did."""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.accuracy import RUNNERS, Choice, Dataset, fit, plan_runs, score, score_results
from tinygauge.accuracy.checking import Check, checked_inputs, cross_check
from tinygauge.errors import ConfigError, RunnerError, UnknownNameError, UnsupportedOpError
from tinygauge.evaluation import evaluate
from tinygauge.exact import bits_id, open_processor
from tinygauge.exact.library import library
from tinygauge.records import Score

TFLM = RUNNERS["tflite-micro"]
pytestmark = pytest.mark.skipif(TFLM.version is None, reason="tflite-micro is not installed")

MODEL = graph.parse(build_cnn(), name="cnn")
X = np.random.default_rng(7).normal(0, 2, (120, 8, 8, 1)).astype(np.float32)
DATA = Dataset(name="data", path="data.npz", sha256="d", x=X, y=np.arange(120) % 3)


def _odd() -> graph.Model:
    """A model with an op that interpreters know and the exact evaluator does not."""
    builder = ModelBuilder()
    x, y = (builder.tensor((1, 8, 8, 1), "int8", scale=0.1) for _ in range(2))
    shape = builder.tensor((2,), "int32", data=[1, 64])
    z = builder.tensor((1, 64), "int8", scale=0.1)
    axis = builder.tensor((1,), "int32", data=[1])
    builder.op("CUMSUM", [x, axis], [y])
    builder.op("RESHAPE", [y, shape], [z], new_shape=[1, 64])
    return graph.parse(builder.build([x], [z]), name="odd")


def test_the_exact_evaluator_is_taken_where_it_knows_all() -> None:
    """It gives what the interpreter gives, which stays to check it; the score tells of both."""
    (run,) = plan_runs(MODEL, DATA, "two-rounding")  # type: ignore[misc]
    (asked,) = plan_runs(MODEL, DATA, "two-rounding", "interpreter")  # type: ignore[misc]
    assert run.runner.name == "exact:two-rounding"
    assert (run.check, asked.runner, asked.check) == (TFLM, TFLM, None)
    np.testing.assert_array_equal(run.make().values, asked.make().values)
    found = score(MODEL, DATA, "two-rounding")
    assert isinstance(found, Score)
    assert found.runner == run.runner.label
    assert f"a random 2% of the inputs compared with {TFLM.label}" in found.value.provenance.source


def test_results_are_kept_for_the_evaluator_that_made_them_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another evaluator's results are not found again; an interpreter's do not depend on it."""
    (run,) = plan_runs(MODEL, DATA, "two-rounding")  # type: ignore[misc]
    (asked,) = plan_runs(MODEL, DATA, "two-rounding", "interpreter")  # type: ignore[misc]
    keys = run.key, asked.key
    assert re.fullmatch("[0-9a-f]{16}", bits_id())
    monkeypatch.setenv("TINYGAUGE_KERNELS", "numpy")  # other files make the bits
    library.cache_clear()
    bits_id.cache_clear()
    try:
        assert run.key != keys[0]
        assert asked.key == keys[1]
    finally:
        monkeypatch.undo()
        library.cache_clear()
        bits_id.cache_clear()
    assert run.key == keys[0]


def test_an_interpreter_runs_what_is_not_known_exactly_and_says_why() -> None:
    """The whole model, for all inputs; who insists on the evaluator is told the op."""
    model = _odd()
    found = score(model, DATA, "two-rounding")
    assert isinstance(found, Score)
    assert found.runner == TFLM.label
    assert re.search("by an interpreter: .*CUMSUM", found.value.provenance.source)
    assert "CUMSUM" in found.why_interpreted
    with pytest.raises(UnsupportedOpError, match=r"odd: .*CUMSUM"):
        plan_runs(model, DATA, "two-rounding", Choice.EXACT)


def test_float_models_run_in_the_interpreter_without_a_word() -> None:
    """They have no roundings that could be repeated; who insists is told so."""
    model = graph.parse(build_fully_connected(dtype="float32"), name="mlp")
    data = Dataset(name="d", path="", sha256="", x=np.ones((2, 4), np.float32), y=np.array([0, 1]))
    (run,) = plan_runs(model, data, "two-rounding")  # type: ignore[misc]
    assert (run.runner, run.why) == (RUNNERS["litert-xnnpack"], "")
    with pytest.raises(UnsupportedOpError, match="floating-point"):
        plan_runs(model, data, "two-rounding", "exact")


def test_the_inputs_checked_are_drawn_once_for_a_model_and_its_data() -> None:
    """Two per cent, at least one; another model has others."""
    inputs = fit(MODEL, DATA)
    chosen = checked_inputs(MODEL, inputs)
    assert len(chosen) == 3
    assert len(set(chosen.tolist())) == 3
    np.testing.assert_array_equal(chosen, checked_inputs(MODEL, inputs))
    others = [
        tuple(checked_inputs(graph.parse(build_cnn(seed=seed), name="x"), inputs))
        for seed in range(1, 6)
    ]
    assert len({tuple(chosen), *others}) > 1


def test_a_difference_is_an_error_that_keeps_the_input() -> None:
    """The file holds the model, the input and both outputs; inputs not drawn don't matter."""
    (run,) = plan_runs(MODEL, DATA, "two-rounding")  # type: ignore[misc]
    outputs = run.make().values
    place = int(checked_inputs(MODEL, run.inputs)[1])
    wrong = outputs.copy()
    wrong[np.setdiff1d(np.arange(120), checked_inputs(MODEL, run.inputs))] += 1
    assert cross_check(MODEL, run.inputs, wrong, (run.runner, TFLM)) == Check(by=TFLM.label)
    wrong[place, 2] -= 1
    with pytest.raises(RunnerError, match=f"on 1 of 3 inputs compared, first on input {place}") as (
        caught
    ):
        cross_check(MODEL, run.inputs, wrong, (run.runner, TFLM))
    path = re.search(r"kept in (\S+\.npz)", str(caught.value))
    assert path is not None
    with np.load(path[1]) as kept:
        assert kept["model"].tobytes() == MODEL.content
        np.testing.assert_array_equal(kept["input"], run.inputs[place : place + 1][0])
        np.testing.assert_array_equal(kept["outputs"], [wrong[place], outputs[place]])
        assert list(kept["runners"]) == [run.runner.label, TFLM.label]


def test_each_difference_keeps_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other roundings and data don't cover it up, nor is it lost where nothing can be cached."""
    other = replace(DATA, sha256="other")
    runs = [
        plan_runs(MODEL, data, profile)[0]  # type: ignore[index]
        for data in (DATA, other)
        for profile in ("two-rounding", "one-rounding")
    ]
    blocked = tmp_path / "file"
    blocked.touch()
    paths = []
    for folder in ("cache", "file/cache"):
        monkeypatch.setenv("TINYGAUGE_CACHE", str(tmp_path / folder))
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        for run in runs:
            wrong = run.make().values + 1
            with pytest.raises(RunnerError, match="differ from those of") as caught:
                cross_check(MODEL, run.inputs, wrong, (run.runner, TFLM))
            paths.append(Path(re.findall(r"kept in (\S+\.npz)", str(caught.value))[0]))
    assert len(set(paths)) == 8
    assert all(path.is_file() for path in paths)
    assert {path.parent for path in paths} == {tmp_path / "cache" / "differences", tmp_path}


def test_an_interpreter_that_can_not_run_the_model_checks_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """That costs the check and not the result; a warning and the score say so, now and later."""
    (run,) = plan_runs(MODEL, DATA, "two-rounding")  # type: ignore[misc]
    broken = replace(run, check=replace(TFLM, name="no-such-runner"))
    made = broken.make()
    np.testing.assert_array_equal(made.values, run.make().values)
    assert f"cnn is not compared with {TFLM.label}: it " in caplog.text
    broken.keep(made)
    caplog.clear()
    found = run.find()
    assert found is not None
    assert "cnn is not compared with" in caplog.text
    for results in (made, found):
        score = score_results([run], [results], "two-rounding")
        assert isinstance(score, Score)
        source = score.value.provenance.source
        assert f"not compared with {TFLM.label}: it ended with code 1" in source
        assert "a random" not in source


def test_cuda_is_taken_only_where_asked_and_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without PyTorch, nothing is begun; the interpreter would check what runs there as well."""
    (run,) = plan_runs(MODEL, DATA, "two-rounding", "exact-cuda")  # type: ignore[misc]
    assert (run.runner.name, run.check) == ("exact-cuda:two-rounding", TFLM)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match=r"cuda: PyTorch can't be imported.*pip install torch"):
        evaluate([], data=None, boards=["ek-ra6m4"], engines=["tflm"], runner="exact-cuda")
    with pytest.raises(UnknownNameError, match="processor 'cudo'"):
        open_processor("cudo")
