"""`tinygauge diff` finds where engines part, on the keyword-spotting reference and real logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tinygauge.cli.main import main

MODEL = (
    "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark/training/"
    "keyword_spotting/trained_models/kws_ref_model.tflite"
)
INPUTS = "eembc/energyrunner/cf7c2f2634608a7c0ea7458ab7cb3379f2863424/datasets/kws01"


def _diff(
    capsys: pytest.CaptureFixture[str], mirror: Path, *words: str
) -> tuple[int, dict[str, Any]]:
    code = main(["diff", str(mirror / MODEL), "--data", str(mirror / INPUTS), "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def _log(shared_data: Path, system: str) -> str:
    log = shared_data / f"mlperf_tiny/transcripts/v0.7/{system}/kws/accuracy/log.txt"
    if not log.is_file():
        pytest.skip(f"no transcript of {system}")
    return str(log)


def test_litert_parts_from_tflm_in_the_fully_connected_op(
    capsys: pytest.CaptureFixture[str], mirror: Path
) -> None:
    """Of 13 ops that one alone differs, by one step: 4 of 1,000 outputs, as boards published."""
    code, found = _diff(capsys, mirror, "--against", "litert")
    assert code == 1
    assert found["first"] == {"op": 11, "cause": "rounding by one step"}
    assert [op["op"] for op in found["ops"] if op["alone"]["differing"]] == [11]
    assert found["effect"]["inputs_differing"] == 4
    assert found["effect"]["answers_changed"] == 0


def test_a_board_is_looked_into_through_what_stands_in_for_it(
    capsys: pytest.CaptureFixture[str], mirror: Path, shared_data: Path
) -> None:
    """Andes D25 parts from TFLM as LiteRT does; X-CUBE-AI in the first convolution."""
    log = _log(shared_data, "AndesCore-D25")
    code, found = _diff(capsys, mirror, "--against", "device", "--log", log)
    assert (code, found["first"]["op"]) == (1, 11)
    assert found["effect"]["inputs_differing"] == 4
    log = _log(shared_data, "NUCLEO-L4R5ZI")
    code, found = _diff(capsys, mirror, "--against", "device", "--log", log, "--inputs", "20")
    assert (code, found["first"]) == (1, {"op": 0, "cause": "rounding by one step"})
    assert found["ops"][0]["kind"] == "CONV_2D"
    assert found["effect"]["base"]["value"] == 0.901
    assert found["effect"]["other"]["value"] == 0.902


def test_a_board_that_computes_as_its_engine_does_differs_nowhere(
    capsys: pytest.CaptureFixture[str], mirror: Path, shared_data: Path
) -> None:
    """EK-RA6M4 against TFLM, NUCLEO-L4R5ZI against X-CUBE-AI: the answer is 0."""
    for system, engine in (("EK-RA6M4", "tflm-cmsis-nn"), ("NUCLEO-L4R5ZI", "x-cube-ai")):
        log = _log(shared_data, system)
        code, found = _diff(capsys, mirror, "--against", "device", "--log", log, "--engine", engine)
        assert (code, found["first"], found["differs"]) == (0, None, False)


def test_of_several_profiles_that_fit_the_base_may_be_any(
    capsys: pytest.CaptureFixture[str], mirror: Path, shared_data: Path, tmp_path: Path
) -> None:
    """The first 48 answers of EK-RA6M4 don't tell TFLM from LiteRT: neither differs from them."""
    log, engine = tmp_path / "short.log", tmp_path / "lit.toml"
    log.write_bytes(Path(_log(shared_data, "EK-RA6M4")).read_bytes()[:60_000])
    engine.write_text(
        'name = "lit"\ntitle = "x"\nsource = "s"\nkernels = "andes"\n'
        '[numerics]\nprofile = "litert"\nevidence = "e"\n'
    )
    words = ("--against", "device", "--log", str(log))
    for base in ((), ("--engine", str(engine))):
        code, found = _diff(capsys, mirror, *words, *base)
        assert (code, found["first"], found["differs"], found["looked_at"]) == (0, None, False, 0)
        assert (found["effect"]["inputs_differing"], found["effect"]["n"]) == (0, 48)
        assert found["numerics"]["follows"] == "several"
        (note,) = found["notes"]
        assert "fit all that the board printed ('two-rounding', 'litert')" in note
    code, found = _diff(capsys, mirror, *words, "--engine", "x-cube-ai")
    assert (code, found["looked_at"]) == (1, 48)
    assert found["first"] == {"op": 0, "cause": "rounding by one step"}
