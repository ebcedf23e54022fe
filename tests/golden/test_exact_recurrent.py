"""SVDF and LSTM give what tflite-micro gives, from a reset state and from one carried on."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from ctypes import byref
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.micro import adversarial_inputs, assert_refused, run_micro
from tests.support.recurrent_models import add_lstm, add_svdf, lstm_model, svdf_model
from tests.support.tiny_models import ModelBuilder

from tinygauge import graph
from tinygauge.exact import Rounding, compile_model, find_unsupported
from tinygauge.exact.library import LEVELS, CLstm, CScale, CSvdf, level, levels, library, pointer
from tinygauge.exact.lowering import lower_ops
from tinygauge.exact.plain import PLAIN
from tinygauge.exact.recurrent import Lstm, Svdf
from tinygauge.exact.tables import curve16_table
from tinygauge.graph import Model

runtime: Any = pytest.importorskip(
    "tflite_micro.python.tflite_micro.runtime", reason="tflite-micro is for Linux only"
)

ROWS = 10
LSTMS: dict[str, Callable[[], bytes]] = {
    "plain": lstm_model,
    "asymmetric": lambda: lstm_model(in_zero=-5, hidden=(1 / 100, 17)),
    "a batch": lambda: lstm_model(shape=(3, 5, 6), in_zero=127),
    "time first": lambda: lstm_model(shape=(5, 3, 6), time_major=True),
    "clipped": lambda: lstm_model(cell_clip=0.7, weight_scale=0.05),
    "clipped to nothing": lambda: lstm_model(cell_clip=1e-5, weight_scale=0.05),
    "saturated": lambda: lstm_model(weight_scale=0.5, bias_reach=100_000),
    "long": lambda: lstm_model(shape=(1, 60, 6), weight_scale=0.05),
    "a coarse cell": lambda: lstm_model(shape=(1, 20, 6), cell_scale=2.0**-3, weight_scale=0.05),
    "a fine cell": lambda: lstm_model(shape=(1, 20, 6), cell_scale=2.0**-15, weight_scale=0.05),
    "a cell of odd scale": lambda: lstm_model(shape=(1, 20, 6), cell_scale=0.0013),
    "int16": lambda: lstm_model(dtype="int16", in_scale=1 / 32768),
    "int16 saturated": lambda: lstm_model(
        shape=(2, 9, 6), dtype="int16", in_scale=1 / 3276, weight_scale=0.05
    ),
    "int16 time first": lambda: lstm_model(
        shape=(5, 3, 6), dtype="int16", in_scale=1 / 3276, weight_scale=0.01, time_major=True
    ),
}
SVDFS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: svdf_model(state_scale=0.002, time_scale=2**-15, out=(0.01, -3)),
    "of a rank": lambda: svdf_model(
        rank=3, shape=(2, 8), in_zero=-7, state_scale=0.002, time_scale=2**-15, out=(0.01, 9)
    ),
    "saturated": lambda: svdf_model(
        state_scale=1e-5, time_scale=2**-15, out=(0.01, 9), rank=3, memory=1
    ),
    "int8": lambda: svdf_model(state="int8", state_scale=0.05, out=(0.01, 0)),
    "int8 beyond its type": lambda: svdf_model(
        state="int8", state_scale=0.002, state_zero=90, in_zero=-7, out=(0.01, 9), rank=2
    ),
    # Half a count: where the scales are made in float32, ties go the other way.
    "ties": lambda: svdf_model(
        shape=(1, 40), units=128, rank=2, memory=8, state_scale=0.001, time_scale=2**-15,
        out=(0.004, 0),
    ),
}  # fmt: skip


def _two_layers() -> bytes:
    """An LSTM, time first, on the features of an SVDF."""
    builder, rng = ModelBuilder(), np.random.default_rng(4)
    x = builder.tensor((6, 12), "int8", scale=0.05, zero_point=3)
    features = add_svdf(
        builder, x, shape=(6, 12), units=8, rng=rng, state_scale=0.002, time_scale=2**-12,
        out=(0.02, -4),
    )  # fmt: skip
    shape = builder.tensor((3,), "int32", data=[6, 1, 8])
    sequence = builder.tensor((6, 1, 8), "int8", scale=0.02, zero_point=-4)
    builder.op("RESHAPE", [features, shape], [sequence])
    y = add_lstm(
        builder, sequence, shape=(6, 1, 8), units=5, rng=rng, weight_scale=0.05, time_major=True
    )
    return builder.build([x], [y])


MODELS = (
    {f"LSTM, {name}": make for name, make in LSTMS.items()}
    | {f"SVDF, {name}": make for name, make in SVDFS.items()}
    | {"both": _two_layers}
)


@pytest.mark.parametrize("name", MODELS)
def test_ops_with_a_state_agree_with_micro(name: str) -> None:
    """Every input begins with the state reset; NumPy and the compiled kernels alike."""
    model = graph.parse(MODELS[name](), name=name)
    inputs = adversarial_inputs(model, ROWS)
    expected = run_micro(model, inputs)[0]

    (found,) = compile_model(model).run(inputs)

    np.testing.assert_array_equal(found, expected)
    if len(model.main.ops) == 1:
        (step,) = lower_ops(model)
        np.testing.assert_array_equal(PLAIN[type(step)](step, inputs)[0], expected)
    assert np.unique(expected).size > 10 or "nothing" in name


@pytest.fixture(params=LEVELS)
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every instruction set that this machine has inner loops for."""
    if request.param not in levels():
        pytest.skip(f"no kernels for {request.param} on this machine")
    monkeypatch.setenv("TINYGAUGE_KERNELS", request.param)
    level.cache_clear()
    yield request.param
    level.cache_clear()


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("name", LSTMS)
def test_all_inner_loops_agree_with_micro(name: str) -> None:
    """Whatever the processor multiplies with, the bits are the same."""
    model = graph.parse(LSTMS[name](), name=name)
    inputs = adversarial_inputs(model, ROWS)

    (found,) = compile_model(model).run(inputs)

    np.testing.assert_array_equal(found, run_micro(model, inputs)[0])


def _in_a_row(model: Model, rows: list[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Run tflite-micro without a reset in between."""
    interpreter = runtime.Interpreter.from_bytes(model.content, arena_size=1 << 20)
    outputs = []
    for row in rows:
        interpreter.set_input(row, 0)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0).copy())
    return outputs


def _lstm_kernel(step: Lstm, x: npt.NDArray[Any]) -> Callable[..., None]:
    """Return the reference kernel with a state of its own."""
    _, units, inputs = step.weights.shape
    batch, steps = x.shape[:2][:: -1 if step.is_time_major else 1]
    form = CLstm(
        batch, steps, inputs, units, step.is_time_major, step.in_zero, step.hidden_zero,
        (CScale * 4)(*map(CScale.of, step.from_input)),
        (CScale * 4)(*map(CScale.of, step.from_hidden)),
        *map(CScale.of, (step.kept, step.added, step.hidden)),
        step.cell_low, step.cell_high, step.tanh_multiplier, step.tanh_shift, 1,
    )  # fmt: skip
    sums = np.empty(8 * units, step.bias.dtype)
    hidden = np.full((batch, units), step.hidden_zero, x.dtype)
    cell = np.zeros((batch, units), np.int16)
    kernels = library()
    assert kernels is not None
    function = kernels.tg_lstm_s8 if x.dtype == np.int8 else kernels.tg_lstm_s16
    arrays = (step.weights, step.recurrent, step.bias, sums, hidden, cell)

    def run(row: npt.NDArray[Any], y: npt.NDArray[Any]) -> None:
        function(byref(form), *map(pointer, (curve16_table(), row, *arrays, y)))

    return run


def _svdf_kernel(step: Svdf, x: npt.NDArray[Any]) -> Callable[..., None]:
    """Return the reference kernel with a state of its own."""
    filters, inputs = step.features.shape
    memory = step.times.shape[1]
    form = CSvdf(
        len(x), inputs, filters, step.rank, memory, step.in_zero, step.state_zero, step.out_zero,
        CScale.of(step.to_state), CScale.of(step.to_output),
    )  # fmt: skip
    state = np.full((len(x), filters, memory), step.state_zero, step.times.dtype)
    kernels: ctypes.CDLL | None = library()
    assert kernels is not None
    function = kernels.tg_svdf_s8 if state.dtype == np.int8 else kernels.tg_svdf_s16
    arrays = (step.features, step.times, step.bias, state)

    def run(row: npt.NDArray[Any], y: npt.NDArray[Any]) -> None:
        function(byref(form), *map(pointer, (row, *arrays, y)))

    return run


@pytest.mark.skipif(library() is None, reason="no compiled kernels here")
@pytest.mark.parametrize("name", [name for name in MODELS if name != "both"])
def test_kernels_carry_their_state_on_as_micro_does(name: str) -> None:
    """The kernels that firmware runs, called again and again without a reset."""
    model = graph.parse(MODELS[name](), name=name)
    rows = list(adversarial_inputs(model, 2 * ROWS)[0])
    (step,) = lower_ops(model)
    assert isinstance(step, Lstm | Svdf)
    kernel = _lstm_kernel(step, rows[0]) if isinstance(step, Lstm) else _svdf_kernel(step, rows[0])

    for row, expected in zip(rows, _in_a_row(model, rows), strict=True):
        found = np.empty_like(expected)
        kernel(np.ascontiguousarray(row), found)
        np.testing.assert_array_equal(found, expected)


def _with_peephole() -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((1, 5, 6), "int8", scale=0.02)
    diagonal = builder.tensor((7,), "int16", data=range(7), scale=0.01)
    y = add_lstm(
        builder, x, shape=(1, 5, 6), units=7, rng=np.random.default_rng(1),
        inputs={9: diagonal, 10: diagonal, 11: diagonal},
    )  # fmt: skip
    return builder.build([x], [y])


@pytest.mark.parametrize(
    ("make", "why", "micro_runs"),
    [
        (_with_peephole, "a peephole", False),
        (lambda: lstm_model(cell_clip=-1.0), "cell_clip", True),
        (lambda: lstm_model(fused_activation_function="RELU"), "activation RELU", True),
        (lambda: lstm_model(cell_scale=8.0), "a cell of scale", True),
        (lambda: svdf_model(state_zero=5), "asymmetric", True),
    ],
)
def test_what_is_undefined_or_refused_there_is_refused_here(
    make: Callable[[], bytes], why: str, micro_runs: bool
) -> None:
    """Variants that tflite-micro stops at, and those where its result is no one's intention."""
    model = graph.parse(make(), name="odd")

    assert_refused(model, why, micro_runs=micro_runs)


@pytest.mark.parametrize("rounding", [Rounding.ONE, Rounding.LITERT])
@pytest.mark.parametrize("make", [lstm_model, svdf_model])
def test_other_profiles_leave_them_to_litert(make: Callable[[], bytes], rounding: Rounding) -> None:
    """Nothing shows yet that other engines compute them alike."""
    missing = find_unsupported(graph.parse(make(), name="recurrent"), rounding)

    assert missing is not None
    assert str(rounding) in missing.reason


def test_a_state_that_something_else_reads_is_refused() -> None:
    """The step keeps its state to itself, so nothing else can be given it."""
    builder = ModelBuilder()
    x = builder.tensor((1, 10), "int8", scale=0.05)
    y = add_svdf(builder, x, shape=(1, 10), units=6, rng=np.random.default_rng(1))
    state = y - 1
    z = builder.tensor((1, 24), "int16", scale=0.001)
    builder.op("RELU", [state], [z], version=2)

    missing = find_unsupported(graph.parse(builder.build([x], [y, z]), name="shared"))

    assert missing is not None
    assert "no state of its own" in missing.reason
