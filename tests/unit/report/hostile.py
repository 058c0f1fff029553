"""Texts that a chart can contain, and that a terminal, a log, a page or a program would obey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.event import ErrorFound, ResultFound, RunFinished, RunStarted
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.report.result import RunReport

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXTS = (
    "plain",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "bell\x07 null\0 delete\x7f",
    "line\n::error file=app.js,line=1::forged",
    "line\r\n::stop-commands::token",
    "##[add-mask]masked ##[error]forged",
    "%0A::error::forged %25 %3A %2C",
    "comma, colon: and::both",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[click](https://evil.example/) ![image](https://evil.example/x.png)",
    "<https://evil.example/> https://evil.example/",
    "`code` ``two`` ```three",
    "`",
    "| a | b |\n| --- | --- |",
    "@everyone #1 !1 /close\n/merge",
    "# heading\n---\n> quote\n- item",
    "{{ lookup('pipe', 'id') }} {% raw %} ${{ secrets.TOKEN }} $(id) `id`",
    "\u202egnp.exe \u2066isolate\u2069 \u200bzero \ufeffmark",
    "\u2028line\u2029paragraph \x85next",
    "section_start:1:name[collapsed=true]\r\x1b[0Kforged",
    "lone \udcff surrogate",
    "\\](x) \\| \\` &lt; &#10;",
    "long " * 100_000,
)


def finding(text: str, status: Status = Status.FAIL, *, line: int | None = 3, rule: str = "REF-2") -> Finding:
    """Return a finding with this text wherever a chart can have put it."""
    return Finding(
        rule=rule,
        chart=text,
        path=f"charts/{text[:50]}/values.yaml",
        line=line,
        key=text,
        workload=f"Job/{text}",
        container=text,
        found=text,
        expected=text,
        why="tomorrow's image is another one",
        fix=text,
        reproduce=f"osh-conformance check {text}",
        status=status,
        severity=Severity.WARNING if status is Status.WARNING else Severity.ERROR,
    )


def report_of(findings: Sequence[Finding], errors: Sequence[Finding] = (), rule_pages: str = "") -> RunReport:
    """Return the report of a run with these findings."""
    report = RunReport()
    report.handle(RunStarted(target={"verb": "check"}, charts=1, rule_pages=rule_pages))
    for each in findings:
        report.handle(ResultFound.of(each.chart, Verdict.of(each.rule, [each])))
    for error in errors:
        report.handle(ErrorFound(error=error))
    report.handle(RunFinished(seconds=1.0))
    return report
