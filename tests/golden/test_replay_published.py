"""Published logs of other runners give the published figures when they are replayed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tinygauge.accuracy import load_labels
from tinygauge.bench.published_log import replay_log
from tinygauge.bench.records import Mode
from tinygauge.cli.main import main
from tinygauge.measurement import energy_of, latency_of, score_of
from tinygauge.quantity import Method
from tinygauge.records import Energy, Latency, Score

ROUND = "mlperf_tiny/transcripts/v0.7"
LABELS = "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark/evaluation/datasets"


def log_of(shared_data: Path, name: str) -> Path:
    """Return the folder of a log, or skip."""
    folder = shared_data / ROUND / name
    if not folder.is_dir():
        pytest.skip(f"there is no transcript at {folder}")
    return folder


@pytest.mark.parametrize(
    ("benchmark", "throughput"), [("kws", "19.774"), ("ic", "4.062")], ids=["kws", "ic"]
)
def test_performance_of_the_ek_ra6m4(shared_data: Path, benchmark: str, throughput: str) -> None:
    """The median throughput to the last printed digit, and every window's runtime."""
    folder = log_of(shared_data, f"EK-RA6M4/{benchmark}/performance")
    printed = (folder / "results.txt").read_text()

    run = replay_log(folder)

    latency = latency_of(run)
    assert isinstance(latency, Latency)
    assert f"{1 / latency.per_inference.value:.3f}" == throughput
    assert f"Median throughput is {throughput} inf./sec." in printed
    for window in run.windows:
        assert f"Runtime      : {window.elapsed_s:12.3f} sec." in printed
    assert all(rule.met is not False for rule in run.rules)


@pytest.mark.parametrize(
    ("name", "energy_uj", "method"),
    [
        ("EK-RA6M4/kws", "3796.957", Method.QUOTED),
        ("EK-RA6M4/ic", "17723.829", Method.QUOTED),
        ("NUCLEO-L4R5ZI/kws", "4635.681", Method.MEASURED),
    ],
)
def test_energy(shared_data: Path, name: str, energy_uj: str, method: Method) -> None:
    """Integrated from the trace where there is one, and else said to be quoted."""
    folder = log_of(shared_data, f"{name}/energy")

    run = replay_log(folder)

    energy = energy_of(run)
    assert isinstance(energy, Energy)
    assert f"Median energy cost is {energy_uj} uJ/inf." in (folder / "results.txt").read_text()
    assert energy.per_inference.value * 1e6 == pytest.approx(float(energy_uj), rel=1e-4)
    assert energy.per_inference.method is method
    assert run.mode is Mode.ENERGY
    assert run.supply_v is not None


@pytest.mark.parametrize(
    ("system", "correct"), [("EK-RA6M4", 901), ("NUCLEO-L4R5ZI", 902), ("AndesCore-D25", 901)]
)
def test_keyword_accuracy(shared_data: Path, system: str, correct: int) -> None:
    """Top-1 as printed, over all 1,000 inputs; echoes and debug text in between don't matter."""
    folder = log_of(shared_data, f"{system}/kws/accuracy")

    run = replay_log(folder)

    score = score_of(run)
    assert isinstance(score, Score)
    assert (score.correct, score.n) == (correct, 1000)
    assert f"Top-1: {correct / 10:.1f}%" in (folder / "results.txt").read_text()


def test_image_accuracy_needs_the_labels(shared_data: Path, mirror: Path) -> None:
    """File names don't tell the class; the set's list does, and without it there is no number."""
    folder = log_of(shared_data, "EK-RA6M4/ic/accuracy")
    labels = load_labels(mirror / LABELS / "ic01")

    assert not isinstance(score_of(replay_log(folder)), Score)
    score = score_of(replay_log(folder, labels))

    assert isinstance(score, Score)
    assert f"Top-1: {score.value.value:.1%}" in (folder / "results.txt").read_text()


def test_the_command_line_replays_a_log(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named by its folder or its file."""
    folder = log_of(shared_data, "EK-RA6M4/kws/performance")

    code = main(["bench", "replay", str(folder / "log.txt"), "--json"])

    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert round(document["throughput_per_s"], 3) == 19.774
    assert document["run"]["firmware_model"] == "kws01"
