"""The rules that a test of the suite stands for, by its marker."""

from __future__ import annotations

import ast
import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

#: In a marker: every rule that no test of the same suite names, those of other distributions included.
OTHERS = "*"


def rules_of_test(test: pytest.Function, marker: str, suite: Path, known: Iterable[str]) -> tuple[str, ...]:
    """Return the `known` rules that `test` stands for; `suite` is the folder of the modules whose markers count."""
    found = test.get_closest_marker(marker)
    names = found.args if found else ()
    if OTHERS in names:
        named = _named(suite, marker)
        return tuple(rule for rule in known if rule not in named)
    ids = tuple(known)
    return tuple(rule for rule in names if rule in ids)


@functools.cache
def _named(suite: Path, marker: str) -> frozenset[str]:
    """Return the rules that markers of a suite's modules name, read from the source.

    pytest makes the items of one module before it imports the next: no test sees the markers of all modules.
    """
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in sorted(suite.glob("test_*.py"))]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return frozenset(
        str(argument.value)
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == marker
        for argument in call.args
        if isinstance(argument, ast.Constant)
    )
