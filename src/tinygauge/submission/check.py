"""Check a submission: the official checker's requirements, and the rules that it leaves unchecked.

>>> import tempfile, pathlib
>>> with tempfile.TemporaryDirectory() as folder:
...     made = pathlib.Path(folder, "closed", "me", "results", "board")
...     made.mkdir(parents=True)
...     [failure.requirement.name for failure in check_submission(folder).failures]
['no-empty-folders', 'checklist', 'code-published', 'system-described', 'tests-present']
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinygauge.records import Severity
from tinygauge.submission.agreement import agreement_failures
from tinygauge.submission.contents import Contents, load_contents, system_of
from tinygauge.submission.figures import figure_failures
from tinygauge.submission.requirements import Failure, failure
from tinygauge.submission.rounds import LATEST, Round, RunnerKind, round_named
from tinygauge.submission.tree import (
    DIVISIONS,
    Entry,
    Organisation,
    find_entries,
    find_organisations,
)

__all__ = ["Checked", "check_submission", "runner_of"]

_MARKER = "EEMBC_RUNNER"
_TOLERATED = {"results.json", "mlperf_log_trace.json", ".gitkeep"}
_LARGEST_BYTES = 500 * 2**20
_IGNORED_TOPS = {".git", ".github", "assets", ".vscode"}
_STATUSES = ("available", "preview", "rdi")
_DESCRIBED = ("board", "processor", "processor_frequency", "inference_framework")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Parameters
    ----------
    root : Path
    round : str
    entries : tuple of Contents
        What was checked.
    failures : tuple of Failure
    """

    root: Path
    round: str
    entries: tuple[Contents, ...]
    failures: tuple[Failure, ...]

    @property
    def passes(self) -> bool:
        """Whether there is a result, and nothing worse than a warning."""
        bad = any(each.requirement.severity is Severity.ERROR for each in self.failures)
        return bool(self.entries) and not bad


def check_submission(root: str | Path, round_name: str = LATEST) -> Checked:
    """Check a submission's tree.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``closed`` or ``open``.
    round_name : str
        Whose requirements it is held to.

    Returns
    -------
    Checked
        Files are named as found below `root`.

    Raises
    ------
    ConfigError
        If it is no such folder.
    UnknownNameError
        If there is no such round.
    """
    rules = round_named(round_name)
    failures: list[Failure] = []
    entries: list[Contents] = []
    organisations = find_organisations(root)
    failures += _tops(Path(root))
    for organisation in organisations:
        found = [load_contents(organisation, each) for each in find_entries(organisation)]
        entries += found
        failures += _whole(organisation)
        failures += _systems(organisation)
        failures += _missing_tests(organisation, [each.entry for each in found])
        for each in found:
            kind = runner_of(each.entry, rules)
            failures += _entry(each.entry, rules, kind, [other.entry for other in found])
            failures += figure_failures(each)
            failures += agreement_failures(each)
    return Checked(Path(root), rules.name, tuple(entries), tuple(failures))


def _tops(root: Path) -> Iterator[Failure]:
    for each in sorted(os.scandir(root), key=lambda each: each.name):
        if each.is_dir() and each.name not in {*DIVISIONS, *_IGNORED_TOPS}:
            yield failure("division", Path(each.path), "this folder is neither")


def _whole(organisation: Organisation) -> Iterator[Failure]:
    """Check an organisation's files and folders, whatever is in them."""
    for link in organisation.links:
        yield failure("no-links", link, "this is one")
    for folder in organisation.empty:
        yield failure("no-empty-folders", folder, "nothing is in it")
    for folder in organisation.unreadable:
        yield failure("readable", folder, "this folder can't be listed")
    for path in (*organisation.folders, *organisation.files):
        if path.name.startswith(".") or " " in path.name:
            yield failure("plain-names", path, "this name does")
    for folder in organisation.folders:
        if folder.name == "__pycache__":
            yield failure("no-pycache", folder, "this one is")
    yield from _sizes(organisation)
    yield from _documents(organisation)


def _sizes(organisation: Organisation) -> Iterator[Failure]:
    for path in organisation.files:
        try:
            size = path.lstat().st_size
        except OSError:
            continue  # whoever reads it says so
        if size > _LARGEST_BYTES:
            yield failure("file-size", path, f"it has {size / 2**20:,.0f} MiB")


def _documents(organisation: Organisation) -> Iterator[Failure]:
    """Check that what reviewers ask for is beside the results."""
    systems = organisation.path / "systems"
    names = [path.name.lower() for path in organisation.files if systems in path.parents]
    if not any("checklist" in name for name in names):
        yield failure("checklist", systems, "there is none")
    code = organisation.path / "code"
    if not any(code in path.parents for path in organisation.files):
        yield failure("code-published", code, "there is none")


def _systems(organisation: Organisation) -> Iterator[Failure]:
    """Check the description of each folder of results."""
    results = organisation.path / "results"
    for folder in organisation.folders:
        if folder.parent != results:
            continue
        wanted = organisation.path / "systems" / f"{folder.name}.json"
        system, file = system_of(organisation, folder.name)
        if wanted not in organisation.files:
            there = "there is none" if file is None else f"but {file.name} is"
            yield failure("system-described", wanted, there)
        if system is None or file is None:
            continue
        if not system.strict:
            mended = "; ".join(system.repairs) or "it holds no object"
            yield failure("system-json", file, f"it is none (to read it, {mended})")
        elif system.status not in _STATUSES:
            yield failure("status", file, f"it is '{system.status or system.get('status')}'")
        if system.twice:
            yield failure("keys-once", file, f"these do: {', '.join(system.twice[:6])}")
        blank = [name for name in _DESCRIBED if not system.get(name)]
        if blank and system.values:
            yield failure("described", file, f"blank: {', '.join(blank)}")


def _missing_tests(organisation: Organisation, entries: list[Entry]) -> Iterator[Failure]:
    """Find folders of results in which no test stands."""
    results = organisation.path / "results"
    holders = {parent for each in entries for parent in (each.path, *each.path.parents)}
    for folder in organisation.folders:
        depth = len(folder.parts) - len(results.parts)
        if results in folder.parents and depth in {1, 2} and folder not in holders:
            inside_test = any(each.path in folder.parents for each in entries)
            if folder.parent in {results, *holders} and not inside_test:
                yield failure("tests-present", folder, "no test is in it")


def runner_of(entry: Entry, rules: Round) -> RunnerKind:
    """Tell whose files a benchmark's folder must hold, as the official checker does.

    Parameters
    ----------
    entry : Entry
    rules : Round

    Returns
    -------
    RunnerKind
    """
    if rules.has_mlc_runner and not (entry.path / _MARKER).exists():
        return RunnerKind.MLC
    return RunnerKind.EEMBC


def _entry(entry: Entry, rules: Round, kind: RunnerKind, others: list[Entry]) -> Iterator[Failure]:
    """Check the names and files of a benchmark's folder."""
    if entry.benchmark not in rules.benchmarks:
        known = ", ".join(rules.benchmarks)
        yield failure("benchmark-name", entry.path, f"'{entry.folder_name}' is none of {known}")
    elif (
        entry.division == "closed"
        and entry.folder_name != entry.benchmark
        and rules.name not in {"v0.5", "v0.7", "v1.0"}
    ):
        yield failure("benchmark-name", entry.path, f"{rules.name} asks for '{entry.benchmark}'")
    if entry.benchmark == "ic2" and not any(
        each.system == entry.system and each.benchmark == "ic" for each in others
    ):
        yield failure("ic2-beside-ic", entry.path, "there is no ic")
    yield from _layout(entry)
    needed: tuple[str, ...] = ("accuracy", "performance")
    if entry.benchmark == "sww":
        needed = () if "energy" in entry.tests else ("performance",)
    for name in needed:
        if name not in entry.tests:
            yield failure("tests-present", entry.path, f"there is no {name}")
    yield from _files(entry, kind)


def _layout(entry: Entry) -> Iterator[Failure]:
    if entry.variant:
        yield failure("layout", entry.path, f"'{entry.variant}' is a level too many")
    if "/" in entry.system:
        yield failure("layout", entry.path, f"the system '{entry.system}' has two levels")
    for name, folder in entry.tests.items():
        if folder.path.name != name:
            yield failure("layout", folder.path, f"it is to be named {name}")


def _files(entry: Entry, kind: RunnerKind) -> Iterator[Failure]:
    for name, folder in entry.tests.items():
        present = set(folder.files)
        needed = set(kind.files)
        if name == "energy":
            if entry.benchmark == "sww" and kind is RunnerKind.MLC:
                needed |= {"energy_inf_000.png"}
            else:
                needed -= {"script.async", "results.json"}
        missing = sorted(needed - present)
        # The energy folder also holds traces and plots, which nobody lists.
        beyond = [] if name == "energy" else sorted(present - needed - _TOLERATED)
        said = [f"{each} is missing" for each in missing]
        said += [f"{each} is none of them" for each in beyond[:5]]
        if said:
            rule = "energy-files" if name == "energy" and entry.benchmark != "sww" else "file-set"
            advice = f" ({kind.value} runner: {', '.join(kind.files)})"
            yield failure(rule, folder.path, "; ".join(said) + advice)
