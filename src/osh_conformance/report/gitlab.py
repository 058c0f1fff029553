"""GitLab's code quality report: findings at their lines in a merge request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from osh_conformance.model.finding import Finding, Status
from osh_conformance.plain import plain
from osh_conformance.report import review
from osh_conformance.report.base import FileReporter, register

if TYPE_CHECKING:
    from osh_conformance.report.result import RunReport

_SEVERITIES = {Status.FAIL: "major", Status.ERROR: "critical", Status.WARNING: "minor"}


@register
class GitlabReporter(FileReporter):
    """Writes a list with an entry for each finding."""

    option = "gitlab"
    help = "write a code quality report for GitLab"

    def text(self, report: RunReport) -> str:
        """Return the list as JSON."""
        findings = review.to_review(report)
        marks = review.fingerprints(findings)
        entries = [_entry(finding, mark, report) for finding, mark in zip(findings, marks, strict=True)]
        return json.dumps(entries, indent=2) + "\n"


def _entry(finding: Finding, fingerprint: str, report: RunReport) -> dict[str, Any]:
    path, line = review.place_of(finding)
    return {
        "description": "; ".join([review.title(finding), *review.details(finding, report.rule_pages)]),
        "check_name": finding.rule or "not checked",
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[finding.status],
        "location": {"path": plain(path), "lines": {"begin": line}},
    }
