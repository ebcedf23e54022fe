"""What MLCommons' runner writes is replayed as its own format says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tinygauge.bench.published_log import replay_log
from tinygauge.bench.records import Mode
from tinygauge.errors import RunFormatError
from tinygauge.measurement import energy_of, latency_of, score_of
from tinygauge.records import Energy, Latency, Score

LOG = """Device name retrieved: STMicroelectronics
Device profile retrieved: ULPMark for tinyML Firmware V0.0.1
Device model retrieved: ic01
0803.210915 ulp-mlperf: Loading file emu_s_002009.bin segment 0
"""


def one_pass(mode: str, place: int, **more: Any) -> dict[str, Any]:
    """Return an entry of results.json."""
    outputs = [0.0] * 10
    outputs[place] = 0.9
    infer = {
        "start_time": 8320845, "end_time": 19270473, "results": outputs, "iterations": 100,
        "elapsed_time": 10949628, "total_inferences": 1, "warmups": 1,
    }  # fmt: skip
    entry = {
        "file": f"emu_{place}.bin",
        "classes": "10",
        "class": "2",
        "infer": infer,
        "mode": mode,
    }
    return entry | more


def written(folder: Path, passes: list[dict[str, Any]]) -> Path:
    """Write a run as the runner does, and return its folder."""
    (folder / "log.txt").write_text(LOG)
    (folder / "results.json").write_text(json.dumps([*passes, {"error": "error 1", "mode": "p"}]))
    return folder


def test_performance(tmp_path: Path) -> None:
    """Times are the board's microseconds."""
    run = replay_log(written(tmp_path, [one_pass("p", place) for place in range(5)]))

    latency = latency_of(run)
    assert (run.mode, run.benchmark, run.firmware_name) == (
        Mode.PERFORMANCE, "ic", "STMicroelectronics",
    )  # fmt: skip
    assert isinstance(latency, Latency)
    assert f"{1 / latency.per_inference.value:.3f}" == "9.133"
    assert all(rule.met is not False for rule in run.rules)


def test_accuracy(tmp_path: Path) -> None:
    """The true classes stand in the results themselves."""
    run = replay_log(written(tmp_path, [one_pass("a", place) for place in (1, 2, 3, 4)]))

    score = score_of(run)
    assert isinstance(score, Score)
    assert (score.correct, score.n) == (1, 4)


def test_energy(tmp_path: Path) -> None:
    """Joules of a millisecond each, between the last two timestamps."""
    power = {
        "samples": [1.0] * 100 + [2e-5] * 10_000 + [1.0] * 100,
        "timestamps": [["00", 3], ["01", 100], ["02", 10_100]], "voltage": 1.8,
    }  # fmt: skip
    passes = [one_pass("e", place, power=power) for place in range(5)]
    for each in passes:
        del each["infer"]["start_time"], each["infer"]["end_time"]

    run = replay_log(written(tmp_path, passes))

    energy = energy_of(run)
    assert isinstance(energy, Energy)
    assert energy.per_inference.value == pytest.approx(2e-5 * 10_000 / 100)
    assert run.supply_v == 1.8
    assert run.windows[0].elapsed_s == pytest.approx(10.0)


@pytest.mark.parametrize("content", ["", "[]", "{}", "[1]", '[{"infer": {}, "mode": "p"}]'])
def test_what_is_no_result_is_refused(tmp_path: Path, content: str) -> None:
    """With the file's name, and no traceback."""
    (tmp_path / "log.txt").write_text(LOG)
    (tmp_path / "results.json").write_text(content)

    with pytest.raises(RunFormatError, match=r"results\.json"):
        replay_log(tmp_path)
