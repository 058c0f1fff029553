"""Annotations of GitHub Actions: lines that show a finding at its line in a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Finding, Status
from osh_conformance.plain import plain
from osh_conformance.report import review
from osh_conformance.report.base import FileReporter, register

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.report.result import RunReport

#: As GitHub's own toolkit escapes the message of a command; a property has two more.
_IN_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = {**_IN_MESSAGE, ":": "%3A", ",": "%2C"}


@register
class GithubReporter(FileReporter):
    """Writes a line for each finding, the worst first: GitHub shows ten errors and ten warnings of a step."""

    option = "github"
    help = "write annotations for GitHub Actions, which show each finding at its line"

    def text(self, report: RunReport) -> str:
        """Return the lines."""
        return "".join(f"{annotation(finding, report.rule_pages)}\n" for finding in review.to_review(report))


def annotation(finding: Finding, rule_pages: str) -> str:
    """Return the command that annotates a finding."""
    level = "warning" if finding.status is Status.WARNING else "error"
    place = {"file": plain(finding.path), "line": str(review.place_of(finding)[1])} if finding.path else {}
    properties = {**place, "title": review.title(finding)}
    written = ",".join(f"{name}={_escaped(value, _IN_PROPERTY)}" for name, value in properties.items())
    return f"::{level} {written}::{_escaped(chr(10).join(review.details(finding, rule_pages)), _IN_MESSAGE)}"


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
