"""Runs a program on an emulated core and counts every basic block that it executes.

A block is counted with the one before it, which tells taken branches from falling through. The
core has no peripherals and takes no interrupts: a program that needs them is run function by
function.

References
----------
.. [1] Unicorn Engine 2, https://www.unicorn-engine.org: hooks, ``ctl_set_cpu_model``. It runs plain
   Thumb state, without the M profile's exception model, which none of the counts needs.
.. [2] Arm, "Semihosting for AArch32 and AArch64" (ABI): BKPT 0xAB, SYS_EXIT (0x18),
   SYS_EXIT_EXTENDED (0x20), SYS_WRITE (0x05), SYS_CLOCK (0x10).
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tinygauge.simulation.program import Program, ProgramError

__all__ = ["MODELS", "Execution", "Run", "execute"]

MODELS = {
    "cortex-m0": "UC_CPU_ARM_CORTEX_M0",
    "cortex-m0+": "UC_CPU_ARM_CORTEX_M0",
    "cortex-m3": "UC_CPU_ARM_CORTEX_M3",
    "cortex-m4": "UC_CPU_ARM_CORTEX_M4",
    "cortex-m7": "UC_CPU_ARM_CORTEX_M7",
    "cortex-m33": "UC_CPU_ARM_CORTEX_M33",
}
"""Cores that can be emulated, with the emulator's name of each."""

_PAGE = 4096
_STACK_BYTES = 1 << 20
_THUMB = 1
_RETURN_CODE = 0xBE00  # BKPT 0, in case anything runs on past the return
_SYSTEM_SPACE = 0xE000E000  # system control: CPACR, VTOR, SysTick
_BREAKPOINT = 7  # EXCP_BKPT of the emulator
_SEMIHOSTING = 0xAB
_SYS_EXITS = (0x18, 0x20)
_APPLICATION_EXIT = 0x20026
_SYS_WRITE = 0x05
_FPU_ENABLE = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What to run.

    Parameters
    ----------
    core : str
        One of `MODELS`.
    function : str
        To be called; empty for the program from its reset on.
    until : str
        Function before which to stop; may be empty.
    inputs : tuple
        Variables and the bytes to put into them first.
    time_s : float
        Stop after this long.
    """

    core: str
    function: str
    until: str
    inputs: tuple[tuple[str, bytes], ...]
    time_s: float


@dataclass(slots=True)
class Execution:
    """What was executed.

    Parameters
    ----------
    blocks : Counter
        Executions by (end of the block before, address, bytes).
    stop : str
        ``"returned"``, ``"reached"``, ``"exit"``, ``"breakpoint"`` or ``"time"``.
    exit_code : int
        What the program gave to semihosting's exit; 0 for success.
    stopped_at : int
        Address.
    """

    blocks: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    stop: str = ""
    exit_code: int = 0
    stopped_at: int = 0


def execute(program: Program, run: Run) -> Execution:
    """Run a program until it ends.

    Parameters
    ----------
    program : Program
    run : Run

    Returns
    -------
    Execution

    Raises
    ------
    ProgramError
        If it does something that the emulated core can't do.
    """
    import unicorn
    from unicorn import arm_const

    core = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    core.ctl_set_cpu_model(getattr(arm_const, MODELS[run.core]))
    memory = _Memory(core)
    for segment in program.segments:
        for address in {segment.address, segment.load_address}:
            memory.add(address, segment.size_bytes)
    for segment in program.segments:
        # Where it is loaded, for start-up code that copies; where it belongs, for a function
        # that is called without it.
        for address in {segment.address, segment.load_address}:
            core.mem_write(address, segment.content)
    memory.add(_SYSTEM_SPACE, _PAGE)
    core.reg_write(arm_const.UC_ARM_REG_FPEXC, _FPU_ENABLE)
    for name, content in run.inputs:
        core.mem_write(_place(program, name, len(content)), content)
    start, until = _prepare(core, memory, program, run)
    return _Counting(core, program).run(start, until, run.time_s)


class _Memory:
    """The pages that exist."""

    def __init__(self, core: Any) -> None:
        self.core = core
        self.pages: set[int] = set()

    def add(self, address: int, size_bytes: int) -> None:
        """Make sure that a range exists."""
        for page in range(address // _PAGE, (address + size_bytes + _PAGE - 1) // _PAGE):
            if page not in self.pages:
                self.core.mem_map(page * _PAGE, _PAGE)
                self.pages.add(page)

    def add_anywhere(self, size_bytes: int) -> int:
        """Make a range where nothing is, and return its address."""
        count = size_bytes // _PAGE
        for first in range(0x60000, 0xA0000, 0x1000):
            if self.pages.isdisjoint(range(first - 1, first + count + 1)):
                self.core.mem_map(first * _PAGE, size_bytes)
                self.pages.update(range(first, first + count))
                return first * _PAGE
        raise ProgramError("it leaves no room in the address space for a stack")


def _place(program: Program, name: str, size_bytes: int) -> int:
    """Return the address of a variable that is to take so many bytes."""
    if name not in program.variables:
        known = ", ".join(sorted(program.variables)[:20])
        raise ProgramError(f"no variable '{name}' (there are {known or 'no symbols'})")
    address, room = program.variables[name]
    if size_bytes > room:
        raise ProgramError(f"variable '{name}' holds {room:,} bytes, not {size_bytes:,}")
    return address


def _prepare(core: Any, memory: _Memory, program: Program, run: Run) -> tuple[int, int]:
    """Set the stack and where to return to; return where to start and before what to stop."""
    from unicorn import arm_const

    stack = None if run.function else program.initial_stack()
    if stack is None:
        stack = memory.add_anywhere(_STACK_BYTES) + _STACK_BYTES
    else:
        memory.add(max(0, stack - _PAGE), min(_PAGE, stack))
    end = memory.add_anywhere(_PAGE)
    core.mem_write(end, struct.pack("<H", _RETURN_CODE) * 2)
    core.reg_write(arm_const.UC_ARM_REG_SP, stack)
    core.reg_write(arm_const.UC_ARM_REG_LR, end | _THUMB)
    start = program.address_of(run.function) if run.function else program.entry
    until = program.address_of(run.until) if run.until else end
    return start, until


class _Counting:
    """One run: hooks, and what they saw."""

    def __init__(self, core: Any, program: Program) -> None:
        self.core = core
        self.program = program
        self.execution = Execution()
        self.trouble = ""

    def run(self, start: int, until: int, time_s: float) -> Execution:
        """Run from one address until another, or until the program ends itself."""
        import unicorn
        from unicorn import arm_const

        core, found = self.core, self.execution
        blocks = found.blocks
        before = 0

        def count(_: Any, address: int, size_bytes: int, __: Any) -> None:
            nonlocal before
            key = (before, address, size_bytes)
            blocks[key] = blocks.get(key, 0) + 1
            before = address + size_bytes

        core.hook_add(unicorn.UC_HOOK_BLOCK, count)
        core.hook_add(unicorn.UC_HOOK_INTR, self._interrupt)
        core.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._no_memory)
        try:
            core.emu_start(start | _THUMB, until, timeout=int(time_s * 1e6))
        except unicorn.UcError as error:
            raise ProgramError(self._explain(error)) from error
        if self.trouble:
            raise ProgramError(self.trouble)
        found.stopped_at = core.reg_read(arm_const.UC_ARM_REG_PC) & ~_THUMB
        if not found.stop:
            ended = "reached" if self.program.function_at(until) else "returned"
            found.stop = ended if found.stopped_at == until else "time"
        return found

    def _where(self) -> str:
        from unicorn import arm_const

        address = self.core.reg_read(arm_const.UC_ARM_REG_PC) & ~_THUMB
        function = self.program.function_at(address)
        return f"at {address:#010x}" + (f" in {function.name}" if function else "")

    def _no_memory(self, _: Any, __: int, address: int, size: int, ___: int, ____: Any) -> bool:
        if not self.trouble:
            self.trouble = (
                f"{self._where()} it uses {size} bytes at {address:#010x}, where the file places "
                "nothing (a peripheral?): the emulated core has memory only"
            )
        return False

    def _interrupt(self, core: Any, number: int, _: Any) -> None:
        from unicorn import arm_const

        address = core.reg_read(arm_const.UC_ARM_REG_PC) & ~_THUMB
        (code,) = struct.unpack("<H", core.mem_read(address, 2))
        if number != _BREAKPOINT or code & 0xFF00 != 0xBE00:
            self.trouble = f"{self._where()} it raises exception {number}, which nothing handles"
            core.emu_stop()
        elif code & 0xFF != _SEMIHOSTING:
            self.execution.stop = "breakpoint"
            core.emu_stop()
        else:
            self._semihosting(address)

    def _semihosting(self, address: int) -> None:
        from unicorn import arm_const

        core = self.core
        operation = core.reg_read(arm_const.UC_ARM_REG_R0)
        if operation in _SYS_EXITS:
            reason = core.reg_read(arm_const.UC_ARM_REG_R1)
            code = 0
            if operation == _SYS_EXITS[1]:
                reason, code = struct.unpack("<II", core.mem_read(reason, 8))
            elif reason != _APPLICATION_EXIT:
                code = 1
            self.execution.stop, self.execution.exit_code = "exit", code
            core.emu_stop()
            return
        # Writing succeeds into nowhere (0 bytes left), everything else gives 0 too.
        core.reg_write(arm_const.UC_ARM_REG_R0, 0)
        core.reg_write(arm_const.UC_ARM_REG_PC, (address + 2) | _THUMB)

    def _explain(self, error: Exception) -> str:
        return self.trouble or f"{self._where()} it does what the emulated core can't ({error})"
