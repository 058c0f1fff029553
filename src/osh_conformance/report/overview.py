"""A tree of charts on two screens: what fails by rule with the worst places, what warns, and how to see the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.counting import plural
from osh_conformance.model.finding import Status
from osh_conformance.report.causes import by_rule, place, subject
from osh_conformance.report.messages import one_line
from osh_conformance.report.words import clipped, word
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.model.finding import Finding
    from osh_conformance.report.causes import Cause, RuleCauses
    from osh_conformance.report.result import RunReport

#: Places of a rule that fails, at most; of the charts that cannot be checked; and of a rule that warns.
_PLACES = {Status.FAIL: 3, Status.ERROR: 8, Status.WARNING: 1}
#: Lines for all rules that fail; two lines of each are its heading and its title.
_LINES = 70
_HEAD = 2
_SHOWN_CHARTS = 5
#: Less of a text says nothing.
_LEAST = 12
_MORE = "all of one rule: --select RULE; everything: --output-format full; one line each: --output-format concise"


def overview(findings: Iterable[Finding], width: int) -> Iterator[str]:
    """Yield the lines about findings by rule, each at most `width` wide unless a path is longer."""
    groups = by_rule(findings)
    places = {**_PLACES, Status.FAIL: _shown(sum(group.status is Status.FAIL for group in groups))}
    titles = {rule.id: rule.title for rule in registry.all_rules().values()}
    for group in groups:
        yield clipped(_heading(group, places[group.status]), width)
        if group.status is Status.FAIL:
            yield clipped(f"  {one_line(titles.get(group.rule) or group.causes[0].first.why)}", width)
        for cause in group.causes[: places[group.status]]:
            yield _place(cause, width)
    if groups:
        yield ""


def hint(width: int) -> Iterator[str]:
    """Yield the lines that say how to see the rest."""
    first, *rest = _MORE.split("; ")
    line = f"to see {first}"
    for part in rest:
        if len(line) + len(part) + 2 > width:
            yield f"{line};"
            line = f"  {part}"
        else:
            line += f"; {part}"
    yield line


def worst_charts(run: RunReport, width: int) -> Iterator[str]:
    """Yield a line with the charts that have most failing findings."""
    counts: dict[str, int] = {}
    for finding in run.findings:
        if finding.status is Status.FAIL:
            name = finding.subject or finding.chart
            counts[name] = counts.get(name, 0) + 1
    worst = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN_CHARTS]
    if len(counts) > 1:
        named = ", ".join(f"{name} {number}" for name, number in worst)
        yield clipped(f"most failures: {named}  ({plural(len(counts), 'chart')} with failures)", width)


def _shown(rules: int) -> int:
    """Return how many places of each rule there is room for, at least one."""
    return min(_PLACES[Status.FAIL], max(1, _LINES // rules - _HEAD)) if rules else 1


def _heading(group: RuleCauses, shown: int) -> str:
    if group.status is Status.ERROR and not group.rule:
        return f"{word(group.status)}  {plural(len(group.causes), 'chart')} not checked:"
    number = plural(group.findings, "finding")
    charts = f" in {plural(group.charts, 'chart')}"
    causes = f", {plural(len(group.causes), 'cause')}" if len(group.causes) < group.findings else ""
    rest = f"; {shown} of them:" if len(group.causes) > shown else ":"
    return f"{word(group.status)} {group.rule}".rstrip() + f"  {number}{charts}{causes}{rest}"


def _place(cause: Cause, width: int) -> str:
    first = cause.first
    charts = plural(len(cause.charts), "chart") if len(cause.charts) > 1 else ""
    chart = first.subject or first.chart
    where = place(first)
    # A file of a library does not say which chart it is about.
    rest = ("",) if chart in where else ()
    names = (charts,) if charts else (subject(first), chart, *rest)
    heads = [f"  {'  '.join(filter(None, (where or chart, name)))}" for name in names]
    head = next((head for head in heads if len(head) <= width), heads[-1])
    left = width - len(head) - 2
    return f"{head}: {clipped(one_line(first.found), left)}" if left >= _LEAST else head
