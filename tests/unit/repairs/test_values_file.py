"""Values are found with exact positions in any layout that YAML allows: an edit changes its value and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osh_conformance.loading.yaml import read_values
from osh_conformance.repairs.problem import Source, UncertainError
from osh_conformance.repairs.shared.values_file import ValuesFile

if TYPE_CHECKING:
    from collections.abc import Callable

_OLD, _NEW = "example/api:1.2.3", "docker.io/example/api:1.2.3"
_BLANKS = st.sampled_from(["", " ", "  ", "\t", " \t "])
_COMMENTS = st.sampled_from(["", " # why", "  # a: 'b' \"c\" {d} *e", " # ü 日本 \U0001f600", "\t#"])
_OTHERS = st.sampled_from(
    [
        "ü: 日本",
        "list: [a, 'b', {c: d}]",
        "text: |\n    # no comment\n    api: x",
        "anchor: &a 1.10",
        "'q': \"\\u00fc\"",
    ]
)


@st.composite
def layouts(draw: Callable[..., Any]) -> str:
    """Return a values file with `images.api`, in a layout of its own."""
    quote = draw(st.sampled_from(["", "'", '"']))
    value = f"{draw(st.sampled_from(['', '!!str ', '&one ', '&one !!str ']))}{quote}{_OLD}{quote}"
    key = draw(st.sampled_from(["api", "'api'", '"api"']))
    tail = draw(_BLANKS) + draw(_COMMENTS)
    indent = " " * draw(st.integers(1, 5))
    if draw(st.booleans()):
        padding = draw(st.sampled_from(["", " ", "   ", f"\n{indent}"]))
        body = f"images: {{{padding}{key}: {value}{draw(st.sampled_from([' ', ' ,', ', x: y']))}}}{tail}"
    else:
        before = draw(st.sampled_from(["", f"{indent}# first\n", f"{indent}x: y{draw(_COMMENTS)}\n", "\n"]))
        body = f"images:{draw(_COMMENTS)}\n{before}{indent}{key}:{draw(st.sampled_from([' ', '   ']))}{value}{tail}"
    lines = [*draw(st.lists(_OTHERS, unique_by=lambda line: line.partition(":")[0], max_size=2)), body]
    text = "\n".join(draw(st.permutations(lines))) + draw(st.sampled_from(["", "\n", "\n\n# end\n"]))
    text = draw(st.sampled_from(["", "---\n", "# head\n\n"])) + text
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return f"\ufeff{text}" if draw(st.booleans()) else text


def _edited(text: str) -> bytes:
    source = Source(path="values.yaml", text=text)
    scalar = ValuesFile(source).scalar("images.api")
    edit = source.edit(scalar.inside, scalar.inside + len(_OLD), _NEW)
    data = text.encode()
    assert data[edit.start : edit.end] == edit.old == _OLD.encode()
    return data[: edit.start] + edit.new + data[edit.end :]


@settings(max_examples=400, deadline=None)
@given(layouts())
def test_an_edit_changes_its_value_and_nothing_else_in_any_layout(text: str) -> None:
    data = _edited(text)
    assert data == text.encode().replace(_OLD.encode(), _NEW.encode(), 1)
    before, after = (read_values(each.removeprefix("\ufeff"), "values.yaml").content for each in (text, data.decode()))
    before["images"]["api"] = _NEW
    assert after == before


@pytest.mark.parametrize(
    ("text", "path", "uses"),
    [
        ("a: &x {b: t}\nc: *x\n", "a.b", {"a.b", "c.b"}),
        ("a: &x {b: t}\nc: {<<: *x, d: e}\n", "c.b", {"a.b", "c.b"}),
        ("a: [&x t, *x]\n", "a[0]", {"a[0]", "a[1]"}),
        ("a: &x [t]\nb: {c: *x}\n", "a[0]", {"a[0]", "b.c[0]"}),
        ("a: t\nb: t\n", "a", {"a"}),
    ],
)
def test_a_value_has_the_paths_of_all_its_uses(text: str, path: str, uses: set[str]) -> None:
    assert ValuesFile(Source(path="v", text=text)).scalar(path).uses == uses


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("a: b\n", "c", "no c"),
        ("a: {b: c}\n", "a", "no single text"),
        ("a: |\n  b\n", "a", "block of text"),
        ("a: b\n  c\n", "a", "several lines"),
        ('a: "\\x62"\n', "a", "escapes"),
        ("a: 'it''s'\n", "a", "escapes"),
        ("a:\n", "a", "escapes"),
        ("a: b\na: b\n", "a", "twice"),
        ("x: &x {a: b}\nz:\n  <<: *x\n  a: c\n", "z.a", "twice"),
        ("a.b: c\na: {b: c}\n", "a.b", "twice"),
    ],
)
def test_a_value_that_is_not_certain_is_refused(text: str, path: str, reason: str) -> None:
    with pytest.raises(UncertainError, match=reason):
        ValuesFile(Source(path="v", text=text)).scalar(path)


@pytest.mark.parametrize("text", ["a: b\n---\nc: d\n", "a: [b\n", "a: *unknown\n", "a: \x00\n", "a: &a {b: *a}\n"])
def test_a_file_that_is_no_single_document_is_refused(text: str) -> None:
    with pytest.raises(UncertainError, match=r"document|parse"):
        ValuesFile(Source(path="v", text=text))
