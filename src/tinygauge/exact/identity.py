"""What the evaluator's bits depend on besides the model: its own files."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from tinygauge.exact.library import library

__all__ = ["bits_id"]


@cache
def bits_id() -> str:
    """Return a digest of the evaluator's sources and of the compiled kernels that it loads.

    Whoever keeps results can't take those of another version, or of a fault since corrected,
    for what this evaluator gives. Comments are in it as well: a needless new run costs little.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    folder = Path(__file__).parent
    files = sorted(folder.rglob("*.py"))
    loaded = library()
    digest = hashlib.sha256()
    for path in files if loaded is None else (*files, Path(loaded._name)):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
