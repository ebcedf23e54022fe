"""Reads datasets: `.npz`, CSV, a folder of images by class, and the MLPerf Tiny format.

The formats, each checked as it is read:

- ``.npz`` with ``x`` and ``y`` (needed to score, not to compare outputs), and if wanted
  ``x_scale``, ``x_zero_point`` (real = x_scale * (x - x_zero_point); without them x holds the
  real values), ``labels`` and ``task`` (``"classification"``, the default, or ``"anomaly"``).
  Nothing is unpickled.
- ``.csv`` with a header: the column ``label`` or ``y``, or else the last, is the class
  (numbers from 0, or names, which are sorted); the rest are the values in order.
- A folder with one folder of images per class, sorted by name. Grey images have one channel,
  others three. A pixel's real value is value / 255, unless the file ``dataset.toml`` in the
  folder says otherwise (``x_scale``, ``x_zero_point``).
- A folder with ``y_labels.csv`` and ``.bin`` files, see `tinygauge.accuracy.wire`.

Not read: sound files, archives of images, remote addresses.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import struct
import tomllib
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from tinygauge.accuracy import wire as mlperf
from tinygauge.accuracy.datasets import Dataset, Task, to_classes
from tinygauge.accuracy.stored import StoredArray, collect, open_member
from tinygauge.errors import DatasetError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["load_dataset"]

_IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".webp"})
_GREY_MODES = frozenset({"1", "L", "LA"})
_COLOUR_MODES = frozenset({"P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
_FORMATS = "Give .npz, .csv, a folder of images by class, or one with y_labels.csv"
_NPZ_NAMES = ("y", "x_scale", "x_zero_point", "labels", "task")
# What numpy, zipfile and zlib raise on a damaged archive.
_NPZ_DAMAGE = (
    OSError, ValueError, EOFError, KeyError, SyntaxError, NotImplementedError, RuntimeError,
    MemoryError, OverflowError, TypeError, struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def load_dataset(
    path: str | Path, *, wire: str | None = None, needs_classes: bool = True
) -> Dataset:
    """Read a dataset.

    Parameters
    ----------
    path : str or Path
        A `.npz` or `.csv` file, a folder of images by class, or a folder of the MLPerf Tiny
        evaluation format (or its ``y_labels.csv``).
    wire : str, optional
        For that format, the benchmark whose inputs these are: ``"kws01"``, ``"ic01"``,
        ``"vww01"`` or ``"ad01"``; told by the size of the files where not given.
    needs_classes : bool
        Whether a ``.npz`` without ``y`` is refused. The other formats always hold the classes.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        If the file can't be read, its format is unknown, or its content does not hold together.
    """
    place = Path(path)
    if not place.exists():
        raise DatasetError(str(path), "there is no such file or folder", _FORMATS)
    if place.name == mlperf.LABEL_FILE:
        place = place.parent
    try:
        if place.is_dir():
            if (place / mlperf.LABEL_FILE).is_file():
                return mlperf.load_wire_folder(place, wire)
            return _load_images(place)
        suffix = place.suffix.lower()
        if suffix == ".npz":
            return _load_npz(place, needs_classes=needs_classes)
        if suffix == ".csv":
            return _load_csv(place)
    except OSError as error:
        problem = f"can't read {error.filename or 'it'} ({error.strerror or error})"
        raise DatasetError(str(path), problem, "Check the path and its permissions") from error
    raise DatasetError(str(path), f"unknown kind of dataset '{suffix}'", _FORMATS)


def _load_npz(path: Path, *, needs_classes: bool) -> Dataset:
    where = str(path)
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            problem = "this is no readable .npz (it is no zip archive, or cut short)"
            raise DatasetError(where, problem, "Write it with numpy.savez")
        try:
            x, arrays, found = _npz_arrays(file, where)
        except _NPZ_DAMAGE as error:
            problem = f"this is no readable .npz ({_first_line(error)})"
            advice = "Write it with numpy.savez, without objects"
            raise DatasetError(where, problem, advice) from error
        file.seek(0)
        # Behind the arrays: a change from here on is met when x is read.
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    y = arrays.get("y")
    if x is None or (y is None and needs_classes):
        problem = f"there is no array '{'x' if x is None else 'y'}' in it, only {found}"
        raise DatasetError(where, problem, "Save it as numpy.savez(path, x=x, y=y)")
    for name, shape in (("x", x.shape), ("y", (0,) if y is None else y.shape)):
        if not shape:
            raise DatasetError(where, f"{name} must be an array, got a single value")
    if y is not None and y.size == 0 < x.shape[0]:
        problem = f"x has {x.shape[0]:,} inputs but y is empty"
        raise DatasetError(where, problem, "Each input needs one class")
    labels = arrays.get("labels", np.empty(0, str)).reshape(-1)
    task = str(arrays.get("task", Task.CLASSIFICATION))
    if task not in tuple(Task):
        raise DatasetError(where, f"unknown task '{task}'", f"Known: {', '.join(Task)}")
    return Dataset(
        name=path.stem,
        path=where,
        sha256=sha256,
        x=x,
        y=np.empty(0, np.int64) if y is None else to_classes(y, where),
        x_scale=_number(arrays, "x_scale", 1.0, where),
        x_zero_point=_zero_point(arrays, where),
        labels=tuple(str(label) for label in labels),
        task=Task(task),
    )


def _npz_arrays(
    file: BinaryIO, where: str
) -> tuple[npt.NDArray[Any] | StoredArray | None, dict[str, npt.NDArray[Any]], str]:
    """Return x, what else we know, and the names of all that is there."""
    file.seek(0)
    with np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in _NPZ_NAMES if name in archive}
        x: Any = None
        if "x" in archive:
            member = "x" if "x" in archive.zip.namelist() else "x.npy"
            x = open_member(archive.zip, member, file, where)
            x = archive["x"] if x is None else x
        strange = [name for name, array in (("x", x), *arrays.items()) if isinstance(array, bytes)]
        if strange:  # NumPy gives what is no array as it is
            raise ValueError(f"'{strange[0]}' is no array")
        return x, arrays, ", ".join(archive.files) or "nothing"


def _number(values: Mapping[str, Any], name: str, default: float, where: str) -> float:
    """Read a finite number that is a scalar or a one-element array."""
    value = np.asarray(values.get(name, default))
    if value.size != 1 or value.dtype.kind not in "iuf" or not math.isfinite(value.item()):
        raise DatasetError(where, f"'{name}' must be one finite number, got {value.tolist()!r}")
    return float(value.item())


def _zero_point(values: Mapping[str, Any], where: str) -> int:
    value = _number(values, "x_zero_point", 0, where)
    if not value.is_integer():
        raise DatasetError(where, f"'x_zero_point' must be whole, got {value}")
    return int(value)


def _load_csv(path: Path) -> Dataset:
    where = str(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        try:
            with io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
                x, classes = _csv_content((row for row in csv.reader(text) if row), where)
        except (UnicodeDecodeError, csv.Error) as error:
            problem = f"this is no readable CSV ({_first_line(error)})"
            raise DatasetError(where, problem, "Save it as UTF-8 text") from error
    y, labels = _csv_classes(classes, where)
    return Dataset(name=path.stem, path=where, sha256=sha256, x=x, y=y, labels=labels)


def _csv_content(
    rows: Iterator[list[str]], where: str
) -> tuple[npt.NDArray[np.generic] | StoredArray, list[str]]:
    """Return the values, and the cell of each row that tells the class."""
    header, first = [name.strip() for name in next(rows, [])], next(rows, None)
    if first is None:
        raise DatasetError(where, "there are no inputs in it", "Give a header and a line per input")
    if len(header) < 2:
        advice = "Give the values and the class, with commas between"
        raise DatasetError(where, "one column is too few", advice)
    if _are_data(header):
        problem = "line 1 holds only numbers, so there is no header"
        raise DatasetError(where, problem, "Put a line above it that names the columns")
    column = next((header.index(name) for name in ("label", "y") if name in header), -1)
    classes: list[str] = []

    def values() -> Iterator[npt.NDArray[np.float32]]:
        for number, row in enumerate(chain([first], rows), start=2):
            if len(row) != len(header):
                problem = f"row {number} has {len(row)} values, the header has {len(header)}"
                raise DatasetError(where, problem, "Give each row a value per column")
            yield _csv_values(row, header, number, column, where)
            classes.append(row[column].strip())

    return collect(values(), (len(header) - 1,), np.float32, where), classes


def _are_data(header: Sequence[str]) -> bool:
    """Tell data from names: columns may well be called 0, 1, 2 and so on."""
    counted = [str(number) for number in range(len(header))]
    return header != counted and all(_is_number(name) for name in header)


def _csv_classes(cells: Sequence[str], where: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    try:
        numbers = np.array([float(cell) for cell in cells])
    except ValueError:
        if "" in cells:
            row = cells.index("") + 2
            raise DatasetError(where, f"row {row} has no class", "Give each row one") from None
        labels = tuple(sorted(set(cells)))
        places = {label: index for index, label in enumerate(labels)}
        return np.array([places[cell] for cell in cells], dtype=np.int64), labels
    return to_classes(numbers, where), ()


def _csv_values(
    row: Sequence[str], header: Sequence[str], number: int, column: int, where: str
) -> npt.NDArray[np.float32]:
    """Return the values of a row, all but the class in a column."""
    cells = list(row)
    del cells[column]
    try:
        return np.array(cells, dtype=np.str_).astype(np.float32)
    except ValueError as error:
        names = list(header)
        del names[column]
        for name, cell in zip(names, cells, strict=True):
            if not _is_number(cell):
                problem = f"row {number}, column '{name}': '{cell}' is no number"
                raise DatasetError(where, problem, "Give numbers but for the class") from None
        raise DatasetError(where, f"can't read the values ({_first_line(error)})") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _load_images(folder: Path) -> Dataset:
    where = str(folder)
    classes = sorted(
        entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )
    if not classes:
        raise DatasetError(where, "neither folders of images nor y_labels.csv in it", _FORMATS)
    files: list[tuple[Path, int]] = []
    for number, entry in enumerate(classes):
        found = sorted(f for f in entry.iterdir() if f.suffix.lower() in _IMAGE_SUFFIXES)
        if not found:
            problem = f"the class folder '{entry.name}' holds no image"
            raise DatasetError(where, problem, f"Known: {', '.join(sorted(_IMAGE_SUFFIXES))}")
        files += [(file, number) for file in found]
    digest = hashlib.sha256()
    settings = _image_settings(folder, digest)
    shape = _image_shape([file for file, _ in files], where)
    images = (_read_image(file, folder, digest, shape) for file, _ in files)
    x = collect(images, shape, np.uint8, where)
    return Dataset(
        name=folder.name,
        path=where,
        sha256=digest.hexdigest(),
        x=x,
        y=np.array([number for _, number in files], dtype=np.int64),
        x_scale=_number(settings, "x_scale", 1 / 255, where),
        x_zero_point=_zero_point(settings, where),
        labels=tuple(entry.name for entry in classes),
        is_images=True,
        files=tuple(file.relative_to(folder).as_posix() for file, _ in files),
    )


def _image_settings(folder: Path, digest: Any) -> Mapping[str, Any]:
    file = folder / "dataset.toml"
    if not file.is_file():
        return {}
    content = file.read_bytes()
    digest.update(content)
    try:
        settings = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(str(file), f"this is not valid TOML ({error})") from error
    unknown = sorted(set(settings) - {"x_scale", "x_zero_point"})
    if unknown:
        raise DatasetError(str(file), f"unknown key '{unknown[0]}'", "Known: x_scale, x_zero_point")
    return settings


def _image_shape(files: Sequence[Path], where: str) -> tuple[int, int, int]:
    """Return height, width and channels of all images, by their headers.

    One coloured image among grey ones makes all of them coloured.
    """
    channels, sizes = 1, []
    for file in files:
        with _opened(file) as image:
            sizes.append((image.height, image.width))
            if image.mode in _COLOUR_MODES:
                channels = 3
            elif image.mode not in _GREY_MODES:
                problem = f"images of mode '{image.mode}' are not read"
                raise DatasetError(str(file), problem, "Save with 8 bits")
        if sizes[-1] != sizes[0]:
            (height, width), (other_height, other_width) = sizes[0], sizes[-1]
            problem = (
                f"images differ in size: '{files[0].name}' is {width} x {height}, "
                f"'{file.name}' is {other_width} x {other_height}"
            )
            raise DatasetError(where, problem, "Scale them to the model's input")
    return (*sizes[0], channels)


def _read_image(
    file: Path, folder: Path, digest: Any, shape: tuple[int, int, int]
) -> npt.NDArray[np.uint8]:
    """Return an image of a shape, grey or coloured; transparency is dropped."""
    name = file.relative_to(folder).as_posix()
    digest.update(f"{name}\0{file.stat().st_size}\0".encode())
    digest.update(file.read_bytes())
    with _opened(file) as image:
        kind = "L" if image.mode in _GREY_MODES else "RGB"
        pixels = np.asarray(image.convert(kind), dtype=np.uint8).reshape(*shape[:2], -1)
    return np.broadcast_to(pixels, shape)


@contextmanager
def _opened(file: Path) -> Iterator[Image]:
    """Open an image, and say in a line what is wrong with it."""
    from PIL import Image, UnidentifiedImageError  # heavy, and only needed here

    try:
        with Image.open(file) as image:
            yield image
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError,
            struct.error, zlib.error, EOFError, IndexError, TypeError) as error:  # fmt: skip
        problem = f"this is no readable image ({_first_line(error)})"
        raise DatasetError(str(file), problem, "Remove or repair it") from error


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
