"""Counted instructions equal those counted by hand; bad firmware is refused in one line."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.thumb import countdown, firmware

from tinygauge.errors import InputError, RunnerError, UnknownNameError
from tinygauge.simulation import Limits, Profile, count_instructions

pytest.importorskip("unicorn", reason="the extra 'simulate' is not installed")
pytest.importorskip("capstone", reason="the extra 'simulate' is not installed")


def _count(folder: Path, content: bytes, function: str = "", until: str = "") -> Profile:
    path = folder / "firmware.elf"
    path.write_bytes(content)
    return count_instructions(path, function=function, until=until, limits=Limits(time_s=1.0))


def test_a_program_is_counted_to_the_instruction(tmp_path: Path) -> None:
    """By function, by basic block and by class, from its start until it returns."""
    main = [
        0xB510,  # push {r4, lr}
        0xF000,  # bl twice
        0xF802,
        0xBD10,  # pop {r4, pc}
    ]
    pad = [0xBF00]
    found = _count(tmp_path, firmware({"main": [*main, *pad], "twice": countdown(200)}))

    assert found.core == "cortex-m4"
    assert (found.start, found.stop) == ("reset", "returned")
    assert found.instructions.value == 3 + 2 + 400 + 1
    # The call, 199 times round the loop, back from the call, and the return.
    assert found.taken_branches.value == 1 + 199 + 1
    assert [(each.name, each.calls, each.instructions.value) for each in found.functions] == [
        ("twice", 1, 403),
        ("main", 1, 3),
    ]
    assert dict(found.functions[0].classes) == {
        "mov": 1,
        "nop": 1,
        "alu": 200,
        "br_cond": 200,
        "br_ind": 1,
    }
    assert {"alu": 1, "br_cond": 1} in [dict(each.classes) for each in found.blocks]
    assert sorted((each.instructions, each.executions) for each in found.blocks) == [
        (1, 1),
        (1, 1),
        (2, 1),
        (2, 1),
        (2, 200),
    ]


def test_one_function_can_be_called(tmp_path: Path) -> None:
    """Its stack is its own, and it ends when it returns."""
    content = firmware({"main": [0xBE00], "work": countdown(3)})
    found = _count(tmp_path, content, function="work")

    assert (found.start, found.stop) == ("work", "returned")
    assert found.instructions.value == 9


def test_a_run_stops_before_a_function(tmp_path: Path) -> None:
    """Its instructions are not among those counted."""
    content = firmware({"main": [0xBF00, 0xBF00], "work": countdown(3)})
    found = _count(tmp_path, content, until="work")

    assert (found.stop, found.instructions.value) == ("reached", 2)


def test_semihosting_exits(tmp_path: Path) -> None:
    """With the code that the program gives, and what it writes before counts for nothing."""
    main = [
        0x2005,  # movs r0, #5 (SYS_WRITE)
        0xBEAB,  # bkpt 0xab
        0x2018,  # movs r0, #0x18 (SYS_EXIT)
        0x2101,  # movs r1, #1: no ADP_Stopped_ApplicationExit
        0xBEAB,
    ]
    found = _count(tmp_path, firmware({"main": main}))

    assert (found.stop, found.exit_code, found.instructions.value) == ("exit", 1, 5)


def test_a_breakpoint_ends_the_run(tmp_path: Path) -> None:
    """It counts as executed."""
    found = _count(tmp_path, firmware({"main": [0xBF00, 0xBE01, 0xBF00]}))

    assert (found.stop, found.instructions.value) == ("breakpoint", 2)


def test_inputs_are_there_when_the_function_starts(tmp_path: Path) -> None:
    """The loop runs as often as the variable says."""
    work = [
        0x4802,  # ldr r0, [pc, #8]
        0x7800,  # ldrb r0, [r0]
        0x3801,  # loop: subs r0, #1
        0xD1FD,  # bne loop
        0x4770,  # bx lr
        0xBF00,
        0x0000,  # .word 0x20000000
        0x2000,
    ]
    path = tmp_path / "firmware.elf"
    path.write_bytes(firmware({"work": work}, variables={"rounds": 1}))

    found = count_instructions(path, function="work", inputs=[("rounds", b"\x07")])

    assert found.instructions.value == 2 + 2 * 7 + 1


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (b"", {}, "damaged"),
        (b"\x7fELF" + b"\xff" * 100, {}, "damaged"),
        (firmware({"f": [0xBF00]}, architecture=21), {}, "built for cortex-m55"),
        (firmware({"f": [0xBF00]}), {"function": "g"}, "no function 'g' (there are f)"),
        (firmware({"f": [0x4800, 0x6800, 0, 0x4000]}), {}, "uses 4 bytes at 0x40000000"),
        (firmware({"f": [0xDF00, 0xBF00]}), {}, "in f it raises exception 2"),
        (firmware({"f": [0xDE00]}), {}, "in f it does what the emulated core can't"),
    ],
)
def test_what_cannot_be_run_is_refused(
    tmp_path: Path, content: bytes, options: dict[str, str], expected: str
) -> None:
    """The message says what happened, and in which function."""
    with pytest.raises(InputError) as caught:
        _count(tmp_path, content, **options)

    assert expected in str(caught.value)


def test_a_run_without_end_is_stopped(tmp_path: Path) -> None:
    """At the limit, with what was executed so far and where."""
    path = tmp_path / "firmware.elf"
    path.write_bytes(firmware({"spin": [0xE7FE]}))

    with pytest.raises(RunnerError, match=r"did not end within 0.1 s: [\d,]+ .* the last in spin"):
        count_instructions(path, limits=Limits(time_s=0.1))


def test_an_unknown_core_is_refused(tmp_path: Path) -> None:
    """Before anything runs."""
    with pytest.raises(UnknownNameError, match="cortex-m9"):
        count_instructions(tmp_path / "none.elf", core="cortex-m9")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_damaged_firmware_never_breaks_out(tmp_path: Path, seed: int) -> None:
    """A count, or one of our errors: never a crash, and never longer than the limit."""
    source = random.Random(seed)  # noqa: S311 (not for secrets)
    content = bytearray(firmware({"main": countdown(9), "other": countdown(3)}))
    for _ in range(source.choice([1, 2, 8])):
        content[source.randrange(len(content))] = source.randrange(256)
    with suppress(InputError, RunnerError):
        assert _count(tmp_path, bytes(content)).instructions.value >= 0
