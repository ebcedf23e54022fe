"""Compiles harness, port, kernels and a model's engine into one firmware.

Two compilers do: ``arm-none-eabi-gcc``, and ``zig``, which comes as a package for Python. No C
library is linked.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tinygauge import exact
from tinygauge.errors import ConfigError, ToolError, UnsupportedOpError
from tinygauge.firmware.generate import Engine
from tinygauge.firmware.machines import Machine

__all__ = [
    "COMPILERS",
    "KERNELS",
    "SOURCES",
    "Compiler",
    "Firmware",
    "build_firmware",
    "find_compiler",
]

SOURCES = Path(__file__).with_name("c")
"""Folder of the C sources."""
KERNELS = Path(exact.__file__).with_name("c")
"""Folder of the kernels' C sources."""

_PORTS = SOURCES / "ports"
_GCC = "arm-none-eabi-gcc"
COMPILERS = ("gcc", "zig")
"""Names of the compilers, the preferred one first."""

_FLAGS = ("-std=c11", "-O2", "-g", "-ffreestanding", "-mthumb", "-Wl,-e,tg_reset")
_TIME_S = 300.0
_MOST_LINES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """A compiler for Arm's Cortex-M.

    Parameters
    ----------
    name : str
        One of `COMPILERS`.
    command : tuple of str
        How it is called.
    version : str
        Name and version, to be printed.
    """

    name: str
    command: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """A linked firmware.

    Parameters
    ----------
    path : Path
        The ELF file; the engine's source lies beside it.
    machine : Machine
    engine : Engine
    compiler : Compiler
    """

    path: Path
    machine: Machine
    engine: Engine
    compiler: Compiler


def find_compiler(name: str = "") -> Compiler:
    """Return a compiler that is installed.

    Parameters
    ----------
    name : str
        One of `COMPILERS`; the first that is installed where empty.

    Returns
    -------
    Compiler

    Raises
    ------
    ConfigError
        If there is none of that name.
    ToolError
        If it is not installed, or can't be run.
    """
    if name and name not in COMPILERS:
        raise ConfigError(f"compiler '{name}'", "this is none", f"Known: {', '.join(COMPILERS)}")
    gcc = shutil.which(_GCC)
    if name != "zig" and gcc:
        version = _output([gcc, "-dumpfullversion"])
        return Compiler(name="gcc", command=(gcc,), version=f"{_GCC} {version}")
    if name != "gcc" and importlib.util.find_spec("ziglang"):
        zig = (sys.executable, "-m", "ziglang")
        version = _output([*zig, "version"])
        return Compiler(name="zig", command=(*zig, "cc"), version=f"zig cc {version}")
    missing = {"gcc": _GCC, "zig": "zig"}.get(name, f"{_GCC} or zig")
    advice = "Try: apt-get install gcc-arm-none-eabi, or: pip install 'tinygauge[zig]'"
    raise ToolError(missing, "no compiler for Cortex-M is installed", advice)


def build_firmware(
    engine: Engine, machine: Machine, folder: Path, compiler: Compiler | None = None
) -> Firmware:
    """Compile and link a firmware for an emulated board.

    Parameters
    ----------
    engine : Engine
    machine : Machine
    folder : Path
        Where ``engine.c`` and ``firmware.elf`` are written; made where it does not exist.
    compiler : Compiler, optional
        `find_compiler`'s by default.

    Returns
    -------
    Firmware

    Raises
    ------
    ToolError
        If there is no compiler, or it fails.
    UnsupportedOpError
        If the model is too large for the emulated board's memories.
    """
    compiler = compiler or find_compiler()
    folder = folder.resolve()
    source, elf = folder / "engine.c", folder / "firmware.elf"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        source.write_text(engine.source, encoding="ascii")
    except OSError as error:
        raise ConfigError(str(folder), f"can't write ({error.strerror or error})") from error
    _compile(
        [*compiler.command, *_words(compiler, machine, engine, source), "-o", str(elf)], machine
    )
    return Firmware(path=elf, machine=machine, engine=engine, compiler=compiler)


def _words(compiler: Compiler, machine: Machine, engine: Engine, source: Path) -> list[str]:
    """Return the compiler's options and the files; the linker script is found in ``ports``."""
    if compiler.name == "gcc":
        core = [*machine.gcc_flags, "-mfloat-abi=hard", "-nostdlib"]
        behind = ["-lgcc"]
    else:
        core = ["-target", "thumb-freestanding-eabihf", f"-mcpu={machine.zig_cpu}"]
        behind = []
    defined = [
        f"-DTG_MACHINE={machine.number}",
        f"-DTG_MAX_INPUT_BYTES={engine.input_bytes}",
        f'-DTG_VENDOR="TinyGauge {machine.cpu}"',
    ]
    sources = [
        *sorted(KERNELS.glob("*.c")),
        SOURCES / "tg_harness.c",
        _PORTS / "mps.c",
        _PORTS / "memory.c",
        source,
    ]
    folders = [f"-I{SOURCES}", f"-I{KERNELS}"]
    script = f"-T{machine.name}.ld"
    return [*core, *_FLAGS, *defined, *folders, *map(str, sources), script, *behind]


def _compile(words: list[str], machine: Machine) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # no shell; a found compiler
            words, cwd=_PORTS, capture_output=True, text=True, errors="replace", check=False,
            timeout=_TIME_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(words[0], f"the compiler can't be run ({error})") from error
    if done.returncode == 0:
        return
    said = done.stderr.splitlines()
    for line in said:
        if "overflowed by" in line or "will not fit in region" in line:
            problem = f"the firmware does not fit ({line.rpartition(': ')[2].strip()})"
            raise UnsupportedOpError(machine.name, problem, "Try a smaller model, or another core")
    raise ToolError(
        words[0],
        f"the compiler failed with exit code {done.returncode}:\n" + "\n".join(said[:_MOST_LINES]),
    )


def _output(words: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # no shell; a found compiler
            words, capture_output=True, text=True, errors="replace", check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(words[0], f"it can't be run ({error})", "Install it anew") from error
    return done.stdout.strip()
