"""Which profile a board follows: what logs hold, and what is concluded from outputs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tiny_models import build_cnn, build_fully_connected

from tinygauge import accuracy, graph
from tinygauge.accuracy import Dataset
from tinygauge.bench.transcript import encode
from tinygauge.diagnosis.board_log import Answer, parse_board_log
from tinygauge.diagnosis.numerics import Follows, tell_numerics
from tinygauge.errors import ConfigError, DatasetError, RunFormatError, TinygaugeError

EEMBC = rb"""00192.256 parser: Command "bload dut "C:\data sets\kws01\tst_7.bin""
00192.256 parser: File size is 490, loading...
00192.612 dut: m-results-[0.000,0.996]
00192.612 dut: m-ready
00193.256 parser: Command "bload dut "C:\data sets\kws01\tst_8.bin""
00193.612 dut: infer 1m-results-[0.250,0.746]
"""
MLC = b"""0803.210915 ulp-mlperf: Loading file tst_7.bin segment 0
Running inference with 1/1 (warmup/measured) iterations ...
0803.210926 ulp-mlperf:   m-results    : [0.0, 0.996]
0803.210915 ulp-mlperf: Loading file tst_8.bin segment 0
0803.210926 ulp-mlperf:   m-results    : [0.25, 0.746]
"""
WIRE = b"m-load-done\r\nm-results-[0.000,0.996]\r\nm-results-"
OWN = "\n".join(
    [
        "0.000000 # tinygauge transcript 1 2026-11-26T00:00:00.000+00:00 /dev/ttyACM0",
        "0.100000 # input tst_7.bin sha256 00ff",
        f"0.200000 < {encode(WIRE[:20])}",
        f"0.200001 < {encode(WIRE[20:])}",
        "0.300000 > infer 1%",
        f"0.400000 < {encode(b'[0.250,0.746]')}",
        "",
    ]
).encode()
JSON = json.dumps(
    [
        {"file": "tst_7.bin", "infer": {"results": [0.0, 0.996]}},
        {"file": "tst_8.bin", "infer": {"results": [0.25, 0.746]}},
        {"error": "error 1", "mode": "a"},
    ]
).encode()
LINES = b"# my board\n[0.000, 0.996]\nready\n0.250 0.746\n"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (EEMBC, ("tst_7.bin", "tst_8.bin")),
        (MLC, ("tst_7.bin", "tst_8.bin")),
        (OWN, ("tst_7.bin", "tst_7.bin")),
        (JSON, ("tst_7.bin", "tst_8.bin")),
        (LINES, ("", "")),
    ],
)
def test_outputs_are_found_in_every_kind_of_log(content: bytes, names: tuple[str, str]) -> None:
    """Two runners' logs, their JSON, our transcript (torn anywhere), and bare numbers."""
    log = parse_board_log(content, "log.txt")
    assert [answer.values for answer in log.answers] == [(0.0, 0.996), (0.25, 0.746)]
    assert tuple(answer.input for answer in log.answers) == names
    assert log.resolution == 0.001


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no outputs"),
        (b"hello\nworld", "no outputs"),
        (b"m-results-[]", "no number"),
        (b"m-results-[1,x]", "no number"),
        (b"1,2\n1,2,3", "of 2 and of 3 values"),
        (b"[[[[" * 5000, "no outputs"),
    ],
)
def test_what_is_no_log_is_told(content: bytes, problem: str) -> None:
    """The message says what is missing or wrong."""
    with pytest.raises(RunFormatError, match=problem):
        parse_board_log(content, "log.txt")


@given(st.binary(max_size=60), st.sampled_from([b"", b"m-results-[", b"[", b"1,", EEMBC]))
def test_no_bytes_crash_the_reader(noise: bytes, before: bytes) -> None:
    """Whatever a file holds, there are outputs or an error of ours."""
    try:
        log = parse_board_log(before + noise, "log.txt")
    except TinygaugeError:
        return
    assert log.answers


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


def test_stored_values_may_be_printed() -> None:
    """A board that prints integers is compared in integers."""
    stored = _outputs("two-rounding")
    text = "\n".join(",".join(str(int(value)) for value in row) for row in stored)
    assert tell_numerics(parse_board_log(text.encode(), "log.txt"), MODEL, DATA).follows is (
        Follows.ONE
    )


def test_answers_are_put_beside_inputs_by_name() -> None:
    """A part of the inputs in another order is no obstacle where the log names them."""
    lines = _printed(_outputs("two-rounding"), 3, cut_off=True).splitlines()
    text = b"\n".join(
        b'bload dut "x\\%d.bin"\n%s' % (place, lines[place]) for place in (40, 3, 17, 3)
    )
    found = tell_numerics(parse_board_log(text, "log.txt"), MODEL, DATA)
    assert (found.agreements[0].equal, found.outputs, found.inputs) == (4, 4, 60)


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


def test_a_float_model_has_no_profile(tmp_path: Path) -> None:
    """It is told so, rather than that it follows all."""
    model = graph.parse(build_fully_connected(dtype="float32"), name="mlp")
    data = Dataset(name="d", path="", sha256="", x=np.ones((2, 4), np.float32), y=np.array([0, 1]))
    log = parse_board_log(b"0.1 0.2", "log.txt")
    assert log.answers[0] == Answer("", (0.1, 0.2), 0.1)
    with pytest.raises(ConfigError, match="floating point"):
        tell_numerics(log, model, data)
