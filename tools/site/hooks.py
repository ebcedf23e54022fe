"""What mkdocs calls while it builds the site: the navigation, and the pages that are generated."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # mkdocs loads this file by its path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from tools.site.navigation import navigation
from tools.site.reference import command_line_page, module_pages

__all__ = ["on_config", "on_files", "slug"]

_REFERENCE = "reference/cli.md"


def slug(text: str, separator: str) -> str:
    """Return the anchor of a heading, as GitHub makes it, so that links hold in both places."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", separator)


def _pages() -> dict[str, str]:
    return {_REFERENCE: command_line_page(), **module_pages(ROOT / "src" / "tinygauge")}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages, and make anchors as GitHub does."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = slug
    nav: list[Any] = list(navigation(ROOT / "docs", _pages()))
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for name, text in _pages().items():
        files.append(File.generated(config, name, content=text))
    return files
