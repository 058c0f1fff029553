"""Values with their lines, and manifests."""

from __future__ import annotations

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.render.documents import read_manifests, read_values


def test_each_key_has_its_line() -> None:
    values = read_values("# about\nimages:\n  tags:\n    api: a\n  pull_policy: b\n", "values.yaml")
    assert values.content == {"images": {"tags": {"api": "a"}, "pull_policy": "b"}}
    assert values.lines["images.tags.api"] == 4
    assert values.lines["images.pull_policy"] == 5


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n...\n"])
def test_no_values_are_no_error(text: str) -> None:
    assert read_values(text, "values.yaml").content == {}


def test_a_key_that_is_there_twice_is_named_with_both_lines() -> None:
    with pytest.raises(SuiteError, match=r"values.yaml:4: the key images\.api is there twice, first in line 2"):
        read_values("images:\n  api: a\n  db: b\n  api: c\n", "values.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [1\n", "values.yaml:2: does not parse"), ("- a\n", "not a mapping"), ("a: *b\n", "does not parse")],
)
def test_what_does_not_parse_is_named(text: str, said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        read_values(text, "values.yaml")


def test_an_alias_is_followed_once() -> None:
    bomb = "a: &a {x: 1}\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1 if n else ''}, *a{n - 1 if n else ''}]\n" for n in range(40)
    )
    assert read_values(bomb, "values.yaml").lines["a39"] == 41


def test_what_looks_like_a_date_stays_a_text() -> None:
    assert read_manifests("tag: 2026-13-45\nsign: =\n", "x") == [{"tag": "2026-13-45", "sign": "="}]
