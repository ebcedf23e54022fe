"""Pages made from the program itself: the command line from its parser, Python from docstrings."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tinygauge.cli.parser import build_parser

__all__ = ["command_line_page", "module_pages"]


def command_line_page() -> str:
    """Describe every verb with its arguments and options.

    Returns
    -------
    str
        Markdown.
    """
    parser = build_parser()
    lines = [
        "# Command line",
        "",
        f"{parser.description}",
        "This page is made from the program's own parser.",
        "Every verb has `--help`; those that print a result have `--json`.",
        "The exit codes are in [Gate a build](../howto/gate-a-build.md).",
    ]
    for name, verb in _verbs(parser):
        lines += ["", *_verb(name, verb)]
    return "\n".join(lines) + "\n"


def _verbs(
    parser: argparse.ArgumentParser, words: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the verbs and their own verbs, by all their words."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, verb in action.choices.items():
                name = f"{words} {word}".strip()
                yield name, verb
                yield from _verbs(verb, name)


def _verb(name: str, verb: argparse.ArgumentParser) -> list[str]:
    description = verb.description or ""
    usage = " ".join(verb.format_usage().removeprefix("usage: ").split())
    lines = [f"{'#' * (2 + name.count(' '))} {name}", "", _sentence(description), ""]
    lines += ["```text", _wrapped(usage), "```"]
    rows = [row for action in verb._actions for row in _row(action)]
    if rows:
        lines += ["", "| argument | what it is |", "|---|---|", *rows]
    return lines


def _row(action: argparse.Action) -> Iterator[str]:
    if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
        return
    value = "" if action.nargs == 0 else _value(action)
    names = [f"`{option}{' ' * bool(value)}{value}`" for option in action.option_strings]
    text = (action.help or "") % {**vars(action), "prog": "tinygauge"} if action.help else ""
    if action.required and action.option_strings:
        text += " (required)"
    yield f"| {' '.join(names) or f'`{value}`'} | {text.replace('|', chr(92) + '|')} |"


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices:
        return ",".join(str(choice) for choice in action.choices)
    return action.dest.upper()


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."


def _wrapped(usage: str, width: int = 76) -> str:
    """Break a usage between options, never inside one."""
    lines = [""]
    for part in usage.replace("] [", "]\0[").split("\0"):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("   ")
        lines[-1] += f" {part}" if lines[-1].strip() else part
    return "\n".join(lines)


def module_pages(source: Path) -> dict[str, str]:
    """Write a page for each room of the package, its modules one below the other.

    Parameters
    ----------
    source : Path
        Folder of the package.

    Returns
    -------
    dict of str to str
        Name of the page to Markdown, which mkdocstrings fills in.
    """
    rooms: dict[str, list[str]] = {}
    for path in sorted(source.rglob("*.py")):
        module = path.relative_to(source.parent).with_suffix("").as_posix().replace("/", ".")
        module = module.removesuffix(".__init__")
        words = module.split(".")
        if any(word.startswith("_") for word in words) or words[1:2] == ["cli"]:
            continue
        text = path.read_text(encoding="utf-8")
        if "\n__all__" in text or (path.name == "__init__.py" and text.strip()):
            rooms.setdefault(words[1] if len(words) > 1 else "tinygauge", []).append(module)
    return {f"api/{room}.md": _page(room, modules) for room, modules in rooms.items()}


def _page(room: str, modules: list[str]) -> str:
    """Describe one module under its own title, or a package with its modules below."""
    package = room if room == "tinygauge" else f"tinygauge.{room}"
    first, *others = [package, *(module for module in modules if module != package)]
    if first in modules:
        text = f"::: {first}\n    options:\n      heading_level: 1\n"
        text += "      members: false\n" if others else ""
    else:
        text = f"# `{package}`\n"
    return text + "".join(f"\n::: {module}\n" for module in others)
