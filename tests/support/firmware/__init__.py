"""The firmware built for the machine that runs the tests: harness, port to the desk, an engine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tinygauge.firmware.build import KERNELS, SOURCES

__all__ = [
    "HERE",
    "build_for_host",
    "build_kernels_for_host",
    "converse",
    "link_engine_for_host",
]

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
    _compile([*words, *map(str, sources), "-o", str(out)])
    return out


def build_kernels_for_host(folder: Path) -> list[Path]:
    """Compile kernels, harness and the port to the desk; skips without a compiler."""
    objects = []
    for source in (
        *sorted(KERNELS.glob("*.c")),
        SOURCES / "tg_harness.c",
        SOURCES / "ports" / "host.c",
    ):
        objects.append(folder / f"{source.stem}.o")
        _compile([*_engine_words(), "-c", str(source), "-o", str(objects[-1])])
    return objects


def link_engine_for_host(objects: list[Path], engine: str) -> Path:
    """Compile a generated engine and link it to what `build_kernels_for_host` made."""
    folder = objects[0].parent
    source, out = folder / "engine.c", folder / "firmware"
    source.write_text(engine, encoding="ascii")
    _compile([*_engine_words(), str(source), *map(str, objects), "-o", str(out)])
    return out


def _engine_words() -> list[str]:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    strict = [flag for flag in _FLAGS if flag != "-Wconversion"]  # numbers come as they are
    return [compiler, *strict, "-O1", *_SANITIZERS, f"-I{SOURCES}", f"-I{KERNELS}"]


def _compile(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def converse(program: Path, sent: bytes) -> list[str]:
    """Send bytes to a firmware, close the link, and return the lines behind its greeting."""
    done = subprocess.run([program], input=sent, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.endswith(b"\r\n")
    lines = done.stdout.decode("ascii").split("\r\n")[:-1]
    ready = lines.index("m-ready")
    assert lines[ready - 1] == "m-init-done"
    return lines[ready + 1 :]
