"""The MLPerf Tiny evaluation format: ``y_labels.csv`` and the ``.bin`` files that it names.

The bytes are those that the benchmark's runner sends to a board. What they mean is not in the
files: a table here says it for each benchmark, so that the integer reference models get these
bytes as the reference firmware gives them. A line of ``y_labels.csv`` is
``file,classes,class``, for recordings followed by ``,bytes_to_send,stride`` (both in bytes).

>>> sorted(WIRES)
['ad01', 'ic01', 'kws01', 'vww01']

References
----------
Formats: eembc/energyrunner @ cf7c2f2, datasets/README.md. Input of the integer reference
models: mlcommons/tiny @ 1afd2c9, benchmark/training/*/trained_models/*.tflite.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.accuracy.datasets import Dataset, Task, Windows
from tinygauge.accuracy.stored import collect
from tinygauge.errors import DatasetError, UnknownNameError

__all__ = ["LABEL_FILE", "WIRES", "Wire", "load_labels", "load_wire_folder"]

LABEL_FILE = "y_labels.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What the bytes of one benchmark's inputs mean.

    Parameters
    ----------
    dtype : str
        Element type, with its byte order.
    shape : tuple of int
        Of one input.
    scale : float
        real = scale * (stored - zero_point).
    zero_point : int
        Stored value of real 0.
    labels : tuple of str
        Class names.
    task : Task
    """

    dtype: str
    shape: tuple[int, ...]
    scale: float = 1.0
    zero_point: int = 0
    labels: tuple[str, ...]
    task: Task = Task.CLASSIFICATION

    @property
    def size_bytes(self) -> int:
        """Bytes of one input."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


WIRES: dict[str, Wire] = {
    # MFCCs already quantised for the reference model; scale and zero point are those of the
    # input of keyword_spotting/trained_models/kws_ref_model.tflite.
    "kws01": Wire(
        dtype="i1",
        shape=(49, 10, 1),
        scale=0.5847029089927673,
        zero_point=83,
        labels=(
            "down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "silence",
            "unknown",
        ),
    ),
    # Pixels 0..255, red, green, blue interleaved; the reference model takes them as they are
    # (pretrainedResnet_quant.tflite: input scale 1, zero point -128).
    "ic01": Wire(
        dtype="u1",
        shape=(32, 32, 3),
        labels=(
            "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
            "truck",
        ),
    ),
    # Pixels 0..255; the reference model takes value / 255 (vww_96_int8.tflite: input scale
    # 0.00392157, zero point -128).
    "vww01": Wire(dtype="u1", shape=(96, 96, 3), scale=1 / 255, labels=("no person", "person")),
    # Five spectrogram frames of 128 mel bins, in dB.
    "ad01": Wire(dtype="<f4", shape=(640,), labels=("normal", "anomaly"), task=Task.ANOMALY),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of y_labels.csv."""

    file: str
    classes: int
    true_class: int
    window_bytes: int
    stride_bytes: int


def load_wire_folder(folder: Path, wire: str | None) -> Dataset:
    """Read a folder of the MLPerf Tiny evaluation format.

    Parameters
    ----------
    folder : Path
        Holds ``y_labels.csv`` and the files that it names.
    wire : str or None
        A name in `WIRES`; None to tell it from the size of the inputs.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        If a line does not parse, a file is missing or of the wrong length, or the inputs are
        of no known benchmark.
    UnknownNameError
        If there is no such benchmark.
    """
    label_file = folder / LABEL_FILE
    where = str(label_file)
    listing = label_file.read_bytes()
    entries = _parse_labels(listing, where)
    missing = [entry.file for entry in entries if not (folder / entry.file).is_file()]
    if missing:
        problem = f"{len(missing):,} of {len(entries):,} files are missing, first '{missing[0]}'"
        raise DatasetError(where, problem, f"Put them into {folder}")
    sizes = [(folder / entry.file).stat().st_size for entry in entries]
    name, meaning = _choose(entries, sizes, wire, where)
    _check_lengths(entries, sizes, name, meaning, where)
    digest = hashlib.sha256(listing)
    item_bytes = np.dtype(meaning.dtype).itemsize
    windows = _windows(entries, sizes, item_bytes) if entries[0].window_bytes else None
    contents = _contents(folder, entries, sizes, digest)
    rows = (np.frombuffer(content, meaning.dtype) for content in contents)
    x = collect(rows, () if windows is not None else meaning.shape, meaning.dtype, str(folder))
    return Dataset(
        name=folder.name,
        path=str(folder),
        sha256=digest.hexdigest(),
        x=x,
        y=np.array([entry.true_class for entry in entries], dtype=np.int64),
        x_scale=meaning.scale,
        x_zero_point=meaning.zero_point,
        labels=meaning.labels,
        task=meaning.task,
        windows=windows,
        files=tuple(entry.file for entry in entries),
    )


def _contents(
    folder: Path, entries: Sequence[_Entry], sizes: Sequence[int], digest: Any
) -> Iterator[bytes]:
    """Yield the content of each file, and take it into the digest."""
    for entry, size in zip(entries, sizes, strict=True):
        content = (folder / entry.file).read_bytes()
        if len(content) != size:
            raise DatasetError(str(folder / entry.file), "it was changed while it was read")
        digest.update(content)
        yield content


def load_labels(path: str | Path) -> dict[str, int]:
    """Read the true class of each file, without the files themselves.

    Parameters
    ----------
    path : str or Path
        A ``y_labels.csv``, or the folder that holds it.

    Returns
    -------
    dict of str to int

    Raises
    ------
    DatasetError
        If it can't be read.
    """
    place = Path(path)
    place = place / LABEL_FILE if place.is_dir() else place
    try:
        listing = place.read_bytes()
    except OSError as error:
        problem = f"can't read it ({error.strerror or error})"
        raise DatasetError(str(place), problem, f"Give a {LABEL_FILE}") from error
    return {entry.file: entry.true_class for entry in _parse_labels(listing, str(place))}


def _parse_labels(listing: bytes, where: str) -> list[_Entry]:
    try:
        lines = listing.decode("utf-8-sig").splitlines()
        rows = [(number, row) for number, row in enumerate(csv.reader(lines), start=1) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(where, f"this is no readable CSV ({error})") from error
    if not rows:
        raise DatasetError(where, "the file is empty", "Give a line 'file,classes,class' per input")
    entries = [_parse_line(row, f"{where}, line {number}") for number, row in rows]
    for field in ("classes", "window_bytes", "stride_bytes"):
        values = sorted({getattr(entry, field) for entry in entries})
        if len(values) > 1:
            problem = f"'{field}' differs between lines: {values[0]} and {values[1]}"
            raise DatasetError(where, problem, "All inputs of a dataset are of one kind")
    return entries


def _parse_line(row: Sequence[str], where: str) -> _Entry:
    expected = "Expected file,classes,class or file,classes,class,bytes_to_send,stride"
    if len(row) not in (3, 5):
        raise DatasetError(where, f"{len(row)} values", expected)
    file = row[0].strip()
    if not file or Path(file).name != file or file in (".", "..") or "\0" in file:
        raise DatasetError(where, f"'{file}' is no plain file name", "Files lie beside the list")
    try:
        classes, true_class, *window = (int(cell) for cell in row[1:])
    except ValueError:
        raise DatasetError(where, f"'{','.join(row[1:])}' are no integers", expected) from None
    if not 0 <= true_class < classes:
        raise DatasetError(where, f"class {true_class} is not in 0..{classes - 1}")
    if window and min(window) <= 0:
        raise DatasetError(where, "bytes_to_send and stride must be above 0")
    return _Entry(file, classes, true_class, *(window or (0, 0)))


def _choose(
    entries: Sequence[_Entry], sizes: Sequence[int], wire: str | None, where: str
) -> tuple[str, Wire]:
    if wire is not None:
        if wire not in WIRES:
            raise UnknownNameError("MLPerf Tiny benchmark", wire, WIRES)
        return wire, WIRES[wire]
    size_bytes = entries[0].window_bytes or sizes[0]
    for name, meaning in WIRES.items():
        if meaning.size_bytes == size_bytes:
            return name, meaning
    known = ", ".join(f"{name} {meaning.size_bytes:,}" for name, meaning in WIRES.items())
    problem = f"inputs of {size_bytes:,} bytes are of no MLPerf Tiny benchmark"
    raise DatasetError(where, problem, f"Known: {known} bytes. Convert others to .npz")


def _check_lengths(
    entries: Sequence[_Entry], sizes: Sequence[int], name: str, meaning: Wire, where: str
) -> None:
    window_bytes = entries[0].window_bytes
    if window_bytes and window_bytes != meaning.size_bytes:
        problem = f"bytes_to_send is {window_bytes:,}, inputs of {name} have {meaning.size_bytes:,}"
        raise DatasetError(where, problem)
    item_bytes = np.dtype(meaning.dtype).itemsize
    if entries[0].stride_bytes % item_bytes:
        problem = f"the stride {entries[0].stride_bytes} is no multiple of {item_bytes} bytes"
        raise DatasetError(where, problem)
    if len(meaning.labels) != entries[0].classes:
        problem = f"{entries[0].classes} classes, {name} has {len(meaning.labels)}"
        raise DatasetError(where, problem)
    for entry, size in zip(entries, sizes, strict=True):
        fits = size == meaning.size_bytes
        if window_bytes:
            fits = size >= window_bytes and size % item_bytes == 0
        if not fits:
            at_least = "at least " if window_bytes else ""
            problem = f"'{entry.file}' has {size:,} bytes"
            advice = f"Inputs of {name} have {at_least}{meaning.size_bytes:,}: download it again"
            raise DatasetError(where, problem, advice)


def _windows(entries: Sequence[_Entry], sizes: Sequence[int], item_bytes: int) -> Windows:
    """Cut each recording into all windows that fit, as the benchmark's runner does.

    References
    ----------
    mlcommons/tiny @ 09f3bf8, benchmark/runner/script.py, _ScriptDownloadStep.run.
    """
    width = entries[0].window_bytes // item_bytes
    stride = entries[0].stride_bytes // item_bytes
    starts: list[npt.NDArray[np.int64]] = []
    counts: list[int] = []
    begin = 0
    for size in sizes:
        length = size // item_bytes
        starts.append(np.arange(begin, begin + length - width + 1, stride, dtype=np.int64))
        counts.append(len(starts[-1]))
        begin += length
    recording = np.repeat(np.arange(len(sizes), dtype=np.int64), counts)
    return Windows(width=width, starts=np.concatenate(starts), recording=recording)
