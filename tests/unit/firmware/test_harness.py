"""The firmware's harness, compiled for this machine with sanitizers, and driven through a pipe."""

from __future__ import annotations

import random
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from tests.support.firmware import build_for_host, converse


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_for_host(tmp_path_factory.mktemp("firmware") / "echo", "echo_engine.c")


@pytest.fixture(scope="module")
def floats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_for_host(tmp_path_factory.mktemp("firmware") / "floats", "float_engine.c")


def _laps(lines: list[str]) -> list[str]:
    """Replace the times, which differ from run to run."""
    return [re.sub(r"m-lap-us-\d+$", "m-lap-us-T", line) for line in lines]


def test_a_session_is_answered_as_the_benchmark_asks(echo: Path) -> None:
    """Every command gets its lines, in order, and m-ready at the end."""
    sent = b"name%profile%timestamp%db load 4%db 8001%db fdC0%db print%infer 2 1%results%output%"

    assert _laps(converse(echo, sent)) == [
        *("m-name-dut-[TinyGauge]", "m-ready"),
        *("m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[echo]", "m-ready"),
        *("m-lap-us-T", "m-ready"),
        *("m-[Expecting 4 bytes]", "m-ready"),
        "m-ready",
        *("m-load-done", "m-ready"),
        *("m-buffer-80-01-fd-c0", "m-ready"),
        *("m-warmup-start-1", "m-warmup-done", "m-infer-start-2", "m-lap-us-T", "m-lap-us-T"),
        *("m-infer-done", "m-results-[0.500,0.004,0.988,0.750]", "m-ready"),
        *("m-results-[0.500,0.004,0.988,0.750]", "m-ready"),
        *("m-output-80-01-fd-c0", "m-ready"),
    ]


def test_ten_warm_ups_are_run_where_none_are_named(echo: Path) -> None:
    """As in the reference firmware's code."""
    assert "m-warmup-start-10" in converse(echo, b"db load 4%db 00000000%infer 1%")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"", "e-[Unknown command: ]"),
        (b"nonsense", "e-[Unknown command: nonsense]"),
        (b"a[b]\x01\xff", "e-[Unknown command: a?b???]"),
        (b"db", "e-[Command 'db' requires a subcommand]"),
        (b"db load", "e-[Command 'db load' must be >0 bytes]"),
        (b"db load 0", "e-[Command 'db load' must be >0 bytes]"),
        (b"db load -4", "e-[Command 'db load' must be >0 bytes]"),
        (b"db load 4 4", "e-[Command 'db load' must be >0 bytes]"),
        (b"db load 27649", "e-[Supplied buffer size 27649 exceeds maximum of 27648]"),
        (b"db load 99999999999", "e-[Command 'db load' must be >0 bytes]"),
        (b"db 0", "e-[Insufficent number of hex digits]"),
        (b"db 00x1", "e-[Invalid hex digit 'x1']"),
        (b"db 00", "e-[Nothing is expected: send 'db load' first]"),
        (b"db 00 00", "e-[Command 'db' takes one word of hex digits]"),
        (b"infer", "e-[Inference iterations must be >0]"),
        (b"infer 0", "e-[Inference iterations must be >0]"),
        (b"infer 1 -1", "e-[Inference warmup must be >=0]"),
        (b"infer 1 1db load 4", "e-[Inference warmup must be >=0]"),
        (b"infer 1 1", "e-[The input takes 4 bytes, 0 of 0 are loaded]"),
        (b"db load 4%db 0011%infer 1 1", "e-[The input takes 4 bytes, 2 of 4 are loaded]"),
        (b"db load 2%db 0011%infer 1 1", "e-[The input takes 4 bytes, 2 of 2 are loaded]"),
        (b"db load 4%db fe000000%infer 1 1", "e-[The engine does not take the input]"),
        (b"db load 4%db ff000000%infer 1 1", "e-[Inference failed]"),
        (b"results", "e-[There are no results: run infer first]"),
        (b"output", "e-[There is no output: run infer first]"),
        (b"x" * 79, "e-[Unknown command: " + "x" * 79 + "]"),
        (b"x" * 80, "e-[Command is too long]"),
        (b"x" * 100_000, "e-[Command is too long]"),
    ],
)
def test_what_cannot_be_done_is_refused(echo: Path, command: bytes, answer: str) -> None:
    """One line says why, m-ready follows, and the next command is answered as ever."""
    lines = converse(echo, command + b"%name%")

    assert lines[-4:] == [answer, "m-ready", "m-name-dut-[TinyGauge]", "m-ready"]


def test_line_ends_of_a_terminal_do_not_count(echo: Path) -> None:
    """A person may type the commands, one on a line."""
    assert converse(echo, b"\r\n\0na\nme%\r\n")[0] == "m-name-dut-[TinyGauge]"


def test_a_refused_piece_of_input_can_be_sent_again(echo: Path) -> None:
    """Nothing of it was stored, so that the rest lands where it belongs."""
    lines = converse(echo, b"db load 4%db 01%db 02x%db 0203%db 04%db print%")

    assert lines[-4:] == ["m-load-done", "m-ready", "m-buffer-01-02-03-04", "m-ready"]


def test_digits_beyond_the_end_are_ignored(echo: Path) -> None:
    """As in the reference firmware."""
    lines = converse(echo, b"db load 4%db 01020304050607%db 08%db print%")

    assert lines == [
        *("m-[Expecting 4 bytes]", "m-ready"),
        *("m-load-done", "m-ready"),
        "m-ready",
        *("m-buffer-01-02-03-04", "m-ready"),
    ]


def test_the_energy_build_gives_pulses_for_times(tmp_path: Path) -> None:
    """No lap line; the greeting names the mode."""
    program = build_for_host(tmp_path / "energy", "echo_engine.c", "-DTG_ENERGY")
    lines = converse(program, b"db load 4%db 01020304%timestamp%infer 1 0%")

    assert lines[4:] == [
        "m-ready",
        *("m-warmup-start-0", "m-warmup-done", "m-infer-start-1", "m-infer-done"),
        *("m-results-[0.004,0.008,0.012,0.016]", "m-ready"),
    ]


def test_results_are_rounded_as_printf_rounds(floats: Path) -> None:
    """Three digits after the point, over signs, halves, small and large numbers."""
    source = np.random.default_rng(5)
    values = (source.standard_normal(500) * 10.0 ** source.integers(-6, 12, 500)).tolist()
    values += [0.0, 0.0005, 0.0015, 0.0625, 0.9995, 1.0005, 0.1875 / 8, 2.0**-11, -0.5, 255 / 256]
    exact = [struct.unpack("<f", struct.pack("<f", value))[0] for value in values]
    sent = b"".join(
        b"db load 4%db " + struct.pack("<f", value).hex().encode() + b"%infer 1 0%"
        for value in exact
    )
    printed = re.findall(r"m-results-\[(.*)\]", "\n".join(converse(floats, sent)))

    assert printed == [f"{value:.3f}" for value in exact]


@pytest.mark.parametrize(
    ("value", "printed"), [(float("nan"), "nan"), (float("inf"), "inf"), (-1e30, "-inf")]
)
def test_results_without_three_digits_are_still_numbers(
    floats: Path, value: float, printed: str
) -> None:
    """What a host reads with float(): not a number, or too large to print."""
    load = b"db load 4%db " + struct.pack("<f", value).hex().encode()

    assert f"m-results-[{printed}]" in converse(floats, load + b"%infer 1 0%")


@pytest.mark.parametrize("seed", range(8))
def test_nothing_that_arrives_breaks_it(echo: Path, seed: int) -> None:
    """Noise and damage: each '%' gets one m-ready, and afterwards a whole input its result."""
    source = random.Random(seed)  # noqa: S311 (not for secrets)
    good = [b"name%", b"db load 4%", b"db 01020304%", b"infer 2 1%", b"db print%", b"results%"]
    sent = bytearray()
    for _ in range(1000):
        command = bytearray(source.choice([*good, source.randbytes(source.randrange(200))]))
        for _ in range(source.choice([0, 0, 1, 3])):
            if command:
                place = source.randrange(len(command))
                match source.randrange(3):
                    case 0:
                        command[place] = source.randrange(256)
                    case 1:
                        del command[place]
                    case _:
                        command.insert(place, source.randrange(256))
        # Digits that a damaged "infer" would take for millions of inferences.
        sent += re.sub(rb"infer (\d{4,})", b"infer 9", bytes(command))
    sent += b"%db load 4%db 40302010%infer 1 0%"
    lines = converse(echo, bytes(sent))

    assert lines.count("m-ready") == sent.count(b"%")
    assert lines[-2:] == ["m-results-[0.250,0.188,0.125,0.062]", "m-ready"]
