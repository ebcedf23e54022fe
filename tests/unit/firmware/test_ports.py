"""The ports to real boards compile, and what is exported is a firmware."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.firmware import HERE, converse
from tests.support.tiny_models import build_fully_connected

from tinygauge import graph
from tinygauge.errors import ConfigError
from tinygauge.firmware import export_firmware, generate_engine, wire_of
from tinygauge.firmware.build import SOURCES

ROOT = Path(__file__).resolve().parents[3]
_FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")


def _gcc(*words: str | Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    done = subprocess.run(
        [compiler, "-std=c11", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("port", "vendor"), [("ra6m4", "ra"), ("stm32", "stm32")])
def test_a_port_fits_the_vendor_s_interface(port: str, vendor: str) -> None:
    """As far as the declarations that it uses are those of the vendor's documentation."""
    headers = HERE / "vendor" / vendor
    _gcc(*_FLAGS, "-fsyntax-only", f"-I{SOURCES}", f"-I{headers}", SOURCES / "ports" / f"{port}.c")


@pytest.mark.parametrize("port", ["ra6m4", "stm32"])
def test_the_documentation_shows_the_port_as_it_is(port: str) -> None:
    """To the letter, for it is copied from there."""
    page = (ROOT / "docs" / "howto" / "port-to-a-board.md").read_text(encoding="utf-8")

    assert (SOURCES / "ports" / f"{port}.c").read_text(encoding="utf-8") in page


def test_the_ring_keeps_bytes_in_order(tmp_path: Path) -> None:
    """Also round its end; a byte that finds no room is lost, none before it."""
    program = tmp_path / "ring"
    _gcc(*_FLAGS, f"-I{SOURCES}", HERE / "ring_check.c", "-o", program)

    assert subprocess.run([program], check=False, timeout=60).returncode == 0


def test_an_exported_folder_compiles_alone(tmp_path: Path) -> None:
    """All of its .c files, with no include path; it answers as the model that it was made of."""
    model = graph.parse(build_fully_connected(inputs=4, outputs=3), name="tested")
    engine = generate_engine(model, wire_of("custom"))

    written = export_firmware(engine, tmp_path / "firmware", "host")
    sources = [written.folder / name for name in written.files if name.endswith(".c")]
    _gcc(*sources, "-o", tmp_path / "program")

    lines = converse(tmp_path / "program", b"profile%db load 4%db 01020304%infer 1 0%")
    assert "m-model-[custom]" in lines
    assert any(line.startswith("m-results-[") for line in lines)


def test_an_unknown_port_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    """Before anything is written."""
    model = graph.parse(build_fully_connected(), name="tested")

    with pytest.raises(ConfigError, match="Known: ra6m4, stm32, host"):
        export_firmware(generate_engine(model, wire_of("custom")), tmp_path / "x", "avr")
    assert not (tmp_path / "x").exists()
