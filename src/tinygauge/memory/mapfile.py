"""Map files of GNU ld, armlink and IAR's ILINK: what each linker placed where.

A map is text for people; what is read here is what the three print about every input section
they place: its name, size, kind and object file. The totals are the linker's own, where it prints
them. Each format has a line near its end that a truncated file lacks.

References
----------
.. [1] GNU binutils, "Options", --print-map; the columns are those of ld/ldlang.c.
.. [2] Arm, "armlink User Guide", --map and --info sizes: "Memory Map of the image", "Image
   component sizes".
.. [3] IAR, "C/C++ Development Guide for Arm", the linker map file: "PLACEMENT SUMMARY",
   "ENTRY LIST", totals "… bytes of readonly code memory".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tinygauge.errors import InputError
from tinygauge.memory.attribution import Piece

__all__ = ["Contents", "read_map"]

_MOST_BYTES = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a map file says.

    Parameters
    ----------
    format : str
        ``"GNU ld map"``, ``"armlink map"`` or ``"IAR map"``.
    pieces : list of Piece
    flash_bytes, ram_bytes : int
        The linker's totals, padding included.
    """

    format: str
    pieces: list[Piece]
    flash_bytes: int
    ram_bytes: int


def read_map(text: str, where: str) -> Contents:
    """Read a map file.

    Parameters
    ----------
    text : str
    where : str
        Its name, for messages.

    Returns
    -------
    Contents

    Raises
    ------
    InputError
        If it is of none of the three formats, or truncated.
    """
    if "Linker script and memory map" in text:
        return _read_gnu(text, where)
    if "Memory Map of the image" in text:
        return _read_armlink(text, where)
    if "*** PLACEMENT SUMMARY" in text:
        return _read_iar(text, where)
    raise InputError(
        where,
        "this is no ELF file and no map of GNU ld, armlink or IAR",
        "Give the .elf, or a map made with -Wl,-Map, --map or --map",
    )


def _truncated(where: str, sign: str) -> InputError:
    return InputError(where, f"the map is truncated: it has no '{sign}'", "Link again")


def _size(text: str, where: str) -> int:
    value = int(text.replace("'", ""), 16)
    if value > _MOST_BYTES:
        raise InputError(where, f"a size of 0x{value:x} bytes in the map", "Link again")
    return value


# --- GNU ld ---------------------------------------------------------------------------------

_GNU_REGION = re.compile(r"^(\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s+([a-z!]+))?\s*$")
_GNU_OUTPUT = re.compile(r"^(?![ (])(\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s+load address.*)?$")
_GNU_INPUT = re.compile(r"^ (\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s(.*))?$")
_GNU_NOT_PLACED = re.compile(
    r"^(\.debug|\.zdebug|\.comment|\.stab|\.line|\.note\.GNU-stack|\.gnu\.|\.group|\.symtab"
    r"|\.strtab|\.shstrtab|\.ARM\.attributes|/DISCARD/)"
)
_NOT_LOADED = re.compile(r"^(COMMON$|\.?(s?bss|noinit|uninit|heap|stack)|.*(_stack|_heap|arena))")


@dataclass(slots=True)
class _Output:
    """An output section of GNU ld while its input sections are read."""

    name: str
    address: int
    size_bytes: int
    inputs: list[tuple[str, int, str]]


def _read_gnu(text: str, where: str) -> Contents:
    head, _, body = text.partition("Linker script and memory map")
    if "\nOUTPUT(" not in body:
        raise _truncated(where, "OUTPUT(")
    body = body.partition("\nOUTPUT(")[0]
    writable = _gnu_writable(head)
    pieces: list[Piece] = []
    for output in _gnu_outputs(body, where):
        pieces += _gnu_pieces(output, writable, where)
    return Contents(
        format="GNU ld map",
        pieces=pieces,
        flash_bytes=sum(piece.size_bytes for piece in pieces if piece.in_flash),
        ram_bytes=sum(piece.size_bytes for piece in pieces if piece.in_ram),
    )


def _gnu_writable(head: str) -> list[range] | None:
    """Return the memories that can be written; None where the script names no memories."""
    lines = head.partition("Memory Configuration")[2].splitlines()
    regions = [match for line in lines if (match := _GNU_REGION.match(line))]
    named = [match for match in regions if match[1] != "*default*"]
    if not any("w" in (match[4] or "") for match in named):
        return None
    return [
        range(int(match[2], 16), int(match[2], 16) + int(match[3], 16))
        for match in named
        if "w" in (match[4] or "").partition("!")[0]
    ]


def _gnu_outputs(body: str, where: str) -> Iterator[_Output]:
    """Yield the output sections that are placed; names too long for their column stand alone."""
    current: _Output | None = None
    held = ""
    for raw in body.splitlines():
        line = raw.rstrip()
        if held:
            line, held = held + line, ""
        elif line and not line.startswith(("  ", " *(", "(")) and len(line.split()) == 1:
            held = line
            continue
        if (match := _GNU_OUTPUT.match(line)) is not None:
            if current is not None:
                yield current
            size_bytes = _size(match[3], where)
            current = _Output(match[1], int(match[2], 16), size_bytes, [])
        elif current is not None and (match := _GNU_INPUT.match(line)) is not None:
            owner = "" if match[1] == "*fill*" else (match[4] or "").strip()
            current.inputs.append((match[1], _size(match[3], where), owner))
    if current is not None:
        yield current


def _gnu_pieces(output: _Output, writable: list[range] | None, where: str) -> Iterator[Piece]:
    if _GNU_NOT_PLACED.match(output.name) or not output.size_bytes:
        return
    if writable is None:
        in_ram = bool(re.match(r"\.?(data|tdata)|\.(init|fini)_array|\.got", output.name))
    else:
        in_ram = any(output.address in region for region in writable)
    kept = [entry for entry in output.inputs if entry[0] != "*fill*" and entry[1]]
    zeroed = bool(_NOT_LOADED.match(output.name)) or (
        bool(kept) and all(_NOT_LOADED.match(section) for section, _, _ in kept)
    )
    rest = output.size_bytes - sum(size for _, size, _ in kept)
    if rest < 0:
        problem = f"the input sections of {output.name} add up to {-rest} bytes more than it has"
        raise InputError(where, problem, "Link again")
    for section, size_bytes, owner in [*kept, (output.name, rest, "")]:
        if size_bytes:
            yield Piece(
                size_bytes=size_bytes,
                in_flash=not zeroed,
                in_ram=in_ram or zeroed,
                section=section,
                owner=owner,
            )


# --- armlink --------------------------------------------------------------------------------

_ARMLINK_ROW = re.compile(
    r"^\s+0x[0-9a-f]+\s+(?:(?:0x[0-9a-f]+|-|COMPRESSED)\s+)?0x([0-9a-f]+)\s+"
    r"(Code|Data|Zero|Ven)\s+(RO|RW|XO)\s+\d+\s+(?:\*\s+)?(\S+)\s+(.+)$"
)
_ARMLINK_TOTAL = re.compile(r"^[ \t]*Total (RO|RW|ROM)\s+Size \([^)]*\)\s+(\d+)", re.MULTILINE)


def _read_armlink(text: str, where: str) -> Contents:
    body = text.rpartition("Memory Map of the image")[2]
    totals = {name: int(value) for name, value in _ARMLINK_TOTAL.findall(body)}
    if totals.keys() != {"RO", "RW", "ROM"}:
        raise _truncated(where, "Total ROM Size")
    pieces = [
        Piece(
            size_bytes=_size(match[1], where),
            in_flash=match[2] != "Zero",
            in_ram=match[3] == "RW",
            section=match[4],
            owner=match[5].strip(),
        )
        for line in body.splitlines()
        if (match := _ARMLINK_ROW.match(line)) is not None
    ]
    return Contents(
        format="armlink map",
        pieces=_compressed(pieces, totals["ROM"] - totals["RO"]),
        flash_bytes=totals["ROM"],
        ram_bytes=totals["RW"],
    )


def _compressed(pieces: list[Piece], stored_bytes: int) -> list[Piece]:
    """Count variables in RAM alone where armlink compressed their initial values.

    How much each variable takes of the compressed bytes is not said.
    """
    initial_bytes = sum(piece.size_bytes for piece in pieces if piece.in_flash and piece.in_ram)
    if initial_bytes <= stored_bytes:
        return pieces
    return [replace(piece, in_flash=False) if piece.in_ram else piece for piece in pieces]


# --- IAR ------------------------------------------------------------------------------------

_IAR_ROW = re.compile(
    r"\s(ro code|rw code|const|inited|zero|uninit)\s+0x([0-9a-f']+)\s+0x([0-9a-f']+)\s+(\S.*)$"
)
_IAR_ENTRY = re.compile(r"\s0x([0-9a-f']+)\s+0x[0-9a-f']+\s+(Code|Data)\s")
_IAR_PLACE = re.compile(r"^\[(\d+)\] = (.+)$", re.MULTILINE)
_IAR_TOTAL = re.compile(
    r"^[ \t]*(\d[\d '`,]*) bytes of (readonly|readwrite)\s+(?:code|data)\s+memory", re.MULTILINE
)


def _read_iar(text: str, where: str) -> Contents:
    body = text.rpartition("*** PLACEMENT SUMMARY")[2]
    totals = {"readonly": 0, "readwrite": 0}
    found = _IAR_TOTAL.findall(body)
    if not found:
        raise _truncated(where, "bytes of readonly code memory")
    for digits, kind in found:
        totals[kind] += int(re.sub(r"\D", "", digits))
    places = dict(_IAR_PLACE.findall(body))
    summary, _, entries = body.partition("*** ENTRY LIST")
    names = _iar_names(entries)
    pieces = [
        Piece(
            size_bytes=_size(match[3], where),
            in_flash=match[1] in ("ro code", "const"),
            in_ram=match[1] in ("rw code", "inited", "zero", "uninit"),
            section=line[: match.start()].strip(),
            owner=_iar_owner(match[4].strip(), places),
            symbol=names.get(int(match[2].replace("'", ""), 16), ""),
        )
        for line in _iar_lines(summary)
        if (match := _IAR_ROW.search(line)) is not None
    ]
    return Contents(
        format="IAR map",
        pieces=pieces,
        flash_bytes=totals["readonly"],
        ram_bytes=totals["readwrite"],
    )


def _iar_lines(text: str) -> Iterator[str]:
    """Yield lines; a name too long for its column goes before the line that follows it."""
    held = ""
    for line in text.splitlines():
        if "0x" in line:
            yield held + line
            held = ""
        else:
            is_rule = line.lstrip().startswith(("-", "*", "{"))
            held = "" if is_rule else line.rstrip()


def _iar_names(entries: str) -> dict[int, str]:
    """Return symbols with a size by address, bit 0 of Thumb functions cleared."""
    names: dict[int, str] = {}
    for line in _iar_lines(entries):
        match = _IAR_ENTRY.search(line)
        if match is not None:
            address = int(match[1].replace("'", ""), 16)
            name = line[: match.start()].strip()
            names.setdefault(address & ~1 if match[2] == "Code" else address, name)
    return names


def _iar_owner(text: str, places: Mapping[str, str]) -> str:
    """Return an object file with the library or folder that its number stands for."""
    name, bracket, number = text.rpartition(" [")
    place = places.get(number.rstrip("]"), "").strip()
    if not bracket or not place:
        return text
    if place.endswith((".a", ".lib")):
        return f"{place}({name})"
    return f"{place}/{name}"
