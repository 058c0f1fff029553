"""Markdown for the summary of a job, or for a comment: counts, and the worst findings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from osh_conformance.counting import plural
from osh_conformance.model.finding import Status
from osh_conformance.report import review
from osh_conformance.report.base import FileReporter, line_of, register
from osh_conformance.report.causes import by_rule, place, subject
from osh_conformance.report.markup import code
from osh_conformance.report.rule_help import page_address
from osh_conformance.report.summary import summary, versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from osh_conformance.model.finding import Finding
    from osh_conformance.report.causes import Cause, RuleCauses
    from osh_conformance.report.result import RunReport

#: So that people read them all.
_SHOWN_OF_A_RULE = 5
#: GitHub takes a summary of 1 MiB.
_MOST_BYTES = 900_000
_WORDS = {Status.FAIL: "FAIL", Status.ERROR: "ERROR", Status.WARNING: "WARN"}


@register
class MarkdownReporter(FileReporter):
    """Writes the summary. Every text of a chart is code, so that none is markup."""

    option = "markdown"
    help = "write a summary in Markdown, such as for $GITHUB_STEP_SUMMARY"

    def text(self, report: RunReport) -> str:
        """Return the page."""
        findings = review.to_review(report)
        parts = [["## osh-conformance"], [summary(report).replace("\n", "\n\n")]]
        parts += [[f"versions: {code(known)}"] if (known := versions(report)) else []]
        parts += [_table(findings, report.rule_pages)]
        parts += [list(_items(group, report.rule_pages)) for group in by_rule(findings)]
        return "\n\n".join(_as_many_as_fit("\n".join(lines) for lines in parts if lines)) + "\n"


def _as_many_as_fit(parts: Iterable[str]) -> Iterator[str]:
    """Yield the parts of a page until it is as large as GitHub takes it."""
    size = 0
    for part in parts:
        size += len(part.encode())
        if size > _MOST_BYTES:
            yield "More is not shown here: the page has its largest size."
            return
        yield part


def _table(findings: Sequence[Finding], rule_pages: str) -> list[str]:
    """Return the table of counts by rule, empty without findings. No text of a chart is in it."""
    rules = list(dict.fromkeys(finding.rule for finding in findings))
    counts = Counter((finding.rule, finding.status) for finding in findings)
    rows = [" | ".join([_rule(rule, rule_pages), *(str(counts[rule, status]) for status in _WORDS)]) for rule in rules]
    head = " | ".join(["rule", *_WORDS.values()])
    return [f"| {row} |" for row in (head, " | ".join(["---"] * (1 + len(_WORDS))), *rows)] if rows else []


def _items(group: RuleCauses, rule_pages: str) -> Iterator[str]:
    """Yield the causes of one rule, as the items of a list."""
    for cause in group.causes[:_SHOWN_OF_A_RULE]:
        yield from _item(cause, rule_pages)
    if (more := len(group.causes) - _SHOWN_OF_A_RULE) > 0:
        yield f"- and {more} more of {_rule(group.rule, rule_pages)}"


def _item(cause: Cause, rule_pages: str) -> Iterator[str]:
    first = cause.first
    places = (place(first), subject(first) or first.chart)
    others = f"and {plural(len(cause.findings) - 1, 'more finding')} of this cause" if len(cause.findings) > 1 else ""
    words = (_WORDS[first.status], _rule(first.rule, rule_pages), *map(_code, places), others)
    yield f"- {' '.join(filter(None, words))}"
    labelled = (("found", first.found), ("expected", first.expected), ("fix", first.fix), ("note", line_of(first)[1]))
    yield from (f"  - {label} {_code(text)}" for label, text in labelled if text)


def _code(text: str) -> str:
    return code(review.short(text))


def _rule(rule: str, rule_pages: str) -> str:
    """Return a link to the page of a rule, or its id; a finding without a rule could not be checked."""
    if not rule:
        return "not checked"
    address = page_address(rule, rule_pages)
    return f"[{rule}]({address})" if address else code(rule)
