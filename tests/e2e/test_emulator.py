"""A firmware in QEMU: the serial line on a socket, a clock that repeats, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tests.support.emulation import processes_with, require_tools
from tests.support.tiny_models import build_cnn
from tinygauge import graph
from tinygauge.accuracy.processes import run_model
from tinygauge.accuracy.runners import Runner
from tinygauge.bench.board import Board
from tinygauge.bench.link import Link, open_link
from tinygauge.emulation.qemu import NOMINAL_HZ, Emulator
from tinygauge.errors import LinkClosedError, LinkTimeoutError, ToolError
from tinygauge.firmware import (
    MACHINES,
    Firmware,
    build_firmware,
    find_compiler,
    generate_engine,
    machine_of,
    wire_of,
)
from tinygauge.simulation import count_instructions

CONTENT = build_cnn(side=16, channels=8)
INPUT = np.arange(-128, 128, dtype=np.int8).reshape(1, 16, 16, 1)
TFLM = Runner("tflite-micro", "tflite-micro", "tflite-micro")


def _build(folder: Path, cpu: str, compiler: str = "gcc") -> Firmware:
    model = graph.parse(CONTENT, name="tested")
    engine = generate_engine(model, wire_of("custom"))
    return build_firmware(engine, machine_of(cpu), folder, find_compiler(compiler))


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    require_tools()
    return _build(tmp_path_factory.mktemp("firmware"), "m4")


@pytest.fixture(scope="module")
def expected() -> tuple[float, ...]:
    """What tflite-micro gives, as the protocol prints it."""
    pytest.importorskip("tflite_micro", reason="tflite-micro is for Linux only")
    stored = run_model(CONTENT, INPUT[np.newaxis], TFLM).reshape(-1)
    return tuple(round((float(value) + 128) / 256, 3) for value in stored)


@contextmanager
def _board(emulator: Emulator) -> Iterator[Board]:
    """Connect to an emulated board, in step, and disconnect."""
    with closing(open_link(emulator.port)) as link:
        board = Board(link)
        assert board.synchronise().startswith("TinyGauge cortex-m")
        yield board


def _read_to_the_end(link: Link) -> None:
    while True:
        link.read(5.0)


def _functions(elf: Path) -> set[str]:
    with elf.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = table.iter_symbols()
        return {each.name for each in symbols if each["st_info"]["type"] == "STT_FUNC"}


def _wait_until_gone(elf: Path) -> bool:
    end_s = time.monotonic() + 10
    while processes_with(str(elf)):
        if time.monotonic() > end_s:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("cpu", MACHINES)
def test_every_core_gives_the_outputs_of_tflite_micro(
    tmp_path: Path, firmware: Firmware, expected: tuple[float, ...], cpu: str
) -> None:
    """Each has its own instructions and floating-point unit, and answers as the others do."""
    built = firmware if cpu == "cortex-m4" else _build(tmp_path, cpu)
    with Emulator(built.machine.name, built.path) as emulator, _board(emulator) as board:
        board.load(INPUT.tobytes())
        reply = board.infer(2, 0)

    assert reply.outputs == expected


def test_the_other_compiler_gives_the_same_outputs(
    tmp_path: Path, expected: tuple[float, ...]
) -> None:
    """Zig's, where it is installed; single precision stays in the floating-point unit."""
    require_tools()
    pytest.importorskip("ziglang", reason="the extra 'zig' is not installed")
    built = _build(tmp_path, "m4", "zig")
    with Emulator(built.machine.name, built.path) as emulator, _board(emulator) as board:
        board.load(INPUT.tobytes())
        reply = board.infer(1, 0)

    assert reply.outputs == expected
    assert not _functions(built.path) & {"__aeabi_fadd", "__aeabi_fmul", "__aeabi_fdiv"}


def test_emulated_time_is_instructions_over_the_nominal_clock(firmware: Firmware) -> None:
    """Independent source: the instructions that another emulator, unicorn, counts."""
    pytest.importorskip("unicorn", reason="the extra 'simulate' is not installed")
    pytest.importorskip("capstone", reason="the extra 'simulate' is not installed")
    counted = count_instructions(firmware.path, function="tg_engine_infer").instructions.value
    with Emulator(firmware.machine.name, firmware.path) as emulator, _board(emulator) as board:
        board.load(bytes(256))
        replies = [board.infer(20, 1) for _ in range(2)]

    for reply in replies:
        assert reply.elapsed_s / 20 * NOMINAL_HZ == pytest.approx(counted, rel=0.002)
    assert replies[0].elapsed_s == pytest.approx(replies[1].elapsed_s, rel=1e-4)


def test_closing_ends_every_process(firmware: Firmware) -> None:
    """Also in the middle of an inference, and again where it was closed already."""
    emulator = Emulator(firmware.machine.name, firmware.path)
    with _board(emulator) as board:
        board.link.write(b"infer 1000000 0%")
        assert len(processes_with(str(firmware.path))) == 2

        emulator.close()
        emulator.close()

        assert processes_with(str(firmware.path)) == []
        assert emulator.failure() is None
        with pytest.raises(LinkClosedError):
            _read_to_the_end(board.link)


def test_nothing_is_left_where_the_program_is_killed(firmware: Firmware) -> None:
    """SIGKILL leaves no time to clean up: the emulator ends all the same."""
    code = (
        "import sys, time; from pathlib import Path; from tinygauge.emulation.qemu import Emulator;"
        "e = Emulator(sys.argv[1], Path(sys.argv[2])); print(e.port, flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", code, firmware.machine.name, str(firmware.path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline().startswith("socket://127.0.0.1:")
        program.send_signal(signal.SIGKILL)

    assert _wait_until_gone(firmware.path)


def test_an_emulator_that_crashes_says_so(firmware: Firmware) -> None:
    """The link closes, and the reason is told."""
    with Emulator(firmware.machine.name, firmware.path) as emulator:
        with _board(emulator) as board:
            os.kill(max(processes_with(str(firmware.path))), signal.SIGSEGV)
            with pytest.raises(LinkClosedError):
                _read_to_the_end(board.link)

        assert _wait_until_gone(firmware.path)
        assert "qemu-system-arm: it ended with signal 11" in str(emulator.failure())


def test_a_firmware_that_crashes_says_so(tmp_path: Path, firmware: Firmware) -> None:
    """An undefined instruction ends in a hard fault, and that in a line on the wire."""
    infer = "bool tg_engine_infer(void)\n{\n"
    source = firmware.engine.source.replace(infer, infer + '    __asm volatile("udf #0");\n')
    engine = replace(firmware.engine, source=source)
    built = build_firmware(engine, firmware.machine, tmp_path, firmware.compiler)

    with Emulator(built.machine.name, built.path) as emulator, _board(emulator) as board:
        board.load(INPUT.tobytes())
        board.reply_s = 0.5
        with pytest.raises(LinkTimeoutError, match="The firmware crashed: exception 03"):
            board.infer(1, 0, warmup_s=0.5, infer_s=0.5)


def test_what_qemu_refuses_is_told_in_its_words(firmware: Firmware) -> None:
    """Such as a board that it does not know."""
    with pytest.raises(ToolError, match=r"exit code 1: .*unsupported machine type"):
        Emulator("mps9-an999", firmware.path)


def test_a_missing_program_is_named(firmware: Firmware, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(ToolError, match=r"qemu-system-arm: .* not installed.*apt-get install"):
        Emulator(firmware.machine.name, firmware.path)
    with pytest.raises(ToolError, match=r"arm-none-eabi-gcc: no compiler .*apt-get install"):
        find_compiler("gcc")


def test_a_compiler_that_fails_is_quoted(tmp_path: Path, firmware: Firmware) -> None:
    """Its first lines and its exit code."""
    broken = replace(firmware.engine, source="#error broken on purpose\n")

    with pytest.raises(ToolError, match=r"exit code 1:\n.*broken on purpose"):
        build_firmware(broken, firmware.machine, tmp_path, firmware.compiler)
