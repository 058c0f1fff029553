"""What a person reads: each finding with where, found, expected, why, fix and how to see it again; then a summary.

Where a tree of charts has many, only the first one of a rule is told in full, and the table at the end is what counts.
"""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING, TextIO

from osh_conformance.model.finding import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.report.result import RunReport

_WORDS = {Status.FAIL: "FAIL", Status.WARNING: "WARN", Status.ERROR: "ERROR", Status.EXPECTED: "XFAIL"}
_COLOURS = {Status.FAIL: "31", Status.WARNING: "33", Status.ERROR: "35"}
_SHOWN_CONTAINERS = 4
_SHOWN_ALIKE = 3
_SHOWN_CHARTS = 4
#: Findings of several charts that a person reads one by one.
_SHOWN_IN_FULL = 40
_ALL = "all"
#: Where a rule does not apply, a few charts say enough; what is undecided is told of each.
_LESS = Status.NOT_APPLICABLE
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
    lines = (
        ("found", finding.found),
        ("reaches", _reached(finding)),
        ("expected", finding.expected),
        ("but", finding.reason),
        ("why", finding.why),
        ("fix", finding.fix),
        ("reproduce", finding.reproduce),
    )
    return "\n".join(
        [_heading(_word(finding, colour=colour), finding), *(_labelled(label, text) for label, text in lines if text)]
    )


def show(run: RunReport, stream: TextIO) -> None:
    """Print what a run found and its summary to `stream`."""
    colour = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    for text in _told(run, colour=colour):
        print(text, file=stream)
    for line in (*expected_lines(run), *_unjudged(run), *_table(run)):
        print(line, file=stream)
    if run.left_out:
        print(run.left_out, file=stream)
    print(summary(run), file=stream)


def _told(run: RunReport, *, colour: bool) -> list[str]:
    findings = [finding for finding in run.findings if finding.status is not Status.EXPECTED]
    if len(findings) <= _SHOWN_IN_FULL or run.charts == 1:
        return [f"{message(finding, colour=colour)}\n" for finding in findings]
    known: set[tuple[str, Status]] = set()
    lines: list[str] = []
    chart = findings[0].chart
    for finding in findings:
        kind = (finding.rule, finding.status)
        if kind not in known or finding.status is Status.ERROR:
            lines += [*_gap(lines), message(finding, colour=colour), ""]
        else:
            text = f"{_heading(_word(finding, colour=colour), finding)}: {finding.found}"
            lines += [*(_gap(lines) if finding.chart != chart else ()), text]
        known.add(kind)
        chart = finding.chart
    hint = f"{len(findings)} findings, the first of each rule in full; for all of it: --json, or one chart at a time"
    return [*lines, *_gap(lines), hint, ""]


def _gap(lines: Sequence[str]) -> Sequence[str]:
    return ("",) if lines and lines[-1] else ()


def expected_lines(run: RunReport) -> list[str]:
    """One line for each finding that is expected; for many of one rule and reason one line together."""
    alike: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in run.findings:
        if finding.status is Status.EXPECTED:
            alike[finding.rule, finding.reason].append(finding)
    lines = []
    for (rule, reason), findings in alike.items():
        if len(findings) <= _SHOWN_ALIKE:
            lines += [f"{_heading('XFAIL', finding)}: {reason}" for finding in findings]
        else:
            charts = list(dict.fromkeys(finding.chart for finding in findings))
            lines.append(f"XFAIL {rule}  {_some(charts, _SHOWN_CHARTS)}  {len(findings)} findings: {reason}")
    return lines


def summary(run: RunReport) -> str:
    """Return the line that says it all."""
    counts = [f"{number} {word}" for status, word in _COUNTED if (number := run.count(status))]
    if warnings := run.count(Status.WARNING):
        counts.append(_plural(warnings, "warning"))
    if run.interrupted:
        counts.append("interrupted")
    seconds = f" in {run.seconds:.1f} s" if run.seconds is not None else ""
    subjects = f"{_plural(run.charts, 'chart')}, {_plural(len(run.checks), 'check')}"
    return f"{subjects}: {', '.join(counts) or 'nothing'}{seconds}"


def _word(finding: Finding, *, colour: bool) -> str:
    word = _WORDS.get(finding.status, finding.status.upper())
    return f"\033[1;{_COLOURS[finding.status]}m{word}\033[0m" if colour and finding.status in _COLOURS else word


def _heading(word: str, finding: Finding) -> str:
    return "  ".join(part for part in (f"{word} {finding.rule}".rstrip(), finding.chart, *_place(finding)) if part)


def _place(finding: Finding) -> tuple[str, ...]:
    path = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return (path, finding.key or f"{finding.workload} {finding.container}".strip())


def _reached(finding: Finding) -> str:
    if not finding.key and len(finding.containers) < 2:  # noqa: PLR2004  (the heading names the one)
        return ""
    return _some(finding.containers, _SHOWN_CONTAINERS)


def _some(names: Sequence[str], most: int) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _labelled(label: str, text: str) -> str:
    first, *rest = text.splitlines()
    return "\n".join([f"  {label:<10} {first}", *(f"  {'':<10} {line}" for line in rest)])


def _unjudged(run: RunReport) -> list[str]:
    """One line for each reason, with the rules and the charts that it holds for."""
    rules: defaultdict[tuple[Status, str, str], list[str]] = defaultdict(list)
    for check in run.checks:
        if check.status in (Status.UNDECIDED, Status.NOT_APPLICABLE):
            rules[check.status, check.reason, check.chart].append(check.rule)
    charts: defaultdict[tuple[Status, str, str], list[str]] = defaultdict(list)
    for (status, reason, chart), found in rules.items():
        charts[status, reason, " ".join(sorted(set(found)))].append(chart)
    return [
        f"{status}  {names}  {_some(sorted(found), _SHOWN_CHARTS if status is _LESS else len(found))}: {reason}"
        for (status, reason, names), found in sorted(charts.items())
    ]


def _table(run: RunReport) -> list[str]:
    """Violations by chart and rule, where there is more than one chart to tell apart."""
    counts: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for finding in run.findings:
        if finding.status is Status.FAIL:
            counts[finding.subject or finding.chart][finding.rule] += 1
    if not counts or run.charts < 2:  # noqa: PLR2004
        return []
    rules = sorted({rule for row in counts.values() for rule in row})
    total = {rule: sum(row[rule] for row in counts.values()) for rule in rules}
    rows = [(name, [row[rule] for rule in rules]) for name, row in (*counts.items(), (_ALL, total))]
    rows = [(name, [*row, sum(row)]) for name, row in rows]
    width = max(len(name) for name, _ in rows)
    heads = [f"{rule:>4}" for rule in (*rules, _ALL)]
    return [
        " " * width + "".join(f"  {head}" for head in heads),
        *(
            f"{name:<{width}}"
            + "".join(f"  {number or '-':>{len(head)}}" for head, number in zip(heads, row, strict=True))
            for name, row in rows
        ),
        "",
    ]


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
