"""Keeps results by the content that they were made from, so that a second run is instant.

An entry is a `.npy` file with a note, and a SHA-256 of both behind it; one that does not match is
not there.
The folder is ``TINYGAUGE_CACHE``, or ``tinygauge`` in the system's folder for caches. Where it
can't be written, nothing is kept and a warning is logged once. Where entries take more than
``TINYGAUGE_CACHE_SIZE`` (by default 1 GiB), those that were not used for longest are removed.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.errors import ConfigError
from tinygauge.files import write_whole
from tinygauge.units import Unit, parse

__all__ = [
    "CacheSurvey", "cache_folder", "clear", "key_of", "load", "prune", "size_limit_bytes", "store",
    "survey",
]  # fmt: skip

_LOG = logging.getLogger(__name__)

_DIGEST_BYTES = hashlib.sha256().digest_size
_DEFAULT_LIMIT_BYTES = 1 << 30
_LIMIT_VARIABLE = "TINYGAUGE_CACHE_SIZE"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSurvey:
    """What is kept.

    Parameters
    ----------
    folder : Path
        Where; it need not exist.
    entries : int
        Runs whose outputs are kept.
    size_bytes, limit_bytes : int
        What they take, and what they may take.
    """

    folder: Path
    entries: int
    size_bytes: int
    limit_bytes: int


def cache_folder() -> Path:
    r"""Return the folder of cached results; it need not exist.

    Returns
    -------
    Path
        ``TINYGAUGE_CACHE`` where set; ``LOCALAPPDATA\tinygauge`` on Windows; elsewhere
        ``tinygauge`` in ``XDG_CACHE_HOME`` or ``~/.cache``.
    """
    chosen = os.environ.get("TINYGAUGE_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tinygauge"


def key_of(*parts: str | int | float | tuple[int, ...]) -> str:
    """Return the key of a result: a digest of everything that it depends on.

    Parameters
    ----------
    *parts : str, int, float or tuple of int
        Digests of files, names, versions.

    Returns
    -------
    str
        SHA-256 in hex.
    """
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def load(key: str) -> tuple[npt.NDArray[Any], str] | None:
    """Return the result of a key with its note; None where there is none, or it is damaged.

    Parameters
    ----------
    key : str
        From `key_of`.

    Returns
    -------
    tuple of ndarray and str, or None
        As they were given to `store`.
    """
    path = _path(key)
    try:
        content = path.read_bytes()
    except OSError:
        return None
    with suppress(OSError):  # a folder that may be read alone
        os.utime(path)  # when it was last of use
    body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if _digest(key, body) != digest:
        _LOG.info("cached result %s is damaged and is made anew", path)
        return None
    buffer = io.BytesIO(body)
    result = np.load(buffer, allow_pickle=False)
    return result, buffer.read().decode()  # what is left behind the array


def store(key: str, result: npt.NDArray[Any], note: str = "") -> None:
    """Keep a result, if the folder can be written.

    Parameters
    ----------
    key : str
        From `key_of`.
    result : ndarray
        Of numbers.
    note : str
        What must be known of it.
    """
    buffer = io.BytesIO()
    np.save(buffer, result, allow_pickle=False)
    buffer.write(note.encode())
    body = buffer.getvalue()
    path = _path(key)
    try:
        write_whole(path, body + _digest(key, body))
    except OSError as error:
        _warn_once(str(cache_folder()), error.strerror or str(error))


def size_limit_bytes() -> int:
    """Return how much all entries may take.

    Returns
    -------
    int
        ``TINYGAUGE_CACHE_SIZE``, such as ``"500MiB"``, or 1 GiB.

    Raises
    ------
    ConfigError
        If the variable is no size.
    """
    text = os.environ.get(_LIMIT_VARIABLE)
    if not text:
        return _DEFAULT_LIMIT_BYTES
    where, advice = f"the environment's {_LIMIT_VARIABLE}={text}", "Write 500MiB"
    try:
        value, unit = parse(text)
    except ConfigError:
        raise ConfigError(where, "this is no size", advice) from None
    if unit is not Unit.BYTE or value < 0:
        raise ConfigError(where, "this is no size", advice)
    return int(value)


def survey() -> CacheSurvey:
    """Return what is kept, and what it takes.

    Returns
    -------
    CacheSurvey

    Raises
    ------
    ConfigError
        As `size_limit_bytes`.
    """
    sizes = [size for _, size, _ in _entries()]
    return CacheSurvey(
        folder=cache_folder(),
        entries=len(sizes),
        size_bytes=sum(sizes),
        limit_bytes=size_limit_bytes(),
    )


def prune(limit_bytes: int | None = None) -> int:
    """Remove the entries that were not used for longest, until the others fit.

    Parameters
    ----------
    limit_bytes : int, optional
        What may stay; by default `size_limit_bytes`.

    Returns
    -------
    int
        How many entries were removed.

    Raises
    ------
    ConfigError
        As `size_limit_bytes`.
    """
    allowed = size_limit_bytes() if limit_bytes is None else limit_bytes
    found = sorted(_entries())
    total = sum(size for _, size, _ in found)
    removed = 0
    for _, size, path in found:
        if total <= allowed:
            break
        with suppress(OSError):  # another process removed it, or it may not be
            path.unlink()
            removed += 1
        total -= size
    return removed


def clear() -> int:
    """Remove all entries.

    Returns
    -------
    int
        How many.
    """
    return prune(-1)


def _entries() -> list[tuple[float, int, Path]]:
    """List when each entry was last of use, its bytes, and its file."""
    found: list[tuple[float, int, Path]] = []
    for path in _folder().glob("??/*.npy"):
        with suppress(OSError):
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    return found


def _folder() -> Path:
    return cache_folder() / "accuracy"


def _path(key: str) -> Path:
    # Two characters of the key as a folder keep the folders small.
    return _folder() / key[:2] / f"{key}.npy"


def _digest(key: str, body: bytes) -> bytes:
    """Digest of the content and its key: a file under another's name is not trusted either."""
    return hashlib.sha256(key.encode() + body).digest()


@cache
def _warn_once(folder: str, reason: str) -> None:
    _LOG.warning("can't write to the cache %s (%s): results are not kept", folder, reason)
