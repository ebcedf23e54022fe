r"""Text that others wrote, made fit to print: names, reasons and labels can hold anything.

>>> shown("a\u202eb")
'a\ufffdb'
>>> shown("a long name", 6)
'a lon…'
"""

from __future__ import annotations

__all__ = ["LONGEST_NAME", "shown"]

# Longer names would push everything else off the page.
LONGEST_NAME = 120


def shown(text: str, longest: int | None = None) -> str:
    """Replace what a reader can't see, which may reorder or hide what stands beside it.

    Parameters
    ----------
    text : str
        Of any origin.
    longest : int or None
        Cut off what goes beyond; None keeps all.

    Returns
    -------
    str
        Without control characters, marks of writing direction, line separators and lone
        surrogates; each becomes U+FFFD. Line breaks become blanks.
    """
    lines = " ".join(text.split("\n"))
    clean = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in lines)
    return clean if longest is None or len(clean) <= longest else f"{clean[: longest - 1]}…"
