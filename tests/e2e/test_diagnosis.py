"""`numerics` and `diff` through the command: what a user reads, also of mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.e2e.conftest import PACKAGED, Run
from tests.support.emulation import require_tools
from tests.support.faulty_micro import write_faulty_micro
from tests.support.tiny_models import ModelBuilder
from tinygauge import accuracy, graph


def _stored(model: Path, data: Path, count: int, runner: str) -> npt.NDArray[np.generic]:
    """What a runtime gives for the first inputs."""
    loaded = graph.load(model)
    inputs = accuracy.fit(loaded, accuracy.load_dataset(data))[0:count]
    return accuracy.run_model(loaded.content, inputs, accuracy.RUNNERS[runner])


@pytest.fixture
def log(tmp_path: Path, models: Path, small_data: Path) -> Path:
    """What a board that rounds once would print for the first inputs, in stored values."""
    path = tmp_path / "log.txt"
    stored = _stored(models / "resnet_8_i8.tflite", small_data, 80, "litert-xnnpack")
    np.savetxt(path, stored, fmt="%d", delimiter=",")
    return path


def test_a_board_is_told_by_its_outputs(
    tinygauge: Run, models: Path, small_data: Path, log: Path
) -> None:
    """The profile, the entry for the engine's file, and where the board parts from TFLM."""
    model = models / "resnet_8_i8.tflite"
    told = tinygauge("numerics", "--log", log, "--model", model, "--data", small_data)
    assert told.returncode == 0, told.stderr
    assert "The board follows 'one-rounding': all 10 outputs equal on 80 of 80" in told.stdout
    assert "The log answers 80 of the 200 inputs." in told.stdout
    assert '[numerics]\nprofile = "one-rounding"\nevidence = "log.txt (SHA-256 ' in told.stdout
    words = ("diff", model, "--data", small_data, "--inputs", "20", "--against", "device")
    where = tinygauge(*words, "--log", log)
    assert where.returncode == 1, where.stderr
    assert "stands in for the board: it gives its outputs on 80 of 80 inputs" in where.stdout
    assert "First difference: op " in where.stdout
    assert "CONV_2D: rounding by one step." in where.stdout
    same = tinygauge(*words, "--log", log, "--engine", "x-cube-ai")
    assert same.returncode == 0
    assert "No output differs on any of 80 inputs." in same.stdout


def test_the_exact_evaluator_differs_nowhere_from_the_interpreter(
    tinygauge: Run, models: Path, small_data: Path
) -> None:
    """Op by op, on a model of five kinds of op."""
    done = tinygauge(
        "diff", models / "cnn_8_i8.tflite", "--data", small_data, "--against", "tflite-micro"
    )
    assert done.returncode == 0, done.stdout
    assert "No output differs on any of 200 inputs." in done.stdout


@pytest.mark.skipif(
    accuracy.RUNNERS["tflite-micro"].version is None, reason="tflite-micro is not installed"
)
def test_a_fault_that_the_cross_check_meets_is_still_located(
    tinygauge: Run, models: Path, small_data: Path, log: Path, tmp_path: Path
) -> None:
    """An interpreter that is wrong by a bit ends `evaluate`, not what looks for the bit."""
    model = models / "resnet_8_i8.tflite"
    last = graph.load(model).main.ops[-1]
    assert last.kind == "SOFTMAX"
    write_faulty_micro(tmp_path / "faulty")
    wrong = {"PYTHONPATH": str(tmp_path / "faulty")}
    words = ("--data", small_data, "--board", "ek-ra6m4", "--engine", "tflm-ref", "--no-cache")
    stopped = tinygauge("evaluate", model, *words, **wrong)
    assert "inputs compared, first on input" in stopped.stdout + stopped.stderr
    found = tinygauge(
        "diff", model, "--data", small_data, "--against", "tflite-micro", "--json", **wrong
    )
    assert found.returncode == 1, found.stderr
    document = json.loads(found.stdout)
    assert document["first"] == {"op": last.index, "cause": "rounding by one step"}
    assert document["effect"]["inputs_differing"] == 200
    told = tinygauge("numerics", "--log", log, "--model", model, "--data", small_data, **wrong)
    assert told.returncode == 0, told.stderr
    assert "The board follows 'one-rounding'" in told.stdout


def test_the_op_that_adds_most_noise_is_named(
    tinygauge: Run, models: Path, small_data: Path
) -> None:
    """With the float model as the second; nothing is lost here beyond chance."""
    pair = (models / "cnn_4_i8.tflite", models / "cnn_4_f32.tflite")
    done = tinygauge("diff", *pair, "--data", small_data, "--inputs", "60")
    assert done.returncode == 0, done.stderr
    assert "adds most noise: " in done.stdout
    assert "dB signal to noise." in done.stdout
    assert "No op alone loses answers beyond chance on these inputs." in done.stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "give either a second model, in float, or --against"),
        (("--against", "device"), "--against device and --log go together"),
        (("--against", "litert", "--log", "x"), "--against device and --log go together"),
        (("--against", "device", "--log", "x"), "x: can't read the file"),
        (("--against", "litert", "--engine", "ekkono"), "its rounding is not known"),
    ],
)
def test_mistakes_are_told_in_a_line(
    tinygauge: Run, models: Path, small_data: Path, words: tuple[str, ...], problem: str
) -> None:
    """What is missing, or does not go together."""
    done = tinygauge("diff", models / "cnn_4_i8.tflite", "--data", small_data, *words)
    assert done.returncode == 2
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_transcript_of_the_bench_is_a_log(tinygauge: Run, models: Path, small_data: Path) -> None:
    """What `bench` kept of an emulated board: it prints each answer twice, and counts it once."""
    require_tools()
    words = ("--model", models / "mlp_8_i8.tflite", "--data", small_data)
    run = ("bench", "emulate", *words, "--mode", "accuracy", "--limit", "30", "--out", "run")
    assert tinygauge(*run).returncode == 0
    kept = ("--log", "run/accuracy/transcript.log")

    told = tinygauge("numerics", *kept, *words, "--json")
    where = tinygauge("diff", *words[1:], "--against", "device", *kept)

    document = json.loads(told.stdout)
    equal = {each["profile"]: (each["equal"], each["n"]) for each in document["profiles"]}
    assert (document["answers"], document["inputs"]) == (30, 200)
    assert equal["two-rounding"] == (30, 30)
    assert (where.returncode, where.stderr) == (0, "")
    assert "No output differs on any of 30 inputs." in where.stdout


def test_images_of_one_name_are_told_apart_by_their_folders(
    tinygauge: Run, models: Path, tmp_path: Path
) -> None:
    """As far as the log holds the path; where it does not, nothing is guessed."""
    with np.load(PACKAGED / "test_2000.npz") as arrays:
        pixels = arrays["x"][:20].reshape(2, 10, 28, 28)
    for place in range(20):
        file = tmp_path / f"img/{place // 10}/{place % 10:03}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[place // 10, place % 10]).save(file)
    model = models / "resnet_8_i8.tflite"
    stored = _stored(model, tmp_path / "img", 20, "litert-xnnpack")
    lines = [
        f'bload dut "C:\\img\\{place // 10}\\{place % 10:03}.png"\n'
        f"m-results-[{','.join(str(value) for value in stored[place])}]\n"
        for place in np.random.default_rng(1).permutation(20).tolist()
    ]
    whole, names = tmp_path / "whole.txt", tmp_path / "names.txt"
    whole.write_text("".join(lines))
    names.write_text("".join(lines).replace("C:\\img\\0\\", "").replace("C:\\img\\1\\", ""))
    words = ("--model", model, "--data", tmp_path / "img")

    told = tinygauge("numerics", "--log", whole, *words, "--json")
    guessed = tinygauge("numerics", "--log", names, *words)

    best = json.loads(told.stdout)["profiles"][0]
    assert (best["profile"], best["equal"], best["n"]) == ("one-rounding", 20, 20)
    assert guessed.returncode == 2
    assert ".png' may be '0/0" in guessed.stderr


def test_a_log_that_powershell_wrote_is_read(
    tinygauge: Run, models: Path, small_data: Path, log: Path
) -> None:
    """Its ``>`` writes UTF-16 with a byte order mark."""
    log.write_text(log.read_text(), encoding="utf-16", newline="\r\n")
    words = ("--model", models / "resnet_8_i8.tflite", "--data", small_data)

    told = tinygauge("numerics", "--log", log, *words)

    assert told.returncode == 0, told.stderr
    assert "The board follows 'one-rounding': all 10 outputs equal on 80 of 80" in told.stdout


def test_a_model_with_integer_weights_alone_has_no_profile(
    tinygauge: Run, small_data: Path, log: Path, tmp_path: Path
) -> None:
    """Float activations with int8 weights, as dynamic-range quantisation leaves them."""
    builder = ModelBuilder()
    x, y = builder.tensor((1, 784), "float32"), builder.tensor((1, 10), "float32")
    weights = builder.tensor((10, 784), "int8", data=np.ones((10, 784)), scale=0.1)
    builder.op("FULLY_CONNECTED", [x, weights, -1], [y])
    model = tmp_path / "hybrid.tflite"
    model.write_bytes(builder.build([x], [y]))

    told = tinygauge("numerics", "--log", log, "--model", model, "--data", small_data)
    where = tinygauge("diff", model, "--data", small_data, "--against", "device", "--log", log)

    for done in (told, where):
        assert done.returncode == 2
        assert "it computes in floating point, with weights stored as integers" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_data_need_no_classes_to_compare_outputs(
    tinygauge: Run, models: Path, small_data: Path, log: Path, tmp_path: Path
) -> None:
    """What is right is said to be unknown; `evaluate`, which scores, refuses them."""
    with np.load(small_data) as arrays:
        np.savez(tmp_path / "x.npz", **{name: arrays[name] for name in arrays if name != "y"})
    model, data = models / "resnet_8_i8.tflite", ("--data", tmp_path / "x.npz")

    told = tinygauge("numerics", "--log", log, "--model", model, *data)
    where = tinygauge("diff", model, *data, "--against", "litert-xnnpack", "--inputs", "20")
    pair = (models / "cnn_4_i8.tflite", models / "cnn_4_f32.tflite")
    noise = tinygauge("diff", *pair, *data, "--inputs", "20")
    scored = tinygauge("evaluate", model, *data, "--board", "ek-ra6m4")

    assert told.returncode == 0, told.stderr
    assert "How many answers are right is not known: x holds no classes." in told.stdout
    assert where.returncode == 1, where.stderr
    assert "The accuracy is not known: x holds no classes." in where.stdout
    assert noise.returncode == 0, noise.stderr
    assert "The answers lost are not known: x holds no classes." in noise.stdout
    assert scored.returncode == 2
    assert "there is no array 'y' in it" in scored.stderr
