"""Runs of the board bench as readings."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.tiny_models import build_cnn

from tinygauge import graph
from tinygauge.bench.folder import RunFolder
from tinygauge.bench.records import EnergyReading, FileRef, Mode, Run, WindowResult
from tinygauge.calibration.readings import Place, measurements
from tinygauge.calibration.runs import read_run
from tinygauge.errors import InputError

MODEL = build_cnn(side=16)
DIGEST = hashlib.sha256(MODEL).hexdigest()
RUN = Run(
    mode=Mode.PERFORMANCE,
    benchmark="custom",
    port="port",
    baud=115200,
    simulated=False,
    board="nucleo-l4r5zi",
    engine="tflm-cmsis-nn",
    clock_hz=80e6,
    model=FileRef("net.tflite", DIGEST),
)


def window(index: int, elapsed_s: float, energy_j: float | None = None) -> WindowResult:
    energy = None
    if energy_j is not None:
        energy = EnergyReading(
            energy_j=energy_j,
            above_idle_j=None,
            duration_s=elapsed_s,
            cut_by="marks",
            uncertainty_j=0.0,
            trace=FileRef("t", ""),
        )
    return WindowResult(
        index=index,
        input="x.bin",
        input_sha256="",
        iterations=100,
        warmups=10,
        start_us=0,
        end_us=None,
        elapsed_s=elapsed_s,
        host_s=elapsed_s,
        outputs=(),
        verified=True,
        energy=energy,
    )


def keep(path: Path, run: Run, *windows: WindowResult, model: bool = True) -> Path:
    folder = RunFolder.create(path / "run", run)
    for each in windows:
        folder.keep(each)
    folder.close()
    if model:
        (path / "run" / "net.tflite").write_bytes(MODEL)
    return path / "run"


def test_windows_become_latencies_and_energies(tmp_path: Path) -> None:
    """Per inference; their median counts, with what the run says of board, engine and clock."""
    folder = keep(tmp_path, RUN, window(0, 2.0, 0.5), window(1, 2.2), window(2, 2.1, 0.6))

    reading = read_run(folder, Place(clock="1MHz"))
    (found,) = measurements([reading])

    assert reading.latencies_s == pytest.approx((0.02, 0.022, 0.021))
    assert reading.energies_j == pytest.approx((0.005, 0.006))
    assert found.latency.value == pytest.approx(0.021)
    assert (found.target.board, found.target.clock_hz) == ("nucleo-l4r5zi", 80e6)
    assert found.model.sha256 == DIGEST


def test_the_model_is_found_by_its_digest(tmp_path: Path) -> None:
    """Given by the user, whatever it is called; another file of the same name is not taken."""
    folder = keep(tmp_path, RUN, window(0, 2.0), model=False)
    model = graph.parse(MODEL, name="renamed")

    assert read_run(folder, Place(), [model]).model is model
    (folder / "net.tflite").write_bytes(build_cnn(side=8))
    with pytest.raises(InputError, match=r"net\.tflite .* is not at hand\. Name the file: --model"):
        read_run(folder, Place())


def test_a_run_that_says_nothing_of_its_model_takes_the_only_one_given(tmp_path: Path) -> None:
    """Board and engine come from the options where the run has none."""
    folder = keep(tmp_path, replace(RUN, model=None, board="", engine=""), window(0, 2.0))
    model = graph.parse(MODEL, name="net")

    found = read_run(folder, Place(board="ek-ra6m4", engine="tflm-ref"), [model])

    assert (found.model, found.board.name, found.engine.name) == (model, "ek-ra6m4", "tflm-ref")
    with pytest.raises(InputError, match="does not say which model ran"):
        read_run(folder, Place(board="ek-ra6m4", engine="tflm-ref"))
    with pytest.raises(InputError, match="no board is named"):
        read_run(folder, Place(), [model])


def test_what_timed_no_board_is_refused(tmp_path: Path) -> None:
    """An emulator's run, an accuracy run, a folder that is no run."""
    emulated = keep(tmp_path / "a", replace(RUN, simulated=True), window(0, 2.0))
    empty = keep(tmp_path / "b", replace(RUN, mode=Mode.ACCURACY))

    with pytest.raises(InputError, match="those of an emulator"):
        read_run(emulated, Place())
    with pytest.raises(InputError, match="mode accuracy without a timed window"):
        read_run(empty, Place())
    with pytest.raises(InputError, match="can't read it"):
        read_run(tmp_path, Place())
