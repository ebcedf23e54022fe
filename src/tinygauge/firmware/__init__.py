"""Firmware that is measured as the MLPerf Tiny benchmark measures a board: harness and ports.

The C sources under ``c/`` answer the benchmark's serial protocol on any board (see
``docs/howto/port-to-a-board.md``): `tg_harness.c` is the protocol, a file under ``c/ports`` the
board. Nothing here runs a firmware.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["SOURCES"]

SOURCES = Path(__file__).with_name("c")
"""Folder of the C sources."""
