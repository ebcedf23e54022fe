"""The source itself: what it exports, how it is layered, and what it must not hold."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinygauge
from tinygauge import errors
from tinygauge.graph import counts

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "tinygauge"
MODULES = sorted(SOURCE.rglob("*.py"))

# Entry points: nobody imports from them.
_WITHOUT_EXPORTS = {"__main__.py", "accuracy/worker.py"}
_LONGEST_FILE = 500


def _name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_the_package_exports_a_sorted_list_of_names_that_exist() -> None:
    """Each name is imported on first use, and dir() and help() see it."""
    assert tinygauge.__all__ == sorted(tinygauge.__all__)
    for name in tinygauge.__all__:
        assert getattr(tinygauge, name) is not None


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    """Importing on first use must not change what a misspelling says."""
    with pytest.raises(AttributeError, match="no attribute 'evalaute'"):
        tinygauge.evalaute  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    """`import tinygauge` is instant: NumPy and the interpreters wait for the first use."""
    code = "import sys, tinygauge; print(*(sys.modules.keys() & {'numpy', 'matplotlib', 'rich'}))"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split() == []


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_every_module_says_what_it_exports(path: Path) -> None:
    """A public module has `__all__`, and every name in it exists."""
    exports = [
        node
        for node in _tree(path).body
        if isinstance(node, ast.Assign)
        and [target.id for target in node.targets if isinstance(target, ast.Name)] == ["__all__"]
    ]
    if not exports:
        assert path.name == "__init__.py" or _name(path) in _WITHOUT_EXPORTS
        return

    module = _name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    loaded = tinygauge if module == "__init__" else importlib.import_module(f"tinygauge.{module}")
    for name in loaded.__all__:
        assert hasattr(loaded, name), name


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_every_module_says_what_it_does(path: Path) -> None:
    """And fits into one reading."""
    text = path.read_text(encoding="utf-8")

    assert ast.get_docstring(ast.parse(text)) or not text.strip()
    assert len(text.splitlines()) <= _LONGEST_FILE


def _raised() -> Iterator[str]:
    """Yield the names of classes that are called somewhere in the source."""
    for path in MODULES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call):
                function = node.func
                yield getattr(function, "id", "") or getattr(function, "attr", "")


def test_every_error_is_raised_somewhere() -> None:
    """A class that nothing raises is a promise to nobody; base classes are for catching."""
    classes = [getattr(errors, name) for name in errors.__all__]
    bases = {base for cls in classes for base in cls.__mro__[1:]}
    leaves = {cls.__name__ for cls in classes if cls not in bases}

    assert leaves <= set(_raised())


@pytest.mark.parametrize("kind", sorted(counts._MACS))
def test_every_formula_cites_its_source(kind: str) -> None:
    """A count of MACs names paper and equation, and the page that derives it has the op."""
    text = inspect.getdoc(counts._MACS[kind]) or ""
    _, _, references = text.partition("References\n----------\n")
    assert any(character.isdigit() for character in references)
    page = (ROOT / "docs" / "design" / "counts.md").read_text(encoding="utf-8")
    assert f"`{kind}`" in page


def test_imports_point_down_only() -> None:
    """The layers in pyproject.toml hold."""
    lint = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if lint is None:
        pytest.skip("import-linter is not installed")

    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode == 0, done.stdout


def test_the_architecture_page_lists_the_layers() -> None:
    """Every module of pyproject.toml's layers once, from top to bottom."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = project["tool"]["importlinter"]["contracts"]
    layers = [set(layer.split(" | ")) for layer in contract["layers"]]
    page = (ROOT / "docs" / "design" / "architecture.md").read_text(encoding="utf-8")
    listed = re.findall(r"^ ?(\w+)  ", page.split("```")[1], re.MULTILINE)

    place = 0
    for layer in layers:
        assert set(listed[place : place + len(layer)]) == layer
        place += len(layer)
    assert place == len(listed)


def _tracked() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run(
        [git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_tracked_file_names_a_place_on_somebodys_machine() -> None:
    """Paths that exist on one machine only are no documentation."""
    # Put together here, so that this file does not hold what it looks for.
    places = [f"/{folder}/".encode() for folder in ("work", "tmp", "root", "home")]
    found = [
        (path.relative_to(ROOT).as_posix(), place.decode())
        for path in _tracked()
        if path.is_file()
        for place in places
        if place in path.read_bytes()
    ]

    assert found == []


def test_no_lock_file_records_an_address() -> None:
    """Requirements are locked by hash; uv.lock would hold the address of a registry."""
    tracked = _tracked()

    assert not [path for path in tracked if path.name == "uv.lock"]
    for path in tracked:
        if path.parent.name == "requirements" and path.is_file():
            assert "://" not in path.read_text(encoding="utf-8")
