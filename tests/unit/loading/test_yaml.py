"""Values with their lines, and manifests."""

from __future__ import annotations

import re

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.loading.yaml import read_manifests, read_values


def test_each_key_has_its_line() -> None:
    values = read_values("# about\nimages:\n  tags:\n    api: a\n  pull_policy: b\n", "values.yaml")
    assert values.content == {"images": {"tags": {"api": "a"}, "pull_policy": "b"}}
    assert values.lines["images.tags.api"] == 4
    assert values.lines["images.pull_policy"] == 5


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n...\n"])
def test_empty_values_are_an_empty_mapping(text: str) -> None:
    assert read_values(text, "values.yaml").content == {}


def test_a_duplicate_key_is_an_error_with_both_lines() -> None:
    with pytest.raises(SuiteError, match=r"values\.yaml:4: .*images\.api .*line 2"):
        read_values("images:\n  api: a\n  db: b\n  api: c\n", "values.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1\n", r"values\.yaml:2: .*parse"),
        ("- a\n", "values.yaml.*mapping"),
        ("a: *b\n", r"values\.yaml:1: .*parse"),
    ],
)
def test_malformed_yaml_is_an_error_with_its_line(text: str, words: str) -> None:
    with pytest.raises(SuiteError, match=words):
        read_values(text, "values.yaml")


def test_an_alias_has_the_value_of_its_anchor() -> None:
    values = read_values("a: &a {x: 1}\nb: *a\nc: {<<: *a, z: 2}\n", "values.yaml")
    assert values.content == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "z": 2}}
    assert "b.x" not in values.lines


@pytest.mark.parametrize("link", ["[*a{0}, *a{0}]", "{{x: *a{0}, y: *a{0}}}", "{{<<: [*a{0}, *a{0}]}}"])
def test_multiplying_aliases_are_refused_at_once(link: str) -> None:
    bomb = "a0: &a0 {x: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {link.format(n)}\n" for n in range(60))
    # Not `pytest.raises`: where the wrong thing happens, pytest would write the bomb out.
    for read in (read_values, read_manifests):
        try:
            read(bomb, "values.yaml")
        except SuiteError as error:
            assert re.search("values.yaml.*aliases", error.message)  # noqa: PT017
        else:
            pytest.fail("the aliases were followed", pytrace=False)


def test_a_list_in_itself_is_refused() -> None:
    with pytest.raises(SuiteError, match="aliases"):
        read_values("a: &a [*a]", "values.yaml")


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 50_000, "- " * 100_000, "? " * 5_000])
def test_nesting_too_deep_for_the_parser_is_refused(text: str) -> None:
    with pytest.raises(SuiteError, match=r"x:1: nested .*150"):
        read_manifests(text, "x")


def test_brackets_in_a_string_are_no_nesting() -> None:
    assert read_manifests("a: '" + "[" * 400 + "'\n", "x") == [{"a": "[" * 400}]


def test_a_control_character_is_an_error_with_its_line() -> None:
    with pytest.raises(SuiteError, match=r"x:2: .*control character"):
        read_manifests("a: 1\nb: \x07\n", "x")


def test_a_date_stays_a_string() -> None:
    assert read_manifests("tag: 2026-13-45\nsign: =\n", "x") == [{"tag": "2026-13-45", "sign": "="}]
