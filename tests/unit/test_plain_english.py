"""Texts that users read are in plain English; see `Write plain English` in CONTRIBUTING.md."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PACKAGE = ROOT / "src" / "osh_conformance"
_PHRASES = re.compile(
    r"\b(told|nobody|somebody|mend(s|ed)?|at hand|cannot be had|whatever|let go|by the word of|hands? of)\b",
    re.IGNORECASE,
)
#: A line that ends with this comment may use such a phrase.
_ALLOWED = "# plain-english: ok"
#: Lines of a data file that a user sees in a report.
_SHOWN = re.compile(r"^\s*(?:- )?(?:summary|message|needs)\s*:")


def _texts_of_module(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each string that is no docstring."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def _texts_of_data(source: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(source.splitlines(), start=1) if _SHOWN.match(line))


def _hits(name: str, source: str) -> list[str]:
    texts = _texts_of_module(source) if name.endswith(".py") else _texts_of_data(source)
    lines = source.splitlines()
    return [
        f"{name}:{line}: `{found[0]}`"
        for line, text in texts
        if (found := _PHRASES.search(text)) and not lines[line - 1].endswith(_ALLOWED)
    ]


def _sources() -> list[Path]:
    return sorted((*_PACKAGE.rglob("*.py"), *(_PACKAGE / "data").rglob("*.yaml")))


def test_texts_for_users_use_no_riddle() -> None:
    found = [hit for file in _sources() for hit in _hits(str(file.relative_to(_PACKAGE)), file.read_text())]
    assert not found


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.py", 'raise Error("nobody was told")\n'),
        ("a.py", 'raise Error(f"{name} cannot be had")\n'),
        ("a.yaml", "summary: whatever happens\n"),
    ],
)
def test_the_lint_finds_a_phrase(name: str, source: str) -> None:
    assert len(_hits(name, source)) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.py", '"""Nobody reads a docstring."""\n'),
        ("a.py", f'word = "whatever"  {_ALLOWED}\n'),
        ("a.py", 'word = "untold"\n'),
        ("a.yaml", "# whatever\nname: a\n"),
    ],
)
def test_the_lint_passes_docstrings_comments_and_allowed_lines(name: str, source: str) -> None:
    assert not _hits(name, source)
