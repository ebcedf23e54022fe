"""How fast inputs are loaded, what a probe sees, and what a transcript keeps."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.fake_board import FakeBoard, Firmware
from tests.support.fake_link import FakeLink, VirtualClock

from tinygauge.bench.board import Board
from tinygauge.bench.dialect import Kind, commands_hex, parse_line
from tinygauge.bench.probe import BAUDS, Probe, probe_port
from tinygauge.bench.replay import derive
from tinygauge.bench.transcript import decode, encode
from tinygauge.errors import RunFormatError


@pytest.mark.parametrize(
    ("size_bytes", "baud", "latency_s"),
    [
        (490, 9600, 0.016),
        (490, 115200, 0.001),
        (3072, 115200, 0.016),
        (3072, 921600, 0.001),
        pytest.param(27648, 115200, 0.016, marks=pytest.mark.slow),
        pytest.param(27648, 921600, 0.016, marks=pytest.mark.slow),
    ],
)
def test_loading_takes_at_least_95_percent_of_what_hex_allows(
    size_bytes: int, baud: int, latency_s: float
) -> None:
    """Commands go ahead of the answers, so that a USB adapter's delay costs no time."""
    clock = VirtualClock()
    fake = FakeBoard(baud=baud)
    board = Board(FakeLink(fake, clock, baud=baud, latency_s=latency_s), clock=clock)
    content = np.random.default_rng(1).bytes(size_bytes)
    began_s = clock.now_s()

    board.load(content)

    took_s = clock.now_s() - began_s
    on_the_wire_s = sum(map(len, commands_hex(content))) * 10 / baud
    assert on_the_wire_s / took_s >= 0.95
    assert board.read_back() == content


class Noise:
    """A link from which the same bytes come at whatever rate, and nobody listens."""

    def __init__(self, data: bytes, baud: int, clock: VirtualClock) -> None:
        self.name, self.baud = "noise", baud
        self._data, self._clock = data, clock

    def write(self, data: bytes) -> None:
        """Take it."""

    def read(self, timeout_s: float) -> bytes:
        """Return some of it, once."""
        self._clock.sleep(timeout_s)
        data, self._data = self._data, b""
        return data

    def close(self) -> None:
        """Do nothing."""


def probed(data: bytes) -> Probe:
    """Probe a port from which these bytes come."""
    clock = VirtualClock()
    return probe_port("p", opener=lambda _, baud: Noise(data, baud, clock), clock=clock)


@pytest.mark.parametrize(
    ("data", "seen", "advice"),
    [
        (b"", "not a byte came at 115200, 921600", "RX and TX"),
        (b"Hello world\r\n", "text came at 115200 baud but no answer", "firmware is another"),
        (bytes(range(128, 200)), "bytes came that are text at none of", "--baud N"),
        (b"m-ready\r\n", "text came", "loses bytes"),
    ],
)
def test_a_probe_explains_what_it_saw(data: bytes, seen: str, advice: str) -> None:
    """Silence, another firmware and a wrong rate are different mistakes."""
    found = probed(data)

    assert found.identity is None
    assert seen in found.seen
    assert advice in found.advice


@pytest.mark.parametrize("baud", [115200, 9600, 1_000_000])
def test_a_probe_finds_the_rate(baud: int) -> None:
    """At another rate than the board's nothing legible comes."""
    clock = VirtualClock()
    fake = FakeBoard(Firmware(energy=baud == 9600), baud=baud)

    def opener(_: str, rate: int) -> FakeLink | Noise:
        return FakeLink(fake, clock, baud=rate) if rate == baud else Noise(b"\xf0\x8e", rate, clock)

    found = probe_port("p", opener=opener, clock=clock)

    assert found.baud == baud
    assert baud in BAUDS
    assert found.identity is not None
    assert found.identity.model == "kws01"
    assert found.timestamps == ("pin" if baud == 9600 else "lines")


_WORDS = st.sampled_from(
    ["m-results-[", "]", "0.5", ",", "m-lap-us-", "9", "m-buffer-", "0f-", "e-[", "m-infer-start-"]
)


@given(st.lists(_WORDS | st.text(max_size=3), max_size=10))
def test_no_line_breaks_its_reader(parts: list[str]) -> None:
    """Damaged lines are of kind other; a number that is read is one that stands there."""
    line = "".join(parts)

    message = parse_line(line)

    assert isinstance(message.kind, Kind)
    assert message.kind is not Kind.RESULTS or message.values


@pytest.mark.parametrize("value", ["0.00\x1f", "0,,1", "", "nan", "0x1", "1_0", "\u0663"])
def test_what_is_no_decimal_is_no_result(value: str) -> None:
    """Though Python would take some of it for a number."""
    assert parse_line(f"m-results-[0.5,{value}]").kind is Kind.OTHER


_PIECES = st.sampled_from(
    [
        "# tinygauge transcript 1 now", "# reading 1", "# kept reading 1 as window 0 file a",
        "# kept reading 9 as input 3 recording 1 class 2 file b", "> infer 1 0%", "> db 0%",
        "> db load 1%db 00%", "> db%", "< m-infer-start-1\\r\\n", "< m-ready\\r\\n", "< \\x00",
        "> %%", "> dut name%", "< [dut]: m-ready\\r\\n", "# kept reading x", "? what",
    ]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12))
def test_no_transcript_breaks_its_reader(pieces: list[str]) -> None:
    """Whatever the order, it is read or refused."""
    content = "".join(f"1.000000 {piece}\n" for piece in pieces).encode()

    with contextlib.suppress(RunFormatError):
        derive(content, "t")


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_of_transcripts(data: bytes) -> None:
    """Only a `RunFormatError` may come of them."""
    with contextlib.suppress(RunFormatError):
        derive(data, "t")


@given(st.binary(max_size=200))
def test_a_transcript_keeps_every_byte(data: bytes) -> None:
    """As one line of printable ASCII, and back."""
    line = encode(data)

    assert decode(line) == data
    assert line.isascii()
    assert "\n" not in line
