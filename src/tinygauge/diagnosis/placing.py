r"""Puts each answer of a board's log beside its input: by the input's name, or else by the order.

A log may hold more of an input's path than the data (``C:\data\kws01\tst_7.bin``), or less
(``000.png``, of ``0/000.png``): names match as far as both go. Data from a single file are numbered
by `tinygauge bench`, as in ``test[007]``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from tinygauge.accuracy import Dataset, Task
from tinygauge.diagnosis.board_log import Answer, BoardLog
from tinygauge.errors import DatasetError

__all__ = ["place_answers"]

_NUMBERED = re.compile(r"(.*)\[(\d+)\]")
_WRONG_DATA = "Give the data that the board was given"


def place_answers(log: BoardLog, dataset: Dataset) -> dict[int, Answer]:
    """Put each answer of a log beside its input.

    Parameters
    ----------
    log : BoardLog
        Where it names an input more than once, the answers must be the same; they count once.
        Windows of one recording are answered in their order.
    dataset : Dataset

    Returns
    -------
    dict of int to Answer
        By the input's place in the dataset, in the order of the log.

    Raises
    ------
    DatasetError
        If an input is not in the data or may be several of them, only some answers name theirs,
        an input is answered in two ways, or there are more answers than inputs.
    """
    placed: dict[int, Answer] = {}
    for place, answer in zip(_places(log, dataset), log.answers, strict=True):
        before = placed.setdefault(place, answer)
        if not np.array_equal(before.values, answer.values, equal_nan=True):
            problem = (
                f"it answers the input '{answer.input}' more than once, with other outputs: the "
                "board does not repeat itself"
            )
            advice = (
                "Give the log of one board's accuracy run, which loads each input anew: where one "
                "is inferred many times, TFLM overwrites it"
            )
            raise DatasetError(log.path, problem, advice)
    return placed


def _places(log: BoardLog, dataset: Dataset) -> Sequence[int]:
    names = [answer.input for answer in log.answers]
    if "" in names:
        if any(names):
            problem = f"{names.count(''):,} of its {len(names):,} answers name no input"
            raise DatasetError(log.path, problem, "Cut them out, or the names of the others")
        return _in_order(len(names), log, dataset)
    if dataset.files:
        return _by_file(names, log, dataset)
    numbered = [_NUMBERED.fullmatch(name) for name in names]
    if any(numbered):
        places = [
            int(found[2]) if found and found[1] == dataset.name else len(dataset)
            for found in numbered
        ]
        for name, place in zip(names, places, strict=True):
            if place >= len(dataset):
                raise _strange(name, log, dataset)
        return places
    if dataset.task is Task.ANOMALY:  # many inputs come from one file
        return _in_order(len(names), log, dataset)
    distinct = {name: place for place, name in enumerate(dict.fromkeys(names))}
    _in_order(len(distinct), log, dataset)
    return [distinct[name] for name in names]


def _in_order(count: int, log: BoardLog, dataset: Dataset) -> range:
    if count > len(dataset):
        problem = f"the log holds {count:,} answers, {dataset.name} {len(dataset):,} inputs"
        raise DatasetError(log.path, problem, _WRONG_DATA)
    return range(count)


def _by_file(names: Sequence[str], log: BoardLog, dataset: Dataset) -> list[int]:
    find = _Finder(log, dataset)
    files = [find(name) for name in names]
    if dataset.windows is None:
        return files
    _, firsts, counts = np.unique(dataset.windows.recording, return_index=True, return_counts=True)
    answered: Counter[int] = Counter()
    places: list[int] = []
    for file in files:
        places.append(int(firsts[file] + answered[file] % counts[file]))
        answered[file] += 1
    return places


class _Finder:
    """Finds which of a dataset's files a log means."""

    def __init__(self, log: BoardLog, dataset: Dataset) -> None:
        self._log, self._dataset = log, dataset
        self._whole: dict[str, int] = {}
        self._endings: dict[str, list[int]] = {}
        for index, file in enumerate(dataset.files):
            self._whole.setdefault(file, index)
            for ending in _endings(file):
                self._endings.setdefault(ending, []).append(index)

    def __call__(self, name: str) -> int:
        """Return the place of a file in the dataset's."""
        for ending in _endings(name):
            if ending in self._whole:
                return self._whole[ending]
        found = self._endings.get(name, [])
        if not found:
            raise _strange(name, self._log, self._dataset)
        if len(found) > 1:
            first, second = (self._dataset.files[index] for index in found[:2])
            problem = (
                f"the log's input '{name}' may be '{first}' or '{second}' of {self._dataset.name}"
            )
            advice = "Give a log with the inputs' folders, or each file a name of its own"
            raise DatasetError(self._log.path, problem, advice)
        return found[0]


def _endings(path: str) -> list[str]:
    """Return a path and what is left of it without its first folders, the longest first."""
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _strange(name: str, log: BoardLog, dataset: Dataset) -> DatasetError:
    problem = f"the log's input '{name}' is not in {dataset.name}"
    return DatasetError(log.path, problem, _WRONG_DATA)
