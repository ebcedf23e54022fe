"""Find the results in a submission's tree, in the layout of every round.

The usual layout is ``DIVISION/ORGANISATION/results/SYSTEM/BENCHMARK/TEST/results.txt``; published
trees also have a level for the model below the benchmark, two levels for the system, long names,
``power`` or ``enegy`` for the energy test, and file names that begin with the test's. A tree is
foreign material: symbolic links are not followed, and no file above a limit is read.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tinygauge.errors import ConfigError
from tinygauge.submission.rounds import benchmark_of

__all__ = [
    "DIVISIONS",
    "Entry",
    "Organisation",
    "TestFolder",
    "find_entries",
    "find_organisations",
    "find_system_files",
    "likeness",
    "list_tree",
    "model_mapping",
    "read_bytes",
    "read_text",
    "require_plain",
]

DIVISIONS = ("closed", "open")
_TESTS = {
    "accuracy": "accuracy",
    "performance": "performance",
    "energy": "energy",
    "enegy": "energy",
    "power": "energy",
}
# The largest published log has 4 MiB, the largest trace 0.5 MiB.
_LARGEST_BYTES = 64 * 2**20
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class TestFolder:
    """A folder of one test.

    Parameters
    ----------
    path : Path
    files : tuple of str
        Names of the plain files in it.
    """

    path: Path
    files: tuple[str, ...]

    def find(self, stem: str) -> Path | None:
        """Return the file of a name such as ``"results.txt"``, or one that only begins otherwise.

        Parameters
        ----------
        stem : str

        Returns
        -------
        Path or None
        """
        names = [name for name in self.files if not name.startswith("._")]
        for name in names:
            if name.lower() == stem:
                return self.path / name
        for name in sorted(names):
            if name.lower().endswith(f"_{stem}"):
                return self.path / name
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One system on one benchmark.

    Parameters
    ----------
    division, organisation, system : str
        A system of two levels is joined by a slash.
    benchmark : str
        Short name; empty where the folder's name means none.
    folder_name : str
        The benchmark's folder as named.
    variant : str
        The level for the model, where there is one.
    path : Path
        The folder that holds the tests.
    tests : mapping of str to TestFolder
        By ``"performance"``, ``"accuracy"``, ``"energy"``.
    """

    division: str
    organisation: str
    system: str
    benchmark: str
    folder_name: str
    variant: str
    path: Path
    tests: Mapping[str, TestFolder]

    @property
    def title(self) -> str:
        """The system, with the variant in brackets where there is one."""
        return f"{self.system} [{self.variant}]" if self.variant else self.system


@dataclass(frozen=True, slots=True)
class Organisation:
    """What one organisation submitted to one division.

    Parameters
    ----------
    division, name : str
    path : Path
    folders, files, links : tuple of Path
        Everything below it; links are followed nowhere.
    empty : tuple of Path
        Folders with nothing in them.
    unreadable : tuple of Path
        Folders that can't be listed.
    """

    division: str
    name: str
    path: Path
    folders: tuple[Path, ...] = field(default=())
    files: tuple[Path, ...] = field(default=())
    links: tuple[Path, ...] = field(default=())
    empty: tuple[Path, ...] = field(default=())
    unreadable: tuple[Path, ...] = field(default=())


def find_organisations(root: str | Path) -> tuple[Organisation, ...]:
    """List who submitted to which division.

    Parameters
    ----------
    root : str or Path
        Of the tree; it holds ``closed`` or ``open``.

    Returns
    -------
    tuple of Organisation

    Raises
    ------
    ConfigError
        If it can't be listed or has neither.
    """
    top = Path(root)
    try:
        names = {each.name for each in os.scandir(top)}
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(str(root), f"can't list it ({why})", "Name a submission's folder") from (
            error
        )
    if not names & set(DIVISIONS):
        found = ", ".join(sorted(names)[:8]) or "nothing"
        raise ConfigError(
            str(root),
            f"neither closed/ nor open/ is in it, but {found}",
            "Name the folder that holds them, such as a clone of tiny_results_v1.2",
        )
    return tuple(
        list_tree(division, each) for division in DIVISIONS for each in _subfolders(top / division)
    )


def _subfolders(path: Path) -> list[Path]:
    try:
        found = [Path(each.path) for each in os.scandir(path) if each.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(found)


def list_tree(division: str, path: Path) -> Organisation:
    """List everything below an organisation's folder.

    Parameters
    ----------
    division : str
    path : Path

    Returns
    -------
    Organisation
    """
    found: dict[str, list[Path]] = {
        kind: [] for kind in ("folders", "files", "links", "empty", "unreadable")
    }
    pending = [(path, 0)]
    while pending:
        folder, depth = pending.pop()
        try:
            inside = sorted(os.scandir(folder), key=lambda each: each.name)
        except OSError:
            found["unreadable"].append(folder)
            continue
        if not inside:
            found["empty"].append(folder)
        for each in inside:
            below = Path(each.path)
            if each.is_symlink():
                found["links"].append(below)
            elif each.is_dir(follow_symlinks=False):
                found["folders"].append(below)
                if depth < _DEEPEST:
                    pending.append((below, depth + 1))
            else:
                found["files"].append(below)
    kinds = {kind: tuple(sorted(paths)) for kind, paths in found.items()}
    return Organisation(division, path.name, path, **kinds)


def find_entries(organisation: Organisation) -> tuple[Entry, ...]:
    """Return the results of an organisation.

    Parameters
    ----------
    organisation : Organisation

    Returns
    -------
    tuple of Entry
        By path. A folder that holds tests counts, whatever stands between it and ``results``.
    """
    results = organisation.path / "results"
    mapping = model_mapping(organisation)
    tests: dict[Path, dict[str, TestFolder]] = {}
    for folder in sorted(organisation.folders):
        if results not in folder.parents:
            continue
        test = _TESTS.get(folder.name.lower())
        if test is None or any(_TESTS.get(part.lower()) for part in _between(results, folder)):
            continue
        names = tuple(each.name for each in organisation.files if each.parent == folder)
        tests.setdefault(folder.parent, {}).setdefault(test, TestFolder(folder, names))
    return tuple(
        _entry(organisation, results, path, folders, mapping)
        for path, folders in sorted(tests.items())
    )


def _between(results: Path, folder: Path) -> tuple[str, ...]:
    return folder.relative_to(results).parts[:-1]


def _entry(
    organisation: Organisation,
    results: Path,
    path: Path,
    tests: dict[str, TestFolder],
    mapping: Mapping[str, str],
) -> Entry:
    parts = path.relative_to(results).parts
    names = [mapping.get(part) or benchmark_of(part) for part in parts]
    known = [index for index, name in enumerate(names) if index and name]
    # A variant such as "ad_int8" is no benchmark's name, so the last that is one counts.
    at = known[-1] if known else len(parts) - 1
    return Entry(
        division=organisation.division,
        organisation=organisation.name,
        system="/".join(parts[:at]),
        benchmark=names[at] if parts else "",
        folder_name=parts[at] if parts else "",
        variant="/".join(parts[at + 1 :]),
        path=path,
        tests=tests,
    )


def model_mapping(organisation: Organisation) -> dict[str, str]:
    """Return which benchmark an open submission's own names mean; empty where it says nothing.

    Parameters
    ----------
    organisation : Organisation

    Returns
    -------
    dict of str
        Benchmark by folder name, of ``model_mapping.json``.
    """
    path = organisation.path / "model_mapping.json"
    if organisation.division != "open" or path not in organisation.files:
        return {}
    try:
        plain = json.loads(read_text(path))
    except (ConfigError, ValueError, RecursionError):
        return {}
    pairs = plain.items() if isinstance(plain, dict) else ()
    return {
        name: benchmark_of(value)
        for name, value in pairs
        if isinstance(value, str) and benchmark_of(value)
    }


def read_bytes(path: Path, largest: int = _LARGEST_BYTES) -> bytes:
    """Read a file of a foreign tree.

    Parameters
    ----------
    path : Path
    largest : int
        Bytes.

    Returns
    -------
    bytes

    Raises
    ------
    ConfigError
        If it can't be read, is no plain file, or is larger.
    """
    require_plain(path, largest)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(str(path), f"can't read it ({error.strerror})") from error


def require_plain(path: Path, largest: int = _LARGEST_BYTES) -> None:
    """Refuse what is no plain file of a sensible size: reading a pipe would never end.

    Parameters
    ----------
    path : Path
    largest : int
        Bytes.

    Raises
    ------
    ConfigError
        If it is not there, is no plain file, or is larger.
    """
    try:
        about = path.lstat()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(str(path), f"can't read it ({why})") from error
    if not stat.S_ISREG(about.st_mode):
        raise ConfigError(str(path), "this is no plain file")
    if about.st_size > largest:
        size = f"{about.st_size / 2**20:,.0f} MiB"
        raise ConfigError(str(path), f"it has {size}, more than {largest / 2**20:,.0f}")


def read_text(path: Path) -> str:
    """Read a text of a foreign tree; bytes that are no UTF-8 become U+FFFD.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        If it can't be read or is too large.
    """
    return read_bytes(path).decode("utf-8-sig", "replace")


_SPLIT = re.compile(r"[^a-z0-9]+")
_NO_NAMES = {"", "system", "description"}


def find_system_files(organisation: Organisation) -> Iterator[Path]:
    """Yield the JSON files below an organisation's ``systems``."""
    systems = organisation.path / "systems"
    for path in organisation.files:
        if systems in path.parents and path.suffix.lower() == ".json" and path.name[0] != ".":
            yield path


def likeness(system: str, path: Path) -> float:
    """Return how well a file's name fits a system's: the share of common words, in 0..1."""
    ours = set(_SPLIT.split(system.lower())) - _NO_NAMES
    theirs = set(_SPLIT.split(path.stem.lower())) - _NO_NAMES
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0
