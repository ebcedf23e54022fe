"""Join the page's modules into one script: a page opened from disk can't import files.

Each module becomes a function that returns what it exports, so that names of one stay unknown to
the others, as in the files. Only the forms that our modules use are understood; any other is an
error, which the tests would meet first.
"""

from __future__ import annotations

import re
from importlib.resources.abc import Traversable

__all__ = ["join_modules"]

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.mjs";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (const|function|class) (\w+)", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def join_modules(folder: Traversable, entry: str) -> str:
    """Write a module and all that it imports as one script.

    Parameters
    ----------
    folder : Traversable
        Holds the modules, ``NAME.mjs``.
    entry : str
        Name of the module that starts the page.

    Returns
    -------
    str
        Every module once, after those that it imports.

    Raises
    ------
    ValueError
        If modules import each other, or one is written in another form.
    """
    joined: dict[str, str] = {}
    _add(folder, entry, joined, ())
    return '"use strict";\n' + "".join(joined.values())


def _add(folder: Traversable, name: str, joined: dict[str, str], above: tuple[str, ...]) -> None:
    if name in joined:
        return
    if name in above:
        raise ValueError(f"modules import each other: {' > '.join((*above, name))}")
    text = folder.joinpath(f"{name}.mjs").read_text(encoding="utf-8")
    for match in _IMPORT.finditer(text):
        _add(folder, match[2], joined, (*above, name))
    joined[name] = _as_function(name, text)


def _as_function(name: str, text: str) -> str:
    body = _IMPORT.sub(r"const {\1} = module_\2;", text)
    exports = [match[2] for match in _EXPORT.finditer(body)]
    body = _EXPORT.sub(r"\1 \2", body)
    odd = _LEFT_OVER.search(body)
    if odd:
        raise ValueError(f"{name}.mjs: can't join '{odd[0]}'")
    return f"const module_{name} = (() => {{\n{body}return {{ {', '.join(exports)} }};\n}})();\n"
