"""What a submission is held to: each requirement with its clause, its source and who checks it.

>>> official = [each.name for each in REQUIREMENTS.values() if each.official]
>>> "file-set" in official, "window-10s" in official
(True, False)

References
----------
mlcommons/tiny @ 1afd2c9: tools/submission/submission_checker.py, MLPerfTiny_Rules.adoc,
benchmark/runner/main.py; messages of the EEMBC runner 3.0 in the published results.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinygauge.records import Severity

__all__ = ["REQUIREMENTS", "Failure", "Requirement", "failure"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement.

    Parameters
    ----------
    name : str
        Stable.
    clause : str
        What it asks for.
    source : str
        Where it stands.
    official : bool
        Whether the official checker tests it.
    severity : Severity
        ``error``: the submission does not pass; ``warning``: it does.
    """

    name: str
    clause: str
    source: str
    official: bool
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Failure:
    """A requirement that a file does not meet.

    Parameters
    ----------
    requirement : Requirement
    file : Path
        The file or folder at fault.
    found : str
        What is there instead.
    """

    requirement: Requirement
    file: Path
    found: str


_CHECKER = "submission_checker.py"
_RULES = "MLPerfTiny_Rules.adoc"
_RUNNER = "benchmark/runner/main.py"
_EEMBC = "EEMBC runner 3.0"
_TEMPLATE = "system description template"
_WARN = Severity.WARNING


def _official(name: str, clause: str, severity: Severity = Severity.ERROR) -> Requirement:
    return Requirement(name, clause, _CHECKER, official=True, severity=severity)


def _ours(name: str, clause: str, source: str, severity: Severity = Severity.ERROR) -> Requirement:
    return Requirement(name, clause, source, official=False, severity=severity)


REQUIREMENTS: dict[str, Requirement] = {
    each.name: each
    for each in (
        # What the official checker tests.
        _official("division", "The top folders are closed and open"),
        _official("no-links", "No file is a symbolic link"),
        _official("no-pycache", "No folder is named __pycache__"),
        _official("no-empty-folders", "No folder is empty"),
        _official("file-size", "No file is larger than 500 MiB"),
        _official("plain-names", "No name begins with a dot or holds a space", _WARN),
        _official("system-described", "systems/SYSTEM.json is there for each folder of results"),
        _official("system-json", "The system's description is a JSON object"),
        _official("status", "Status is available, preview or rdi"),
        _official("benchmark-name", "The benchmark's folder has a name of the round"),
        _official("ic2-beside-ic", "ic2 needs ic beside it"),
        _official("layout", "Tests stand in BENCHMARK/performance, accuracy and energy"),
        _official("tests-present", "Accuracy and performance are there; for sww energy or those"),
        _official("file-set", "A test's folder holds the runner's files and no others"),
        _official("accuracy-stated", "accuracy/results.txt states the benchmark's metric"),
        _official("accuracy-target", "In the closed division the quality target is met"),
        _official("throughput-stated", "performance/results.txt states the median throughput"),
        _official("energy-stated", "energy/results.txt states the median energy"),
        _official("wakewords-stated", "sww states throughput, duty cycle and counts of 50 words"),
        # What it leaves unchecked.
        _ours("readable", "Every file of a test can be read", _RULES),
        _ours("five-windows", "Exactly five windows are measured (sww: one)", _RUNNER),
        _ours("window-10s", "Each window takes at least 10 s", _EEMBC),
        _ours("window-10-iterations", "Each window holds at least 10 inferences", _EEMBC),
        _ours("median", "The score is the median of the windows", _RUNNER),
        _ours("arithmetic", "A window's rate and energy follow from its counts", _RUNNER),
        _ours("no-complaint", "The runner itself does not complain", _EEMBC),
        _ours("log-agrees", "The log has the windows that the results have", _RULES),
        _ours("json-agrees", "results.json has the windows that the results have", _RUNNER),
        _ours("five-inputs", "The windows infer five different inputs", _RUNNER),
        _ours("firmware-model", "The firmware names the benchmark's model", _RUNNER),
        _ours("full-set", "Accuracy is scored over the benchmark's whole set", _RULES),
        _ours("accuracy-agrees", "The log's outputs give the accuracy that is stated", _RULES),
        _ours("supply-stated", "Energy is measured at a stated supply voltage", _RULES),
        _ours("trace-agrees", "The energy trace integrates to the stated energies (0.2 %)", _EEMBC),
        _ours("energy-files", "The energy folder holds the runner's log and results", _RULES),
        _ours("real-board", "Times are measured on a board", _RULES, _WARN),
        _ours("keys-once", "No key of the description stands twice", _TEMPLATE, _WARN),
        _ours("described", "Board, processor, clock and framework are named", _TEMPLATE, _WARN),
        _ours("code-published", "The code is beside the results", _RULES, _WARN),
        _ours("checklist", "The submission checklist is in systems", _RULES, _WARN),
    )
}


def failure(name: str, file: Path, found: str) -> Failure:
    """Return that a file does not meet a requirement.

    Parameters
    ----------
    name : str
        Of the requirement.
    file : Path
    found : str
        What is there instead.

    Returns
    -------
    Failure
    """
    return Failure(REQUIREMENTS[name], file, found)
