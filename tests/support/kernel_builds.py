"""The compiled kernels built otherwise than for this machine, and what then evaluates with them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

__all__ = ["AARCH64", "HERE", "Build", "build_for_aarch64", "build_with_sanitizers"]

AARCH64 = ROOT / "build" / "aarch64"
"""An aarch64 Python with NumPy, put there by `make aarch64`."""

_PROGRAM = ROOT / "tests" / "support" / "kernel_bits.py"


@dataclass(frozen=True)
class Build:
    """The Python that loads the library, the emulator before it, and their environment."""

    emulator: tuple[str, ...]
    python: str
    environment: dict[str, str]

    def digests(self, models: Path, kernels: str, *options: str) -> dict[str, str]:
        """Run `kernel_bits.py` with some kernels; options go to the emulator."""
        done = subprocess.run(
            [*self.emulator, *options, self.python, str(_PROGRAM), str(models)],
            env=os.environ | self.environment | {"TINYGAUGE_KERNELS": kernels},
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        found: dict[str, str] = json.loads(done.stdout)
        return found


HERE = Build((), sys.executable, {"PYTHONPATH": str(ROOT / "src")})
"""This Python, with the library that is installed beside it."""


def _need(name: str, how: str, *, present: bool) -> None:
    """Fail in CI, where everything must be there; elsewhere skip with the reason."""
    if present:
        return
    reason = f"{name} is missing: {how}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _build(folder: Path, *options: str) -> None:
    """Build as CMakeLists.txt says, without a warning."""
    cmake = shutil.which("cmake", path=str(Path(sys.executable).parent)) or "cmake"
    work, checks = folder / "work", "-Wall -Wextra -Wpedantic -Wconversion -Werror"
    for command in (
        [cmake, "-S", str(ROOT), "-B", str(work), f"-DCMAKE_INSTALL_PREFIX={folder}", *options],
        [cmake, "--build", str(work), "--parallel", "2"],
        [cmake, "--install", str(work)],
    ):
        done = subprocess.run(
            command, env=os.environ | {"CFLAGS": f"{checks} {os.environ.get('CFLAGS', '')}"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def build_for_aarch64(folder: Path) -> Build:
    """Build for Linux on 64-bit Arm, to be run by QEMU; skip where a part of that is missing."""
    compiler, emulator = "aarch64-linux-gnu-gcc", "qemu-aarch64"
    packages = "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
    for name in (compiler, emulator):
        _need(name, packages, present=shutil.which(name) is not None)
    _need("an aarch64 Python", "make aarch64", present=(AARCH64 / "site" / "numpy").is_dir())
    target = ("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64")
    _build(folder, *target, f"-DCMAKE_C_COMPILER={compiler}")
    system = AARCH64 / "system"
    paths = (folder, AARCH64 / "site", ROOT / "src")
    return Build(
        (emulator, "-L", str(system)),
        str(system / "usr" / "bin" / "python3"),
        {"PYTHONPATH": os.pathsep.join(map(str, paths))},
    )


def build_with_sanitizers(folder: Path) -> Build:
    """Build for this machine, with checks of addresses and for undefined behaviour."""
    gcc = shutil.which("gcc")
    _need("gcc", "apt-get install gcc", present=gcc is not None)
    flags = "-O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined"
    options = (f"-DCMAKE_C_COMPILER={gcc}", f"-DCMAKE_C_FLAGS={flags}", "-DCMAKE_BUILD_TYPE=Debug")
    _build(folder, *options)
    libraries = [
        subprocess.run(
            [str(gcc), f"-print-file-name=lib{name}.so"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("asan", "ubsan")
    ]
    return Build(
        (),
        sys.executable,
        {
            "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT / "src"))),
            "LD_PRELOAD": " ".join(libraries),
            "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps what it needs until the end
        },
    )
