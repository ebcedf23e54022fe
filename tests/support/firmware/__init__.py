"""The firmware's harness built for the machine that runs the tests, with an engine of the tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tinygauge.firmware import SOURCES

__all__ = ["HERE", "build_for_host", "converse"]

HERE = Path(__file__).parent

_FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
_SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def build_for_host(out: Path, engine: str, *flags: str) -> Path:
    """Compile harness, port to the desk and an engine of this folder; skips without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    sources = [SOURCES / "tg_harness.c", SOURCES / "ports" / "host.c", HERE / engine]
    words = [compiler, *_FLAGS, *_SANITIZERS, *flags, "-I", str(SOURCES)]
    done = subprocess.run(
        [*words, *map(str, sources), "-o", str(out)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return out


def converse(program: Path, sent: bytes) -> list[str]:
    """Send bytes to a firmware, close the link, and return the lines behind its greeting."""
    done = subprocess.run([program], input=sent, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.endswith(b"\r\n")
    lines = done.stdout.decode("ascii").split("\r\n")[:-1]
    ready = lines.index("m-ready")
    assert lines[ready - 1] == "m-init-done"
    return lines[ready + 1 :]
