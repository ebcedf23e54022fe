"""Keep each distinct value once, and refer to it by its place: 5,000 candidates share most texts.

>>> pool = Pool()
>>> pool.place("a"), pool.place("b"), pool.place("a")
(0, 1, 0)
>>> pool.values
['a', 'b']
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

__all__ = ["Pool"]


class Pool:
    """A list of distinct values in order of first use."""

    def __init__(self) -> None:
        self._places: dict[Hashable, int] = {}
        self.values: list[Any] = []

    def place(self, value: Hashable) -> int:
        """Return the place of a value, which is added where it is new.

        Parameters
        ----------
        value : hashable
            A text, or a tuple that JSON writes as a list.

        Returns
        -------
        int
        """
        found = self._places.get(value)
        if found is None:
            found = self._places[value] = len(self.values)
            self.values.append(value)
        return found
