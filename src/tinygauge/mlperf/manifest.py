"""What can be fetched: lists of upstream files, with size and SHA-256 of each.

A collection is a TOML file, packaged as ``data/*/manifest.toml`` or the user's own: a title,
notes, and tables ``[[folders]]`` with repository, commit, upstream path and local folder, and
in each one file a line: SHA-256, bytes, name. The files themselves are not packaged;
`tinygauge.mlperf.fetch` brings them.

>>> manifest = load_manifest("mlperf-tiny")
>>> len(manifest.files), sum(file.size_bytes for file in manifest.files)
(1028, 6994820)
>>> manifest.files[0].local
'models/kws_ref_model.tflite'
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any

from tinygauge.errors import ConfigError, UnknownNameError

__all__ = ["Manifest", "ManifestFile", "collections", "load_manifest"]

_FOLDERS = {"mlperf-tiny": "mlperf_tiny"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFile:
    """A file of an upstream repository at a commit.

    Parameters
    ----------
    repository, commit, path : str
        Such as ``"mlcommons/tiny"``; 40 hex digits; path inside the repository.
    local : str
        Path below the folder that it is fetched into.
    size_bytes : int
    sha256 : str
        Hex digits.
    """

    repository: str
    commit: str
    path: str
    local: str
    size_bytes: int
    sha256: str

    @property
    def upstream(self) -> str:
        """Repository, commit and path, as a raw address and a mirror folder spell them."""
        return f"{self.repository}/{self.commit}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of a collection, and what the user should know about them."""

    title: str
    notes: tuple[str, ...]
    files: tuple[ManifestFile, ...]


def collections() -> list[str]:
    """Return the names of the collections that can be fetched, sorted."""
    return sorted(_FOLDERS)


@cache
def load_manifest(collection: str) -> Manifest:
    """Read the manifest of a collection.

    Parameters
    ----------
    collection : str
        Such as ``"mlperf-tiny"``, or the path of a ``.toml`` file.

    Returns
    -------
    Manifest
        Files in the order of the file.

    Raises
    ------
    UnknownNameError
        If there is no such collection.
    ConfigError
        If a file can't be read or does not parse.
    """
    if collection.endswith(".toml"):
        path: Path | Traversable = Path(collection)
    elif collection in _FOLDERS:
        path = resources.files("tinygauge").joinpath("data", _FOLDERS[collection], "manifest.toml")
    else:
        raise UnknownNameError("collection", collection, _FOLDERS)
    try:
        return _parse(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(collection, f"can't read the file ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(collection, f"this is no manifest ({error})") from error


def _parse(content: Mapping[str, Any]) -> Manifest:
    files = tuple(
        _parse_line(folder, line)
        for folder in content["folders"]
        for line in folder["files"].splitlines()
        if line
    )
    return Manifest(title=content["title"], notes=tuple(content["notes"]), files=files)


def _parse_line(folder: Mapping[str, str], line: str) -> ManifestFile:
    sha256, size, name = line.split(" ", maxsplit=2)
    local = PurePosixPath(folder["local"], name)
    if local.is_absolute() or ".." in local.parts:
        raise ValueError(f"'{local}' leads out of the folder")
    return ManifestFile(
        repository=folder["repository"],
        commit=folder["commit"],
        path=f"{folder['path']}/{name}",
        local=str(local),
        size_bytes=int(size),
        sha256=sha256,
    )
