"""The words of the command line name functions that exist, and cost nothing to read."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from collections.abc import Iterator

from tinygauge.cli.parser import build_parser


def _runs(parser: argparse.ArgumentParser) -> Iterator[str]:
    name = parser.get_default("run")
    if name is not None:
        yield name
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _runs(child)


def test_every_verb_names_a_function_that_exists() -> None:
    """A verb's function is imported when it is called: a misspelt one would be found by users."""
    names = set(_runs(build_parser()))

    assert {"evaluate:run", "fetch:run"} <= names
    for name in names:
        module, _, function = name.partition(":")
        assert callable(getattr(importlib.import_module(f"tinygauge.cli.{module}"), function))


def test_reading_the_words_imports_nothing_heavy() -> None:
    """`tinygauge --help` answers at once."""
    code = (
        "import sys; from tinygauge.cli.parser import build_parser; build_parser(); "
        "print(*(sys.modules.keys() & {'numpy', 'matplotlib', 'rich'}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split() == []


def test_the_catalogue_and_the_published_results_load_no_arrays() -> None:
    """Printing a table of boards waits for no NumPy, nor for what reads and evaluates models."""
    code = (
        "import sys, tinygauge.cli.catalogue, tinygauge.cli.published; "
        "print(*(sys.modules.keys() & {'numpy', 'tinygauge.graph', 'tinygauge.evaluation'}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split() == []
