"""What the documentation tells its readers to run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

__all__ = ["FENCE", "commands"]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of code: its language, which may be empty, and its text."""


def commands(text: str) -> Iterator[str]:
    """Yield the words behind ``tinygauge`` of each such line in a page's shell examples.

    Lines that go on behind a backslash are joined, comments cut off.
    """
    for language, block in FENCE.findall(text):
        lines = block.replace("\\\n", " ").splitlines() if language in {"", "sh"} else []
        for line in lines:
            words = shlex.split(line, comments=True) if "tinygauge" in line else []
            while words and "=" in words[0]:
                words = words[1:]
            if words and words[0].rpartition("/")[2] == "tinygauge":
                yield shlex.join(words[1:])
