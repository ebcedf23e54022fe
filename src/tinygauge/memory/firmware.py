"""What a linked firmware really takes, from its ELF or its map file, by the parts predicted.

Flash is what the linker counts as text, read-only data and initial values; RAM is initialised and
zeroed data, with the stack and heap that the linker script reserves. What can't be told by its
name (string constants in an ELF file, padding, drivers) is the part ``"application"``. Nothing
here runs a firmware, and the arena is the array's size, not what of it is used.

References
----------
See `attribution.py` for how names decide, `elf.py` and `mapfile.py` for the formats.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tinygauge.errors import InputError
from tinygauge.memory.attribution import APPLICATION, flash_part, owner_parts, ram_part
from tinygauge.memory.mapfile import Contents, read_map
from tinygauge.quantity import Evidence, Interval, Method, Provenance, Quantity
from tinygauge.records import MemoryPart
from tinygauge.units import Unit

__all__ = ["Firmware", "read_firmware"]

_MOST_BYTES = 256 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """A firmware's memory, counted.

    Parameters
    ----------
    path : str
        The file.
    format : str
        ``"ELF"``, ``"GNU ld map"``, ``"armlink map"`` or ``"IAR map"``.
    parts : tuple of MemoryPart
        Those of `predict_memory` that occur, and ``"application"``; ``kind`` is ``"ram"`` or
        ``"flash"``.
    ram, flash : Quantity
        Bytes, as the linker counts them: the sums of the parts.
    """

    path: str
    format: str
    parts: tuple[MemoryPart, ...]
    ram: Quantity
    flash: Quantity


def read_firmware(path: Path) -> Firmware:
    """Read what a firmware takes of flash and RAM.

    Parameters
    ----------
    path : Path
        A linked ELF file, or a map of GNU ld, armlink or IAR's linker.

    Returns
    -------
    Firmware
        Bytes, counted, with the file as evidence.

    Raises
    ------
    InputError
        If the file can't be read, is of another kind, damaged or truncated.

    References
    ----------
    See the module.
    """
    where = str(path)
    content = _content(path, where)
    if content.startswith(b"\x7fELF"):
        from tinygauge.memory.elf import read_elf

        pieces = read_elf(content, where)
        contents = Contents(
            format="ELF",
            pieces=pieces,
            flash_bytes=sum(piece.size_bytes for piece in pieces if piece.in_flash),
            ram_bytes=sum(piece.size_bytes for piece in pieces if piece.in_ram),
        )
    else:
        contents = read_map(content.decode("utf-8", "replace"), where)
    if not contents.flash_bytes:
        raise InputError(where, f"this {contents.format} places nothing in flash", "Link again")
    evidence = Evidence(contents.format, path.name, hashlib.sha256(content).hexdigest())
    provenance = Provenance(Method.COUNTED, contents.format, evidence=(evidence,))
    return Firmware(
        path=where,
        format=contents.format,
        parts=_parts(contents, provenance, where),
        ram=_bytes(contents.ram_bytes, provenance),
        flash=_bytes(contents.flash_bytes, provenance),
    )


def _content(path: Path, where: str) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(where, f"more than {_MOST_BYTES:,} bytes", "Give a firmware")
        return path.read_bytes()
    except OSError as error:
        raise InputError(where, f"can't read the file ({error.strerror})") from error


def _bytes(value: int, provenance: Provenance) -> Quantity:
    return Quantity(value, Unit.BYTE, Interval.exact(value), provenance)


def _parts(contents: Contents, provenance: Provenance, where: str) -> tuple[MemoryPart, ...]:
    """Add the pieces up by part; what the linker counts beyond them is padding."""
    owners = owner_parts(contents.pieces)
    sizes: Counter[tuple[str, str]] = Counter()
    for piece in contents.pieces:
        if piece.in_ram:
            sizes["ram", ram_part(piece, owners)] += piece.size_bytes
        if piece.in_flash:
            sizes["flash", flash_part(piece, owners)] += piece.size_bytes
    for kind, total_bytes in (("ram", contents.ram_bytes), ("flash", contents.flash_bytes)):
        named = sum(size for (of, _), size in sizes.items() if of == kind)
        if named > total_bytes:
            problem = f"its parts take {named:,} bytes of {kind}, its totals say {total_bytes:,}"
            raise InputError(where, problem, "Link again")
        sizes[kind, APPLICATION] += total_bytes - named
    order = sorted(sizes, key=lambda key: (key[0] == "flash", key[1] == APPLICATION, key[1]))
    return tuple(
        MemoryPart(name=name, kind=kind, size=_bytes(sizes[kind, name], provenance))
        for kind, name in order
        if sizes[kind, name]
    )
