"""Which input each answer of a log is for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygauge.accuracy import Dataset, Task, Windows
from tinygauge.diagnosis.board_log import Answer, BoardLog
from tinygauge.diagnosis.placing import place_answers
from tinygauge.errors import DatasetError

IMAGES = ("0/000.png", "0/001.png", "1/000.png", "1/002.png")


def _data(files: tuple[str, ...] = (), n: int = 4, task: Task = Task.CLASSIFICATION) -> Dataset:
    return Dataset(
        name="img", path="", sha256="", x=np.zeros((n, 2), np.float32), y=np.arange(n) % 2,
        files=files, task=task,
    )  # fmt: skip


def _log(*answers: tuple[str, float]) -> BoardLog:
    return BoardLog("log.txt", "", tuple(Answer(name, (value,), 0.1) for name, value in answers))


@pytest.mark.parametrize(
    ("names", "data", "places"),
    [
        (("1/000.png", "0/000.png"), _data(IMAGES), [2, 0]),
        (("C:/my data/img/1/000.png", "/img/0/001.png"), _data(IMAGES), [2, 1]),
        (("002.png", "001.png"), _data(IMAGES), [3, 1]),
        (("D:/kws01/b.bin", "a.bin"), _data(("a.bin", "b.bin"), 2), [1, 0]),
        (("img[3]", "img[001]"), _data(), [3, 1]),
        (("tst_9.bin", "tst_4.bin", "tst_9.bin"), _data(), [0, 1]),
        (("", ""), _data(), [0, 1]),
        (("", ""), _data(IMAGES), [0, 1]),
        (("a.wav", "a.wav"), _data(task=Task.ANOMALY), [0, 1]),
    ],
)
def test_names_place_answers(names: tuple[str, ...], data: Dataset, places: list[int]) -> None:
    """By as much of the path as both have, by our own numbers, or else by the order."""
    log = _log(*((name, float(len(name) > 0)) for name in names))

    assert list(place_answers(log, data)) == places


@pytest.mark.parametrize(
    ("names", "data", "problem"),
    [
        (("0/000.png", "000.png"), _data(IMAGES), "'000.png' may be '0/000.png' or '1/000.png'"),
        (("0/002.png",), _data(IMAGES), "'0/002.png' is not in img"),
        (("img[1]", "img[4]"), _data(), r"'img\[4\]' is not in img"),
        (("other[1]",), _data(), r"'other\[1\]' is not in img"),
        (("img[1]", "b.bin"), _data(), "'b.bin' is not in img"),
        (("img[1]",), _data(IMAGES), r"'img\[1\]' is not in img"),
        (("", "0/000.png", ""), _data(IMAGES), "2 of its 3 answers name no input"),
        (("",) * 5, _data(), "5 answers, img 4 inputs"),
        (tuple("abcde"), _data(), "5 answers, img 4 inputs"),
    ],
)
def test_what_cannot_be_placed_is_refused(
    names: tuple[str, ...], data: Dataset, problem: str
) -> None:
    """Names of nothing in the data, of several files, or of some answers only."""
    with pytest.raises(DatasetError, match=problem):
        place_answers(_log(*((name, 0.0) for name in names)), data)


def test_an_input_that_is_answered_again_counts_once() -> None:
    """With the same outputs: those of a board that gives no number are the same as well."""
    log = _log(("a", 0.1), ("b", float("nan")), ("a", 0.1), ("x/b", float("nan")))

    assert [answer.input for answer in place_answers(log, _data(("a", "b"), 2)).values()] == [
        "a",
        "b",
    ]


def test_a_board_that_does_not_repeat_itself_is_told() -> None:
    """Which of two answers is the board's can't be said."""
    with pytest.raises(DatasetError, match=r"input 'a' more than once, with other outputs: the bo"):
        place_answers(_log(("a", 0.1), ("b", 0.1), ("a", 0.2)), _data(("a", "b"), 2))


def test_windows_of_a_recording_are_answered_in_their_order() -> None:
    """Each has the recording's name; recordings may come in any order, and once more."""
    windows = Windows(width=2, starts=np.arange(5), recording=np.array([0, 0, 0, 1, 1]))
    data = Dataset(
        name="ad", path="", sha256="", x=np.zeros(6, np.float32), y=np.array([0, 1]),
        task=Task.ANOMALY, windows=windows, files=("a.bin", "b.bin"),
    )  # fmt: skip
    answers = [("b.bin", 0.1), ("b.bin", 0.2), ("a.bin", 0.3), ("a.bin", 0.4)]

    assert list(place_answers(_log(*answers, *answers[:2]), data)) == [3, 4, 0, 1]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", "img/", "C:/x/img/"]))))
def test_every_answer_of_a_log_finds_its_input(chosen: list[tuple[int, str]]) -> None:
    """In any order, as often as it likes, with any path before the folder of the data."""
    log = _log(*((before + IMAGES[place], float(place)) for place, before in chosen))

    placed = place_answers(log, _data(IMAGES))

    assert {place: answer.values for place, answer in placed.items()} == {
        place: (float(place),) for place, _ in chosen
    }
