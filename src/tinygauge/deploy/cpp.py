"""Text that is safe in C++: identifiers, comments and literals made of anything.

A model's name and its tensors' names are chosen by whoever made the file. They reach generated
code only through `identifier` and `plain`.

>>> identifier("3x3 conv; rm -rf")
'm3x3_conv_rm_rf_model'
>>> plain("a*/ #define x ??/")
'a_/ _define x __/'
>>> float_literal(0.1)
'0.1f'
"""

from __future__ import annotations

import re

import numpy as np

__all__ = ["float_literal", "identifier", "plain"]

_LONGEST_NAME = 60
_LONGEST_TEXT = 200


def identifier(name: str) -> str:
    """Make a C++ identifier of any text.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        Lower case, ending in ``_model``, so that it is never a keyword, a macro of the compiler
        (``linux``, ``unix``) or a name of a library.
    """
    words = re.sub(r"[^a-z0-9]+", "_", name.lower())[:_LONGEST_NAME].strip("_")
    if words[:1].isdigit():
        words = "m" + words
    if words in ("", "model"):
        return "the_model"
    return words if words.endswith("_model") else f"{words}_model"


def plain(text: str) -> str:
    """Make any text safe inside a comment or a sentence of Markdown, on one line.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Letters, digits, spaces and harmless punctuation; all else became ``_``, and what is
        beyond 200 characters was cut.
    """
    # No backslash (it continues a line), no star (it ends a comment), no question mark
    # (trigraphs), nothing that Markdown or HTML reads.
    return re.sub(r"[^A-Za-z0-9 .,:;()/+=%@'-]", "_", text)[:_LONGEST_TEXT]


def float_literal(value: float) -> str:
    """Return a C++ literal of type float that reads back as the same number.

    Parameters
    ----------
    value : float
        Finite; rounded to float32.

    Returns
    -------
    str
    """
    text = str(np.float32(value))
    return text + ("f" if re.search(r"[.e]", text) else ".0f")
