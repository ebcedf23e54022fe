"""Linked firmware as ELF: allocated sections, cut into symbols.

The section headers come from `pyelftools`; strings and symbols are read here, with bounds, since
a damaged file may claim any number of them. Bytes between symbols (string constants, padding)
become pieces without a symbol.

References
----------
.. [1] System V ABI, "ELF": section header, symbol table entry (st_name, st_value, st_size, …).
.. [2] Arm, "ELF for the Arm Architecture" (AAELF32), 5.5.3 and 5.5.5: bit 0 of a Thumb function's
   value; mapping symbols ``$a``, ``$t``, ``$d``.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.common.utils import struct_parse
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from tinygauge.errors import InputError
from tinygauge.memory.attribution import Piece

__all__ = ["read_elf"]

_MOST_SECTIONS = 4096
_LONGEST_NAME = 4096
_MOST_BYTES = 2**32

_ALLOC, _WRITE = 2, 1
_FUNCTION, _OBJECT, _FILE = 2, 1, 4
_UNDEFINED, _ABSOLUTE = 0, 0xFFF1

# What pyelftools raises on damaged headers.
_DAMAGE = (
    ELFError,
    ConstructError,
    struct.error,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
    AssertionError,
)


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    kind: str
    flags: int
    address: int
    offset: int
    size_bytes: int
    link: int

    @property
    def is_empty(self) -> bool:
        """Whether the file holds no contents for it: zeroed at start."""
        return self.kind == "SHT_NOBITS"


@dataclass(frozen=True, slots=True)
class _Symbol:
    address: int
    size_bytes: int
    name: str
    file: str


def read_elf(content: bytes, where: str) -> list[Piece]:
    """Cut a firmware into pieces.

    Parameters
    ----------
    content : bytes
        The whole file.
    where : str
        Its name, for messages.

    Returns
    -------
    list of Piece
        They add up to what ``size`` prints: flash is text and data, RAM is data and bss.

    Raises
    ------
    InputError
        If the file is damaged, or not linked.
    """
    try:
        elf = ELFFile(io.BytesIO(content))
        if elf["e_type"] not in ("ET_EXEC", "ET_DYN"):
            problem = f"this ELF file is not linked (type {elf['e_type']})"
            raise InputError(where, problem, "Give the linked firmware, or its map file")
        sections = _sections(elf, content)
        symbols = _symbols(elf, sections, content)
    except _DAMAGE as error:
        detail = " ".join(str(error).split())[:100] or type(error).__name__
        raise InputError(where, f"this ELF file is damaged ({detail})", "Build it again") from error
    placed = [section for section in sections if section.flags & _ALLOC and section.size_bytes]
    if sum(section.size_bytes for section in placed) > _MOST_BYTES:
        raise InputError(where, "its sections add up to more than 4 GiB", "Build it again")
    return [
        piece
        for index, section in enumerate(sections)
        if section.flags & _ALLOC and section.size_bytes
        for piece in _cut(section, symbols.get(index, []), content)
    ]


def _sections(elf: Any, content: bytes) -> list[_Section]:
    count, start, step = elf.num_sections(), elf["e_shoff"], elf["e_shentsize"]
    if not 0 < count <= _MOST_SECTIONS or start + count * step > len(content):
        raise ValueError(f"{count} section headers at {start} of {len(content)} bytes")
    headers = [
        struct_parse(elf.structs.Elf_Shdr, elf.stream, start + index * step)
        for index in range(count)
    ]
    for header in headers:
        if header["sh_type"] not in ("SHT_NOBITS", "SHT_NULL"):
            end = header["sh_offset"] + header["sh_size"]
            if end > len(content):
                raise ValueError(f"a section ends at {end} of {len(content)} bytes")
    names = headers[elf["e_shstrndx"]]
    strings = content[names["sh_offset"] : names["sh_offset"] + names["sh_size"]]
    return [
        _Section(
            _string(strings, header["sh_name"]),
            str(header["sh_type"]),
            header["sh_flags"],
            header["sh_addr"],
            header["sh_offset"],
            header["sh_size"] if header["sh_type"] != "SHT_NULL" else 0,
            header["sh_link"],
        )
        for header in headers
    ]


def _string(strings: bytes, offset: int) -> str:
    end = strings.find(b"\0", offset, offset + _LONGEST_NAME)
    return strings[offset : end if end >= 0 else offset + _LONGEST_NAME].decode("utf-8", "replace")


def _symbols(elf: Any, sections: list[_Section], content: bytes) -> dict[int, list[_Symbol]]:
    """Return functions and variables by the section that holds them; none where stripped."""
    order = "<" if elf.little_endian else ">"
    is_arm = elf["e_machine"] == "EM_ARM"
    entry = struct.Struct(order + ("IIIBBH" if elf.elfclass == 32 else "IBBHQQ"))
    found: dict[int, list[_Symbol]] = {}
    for table in sections:
        if table.kind != "SHT_SYMTAB":
            continue
        link = sections[table.link]
        strings = content[link.offset : link.offset + link.size_bytes]
        whole = table.size_bytes // entry.size * entry.size
        file = ""
        for fields in entry.iter_unpack(content[table.offset : table.offset + whole]):
            if elf.elfclass == 32:
                name_at, value, size_bytes, info, _, index = fields
            else:
                name_at, info, _, index, value, size_bytes = fields
            kind, is_local = info & 15, info >> 4 == 0
            if kind == _FILE:
                file = _string(strings, name_at)
            elif kind in (_FUNCTION, _OBJECT) and _UNDEFINED < index < _ABSOLUTE:
                value -= value & 1 if is_arm and kind == _FUNCTION else 0
                name = _string(strings, name_at)
                symbol = _Symbol(value, size_bytes, name, file if is_local else "")
                found.setdefault(index, []).append(symbol)
    return found


def _cut(section: _Section, symbols: list[_Symbol], content: bytes) -> Iterator[Piece]:
    """Cut a section at its symbols; of several at one address the largest counts."""
    at, end = section.address, section.address + section.size_bytes
    ordered = sorted(symbols, key=lambda symbol: (symbol.address, -symbol.size_bytes))
    for symbol, following in zip_longest(ordered, ordered[1:]):
        if not at <= symbol.address < end:
            continue
        stop = symbol.address + symbol.size_bytes
        if not symbol.size_bytes:  # a routine in assembly language reaches to the next symbol
            stop = following.address if following else end
        stop = min(stop, end)
        if symbol.address > at:
            yield _piece(section, symbol.address - at)
        if stop > symbol.address:
            first = section.offset + symbol.address - section.address
            is_model = not section.is_empty and content[first + 4 : first + 8] == b"TFL3"
            yield _piece(section, stop - symbol.address, symbol, is_model=is_model)
        at = stop
    if at < end:
        yield _piece(section, end - at)


def _piece(
    section: _Section, size_bytes: int, symbol: _Symbol | None = None, *, is_model: bool = False
) -> Piece:
    return Piece(
        size_bytes=size_bytes,
        in_flash=not section.is_empty,
        in_ram=section.is_empty or bool(section.flags & _WRITE),
        section=section.name,
        owner=symbol.file if symbol else "",
        symbol=symbol.name if symbol else "",
        is_model=is_model,
    )
