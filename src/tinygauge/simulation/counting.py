"""Counts a firmware's instructions by running it on an emulated core, in a process of its own.

The count is exact for what was executed: same file, same input, same number. It is labelled
simulated, since an emulated core has no interrupts, no peripherals and no cache.

::

    from pathlib import Path
    from tinygauge.simulation import count_instructions
    count_instructions(Path("firmware.elf"), function="tg_engine_infer").instructions

References
----------
See `machine.py` for the emulator, `classes.py` for the classes.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinygauge import __version__
from tinygauge.errors import InputError, MissingExtraError, RunnerError, UnknownNameError
from tinygauge.quantity import Evidence, Interval, Method, Provenance, Quantity
from tinygauge.simulation.machine import MODELS
from tinygauge.units import Unit

__all__ = [
    "CORES",
    "BlockCount",
    "FunctionCount",
    "Limits",
    "Profile",
    "count_instructions",
]

CORES = tuple(MODELS)
"""Cores whose firmware can be counted."""

_GRACE_S = 20.0  # for starting, and for adding up


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use.

    Parameters
    ----------
    time_s : float
        Of the emulation, wall clock.
    memory_bytes : int
        Address space of the process.
    """

    time_s: float = 60.0
    memory_bytes: int = 4 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCount:
    """A basic block: instructions that run one after the other.

    Parameters
    ----------
    address, size_bytes : int
    function : str
        Empty where no symbol says.
    instructions : int
        In it.
    executions : int
        How often it ran.
    classes : mapping of str to int
        Of the instructions in it.
    """

    address: int
    size_bytes: int
    function: str
    instructions: int
    executions: int
    classes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCount:
    """A function's own instructions, without those of the functions that it calls.

    Parameters
    ----------
    name : str
        Empty for code without a symbol.
    address : int
    calls : int
        How often it was entered.
    instructions : Quantity
        Count.
    classes : mapping of str to int
        Instructions by class, see `classes.CLASSES`.
    """

    name: str
    address: int
    calls: int
    instructions: Quantity
    classes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a firmware executed.

    Parameters
    ----------
    path : str
    core : str
        The emulated one.
    start : str
        The function called, or ``"reset"``.
    stop : str
        Why it ended: ``"returned"``, ``"reached"`` (the function named), ``"exit"``
        (semihosting) or ``"breakpoint"``.
    exit_code : int
        Given to semihosting's exit.
    instructions, taken_branches : Quantity
        Counts. An instruction in an IT block whose condition fails counts as executed.
    classes : mapping of str to int
        Instructions by class.
    functions : tuple of FunctionCount
        By falling instructions; they add up to `instructions`.
    blocks : tuple of BlockCount
        By falling instructions executed; they add up to `instructions` too.
    """

    path: str
    core: str
    start: str
    stop: str
    exit_code: int
    instructions: Quantity
    taken_branches: Quantity
    classes: Mapping[str, int]
    functions: tuple[FunctionCount, ...]
    blocks: tuple[BlockCount, ...]


def count_instructions(
    path: Path,
    *,
    core: str = "",
    function: str = "",
    until: str = "",
    inputs: Sequence[tuple[str, bytes]] = (),
    limits: Limits | None = None,
) -> Profile:
    """Run a firmware and count what it executes.

    Parameters
    ----------
    path : Path
        A linked ELF file, with symbols.
    core : str
        One of `CORES`; by default what the file was built for.
    function : str
        Function to call, with an own stack and variables as the file initialises them; by
        default the program runs from its reset until it exits.
    until : str
        Function before which to stop.
    inputs : sequence of tuple
        Variables, and the bytes to put into them before the start.
    limits : Limits, optional

    Returns
    -------
    Profile
        Counts, simulated, exact.

    Raises
    ------
    MissingExtraError
        If the emulator is not installed.
    UnknownNameError
        If there is no such core.
    InputError
        If the file can't be read or run: the message says at what it stopped.
    RunnerError
        If the run did not end in time, or the emulator itself failed.
    """
    for package in ("unicorn", "capstone"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "simulate")
    core = core.lower()
    if core and core not in CORES:
        raise UnknownNameError("core", core, CORES)
    allowed = limits or Limits()
    where = str(path)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(where, f"can't read the file ({error.strerror})") from error
    job = {
        "path": os.fspath(path.resolve()),
        "core": core,
        "function": function,
        "until": until,
        "inputs": [(name, content.hex()) for name, content in inputs],
        "time_s": allowed.time_s,
        "memory_bytes": allowed.memory_bytes,
    }
    answer = _run_worker(job, where, allowed)
    if "error" in answer:
        advice = "Name a function that needs no peripheral: --function NAME"
        raise InputError(where, answer["error"], advice if "peripheral" in answer["error"] else "")
    profile = _profile(answer, where, function, Evidence("firmware", path.name, digest))
    if profile.stop == "time":
        place = answer["stopped_in"] or "code without a name"
        problem = (
            f"did not end within {allowed.time_s:g} s: {profile.instructions.value:,.0f} "
            f"instructions were executed, the last in {place}"
        )
        raise RunnerError(where, problem, "Name the function to count, or allow more time")
    return profile


def _run_worker(job: dict[str, Any], where: str, limits: Limits) -> dict[str, Any]:
    words = [sys.executable, "-P", "-m", "tinygauge.simulation.worker"]
    # The package may have been imported from a path of the parent's own.
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}
    try:
        done = subprocess.run(  # noqa: S603 (no shell, our own module)
            words,
            input=json.dumps(job).encode(),
            capture_output=True,
            env=environment,
            timeout=limits.time_s + _GRACE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        problem = f"did not end within {limits.time_s + _GRACE_S:g} s"
        raise RunnerError(where, problem, "Allow more time") from error
    except OSError as error:
        raise RunnerError(where, f"can't start a process ({error.strerror})") from error
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if done.returncode != 0 or not isinstance(answer, dict):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        last = f" ({' '.join(said[-1].split())[:200]})" if said else ""
        raise RunnerError(where, f"the emulator ended with code {done.returncode}{last}")
    return answer


def _profile(answer: dict[str, Any], where: str, function: str, evidence: Evidence) -> Profile:
    version = importlib.metadata.version("unicorn")
    provenance = Provenance(
        Method.SIMULATED,
        f"executed instructions on an emulated {answer['core']}",
        tool=f"tinygauge {__version__}, unicorn {version}",
        evidence=(evidence,),
    )

    def count(value: int) -> Quantity:
        return Quantity(value, Unit.COUNT, Interval.exact(value), provenance)

    functions = [
        FunctionCount(
            name=entry["name"],
            address=entry["address"],
            calls=entry["calls"],
            instructions=count(sum(entry["classes"].values())),
            classes=entry["classes"],
        )
        for entry in answer["functions"]
    ]
    blocks = [
        BlockCount(
            address=address,
            size_bytes=size_bytes,
            instructions=sum(classes.values()),
            executions=executions,
            function=name,
            classes=classes,
        )
        for address, size_bytes, classes, executions, name in answer["blocks"]
    ]
    mix: Counter[str] = Counter()
    for each in functions:
        mix.update(each.classes)
    return Profile(
        path=where,
        core=answer["core"],
        start=function or "reset",
        stop=answer["stop"],
        exit_code=answer["exit_code"],
        instructions=count(sum(mix.values())),
        taken_branches=count(answer["taken_branches"]),
        classes=dict(mix.most_common()),
        functions=tuple(sorted(functions, key=lambda each: (-each.instructions.value, each.name))),
        blocks=tuple(
            sorted(blocks, key=lambda each: (-each.instructions * each.executions, each.address))
        ),
    )
