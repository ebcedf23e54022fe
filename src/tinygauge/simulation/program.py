"""A firmware's ELF file as the emulator needs it: what lies where, which function is where.

Read in the worker's process: the file may be damaged or hostile, so nothing of it is believed
beyond the limits here.

References
----------
.. [1] System V ABI, "ELF": program header (p_vaddr, p_paddr, p_filesz, p_memsz).
.. [2] Arm, "ABI for the Arm Architecture: Addenda" (Addenda32), 3.3.6: Tag_CPU_arch.
.. [3] Arm, "Armv7-M Architecture Reference Manual" (DDI 0403), B1.5.3: the vector table, whose
   first word is the stack pointer at reset and whose second is the reset handler.
"""

from __future__ import annotations

import bisect
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import ARMAttributesSection, SymbolTableSection

__all__ = ["Function", "Program", "ProgramError", "Segment", "read_program"]

_MOST_MEMORY_BYTES = 512 << 20
_MOST_SYMBOLS = 1_000_000
_THUMB = 1

# Tag_CPU_arch [2] of the M profile, and the plainest core that has all its instructions.
_CORE_OF_ARCHITECTURE = {
    11: "cortex-m0",  # v6-M
    12: "cortex-m0",  # v6S-M
    10: "cortex-m3",  # v7 (M where the profile says so)
    13: "cortex-m4",  # v7E-M
    16: "cortex-m33",  # v8-M baseline
    17: "cortex-m33",  # v8-M mainline
    21: "cortex-m55",  # v8.1-M mainline
}


class ProgramError(Exception):
    """The file can't be run; the text says why."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes that belong to an address; what is beyond `content` is zero."""

    address: int
    load_address: int
    size_bytes: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Function:
    """A symbol of code; the address is that of its first instruction."""

    address: int
    size_bytes: int
    name: str


class Program:
    """A linked firmware.

    Parameters
    ----------
    segments : tuple of Segment
    functions : tuple of Function
        By address.
    variables : dict of str to tuple of int
        Address and size of each.
    entry : int
        Where it starts, without the Thumb bit.
    core : str
        What it was built for; empty where the file does not say.
    """

    def __init__(
        self,
        segments: tuple[Segment, ...],
        functions: tuple[Function, ...],
        variables: dict[str, tuple[int, int]],
        entry: int,
        core: str,
    ) -> None:
        self.segments = segments
        self.functions = functions
        self.variables = variables
        self.entry = entry
        self.core = core
        self._starts = [function.address for function in functions]

    def function_at(self, address: int) -> Function | None:
        """Return the function that an address lies in; None where no symbol says."""
        place = bisect.bisect_right(self._starts, address) - 1
        if place < 0:
            return None
        found = self.functions[place]
        is_inside = not found.size_bytes or address < found.address + found.size_bytes
        return found if is_inside else None

    def address_of(self, name: str) -> int:
        """Return the address of a function.

        Raises
        ------
        ProgramError
            If there is none of that name.
        """
        for function in self.functions:
            if function.name == name:
                return function.address
        known = ", ".join(sorted(function.name for function in self.functions)[:20])
        raise ProgramError(f"no function '{name}' (there are {known or 'no symbols'})")

    def initial_stack(self) -> int | None:
        """Return the stack pointer at reset, where a segment starts with a vector table [3]."""
        for segment in self.segments:
            if len(segment.content) >= 8:
                stack, reset = struct.unpack_from("<II", segment.content)
                if reset == self.entry | _THUMB:
                    return int(stack)
        return None


def read_program(file: BinaryIO) -> Program:
    """Read a firmware.

    Parameters
    ----------
    file : BinaryIO
        The ELF file.

    Returns
    -------
    Program

    Raises
    ------
    ProgramError
        If it is no linked 32-bit Arm program.
    """
    elf = ELFFile(file)
    if elf["e_machine"] != "EM_ARM" or elf.elfclass != 32 or not elf.little_endian:
        raise ProgramError("this is no program for a 32-bit little-endian Arm core")
    if elf["e_type"] not in ("ET_EXEC", "ET_DYN"):
        raise ProgramError("this ELF file is not linked")
    segments = tuple(_segments(elf))
    if not any(segment.content for segment in segments):
        raise ProgramError("nothing in this file is loaded into memory")
    functions, variables = _symbols(elf)
    entry = int(elf["e_entry"]) & ~_THUMB
    return Program(segments, functions, variables, entry, _core(elf))


def _segments(elf: Any) -> list[Segment]:
    found = []
    total = 0
    for part in elf.iter_segments():
        if part["p_type"] != "PT_LOAD" or not part["p_memsz"]:
            continue
        total += part["p_memsz"]
        if total > _MOST_MEMORY_BYTES or part["p_vaddr"] + part["p_memsz"] > 1 << 32:
            raise ProgramError("it takes more memory than any microcontroller has")
        content = part.data()[: part["p_memsz"]] if part["p_filesz"] else b""
        found.append(Segment(part["p_vaddr"], part["p_paddr"], part["p_memsz"], content))
    return found


def _symbols(elf: Any) -> tuple[tuple[Function, ...], dict[str, tuple[int, int]]]:
    functions: dict[int, Function] = {}
    variables: dict[str, tuple[int, int]] = {}
    for table in elf.iter_sections():
        if not isinstance(table, SymbolTableSection) or table["sh_type"] != "SHT_SYMTAB":
            continue
        if table.num_symbols() > _MOST_SYMBOLS:
            raise ProgramError(f"it has {table.num_symbols():,} symbols")
        for symbol in table.iter_symbols():
            kind, size_bytes = symbol["st_info"]["type"], symbol["st_size"]
            if symbol["st_shndx"] == "SHN_UNDEF" or not symbol.name:
                continue
            if kind == "STT_FUNC":
                address = symbol["st_value"] & ~_THUMB
                held = functions.get(address)
                if held is None or held.size_bytes < size_bytes:
                    functions[address] = Function(address, size_bytes, symbol.name)
            elif kind == "STT_OBJECT":
                variables[symbol.name] = (symbol["st_value"], size_bytes)
    return tuple(functions[address] for address in sorted(functions)), variables


def _core(elf: Any) -> str:
    for section in elf.iter_sections():
        if isinstance(section, ARMAttributesSection):
            for subsection in section.iter_subsections():
                for part in subsection.iter_subsubsections():
                    for attribute in part.iter_attributes("TAG_CPU_ARCH"):
                        return _CORE_OF_ARCHITECTURE.get(attribute.value, "")
    return ""
