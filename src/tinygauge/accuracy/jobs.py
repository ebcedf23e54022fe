"""Does many pieces of work at a time, tells how far it is, and ends what runs when stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeAlias, TypeVar

from tinygauge.accuracy.processes import stop_workers

__all__ = ["Progress", "at_once", "silent"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, how many steps are done, and how many there are."""

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


def silent(_what: str, _done: int, _total: int) -> None:
    """Tell nobody of the progress."""


def at_once(
    work: Callable[[Task], Outcome], tasks: Sequence[Task], jobs: int | None = None
) -> Iterator[tuple[Task, Outcome]]:
    """Do a piece of work for each task, several at a time.

    Parameters
    ----------
    work : callable
        Called in threads of its own; it waits for a process that runs a model.
    tasks : sequence
    jobs : int, optional
        How many at a time; by default as many as there are cores.

    Yields
    ------
    tuple
        Each task with what its work returned, in the order in which they end.
    """
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        running = {pool.submit(work, task): task for task in tasks}
        try:
            for future in as_completed(running):
                yield running.pop(future), future.result()
        except BaseException:
            # Interrupted: end the models that run, and start no more.
            pool.shutdown(wait=False, cancel_futures=True)
            stop_workers()
            raise
