"""What is wrong with a reference: a placeholder that nothing filled in, an empty value, a value of another type."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.vocabulary import words
from osh_conformance.reference import InvalidReferenceError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import RenderedChart

_EXPECTED = "host/repository:tag, the repository in lower case"
#: Go's text for a value that a template's `printf` cannot write: `%!s(float64=17)`, `%!s(<nil>)`.
_NOT_WRITTEN = re.compile(r"%!\w?\([^()]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a reference.

    - found: the fault.
    - expected: what should be there.
    - fix: the edit, "" for a whole new reference.
    - part: the part that is empty (`registry`, `repository`, `tag`), else "".
    """

    found: str
    expected: str = _EXPECTED
    fix: str = ""
    part: str = ""


def fault(text: str) -> Fault | None:
    """Return what is wrong with a reference, None if it is valid and its tag is no placeholder."""
    try:
        tag = parse(text).tag or ""
    except InvalidReferenceError as error:
        return _not_written(text) or _placeholder(text) or _empty(text) or Fault(found=str(error))
    if any(re.fullmatch(pattern, tag) for pattern in words("references")["placeholder_tags"]):
        return _left(text, tag)
    return None


def _not_written(text: str) -> Fault | None:
    if found := _NOT_WRITTEN.search(text):
        nothing = "nil" in found[0]
        return Fault(
            found=f"{text!r}: the template writes a value that is {'missing' if nothing else 'no text'}",
            fix="declare the value" if nothing else "quote the value, or write it with `toString`",
        )
    return None


def _placeholder(text: str) -> Fault | None:
    found = [match for match in (pattern.search(text) for pattern in _patterns()) if match]
    first = min(found, key=lambda match: (match.start(), -match.end()), default=None)
    return _left(text, first[0]) if first else None


def _left(text: str, word: str) -> Fault:
    if word.startswith("{{"):
        return Fault(
            found=f"{text!r}: `{word}` is a placeholder that no template fills in",
            expected="a template that passes the value through `tpl`, or a reference that needs none",
            fix="image: {{ tpl <the value> . }}, or write the reference in full",
        )
    return Fault(
        found=f"{text!r}: `{word}` is a placeholder that nothing has filled in",
        expected="a reference that can be pulled as the chart is",
    )


def _empty(text: str) -> Fault | None:
    """Return the part of a reference that an empty value left out."""
    name = text.partition("@")[0]
    if name.strip("/:@") == "":
        return _nothing(text, "repository", "it has no repository")
    if name.startswith("/"):
        return _nothing(text, "registry", "nothing is before the first `/`: the registry is an empty value")
    if name.startswith(":") or "/:" in name:
        return _nothing(text, "repository", "nothing is before the `:`: the repository is an empty value")
    if name.endswith(":"):
        return _nothing(text, "tag", "nothing is after the `:`: the tag is an empty value")
    if "//" in name and "://" not in name:
        return _nothing(text, "repository", "nothing is between two `/`: a part of the repository is an empty value")
    return None


def _nothing(text: str, part: str, why: str) -> Fault:
    return Fault(found=f"{text!r}: {why}", part=part)


@functools.cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in words("references")["placeholders"])


def empty_value(chart: RenderedChart, part: str, template: str) -> str:
    """Return the dotted path of the one empty value that a template writes as `part` of a reference, else "".

    The template, or a helper beside it, names the value in full.
    """
    pattern = re.compile(words("references")["keys"][part])
    texts = [text for path, text in chart.templates.items() if path == template or "/_" in path]
    found = [
        path
        for path in _empty_leaves(chart.effective, "")
        if pattern.fullmatch(path.rpartition(".")[2])
        and any(re.search(rf"\.Values\.{re.escape(path)}(?![\w.])", text) for text in texts)
    ]
    return found[0] if len(found) == 1 else ""


def _empty_leaves(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _empty_leaves(value, f"{prefix}{key}.")
        elif value is None or value == "":
            yield f"{prefix}{key}"
