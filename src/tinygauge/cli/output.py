"""Where the command line writes: results to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from tinygauge.evaluation import Progress as ProgressCallback

__all__ = ["console", "print_error", "progress_bar"]

# Wide enough for the decision table where nobody reads it on a screen.
_PIPE_WIDTH = 240


class _Console(Console):
    """A console that leaves the exit code to `main` when its reader goes away."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """Return the console of stdout; wide and plain where that is no terminal."""
    if sys.stdout.isatty():
        return _Console()
    return _Console(width=_PIPE_WIDTH, no_color=True)


def print_error(message: object) -> None:
    """Say what went wrong, on stderr, in one line."""
    text = " ".join(str(message).split())
    print(f"tinygauge: {text}", file=sys.stderr)


@contextmanager
def progress_bar() -> Iterator[ProgressCallback | None]:
    """Show a bar on stderr while long work runs; nothing where stdout is no terminal."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns: list[Any] = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield report
