"""The documentation's site: what its pages are made of, and that they show what the program has."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.documentation import FENCE, commands
from tools.site.navigation import listed, navigation
from tools.site.reference import command_line_page, module_pages

from tinygauge.cli.parser import build_parser

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def _flat(entries: list[object]) -> Iterator[str]:
    for entry in entries:
        for page in entry.values() if isinstance(entry, dict) else [entry]:
            yield from _flat(page) if isinstance(page, list) else [str(page)]


def test_every_page_is_in_the_navigation_once() -> None:
    """Pages that the index lists, and those that it does not list yet."""
    written = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))

    found = sorted(_flat([*navigation(DOCS, ["reference/cli.md", "api/tinygauge.md"])]))

    assert found == sorted([*written, "reference/cli.md", "api/tinygauge.md"])


def test_the_index_lists_every_page() -> None:
    """Readers of the files find each page there; so do those of the site, in its order."""
    sections = listed((DOCS / "index.md").read_text(encoding="utf-8"))
    known = [page for pages in sections.values() for page in pages]
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - {"index.md"}

    assert sorted(known) == sorted(written), "add a line to docs/index.md"


def test_a_page_that_the_index_forgets_stands_with_those_of_its_folder(tmp_path: Path) -> None:
    """And one in a folder of its own under More: no page is lost."""
    (tmp_path / "howto").mkdir()
    for name in ("howto/a.md", "howto/b.md", "alone.md", "index.md"):
        (tmp_path / name).write_text("# Title\n")
    (tmp_path / "index.md").write_text("# T\n\n## How to\n\n- [A](howto/a.md): first.\n")

    assert navigation(tmp_path, ["api/m.md"]) == [
        {"How to": ["index.md", {"A": "howto/a.md"}, "howto/b.md"]},
        {"More": ["alone.md"]},
        {"Python": [{"m": "api/m.md"}]},
    ]


def test_the_index_is_read_by_section() -> None:
    """The link's text is what a page is called; links within a sentence are no entries."""
    text = "# T\n\nSee [x](x.md).\n\n## One\n\n- [A b](a.md): see [c](c.md).\n\n## Two\n"

    assert listed(text) == {"One": {"a.md": "A b"}, "Two": {}}


def _verbs(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield verb
                yield from _verbs(verb)


def test_the_command_line_page_has_every_verb_and_option() -> None:
    """It is made from the parser, nested verbs included, with the defaults filled in."""
    page = command_line_page()

    for verb in _verbs(build_parser()):
        assert f" {verb.prog.removeprefix('tinygauge ')}\n" in page
        for action in verb._actions:
            assert all(f"`{option}" in page for option in action.option_strings[-1:]), verb.prog
    assert "%(" not in page
    assert "%%" not in page


def test_every_public_module_has_its_place_in_the_reference() -> None:
    """Modules that export something are described once, the command line's are not."""
    pages = module_pages(ROOT / "src" / "tinygauge")
    modules = re.findall(r"^::: (\S+)$", "\n".join(pages.values()), re.MULTILINE)

    assert len(modules) == len(set(modules))
    assert {"tinygauge", "tinygauge.records", "tinygauge.graph.counts"} <= set(modules)
    assert not [module for module in modules if module.startswith("tinygauge.cli")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_commands_in_the_documentation_are_understood(path: Path) -> None:
    """Each example parses: a renamed option can't linger in a page."""
    for command in commands(path.read_text(encoding="utf-8")):
        words = shlex.split(command)
        if words != ["--help"]:
            assert build_parser().parse_args(words).run, command


_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_the_documentation_links_to_nothing_that_the_site_lacks(path: Path) -> None:
    """Files outside of docs/ are named, not linked: the site does not hold them."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    local = [link for link in _LINK.findall(text) if "://" not in link]

    assert not [link for link in local if DOCS not in (path.parent / link).resolve().parents]
