"""Firmware made by hand: Thumb instructions, encoded here, in a minimal ELF file with symbols."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

__all__ = ["CODE", "DATA", "countdown", "firmware"]

CODE = 0x8000
DATA = 0x20000000

_ATTRIBUTES = b"aeabi\0" + b"\x01" + struct.pack("<I", 7) + b"\x06\x0d"  # Tag_CPU_arch: v7E-M


def firmware(
    functions: Mapping[str, Sequence[int]],
    *,
    variables: Mapping[str, int] | None = None,
    entry: str = "",
    architecture: int = 0x0D,
) -> bytes:
    """Link functions, given as halfwords, one behind the other; variables take bytes of RAM.

    The program starts at `entry`, by default the first function.
    """
    code = b""
    symbols: list[tuple[str, int, int, int]] = []
    for name, halfwords in functions.items():
        symbols.append((name, (CODE + len(code)) | 1, 2 * len(halfwords), 2))
        code += struct.pack(f"<{len(halfwords)}H", *halfwords)
    at = DATA
    for name, size_bytes in (variables or {}).items():
        symbols.append((name, at, size_bytes, 1))
        at += size_bytes
    start = next(value for name, value, _, _ in symbols if name == (entry or symbols[0][0]))
    attributes = b"A" + struct.pack("<I", 4 + len(_ATTRIBUTES)) + _ATTRIBUTES[:-1]
    attributes += bytes([architecture])
    return _elf(code, max(4, at - DATA), symbols, start, attributes)


def _elf(
    code: bytes,
    data_bytes: int,
    symbols: list[tuple[str, int, int, int]],
    entry: int,
    attributes: bytes,
) -> bytes:
    names = b"\0"
    table = b"\0" * 16
    for name, value, size_bytes, kind in symbols:
        table += struct.pack("<IIIBBH", len(names), value, size_bytes, 16 | kind, 0, 1)
        names += name.encode() + b"\0"
    titles = b"\0.text\0.symtab\0.strtab\0.ARM.attributes\0.shstrtab\0"
    parts = [code, table, names, attributes, titles]
    offsets: list[int] = []
    at = 52 + 2 * 32
    for part in parts:
        offsets.append(at)
        at += len(part)
    ident = b"\x7fELF\x01\x01\x01" + b"\0" * 9
    header = struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, entry, 52, at, 0x5000200, 52, 32, 2, 40, 6, 5)
    segments = struct.pack("<8I", 1, offsets[0], CODE, CODE, len(code), len(code), 5, 4)
    segments += struct.pack("<8I", 1, 0, DATA, DATA, 0, data_bytes, 6, 4)
    sections = b"\0" * 40
    for title, kind, flags, address, number, link, size in (
        (1, 1, 6, CODE, 0, 0, 0),
        (7, 2, 0, 0, 1, 3, 16),
        (15, 3, 0, 0, 2, 0, 0),
        (23, 0x70000003, 0, 0, 3, 0, 0),
        (39, 3, 0, 0, 4, 0, 0),
    ):
        place = (offsets[number], len(parts[number]))
        sections += struct.pack("<10I", title, kind, flags, address, *place, link, 1, 4, size)
    return ident + header + segments + b"".join(parts) + sections


def countdown(rounds: int) -> list[int]:
    """A function of 2 + 2 x rounds + 1 instructions, with rounds - 1 branches taken to its loop."""
    return [
        0x2000 | rounds,  # movs r0, #rounds
        0xBF00,  # nop
        0x3801,  # loop: subs r0, #1
        0xD1FD,  # bne loop
        0x4770,  # bx lr
    ]
