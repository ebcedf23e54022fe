"""Where a program is evaluated: on the host, or where PyTorch does it, if that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from tinygauge.exact.kernels import backend, bind
from tinygauge.exact.steps import Array, Step

__all__ = ["Host", "Processor", "open_processor"]

# Activations of a chunk should stay in the caches that a core has for itself.
_CHUNK_BYTES = 2 << 20
# Without the compiled kernels, sums of 64 bits and doubles lie beside the values.
_PLAIN_CHUNK_BYTES = 4 << 20


class Processor(Protocol):
    """Where a program is evaluated, on values that lie there."""

    @property
    def chunk_bytes(self) -> int:
        """What the inputs and outputs of a step may take together."""

    @property
    def most_rows(self) -> int:
        """How many inputs may be evaluated together, however small they are."""

    def bind(self, step: Step) -> Callable[[list[Any]], list[Any]]:
        """Return the function that evaluates a step on a batch."""

    def put(self, array: Array) -> Any:
        """Bring an array there."""

    def get(self, values: Any) -> Array:
        """Bring values back."""

    def spread(self, values: Any, count: int) -> Any:
        """Repeat a single row `count` times; leave as many rows as they are."""


class Host:
    """The processor that Python itself runs on; values are NumPy's arrays."""

    @property
    def chunk_bytes(self) -> int:
        """What the inputs and outputs of a step may take together."""
        return _CHUNK_BYTES if backend() == "compiled" else _PLAIN_CHUNK_BYTES

    @property
    def most_rows(self) -> int:
        """How many inputs may be evaluated together, however small they are."""
        return 4096

    def bind(self, step: Step) -> Callable[[list[Array]], list[Array]]:
        """Return the function that evaluates a step on a batch."""
        return bind(step)

    def put(self, array: Array) -> Array:
        """Return the array, in order in memory."""
        return np.ascontiguousarray(array)

    def get(self, values: Array) -> Array:
        """Return the array itself."""
        return values

    def spread(self, values: Array, count: int) -> Array:
        """Repeat a single row."""
        if len(values) == count:
            return values
        return np.broadcast_to(values, (count, *values.shape[1:]))


def open_processor(name: str = "") -> Processor:
    """Make a processor ready.

    Parameters
    ----------
    name : str
        ``"cuda"`` for PyTorch's; nothing for the host.

    Returns
    -------
    Processor

    Raises
    ------
    ConfigError
        If PyTorch is asked for and absent, or finds no CUDA.
    """
    if not name:
        return Host()
    from tinygauge.exact.torch_kernels import open_torch

    return open_torch(name)
