"""What logs of boards hold: other runners' kinds and our own, however they were saved."""

from __future__ import annotations

import codecs
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygauge.bench.transcript import encode
from tinygauge.diagnosis.board_log import Answer, parse_board_log
from tinygauge.errors import RunFormatError, TinygaugeError

EEMBC = rb"""00192.256 parser: Command "bload dut "C:\data sets\kws01\tst_7.bin""
00192.256 parser: File size is 490, loading...
00192.612 dut: m-results-[0.000,0.996]
00192.612 dut: m-ready
00193.256 parser: Command "bload dut "C:\data sets\kws01\tst_8.bin""
00193.612 dut: infer 1m-results-[0.250,0.746]
"""
MLC = b"""0803.210915 ulp-mlperf: Loading file tst 7.bin segment 0
Running inference with 1/1 (warmup/measured) iterations ...
0803.210926 ulp-mlperf:   m-results    : [0.0, 0.996]
0803.210915 ulp-mlperf: Loading file tst_8.bin segment 0
0803.210926 ulp-mlperf:   m-results    : [0.25, 0.746]
"""
JSON = json.dumps(
    [
        {"file": "tst_7.bin", "infer": {"results": [0.0, 0.996]}},
        {"file": "tst_8.bin", "infer": {"results": [0.25, 0.746]}},
        {"error": "error 1", "mode": "a"},
    ]
).encode()
LINES = b"# my board\n[0.000, 0.996]\nready\n0.250 0.746\n"


def _reading(name: str, number: int, *said: bytes) -> list[str]:
    """What `bench` writes of an input: it asks for the outputs twice, then remarks that it is done.

    Without outputs at the end the board fell silent, and there is no such remark.
    """
    lines = [f"# input {name} sha256 00ff", "> db load 2%db 80", f"< {encode(b'm-ready')}"]
    lines += ["> 80%", "> infer 1 0%", *(f"< {encode(part)}" for part in said)]
    if said[-1].endswith(b"]\r\n"):
        lines += ["> results%", *(f"< {encode(part)}" for part in said), f"# reading {number}"]
        lines += [f"# kept reading {number} as input 0 recording 0 class 1 file {name}"]
    return lines


SESSION = ["# tinygauge transcript 1 2026-11-26T00:00:00.000+00:00 /dev/ttyACM0", "> name%"]
OWN = "".join(
    f"0.{place:06} {line}\n"
    for place, line in enumerate(
        [
            *SESSION,
            *_reading("0/tst 7.png", 1, b"m-results-[0.0", b"00,0.996]\r\n"),
            *_reading("1/tst_8.png", 2, b"m-results-[0.999,0."),
            "# fault LinkTimeoutError: 1/tst_8.png: no answer",
            *SESSION,
            *_reading("1/caf\\\\xe9.png", 1, b"m-results-[0.250,0.746]\r\n"),
        ]
    )
).encode()


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (EEMBC, ("C:/data sets/kws01/tst_7.bin", "C:/data sets/kws01/tst_8.bin")),
        (MLC, ("tst 7.bin", "tst_8.bin")),
        (OWN, ("0/tst 7.png", "1/café.png")),
        (OWN[OWN.index(b"0.000002 ") :], ("0/tst 7.png", "1/café.png")),
        (JSON, ("tst_7.bin", "tst_8.bin")),
        (LINES, ("", "")),
    ],
)
def test_outputs_are_found_in_every_kind_of_log(content: bytes, names: tuple[str, str]) -> None:
    """Two runners' logs, their JSON, our transcript (torn anywhere), and bare numbers.

    A transcript prints each answer twice, and answers of an inference that failed.
    """
    log = parse_board_log(content, "log.txt")

    assert [answer.values for answer in log.answers] == [(0.0, 0.996), (0.25, 0.746)]
    assert tuple(answer.input for answer in log.answers) == names
    assert log.resolution == 0.001


@pytest.mark.parametrize("content", [EEMBC, OWN, JSON, LINES])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_a_log_may_have_passed_through_another_system(
    content: bytes, mark: bytes, encoding: str
) -> None:
    """PowerShell's ``>`` writes UTF-16, and CR before LF."""
    saved = mark + content.decode("utf-8").replace("\n", "\r\n").encode(encoding)

    found, expected = parse_board_log(saved, "log.txt"), parse_board_log(content, "log.txt")

    assert found.answers == expected.answers
    assert found.sha256 == hashlib.sha256(saved).hexdigest()


def test_digits_are_kept() -> None:
    """The step of the last digit printed says how exactly."""
    log = parse_board_log(b"0.1 0.2", "log.txt")

    assert log.answers[0] == Answer("", (0.1, 0.2), 0.1)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no outputs"),
        (b"hello\nworld", "no outputs"),
        (b"m-results-[]", "no number"),
        (b"m-results-[1,x]", "no number"),
        (b"1,2\n1,2,3", "of 2 and of 3 values"),
        (b"[[[[" * 5000, "no outputs"),
        ("".join(f"0.000000 {line}\n" for line in SESSION).encode(), "no outputs"),
        (OWN[5:], "line 1 is no line of a transcript"),
        (codecs.BOM_UTF16_LE + b"h", "no outputs"),
    ],
)
def test_what_is_no_log_is_told(content: bytes, problem: str) -> None:
    """The message says what is missing or wrong."""
    with pytest.raises(RunFormatError, match=problem):
        parse_board_log(content, "log.txt")


@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"m-results-[", b"[", b"1,", EEMBC, OWN, codecs.BOM_UTF16_LE]),
)
def test_no_bytes_crash_the_reader(noise: bytes, before: bytes) -> None:
    """Whatever a file holds, there are outputs or an error of ours."""
    try:
        log = parse_board_log(before + noise, "log.txt")
    except TinygaugeError:
        return
    assert log.answers
