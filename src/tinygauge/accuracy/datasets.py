"""What a dataset is: inputs with their scale, the class of each, and checks of both.

This module knows no file format (see `formats.py` and `wire.py`) and no model (see
`inputs.py`). Inputs stay in the form they were stored in, so that integer data reach an
integer model unchanged.

>>> data = Dataset(
...     name="tiny", path="", sha256="", x=np.zeros((2, 4), np.float32), y=np.array([0, 1])
... )
>>> len(data), data.row_shape
(2, (4,))
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from tinygauge.accuracy.stored import StoredArray
from tinygauge.errors import DatasetError
from tinygauge.quantity import Missing

__all__ = ["Dataset", "Task", "Windows", "to_classes"]

_CHECK_ELEMENTS = 1 << 20


class Task(StrEnum):
    """What the model is asked to do with the inputs."""

    CLASSIFICATION = "classification"
    ANOMALY = "anomaly"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """Windows that slide over recordings laid end to end; they are cut when read.

    Parameters
    ----------
    width : int
        Elements per window.
    starts : ndarray of int64, shape (n,)
        Where each window begins in `Dataset.x`.
    recording : ndarray of int64, shape (n,)
        The recording that each window is of: its place in `Dataset.y`.
    """

    width: int
    starts: npt.NDArray[np.int64]
    recording: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True, eq=False)
class Dataset:
    """Inputs and their true classes; real = x_scale * (stored - x_zero_point).

    Parameters
    ----------
    name : str
        The file's stem or the folder's name.
    path : str
        Where it was read from.
    sha256 : str
        Of the content, in hex.
    x : ndarray or StoredArray of integers or floats, shape (n, ...)
        The inputs as stored; all recordings end to end, shape (total,), with `windows`.
    y : ndarray of int64, shape (n,) or (0,)
        Class of each input; of each recording with `windows`. For anomaly detection 0 is
        normal and 1 is anomalous. Empty where the classes are not known: outputs can then be
        compared, but not scored.
    x_scale : float
        Real value of one step of `x`.
    x_zero_point : int
        Stored value of real 0.
    labels : tuple of str
        Class names; may be empty.
    task : Task
        What is asked of the model.
    windows : Windows or None
        How recordings are cut into inputs.
    is_images : bool
        Whether `x` holds decoded images, ``(n, height, width, channels)``, whose channels
        may be converted to what the model takes.
    files : tuple of str
        Name of each input's (each recording's) file; empty where they come from one file.

    Raises
    ------
    DatasetError
        If `x` and `y` don't match, are empty, or hold values that are no numbers.
    """

    name: str
    path: str
    sha256: str
    x: npt.NDArray[np.generic] | StoredArray
    y: npt.NDArray[np.int64]
    x_scale: float = 1.0
    x_zero_point: int = 0
    labels: tuple[str, ...] = ()
    task: Task = Task.CLASSIFICATION
    windows: Windows | None = None
    is_images: bool = False
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = self.path or self.name
        if self.x.dtype.kind not in "iuf":
            problem = f"x must hold integers or floats, got {self.x.dtype}"
            raise DatasetError(where, problem, "Store it as float32, uint8 or int8")
        if self.x.size == 0 or len(self) == 0:
            raise DatasetError(where, "there are no inputs in it", "Give at least one")
        if self.has_classes and self.recordings != len(self.y):
            problem = f"x has {self.recordings:,} inputs but y has {len(self.y):,} classes"
            raise DatasetError(where, problem, "Each input needs one class")
        if not (np.isfinite(self.x_scale) and self.x_scale > 0):
            raise DatasetError(where, f"x_scale must be above 0, got {self.x_scale}")
        self._check_finite(where)
        if self.has_classes:
            self._check_classes(where)

    def __len__(self) -> int:
        """Return the number of inputs: windows where there are any."""
        return len(self.x) if self.windows is None else len(self.windows.starts)

    @property
    def recordings(self) -> int:
        """What has a class of its own: recordings where there are windows, else inputs."""
        return len(self) if self.windows is None else int(self.windows.recording[-1]) + 1

    @property
    def has_classes(self) -> bool:
        """Whether the true classes are known."""
        return self.y.size > 0

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return self.x.shape[1:] if self.windows is None else (self.windows.width,)

    def right_answers(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | Missing:
        """Return the class that each of some inputs should be given.

        Parameters
        ----------
        places : ndarray of int64, shape (n,)
            Of the inputs.

        Returns
        -------
        ndarray of int64, shape (n,), or Missing
            Missing where a single input has no right answer, or none is known.
        """
        if self.task is Task.ANOMALY:
            return Missing("anomaly detection has no right answer for a single input")
        if not self.has_classes:
            return Missing(f"{self.name} holds no classes", "Add the true classes as y")
        return self.y[places]

    def rows(self, start: int, stop: int) -> npt.NDArray[np.generic]:
        """Return inputs as they are stored.

        Parameters
        ----------
        start, stop : int
            The range, as of a slice.

        Returns
        -------
        ndarray
            Shape ``(stop - start, *row_shape)``, of the type of `x`.
        """
        if self.windows is None:
            return self.x[start:stop]
        starts, width = self.windows.starts[start:stop], self.windows.width
        if not len(starts):
            return np.empty((0, width), self.x.dtype)
        first = int(starts.min())
        part = self.x[first : int(starts.max()) + width]
        return np.asarray(part[(starts - first)[:, np.newaxis] + np.arange(width)])

    def reals(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return inputs as real numbers, in float32 as a device computes them.

        Parameters
        ----------
        start, stop : int
            The range, as of a slice.

        Returns
        -------
        ndarray of float32, shape (stop - start, ...)
        """
        stored = self.rows(start, stop)
        if self.x_scale == 1.0 and self.x_zero_point == 0:
            return stored.astype(np.float32)
        centred = stored.astype(np.float32) - np.float32(self.x_zero_point)
        return centred * np.float32(self.x_scale)

    def _check_finite(self, where: str) -> None:
        if self.x.dtype.kind != "f":
            return
        row = self.x.size // len(self.x)
        step = max(1, _CHECK_ELEMENTS // row)
        for start in range(0, len(self.x), step):
            flat = self.x[start : start + step].reshape(-1)
            bad = ~np.isfinite(flat)
            if bad.any():
                index = int(bad.argmax())
                kind = "input" if self.windows is None else "element"
                problem = f"x holds {flat[index]} ({kind} {start + index // row:,})"
                raise DatasetError(where, problem, "Remove or repair it")

    def _check_classes(self, where: str) -> None:
        lowest, highest = int(self.y.min()), int(self.y.max())
        if lowest < 0:
            raise DatasetError(where, f"y holds the class {lowest}", "Classes count from 0")
        if self.labels and highest >= len(self.labels):
            problem = f"y holds the class {highest}, but there are {len(self.labels)} labels"
            raise DatasetError(where, problem, "Classes count from 0")
        if self.task is Task.ANOMALY and highest > 1:
            problem = f"y holds the class {highest}"
            raise DatasetError(where, problem, "Anomaly detection takes 0, normal, and 1")


def to_classes(y: npt.NDArray[np.generic], where: str) -> npt.NDArray[np.int64]:
    """Return class numbers from class numbers or from rows that are exactly one-hot.

    Parameters
    ----------
    y : ndarray of integers, floats or bools, shape (n,), (n, 1) or (n, k)
        Classes counting from 0, or rows with a single 1 and otherwise 0.
    where : str
        The file, for messages.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    DatasetError
        If `y` is neither.
    """
    if y.dtype.kind not in "iufb":
        found = "text" if y.dtype.kind in "US" else str(y.dtype)
        advice = "Count from 0; names go into labels, in that order"
        raise DatasetError(where, f"y must hold class numbers, got {found}", advice)
    if y.ndim == 2 and y.shape[1] > 1:
        ones = y == 1
        if not (np.logical_or(ones, y == 0).all() and (ones.sum(axis=1) == 1).all()):
            problem = f"y of shape {y.shape} is not one-hot"
            raise DatasetError(where, problem, "Give one class number per input")
        return np.asarray(ones.argmax(axis=1), dtype=np.int64)
    if y.ndim not in (1, 2):
        problem = f"y must have the shape (n,), got {y.shape}"
        raise DatasetError(where, problem, "Give one class number per input")
    flat = y.reshape(-1)
    numbers = flat.astype(np.float64)
    # Larger numbers than these can't be classes, and would not survive the cast.
    whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**31)
    if not whole.all():
        value = flat[int((~whole).argmax())]
        raise DatasetError(where, f"y holds {value}, which is no class number", "Count from 0")
    return numbers.astype(np.int64)
