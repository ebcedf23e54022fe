"""The words of the verbs that look for differences: `numerics` and `diff`."""

from __future__ import annotations

import argparse

__all__ = ["add_numerics"]


def add_numerics(parser: argparse.ArgumentParser) -> None:
    """Add the options of `tinygauge numerics`.

    Parameters
    ----------
    parser : ArgumentParser
        Of the verb.
    """
    parser.add_argument(
        "--log",
        metavar="FILE",
        required=True,
        help="what the board printed: a runner's log, a transcript, or a line of numbers an input",
    )
    parser.add_argument("--model", metavar="MODEL", required=True, help=".tflite file it ran")
    parser.add_argument("--data", metavar="PATH", required=True, help="dataset it was given")
