"""A thread that reads an instrument while the board is busy, and keeps the error it met."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tinygauge.errors import BenchError, MonitorError

__all__ = ["Acquisition"]


class Acquisition:
    """Calls a function again and again until it is told to end.

    Parameters
    ----------
    step : callable
        Reads what there is, waiting a moment at most; returns False when nothing more will come.
    where : str
        The instrument, for messages.
    """

    def __init__(self, step: Callable[[], bool], where: str) -> None:
        self._step = step
        self._where = where
        self._ending = threading.Event()
        self._failure: BenchError | None = None
        self._thread = threading.Thread(target=self._run, name=f"monitor {where}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._ending.is_set() and self._step():
                pass
        except BenchError as error:
            self._failure = error

    @property
    def failure(self) -> BenchError | None:
        """What ended it before its time; None while all is well."""
        return self._failure

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing more comes; say whether that happened in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def end(self, timeout_s: float = 5.0) -> None:
        """End; raise what it met.

        Parameters
        ----------
        timeout_s : float
            How long one step may take.

        Raises
        ------
        MonitorError
            If the instrument failed, or reading it does not end.
        """
        self._ending.set()
        self._thread.join(timeout_s)
        if self._failure is not None:
            raise self._failure
        if self._thread.is_alive():
            raise MonitorError(self._where, f"reading it did not end within {timeout_s:g} s")
