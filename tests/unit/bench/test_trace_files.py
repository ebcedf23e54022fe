"""Traces recorded elsewhere: the EEMBC runner's files and the CSVs of instruments' programs."""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinygauge.bench.energy import window_energy
from tinygauge.bench.trace import Window, windows_between_marks
from tinygauge.bench.trace_files import CsvOptions, load_csv_trace, load_eembc_trace
from tinygauge.errors import TraceFormatError


def _eembc(energies_uj: list[float], rate_hz: float = 1000.0) -> bytes:
    return b"\xf1" + struct.pack(f"<{1 + len(energies_uj)}f", rate_hz, *energies_uj)


def _csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "trace.csv"
    path.write_bytes(text.encode("utf-8"))
    return path


def test_an_eembc_trace_is_microjoules_per_sample(tmp_path: Path) -> None:
    """A window holds the samples after its first mark up to and with the one at its last."""
    path = tmp_path / "trace1-energy.bin"
    path.write_bytes(_eembc([1.0, 2.0, 4.0, 8.0, 16.0, 32.0]))
    (tmp_path / "trace1-timestamps.json").write_text(json.dumps([0.001, 0.004]))

    trace = load_eembc_trace(path)
    (window,) = windows_between_marks(trace)

    assert window_energy(trace, window).total.value == pytest.approx((4 + 8 + 16) * 1e-6)
    assert [evidence.ref for evidence in trace.evidence] == [path.name, "trace1-timestamps.json"]


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=64))
def test_no_bytes_crash_the_eembc_reader(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever a file holds, it is a trace or a message."""
    path = tmp_path_factory.mktemp("trace") / "x-energy.bin"
    path.write_bytes(content)

    with contextlib.suppress(TraceFormatError):
        assert len(load_eembc_trace(path).t_s)


@pytest.mark.parametrize("stamps", ["[1.0, 0.5]", "{}garbage", '["x"]', "[1e999]", "null"], ids=str)
def test_damaged_timestamps_are_named(tmp_path: Path, stamps: str) -> None:
    """Marks that run backwards or are no numbers would cut wrong windows."""
    path = tmp_path / "trace1-energy.bin"
    path.write_bytes(_eembc([1.0, 2.0]))
    (tmp_path / "trace1-timestamps.json").write_text(stamps)

    with pytest.raises(TraceFormatError, match="timestamps"):
        load_eembc_trace(path)


JOULESCOPE = "#time,current,voltage,power,charge,energy,current_min,current_max\n"
CSVS = {
    "joulescope": (
        JOULESCOPE + "0.0,0.01,3.0,0.03,0,0,0,0\n0.1,0.01,3.0,0.03,0,0,0,0\n" * 1
        + "0.2,0.01,3.0,0.03,0,0,0,0\n",
        CsvOptions(),
    ),
    "ppk2": (
        "Timestamp(ms),Current(uA),D0-D7\n0,10000,00000000\n100,10000,00000000\n"
        "200,10000,00000000\n",
        CsvOptions(voltage_v=3.0),
    ),
    "otii": (
        "Timestamp,Main current (A),Main voltage (V)\n0,0.01,3.0\n0.1,0.01,3.0\n0.2,0.01,3.0\n",
        CsvOptions(),
    ),
    "european": ("Zeit;time (s);power (mW)\n1;0,0;30\n2;0,1;30\n3;0,2;30\n", CsvOptions()),
    "excel": ('\ufeff"time_ms","i_mA","v_V"\n"0","10","3"\n"100","10","3"\n"200","10","3"\n',
              CsvOptions()),
    "no times": ("power_mW\n30\n30\n30\n", CsvOptions(rate_hz=10.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", CSVS)
def test_columns_are_found_by_name_and_unit(tmp_path: Path, name: str) -> None:
    """Each program's headings lead to the same 30 mW over 0.3 s."""
    text, options = CSVS[name]

    trace = load_csv_trace(_csv(tmp_path, text), options)

    assert trace.p_w == pytest.approx(np.full(3, 0.03))
    assert trace.period_s == pytest.approx(0.1)
    total = window_energy(trace, Window(0.0, 0.3, 0.0, "by hand")).total
    assert total.value == pytest.approx(0.009)


def test_a_digital_input_makes_marks(tmp_path: Path) -> None:
    """Falling edges of a column of its own, and of one place in Nordic's digits."""
    levels = [1, 1, 0, 1, 1, 0, 0]
    alone = "time,power,gpi0\n" + "".join(f"{k},1,{level}\n" for k, level in enumerate(levels))
    digits = "Timestamp(ms),power,D0-D7\n" + "".join(
        f"{k}000,1,1{level}100000\n" for k, level in enumerate(levels)
    )

    for text, mark in ((alone, "gpi0"), (digits, "D1")):
        trace = load_csv_trace(_csv(tmp_path, text), CsvOptions(mark=mark))
        assert list(trace.marks_s) == [2.0, 5.0]
    rising = load_csv_trace(_csv(tmp_path, digits), CsvOptions(mark="D1", edge="rising"))
    assert list(rising.marks_s) == [3.0]


def test_an_empty_cell_is_a_hole(tmp_path: Path) -> None:
    """A sample without a value is left out and said, not filled in."""
    rows = "".join(f"{k},{'' if k == 2 else 1}\n" for k in range(6))

    trace = load_csv_trace(_csv(tmp_path, "time,power\n" + rows))

    assert [(hole.start_s, hole.end_s) for hole in trace.holes] == [(2.0, 3.0)]
    assert "1 of 6 samples have no value" in trace.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no line names a time, current, voltage or power"),
        ("time,voltage\n0,3\n1,3\n", "no column is a power or a current"),
        ("time,current\n0,1\n1,1\n", r"current but no voltage.*\?voltage=3\.0"),
        ("time,current a,current b\n0,1,1\n", "several columns may be the current: 'current a'"),
        ("time,power\n0,1\n1,x\n", "line 3: could not convert string to float: 'x'"),
        ("time,power\n0,1\n1\n", "line 3 has 1 cells, expected 2"),
        ("time,power (kWh)\n0,1\n1,1\n", "heading 'power .kWh.'"),
        ("time,power\n", "nothing below the headings"),
        ("time,power\n0,1\n0,1\n", "sample period|do not rise"),
        ("power\n1\n1\n", r"no column of times.*\?rate=1kHz"),
    ],
)
def test_what_is_wrong_with_a_csv_is_said(tmp_path: Path, text: str, message: str) -> None:
    """Line, heading or option: whichever leads to the fault."""
    with pytest.raises(TraceFormatError, match=message):
        load_csv_trace(_csv(tmp_path, text))


def test_a_named_column_settles_a_choice(tmp_path: Path) -> None:
    """And a misspelt one gets the nearest heading."""
    path = _csv(tmp_path, "time,current a,current b,voltage\n0,1,2,1\n1,1,2,1\n")

    assert load_csv_trace(path, CsvOptions(current="current b")).p_w == pytest.approx([2.0, 2.0])
    with pytest.raises(TraceFormatError, match="current b"):
        load_csv_trace(path, CsvOptions(current="curent b"))


@settings(max_examples=25, deadline=None)
@given(body=st.text(max_size=200))
@example(body="#")
def test_no_text_crashes_the_csv_reader(
    body: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever stands below the headings, it is a trace or a message."""
    path = _csv(tmp_path_factory.mktemp("csv"), "time,power\n" + body)

    with contextlib.suppress(TraceFormatError):
        assert len(load_csv_trace(path).t_s) >= 2
