"""Everything that an entry of a tree says, read and parsed; what can't be read is kept as such."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinygauge.errors import ConfigError
from tinygauge.submission.logs import Log, parse_log
from tinygauge.submission.results_text import Results, parse_results
from tinygauge.submission.system import System, parse_system
from tinygauge.submission.tree import (
    Entry,
    Organisation,
    TestFolder,
    find_system_files,
    likeness,
    read_bytes,
    read_text,
)

__all__ = ["Contents", "Pass", "Test", "load_contents", "load_test", "system_of"]

_LARGEST_SYSTEM_BYTES = 2**20
# A description fits a system when this share of the words of both names is common.
_LIKE = 0.3


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass of MLCommons' runner, of ``results.json``.

    Parameters
    ----------
    file : str
    iterations : int or None
    elapsed_s : float or None
    outputs : tuple of float
    true_class : int or None
    supply_v, energy_j : float or None
        Of energy runs: the voltage, and the sum of the samples between the last two timestamps.
    """

    file: str
    iterations: int | None
    elapsed_s: float | None
    outputs: tuple[float, ...]
    true_class: int | None
    supply_v: float | None
    energy_j: float | None


@dataclass(slots=True)
class Test:
    """One test of an entry.

    Parameters
    ----------
    folder : TestFolder
    results_file, log_file, json_file : Path or None
        The files that were read.
    results : Results
    log : Log
    passes : tuple of Pass
    unreadable : list of ConfigError
        What could not be read.
    """

    folder: TestFolder
    results_file: Path | None = None
    log_file: Path | None = None
    json_file: Path | None = None
    results: Results = field(default_factory=Results)
    log: Log = field(default_factory=Log)
    passes: tuple[Pass, ...] = ()
    unreadable: list[ConfigError] = field(default_factory=list)


@dataclass(slots=True)
class Contents:
    """An entry with what its files say.

    Parameters
    ----------
    entry : Entry
    tests : dict of str to Test
    system : System or None
        None where no description was found.
    system_file : Path or None
    """

    entry: Entry
    tests: dict[str, Test]
    system: System | None
    system_file: Path | None


def load_contents(organisation: Organisation, entry: Entry) -> Contents:
    """Read all files of an entry.

    Parameters
    ----------
    organisation : Organisation
    entry : Entry

    Returns
    -------
    Contents
    """
    tests = {name: load_test(folder) for name, folder in entry.tests.items()}
    system, file = system_of(organisation, entry.system)
    return Contents(entry, tests, system, file)


def load_test(folder: TestFolder) -> Test:
    """Read the files of a test.

    Parameters
    ----------
    folder : TestFolder

    Returns
    -------
    Test
    """
    test = Test(folder)
    # Some early accuracy results are what a script printed after the run.
    test.results_file = (
        folder.find("results.txt") or folder.find("result.txt") or folder.find("postproc.txt")
    )
    test.log_file, test.json_file = folder.find("log.txt"), folder.find("results.json")
    try:
        if test.results_file is not None:
            test.results = parse_results(read_text(test.results_file))
    except ConfigError as error:
        test.unreadable.append(error)
    try:
        if test.log_file is not None:
            test.log = parse_log(read_text(test.log_file))
    except ConfigError as error:
        test.unreadable.append(error)
    try:
        if test.json_file is not None:
            test.passes = tuple(_passes(test.json_file))
    except ConfigError as error:
        test.unreadable.append(error)
    return test


def _passes(path: Path) -> Iterator[Pass]:
    try:
        plain = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(path), f"this is no JSON ({error})") from error
    if not isinstance(plain, list):
        raise ConfigError(str(path), "this is no list of passes")
    for number, each in enumerate(plain, start=1):
        if not isinstance(each, dict):
            raise ConfigError(str(path), f"pass {number} is no object")
        if "error" not in each:
            yield _pass(each)


def _pass(plain: dict[str, Any]) -> Pass:
    infer, power = _object(plain.get("infer")), _object(plain.get("power"))
    elapsed_us = _number(infer.get("elapsed_time"))
    results = infer.get("results")
    outputs = tuple(_number(each) for each in results) if isinstance(results, list) else ()
    iterations, true_class = _number(infer.get("iterations")), _number(plain.get("class"))
    return Pass(
        file=str(plain.get("file", ""))[:400],
        iterations=None if iterations is None else round(iterations),
        elapsed_s=None if elapsed_us is None else elapsed_us / 1e6,
        outputs=tuple(each for each in outputs if each is not None),
        true_class=None if true_class is None else round(true_class),
        supply_v=_number(power.get("voltage")),
        energy_j=_energy_j(power),
    )


def _energy_j(power: dict[str, Any]) -> float | None:
    """Add the samples, joules of 1 ms each, of the window: between the last two timestamps."""
    samples, stamps = power.get("samples"), power.get("timestamps")
    if not (isinstance(samples, list) and isinstance(stamps, list) and len(stamps) >= 2):
        return None
    ends = [_number(each[-1]) if isinstance(each, list) and each else None for each in stamps[-2:]]
    if ends[0] is None or ends[1] is None or not 0 <= ends[0] < ends[1] <= len(samples):
        return None
    found = [_number(each) for each in samples[round(ends[0]) : round(ends[1])]]
    known = [each for each in found if each is not None]
    return math.fsum(known) if len(known) == len(found) else None


def _object(plain: Any) -> dict[str, Any]:
    return plain if isinstance(plain, dict) else {}


def _number(plain: Any) -> float | None:
    """Return a finite number; classes are written as strings."""
    if isinstance(plain, bool) or not isinstance(plain, int | float | str):
        return None
    try:
        value = float(plain)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) and abs(value) < 1e18 else None


def system_of(organisation: Organisation, system: str) -> tuple[System | None, Path | None]:
    """Find and read a system's description.

    Parameters
    ----------
    organisation : Organisation
    system : str

    Returns
    -------
    tuple of System or None, and Path or None
        The file that is named like the system, or else the one whose name is most like it.
    """
    files = list(find_system_files(organisation))
    named = [path for path in files if path.stem == system]
    like = sorted(files, key=lambda path: (-likeness(system, path), str(path)))
    chosen = named or [path for path in like if likeness(system, path) >= _LIKE]
    if not chosen and len(files) == 1:
        chosen = files
    if not chosen:
        return None, None
    try:
        text = read_bytes(chosen[0], _LARGEST_SYSTEM_BYTES).decode("utf-8-sig", "replace")
    except ConfigError:
        return System({}, strict=False, repairs=("it can't be read",)), chosen[0]
    return parse_system(text), chosen[0]
