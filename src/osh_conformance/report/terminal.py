"""The output on the terminal: each finding with its place, state, reason and fix; then tables and a summary.

Of many findings in a tree of charts, the first of each rule is printed in full, the others on one line each.
"""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING, TextIO

from osh_conformance.model.event import RunFinished
from osh_conformance.model.finding import Finding, Status
from osh_conformance.report import tables
from osh_conformance.report.result import RunReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from osh_conformance.model.event import Event

_WORDS = {Status.FAIL: "FAIL", Status.WARNING: "WARN", Status.ERROR: "ERROR", Status.EXPECTED: "XFAIL"}
_COLOURS = {Status.FAIL: "31", Status.WARNING: "33", Status.ERROR: "35"}
_SHOWN_CONTAINERS = 4
_SHOWN_ALIKE = 3
_SHOWN_CHARTS = 4
#: Findings of several charts that are printed in full.
_SHOWN_IN_FULL = 40
_SHOWN_CAUSES = 5
#: Lines about templates that never rendered.
_SHOWN_TEMPLATES = 20
_ALL = "all"
#: The report names only a few charts to which a rule does not apply, but all undecided ones.
_SHORTENED = Status.NOT_APPLICABLE
#: Its warnings are in the lines about coverage, many templates in one line.
_COVERAGE_RULE = "RENDER-1"
_COUNTED = (
    (Status.PASS, "passed"),
    (Status.FAIL, "failed"),
    (Status.EXPECTED, "expected to fail"),
    (Status.UNDECIDED, "undecided"),
    (Status.NOT_APPLICABLE, "not applicable"),
    (Status.ERROR, "not checked because of an error"),
)


class TerminalReporter:
    """Prints the report when the run is over. A live run begins with the table of its cells."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._report = RunReport()

    def handle(self, event: Event) -> None:
        """Collect the event; print the report after the last one."""
        self._report.handle(event)
        if isinstance(event, RunFinished):
            if cells := tables.cells(self._report):
                print(cells, end="\n\n", file=self._stream)
            show(self._report, self._stream)


def message(finding: Finding, *, colour: bool = False) -> str:
    """Return the lines that describe a finding."""
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
    """Print the findings of a run, its tables and its summary to `stream`."""
    colour = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    for text in _findings(run, colour=colour):
        print(text, file=stream)
    for line in (*expected_lines(run), *_undecided(run), *coverage_lines(run), *_table(run), *_shared_causes(run)):
        print(line, file=stream)
    if run.left_out:
        print(run.left_out, file=stream)
    print(summary(run), file=stream)


def _findings(run: RunReport, *, colour: bool) -> list[str]:
    """Return the findings that are not expected, each as text."""
    findings = [finding for finding in run.findings if finding.status is not Status.EXPECTED and not _covered(finding)]
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
    hint = f"{len(findings)} findings, the first of each rule in full; --json FILE has all of them in full"
    return [*lines, *_gap(lines), hint, ""]


def _gap(lines: Sequence[str]) -> Sequence[str]:
    return ("",) if lines and lines[-1] else ()


def expected_lines(run: RunReport) -> list[str]:
    """Return a line for each expected finding; many of the same rule and reason share a line."""
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


def _covered(finding: Finding) -> bool:
    return finding.rule == _COVERAGE_RULE and finding.status is Status.WARNING


def coverage_lines(run: RunReport) -> list[str]:
    """Return the notices of the charts, and the templates that never rendered; those of one name share a line."""
    notices: defaultdict[str, list[str]] = defaultdict(list)
    templates: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for each in run.coverage.values():
        for notice in each.notices:
            notices[notice].append(each.chart)
        for template in each.never_rendered:
            name = f"templates/{template.template.rpartition('templates/')[2]}"
            templates[name].setdefault(template.guard, []).append(each.chart)
    lines = [f"note  {_some(charts, _SHOWN_CHARTS)}: {notice}" for notice, charts in notices.items()]
    found = [_never_rendered(name, guards) for name, guards in sorted(templates.items(), key=_most_charts_first)]
    hidden = len(found) - _SHOWN_TEMPLATES
    if hidden > 0:
        found[_SHOWN_TEMPLATES:] = [f"never rendered  {hidden} more; --json FILE has all of them"]
    return [*lines, *found]


def _most_charts_first(item: tuple[str, Mapping[str, Sequence[str]]]) -> tuple[int, str]:
    name, guards = item
    return -sum(map(len, guards.values())), name


def _never_rendered(name: str, guards: Mapping[str, Sequence[str]]) -> str:
    """Return the line about the templates of one name; of several conditions the one of most charts."""
    charts = sorted({chart for found in guards.values() for chart in found})
    guard = max(guards, key=lambda guard: len(guards[guard]))
    others = f"; {_plural(len(guards) - 1, 'other condition')}" if len(guards) > 1 else ""
    return f"never rendered  {_some(charts, _SHOWN_CHARTS)}: {name}{f'  ({guard}{others})' if guard else ''}"


def summary(run: RunReport) -> str:
    """Return the last line: how many charts and checks, and their outcomes."""
    counts = [f"{number} {word}" for status, word in _COUNTED if (number := run.count(status))]
    if warnings := run.count(Status.WARNING):
        counts.append(_plural(warnings, "warning"))
    if run.interrupted:
        counts.append("interrupted")
    if run.coverage:
        counts.append(f"{_plural(run.containers, 'container')} seen")
        counts += [f"{_plural(run.never_rendered, 'template')} never rendered"] if run.never_rendered else []
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


def _undecided(run: RunReport) -> list[str]:
    """Return a line for each reason why a rule reached no verdict, with its rules and charts."""
    rules: defaultdict[tuple[Status, str, str], list[str]] = defaultdict(list)
    for check in run.checks:
        if check.status in (Status.UNDECIDED, Status.NOT_APPLICABLE):
            rules[check.status, " ".join(check.reason.split()), check.chart].append(check.rule)
    charts: defaultdict[tuple[Status, str, str], list[str]] = defaultdict(list)
    for (status, reason, chart), found in rules.items():
        charts[status, reason, " ".join(sorted(set(found)))].append(chart)
    return [
        f"{status}  {names}  {_some(sorted(found), _SHOWN_CHARTS if status is _SHORTENED else len(found))}: {reason}"
        for (status, reason, names), found in sorted(charts.items())
    ]


def _table(run: RunReport) -> list[str]:
    """Return the table of violations by chart and rule, for a run of several charts."""
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


def _shared_causes(run: RunReport) -> list[str]:
    """Return a line for each of the causes that most charts share, for a run with many findings."""
    alike: defaultdict[str, list[Finding]] = defaultdict(list)
    findings = [finding for finding in run.findings if finding.status in (Status.FAIL, Status.WARNING)]
    for finding in findings:
        if finding.shared:
            alike[finding.cause_id].append(finding)
    charts = {cause: len({finding.subject or finding.chart for finding in found}) for cause, found in alike.items()}
    shared = sorted((cause for cause in alike if charts[cause] > 1), key=lambda cause: -charts[cause])
    if len(findings) <= _SHOWN_IN_FULL or not shared:
        return []
    lines = ["causes that charts share:"]
    for cause in shared[:_SHOWN_CAUSES]:
        first = alike[cause][0]
        where = f"{_place(first)[0]}: " if first.anchor else ""
        lines.append(
            f"  {first.rule:<8}  {_plural(charts[cause], 'chart'):>10}  {where}{first.found.partition('; also ')[0]}"
        )
    more = len(shared) - _SHOWN_CAUSES
    return [*lines, *([f"  and {more} more; `cause` in --json FILE names them all"] if more > 0 else []), ""]


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
