"""Firmware that is measured as the MLPerf Tiny benchmark measures a board.

``c/`` answers the benchmark's serial protocol on any board (``docs/howto/port-to-a-board.md``):
`tg_harness.c` is the protocol, a file under ``c/ports`` the board. ``generate.py`` writes the
engine of a quantised model on TinyGauge's reference kernels; ``build.py`` compiles all of it for an
emulated board of ``machines.py``, ``export.py`` writes the sources for a board of the user's.
Nothing here runs a firmware.
"""

from tinygauge.firmware.build import Compiler, Firmware, build_firmware, find_compiler
from tinygauge.firmware.export import PORTS, FirmwareSources, export_firmware
from tinygauge.firmware.generate import BENCHMARKS, Engine, Wire, generate_engine, wire_of
from tinygauge.firmware.machines import MACHINES, Machine, machine_of

__all__ = [
    "BENCHMARKS",
    "MACHINES",
    "PORTS",
    "Compiler",
    "Engine",
    "Firmware",
    "FirmwareSources",
    "Machine",
    "Wire",
    "build_firmware",
    "export_firmware",
    "find_compiler",
    "generate_engine",
    "machine_of",
    "wire_of",
]
