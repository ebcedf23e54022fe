"""Writes the inputs of models to files, once for all models that take them alike."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Rows", "forget_inputs", "put_inputs"]

_CHUNK_BYTES = 1 << 20  # of inputs; made from real numbers, they take thirty times as much
_KEPT_INPUTS = 4  # files: the models of a sweep take one dataset in a few scales and types


class Rows(Protocol):
    """Inputs of a model, a slice at a time; an ndarray is one.

    Where it has an attribute `identity` (hashable), inputs of the same identity have the same
    content, and are written once for all models.
    """

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        ...

    def __len__(self) -> int:
        """Return the number of inputs."""
        ...

    def __getitem__(self, part: slice, /) -> npt.NDArray[Any]:
        """Return inputs, shape ``(k, ...)``."""
        ...


class _InputFile:
    """A file of inputs that is written once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()

    def put(self, inputs: Rows, place: Path) -> None:
        """Give the file another name, `place`, that stays when this one goes."""
        with self.lock:
            if not self.path.exists():
                _write_rows(inputs, self.path)
            try:
                os.link(self.path, place)
            except OSError:  # a file system without links
                _write_rows(inputs, place)

    def remove(self) -> None:
        """Remove the file under its own name."""
        with self.lock, suppress(OSError):
            self.path.unlink()


class _InputFiles:
    """The latest few files of inputs."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.files: OrderedDict[Hashable, _InputFile] = OrderedDict()
        self.made = 0

    def put(self, identity: Hashable, inputs: Rows, place: Path) -> None:
        """Write inputs to a file that does not exist, or link it to one that does."""
        old: list[_InputFile] = []
        with self.lock:
            if self.folder is None:
                self.folder = tempfile.TemporaryDirectory(prefix="tinygauge-inputs-")
            if identity not in self.files:
                self.made += 1
                self.files[identity] = _InputFile(Path(self.folder.name) / str(self.made))
            self.files.move_to_end(identity)
            file = self.files[identity]
            while len(self.files) > _KEPT_INPUTS:
                old.append(self.files.popitem(last=False)[1])
        for each in old:
            each.remove()
        file.put(inputs, place)

    def clear(self) -> None:
        """Remove all files."""
        with self.lock:
            self.files.clear()
            if self.folder is not None:
                self.folder.cleanup()
                self.folder = None


_input_files = _InputFiles()


def forget_inputs() -> None:
    """Remove the files that are kept for models to come."""
    _input_files.clear()


def put_inputs(inputs: Rows, place: Path) -> dict[str, Any]:
    """Write inputs where a worker finds them, and describe them to it.

    Parameters
    ----------
    inputs : Rows
    place : Path
        Of a file that does not exist.

    Returns
    -------
    dict
        As JSON: path, type and shape of a row.

    Raises
    ------
    OSError
        If the file can't be written.
    """
    identity = getattr(inputs, "identity", None)
    if identity is None:
        _write_rows(inputs, place)
    else:
        _input_files.put(identity, inputs, place)
    return {"path": str(place), "dtype": inputs.dtype.str, "shape": inputs[0:1].shape[1:]}


def _write_rows(inputs: Rows, path: Path) -> None:
    """Write all rows as raw bytes."""
    step = max(1, _CHUNK_BYTES // max(1, inputs[0:1].nbytes))
    with path.open("wb") as file:
        for start in range(0, len(inputs), step):
            file.write(np.ascontiguousarray(inputs[start : start + step]).tobytes())
