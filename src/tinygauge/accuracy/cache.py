"""Keeps results by the content that they were made from, so that a second run is instant.

An entry is a `.npy` file with its own SHA-256 behind it; one that does not match is not there.
The folder is ``TINYGAUGE_CACHE``, or ``tinygauge`` in the system's folder for caches. Where it
can't be written, nothing is kept and a warning is logged once. Entries are never removed.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.files import write_whole

__all__ = ["cache_folder", "key_of", "load", "store"]

_LOG = logging.getLogger(__name__)

_DIGEST_BYTES = hashlib.sha256().digest_size


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


def load(key: str) -> npt.NDArray[Any] | None:
    """Return the result of a key; None where there is none, or it is damaged.

    Parameters
    ----------
    key : str
        From `key_of`.

    Returns
    -------
    ndarray or None
    """
    try:
        content = _path(key).read_bytes()
    except OSError:
        return None
    body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if _digest(key, body) != digest:
        _LOG.info("cached result %s is damaged and is made anew", _path(key))
        return None
    return np.load(io.BytesIO(body), allow_pickle=False)  # type: ignore[no-any-return]


def store(key: str, result: npt.NDArray[Any]) -> None:
    """Keep a result, if the folder can be written.

    Parameters
    ----------
    key : str
        From `key_of`.
    result : ndarray
        Of numbers.
    """
    buffer = io.BytesIO()
    np.save(buffer, result, allow_pickle=False)
    body = buffer.getvalue()
    path = _path(key)
    try:
        write_whole(path, body + _digest(key, body))
    except OSError as error:
        _warn_once(str(cache_folder()), error.strerror or str(error))


def _path(key: str) -> Path:
    # Two characters of the key as a folder keep the folders small.
    return cache_folder() / "accuracy" / key[:2] / f"{key}.npy"


def _digest(key: str, body: bytes) -> bytes:
    """Digest of the content and its key: a file under another's name is not trusted either."""
    return hashlib.sha256(key.encode() + body).digest()


@cache
def _warn_once(folder: str, reason: str) -> None:
    _LOG.warning("can't write to the cache %s (%s): results are not kept", folder, reason)
