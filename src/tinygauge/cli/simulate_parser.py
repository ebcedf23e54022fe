"""The words of `tinygauge simulate`."""

from __future__ import annotations

import argparse

from tinygauge.cli.arguments import count_or_0, seconds

__all__ = ["add_simulate"]


def add_simulate(simulate: argparse.ArgumentParser) -> None:
    """Add the options of the verb.

    Parameters
    ----------
    simulate : ArgumentParser
        Of the verb.
    """
    simulate.add_argument("firmware", metavar="ELF", help="a linked firmware")
    simulate.add_argument(
        "--cpu", metavar="CORE", help="cortex-m0, m3, m4, m7, m33; by default the file's"
    )
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
        "--time-limit", type=seconds, default=60.0, metavar="S", help="seconds (%(default)g)"
    )
    simulate.add_argument(
        "--blocks", type=count_or_0, default=0, metavar="N", help="list the N busiest basic blocks"
    )
