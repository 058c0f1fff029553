"""Repairs REF-4: a number without quotes in values or Chart.yaml that runs as another text."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from osh_conformance.model.repair import Repair
from osh_conformance.repairs.problem import UncertainError
from osh_conformance.repairs.registry import repair
from osh_conformance.repairs.shared.values_file import ValuesFile

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart, UnquotedNumber
    from osh_conformance.model.finding import Finding
    from osh_conformance.repairs.problem import Problem

_VERSION_OF_CHART = ("Chart.yaml", "version")


@repair("REF-4")
def quoted(problem: Problem) -> Repair:
    """Put a number in quotes that runs as another text (`tag: 1.10`), in values or as `appVersion` in Chart.yaml."""
    finding = problem.finding
    number = _number(problem.chart, finding)
    if number is None:
        raise UncertainError("only an author can say what the reference should be")
    if (problem.path, finding.key) == _VERSION_OF_CHART:
        raise UncertainError("quotes would change the version of the chart itself")
    values = ValuesFile(problem.source)
    scalar = values.scalar(finding.key)
    if scalar.quote or scalar.value != number.text:
        raise UncertainError("the file has another text there")
    numbers = {other.key for other in problem.alike if _number(problem.chart, other) is not None}
    if others := sorted(scalar.uses - numbers):
        raise UncertainError(f"an alias repeats the value at {others[0]}, which has no such finding")
    edit = problem.source.edit(scalar.start, scalar.end, f'"{scalar.value}"')
    findings = tuple(
        other for other in problem.alike if other.key in scalar.uses and _number(problem.chart, other) is not None
    )
    return Repair(findings=findings, edits=(edit,))


def _number(chart: RenderedChart, finding: Finding) -> UnquotedNumber | None:
    """Return the number that a finding is about, None for another fault of a reference."""
    found = (number for number in chart.numbers if number.key == finding.key)
    paths = ((number, posixpath.normpath(chart.folder + number.path)) for number in found)
    return next((number for number, path in paths if path == finding.path and number.line == finding.line), None)
