"""Every energy monitor on one scene: the real driver and library against a fake at the wire.

The scene is known to the last sample, so that energies, windows, holes and failures can be told
from what the instrument sent. LPM01A and PPK2 are behind a pty, Otii behind a socket on loopback;
Joulescope's wire is USB, so its fake stands in for the driver's own class.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

from tests.support.joulescope_fake import JoulescopeFake
from tests.support.lpm01a_fake import Lpm01aFake
from tests.support.otii_fake import OtiiFake
from tests.support.ppk2_fake import Ppk2Fake
from tests.support.scene import Scene

from tinygauge.bench.edges import detect_windows
from tinygauge.bench.energy import Lost, window_energy
from tinygauge.bench.monitor import Monitor
from tinygauge.bench.monitors import open_monitor
from tinygauge.bench.monitors.joulescope import Joulescope
from tinygauge.bench.monitors.ppk2 import Ppk2
from tinygauge.bench.trace import PowerTrace, Window, windows_between_marks
from tinygauge.errors import (
    BenchError,
    MonitorError,
    MonitorOverloadError,
    SamplesLostError,
    TinygaugeError,
    TraceFormatError,
    UnknownNameError,
)
from tinygauge.quantity import Quantity

SCENE = Scene()
Closable = TypeVar("Closable")


class Fakes:
    """Opens monitors on fakes, and puts both away."""

    def __init__(self) -> None:
        self.opened: list[Any] = []

    def lpm01a(self, *, form: str = "text", rate_hz: int = 1000, **faults: Any) -> Monitor:
        fake = self.keep(Lpm01aFake(SCENE, **faults))
        address = f"lpm01a://{fake.port}?voltage=3.0&format={form}&rate={rate_hz}Hz"
        return self.keep(open_monitor(address))

    def ppk2(self, **faults: Any) -> Monitor:
        pytest.importorskip("ppk2_api")
        fake = self.keep(Ppk2Fake(SCENE, **faults))
        return self.keep(open_monitor(f"ppk2://{fake.port}?voltage=3.0"))

    def otii(self, *, name: str = "", **faults: Any) -> Monitor:
        pytest.importorskip("otii_tcp_client")
        fake = self.keep(OtiiFake(SCENE, **faults))
        return self.keep(open_monitor(f"otii://127.0.0.1:{fake.port}{name}?voltage=3.0"))

    def joulescope(self, *, rate_hz: int = 10_000, **faults: Any) -> Monitor:
        fake = JoulescopeFake(SCENE, **faults)
        return self.keep(Joulescope(fake, "js220", rate_hz=rate_hz))

    def keep(self, closable: Closable) -> Closable:
        self.opened.append(closable)
        return closable

    def close(self) -> None:
        for each in reversed(self.opened):
            each.close()


@pytest.fixture
def fakes() -> Iterator[Fakes]:
    """Make monitors on fakes, all closed at the end."""
    made = Fakes()
    yield made
    made.close()


RIGS: dict[str, tuple[Callable[[Fakes, dict[str, Any]], Monitor], float, dict[str, Any]]] = {
    # How it is opened, its rate, and the fault that makes a hole in the first window.
    "lpm01a-text": (lambda f, faults: f.lpm01a(**faults), 1e3, {"drop": range(400, 430)}),
    "lpm01a-binary": (
        lambda f, faults: f.lpm01a(form="binary", rate_hz=10_000, **faults),
        1e4,
        {"drop": range(4000, 4300)},
    ),
    "ppk2": (lambda f, faults: f.ppk2(**faults), 1e5, {"drop": range(40_000, 40_030)}),
    "otii": (lambda f, faults: f.otii(**faults), 4e3, {}),
    "joulescope": (lambda f, faults: f.joulescope(**faults), 1e4, {"drop_block": 4}),
}
WITH_HOLES = [name for name, (_, _, fault) in RIGS.items() if fault]


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait for another thread, as long as a busy machine may need."""
    until_s = time.monotonic() + 20
    while not happened() and time.monotonic() < until_s:
        time.sleep(0.02)


def came(monitor: Any) -> bool:
    """Tell whether samples have come."""
    try:
        return len(monitor.partial().p_w) > 100
    except TraceFormatError:
        return False


def measure(monitor: Monitor) -> PowerTrace:
    """Record the scene: until everything has come, as the runner waits for the board."""
    monitor.start()
    if isinstance(monitor, Ppk2):
        before = -1
        while before != len(monitor._data):
            before = len(monitor._data)
            time.sleep(0.2)
    return monitor.stop()


@pytest.mark.parametrize("name", RIGS)
def test_marks_cut_the_windows_and_energy_is_what_the_board_drew(fakes: Fakes, name: str) -> None:
    """Total and above idle apart, each with an interval that holds the truth where one is known."""
    opened, rate_hz, _ = RIGS[name]
    monitor = opened(fakes, {})

    trace = measure(monitor)

    windows = windows_between_marks(trace, count=2)
    for window, (start_s, end_s) in zip(windows, SCENE.windows_s, strict=True):
        assert window.start_s == pytest.approx(start_s, abs=2 / rate_hz)
        assert window.end_s == pytest.approx(end_s, abs=2 / rate_hz)
        energy = window_energy(trace, window, idle=Window(0.02, 0.18, 0.0, "by hand"))
        assert energy.total.value == pytest.approx(SCENE.window_j, rel=5e-3)
        assert isinstance(energy.above_idle, Quantity)
        assert energy.above_idle.value == pytest.approx(SCENE.above_idle_j, rel=1e-2)
        if energy.total.interval.is_known:
            assert energy.total.interval.low < SCENE.window_j < energy.total.interval.high
    assert trace.supply_v in (SCENE.supply_v, None)
    assert monitor.supply_v == trace.supply_v
    assert trace.end_s == pytest.approx(SCENE.duration_s, abs=3 / rate_hz)
    assert trace.holes == ()


@pytest.mark.parametrize("name", RIGS)
def test_a_monitor_measures_again(fakes: Fakes, name: str) -> None:
    """One trace a window: nothing of the first is in the second."""
    monitor = RIGS[name][0](fakes, {})

    first, second = measure(monitor), measure(monitor)

    assert len(second.t_s) == len(first.t_s)
    np.testing.assert_allclose(second.p_w, first.p_w)
    np.testing.assert_allclose(second.marks_s, first.marks_s)


@pytest.mark.parametrize("name", WITH_HOLES)
def test_lost_samples_are_holes_never_zeros(fakes: Fakes, name: str) -> None:
    """A window with a hole is refused, or its interval widened; the other window is whole."""
    opened, _, fault = RIGS[name]

    trace = measure(opened(fakes, fault))

    assert trace.holes
    assert trace.p_w.min() > 0.9 * SCENE.idle_w
    first, second = (Window(*each, 0.0, "by hand") for each in SCENE.windows_s)
    with pytest.raises(SamplesLostError, match=r"missing|no sample lies"):
        window_energy(trace, first)
    if name.startswith("lpm01a"):  # its time stamps, a second apart, bound the hole
        assert [gap.start_s for gap in trace.holes] == [0.0]
        assert [gap.end_s for gap in trace.holes] == pytest.approx([1.0])
        return
    widened = window_energy(trace, first, lost=Lost.WIDEN).total
    if widened.interval.is_known:
        assert widened.interval.low < SCENE.window_j < widened.interval.high
    whole = window_energy(trace, second).total
    assert whole.value == pytest.approx(SCENE.window_j, rel=5e-3)


@pytest.mark.parametrize("name", RIGS)
def test_edges_stand_in_for_marks(fakes: Fakes, name: str) -> None:
    """Without the timestamp wire, windows are found by the step, within what they state."""
    trace = measure(RIGS[name][0](fakes, {}))

    windows = detect_windows(trace, 2, least_duration_s=0.3)

    for window, (start_s, end_s) in zip(windows, SCENE.windows_s, strict=True):
        assert abs(window.start_s - start_s) <= window.edge_s
        assert abs(window.end_s - end_s) <= window.edge_s


def test_stopping_what_was_not_started_is_said(fakes: Fakes) -> None:
    """The serial ones have nothing to stop."""
    for monitor in (fakes.lpm01a(), fakes.ppk2()):
        with pytest.raises(MonitorError, match="it was not started"):
            monitor.stop()


@pytest.mark.parametrize("kind", ["lpm01a", "ppk2"])
def test_a_cable_that_is_pulled_ends_the_trace_with_an_error(fakes: Fakes, kind: str) -> None:
    """What came before is kept."""
    monitor: Any = getattr(fakes, kind)()
    fake = fakes.opened[0]
    monitor.start()
    wait_until(lambda: came(monitor))

    fake.unplug()
    time.sleep(0.1)

    with pytest.raises(MonitorError, match=r"went away|no samples"):
        monitor.stop()
    assert monitor.partial().p_w[0] == pytest.approx(SCENE.idle_w, rel=5e-3)


def test_the_board_is_supplied_with_what_was_asked(fakes: Fakes) -> None:
    """Each instrument gets the voltage in its own words."""
    for kind in ("lpm01a", "ppk2", "otii"):
        getattr(fakes, kind)()
    lpm01a, _, ppk2, _, otii, _ = fakes.opened
    wait_until(lambda: ppk2.supplies)  # nothing answers the kit's last command

    assert "volt 3000m" in lpm01a.commands
    assert lpm01a.commands[0] == "htc"
    assert (ppk2.supply_mv, ppk2.power_mode, ppk2.supplies) == (3000, "source", True)
    assert ("arc_set_main_voltage", {"device_id": "Arc0", "value": 3.0}) in otii.requests
    assert ("arc_set_main", {"device_id": "Arc0", "enable": True}) in otii.requests


def test_a_command_that_the_lpm01a_refuses_is_named(fakes: Fakes) -> None:
    """With what it said."""
    with pytest.raises(MonitorError, match=r"refused 'volt 3000m': error volt 3000m: not now"):
        fakes.lpm01a(refuse="volt")


def test_an_error_that_the_lpm01a_reports_while_it_measures_ends_the_trace(fakes: Fakes) -> None:
    """Such as an overheated shield."""
    monitor = fakes.lpm01a(fails="temperature too high")

    with pytest.raises(MonitorError, match="temperature too high"):
        measure(monitor)


def test_a_board_in_place_of_a_ppk2_is_told_apart(fakes: Fakes) -> None:
    """Nothing answers the question for the calibration."""
    with pytest.raises(MonitorError, match="no calibration came"):
        fakes.ppk2(mute=True)


def test_a_current_beyond_the_range_is_no_energy(fakes: Fakes) -> None:
    """The samples are there, but say only that it was more."""
    trace = measure(fakes.ppk2(overload=range(40_000, 40_010)))

    with pytest.raises(MonitorOverloadError, match=r"beyond the range .* at 0.4 s"):
        window_energy(trace, Window(*SCENE.windows_s[0], 0.0, "by hand"))


def test_an_otii_server_that_goes_away_is_said(fakes: Fakes) -> None:
    """And where to look."""
    monitor = fakes.otii(silent="project_stop_recording")
    monitor.start()

    with pytest.raises(MonitorError, match="closed the connection"):
        monitor.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_otii_without_a_licence_is_said(fakes: Fakes) -> None:
    """Automation needs one (the library leaves its socket open then)."""
    with pytest.raises(MonitorError, match="licence for automation"):
        fakes.otii(licence=False)


def test_an_otii_that_answers_in_part_is_refused(fakes: Fakes) -> None:
    """Samples that did not come are never taken for the end."""
    monitor = fakes.otii(short=10)
    monitor.start()

    with pytest.raises(MonitorError, match="of 6400 samples came"):
        monitor.stop()


def test_one_of_several_instruments_must_be_named(fakes: Fakes) -> None:
    """Names are listed, and a misspelt one gets the nearest."""
    names = ("Bench Arc", "Other Arc")
    with pytest.raises(MonitorError, match="found Bench Arc, Other Arc"):
        fakes.otii(names=names)
    with pytest.raises(UnknownNameError, match="Bench Arc"):
        fakes.otii(names=names, name="/Bench Ark")
    paths = ("u/js220/000123", "u/js220/000456")
    with pytest.raises(MonitorError, match="found u/js220/000123, u/js220/000456"):
        fakes.joulescope(paths=paths)
    fakes.keep(Joulescope(JoulescopeFake(SCENE, paths=paths), "js220/000456"))


def test_samples_without_a_value_are_holes(fakes: Fakes) -> None:
    """A Joulescope says nan where it could not measure."""
    trace = measure(fakes.joulescope(bad=range(4000, 4100)))

    assert "100 samples have no value" in trace.notes[0]
    with pytest.raises(SamplesLostError):
        window_energy(trace, Window(*SCENE.windows_s[0], 0.0, "by hand"))


def test_a_joulescope_driver_that_fails_is_said(fakes: Fakes) -> None:
    """Its exceptions are ours."""
    fake = JoulescopeFake(SCENE, gone="s/i/ctrl")
    monitor = fakes.keep(Joulescope(fake, "js220"))

    with pytest.raises(MonitorError, match="the driver failed"):
        monitor.start()
    monitor.close()
    assert fake.finalized


def test_nothing_at_the_address_is_an_error_not_a_traceback(tmp_path: Path) -> None:
    """Ports, servers and instruments that are not there."""
    for address in (
        f"lpm01a://{tmp_path}/none?voltage=3",
        f"ppk2://{tmp_path}/none?voltage=3",
        "otii://127.0.0.1:9?voltage=3",
        "joulescope://js220",
    ):
        with pytest.raises(TinygaugeError) as caught:
            open_monitor(address)
        assert isinstance(caught.value, BenchError) or "not installed" in str(caught.value)
