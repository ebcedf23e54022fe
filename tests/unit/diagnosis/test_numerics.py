"""Which profile a board follows: what logs hold, and what is concluded from outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import accuracy, graph
from tinygauge.accuracy import Dataset
from tinygauge.diagnosis.board_log import parse_board_log
from tinygauge.diagnosis.numerics import Follows, tell_numerics
from tinygauge.errors import ConfigError, DatasetError
from tinygauge.quantity import Missing
from tinygauge.report.numerics_report import numerics_lines

MODEL = graph.parse(build_cnn(), name="cnn")
X = np.random.default_rng(7).normal(0, 2, (60, 8, 8, 1)).astype(np.float32)
DATA = Dataset(
    name="data", path="data.npz", sha256="d", x=X, y=np.arange(60) % 3,
    files=tuple(f"{place}.bin" for place in range(60)),
)  # fmt: skip


def _outputs(profile: str) -> npt.NDArray[np.generic]:
    plan = accuracy.plan_runs(MODEL, DATA, profile)
    assert isinstance(plan, tuple)
    return plan[0].make().values


def _printed(stored: npt.NDArray[np.generic], decimals: int, *, cut_off: bool) -> bytes:
    """Print outputs as a board does: some cut the digits off, some round them."""
    real = accuracy.dequantize(stored, accuracy.output_tensor(MODEL).quantization).astype(float)
    step = 10.0**-decimals
    shown = np.floor(real / step + 1e-9) * step if cut_off else real
    return b"".join(
        b"m-results-[" + ",".join(f"{value:.{decimals}f}" for value in row).encode() + b"]\n"
        for row in shown
    )


@pytest.mark.parametrize("cut_off", [True, False])
@pytest.mark.parametrize("profile", ["two-rounding", "one-rounding"])
def test_a_board_that_follows_a_profile_is_told(profile: str, cut_off: bool) -> None:
    """Digits cut off or rounded make no difference; accuracy is that of the same inputs."""
    log = parse_board_log(_printed(_outputs(profile), 3, cut_off=cut_off), "log.txt")
    found = tell_numerics(log, MODEL, DATA)
    best = found.agreements[0]
    assert (found.follows, found.profile, best.equal) == (Follows.ONE, profile, 60)
    assert best.largest_steps == 0
    assert best.right == found.board_right or best.right.value == found.board_right.value  # type: ignore[union-attr]


def test_outputs_are_compared_where_no_class_is_known() -> None:
    """The profile is told; how many answers are right is missing, with the reason."""
    log = parse_board_log(_printed(_outputs("two-rounding"), 3, cut_off=True), "log.txt")

    found = tell_numerics(log, MODEL, replace(DATA, y=np.empty(0, np.int64)))

    assert (found.follows, found.profile) == (Follows.ONE, "two-rounding")
    for right in (found.board_right, *(each.right for each in found.agreements)):
        assert isinstance(right, Missing)
        assert right.reason == "data holds no classes"
    assert "How many answers are right is not known: data holds no classes." in (
        numerics_lines(found)
    )


def test_stored_values_may_be_printed() -> None:
    """A board that prints integers is compared in integers."""
    stored = _outputs("two-rounding")
    text = "\n".join(",".join(str(int(value)) for value in row) for row in stored)
    assert tell_numerics(parse_board_log(text.encode(), "log.txt"), MODEL, DATA).follows is (
        Follows.ONE
    )


def test_answers_are_put_beside_inputs_by_name() -> None:
    """Some of the inputs in another order are no obstacle where the log names them."""
    lines = _printed(_outputs("two-rounding"), 3, cut_off=True).splitlines()
    text = b"\n".join(
        b'bload dut "x\\%d.bin"\n%s' % (place, lines[place]) for place in (40, 3, 17, 3)
    )
    found = tell_numerics(parse_board_log(text, "log.txt"), MODEL, DATA)
    best = found.agreements[0]
    assert (best.equal, best.n, found.outputs, found.inputs) == (3, 3, 3, 60)


def test_a_board_that_follows_none_is_not_given_one() -> None:
    """One output off by two steps on a third of the inputs is no profile."""
    stored = _outputs("two-rounding").astype(int)
    stored[::3, 0] += np.where(stored[::3, 0] > 0, -3, 3)
    text = "\n".join(",".join(str(value) for value in row) for row in stored)
    found = tell_numerics(parse_board_log(text.encode(), "log.txt"), MODEL, DATA)
    assert found.follows is Follows.NONE
    assert found.agreements[0].largest_steps >= 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"1,2", "holds 2 values an input, cnn gives 3"),
        (b"0.1 0.2 0.3\n" * 61, "61 answers, data 60 inputs"),
        (b"Loading file odd.bin segment\nm-results-[0.1,0.2,0.3]", "'odd.bin' is not in data"),
    ],
)
def test_a_log_of_something_else_is_refused(text: bytes, problem: str) -> None:
    """The message says what does not fit."""
    with pytest.raises(DatasetError, match=problem):
        tell_numerics(parse_board_log(text, "log.txt"), MODEL, DATA)


def _hybrid() -> bytes:
    builder = ModelBuilder()
    x, y = builder.tensor((1, 4), "float32"), builder.tensor((1, 2), "float32")
    weights = builder.tensor((2, 4), "int8", data=[[1] * 4] * 2, scale=0.1)
    builder.op("FULLY_CONNECTED", [x, weights, -1], [y])
    return builder.build([x], [y])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (build_fully_connected(dtype="float32"), "floating point: that has no rounding"),
        (_hybrid(), "floating point, with weights stored as integers: that has no rounding"),
    ],
)
def test_a_float_model_has_no_profile(content: bytes, problem: str) -> None:
    """It is told so, rather than that it follows all, or what an interpreter says of it."""
    model = graph.parse(content, name="mlp")
    data = Dataset(name="d", path="", sha256="", x=np.ones((2, 4), np.float32), y=np.array([0, 1]))
    log = parse_board_log(b"0.1 0.2", "log.txt")
    with pytest.raises(ConfigError, match=problem):
        tell_numerics(log, model, data)
