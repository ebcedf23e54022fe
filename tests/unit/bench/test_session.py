"""A run on a board: results, energy, rules, resuming, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.fake_board import FakeBoard, FakeInterfaceBoard, Firmware, outputs_of
from tests.support.fake_link import FakeLink, VirtualClock
from tests.support.fake_monitor import BUSY_W, IDLE_W, FakeMonitor

from tinygauge.accuracy import Dataset, Task
from tinygauge.accuracy.datasets import Windows
from tinygauge.bench.folder import load_run
from tinygauge.bench.plan import Verify
from tinygauge.bench.recorded_energy import with_recorded_energy
from tinygauge.bench.records import Mode, Run
from tinygauge.bench.replay import replay_folder
from tinygauge.errors import (
    ConfigError,
    DialectError,
    LinkTimeoutError,
    MonitorOverloadError,
    RunFormatError,
    SamplesLostError,
    TraceFormatError,
)
from tinygauge.measurement import Request, energy_of, latency_of, measure, score_of
from tinygauge.quantity import Basis, Method, Missing
from tinygauge.records import Energy, Latency, Score
from tinygauge.report.bench_report import run_lines

X = np.random.default_rng(2).integers(-128, 128, (6, 49, 10, 1)).astype(np.int8)
DATA = Dataset(
    name="six",
    path="",
    sha256="1" * 64,
    x=X,
    y=np.array([int(np.argmax(outputs_of(row.tobytes()))) for row in X]),
)


class Desk:
    """A fake board, its link and its clock."""

    def __init__(self, kind: type[FakeBoard] = FakeBoard, **firmware: Any) -> None:
        self.clock = VirtualClock()
        self.board = kind(Firmware(**firmware))
        self.link = FakeLink(self.board, self.clock)

    def measure(self, out: Path, mode: Mode = Mode.ACCURACY, **options: Any) -> Run:
        """Measure as the command line does."""
        monitor = options.pop("monitor", None)
        request: dict[str, Any] = {
            "port": "fake", "benchmark": "kws", "mode": mode, "data": DATA, "out": out,
        }  # fmt: skip
        return measure(
            Request(**request | options),
            opener=lambda *_: self.link,
            clock=self.clock,
            monitor=monitor,
        )


def test_accuracy_is_that_of_what_the_board_answered(tmp_path: Path) -> None:
    """All inputs in their order, each read back, scored with an interval and evidence."""
    run = Desk().measure(tmp_path / "run")

    score = score_of(run)
    assert isinstance(score, Score)
    assert (score.correct, score.n) == (6, 6)
    assert score.value.method is Method.MEASURED
    assert {evidence.kind for evidence in score.value.provenance.evidence} >= {"transcript"}
    assert all(item.verified for item in run.inputs)
    assert {rule.rule: rule.met for rule in run.rules}["full-set"] is False


def test_a_window_takes_ten_seconds_by_a_count_found_in_a_trial(tmp_path: Path) -> None:
    """The rules of the benchmark are met without the user's doing."""
    run = Desk(inference_s=0.0123).measure(tmp_path / "run", Mode.PERFORMANCE)

    latency = latency_of(run)
    assert isinstance(latency, Latency)
    assert latency.per_inference.value == pytest.approx(0.0123, rel=0.001)
    assert latency.per_inference.interval.basis is Basis.REPEATS
    assert latency.per_inference.interval.level == pytest.approx(0.9375)
    assert all(10 <= window.elapsed_s < 11.5 for window in run.windows)
    assert all(rule.met is not False for rule in run.rules)


@pytest.mark.parametrize(("wired", "cut_by"), [(True, "marks"), (False, "edges")])
def test_energy_is_cut_by_the_pin_or_by_the_step_in_power(
    tmp_path: Path, wired: bool, cut_by: str
) -> None:
    """The same energy either way, above-idle apart; the rule on timestamps knows the difference."""
    desk = Desk(energy=True)
    monitor = FakeMonitor(desk.board, desk.clock, wired=wired)

    run = desk.measure(tmp_path / "run", Mode.ENERGY, monitor=monitor)

    energy = energy_of(run)
    assert isinstance(energy, Energy)
    assert energy.per_inference.value == pytest.approx(0.05 * BUSY_W, rel=0.005)
    assert energy.power.value == pytest.approx(BUSY_W, rel=0.005)
    for window in run.windows:
        assert window.start_us is None
        assert window.energy is not None
        assert window.energy.cut_by == cut_by
        assert window.energy.above_idle_j is not None
        above_w = window.energy.above_idle_j / window.energy.duration_s
        assert above_w == pytest.approx(BUSY_W - IDLE_W, rel=0.005)
        assert (tmp_path / "run" / window.energy.trace.name).is_file()
    assert run.supply_v == 3.0
    assert {rule.rule: rule.met for rule in run.rules}["energy-timestamps"] is wired
    assert replay_folder(tmp_path / "run").differences == ()


def test_commands_go_through_the_interface_board(tmp_path: Path) -> None:
    """As the benchmark wires energy: what the interface board says itself is not the board's."""
    desk = Desk(FakeInterfaceBoard, energy=True)
    monitor = FakeMonitor(desk.board, desk.clock)

    run = desk.measure(tmp_path / "run", Mode.ENERGY, monitor=monitor, passed_on=True)

    assert run.firmware_model == "kws01"
    assert [window.outputs for window in run.windows] == [
        outputs_of(row.tobytes()) for row in X[:5]
    ]
    assert run.faults == ()
    assert replay_folder(tmp_path / "run").differences == ()


def test_a_trace_recorded_beside_the_run_gives_its_energy(tmp_path: Path) -> None:
    """By the marks of the pin; a trace of other windows is refused."""
    desk = Desk(inference_s=0.02)
    monitor = FakeMonitor(desk.board, desk.clock)
    monitor.start()
    desk.board.marks_s.append(desk.clock.now_s() + 0.5)  # the `timestamp` command's
    run = desk.measure(tmp_path / "run", Mode.PERFORMANCE, iterations=500, warmups=1)
    desk.clock.sleep(1)
    for start_s, end_s in desk.board.busy_s[1::2]:
        desk.board.marks_s += [start_s, end_s]
    trace = monitor.stop()

    energy = energy_of(with_recorded_energy(run, trace))

    assert isinstance(energy, Energy)
    assert energy.per_inference.value == pytest.approx(0.02 * BUSY_W, rel=0.001)
    shifted = trace.with_marks(trace.marks_s[:-1] + np.arange(10) * 0.5)
    with pytest.raises(TraceFormatError, match="Give the trace of this run"):
        with_recorded_energy(run, shifted)
    with pytest.raises(TraceFormatError, match="expected 5 windows"):
        with_recorded_energy(run, trace.with_marks(trace.marks_s[:4]))


def test_a_window_with_a_hole_or_overload_is_measured_again(tmp_path: Path) -> None:
    """Dropped samples are a fault like any other; the energy is never that of a holed window."""
    desk = Desk(energy=True)
    monitor = FakeMonitor(desk.board, desk.clock, losing=2, overloaded=1)

    run = desk.measure(tmp_path / "run", Mode.ENERGY, monitor=monitor)

    assert [fault.kind for fault in run.faults] == [
        "SamplesLostError", "SamplesLostError", "MonitorOverloadError",
    ]  # fmt: skip
    assert all(window.energy is not None for window in run.windows)


@pytest.mark.parametrize(
    ("trouble", "error"),
    [({"losing": 99}, SamplesLostError), ({"overloaded": 99}, MonitorOverloadError)],
)
def test_a_monitor_that_never_works_ends_the_run_with_its_reason(
    tmp_path: Path, trouble: dict[str, Any], error: type[Exception]
) -> None:
    """After some tries, and with the run unfinished."""
    desk = Desk(energy=True)
    monitor = FakeMonitor(desk.board, desk.clock, **trouble)

    with pytest.raises(error):
        desk.measure(tmp_path / "run", Mode.ENERGY, monitor=monitor)

    assert not load_run(tmp_path / "run").complete


def test_recordings_are_scored_by_the_mean_over_their_windows(tmp_path: Path) -> None:
    """Anomaly detection slides over each file; a file counts once."""
    width, hop, length = 640, 128, 640 + 3 * 128
    x = np.random.default_rng(4).normal(size=4 * length).astype(np.float32)
    starts = np.concatenate([np.arange(4) * hop + file * length for file in range(4)])
    data = Dataset(
        name="recordings",
        path="",
        sha256="2" * 64,
        x=x,
        y=np.array([0, 1, 0, 1]),
        task=Task.ANOMALY,
        windows=Windows(width=width, starts=starts, recording=np.repeat(np.arange(4), 4)),
    )

    run = Desk(outputs=1, model="ad01").measure(tmp_path / "run", benchmark="ad", data=data)

    score = score_of(run)
    assert isinstance(score, Score)
    assert (score.metric, score.n, len(run.inputs)) == ("auc", 4, 16)
    means = [np.mean([run.inputs[4 * file + k].outputs[0] for k in range(4)]) for file in range(4)]
    wins = sum(means[bad] > means[good] for bad in (1, 3) for good in (0, 2))
    assert score.value.value == pytest.approx(wins / 4)
    assert {rule.rule: rule.met for rule in run.rules}["sliding-windows"] is False


def test_the_streaming_wake_word_is_inferred_but_not_streamed(tmp_path: Path) -> None:
    """Its windows can be timed; the rule says what is lacking, also for the model's other name."""
    x = np.zeros((5, 1200), np.int8) + np.arange(5, dtype=np.int8)[:, None]
    data = Dataset(name="sww", path="", sha256="4" * 64, x=x, y=np.zeros(5, np.int64))

    run = Desk(model="strww01").measure(
        tmp_path / "run", Mode.PERFORMANCE, benchmark="sww", data=data
    )

    met = {rule.rule: rule.met for rule in run.rules}
    assert met["streamed"] is False
    assert met["firmware-model"] is True
    assert met["five-inputs"] is True


def test_an_emulators_times_are_not_called_measured(tmp_path: Path) -> None:
    """They are simulated, and the run breaks the rule that asks for a board."""
    run = Desk(clock_ratio=3.0).measure(tmp_path / "run", Mode.PERFORMANCE, simulated=True)

    latency = latency_of(run)
    assert isinstance(latency, Latency)
    assert latency.per_inference.method is Method.SIMULATED
    assert {rule.rule: rule.met for rule in run.rules}["real-board"] is False


def test_a_board_whose_clock_runs_wrong_is_believed_when_it_does_so_again(tmp_path: Path) -> None:
    """But only then: one odd reading is taken for a damaged line."""
    run = Desk(clock_ratio=1.1).measure(tmp_path / "run", Mode.PERFORMANCE)

    assert all(
        window.elapsed_s == pytest.approx(window.host_s * 1.1, 1e-3) for window in run.windows
    )
    assert [fault.kind for fault in run.faults] == ["DialectError"]


def test_a_board_that_takes_nothing_while_it_answers_is_no_fault(tmp_path: Path) -> None:
    """Commands then wait for the answer to the one before; that the first load failed is normal."""
    run = Desk(has_buffer=False).measure(tmp_path / "run")

    assert [item.outputs for item in run.inputs] == [outputs_of(row.tobytes()) for row in X]
    assert run.faults == ()


class FlippingLink(FakeLink):
    """Changes a digit of some inputs on their way: nothing but reading back can tell."""

    def __init__(self, board: FakeBoard, clock: VirtualClock, loads: set[int]) -> None:
        super().__init__(board, clock)
        self._loads, self._seen = loads, 0

    def write(self, data: bytes) -> None:
        """Send, damaged or not."""
        if data.startswith(b"db load"):
            self._seen += 1
            if self._seen in self._loads:
                head, _, rest = data.partition(b"%db ")
                other = b"0" if rest[:1] != b"0" else b"1"
                data = head + b"%db " + other + rest[1:]
        super().write(data)


def test_inputs_that_were_not_read_back_are_measured_again_once_one_is_damaged(
    tmp_path: Path,
) -> None:
    """The 9th goes unseen at first; when the 17th shows that digits change, it is not believed."""
    x = np.random.default_rng(3).integers(-128, 128, (20, 49, 10, 1)).astype(np.int8)
    data = Dataset(name="twenty", path="", sha256="3" * 64, x=x, y=np.zeros(20, np.int64))
    desk = Desk()
    desk.link = FlippingLink(desk.board, desk.clock, {9, 17})

    run = desk.measure(tmp_path / "run", data=data, verify=Verify.SAMPLED)

    assert [item.outputs for item in run.inputs] == [outputs_of(row.tobytes()) for row in x]
    assert all(item.verified for item in run.inputs)
    assert replay_folder(tmp_path / "run").differences == ()


def test_names_in_any_script_are_those_of_the_data_when_a_run_is_replayed(tmp_path: Path) -> None:
    """A transcript is ASCII: what it escapes of a name is taken back."""
    data = replace(DATA, name="größer 語 🎤")

    run = Desk().measure(tmp_path / "run", data=data)

    assert all("größer 語 🎤" in item.input for item in run.inputs)
    assert replay_folder(tmp_path / "run").differences == ()


def test_firmware_without_the_results_command_is_measured_all_the_same(tmp_path: Path) -> None:
    """Its outputs are read once."""
    run = Desk(has_results=False).measure(tmp_path / "run")

    assert [item.outputs for item in run.inputs] == [outputs_of(row.tobytes()) for row in X]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"benchmark": "ic"}, "its inputs have 490 bytes, the benchmark's 3,072"),
        ({"mode": Mode.ENERGY}, "energy needs an energy monitor"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    """Before anything is written."""
    with pytest.raises((ConfigError, Exception), match=problem):
        Desk().measure(tmp_path / "run", **options)

    assert not (tmp_path / "run").exists()


def test_firmware_for_another_benchmark_is_refused(tmp_path: Path) -> None:
    """It would infer rubbish."""
    with pytest.raises(DialectError, match=r"its firmware is built for ic \(ic01\), not kws"):
        Desk(model="ic01").measure(tmp_path / "run")


def test_a_silent_port_is_told_apart_from_a_damaged_answer(tmp_path: Path) -> None:
    """What came, how long was waited, and what to try."""
    desk = Desk()
    desk.board.dead_until_s = float("inf")

    with pytest.raises(LinkTimeoutError, match=r"0 bytes received.*bench probe"):
        desk.measure(tmp_path / "run")

    desk.board.dead_until_s = 0.0
    assert desk.measure(tmp_path / "run").complete  # a run without a result is begun anew


def _interrupted(folder: Path) -> Desk:
    """Return a desk at which an accuracy run into a folder was stopped after four inputs."""

    def stop(_: str, done: int, __: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    desk = Desk()
    request = Request(port="fake", benchmark="kws", mode=Mode.ACCURACY, data=DATA, out=folder)
    with pytest.raises(KeyboardInterrupt):
        measure(request, opener=lambda *_: desk.link, clock=desk.clock, progress=stop)
    return desk


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Ctrl-C keeps what was measured; nothing of it is measured again."""
    desk = _interrupted(tmp_path / "r")
    kept = load_run(tmp_path / "r")
    assert (len(kept.inputs), kept.complete) == (4, False)
    with pytest.raises(ConfigError, match="there is something here already"):
        desk.measure(tmp_path / "r")

    run = desk.measure(tmp_path / "r", resume=True)

    assert run.complete
    assert run.inputs[:4] == kept.inputs
    assert len(run.inputs) == 6
    assert replay_folder(tmp_path / "r").differences == ()
    assert desk.measure(tmp_path / "r", resume=True) == load_run(tmp_path / "r")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"benchmark": "custom"}, "begun with benchmark 'kws'"),
        ({"mode": Mode.PERFORMANCE}, "begun with mode 'accuracy'"),
        ({"limit": 2}, "input 3 is another one"),
        ({"data": Dataset(name="x", path="", sha256="", x=X[::-1], y=DATA.y)}, "another one"),
    ],
)
def test_a_run_is_not_resumed_with_other_inputs_or_options(
    tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    """Two halves of different runs would make no whole."""
    desk = _interrupted(tmp_path / "r")

    with pytest.raises(ConfigError, match=problem):
        desk.measure(tmp_path / "r", resume=True, **options)


def test_a_torn_line_is_no_result(tmp_path: Path) -> None:
    """What a crash or a full disk left half written is measured again."""
    desk = _interrupted(tmp_path / "r")
    results = tmp_path / "r" / "results.jsonl"
    results.write_bytes(results.read_bytes()[:-20])
    assert len(load_run(tmp_path / "r").inputs) == 3

    run = desk.measure(tmp_path / "r", resume=True)

    assert [item.outputs for item in run.inputs] == [outputs_of(row.tobytes()) for row in X]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (rb'"index":0', b'"index":-1'),
        (rb'"true_class":\d+', b'"true_class":99999'),
        (rb'"outputs":\[[^]]*\]', b'"outputs":[]'),
        (rb'"recording":\d+', b'"recording":"a"'),
        (rb'"result":"input"', b'"result":"output"'),
    ],
)
def test_an_impossible_result_is_refused(tmp_path: Path, before: bytes, after: bytes) -> None:
    """Naming the line; what reads a run can trust it."""
    Desk().measure(tmp_path / "run")
    results = tmp_path / "run" / "results.jsonl"
    results.write_bytes(re.sub(before, after, results.read_bytes()))

    with pytest.raises(RunFormatError, match=r"results\.jsonl, line 1"):
        load_run(tmp_path / "run")


def test_a_clock_that_stands_still_gives_no_latency(tmp_path: Path) -> None:
    """It is missing, with what to do; never 0, and no crash."""
    run = Desk(clock_ratio=0.0).measure(
        tmp_path / "run", Mode.PERFORMANCE, iterations=1, warmups=0, simulated=True
    )

    assert isinstance(latency_of(run), Missing)
    assert any("took no time" in line for line in run_lines(run))


def test_a_changed_file_of_a_finished_run_is_seen(tmp_path: Path) -> None:
    """By its digest; a run is evidence."""
    Desk().measure(tmp_path / "run")
    results = tmp_path / "run" / "results.jsonl"
    results.write_bytes(results.read_bytes().replace(b'"true_class":', b'"true_class": '))

    with pytest.raises(RunFormatError, match="it was changed since the run was complete"):
        load_run(tmp_path / "run")


def test_a_part_of_the_set_is_not_passed_off_as_the_whole(tmp_path: Path) -> None:
    """Of a custom set neither, which has no size that a rule could name."""
    run = Desk().measure(tmp_path / "run", benchmark="custom", limit=4)

    assert len(run.inputs) == 4
    assert run.inputs_planned == 6
    (rule,) = (rule for rule in run.rules if rule.rule == "full-set")
    assert (rule.met, rule.why) == (False, "4 of 6 inputs")


def test_missing_is_said_for_what_was_not_measured(tmp_path: Path) -> None:
    """Never 0."""
    run = Desk().measure(tmp_path / "run")

    assert isinstance(latency_of(run), Missing)
    assert isinstance(energy_of(run), Missing)
