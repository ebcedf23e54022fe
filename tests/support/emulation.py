"""What tests on emulated boards need: the programs, or a reason to skip."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tinygauge.emulation.qemu import QEMU

__all__ = ["processes_with", "require_tools"]


def require_tools() -> None:
    """Skip where QEMU or a compiler is missing; fail where CI should have installed them."""
    missing = [name for name in (QEMU, "arm-none-eabi-gcc") if shutil.which(name) is None]
    if not missing:
        return
    reason = f"{' and '.join(missing)} not installed: apt-get install {QEMU} gcc-arm-none-eabi"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def processes_with(text: str) -> list[int]:
    """Return the emulators, and their keepers, whose command line holds a text."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if QEMU.encode() in words and text.encode() in words:
            found.append(int(entry.name))
    return found
