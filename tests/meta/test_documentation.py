"""The documentation: links lead somewhere, examples compile, words and codes are listed."""

from __future__ import annotations

import ast
import re
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote

import pytest

from tinygauge.graph import FAMILIES
from tinygauge.quantity import Basis, Method
from tinygauge.records import Metric, Severity
from tinygauge.selection import Position

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "tinygauge"
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"\bTG\d{3}\b")
_TERM = re.compile(r"^- \*\*(.+?)\*\*: (.+)$", re.MULTILINE)


def _page(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=_page)
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link names a file that exists, and a heading where it names one."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))

    for link in _LINK.findall(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("path", PAGES, ids=_page)
def test_python_examples_compile(path: Path) -> None:
    """What a reader copies is at least Python, and names what the package exports."""
    import tinygauge

    for block in _PYTHON.findall(path.read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(block, filename=_page(path))):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "tg":
                assert node.attr in tinygauge.__all__, node.attr


@pytest.mark.parametrize("path", PAGES, ids=_page)
def test_a_page_has_one_title(path: Path) -> None:
    """And it comes first."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))

    assert re.findall(r"^# .+$", text, re.MULTILINE) == [text.splitlines()[0]]


def _listed() -> list[str]:
    text = (DOCS / "findings.md").read_text(encoding="utf-8")
    return re.findall(r"^\| (TG\d{3}) \|", text, re.MULTILINE)


def test_every_finding_is_listed_and_every_listed_one_exists() -> None:
    """A user who sees a code can look it up; the list has no codes of the past."""
    used = {
        code
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "code"
        for code in _CODE.findall(ast.unparse(node.value))
    }

    assert sorted(used) == _listed()


def _glossary() -> dict[str, str]:
    return dict(_TERM.findall((DOCS / "glossary.md").read_text(encoding="utf-8")))


def test_terms_stand_in_order() -> None:
    """Within each chapter the terms are sorted, so that one finds them, and none comes twice."""
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")

    for chapter in text.split("\n## ")[1:]:
        terms = [term.lower() for term, _ in _TERM.findall(chapter)]
        assert terms == sorted(set(terms))
    assert len(_TERM.findall(text)) == len(_glossary())


@pytest.mark.parametrize("words", [Metric, Method, Basis, Position, Severity])
def test_every_word_that_results_use_is_explained(words: type[StrEnum]) -> None:
    """Metrics, methods, bases, positions and severities are in the glossary."""
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")

    for word in words:
        assert re.search(rf"\*{word.value}\*", text), word


def test_every_family_is_named() -> None:
    """The architectures that results name are in the glossary."""
    assert all(f"`{family}`" in _glossary()["family"] for family in FAMILIES)


def _refused_words() -> set[str]:
    """Collect the words that the glossary gives behind 'not'."""
    tails = [text.partition("; not ")[2] for text in _glossary().values()]
    return {word for tail in tails for word in re.findall(r"\*(\w+)\*", tail)}


def _names(tree: ast.Module) -> set[str]:
    """Collect the names of classes, functions, parameters and fields."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def test_names_keep_to_the_glossary() -> None:
    """A word that the glossary refuses is no part of a name in the source."""
    refused = _refused_words()
    assert {"layer", "node", "device"} <= refused

    for path in SOURCE.rglob("*.py"):
        for name in _names(ast.parse(path.read_text(encoding="utf-8"))):
            snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
            words = {word.rstrip("s") for word in snake.split("_")} | set(snake.split("_"))
            assert not words & refused, f"{path.name}: {name}"
