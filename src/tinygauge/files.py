"""Write files whole: a reader sees the old content or the new, never half of either."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["write_whole"]


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
