"""Which pull policies a chart has to be rendered with, so that the rules see what the declared one decides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from osh_conformance.model.chart import PULL_POLICIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.model.convention import Convention


def policies_to_render(declared: Any) -> tuple[str, ...]:
    """Return the policies to render with where a template may decide by the policy.

    The rendering as shipped shows the declared one already, if there is one.
    """
    if declared is None:
        return PULL_POLICIES[:1]
    return tuple(policy for policy in ("Always", "Never", "IfNotPresent") if policy != declared)


def is_passed_on(texts: Iterable[str], convention: Convention) -> bool:
    """Whether every template only writes the policy down, or asks if there is one, or has no one policy for all images.

    Then one rendering with `OTHER_POLICY` shows what each of the three policies does.
    """
    path = convention.pull_policy
    if not path:
        return True
    word = path.rpartition(".")[2]
    value = rf"[\w$.()]*\.{re.escape(path)}\)*"
    default = r"default\s+\"\w*\""
    written = re.compile(rf"-?\s*(if\s+|{default}\s+)?{value}(\s*\|\s*(quote|squote|toString|trim|{default}))*\s*-?")
    actions = (action for text in texts for action in _actions(text, word))
    return all(written.fullmatch(action) or action.lstrip("- \n").startswith("/*") for action in actions)


def _actions(text: str, word: str) -> Iterator[str]:
    """Yield the template actions that contain `word`, without their braces."""
    at_word = text.find(word)
    while at_word >= 0:
        begin, end = text.rfind("{{", 0, at_word), text.find("}}", at_word)
        if begin >= 0 and "}}" not in text[begin:at_word]:
            yield text[begin + 2 : end if end >= 0 else len(text)]
        at_word = text.find(word, at_word + len(word))
