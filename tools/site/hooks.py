"""What mkdocs calls while it builds the site: the navigation, and the pages that are generated.

Run as ``python -m mkdocs`` from the root, so that `tools` can be imported.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from tools.site.navigation import navigation
from tools.site.reference import command_line_page, module_pages

__all__ = ["on_config", "on_files", "on_post_build", "slug"]

ROOT = Path(__file__).resolve().parents[2]
_REFERENCE = "reference/cli.md"
# What a browser would load from elsewhere when it opens a page; links that one follows are free.
_FOREIGN = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\"'> ]+"
    r"|<link\b(?![^>]*\brel=[\"']?canonical)[^>]*\bhref=[\"']?(?:https?:)?//[^\"'> ]+"
    r"|(?:@import|url\()\s*[\"']?(?:https?:)?//[^\"') ]+"
)


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


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site whose pages would load anything from elsewhere."""
    for path in sorted(Path(config.site_dir).rglob("*")):
        if path.suffix in {".html", ".css"}:
            found = _FOREIGN.search(path.read_text(encoding="utf-8"))
            if found:
                raise PluginError(f"{path}: loads from elsewhere: {found[0]}")
