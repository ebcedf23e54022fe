"""The words of `tinygauge submission`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

__all__ = ["add_submission"]

AddVerb = Callable[[Any, str, str, str], argparse.ArgumentParser]


def add_submission(submission: argparse.ArgumentParser, add_verb: AddVerb) -> None:
    """Add the verbs below the verb.

    Parameters
    ----------
    submission : ArgumentParser
        Of the verb.
    add_verb : callable
        Adds one that prints a result.
    """
    verbs = submission.add_subparsers(
        title="verbs", dest="submission_verb", metavar="VERB", required=True
    )
    build = add_verb(
        verbs, "build", "submission:run_build", "make a submission's tree from runs, and check it"
    )
    build.add_argument("runs", nargs="+", metavar="RUN", help="folders of bench run")
    build.add_argument("--system", required=True, metavar="TOML", help="the system's description")
    build.add_argument("--out", required=True, metavar="DIR", help="the tree; it may exist already")
    build.add_argument(
        "--round", default="v1.4", metavar="ROUND", help="which it is for (%(default)s)"
    )
    build.add_argument(
        "--runner",
        choices=("mlc", "eembc"),
        default="mlc",
        help="whose file formats: MLCommons' runner, or EEMBC's (%(default)s)",
    )
    check = add_verb(
        verbs, "check", "submission:run_check", "tell what a submission does not meet, file by file"
    )
    check.add_argument("tree", metavar="DIR", help="the folder with closed and open")
    check.add_argument(
        "--round", default="v1.4", metavar="ROUND", help="whose requirements (%(default)s)"
    )
    read = add_verb(
        verbs, "read", "submission:run_read", "list the results of a published tree, of any round"
    )
    read.add_argument("tree", metavar="DIR", help="the folder with closed and open")
    read.add_argument(
        "--round",
        default="",
        metavar="ROUND",
        help="which it is of; by default as the folder's name tells",
    )
