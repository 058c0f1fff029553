"""Looks around a line of a template: the object that it belongs to, and what else may print there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from osh_conformance.manifests.template_text import fields, parts
from osh_conformance.repairs.problem import UncertainError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from osh_conformance.manifests.template_text import Field
    from osh_conformance.model.chart import Document, RenderedChart
    from osh_conformance.repairs.problem import Problem, Source

#: The begin of a line with one key, its quotes, and the blanks behind the colon.
KEY = r"(?P<indent>[ ]*)(?P<item>(?:- +)*)(?P<quote>[\"']?){key}(?P=quote):(?P<gap>[ \t]*)"
#: A value that no template computes, and a comment behind it.
LITERAL = r"(?P<mark>[\"']?)(?P<value>[^\"'#{{}}\[\]&*!|>%@`]*?)(?P=mark)(?P<rest>[ \t]*(?:[ \t]#.*)?)"


def key_line(line: str, key: str) -> re.Match[str] | None:
    """Return a line with this key and a literal value as its parts, None for another line."""
    return re.fullmatch(KEY.format(key=re.escape(key)) + LITERAL.format(), line)


def checked(problem: Problem, file: str) -> Source:
    """Return the template, read from disk; raises `UncertainError` unless it is what was rendered."""
    source = problem.read(file)
    if problem.chart.templates.get(file) != source.text.removeprefix("\ufeff"):
        raise UncertainError("the file is not the template that was rendered")
    return source


def object_of(chart: RenderedChart, workload: str, template: str = "") -> Document:
    """Return the one object of that kind and name (`Kind/name`); the first of the renderings that have it."""
    for rendering in chart.renderings.values():
        found = [each for each in rendering.documents if f"{each.kind}/{each.name}" == workload]
        if template:
            found = [each for each in found if each.template == template]
        if len(found) == 1:
            return found[0]
    raise UncertainError(f"{workload} is not one object")


def section_around(chart: RenderedChart, file: str, line: int) -> Sequence[Field]:
    """Return the fields of the object in which a line of a template stands."""
    for part in parts(file, chart.templates[file]):
        every = fields(part)
        sections = {field.section for field in every if field.line.number == line}
        if len(sections) == 1:
            return [field for field in every if field.section in sections]
    raise UncertainError("the line is in no single object")


def may_print(chart: RenderedChart, here: Iterable[Field], word: str) -> bool:
    """Whether one of the lines that consist of actions may print a key: by a define that has it, or is not known."""
    return any(_has(chart, name, word, frozenset()) for field in here if not field.key for name in field.line.includes)


def _has(chart: RenderedChart, name: str, word: str, around: frozenset[str]) -> bool:
    if name in around:
        return False
    found = [
        part
        for file, text in chart.templates.items()
        if name in text
        for part in parts(file, text)
        if part.name == name and name
    ]
    return not found or any(
        word in part.strings
        or any(word in line.text for line in part.lines)
        or any(_has(chart, inner, word, around | {name}) for inner in part.includes)
        for part in found
    )
