"""Make docstrings into Markdown: code is fenced, and an enumeration lists its values."""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ["DocstringMarkdown", "to_markdown"]

# Lines of one session, or one indented block behind a line that ends in "::".
_SESSION = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)
_LITERAL = re.compile(r"^(.*)::\n\n((?: {4}.*\n?|\s*\n)+)", re.MULTILINE)


def to_markdown(text: str) -> str:
    """Fence the code of a docstring.

    Parameters
    ----------
    text : str
        Of the docstring, without its indentation.

    Returns
    -------
    str
        Markdown.
    """

    def literal(found: re.Match[str]) -> str:
        lead = found[1].strip()
        block = re.sub(r"^ {4}", "", found[2], flags=re.MULTILINE).rstrip()
        return f"{lead}{':' * bool(lead)}\n\n```text\n{block}\n```\n\n".lstrip("\n")

    text = _LITERAL.sub(literal, text + "\n").rstrip()
    return _SESSION.sub(lambda found: f"```pycon\n{found[0]}\n```", text)


class DocstringMarkdown(griffe.Extension):
    """Applies `to_markdown` to all docstrings that are read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of an object, once."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value) + _values(obj)


def _values(obj: griffe.Object) -> str:
    """List what an enumeration holds; without docstrings of their own they would not show."""
    bases = obj.bases if isinstance(obj, griffe.Class) else []
    if not any(str(base).endswith("Enum") for base in bases):
        return ""
    rows = [
        f"- `{name}` = `{value.value}`" + (f": {value.docstring.value}" if value.docstring else "")
        for name, value in obj.attributes.items()
        if name.isupper()
    ]
    return "\n\nValues:\n\n" + "\n".join(rows)
