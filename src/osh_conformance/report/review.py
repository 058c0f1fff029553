"""What the outputs for reviews have in common: which findings they show, in which order, and with which words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Finding, Status
from osh_conformance.plain import plain
from osh_conformance.report.base import line_of
from osh_conformance.report.causes import subject
from osh_conformance.report.rule_help import help_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from osh_conformance.report.result import RunReport

#: The findings that a review shows. Expected ones are no news, and undecided ones no findings.
_SHOWN = frozenset({Status.FAIL, Status.ERROR, Status.WARNING})
#: A chart decides how long a text is.
_LONGEST = 500


def to_review(report: RunReport) -> list[Finding]:
    """Return the findings that a review shows, the worst first."""
    return [finding for finding in report.findings if finding.status in _SHOWN]


def title(finding: Finding) -> str:
    """Return the rule and what breaks it, such as `REF-2 images.api`."""
    return f"{finding.rule or 'not checked'} {short(subject(finding) or finding.chart)}".rstrip()


def details(finding: Finding, rule_pages: str) -> list[str]:
    """Return a finding as lines of plain text."""
    _, remark = line_of(finding)
    labelled = (
        ("found", finding.found),
        ("expected", finding.expected),
        ("why", finding.why),
        ("fix", finding.fix),
        ("reproduce", finding.reproduce),
        ("rule", help_for(finding.rule, rule_pages)),
        ("note", remark),
    )
    return [f"{label}: {short(text)}" for label, text in labelled if text]


def short(text: str) -> str:
    """Return the text on one line, of a length that every output can show."""
    shown = plain(text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}..."


def place_of(finding: Finding) -> tuple[str, int]:
    """Return a file and a line for an output that demands them; the chart's name where there is no file."""
    line, _ = line_of(finding)
    return finding.path or finding.subject or finding.chart or "osh-conformance", line


def fingerprints(findings: Iterable[Finding]) -> Sequence[str]:
    """Return for each finding its id; a second finding with the same id, from another cell, gets a number."""
    seen: Counter[str] = Counter()
    found = []
    for finding in findings:
        seen[finding.id] += 1
        number = seen[finding.id]
        found.append(finding.id if number == 1 else f"{finding.id}-{number}")
    return found
