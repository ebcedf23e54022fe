"""Arrays that stay in their file: a dataset may be larger than the memory that it should take.

Of an array in an `.npz`, only the slices that are asked for are read, where it is large. What is
compressed there is unpacked into a temporary file first, which goes with the array. Rows that come
one by one, of images or lines, are laid there too.
"""

from __future__ import annotations

import errno
import io
import math
import os
import shutil
import struct
import tempfile
import threading
import weakref
import zipfile
from collections.abc import Callable, Iterable
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from tinygauge.errors import DatasetError

__all__ = ["StoredArray", "collect", "open_member"]

_LARGEST_HELD_BYTES = 16 << 20  # of arrays that are simply read
_CHUNK_BYTES = 1 << 20
# PKWARE, APPNOTE.TXT 6.3.10, 4.3.7: signature, 22 bytes, lengths of name and extra field.
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_IS_ENCRYPTED = 1  # 4.4.4, bit 0


class StoredArray:
    """An array in a file, whose rows are read when they are asked for. Safe in several threads.

    Pickled, it is an ordinary array.

    Parameters
    ----------
    file : FileIO
        Open, without a buffer; it is closed with the array.
    where : str
        What errors name: the file that the user gave.
    offset_bytes : int
        Where the array begins in it, in C order.
    shape : tuple of int
        Of at least one dimension.
    dtype : dtype
        Without objects.
    """

    def __init__(
        self,
        file: io.FileIO,
        where: str,
        offset_bytes: int,
        shape: tuple[int, ...],
        dtype: np.dtype[np.generic],
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._file, self._where, self._offset_bytes = file, where, offset_bytes
        self._lock = threading.Lock()
        self._version = self._stat()
        weakref.finalize(self, file.close)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, part: slice) -> npt.NDArray[np.generic]:
        """Read rows, shape ``(k, ...)``; the slice has no step.

        Raises
        ------
        DatasetError
            If the file can't be read any more, or was changed since it was opened.
        """
        start, stop, step = part.indices(len(self))
        if step != 1:
            raise ValueError(f"a stored array is read without steps, got {part}")
        rows = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
        row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        try:
            with self._lock:
                self._file.seek(self._offset_bytes + start * row_bytes)
                is_whole = self._fill(rows) and self._stat() == self._version
        except OSError as error:
            problem = f"can't read it any more ({error.strerror or error})"
            raise DatasetError(self._where, problem, "Check the disk") from error
        if not is_whole:
            raise DatasetError(self._where, "it was changed while it was in use", "Start anew")
        return rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[np.generic]:
        """Read all of it."""
        return self[:].astype(dtype or self.dtype, copy=False)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Travel to another process as an ordinary array: the file need not be there."""
        return np.asarray, (self[:],)

    def _fill(self, rows: npt.NDArray[np.generic]) -> bool:
        """Read until an array is full; return whether the file held as much."""
        left = rows.reshape(-1).view(np.uint8).data
        while left and (count := self._file.readinto(left)):
            left = left[count:]
        return not left

    def _stat(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns


def collect(
    rows: Iterable[npt.NDArray[np.generic]],
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    where: str,
) -> npt.NDArray[np.generic] | StoredArray:
    """Lay rows that come one by one together, in a temporary file where they are large.

    Parameters
    ----------
    rows : iterable of ndarray
        One or several in each.
    shape : tuple of int
        Of each row; () for single elements.
    dtype : dtype
        Of each row.
    where : str
        What they are read from, for errors.

    Returns
    -------
    ndarray or StoredArray
        Shape ``(n, *shape)``.

    Raises
    ------
    DatasetError
        If there is no room for them.
    """
    kind = np.dtype(dtype)
    with tempfile.SpooledTemporaryFile(_LARGEST_HELD_BYTES, prefix="tinygauge-") as spool:
        for row in rows:
            try:
                spool.write(row.tobytes())
            except OSError as error:
                problem = f"can't write to a temporary file ({error.strerror or error})"
                raise DatasetError(where, problem, "Make room there") from error
        count = spool.tell() // (math.prod(shape) * kind.itemsize)
        if spool.tell() <= _LARGEST_HELD_BYTES:
            spool.seek(0)
            return np.frombuffer(bytearray(spool.read()), kind).reshape(count, *shape)
        spool.flush()
        return StoredArray(io.FileIO(os.dup(spool.fileno())), where, 0, (count, *shape), kind)


def open_member(
    archive: zipfile.ZipFile, name: str, file: BinaryIO, where: str
) -> StoredArray | None:
    """Open an array of an `.npz` where it is, if it is too large to be held in memory.

    Parameters
    ----------
    archive : ZipFile
        The `.npz`.
    name : str
        Of the member, such as ``"x.npy"``.
    file : binary file
        That the archive is read from; it may be closed afterwards.
    where : str
        Its path, for errors.

    Returns
    -------
    StoredArray or None
        None where the array is small, or not a plain one in C order: NumPy reads these, or says
        what is wrong.

    Raises
    ------
    BadZipFile, OSError, ValueError and others
        What `zipfile`, `zlib` and NumPy raise on a damaged archive; the checksum is verified.
    """
    info = archive.getinfo(name)
    if info.file_size <= _LARGEST_HELD_BYTES or info.flag_bits & _IS_ENCRYPTED:
        return None
    with archive.open(info) as member:
        header = _read_header(member)
        if header is None:
            return None
        shape, dtype = header
        start = member.tell()
        if (
            not shape
            or min(shape) < 0
            or start + math.prod(shape) * dtype.itemsize != info.file_size
        ):
            return None
        if info.compress_type == zipfile.ZIP_STORED:
            while member.read(_CHUNK_BYTES):  # to its end, where zipfile compares the checksum
                pass
            own = io.FileIO(os.dup(file.fileno()))
            return StoredArray(own, where, _data_offset(own, info) + start, shape, dtype)
        return StoredArray(_unpack(member, info.file_size, where), where, 0, shape, dtype)


def _unpack(member: IO[bytes], size_bytes: int, where: str) -> io.FileIO:
    """Write what is left of a member to a file that has no name, or none that stays."""
    reason = os.strerror(errno.ENOSPC)
    try:
        if shutil.disk_usage(tempfile.gettempdir()).free >= size_bytes:  # else it would be filled
            with tempfile.TemporaryFile(prefix="tinygauge-") as spool:
                shutil.copyfileobj(member, spool, _CHUNK_BYTES)
                spool.flush()
                return io.FileIO(os.dup(spool.fileno()))
    except OSError as error:
        reason = error.strerror or str(error)
    problem = f"can't unpack its {size_bytes >> 20:,} MiB into a temporary file ({reason})"
    raise DatasetError(where, problem, "Make room there, or write it with numpy.savez")


def _read_header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]] | None:
    """Read what stands before an array; None where its elements don't just follow row by row.

    References
    ----------
    NumPy enhancement proposal 1, "A Simple File Format for NumPy Arrays".
    """
    if member.read(6) != np.lib.format.MAGIC_PREFIX:
        return None
    major = member.read(2)[:1]
    if major not in (b"\1", b"\2"):
        return None
    read = np.lib.format.read_array_header_1_0
    if major == b"\2":
        read = np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read(member)
    return None if is_fortran or dtype.hasobject else (shape, dtype)


def _data_offset(file: io.FileIO, info: zipfile.ZipInfo) -> int:
    """Return where the content of a member begins: the local header tells it, not the directory."""
    file.seek(info.header_offset)
    signature, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    if signature != b"PK\3\4":
        raise zipfile.BadZipFile("a member has no header of its own")
    return int(info.header_offset) + _LOCAL_HEADER.size + int(name_bytes) + int(extra_bytes)
