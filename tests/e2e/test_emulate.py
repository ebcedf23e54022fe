"""`tinygauge bench emulate`: models on emulated Cortex-M boards, through the real serial path."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.conftest import PACKAGED, Run
from tests.support.emulation import processes_with, require_tools
from tinygauge import graph
from tinygauge.accuracy import load_dataset
from tinygauge.accuracy.inputs import fit
from tinygauge.accuracy.processes import run_model
from tinygauge.accuracy.runners import Runner
from tinygauge.bench.folder import load_run
from tinygauge.bench.records import Mode
from tinygauge.emulation.emulate import emulate
from tinygauge.firmware import MACHINES
from tinygauge.measurement import Request

TFLM = Runner("tflite-micro", "tflite-micro", "tflite-micro")
QUANTIZED = sorted(
    path for path in (PACKAGED / "models").glob("*.tflite") if not path.stem.endswith("_f32")
)
KWS_MODEL = (
    "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark/training/"
    "keyword_spotting/trained_models/kws_ref_model.tflite"
)
KWS_DATA = "eembc/energyrunner/cf7c2f2634608a7c0ea7458ab7cb3379f2863424/datasets/kws01"
SYSTEM = """
submitter = "TinyGauge"
status = "rdi"
board = "MPS2 AN386 in QEMU"
processor = "Arm Cortex-M4"
processor_frequency = "31.25 MHz, nominal"
inference_framework = "TinyGauge's reference engine"
"""


@pytest.fixture(autouse=True)
def _tools() -> None:
    require_tools()


def _as_printed(model: graph.Model, data: Path, count: int) -> list[tuple[float, ...]]:
    """What tflite-micro gives, in the three digits of the protocol: enough for 256 steps."""
    pytest.importorskip("tflite_micro", reason="tflite-micro is for Linux only")
    inputs = fit(model, load_dataset(data))[0:count]
    stored = run_model(Path(model.path).read_bytes(), inputs, TFLM).reshape(count, -1)
    found = model.main.tensors[model.main.outputs[0]].quantization
    assert found is not None
    reals = (stored.astype(np.float64) - found.zero_point[0]) * found.scale[0]
    return [tuple(round(value, 3) for value in row) for row in reals.tolist()]


@pytest.mark.slow
def test_keyword_spotting_on_an_emulated_cortex_m4_makes_a_submission(
    tinygauge: Run, mirror: Path, tmp_path: Path
) -> None:
    """All 1,000 official inputs, every output that of tflite-micro to the bit; a tree that passes.

    Independent source: 90.1 % as published for the EK-RA6M4 with TFLM (v0.7).
    """
    words = ["bench", "emulate", "--benchmark", "kws", "--cpu", "cortex-m4", "--out", "kws"]
    words += ["--model", str(mirror / KWS_MODEL), "--data", str(mirror / KWS_DATA), "--json"]
    done = subprocess.run(  # longer than other commands may take
        [sys.executable, "-m", "tinygauge", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["cpu"], found["emulated_board"]) == ("cortex-m4", "mps2-an386")
    assert "latency" not in done.stdout
    _check_windows(found["runs"][0])
    assert found["instructions"]["value"] == pytest.approx(31.0e6, rel=0.1)
    assert found["runs"][1]["correct"] == 901
    inputs = load_run(tmp_path / "kws" / "accuracy").inputs
    expected = _as_printed(graph.load(mirror / KWS_MODEL), mirror / KWS_DATA, 1000)
    assert [item.outputs for item in inputs] == expected
    assert processes_with(str(tmp_path)) == []

    (tmp_path / "board.toml").write_text(SYSTEM)
    build = ("submission", "build", "kws/performance", "kws/accuracy", "--system", "board.toml")
    built = tinygauge(*build, "--out", "tree")
    assert built.returncode == 0, built.stdout + built.stderr
    assert "an emulator's or fake's clock is no board's" in built.stdout
    (described,) = (tmp_path / "tree").glob("closed/*/systems/*.json")
    assert "simulated" in json.loads(described.read_text())["Hardware Notes"]
    checked = tinygauge("submission", "check", "tree", "--json")
    assert checked.returncode == 0, checked.stdout


def _check_windows(performance: dict[str, Any]) -> None:
    """Say that every rule is met but that times are those of a board."""
    assert performance["simulated"]
    assert performance["emulated_time"]["method"] == "simulated"
    met = {rule["rule"]: rule["met"] for rule in performance["rules"]}
    assert [rule for rule, holds in met.items() if holds is False] == ["real-board"]
    assert {"five-windows", "window-10s", "window-10-iterations", "five-inputs"} <= {
        rule for rule, holds in met.items() if holds
    }


@pytest.mark.parametrize("path", QUANTIZED, ids=lambda path: path.stem)
def test_a_packaged_model_on_an_emulated_board(tmp_path: Path, path: Path) -> None:
    """All quantised ones, the four cores in turn; every output is that of tflite-micro."""
    cpu = list(MACHINES)[QUANTIZED.index(path) % len(MACHINES)]
    data = PACKAGED / "test_2000.npz"
    request = Request(
        port="", benchmark="custom", mode=Mode.ACCURACY, data=data, out=tmp_path, model=path,
        limit=6,
    )  # fmt: skip

    found = emulate(request, [Mode.ACCURACY], cpu=cpu)

    (run,) = found.runs
    assert (run.simulated, run.complete, run.faults) == (True, True, ())
    outputs = [item.outputs for item in run.inputs]
    assert outputs == _as_printed(graph.load(path), data, 6)


def test_a_model_is_timed_without_data(tinygauge: Run, models: Path, tmp_path: Path) -> None:
    """On random inputs, the same every time; the words say what the time is not."""
    words = ("bench", "emulate", "--model", models / "dscnn_8_i8.tflite", "--cpu", "m33")
    done = tinygauge(*words)

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("custom on an emulated cortex-m33 (mps2-an505, QEMU ")
    assert "it is no board's latency" in done.stdout
    assert "rule NOT met: real-board" in done.stdout
    assert "on random inputs" in done.stdout
    run = load_run(tmp_path / "emulated-custom-cortex-m33" / "performance")
    assert run.dataset is not None
    assert run.dataset.name == "random inputs"
    assert len({window.input_sha256 for window in run.windows}) == 5
    assert (tmp_path / "emulated-custom-cortex-m33" / "firmware" / "firmware.elf").is_file()

    again = tinygauge(*words)
    assert again.returncode == 2
    assert "--resume" in again.stderr


def test_ctrl_c_leaves_no_process_and_a_run_to_resume(
    tinygauge: Run, models: Path, tmp_path: Path
) -> None:
    """What was measured is kept; the rest is measured when it goes on."""
    words = [
        *("bench", "emulate", "--model", str(models / "cnn_16_i8.tflite"), "--mode", "accuracy"),
        *("--data", str(PACKAGED / "test_2000.npz"), "--limit", "60", "--out", "run"),
    ]
    results = tmp_path / "run" / "accuracy" / "results.jsonl"
    with subprocess.Popen(
        [sys.executable, "-m", "tinygauge", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        end_s = time.monotonic() + 60
        while not (results.is_file() and results.stat().st_size > 2000):
            assert time.monotonic() < end_s
            time.sleep(0.01)
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=60)
    assert program.returncode == 130
    assert "go on with --out run --resume" in said
    assert processes_with(str(tmp_path)) == []
    held = load_run(tmp_path / "run" / "accuracy")
    assert not held.complete

    other = [word.replace("cnn_16_i8", "cnn_8_i8") for word in words]
    refused = tinygauge(*other, "--resume")
    assert refused.returncode == 2
    assert "Resume with the model of before" in refused.stderr

    done = tinygauge(*words, "--resume")

    assert done.returncode == 0, done.stderr
    whole = load_run(tmp_path / "run" / "accuracy")
    assert whole.complete
    assert len(whole.inputs) == 60
    assert whole.inputs[: len(held.inputs)] == held.inputs


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        (["--model", "cnn_8_f32.tflite"], 2, "runs int8 and int16x8 models"),
        (["--model", "cnn_8_i8.tflite", "--cpu", "cortex-m3"], 2, "cortex-m33"),
        (["--model", "nothing.tflite"], 2, "nothing.tflite"),
        (["--benchmark", "kws"], 2, "tinygauge fetch mlperf-tiny"),
        ([], 2, "no model is named"),
        (["--model", "cnn_8_i8.tflite", "--mode", "accuracy"], 2, "--data"),
        (["--benchmark", "ad", "--model", "cnn_8_i8.tflite"], 2, "784 inputs and 10 outputs"),
    ],
)
def test_what_cannot_be_emulated_is_said(
    tinygauge: Run, models: Path, words: list[str], code: int, match: str
) -> None:
    """In one line, before anything is built."""
    named = [str(models / word) if word.startswith(("cnn", "nothing")) else word for word in words]
    done = tinygauge("bench", "emulate", *named)

    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert match in done.stderr


def test_missing_programs_are_named(tinygauge: Run, models: Path, tmp_path: Path) -> None:
    """The emulator, or all compilers: exit code 3 and what to install."""
    words = ("bench", "emulate", "--model", models / "cnn_4_i8.tflite", "--compiler", "gcc")
    nothing = tinygauge(*words, PATH=str(tmp_path))
    assert nothing.returncode == 3
    assert "qemu-system-arm: this program is not installed" in nothing.stderr

    qemu = shutil.which("qemu-system-arm")
    assert qemu is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "qemu-system-arm").symlink_to(qemu)
    no_compiler = tinygauge(*words, PATH=str(tmp_path / "bin"))
    assert no_compiler.returncode == 3
    assert "apt-get install gcc-arm-none-eabi" in no_compiler.stderr


def test_the_sources_of_a_firmware_are_written(tinygauge: Run, models: Path) -> None:
    """With the port that is named; an unknown one is answered with the known ones."""
    words = ("bench", "firmware", "--model", models / "cnn_4_i8.tflite")
    done = tinygauge(*words, "--with-port", "stm32", "--json")

    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert {"engine.c", "stm32.c", "tg_harness.c", "kernels.h"} <= set(found["files"])
    assert found["input_bytes"] == 784

    unknown = tinygauge(*words, "--with-port", "avr")
    assert unknown.returncode == 2
    assert "Known: ra6m4, stm32, host" in unknown.stderr


def test_random_inputs_reach_every_benchmark_s_model(mirror: Path) -> None:
    """Bytes of the size that the benchmark says, all values of the tensor among them."""
    from tests.golden.test_reference_engine import REFERENCES, TRAINED
    from tinygauge.bench.rules import BENCHMARKS
    from tinygauge.emulation.inputs import random_inputs
    from tinygauge.measurement import wire_inputs

    for benchmark in ("kws", "ic", "vww", "ad"):
        folder, name = REFERENCES[benchmark].split("/")
        model = graph.load(mirror / TRAINED.format(folder) / f"{name}.tflite")
        inputs = wire_inputs(random_inputs(model, benchmark))
        assert {len(each.content) for each in inputs} == {BENCHMARKS[benchmark].input_bytes}
        if benchmark != "ad":
            assert len(set(np.frombuffer(inputs[0].content, np.uint8))) > 200
