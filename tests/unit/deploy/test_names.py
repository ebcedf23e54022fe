"""Text of any kind becomes identifiers, comments and literals that C++ takes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygauge.deploy.cpp import float_literal, identifier, plain


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kws_ref_model", "kws_ref_model"),
        ("cnn_8_i8", "cnn_8_i8_model"),
        ("3x3", "m3x3_model"),
        ("int", "int_model"),
        ("linux", "linux_model"),
        ("model", "the_model"),
        ("", "the_model"),
        ("__x__", "x_model"),
        ("модель", "the_model"),
        ("a/../b", "a_b_model"),
    ],
)
def test_identifier(name: str, expected: str) -> None:
    """Known names become what a reader expects."""
    assert identifier(name) == expected


@given(st.text())
def test_identifiers_are_valid(name: str) -> None:
    """Any text becomes a short identifier without the double underscores that C++ reserves."""
    found = identifier(name)

    assert re.fullmatch(r"[a-z][a-z0-9_]*_model", found)
    assert "__" not in found
    assert len(found) < 70


@given(st.text())
def test_plain_text_is_harmless(text: str) -> None:
    """Nothing in a comment can end it, continue it, or be read by Markdown."""
    found = plain(text)

    assert found.isascii()
    assert not set(found) & set("\\*?`<>|#[]{}\"'\n\r") - {"'"}
    assert len(found) <= 200


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float_literals_read_back(value: float) -> None:
    """A literal is the same float32, and is no integer to a compiler."""
    text = float_literal(value)

    assert text.endswith("f")
    assert re.search(r"[.e]", text)
    assert np.float32(text[:-1]) == np.float32(value)
