"""What a person reads: each finding with where, found, expected, why, fix and how to see it again; then one line."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING, TextIO

from osh_conformance.model.finding import Finding, Status

if TYPE_CHECKING:
    from osh_conformance.report.run import Run

_WORDS = {Status.FAIL: "FAIL", Status.WARNING: "WARN", Status.ERROR: "ERROR", Status.EXPECTED: "XFAIL"}
_COLOURS = {Status.FAIL: "31", Status.WARNING: "33", Status.ERROR: "35"}
_SHOWN_CONTAINERS = 4
_COUNTED = (
    (Status.PASS, "passed"),
    (Status.FAIL, "failed"),
    (Status.EXPECTED, "expected to fail"),
    (Status.UNDECIDED, "undecided"),
    (Status.NOT_APPLICABLE, "not applicable"),
    (Status.ERROR, "not checked because of an error"),
)


def message(finding: Finding, *, colour: bool = False) -> str:
    """Return a finding as the lines that a person reads."""
    word = _WORDS.get(finding.status, finding.status.upper())
    if colour and finding.status in _COLOURS:
        word = f"\033[1;{_COLOURS[finding.status]}m{word}\033[0m"
    head = "  ".join(part for part in (f"{word} {finding.rule}".rstrip(), finding.chart, *_place(finding)) if part)
    lines = (
        ("found", finding.found),
        ("reaches", _reached(finding)),
        ("expected", finding.expected),
        ("why", finding.why),
        ("fix", finding.fix),
        ("reproduce", finding.reproduce),
    )
    return "\n".join([head, *(_labelled(label, text) for label, text in lines if text)])


def show(run: Run, stream: TextIO) -> None:
    """Print the findings of a run and its summary to `stream`."""
    colour = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    for finding in run.findings:
        print(message(finding, colour=colour), file=stream, end="\n\n")
    for reason in _unjudged(run):
        print(reason, file=stream)
    print(summary(run), file=stream)


def summary(run: Run) -> str:
    """Return the line that says it all."""
    counts = [f"{number} {word}" for status, word in _COUNTED if (number := run.count(status))]
    if warnings := run.count(Status.WARNING):
        counts.append(_plural(warnings, "warning"))
    if run.interrupted:
        counts.append("interrupted")
    seconds = f" in {run.seconds:.1f} s" if run.seconds is not None else ""
    subjects = f"{_plural(run.charts, 'chart')}, {_plural(len(run.checks), 'check')}"
    return f"{subjects}: {', '.join(counts) or 'nothing'}{seconds}"


def _place(finding: Finding) -> tuple[str, ...]:
    path = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return (path, finding.key or f"{finding.workload} {finding.container}".strip())


def _reached(finding: Finding) -> str:
    if not finding.key and len(finding.containers) < 2:  # noqa: PLR2004  (the heading names the one)
        return ""
    shown = ", ".join(finding.containers[:_SHOWN_CONTAINERS])
    more = len(finding.containers) - _SHOWN_CONTAINERS
    return f"{shown} and {more} more" if more > 0 else shown


def _labelled(label: str, text: str) -> str:
    first, *rest = text.splitlines()
    return "\n".join([f"  {label:<10} {first}", *(f"  {'':<10} {line}" for line in rest)])


def _unjudged(run: Run) -> list[str]:
    """One line for each reason, with the rules and the charts that it holds for."""
    rules: defaultdict[tuple[Status, str, str], list[str]] = defaultdict(list)
    for check in run.checks:
        if check.status in (Status.UNDECIDED, Status.NOT_APPLICABLE):
            rules[check.status, check.reason, check.chart].append(check.rule)
    charts: defaultdict[tuple[Status, str, str], list[str]] = defaultdict(list)
    for (status, reason, chart), found in rules.items():
        charts[status, reason, " ".join(sorted(found))].append(chart)
    return [
        f"{status}  {names}  {', '.join(sorted(found))}: {reason}"
        for (status, reason, names), found in sorted(charts.items())
    ]


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
