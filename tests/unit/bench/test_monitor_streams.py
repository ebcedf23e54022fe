"""Addresses of monitors, and the streams that the serial ones send."""

from __future__ import annotations

import math
import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygauge.bench.monitors import open_monitor, parse_address
from tinygauge.bench.monitors.lpm01a import place
from tinygauge.bench.monitors.lpm01a_stream import BinaryStream, Readings, Stream, TextStream
from tinygauge.bench.monitors.ppk2_stream import ampere, read_words
from tinygauge.errors import ConfigError, TinygaugeError, UnknownNameError
from tinygauge.units import Unit


def test_an_address_names_instrument_place_and_options() -> None:
    """Percent signs are decoded, so that a path may hold anything."""
    address = parse_address("file:/data/my%20trace.csv?voltage=3.3V&mark=D0")

    assert (address.scheme, address.target) == ("file", "/data/my trace.csv")
    assert address.options == {"voltage": "3.3V", "mark": "D0"}
    assert address.number("voltage", Unit.VOLT) == pytest.approx(3.3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trace.csv", "no address of a monitor"),
        ("lpm01a:///dev/x?voltage", "option 'voltage' has no value"),
        ("lpm01a:///dev/x?voltage=3&voltage=3", "given twice"),
        ("lpm01a:///dev/x?volts=3", "no option 'volts'.*Did you mean voltage"),
        ("lpm01a:///dev/x", "state 1.8 to 3.3 V"),
        ("lpm01a:///dev/x?voltage=5", "state 1.8 to 3.3 V"),
        ("lpm01a:///dev/x?voltage=3s", "voltage=3s is no value in V"),
        ("lpm01a:///dev/x?voltage=3&rate=3kHz", "rate 3000 Hz is none of 100, 200"),
        ("lpm01a:///dev/x?voltage=3&format=hex", "format=hex is unknown"),
        ("ppk2://p?voltage=3&mark=D9", "mark=D9 is unknown"),
        ("ppk2://p", "state the supply"),
        ("joulescope://js320", "'js320' is no Joulescope"),
        ("joulescope://js220?rate=7Hz", "rate 7 Hz is none of"),
        ("otii://localhost:x/Arc?voltage=3", "'x' is no port"),
        ("otii://localhost", "state 0.5 to 5 V"),
        ("file:", "names no file"),
        ("file:x.csv?voltage=-3", "must be more than 0"),
        ("file:x.csv?accuracy=3V", "accuracy=3V is no value in ratio"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(text: str, message: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigError, match=message):
        open_monitor(text)


def test_an_unknown_kind_of_monitor_gets_the_nearest() -> None:
    """There is no such scheme."""
    with pytest.raises(UnknownNameError, match="joulescope"):
        open_monitor("joulscope://js220")
    with pytest.raises(UnknownNameError, match="lpm01a"):
        open_monitor("file:x.csv?instrument=lpm01")


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_no_address_crashes(text: str) -> None:
    """Whatever stands there is refused with a message, or names a file that is not there."""
    with pytest.raises(TinygaugeError):
        open_monitor("file:" + text)


TEXT = (
    b"TimeStamp: 000s 000ms, buff 00%\r\n6409-07\r\n6410-07\r\nevent 1 ris\r\n640-07\r\n"
    b"6411-076412-07\r\nPowerShield > ack start\r\nTimeStamp: 001s 000ms, buff 00%\r\nend\r\n"
)


def _sample(value: int, power: int) -> bytes:
    return bytes([power << 4 | value >> 8, value & 0xFF])


BINARY = (
    b"\xf0\xf3\x00\x00\x00\x00\x00\xff\xff"
    + _sample(0x2A0, 5)
    + _sample(0x2A1, 5)
    + b"\xf0\xf2event 1 ris\xff\xff"
    + _sample(0x2A2, 5)
    + b"\xf0\xf5\xff\xff\xf0\xf3\x00\x00\x03\xe8\x00\xff\xff\xf0\xf4\xff\xff"
)


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, len(TEXT)), max_size=6))
def test_text_is_read_from_any_split(cuts: list[int]) -> None:
    """Samples, marks, time stamps and the end; a sample with a digit lost is nan in its place."""
    readings = _fed(TextStream(), TEXT, cuts)

    assert readings.values[:2] == pytest.approx([640.9e-6, 641.0e-6])
    assert math.isnan(readings.values[2])
    assert readings.values[3:] == pytest.approx([641.1e-6, 641.2e-6])
    assert readings.marks == [2]
    assert readings.stamps == [(0.0, 0), (1.0, 5)]
    assert readings.ended


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, len(BINARY)), max_size=6))
def test_binary_is_read_from_any_split(cuts: list[int]) -> None:
    """The manual's example: 52A0 is 2A0 in base 16, times 16^-5: 640.9 uA."""
    readings = _fed(BinaryStream(), BINARY, cuts)

    assert readings.values == pytest.approx([k * 16.0**-5 for k in (0x2A0, 0x2A1, 0x2A2)])
    assert readings.values[0] == pytest.approx(640.9e-6, rel=1e-4)
    assert (readings.marks, readings.overload) == ([2], [3])
    assert readings.stamps == [(0.0, 0), (1.0, 3)]
    assert readings.ended


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=300))
def test_no_bytes_crash_a_stream(data: bytes) -> None:
    """Noise becomes nan, messages or nothing; never an exception, never a number too many."""
    for stream in (TextStream(), BinaryStream()):
        readings = _fed(stream, data, [])
        assert len(readings.values) <= len(data)


def _fed(stream: Stream, data: bytes, cuts: list[int]) -> Readings:
    readings = Readings()
    edges = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(edges):
        stream.feed(data[start:end], readings)
    return readings


def test_samples_that_did_not_come_make_a_hole() -> None:
    """The time stamps tell how many there should be; the stretch between two of them is lost."""
    readings = Readings(values=[1.0] * 2900, stamps=[(0.0, 0), (1.0, 1000), (2.0, 1900)])
    readings.marks = [500, 2000]

    placed = place(readings, 1000.0)

    assert [gap.start_s for gap in placed.gaps] == pytest.approx([1.0])
    assert [gap.end_s for gap in placed.gaps] == pytest.approx([2.0])
    assert "100 samples did not come" in placed.gaps[0].reason
    assert len(placed.index) == 2000
    # What comes later stands at its own time, marks too.
    assert list(placed.marks_s) == pytest.approx([0.5, 2.1])
    assert placed.t_s[1000] == pytest.approx(2.0)


def test_a_time_stamp_that_is_a_little_late_is_no_loss() -> None:
    """Its resolution is 1 ms, and two samples may be on their way."""
    readings = Readings(values=[1.0] * 2000, stamps=[(0.0, 0), (1.0, 998), (2.0, 2000)])

    assert place(readings, 1000.0).gaps == ()


def _word(adc: int, range_: int, counter: int, digital: int) -> int:
    return adc | range_ << 14 | counter % 64 << 18 | digital << 24


def test_the_counter_places_words() -> None:
    """Seven words missing leave a hole of seven; a whole round missing shows as one of 64."""
    counters = [62, 63, 0, 8, 9, 9]
    words = read_words(struct.pack("<6I", *(_word(1, 0, c, 0) for c in counters)))

    assert list(words.place) == [0, 1, 2, 10, 11, 75]


def test_words_beyond_the_range_are_marked() -> None:
    """A full ADC and a range that is none; neither is a sample."""
    three = (_word(5, 1, 0, 1), _word(0x3FFF, 1, 1, 1), _word(5, 6, 2, 1))
    words = read_words(struct.pack("<3I", *three))

    assert list(words.overload) == [False, True, True]
    assert list(words.digital) == [1, 1, 1]


def test_conversion_agrees_with_the_library() -> None:
    """Every range, against `ppk2-api`'s own formula while its filter of spikes is at rest."""
    api = pytest.importorskip("ppk2_api.ppk2_api")
    kit = api.PPK2_API.__new__(api.PPK2_API)
    kit.ser = None
    names = ("R", "GS", "GI", "O", "S", "I", "UG")
    kit.modifiers = {
        name: {str(k): 0.9 + 0.01 * k + 0.001 * len(name) for k in range(5)} for name in names
    }
    kit.modifiers["R"] = {"0": 1031.6, "1": 101.6, "2": 10.15, "3": 0.94, "4": 0.043}
    kit.adc_mult, kit.current_vdd = 1.8 / 163840, 3000
    kit.spike_filter_alpha, kit.spike_filter_alpha5, kit.spike_filter_samples = 0.18, 0.06, 3

    for range_ in range(5):
        kit.rolling_avg = kit.rolling_avg4 = kit.prev_range = None
        kit.consecutive_range_samples = kit.after_spike = 0
        words = read_words(struct.pack("<I", _word(8000, range_, 0, 0)))
        assert ampere(words, kit.modifiers, 3.0) == pytest.approx(
            np.array([kit.get_adc_result(range_, 32000)])
        )
