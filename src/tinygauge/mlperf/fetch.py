"""Fetch reference models and data from their upstream repositories, each file checked.

Every file is compared with the size and SHA-256 of the packaged manifest before it gets its
name, so a folder never holds a half or a wrong file; files that are already there and right
are kept, so an interrupted fetch goes on where it stopped. With ``TINYGAUGE_MIRROR`` set to a
folder laid out as ``repository/commit/path``, files are copied from there and the network is
not used. Inputs that upstream does not publish are not made here: see `notes`.

::

    fetch("mlperf-tiny", Path("mlperf"), only="models/*")
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote

from tinygauge.errors import ConfigError, FetchError
from tinygauge.files import write_whole
from tinygauge.mlperf.manifest import ManifestFile, collections, load_manifest

__all__ = ["Action", "FetchedFile", "Progress", "collections", "fetch", "notes"]

_log = logging.getLogger(__name__)

# Called with what is being done, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]

UPSTREAM = "https://raw.githubusercontent.com"
THREADS = 8
ATTEMPTS = 4
TIMEOUT_S = 20.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
# After this many files have failed for good, the rest would fail too: stop asking.
GIVE_UP_AFTER = 5

# Busy or passing by HTTP's own meaning (RFC 9110 section 15, RFC 6585 section 4).
_RETRY_STATUS = {408, 425, 429, 500, 502, 503, 504}


class Action(StrEnum):
    """What was done for a file."""

    KEPT = "kept"
    DOWNLOADED = "downloaded"
    COPIED = "copied"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """A file that lies in the folder and is the right one.

    Parameters
    ----------
    path : Path
        Where it lies.
    size_bytes : int
    sha256 : str
        Checked, hex digits.
    source : str
        Repository, commit and path upstream.
    action : Action
        Whether it was there already, downloaded or copied from a mirror.
    """

    path: Path
    size_bytes: int
    sha256: str
    source: str
    action: Action


def notes(collection: str) -> tuple[str, ...]:
    """Return what the user should know about a collection, such as what it lacks.

    Parameters
    ----------
    collection : str
        Such as ``"mlperf-tiny"``.

    Returns
    -------
    tuple of str

    Raises
    ------
    UnknownNameError
        If there is no such collection.
    """
    return load_manifest(collection).notes


def fetch(
    collection: str = "mlperf-tiny",
    dest: Path = Path("mlperf-tiny"),
    *,
    only: str | None = None,
    progress: Progress | None = None,
    upstream: str | None = None,
    mirror: Path | None = None,
) -> list[FetchedFile]:
    """Bring the files of a collection into a folder.

    Parameters
    ----------
    collection : str
        Such as ``"mlperf-tiny"``, or the path of a manifest of one's own.
    dest : Path
        Folder to bring them into; it gets ``models/*.tflite`` and ``datasets/NAME/*``.
    only : str, optional
        Pattern over these local paths, such as ``"models/*"``, ``"datasets/kws01/*"``.
    progress : callable, optional
        Called in this thread with ``"fetching"``, files done, files in all.
    upstream : str, optional
        Address before ``repository/commit/path``; default ``TINYGAUGE_UPSTREAM``, else GitHub's.
    mirror : Path, optional
        Folder to copy from instead; default ``TINYGAUGE_MIRROR`` unless `upstream` is given.

    Returns
    -------
    list of FetchedFile
        In the order of the manifest.

    Raises
    ------
    UnknownNameError
        If there is no such collection.
    ConfigError
        If no file matches `only`, `upstream` is no web address, or a manifest does not parse.
    FetchError
        If files can't be had, are not the right ones, or can't be written. Those that were
        right are kept; the message names the others.
    """
    files = [
        file
        for file in load_manifest(collection).files
        if only is None or fnmatchcase(file.local, only)
    ]
    if not files:
        raise ConfigError(
            f"'{only}'", f"no file of {collection} matches", "Try models/* or datasets/kws01/*"
        )
    return _fetch_files(collection, files, Path(dest), _source(upstream, mirror), progress)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where files come from, and how their bytes are read."""

    action: Action
    read: Callable[[ManifestFile, threading.Event], bytes]


def _source(upstream: str | None, mirror: Path | None) -> _Source:
    folder = mirror or (None if upstream else os.environ.get("TINYGAUGE_MIRROR"))
    if folder:
        root = Path(folder)
        if not root.is_dir():
            raise FetchError(str(root), "the mirror is no folder", "Check TINYGAUGE_MIRROR")
        return _Source(Action.COPIED, lambda file, _: _read_mirror(root, file))
    address = (upstream or os.environ.get("TINYGAUGE_UPSTREAM") or UPSTREAM).rstrip("/")
    if not address.startswith(("https://", "http://")):
        raise ConfigError(f"'{address}'", "this is no web address", "Begin it with https://")
    return _Source(Action.DOWNLOADED, lambda file, stop: _download(address, file, stop))


def _fetch_files(
    collection: str,
    files: Sequence[ManifestFile],
    dest: Path,
    source: _Source,
    progress: Progress | None,
) -> list[FetchedFile]:
    fetched: dict[str, FetchedFile] = {}
    failures: list[FetchError] = []
    stop = threading.Event()
    with _pool(stop) as pool:
        waiting: list[Future[FetchedFile | None]] = [
            pool.submit(_fetch_one, file, dest, source, stop) for file in files
        ]
        for done, future in enumerate(as_completed(waiting), start=1):
            try:
                found = future.result()
            except FetchError as error:
                failures.append(error)
                if len(failures) == GIVE_UP_AFTER and source.action is Action.DOWNLOADED:
                    stop.set()
            else:
                if found is not None:
                    fetched[found.source] = found
            if progress is not None:
                progress("fetching", done, len(files))
    if failures:
        raise _summary(collection, len(files), len(fetched), failures, source)
    return [fetched[file.upstream] for file in files]


@contextmanager
def _pool(stop: threading.Event) -> Iterator[ThreadPoolExecutor]:
    """Give a pool that starts nothing more once it is left by an exception, such as Ctrl-C."""
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="fetch")
    try:
        yield pool
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _summary(
    collection: str, wanted: int, fetched: int, failures: Sequence[FetchError], source: _Source
) -> FetchError:
    if wanted == 1:
        return failures[0]
    shown = "; ".join(f"{error.where}: {error.problem}" for error in failures[:GIVE_UP_AFTER])
    more = len(failures) - GIVE_UP_AFTER
    text = f"{wanted - fetched} of {wanted} files were not fetched: {shown}"
    advice = (
        "Complete the mirror, or unset TINYGAUGE_MIRROR to download"
        if source.action is Action.COPIED
        else "The right ones are kept: run it again"
    )
    return FetchError(collection, text + (f"; and {more} more" if more > 0 else ""), advice)


def _fetch_one(
    file: ManifestFile, dest: Path, source: _Source, stop: threading.Event
) -> FetchedFile | None:
    """Return the file once it is in place; None if the whole fetch was given up before."""
    if stop.is_set():
        return None
    path = dest / file.local
    action = Action.KEPT
    try:
        if not _is_right(path, file):
            content = source.read(file, stop)
            _check(content, file)
            write_whole(path, content)
            action = source.action
    except OSError as error:
        problem = f"can't write the file ({error.strerror or error})"
        raise FetchError(str(path), problem, "Choose another folder") from error
    return FetchedFile(
        path=path,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        source=file.upstream,
        action=action,
    )


def _is_right(path: Path, file: ManifestFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size_bytes:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def _check(content: bytes, file: ManifestFile) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise FetchError(
            file.upstream,
            f"expected {file.size_bytes} bytes with SHA-256 {file.sha256}, "
            f"got {len(content)} bytes with {found}",
            "The source gives another file: try without a proxy or mirror",
        )


def _read_mirror(root: Path, file: ManifestFile) -> bytes:
    try:
        return (root / file.upstream).read_bytes()
    except OSError as error:
        problem = f"not in the mirror ({error.strerror})"
        raise FetchError(file.upstream, problem, "Complete the mirror") from error


def _download(address: str, file: ManifestFile, stop: threading.Event) -> bytes:
    """Return the answer's body, asked for again while the trouble may pass."""
    url = f"{address}/{quote(file.upstream)}"
    for attempt in range(ATTEMPTS):
        try:
            return _request(url, file.size_bytes)
        except urllib.error.HTTPError as error:
            problem, pause_s = f"HTTP {error.code} {error.reason}", _asked_pause_s(error)
            error.close()
            if error.code not in _RETRY_STATUS:
                break
        except (OSError, HTTPException) as error:
            problem, pause_s = _reason(error), 0.0
        if attempt + 1 < ATTEMPTS:
            pause_s = min(max(pause_s, FIRST_PAUSE_S * 2**attempt), LONGEST_PAUSE_S)
            _log.info("%s: %s; trying again in %.1f s", url, problem, pause_s)
            if stop.wait(pause_s):
                break
    raise FetchError(url, problem, "Check the network and run it again")


def _request(url: str, size_bytes: int) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": "tinygauge"})  # noqa: S310 - http(s), see _source
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        content: bytes = answer.read(size_bytes + 1)
    if len(content) < size_bytes:
        raise HTTPException(f"expected {size_bytes} bytes, the answer ended after {len(content)}")
    return content


def _asked_pause_s(error: urllib.error.HTTPError) -> float:
    """Return the seconds that a busy server asks to wait (RFC 9110 section 10.2.3)."""
    asked = error.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else 0.0


def _reason(error: OSError | HTTPException) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(reason) or type(error).__name__
