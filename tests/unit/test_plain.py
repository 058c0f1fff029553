"""Text from charts is data: what a terminal or a CI system would obey becomes visible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osh_conformance.plain import plain, plain_lines

_SAID = [
    ("keystone", "keystone"),
    ("images.tags.api: a  b", "images.tags.api: a  b"),
    ("größe 日本", "größe 日本"),
    ("\x1b[31mred", r"\x1b[31mred"),
    ("\x9b31m", r"\x9b31m"),
    ("a\nb", r"a\nb"),
    ("a\r\nb\tc", r"a\r\nb\tc"),
    ("bell\a null\0", r"bell\x07 null\x00"),
    ("a\u202eb", r"a\u202eb"),
    ("a\u2028b\xa0c", r"a\u2028b\xa0c"),
    ("\udcff", r"\udcff"),
    ("\U000e0041", r"\U000e0041"),
    ("::error file=x::y", r"\x3a:error file=x::y"),
    ("  ::set-output::", r"  \x3a:set-output::"),
    ("x ::error::y", "x ::error::y"),
    ("a##[error]b ##vso[task] ## [x]", r"a\x23#[error]b \x23#vso[task] ## [x]"),
    (r"C:\x1b", r"C:\x1b"),
]


@pytest.mark.parametrize(("text", "said"), _SAID, ids=[ascii(text) for text, _ in _SAID])
def test_what_a_terminal_would_obey_becomes_visible(text: str, said: str) -> None:
    assert plain(text) == said
    assert plain(said) == said


def test_lines_stay_lines_and_each_is_harmless() -> None:
    assert plain_lines("a\n ::error::b\r\n\x1b[2J") == "a\n \\x3a:error::b\n\\x1b[2J"


@given(st.text(alphabet=st.characters(), max_size=60))
def test_no_text_is_left_that_a_ci_system_or_a_terminal_obeys(text: str) -> None:
    assert plain(text).isprintable()
    assert not plain(text).lstrip().startswith("::")
    assert "##[" not in plain(text)
