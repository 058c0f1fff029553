"""Markdown for the summary of a job, or for a comment: counts, and the worst findings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Finding, Status
from osh_conformance.report import review, terminal
from osh_conformance.report.base import FileReporter, line_of, register
from osh_conformance.report.markup import code
from osh_conformance.report.rule_help import page_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from osh_conformance.report.result import RunReport

#: As many findings as people read. GitHub takes a summary of 1 MiB, and 50 findings have a tenth of that at most.
_SHOWN = 50
_WORDS = {Status.FAIL: "FAIL", Status.ERROR: "ERROR", Status.WARNING: "WARN"}


@register
class MarkdownReporter(FileReporter):
    """Writes the summary. Every text of a chart is code, so that none is markup."""

    option = "markdown"
    help = "write a summary in Markdown, such as for $GITHUB_STEP_SUMMARY"

    def text(self, report: RunReport) -> str:
        """Return the page."""
        findings = review.to_review(report)
        parts = [["## osh-conformance"], [terminal.summary(report)], _table(findings, report.rule_pages)]
        parts.append([line for finding in findings[:_SHOWN] for line in _item(finding, report.rule_pages)])
        if len(findings) > _SHOWN:
            parts.append([f"{len(findings) - _SHOWN} more findings are not shown here; the JSON document has all."])
        return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _table(findings: Sequence[Finding], rule_pages: str) -> list[str]:
    """Return the table of counts by rule, empty without findings. No text of a chart is in it."""
    rules = list(dict.fromkeys(finding.rule for finding in findings))
    counts = Counter((finding.rule, finding.status) for finding in findings)
    rows = [" | ".join([_rule(rule, rule_pages), *(str(counts[rule, status]) for status in _WORDS)]) for rule in rules]
    head = " | ".join(["rule", *_WORDS.values()])
    return [f"| {row} |" for row in (head, " | ".join(["---"] * (1 + len(_WORDS))), *rows)] if rows else []


def _item(finding: Finding, rule_pages: str) -> Iterator[str]:
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    subject = finding.key or f"{finding.workload} {finding.container}".strip()
    words = (_WORDS[finding.status], _rule(finding.rule, rule_pages), *map(_code, (place, subject or finding.chart)))
    yield f"- {' '.join(filter(None, words))}"
    yield from (f"  - {label} {_code(text)}" for label, text in _lines(finding) if text)


def _lines(finding: Finding) -> tuple[tuple[str, str], ...]:
    """Return what differs from finding to finding; the rule's page has its reason."""
    remark = line_of(finding)[1]
    return (("found", finding.found), ("expected", finding.expected), ("fix", finding.fix), ("note", remark))


def _code(text: str) -> str:
    return code(review.short(text))


def _rule(rule: str, rule_pages: str) -> str:
    """Return a link to the page of a rule, or its id; a finding without a rule could not be checked."""
    if not rule:
        return "not checked"
    address = page_address(rule, rule_pages)
    return f"[{rule}]({address})" if address else code(rule)
