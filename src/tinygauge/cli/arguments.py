"""Readers of what stands behind an option: whole numbers and seconds."""

from __future__ import annotations

import argparse

__all__ = ["count", "count_or_0", "seconds"]

_MOST = 10**9 - 1
_MOST_S = 1e5


def count(text: str) -> int:
    """Read a whole number from 1 on.

    Parameters
    ----------
    text : str

    Returns
    -------
    int

    Raises
    ------
    ArgumentTypeError
        If it is none, or beyond what anybody counts.
    """
    return _whole(text, 1)


def count_or_0(text: str) -> int:
    """Read a whole number from 0 on.

    Parameters
    ----------
    text : str

    Returns
    -------
    int

    Raises
    ------
    ArgumentTypeError
        As `count` does.
    """
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    is_whole = text.isascii() and text.isdigit()
    if is_whole and len(text.lstrip("0")) > len(str(_MOST)):
        raise argparse.ArgumentTypeError(f"must be at most {_MOST:,}, got '{text}'")
    if not is_whole or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} on, got '{text}'")
    return int(text)


def seconds(text: str) -> float:
    """Read a duration in seconds.

    Parameters
    ----------
    text : str

    Returns
    -------
    float

    Raises
    ------
    ArgumentTypeError
        If it is no number, not above 0, or longer than a day or so.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _MOST_S:
        raise argparse.ArgumentTypeError(
            f"must be a number of seconds above 0, at most {_MOST_S:,.0f}, got '{text}'"
        )
    return value
