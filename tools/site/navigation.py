"""The site's navigation: pages that lead, in this order, then every other page of their folder.

A new page needs no entry here: it is listed by its title at the end of its section.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["navigation", "title_of"]

# Section, its folders, and the pages that come first.
SECTIONS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("Start", (), ("index.md", "tutorial.md")),
    (
        "How to",
        ("howto",),
        (
            "howto/index.md",
            "howto/read-the-intervals.md",
            "howto/bring-your-own-data.md",
            "howto/add-a-board.md",
            "howto/add-an-engine.md",
            "howto/calibrate.md",
            "howto/compare-with-published.md",
            "howto/gate-a-build.md",
        ),
    ),
    (
        "How it works",
        ("design",),
        ("design/metrics.md", "design/architecture.md", "design/counts.md"),
    ),
    ("Reference", ("reference",), ("findings.md", "glossary.md", "reference/cli.md")),
    ("Decisions", ("adr",), ()),
)

Entry = dict[str, object] | str


def title_of(text: str) -> str:
    """Return the title of a page, which comes first in it.

    Parameters
    ----------
    text : str
        Markdown.

    Returns
    -------
    str
    """
    found = re.match(r"# (.+)", text)
    if found is None:
        raise ValueError(f"a page does not start with its title: {text[:60]!r}")
    return found[1].replace("`", "")


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
    files = {path.relative_to(docs).as_posix(): path for path in docs.rglob("*.md")}
    made = set(generated)
    found: list[dict[str, list[Entry]]] = []
    left = {*files, *made}
    for name, folders, first in SECTIONS:
        mine = {page for page in left if page.partition("/")[0] in folders and "/" in page}
        leading = [page for page in first if page in left]
        rest = sorted(mine - set(leading), key=lambda page: _order(page, files))
        left -= {*leading, *rest}
        found.append({name: [*leading, *rest]})
    python = sorted(page for page in left if page.startswith("api/"))
    left -= set(python)
    found.append({"Python": [{_module(page): page} for page in python]})
    if left:
        found.append({"More": [*sorted(left)]})
    return [section for section in found if next(iter(section.values()))]


def _order(page: str, files: dict[str, Path]) -> str:
    """Sort by title; records of decisions by their number."""
    if page.startswith("adr/") or page not in files:
        return page
    return title_of(files[page].read_text(encoding="utf-8")).lower()


def _module(page: str) -> str:
    return page.removeprefix("api/").removesuffix(".md")
