"""MLPerf Tiny offline: fetch from a mirror, then the published accuracy from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Run


def test_keyword_spotting_scores_what_the_board_published(
    tinygauge: Run, mirror: Path, tmp_path: Path
) -> None:
    """The reference scores exactly 90.1 % on the 1,000 official inputs, as the EK-RA6M4 did.

    Source: MLPerf Tiny v0.7, closed/renesas/results/EK-RA6M4/kws/accuracy: Top-1 90.1 %.
    """
    fetched = tinygauge("fetch", "mlperf-tiny", "--out", "mt", TINYGAUGE_MIRROR=str(mirror))
    assert fetched.returncode == 0, fetched.stderr
    done = tinygauge(
        "evaluate", "mt/models/kws_ref_model.tflite", "--data", "mt/datasets/kws01",
        "--board", "ek-ra6m4", "--require", "accuracy>=0.88", "--json",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    (candidate,) = json.loads(done.stdout)["candidates"]
    assert candidate["accuracy"]["correct"] == 901
    assert candidate["accuracy"]["value"] == pytest.approx(0.901, abs=0)
