"""The page's logic in a process of node, asked by tests.

Node is that on the PATH, or the one that playwright brings.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

__all__ = ["SCRIPTS", "PageLogic", "find_node", "unavailable"]

SCRIPTS = Path(str(resources.files("tinygauge"))) / "report" / "html" / "script"
_HARNESS = Path(__file__).with_name("page_logic.mjs")


def unavailable(what: str, advice: str) -> None:
    """Fail in CI, where everything must be there; elsewhere skip with the reason."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing: {advice}")
    pytest.skip(f"{what} is missing: {advice}")


def find_node() -> str:
    """Return the path of node."""
    found = shutil.which("node")
    if found is None:
        try:
            from playwright._impl._driver import compute_driver_executable

            found = compute_driver_executable()[0]
        except ImportError:
            pass
    if found is None or not Path(found).exists():
        unavailable("node", "install nodejs, or playwright, which brings one")
    return str(found)


class PageLogic:
    """A process of node with the page's modules loaded."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [find_node(), str(_HARNESS), str(SCRIPTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, ask: str, **question: Any) -> Any:
        """Ask one question and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps({"ask": ask, **question})
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=10)
