"""Write files whole, so that no reader sees half of one; name packaged files alike anywhere."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["named_path", "write_whole"]

_PACKAGE = Path(__file__).parent


def named_path(path: str) -> str:
    """Return a path as results name it, so that those of the demo are the same anywhere.

    Parameters
    ----------
    path : str

    Returns
    -------
    str
        A packaged file's from the package on, with slashes; any other as it is.

    Examples
    --------
    >>> named_path("models/kws.tflite")
    'models/kws.tflite'
    """
    file = Path(path)
    if file.is_relative_to(_PACKAGE):
        return file.relative_to(_PACKAGE.parent).as_posix()
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name, then give it its own.

    Parameters
    ----------
    path : Path
        The file; its folder is made where it does not exist, a file there is replaced.
    content : bytes

    Raises
    ------
    OSError
        If it can't be written; then nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process and a random part keep writers of the same file apart.
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
