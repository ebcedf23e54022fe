"""Where the command line writes: results to stdout, everything else to stderr."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from tinygauge.evaluation import Progress as ProgressCallback

__all__ = ["console", "print_error", "progress_bar"]

# Wide enough for the decision table where nobody reads it on a screen.
_PIPE_WIDTH = 240
# Seldom enough for the log of a night, often enough to see that it goes on.
_LINE_EVERY_S = 30.0


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


class _Lines:
    """Progress where nobody watches: a line now and then, for a log to be read later."""

    def __init__(self) -> None:
        self.what = ""
        self.started_s = self.told_s = time.monotonic()
        self.first = 0

    def report(self, what: str, done: int, total: int) -> None:
        """Print a line if the last is old."""
        now_s = time.monotonic()
        if what != self.what:
            self.what, self.started_s, self.told_s, self.first = what, now_s, now_s, done
        if now_s - self.told_s < _LINE_EVERY_S or done >= total:
            return
        self.told_s = now_s
        text = f"{what}: {done} of {total}"
        if done > self.first:
            left_s = (now_s - self.started_s) / (done - self.first) * (total - done)
            text += f", about {dt.timedelta(seconds=round(left_s))} left"
        print_error(text)


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
    """Show a bar on stderr while long work runs; where that is no terminal, lines now and then."""
    if not sys.stderr.isatty():
        yield _Lines().report
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns: list[Any] = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield report
