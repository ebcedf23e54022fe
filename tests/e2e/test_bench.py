"""`tinygauge bench` against a fake board behind a pseudo-terminal, through the real pyserial."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tinygauge
from tests.support.fake_board import Firmware, outputs_of

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

from tests.support.fake_pty_board import FakePtyBoard
from tests.support.rfc2217_server import Rfc2217Server
from tinygauge.bench.folder import load_run
from tinygauge.cli.main import main

PACKAGED = Path(tinygauge.__file__).parent / "data" / "fashion_mnist"


@pytest.fixture
def board() -> Iterator[FakePtyBoard]:
    """A fake board that needs 2 ms for an inference."""
    fake = FakePtyBoard(Firmware(inference_s=0.002))
    yield fake
    fake.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve inputs; the fake answers eleven of them right."""
    x = np.random.default_rng(5).integers(-128, 128, (12, 40)).astype(np.int8)
    y = np.array([int(np.argmax(outputs_of(row.tobytes()))) for row in x])
    y[7] = (y[7] + 1) % 12
    path = tmp_path / "inputs.npz"
    np.savez(path, x=x, y=y)
    return path


def test_accuracy_of_a_custom_model_is_measured_end_to_end(
    board: FakePtyBoard, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Own inputs of any size, through pyserial, to JSON that says measured."""
    words = ["--port", board.port, "--mode", "accuracy", "--data", str(data)]

    code = main(["bench", "run", *words, "--out", str(tmp_path / "run"), "--json"])

    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert document["correct"] == 11
    assert document["inputs_verified"] == 12
    assert document["metrics"]["accuracy"]["method"] == "measured"
    assert document["metrics"]["latency"]["missing"]


def test_performance_finds_its_iterations_and_says_which_rules_it_meets(
    board: FakePtyBoard, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A short window is measured but not passed off as one of the rules."""
    words = ["--port", board.port, "--mode", "performance", "--data", str(data)]
    words += ["--min-window", "0.2", "--windows", "3", "--out", str(tmp_path / "run")]

    code = main(["bench", "run", *words, "--strict", "--json"])

    document = json.loads(capsys.readouterr().out)
    assert code == 1
    assert document["metrics"]["latency"]["value"] == pytest.approx(0.002, rel=0.05)
    met = {rule["rule"]: rule["met"] for rule in document["run"]["rules"]}
    assert met["window-10s"] is False
    assert met["window-10-iterations"] is True
    assert met["five-windows"] is False
    assert all(window["elapsed_s"] >= 0.2 for window in document["run"]["windows"])


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # pyserial's own
def test_a_board_behind_a_terminal_server_is_measured(
    board: FakePtyBoard, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """rfc2217:// is one of the links that pyserial opens."""
    server = Rfc2217Server(board.port)
    words = ["--port", server.url, "--mode", "accuracy", "--data", str(data)]

    code = main(["bench", "run", *words, "--out", str(tmp_path / "run"), "--json"])

    server.close()
    said = capsys.readouterr()
    assert code == 0, said.err
    document = json.loads(said.out)
    assert document["correct"] == 11


def command(board_port: str | Path, data: Path, out: Path, *more: str) -> list[str]:
    """Return the words that measure accuracy, as a process of its own."""
    words = [sys.executable, "-m", "tinygauge", "bench", "run", "--port", str(board_port)]
    return [*words, "--mode", "accuracy", "--data", str(data), "--out", str(out), *more]


def wait_for_results(out: Path, count: int) -> None:
    """Wait until so many inputs' results are on disk; faults may stand between them."""
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s:
        with contextlib.suppress(OSError):
            if (out / "results.jsonl").read_bytes().count(b'{"result":"input"') >= count:
                return
        time.sleep(0.01)
    pytest.fail("no results came")


def answers(out: Path) -> list[tuple[float, ...]]:
    """Return what a run kept, in order."""
    return [item.outputs for item in load_run(out).inputs]


@pytest.fixture
def slow_board() -> Iterator[FakePtyBoard]:
    """A fake board that needs 150 ms for an inference, so that a run can be disturbed."""
    fake = FakePtyBoard(Firmware(inference_s=0.15))
    yield fake
    fake.close()


def test_ctrl_c_keeps_what_was_measured_and_the_run_goes_on(
    slow_board: FakePtyBoard, data: Path, tmp_path: Path
) -> None:
    """Exit code 130, the command to go on with, and nothing measured twice."""
    out = tmp_path / "run"
    process = subprocess.Popen(
        command(slow_board.port, data, out), stderr=subprocess.PIPE, text=True
    )
    wait_for_results(out, 3)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=30)

    assert process.returncode == 130
    assert f"kept, go on with: tinygauge bench run --resume {out}" in message
    kept = answers(out)
    assert 3 <= len(kept) < 12

    done = subprocess.run(
        [sys.executable, "-m", "tinygauge", "bench", "run", "--resume", str(out)],
        timeout=60,
        check=False,
    )

    assert done.returncode == 0
    assert answers(out)[: len(kept)] == kept
    assert len(answers(out)) == 12


def test_a_full_disk_ends_the_run_without_losing_a_result(
    slow_board: FakePtyBoard, data: Path, tmp_path: Path
) -> None:
    """The error names the file; once there is room the run goes on to the right end."""
    import resource

    out = tmp_path / "run"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    full = subprocess.run(
        command(slow_board.port, data, out),
        preexec_fn=limit, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert full.returncode == 3
    assert "can't write" in full.stderr
    assert "--resume" in full.stderr
    kept = answers(out)
    assert 0 < len(kept) < 12

    done = subprocess.run(
        [sys.executable, "-m", "tinygauge", "bench", "run", "--resume", str(out)],
        timeout=60,
        check=False,
    )

    assert done.returncode == 0
    assert answers(out)[: len(kept)] == kept
    x = np.load(data)["x"]
    assert answers(out) == [outputs_of(row.tobytes()) for row in x]


def test_a_cable_that_is_pulled_and_put_back_costs_no_result(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The port is opened anew and the inference repeated; the run says so."""
    port, out = tmp_path / "port", tmp_path / "run"
    first, second = FakePtyBoard(Firmware(inference_s=0.15)), FakePtyBoard()
    port.symlink_to(first.port)

    def pull() -> None:
        wait_for_results(out, 4)
        port.unlink()
        first.unplug()
        time.sleep(0.6)
        port.symlink_to(second.port)

    hand = threading.Thread(target=pull)
    hand.start()
    code = main(["bench", "run", *command(port, data, out)[5:], "--json"])
    hand.join()
    second.close()

    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert document["correct"] == 11
    assert "LinkClosedError" in {fault["kind"] for fault in document["run"]["faults"]}


def test_probe_names_board_rate_and_build(
    board: FakePtyBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the command to go on with."""
    code = main(["bench", "probe", "--port", board.port])

    text = capsys.readouterr().out
    assert code == 0
    assert "FAKE at 115200 baud, model kws01: a board built for performance and accuracy" in text
    assert f"tinygauge bench run --port {board.port} --baud 115200" in text


def test_replay_agrees_with_the_run_and_notices_a_changed_byte(
    board: FakePtyBoard, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and the difference, where results and transcript part."""
    out = tmp_path / "run"
    main(["bench", "run", *command(board.port, data, out)[5:]])
    assert main(["bench", "replay", str(out)]) == 0
    text = (out / "transcript.log").read_text()
    (out / "transcript.log").write_text(text.replace("m-results-[0.", "m-results-[1.", 1))
    plain = json.loads((out / "run.json").read_text())
    plain["complete"] = False  # else the digest is what differs
    (out / "run.json").write_text(json.dumps(plain))
    capsys.readouterr()

    assert main(["bench", "replay", str(out)]) == 1

    assert "DIFFERS: input 0: outputs is" in capsys.readouterr().out


def test_measured_numbers_take_the_place_of_predictions_with_both_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`evaluate --measured`: the decision is made with what the board did."""
    fake = FakePtyBoard(Firmware(inference_s=0.02, outputs=10, model="own"))
    model = str(PACKAGED / "models" / "cnn_8_i8.tflite")
    target = ["--board", "ek-ra6m4", "--engine", "tflm-cmsis-nn"]
    words = ["bench", "run", "--port", fake.port, "--model", model, *target]
    words += ["--mode", "performance"]  # without data: random inputs
    assert main([*words, "--min-window", "0.3", "--out", str(tmp_path / "run")]) == 0
    fake.close()
    capsys.readouterr()

    code = main(
        ["evaluate", model, *target, "--measured", str(tmp_path / "run"), "--require",
         "latency<=21ms", "--json"]
    )  # fmt: skip

    (candidate,) = json.loads(capsys.readouterr().out)["candidates"]
    assert code == 0
    assert candidate["latency"]["method"] == "measured"
    (deviation,) = candidate["deviations"]
    assert deviation["metric"] == "latency"
    assert deviation["predicted"]["method"] == "predicted"
    expected = deviation["predicted"]["value"] / deviation["measured"]["value"] - 1
    assert deviation["share"] == pytest.approx(expected)
    assert candidate["energy"]["source"].endswith("times measured latency")

    other = ["evaluate", model, "--board", "nucleo-l4r5zi", "--measured", str(tmp_path / "run")]
    assert main(other) == 2
    assert "which is none of the candidates" in capsys.readouterr().err


@pytest.mark.parametrize(
    "case",
    [
        (["run", "--port", "/nowhere", "--mode", "accuracy"], 3, "can't open it"),
        (["run", "--port", "socket://127.0.0.1:1", "--mode", "accuracy"], 3, "can't connect"),
        (["run", "--port", "x", "--mode", "energy"], 2, "energy needs an energy monitor"),
        (
            ["run", "--port", "x", "--mode", "energy", "--monitor", "file:a.csv"],
            2,
            "replay --trace",
        ),
        (["run", "--port", "x", "--mode", "accuracy", "--clock", "3V"], 2, "no value in Hz"),
        (["run", "--port", "x", "--mode", "accuracy", "--board", "ek-ra6m5"], 2, "Did you mean"),
    ],
)
def test_wrong_words_are_told_in_a_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: tuple[list[str], int, str]
) -> None:
    """With the exit code that says whose fault it is, and no run left behind."""
    words, code, message = case
    out = tmp_path / "run"

    assert main(["bench", *words, "--data", str(data), "--out", str(out)]) == code

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\xff\x00", b"00001.000 dut: m-ready\n"])
def test_what_is_no_log_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """With what would be one."""
    path = tmp_path / "log.txt"
    path.write_bytes(content)

    assert main(["bench", "replay", str(path)]) == 2

    assert "EnergyRunner" in capsys.readouterr().err
