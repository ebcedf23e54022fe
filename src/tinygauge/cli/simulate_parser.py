"""The words of `tinygauge simulate`."""

from __future__ import annotations

import argparse
import math

__all__ = ["add_simulate"]


def add_simulate(simulate: argparse.ArgumentParser) -> None:
    """Add the options of the verb.

    Parameters
    ----------
    simulate : ArgumentParser
        Of the verb.
    """
    simulate.add_argument("firmware", metavar="ELF", help="a linked firmware")
    simulate.add_argument("--cpu", metavar="CORE", help="cortex-m0, m3, m4, m7, m33; the file's")
    simulate.add_argument("--board", metavar="NAME", help="board: its core, cycles and clock")
    simulate.add_argument("--clock", metavar="CLOCK", help="such as 100MHz; the board's by default")
    simulate.add_argument(
        "--function", metavar="NAME", help="call this function, in place of running from reset"
    )
    simulate.add_argument("--until", metavar="NAME", help="stop before this function")
    simulate.add_argument(
        "--input",
        action="append",
        metavar="VARIABLE=FILE",
        help="put a file's bytes into a variable first; repeatable",
    )
    simulate.add_argument(
        "--time-limit", type=_seconds, default=60.0, metavar="S", help="seconds (%(default)g)"
    )
    simulate.add_argument(
        "--blocks", type=_count, default=0, metavar="N", help="list the N busiest basic blocks"
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1e6:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, got '{text}'")
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"must be a whole number, got '{text}'")
    return int(text)
