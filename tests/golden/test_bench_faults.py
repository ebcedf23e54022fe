"""At least 1,000 faults on the wire, and not one lost or wrong result.

Time is virtual, so that stalls of seconds cost nothing; each seed is a run that meets faults until
it is complete, resumed with all that was kept whenever it had to end.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.support.fake_board import FakeBoard, Firmware, outputs_of
from tests.support.fake_link import VirtualClock
from tests.support.faults import Fault, FaultyLink

from tinygauge.accuracy import Dataset
from tinygauge.bench.folder import load_run
from tinygauge.bench.records import Mode, Run
from tinygauge.bench.replay import replay_folder
from tinygauge.errors import BenchError
from tinygauge.measurement import Request, measure

SEEDS = range(60)
INFERENCE_S = 0.05
_rng = np.random.default_rng(1)
X = _rng.integers(-128, 128, (20, 49, 10, 1)).astype(np.int8)
DATA = Dataset(name="seeded", path="", sha256="0" * 64, x=X, y=np.arange(20) % 12)
TRUTH = [outputs_of(row.tobytes()) for row in X]


@dataclass
class Outcome:
    """A run with faults, and what happened on the way."""

    run: Run
    counts: Counter[Fault]
    endings: int


def run_with_faults(seed: int, mode: Mode, out: Path) -> Outcome:
    """Measure until the run is complete, resuming it as a user would."""
    clock = VirtualClock()
    link = FaultyLink(FakeBoard(Firmware(inference_s=INFERENCE_S)), clock, seed)
    resume, endings, held = False, 0, (0, 0)
    while True:
        request = Request(
            port="fake", benchmark="kws", mode=mode, data=DATA, out=out, resume=resume
        )
        try:
            run = measure(request, opener=lambda *_: link.open(), clock=clock)
        except BenchError:
            endings += 1
            assert endings < 50
            clock.sleep(10)
            resume = (out / "run.json").exists()
            if resume:
                kept = load_run(out)
                # Nothing that was measured is ever lost again.
                assert (len(kept.inputs), len(kept.windows)) >= held
                held = (len(kept.inputs), len(kept.windows))
        else:
            return Outcome(run, link.counts, endings)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """Accuracy and performance runs by turns."""
    folder = tmp_path_factory.mktemp("runs")
    modes = (Mode.ACCURACY, Mode.PERFORMANCE)
    return [run_with_faults(seed, modes[seed % 2], folder / str(seed)) for seed in SEEDS]


def test_a_thousand_faults_of_every_kind_were_met(outcomes: list[Outcome]) -> None:
    """So that the other tests here mean something; and some of them did end a run."""
    counts: Counter[Fault] = Counter()
    for outcome in outcomes:
        counts += outcome.counts

    assert sum(counts.values()) >= 1000
    assert min(counts[fault] for fault in Fault) >= 100
    assert sum(outcome.endings for outcome in outcomes) >= 10


def test_no_result_is_lost_or_wrong(outcomes: list[Outcome]) -> None:
    """Every input has the outputs of its own bytes, every window its time within 0.4 %.

    (A changed digit of a time within 0.2 % of the others can't be told from a time that differs
    by as much.)
    """
    for seed, outcome in enumerate(outcomes):
        run = outcome.run
        assert run.complete
        if run.mode is Mode.ACCURACY:
            assert [item.index for item in run.inputs] == list(range(20)), seed
            assert [item.outputs for item in run.inputs] == TRUTH, seed
        else:
            assert [window.outputs for window in run.windows] == TRUTH[:5], seed
            for window in run.windows:
                each_s = window.elapsed_s / window.iterations
                assert each_s == pytest.approx(INFERENCE_S, rel=0.004), seed
                assert window.elapsed_s >= 10


def test_the_transcript_gives_the_same_results_whatever_happened(
    outcomes: list[Outcome],
) -> None:
    """Faults, retries and resumed sessions are all in it, and the results follow from it."""
    for outcome in outcomes:
        assert replay_folder(outcome.run.folder).differences == ()


def test_what_went_wrong_is_on_record(outcomes: list[Outcome]) -> None:
    """A run that met faults says so, and how many times it tried again."""
    faulty = [outcome for outcome in outcomes if sum(outcome.counts.values()) > 5]

    assert all(outcome.run.faults for outcome in faulty)
    assert all(fault.problem for outcome in faulty for fault in outcome.run.faults)
