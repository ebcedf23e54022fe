"""Submissions for people and as JSON: what was made, what a check found, the results of a tree.

A tree may be anybody's: what is shown of its names holds no control characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tinygauge.published import PublishedResult
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Severity
from tinygauge.report.published_report import figure_cell, result_document
from tinygauge.submission.build import Built
from tinygauge.submission.check import Checked
from tinygauge.submission.requirements import Failure
from tinygauge.submission.table import ReadResult

__all__ = [
    "built_lines",
    "check_document",
    "check_lines",
    "read_document",
    "read_notes",
    "read_table",
    "shown",
]

_COLUMNS = (
    "round", "division", "submitter", "system", "board", "core", "engine", "clock", "supply",
    "task", "latency", "per second", "energy", "accuracy", "AUC", "notes",
)  # fmt: skip
_FIGURES = ("clock", "supply", "latency", "per second", "energy", "accuracy", "AUC", "notes")


def shown(text: object) -> str:
    """Return a name as it can be printed: control characters become question marks.

    Parameters
    ----------
    text : object

    Returns
    -------
    str
    """
    return "".join(each if each.isprintable() else "?" for each in str(text))


def built_lines(built: Built) -> list[str]:
    """Say what was made, and what to know before sending it off.

    Parameters
    ----------
    built : Built

    Returns
    -------
    list of str
    """
    lines = [f"{len(built.files)} files in {shown(built.root)}, results in {shown(built.folder)}"]
    return [*lines, *(f"note: {shown(note)}" for note in built.notes), ""]


def check_lines(checked: Checked) -> list[str]:
    """Say file by file what is not met, and the sum of it.

    Parameters
    ----------
    checked : Checked

    Returns
    -------
    list of str
    """
    lines: list[str] = []
    last: Path | None = None
    for failure in _by_file(checked):
        if failure.file != last:
            lines.append(_file(checked, failure))
            last = failure.file
        rule = failure.requirement
        who = "official checker" if rule.official else "left unchecked by it"
        said = f"{rule.clause}: {shown(failure.found)}"
        lines.append(f"  {rule.severity.value:<7} {rule.name}: {said} [{rule.source}, {who}]")
    counts = Counter(each.requirement.severity for each in checked.failures)
    errors, warnings = counts[Severity.ERROR], counts[Severity.WARNING]
    official = sum(
        each.requirement.official and each.requirement.severity is Severity.ERROR
        for each in checked.failures
    )
    verdict = "passes" if checked.passes else "does not pass"
    if not checked.entries:
        verdict = "holds no result, and does not pass"
    lines.append(
        f"{_count(len(checked.entries), 'result')} held to {checked.round}: it {verdict}, with "
        f"{_count(errors, 'error')} ({official} for the official checker) and "
        f"{_count(warnings, 'warning')}."
    )
    return lines


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _by_file(checked: Checked) -> list[Failure]:
    """Sort failures by file, errors first; windows keep their order."""
    return sorted(
        checked.failures,
        key=lambda each: (str(each.file), each.requirement.severity is not Severity.ERROR),
    )


def _file(checked: Checked, failure: Failure) -> str:
    try:
        return shown(failure.file.relative_to(checked.root).as_posix()) or "."
    except ValueError:
        return shown(failure.file)


def check_document(checked: Checked, read: ReadResult) -> dict[str, Any]:
    """Return a check for JSON.

    Parameters
    ----------
    checked : Checked
    read : ReadResult
        The results of the same tree.

    Returns
    -------
    dict
    """
    return {
        "root": shown(checked.root),
        "round": checked.round,
        "passes": checked.passes,
        "failures": [
            {
                "requirement": each.requirement.name,
                "clause": each.requirement.clause,
                "source": each.requirement.source,
                "official": each.requirement.official,
                "severity": each.requirement.severity.value,
                "file": _file(checked, each),
                "found": shown(each.found),
            }
            for each in _by_file(checked)
        ],
        "results": read_document(read)["results"],
    }


def read_document(read: ReadResult) -> dict[str, Any]:
    """Return the results of a tree for JSON.

    Parameters
    ----------
    read : ReadResult

    Returns
    -------
    dict
    """
    return {
        "results": [result_document(each) for each in read.results],
        "unread": [
            {"folder": shown(each.path), "reason": shown(each.reason)} for each in read.unread
        ],
    }


def read_table(read: ReadResult) -> Table:
    """Lay out the results of a tree, one a row; notes are numbered as in `read_notes`.

    Parameters
    ----------
    read : ReadResult

    Returns
    -------
    rich.table.Table
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in _COLUMNS:
        right = name in _FIGURES
        table.add_column(name, justify="right" if right else "left", no_wrap=right, overflow="fold")
    numbers = _numbers(read)
    for result in read.results:
        cells = dict(_cells(result))
        cells["notes"] = ",".join(str(numbers[note]) for note in result.notes)
        table.add_row(*(Text(shown(cells[name])) for name in _COLUMNS))
    table.caption = "all quoted from the tree, no intervals published"
    return table


def _cells(result: PublishedResult) -> Iterator[tuple[str, str]]:
    for name in ("round", "division", "submitter", "system", "core"):
        yield name, str(getattr(result, name))
    yield "board", result.catalogue_board or result.board
    yield "engine", f"{result.engine} {result.engine_version}".rstrip()
    yield "task", result.benchmark
    figures: dict[str, Quantity | Missing] = {
        "clock": result.clock,
        "supply": result.supply,
        "latency": result.latency,
        "energy": result.energy,
        "accuracy": result.accuracy,
    }
    for name, figure in figures.items():
        yield name, figure_cell(figure)
    yield "per second", f"{result.throughput.value:,.2f}"
    yield "AUC", "—" if isinstance(result.auc, Missing) else f"{result.auc.value:.2f}"


def _numbers(read: ReadResult) -> dict[str, int]:
    notes = dict.fromkeys(note for result in read.results for note in result.notes)
    return {note: number for number, note in enumerate(notes, start=1)}


def read_notes(read: ReadResult) -> list[str]:
    """List what is odd about the results, each note once, and what could not be read.

    Parameters
    ----------
    read : ReadResult

    Returns
    -------
    list of str
    """
    lines = [f"{number} {shown(note)}" for note, number in _numbers(read).items()]
    return [*lines, *(f"not read: {shown(each.path)}: {each.reason}" for each in read.unread)]
