"""What the official checker of MLPerf Tiny decides, said again in few words, to judge ours by.

Only its outcome for a closed submission of one system: which benchmarks' results it takes into
its summary, and which errors it logs. Restated from mlcommons/tiny, tools/submission/
submission_checker.py @ 319cda8 (v1.3); it shares nothing with `tinygauge.submission`.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

_TARGETS = {"ad": ("AUC", 0.85), "ic": ("Top", 85), "kws": ("Top", 90), "vww": ("Top", 80)}
_ACCURACY = {
    "Top": re.compile(r".* Top[- ]1%?\s?[:=] ([\d\.]+).*"),
    "AUC": re.compile(r".* AUC\s?[:=] ([\d\.]+).*"),
}
_THROUGHPUT = re.compile(r".* Median throughput is\s+([\d\.]+) inf\./sec\..*")
_ENERGY = re.compile(r"Median energy cost is ([\d\.]+) uJ/inf")
_IGNORED = {"mlperf_log_trace.json", "results.json", ".gitkeep"}


def judge(root: Path) -> tuple[set[str], int]:
    """Return the benchmarks that are taken, and how many errors are logged."""
    taken: set[str] = set()
    errors = sum(
        each.is_dir() and each.name not in {"closed", "open", ".git", ".github"}
        for each in root.iterdir()
    )
    for organisation in sorted((root / "closed").iterdir()):
        walked = list(os.walk(organisation))
        files = [Path(folder, name) for folder, _, names in walked for name in names]
        rejected = (
            any(file.is_symlink() for file in files)
            or any(file.stat().st_size > 500 * 2**20 for file in files)
            or any(folder.endswith("__pycache__") for folder, _, _ in walked)
            or any(not folders and not names for _, folders, names in walked)
        )
        if rejected:
            errors += 1
            continue
        for system in _folders(organisation / "results"):
            found, more = _system(organisation, system)
            taken |= found
            errors += more
    return taken, errors


def _folders(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_dir())


def _system(organisation: Path, system: Path) -> tuple[set[str], int]:
    description = organisation / "systems" / f"{system.name}.json"
    try:
        status = json.loads(description.read_text())["Status"].lower()
    except (OSError, ValueError):
        return set(), 1  # the checker itself ends with an exception where it is no JSON
    if status not in {"available", "preview", "rdi"}:
        return set(), 1
    taken, errors = set(), 0
    for folder in _folders(system):
        if folder.name not in _TARGETS:
            errors += 1
            continue
        problems = _benchmark(folder)
        errors += len(problems)
        if not any(fatal for fatal in problems):
            taken.add(folder.name)
    return taken, errors


def _benchmark(folder: Path) -> list[bool]:
    """Return the errors of a benchmark; True for one that drops the result."""
    third = "script.async" if (folder / "EEMBC_RUNNER").exists() else "results.json"
    wanted = {"log.txt", "results.txt", third}
    metric, target = _TARGETS[folder.name]
    problems = []
    for test in ("accuracy", "performance"):
        if not (folder / test / "results.txt").exists():
            return [True]
        present = {each.name for each in (folder / test).iterdir() if each.is_file()}
        if (present ^ wanted) - _IGNORED:
            problems.append(False)
    accuracy = _last(_ACCURACY[metric].match, folder / "accuracy" / "results.txt")
    if accuracy is None or accuracy < target:
        problems.append(True)
    if _last(_THROUGHPUT.match, folder / "performance" / "results.txt") is None:
        problems.append(True)
    energy = folder / "energy"
    if energy.exists() and _last(_ENERGY.search, energy / "results.txt") is None:
        problems.append(True)
    return problems


def _last(match, path: Path) -> float | None:  # type: ignore[no-untyped-def]
    lines = path.read_text().splitlines() if path.exists() else []
    found = [each for each in map(match, lines) if each]
    return float(found[-1][1]) if found else None
