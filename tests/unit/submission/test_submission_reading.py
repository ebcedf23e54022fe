"""Results, logs and descriptions as published, and broken in every way."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygauge.submission.logs import parse_log
from tinygauge.submission.results_text import parse_results
from tinygauge.submission.rounds import RunnerKind
from tinygauge.submission.system import KEYS, parse_system

EEMBC = """\
00141.630 ulp-mlperf: Performance results for window 2:
00141.630 ulp-mlperf:   # Inferences :          200
00141.630 ulp-mlperf:   Runtime      :       10.114 sec.
00141.630 ulp-mlperf:   Throughput   :       19.774 inf./sec.
00141.630 ulp-mlperf: Runtime requirements have been met.
00141.636 ulp-mlperf: Median throughput is 19.774 inf./sec.
"""
# Figures of ST's NUCLEO-L4R5ZI-P, v1.3, kws.
MLC = """\
Performance results for window 1
# Inferences : 250
Runtime: 10.862042 sec.
Throughput: 23.01593015383295 inf./sec.
Runtime requirements have been met.
0726.010245 ulp-mlperf: Median throughput is     23.032 inf./sec.
"""
MLC_ENERGY = """\
Power Edition Output
Energy data for trial 0
  Elapsed time  : 9.886 <<<< below minimum duration
  Inferences    : 250
  Power         : 32.8730 mW.
  Total Energy  : 357855.490 uJ
  Energy/Inf    : 1431.422 uJ/inf
Median energy cost is 1430.6681 uJ/inf.
"""
WAKEWORDS = """\
  Power         : 25.6220 mW.
Accuracy: 44 True positives, 6 False negatives, 4 False positives
Average duty cycle: 0.56085
Average period: 0.031987 s
Estimated throughput: 55.742 inf./sec.
"""


def test_windows_and_median_of_the_eembc_runner() -> None:
    """As Renesas published them in v0.7; what the official checker sees is told apart."""
    found = parse_results(EEMBC)

    (window,) = found.windows
    assert (window.number, window.inferences, window.runtime_s) == (2, 200, 10.114)
    assert found.median_throughput_per_s == found.official["throughput"] == 19.774
    assert found.runner is RunnerKind.EEMBC


def test_lines_that_stand_several_times_count_once() -> None:
    """Where the runner evaluated a session four times, each line has three copies behind it."""
    four = "".join(line * 4 for line in EEMBC.splitlines(keepends=True))

    assert parse_results(four) == parse_results(EEMBC)


def test_a_median_without_a_prefix_is_not_what_the_checker_sees() -> None:
    """It asks for text before the words."""
    found = parse_results("Median throughput is 6.324 inf./sec.")

    assert found.median_throughput_per_s == 6.324
    assert "throughput" not in found.official


def test_windows_of_the_mlcommons_runner() -> None:
    """Performance, and energy with a trial that is too short."""
    timed, spent = parse_results(MLC), parse_results(MLC_ENERGY)

    assert (timed.windows[0].runtime_s, timed.windows[0].inferences) == (10.862042, 250)
    assert timed.official["throughput"] == 23.032
    (window,) = spent.energy_windows
    assert (window.duration_s, window.inferences, window.energy_uj) == (9.886, 250, 357855.49)
    assert spent.median_energy_uj == 1430.6681
    assert spent.faults == ["<<<< below minimum duration"]
    assert timed.runner is spent.runner is RunnerKind.MLC


def test_wake_words() -> None:
    """F1 as the report has it: 2 TP / (2 TP + FP + FN)."""
    words = parse_results(WAKEWORDS).wakewords

    assert words.f1 == pytest.approx(88 / 98)
    assert (words.duty_cycle, words.throughput_per_s) == (0.56085, 55.742)


@pytest.mark.parametrize(
    ("line", "top1", "auc"),
    [
        ("00213.959 ulp-mlperf: Top-1: 85.0%", 0.85, None),
        ("0803.211208 ulp-mlperf: Top 1% = 87.0", 0.87, None),
        ("00213.974 ulp-mlperf: AUC: 0.99", None, 0.99),
        ("0803.211208 ulp-mlperf: AUC = 0.988", None, 0.988),
    ],
)
def test_accuracy_of_both_runners(line: str, top1: float | None, auc: float | None) -> None:
    """Either spelling."""
    found = parse_results(line)

    assert (found.top1, found.auc) == (top1, auc)


def test_a_log_with_the_echo_of_commands_in_its_lines() -> None:
    """As the Andes boards send, a lone CR within a line too."""
    log = parse_log(
        '67531.6 x\n67531.661 parser: Command "bload dut "C:\\data\\tst_000000_Stop_7.bin""\r\n'
        '67532.137 parser: Command "dut infer 100 1"\r\n'
        "67531.851 dut: infer 100 1\rm-warmup-start-1\r\n67531.8 m\n"
        "67531.854 dut: m-infer-start-100\r\n67531.859 dut: m-lap-us-1000000\r\n"
        "67531.939 dut: \rm-lap-us-11000000\r\n67531.9 x\n"
        "67531.947 dut: \rm-results-[0.004,0.996]\r\n00001.000 emon: m-voltage-mv[1800]\n"
    )

    (found,) = log.inferences
    assert (found.input, found.iterations, found.warmups) == ("tst_000000_Stop_7.bin", 100, 1)
    assert found.elapsed_s == 10.0
    assert found.outputs == (0.004, 0.996)
    assert log.supply_v == 1.8


def test_windows_of_a_recording_tell_their_offset() -> None:
    """Anomaly detection steps through its files."""
    log = parse_log(
        '00001.000 parser: Command "bload dut "normal_id_01.bin" 512 2560"\n'
        "00001.000 dut: m-infer-start-1\n00001.000 dut: m-results-[11.5]\n"
    )

    assert [(each.input, each.offset_bytes) for each in log.inferences] == [
        ("normal_id_01.bin", 512)
    ]


def test_a_log_of_the_mlcommons_runner() -> None:
    """Its energy logs have no results behind an inference."""
    log = parse_log(
        "Device model retrieved: kws01\n"
        "0726.010150 ulp-mlperf: Loading file tst_000000_Stop_7.bin segment 0\n"
        "Running inference with 1/250 (warmup/measured) iterations ...\ndone\n"
        "0726.010201 ulp-mlperf:   Runtime      :     10.862 sec.\n"
        "0726.010201 ulp-mlperf:   m-results    : [0.0, 0.996]\n"
        "0726.010201 ulp-mlperf: Loading file tst_000001_Left_2.bin segment 0\n"
        "Running inference with 1/250 (warmup/measured) iterations ...\n"
    )

    assert log.model == "kws01"
    assert [(each.iterations, each.elapsed_s, each.outputs) for each in log.inferences] == [
        (250, 10.862, (0.0, 0.996)),
        (250, None, ()),
    ]


@settings(max_examples=80, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=200), st.text("0123456789.:-[]{},\"' emndAUCTop=/%", max_size=200)
    )
)
def test_no_text_crashes_a_reader(text: str) -> None:
    """A foreign file is read as far as it makes sense."""
    parse_results(text)
    parse_results(f"00001.000 ulp-mlperf: {text}")
    parse_log(text)
    parse_log(f"00001.000 dut: m-results-[{text}]")
    parse_system(text)
    parse_system('{"Status": "' + text + '"}')


def test_numbers_beyond_reason_are_no_numbers() -> None:
    """Neither an endless one nor one that is no number."""
    for figure in ("9" * 400, "1.2.3", "nan", "inf", "-5", ""):
        found = parse_results(f"x Median throughput is {figure} inf./sec.\nx Top-1: {figure}%")
        assert found.median_throughput_per_s is None
        assert "throughput" not in found.official


def test_a_key_that_stands_twice_keeps_what_is_filled_in() -> None:
    """The old template's second copies are blank, and a plain reader sees those."""
    text = '{"Status": "Available", "Software Notes": "v7", "Software Notes": ""}'

    system = parse_system(text)

    assert json.loads(text)["Software Notes"] == ""
    assert system.get("software_notes") == "v7"
    assert (system.twice, system.strict, system.status) == (("Software Notes",), True, "available")


@pytest.mark.parametrize(
    "text",
    [
        '{"Status": "available"\n "Board Name": "One"}',
        '{"Status": "available",\n"Board Name": "One",}',
        '{"Status": "available",\nstray words\n"Board Name": "One"}',
        '{"Status": "available", "Board Name": "One\tTwo"}',
        '"Status": "available"; "Board Name": "One"',
    ],
)
def test_a_broken_description_is_mended_and_said_to_be(text: str) -> None:
    """Missing and superfluous commas, stray lines, raw control characters, no object at all."""
    system = parse_system(text)

    assert not system.strict
    assert system.get("board").startswith("One")
    assert system.get("status") == "available"


def test_objects_in_a_description_become_text() -> None:
    """Some submitters list digests by file."""
    system = parse_system('{"Operating System ": {"a.bin": "12ab", "b.bin": ["34", null]}}')

    assert system.get("operating_system") == "a.bin: 12ab, b.bin: 34, "


def test_the_templates_keys_are_there_once() -> None:
    """And one ends in a space, as in the template."""
    assert len(set(KEYS.values())) == len(KEYS)
    assert KEYS["operating_system"] == "Operating System "
