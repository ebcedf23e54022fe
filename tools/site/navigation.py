"""The site's navigation: the sections of ``docs/index.md``, which readers of the files have too.

A page that the index does not list yet comes at the end of the section of its folder, so that no
page is ever left out of the site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["listed", "navigation"]

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_ENTRY = re.compile(r"^- \[([^\]]+)\]\(([^)#]+\.md)\)", re.MULTILINE)

Entry = dict[str, str] | str


def listed(index: str) -> dict[str, dict[str, str]]:
    """Read which pages the index lists.

    Parameters
    ----------
    index : str
        Markdown of ``docs/index.md``.

    Returns
    -------
    dict of str to dict of str to str
        By section, in order: page to what it is called there.
    """
    parts = _SECTION.split(index)[1:]
    return {
        name: {page: title for title, page in _ENTRY.findall(text)}
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


def navigation(docs: Path, generated: Iterable[str] = ()) -> list[dict[str, list[Entry]]]:
    """List all pages by section.

    Parameters
    ----------
    docs : Path
        Folder of the pages.
    generated : iterable of str
        Pages that are made when the site is built; those under ``api/`` get a section.

    Returns
    -------
    list of dict
        As mkdocs takes it.
    """
    known = listed((docs / "index.md").read_text(encoding="utf-8"))
    sections: dict[str, list[Entry]] = {
        name: [{title: page} for page, title in pages.items()] for name, pages in known.items()
    }
    modules = sorted(page for page in generated if page.startswith("api/"))
    modules.sort(key=lambda page: page != "api/tinygauge.md")  # what is imported comes first
    others = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")} | set(generated)
    others -= {"index.md", *modules, *(page for pages in known.values() for page in pages)}
    for page in sorted(others):
        sections.setdefault(_section_of(page, known), []).append(page)
    next(iter(sections.values())).insert(0, "index.md")
    sections["Python"] = [{page.removeprefix("api/").removesuffix(".md"): page} for page in modules]
    return [{name: pages} for name, pages in sections.items()]


def _section_of(page: str, sections: dict[str, dict[str, str]]) -> str:
    """Return the section that holds other pages of the same folder."""
    folder = page.rpartition("/")[0]
    for name, pages in sections.items():
        if any(other.rpartition("/")[0] == folder for other in pages if "/" in other):
            return name
    return "More"
