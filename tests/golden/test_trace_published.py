"""The published energy trace of ST's NUCLEO-L4R5ZI re-integrates to its printed energies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tinygauge.bench.energy import window_energy
from tinygauge.bench.instruments import instrument
from tinygauge.bench.trace import windows_between_marks
from tinygauge.bench.trace_files import load_eembc_trace

FOLDER = (
    Path(__file__).resolve().parents[3]
    / "shared/data/mlperf_tiny/transcripts/v0.7/NUCLEO-L4R5ZI/kws/energy"
)


@pytest.mark.skipif(not FOLDER.exists(), reason=f"the transcripts are not at {FOLDER}")
def test_the_published_trace_gives_the_printed_energy() -> None:
    """Every window within 0.2 % of what the EEMBC runner printed; in fact to one sample of it."""
    trace = load_eembc_trace(FOLDER / "trace1-energy.bin", instrument=instrument("lpm01a"))
    text = (FOLDER / "results.txt").read_text()
    printed_uj = [float(x) for x in re.findall(r"Energy       :\s+([\d.]+) uJ\n", text)]
    windows = windows_between_marks(trace, skip=1, count=5)

    assert len(printed_uj) == 5
    for window, expected_uj in zip(windows, printed_uj, strict=True):
        energy = window_energy(trace, window)
        assert energy.total.value * 1e6 == pytest.approx(expected_uj, rel=0.002)
        # The runner's own arithmetic lets an end fall to the sample beside it in two windows.
        assert energy.total.value * 1e6 == pytest.approx(expected_uj, abs=50.0)
        assert energy.total.interval.low < expected_uj * 1e-6 < energy.total.interval.high


@pytest.mark.skipif(not FOLDER.exists(), reason=f"the transcripts are not at {FOLDER}")
def test_three_of_the_five_windows_agree_to_the_last_printed_digit() -> None:
    """So the definition of a window's samples is the runner's; the others differ by one sample."""
    trace = load_eembc_trace(FOLDER / "trace1-energy.bin")
    windows = windows_between_marks(trace, skip=1, count=5)

    found = [f"{window_energy(trace, window).total.value * 1e6:.2f}" for window in windows]

    assert found == ["556281.71", "556209.69", "556320.93", "556263.08", "556602.38"]
    printed = ["556281.710", "556174.300", "556367.330", "556263.080", "556602.380"]
    assert printed[0][:-1] == found[0]
    assert printed[3:] == [f"{value}0" for value in found[3:]]
