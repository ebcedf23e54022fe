"""From a board to a submission: the real runner on a fake board in virtual time, in all modes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.fake_board import FakeBoard, Firmware, outputs_of
from tests.support.fake_link import FakeLink, VirtualClock
from tests.support.submission_runs import SYSTEM
from tinygauge.bench.records import Mode, Run
from tinygauge.bench.trace import Accuracy, Instrument, PowerTrace
from tinygauge.measurement import Request, measure
from tinygauge.quantity import Quantity
from tinygauge.submission import build_submission, check_submission, read_submission
from tinygauge.submission.rounds import RunnerKind

INFERENCE_S = 0.05
BUSY_W, IDLE_W = 0.033, 0.003


class VirtualMonitor:
    """Sees a board draw 33 mW between its marks and 3 mW else, in the board's virtual time."""

    name, supply_v = "virtual meter", 3.0

    def __init__(self, board: FakeBoard, clock: VirtualClock) -> None:
        self._board, self._clock = board, clock
        self._began_s, self._seen = 0.0, 0

    def start(self) -> None:
        """Begin a trace."""
        self._began_s, self._seen = self._clock.now_s(), len(self._board.marks_s)

    def stop(self) -> PowerTrace:
        """Return what was drawn since."""
        marks = np.array(self._board.marks_s[self._seen :]) - self._began_s
        t_s = np.arange(round((self._clock.now_s() - self._began_s) * 1000)) / 1000
        busy = np.zeros(len(t_s), dtype=np.bool_)
        for start_s, end_s in zip(marks[::2], marks[1::2], strict=True):
            busy |= (t_s >= start_s) & (t_s < end_s)
        meter = Instrument("virtual meter", Accuracy(0.01, 0.0, "made up"))
        power_w = np.where(busy, BUSY_W, IDLE_W)
        return PowerTrace.uniform("virtual", meter, 1000.0, power_w).with_marks(marks)

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[Mode, Run]:
    """Measure keyword spotting in all modes: 1,000 inputs, 92.3 % answered right."""
    folder = tmp_path_factory.mktemp("runs")
    x = np.random.default_rng(7).integers(-128, 128, (1000, 490)).astype(np.int8)
    y = np.array([int(np.argmax(outputs_of(row.tobytes()))) for row in x])
    y[:77] = (y[:77] + 1) % 12
    np.savez(folder / "kws.npz", x=x, y=y)
    found = {}
    for mode in Mode:
        clock = VirtualClock()
        board = FakeBoard(Firmware(inference_s=INFERENCE_S, energy=mode is Mode.ENERGY))
        request = Request(
            port="fake",
            benchmark="kws",
            mode=mode,
            data=folder / "kws.npz",
            out=folder / mode.value,
            supply_v=3.0,
        )
        monitor = VirtualMonitor(board, clock) if mode is Mode.ENERGY else None
        link = FakeLink(board, clock)
        found[mode] = measure(request, opener=lambda *_, to=link: to, clock=clock, monitor=monitor)
    return found


@pytest.mark.parametrize(("kind", "round_name"), [("mlc", "v1.3"), ("eembc", "v1.2")])
def test_runs_become_a_submission_that_passes_and_says_what_was_measured(
    runs: dict[Mode, Run], tmp_path: Path, kind: str, round_name: str
) -> None:
    """The board's own time per inference, energy and right answers come out at the other end."""
    system = tmp_path / "system.toml"
    for name in ("code", "documents"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "checklist.txt").write_text("one\n")
    system.write_text(SYSTEM)
    tree = tmp_path / "tree"

    built = build_submission(
        [run.folder for run in runs.values()],
        system,
        tree,
        round_name=round_name,
        runner=RunnerKind(kind),
    )

    assert built.notes == ()
    assert check_submission(tree, round_name).failures == ()
    (result,) = read_submission(tree).results
    assert result.throughput.value == pytest.approx(1 / INFERENCE_S, rel=1e-3)
    assert isinstance(result.energy, Quantity)
    assert result.energy.value == pytest.approx(BUSY_W * INFERENCE_S, rel=1e-3)
    assert isinstance(result.accuracy, Quantity)
    assert result.accuracy.value == pytest.approx(0.923, abs=5e-4)
    energy = tree / "closed/example/results/board_one/kws/energy"
    trace = "trace1-energy.bin" if kind == "eembc" else "results.json"
    assert (energy / trace).stat().st_size > 100_000
