"""Errors: each message says where, what and what to do, and names can be misspelt."""

from __future__ import annotations

import pickle

import pytest

from tinygauge import errors
from tinygauge.errors import (
    ConfigError,
    InputError,
    MissingExtraError,
    ModelFormatError,
    TinygaugeError,
    UnknownNameError,
)

BOARDS = ["nucleo-l4r5zi", "nucleo-h7a3zi-q", "ek-ra6m4", "rx65n-cloud-kit"]


def test_a_message_says_where_what_and_what_to_do() -> None:
    """The three fields make one line, and can be read apart."""
    error = ConfigError("a.toml", "'clock' is missing", "Add it")

    assert str(error) == "a.toml: 'clock' is missing. Add it"
    assert (error.where, error.problem, error.advice) == ("a.toml", "'clock' is missing", "Add it")


def test_a_message_without_advice_ends_after_the_problem() -> None:
    """No empty sentence is left behind."""
    assert str(ModelFormatError("x.tflite", "it is empty")) == "x.tflite: it is empty"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ek-ra6m5", "ek-ra6m4"),
        ("EK-RA6M4", "ek-ra6m4"),
        ("nucleo_l4r5zi", "nucleo-l4r5zi"),
        ("rx65n", "rx65n-cloud-kit"),
        ("l4r5", "nucleo-l4r5zi"),
    ],
)
def test_a_misspelt_name_gets_a_suggestion(typed: str, meant: str) -> None:
    """The nearest known name is offered, whatever the case."""
    error = UnknownNameError("board", typed, BOARDS)

    assert f"unknown board '{typed}'" in str(error)
    assert "Did you mean" in error.advice
    assert meant in error.advice


def test_a_name_like_none_lists_what_is_known() -> None:
    """With nothing near, the user sees every name, sorted."""
    error = UnknownNameError("board", "toaster!", BOARDS)

    assert error.advice == f"Known: {', '.join(sorted(BOARDS))}"


def test_a_missing_extra_names_the_command() -> None:
    """The command to type is part of the message."""
    assert "pip install 'tinygauge[pandas]'" in str(MissingExtraError("pandas", "pandas"))


def test_every_error_is_exported_and_caught_by_the_base() -> None:
    """One except clause catches all that is raised on purpose."""
    classes = [getattr(errors, name) for name in errors.__all__]

    assert all(issubclass(cls, TinygaugeError) for cls in classes)
    assert sorted(errors.__all__) == errors.__all__


@pytest.mark.parametrize(
    "name",
    ["ConfigError", "DatasetError", "ModelFormatError", "UnknownNameError", "UnsupportedOpError"],
)
def test_what_the_user_gave_wrong_is_an_input_error(name: str) -> None:
    """Exit code 2 hangs on this base class."""
    assert issubclass(getattr(errors, name), InputError)


@pytest.mark.parametrize("name", ["RunnerError", "FetchError", "ComparisonError"])
def test_what_failed_outside_is_no_input_error(name: str) -> None:
    """A crash of the interpreter or the network is not the user's mistake."""
    assert not issubclass(getattr(errors, name), InputError)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("a.toml", "'clock' is missing", "Add it"),
        UnknownNameError("board", "ek-ra6m5", BOARDS),
        MissingExtraError("pandas", "pandas"),
    ],
)
def test_errors_travel_between_processes(error: TinygaugeError) -> None:
    """On a cluster they are made elsewhere: class, message and fields arrive."""
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes

    assert (type(arrived), str(arrived), vars(arrived)) == (type(error), str(error), vars(error))
