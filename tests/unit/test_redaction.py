"""Replacing secrets: none is left in any spelling, and no word is eaten."""

from __future__ import annotations

import base64
import json
import re
import shlex
import string
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osh_conformance.redaction import Redactor, is_word

_LETTERS = string.ascii_letters + string.digits + "-_./+=@:%!$&'\"\\ #é"
#: What a chart or a person may take for a password, but no word.
_PASSWORDS = st.text(_LETTERS, min_size=6, max_size=40).filter(lambda text: not is_word(text) and text == text.strip())
_WORDS = st.from_regex(r"[a-z]{3,9}(-[a-z]{3,9})?", fullmatch=True)
_SPELLINGS: dict[str, Any] = {
    "as it is": str,
    "URL": quote,
    "part of a URL": lambda text: quote(text, safe=""),
    "URL in lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "form": quote_plus,
    "JSON": json.dumps,
    "JSON with its letters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"password": text})),
    "Python": repr,
    "YAML": lambda text: "'" + text.replace("'", "''") + "'",
    "ini": lambda text: text.replace("%", "%%"),
    "shell": shlex.quote,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("spell", _SPELLINGS.values(), ids=_SPELLINGS)
@settings(max_examples=50)
@given(secret=_PASSWORDS)
def test_no_spelling_of_a_password_is_left(spell: Any, secret: str) -> None:
    redact = Redactor((secret,))
    for before, after in (("", ""), ("login ", " failed"), ("x", "x"), ("mysql://user:", "@host/name"), ("-p", "\n")):
        left = redact(before + spell(secret) + after)
        assert spell(secret).strip("'\"") not in left
        assert secret not in left


@given(secret=_PASSWORDS, before=st.text(min_size=0, max_size=9), after=st.text(max_size=9))
def test_no_password_is_left_inside_of_another_text_in_base64(secret: str, before: str, after: str) -> None:
    encoded = base64.b64encode((before + secret + after).encode()).decode()
    left = Redactor((secret,))(encoded)
    assert "***" in left
    # Of the password, only bits of its first and last letter are left.
    assert len(left) <= len(encoded) - len(secret.encode()) * 8 // 6 + 3 + 2


@given(word=_WORDS, letters=st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=5))
def test_a_word_stays_inside_of_longer_words(word: str, letters: str) -> None:
    redact = Redactor((word,))
    text = f"pod {word}{letters} {letters}{word} {letters}{word}{letters} {word}.conf a.{word}"
    # Not one that is mysql's option, or begins with the word again.
    if word not in letters + word[1:] and letters != "-p":
        assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("login {} failed", "password={}", '"{}"', "('{}')", "mysql://root:{}@host/name", "mysql -u root -p{}"),
        *(r'{{"log": "line\n{}\n"}}', "root%3A{}%40host", "it is {}.", "{}", "a:{},b", "[{}]"),
    ],
)
@given(word=_WORDS)
def test_a_word_is_replaced_where_it_is_whole(text: str, word: str) -> None:
    # Only the places are of interest.
    word = f"q{word}q"
    assert Redactor((word,))(text.format(word)) == text.format("***")


@pytest.mark.parametrize("secret", ["service", "heat-trust", "Secret12"])
def test_a_word_looks_like_one(secret: str) -> None:
    assert is_word(secret)


@pytest.mark.parametrize("secret", ["s3cret", "aBcDeFgH", "0123456789", "p@ssword", "x" * 25, "abc123def"])
def test_what_is_made_up_at_random_is_no_word(secret: str) -> None:
    assert not is_word(secret)


def test_a_secret_that_contains_another_is_replaced_completely() -> None:
    assert Redactor(("abc", "abcdef"))("abcdef abc") == "*** ***"
    assert Redactor(("a1b2c3", "a1b2c3d4"))("a1b2c3d4a1b2c3") == "******"


def test_very_short_secrets_are_ignored() -> None:
    assert Redactor(("a", "b1"))("a banana b1") == "a banana b1"
