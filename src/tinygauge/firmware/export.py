"""Writes a firmware's sources into a folder, for a build of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinygauge.errors import ConfigError
from tinygauge.files import write_whole
from tinygauge.firmware.build import KERNELS, SOURCES
from tinygauge.firmware.generate import Engine

__all__ = ["PORTS", "FirmwareSources", "export_firmware"]

PORTS = {
    "ra6m4": "a Renesas RA board, on the Flexible Software Package",
    "stm32": "an STM32, on STM32Cube's HAL",
    "host": "standard input and output of a computer",
}
"""Ports that are not emulated boards, with what they are to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareSources:
    """What was written.

    Parameters
    ----------
    folder : Path
    files : tuple of str
        Names in the folder, sorted.
    engine : Engine
    """

    folder: Path
    files: tuple[str, ...]
    engine: Engine


def export_firmware(engine: Engine, folder: Path, port: str = "") -> FirmwareSources:
    """Write harness, kernels, a model's engine and a port into one flat folder.

    Parameters
    ----------
    engine : Engine
    folder : Path
        Made where it does not exist; files of these names in it are replaced.
    port : str
        A key of `PORTS`; none where empty, for a port of the user's own.

    Returns
    -------
    FirmwareSources

    Raises
    ------
    ConfigError
        If there is no such port, or the folder can't be written.
    """
    if port and port not in PORTS:
        raise ConfigError(f"port '{port}'", "there is none", f"Known: {', '.join(PORTS)}")
    sources = [*sorted(KERNELS.glob("*.[ch]")), *sorted(SOURCES.glob("*.[ch]"))]
    if port:
        sources.append(SOURCES / "ports" / f"{port}.c")
    try:
        for source in sources:
            write_whole(folder / source.name, source.read_bytes())
        write_whole(folder / "engine.c", engine.source.encode("ascii"))
    except OSError as error:
        raise ConfigError(str(folder), f"can't write ({error.strerror or error})") from error
    names = sorted(["engine.c", *(source.name for source in sources)])
    return FirmwareSources(folder=folder, files=tuple(names), engine=engine)
