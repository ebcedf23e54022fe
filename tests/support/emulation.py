"""What tests on emulated boards need: the programs, or a reason to skip."""

from __future__ import annotations

import os
import shutil

import pytest

from tinygauge.emulation.qemu import QEMU

__all__ = ["require_tools"]


def require_tools() -> None:
    """Skip where QEMU or a compiler is missing; fail where CI should have installed them."""
    missing = [name for name in (QEMU, "arm-none-eabi-gcc") if shutil.which(name) is None]
    if not missing:
        return
    reason = f"{' and '.join(missing)} not installed: apt-get install {QEMU} gcc-arm-none-eabi"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
