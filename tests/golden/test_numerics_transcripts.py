"""`tinygauge numerics` tells from three boards' published logs how each rounds."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tinygauge import catalog
from tinygauge.cli.main import main

MODEL = (
    "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark/training/"
    "keyword_spotting/trained_models/kws_ref_model.tflite"
)
INPUTS = "eembc/energyrunner/cf7c2f2634608a7c0ea7458ab7cb3379f2863424/datasets/kws01"


# Accuracy as published for each: 90.1 %, 90.2 %, 90.1 %.
TOLD: dict[str, tuple[str, float, str | None]] = {
    "EK-RA6M4": ("two-rounding", 0.901, "tflm-cmsis-nn"),
    "NUCLEO-L4R5ZI": ("one-rounding", 0.902, "x-cube-ai"),
    "AndesCore-D25": ("litert", 0.901, None),
}


@pytest.mark.parametrize("system", TOLD)
def test_a_published_log_tells_its_profile(
    mirror: Path,
    shared_data: Path,
    capsys: pytest.CaptureFixture[str],
    system: str,
) -> None:
    """All 12 outputs of all 1,000 inputs are those of one profile, and of no other.

    The catalogue's engine says the same, and the accuracy is the published one.
    """
    profile, top1, engine = TOLD[system]
    log = shared_data / f"mlperf_tiny/transcripts/v0.7/{system}/kws/accuracy/log.txt"
    if not log.is_file():
        pytest.skip(f"no transcript of {system}")
    words = ["--log", str(log), "--model", str(mirror / MODEL), "--data", str(mirror / INPUTS)]
    assert main(["numerics", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["follows"], found["profile"], found["answers"]) == ("one", profile, 1000)
    assert [each["equal"] == 1000 for each in found["profiles"]] == [True, False, False]
    assert found["board_right"]["value"] == found["profiles"][0]["right"]["value"] == top1
    assert tomllib.loads(found["engine_entry"])["numerics"]["profile"] == profile
    if engine is not None:
        assert catalog.engine(engine).profile.name == profile
