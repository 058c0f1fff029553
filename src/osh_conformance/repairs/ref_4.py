"""Repairs REF-4: a number without quotes that runs as another text, and blanks around a reference."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from osh_conformance.model.repair import Repair
from osh_conformance.reference import InvalidReferenceError, parse
from osh_conformance.repairs.problem import UncertainError
from osh_conformance.repairs.registry import repair
from osh_conformance.repairs.shared.values_file import ValuesFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.model.chart import RenderedChart, UnquotedNumber
    from osh_conformance.model.finding import Finding
    from osh_conformance.repairs.problem import Problem
    from osh_conformance.repairs.shared.values_file import Scalar

_VERSION_OF_CHART = ("Chart.yaml", "version")


@repair("REF-4")
def as_text(problem: Problem) -> Repair:
    """Put a number in quotes that runs as another text (`tag: 1.10`), in values or as `appVersion` in Chart.yaml.

    Remove blanks around a reference in values.
    """
    number = _number(problem.chart, problem.finding)
    return _trimmed(problem) if number is None else _quoted(problem, number)


def _quoted(problem: Problem, number: UnquotedNumber) -> Repair:
    finding = problem.finding
    if (problem.path, finding.key) == _VERSION_OF_CHART:
        raise UncertainError("quotes would change the version of the chart itself")
    scalar = ValuesFile(problem.source).scalar(finding.key)
    if scalar.quote or scalar.value != number.text:
        raise UncertainError("the file has another text there")
    alike = [other for other in problem.alike if _number(problem.chart, other) is not None]
    edit = problem.source.edit(scalar.start, scalar.end, f'"{scalar.value}"')
    return Repair(findings=_of_all_uses(scalar, alike), edits=(edit,))


def _trimmed(problem: Problem) -> Repair:
    text = problem.finding.shared
    if not problem.finding.key or text == text.strip() or not _parses(text.strip()):
        raise UncertainError("only an author can say what the reference should be")
    scalar = ValuesFile(problem.source).scalar(problem.finding.key)
    if scalar.value != text:
        raise UncertainError("the file has another text there")
    edit = problem.source.edit(scalar.inside, scalar.inside + len(text), text.strip())
    return Repair(
        findings=_of_all_uses(scalar, [other for other in problem.alike if other.shared == text]), edits=(edit,)
    )


def _of_all_uses(scalar: Scalar, alike: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings about a value and its aliases; raises `UncertainError` for an alias without one."""
    if others := sorted(scalar.uses - {other.key for other in alike}):
        raise UncertainError(f"an alias repeats the value at {others[0]}, which has no such finding")
    return tuple(other for other in alike if other.key in scalar.uses)


def _parses(text: str) -> bool:
    try:
        parse(text)
    except InvalidReferenceError:
        return False
    return True


def _number(chart: RenderedChart, finding: Finding) -> UnquotedNumber | None:
    """Return the number that a finding is about, None for another fault of a reference."""
    found = (number for number in chart.numbers if number.key == finding.key)
    paths = ((number, posixpath.normpath(chart.folder + number.path)) for number in found)
    return next((number for number, path in paths if path == finding.path and number.line == finding.line), None)
