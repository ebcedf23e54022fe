"""What stands behind an option is read, or refused with what was expected."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from tinygauge.cli.arguments import count, count_or_0, seconds


def test_numbers_are_read() -> None:
    """Whole numbers, zero where it means something, seconds with a fraction."""
    assert (count("007"), count("999999999")) == (7, 999_999_999)
    assert (count_or_0("0"), count_or_0("12")) == (0, 12)
    assert (seconds("0.5"), seconds("1e5")) == (0.5, 100_000)


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        *((count, text, "whole number from 1 on") for text in ("", "0", "-1", "1.5", "٣", "²")),
        (count_or_0, "-1", "whole number from 0 on"),
        (count, "1" + "0" * 9, "at most 999,999,999"),
        (count_or_0, "9" * 5000, "at most 999,999,999"),
        *((seconds, text, "above 0, at most 100,000") for text in ("", "0", "-1", "nan", "2e5")),
    ],
)
def test_anything_else_is_refused(read: Callable[[str], object], text: str, expected: str) -> None:
    """With what was expected and what was found, however long it is."""
    with pytest.raises(argparse.ArgumentTypeError, match=expected):
        read(text)
