"""Counts the instructions of a firmware, in a process of its own: the file may be hostile.

The job comes as JSON on the standard input; one object of JSON on the standard output is the
answer, ``{"error": ...}`` where there is none. When the parent is gone, so is this process.
"""

from __future__ import annotations

import bisect
import json
import os
import signal
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from tinygauge.simulation.classes import class_of
from tinygauge.simulation.machine import MODELS, Execution, Run, execute
from tinygauge.simulation.program import Program, ProgramError, read_program

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1  # Linux, include/uapi/linux/prctl.h


def main() -> int:
    """Read a job, run it, and answer; return the exit code."""
    _end_with_parent()
    job = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever the emulator prints is no answer
    _set_limits(job)
    try:
        answer = _answer(job)
    except ProgramError as error:
        answer = {"error": str(error)}
    json.dump(answer, answers)
    answers.flush()
    return 0


def _end_with_parent() -> None:
    """Have the kernel end this process when its parent ends, where it can (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _set_limits(job: dict[str, Any]) -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (job["memory_bytes"], job["memory_bytes"]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    with open(job["path"], "rb") as file:  # noqa: PTH123 (pathlib would be one more import)
        try:
            program = read_program(file)
        except ProgramError:
            raise
        except Exception as error:
            said = " ".join(str(error).split())[:100] or type(error).__name__
            raise ProgramError(f"this ELF file is damaged ({said})") from error
    core = job["core"] or program.core
    if core not in MODELS:
        named = f"was built for {core}" if core else "does not say what core it was built for"
        raise ProgramError(f"the file {named}; emulated are {', '.join(MODELS)}")
    run = Run(
        core=core,
        function=job["function"],
        until=job["until"],
        inputs=tuple((name, bytes.fromhex(content)) for name, content in job["inputs"]),
        time_s=job["time_s"],
    )
    return {"core": core, **_summary(program, execute(program, run))}


def _summary(program: Program, execution: Execution) -> dict[str, Any]:
    """Add executions up by block, function and class."""
    executed, taken = _basic_blocks(execution)
    mixes = _Mixes(program)
    functions: dict[str, dict[str, Any]] = {}
    by_class: dict[str, Counter[str]] = defaultdict(Counter)
    blocks = []
    for (address, end), count in executed.items():
        function = program.function_at(address)
        name = function.name if function else ""
        mix = mixes.of(address, end)
        for kind, number in mix.items():
            by_class[name][kind] += number * count
        entry = functions.setdefault(
            name, {"name": name, "address": function.address if function else address, "calls": 0}
        )
        entry["calls"] += count if function and address == function.address else 0
        blocks.append([address, end - address, dict(mix), count, name])
    for name, entry in functions.items():
        entry["classes"] = dict(by_class[name])
    stopped = program.function_at(execution.stopped_at)
    return {
        "stop": execution.stop,
        "exit_code": execution.exit_code,
        "stopped_in": stopped.name if stopped else "",
        "taken_branches": taken,
        "functions": list(functions.values()),
        "blocks": blocks,
    }


def _basic_blocks(execution: Execution) -> tuple[Counter[tuple[int, int]], int]:
    """Return executions by (start, end) of basic blocks, and how many branches were taken.

    The emulator's blocks overlap where a branch leads into the middle of one: they are cut there.
    """
    starts = sorted({address for _, address, _ in execution.blocks})
    executed: Counter[tuple[int, int]] = Counter()
    taken = 0
    for (before, address, size_bytes), count in execution.blocks.items():
        taken += count if before not in (0, address) else 0
        end = address + size_bytes
        inside = starts[bisect.bisect_right(starts, address) : bisect.bisect_left(starts, end)]
        for start, stop in pairwise([address, *inside, end]):
            executed[start, stop] += count
    return executed, taken


class _Mixes:
    """Instruction classes of blocks of code."""

    def __init__(self, program: Program) -> None:
        import capstone

        self.program = program
        mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | capstone.CS_MODE_V8
        self.disassembler = capstone.Cs(capstone.CS_ARCH_ARM, mode)

    def of(self, address: int, end: int) -> Counter[str]:
        """Return how many instructions of each class a block holds."""
        code = self._code(address, end - address)
        mix: Counter[str] = Counter()
        at = 0
        while at < len(code):
            wide = _is_wide(code[at : at + 2])
            decoded = next(
                self.disassembler.disasm_lite(code[at : at + 4], address + at, 1),
                (0, 0, "", ""),
            )
            mix[class_of(decoded[2], decoded[3])] += 1
            at += 4 if wide else 2
        return mix

    def _code(self, address: int, size_bytes: int) -> bytes:
        for segment in self.program.segments:
            for start in (segment.address, segment.load_address):
                if start <= address and address + size_bytes <= start + len(segment.content):
                    return segment.content[address - start : address - start + size_bytes]
        raise ProgramError(f"it executes what the file does not hold, at {address:#010x}")


def _is_wide(code: bytes) -> bool:
    """Tell 32-bit from 16-bit Thumb instructions.

    References
    ----------
    DDI 0403, A5.1: the first five bits are 0b11101, 0b11110 or 0b11111.
    """
    return len(code) == 2 and code[1] >> 3 in (0b11101, 0b11110, 0b11111)


if __name__ == "__main__":
    sys.exit(main())
