"""The last lines of a run: how many findings, how many checks; and the statistics by rule."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from osh_conformance.counting import plural
from osh_conformance.model.finding import Status
from osh_conformance.report.causes import by_rule
from osh_conformance.report.tables import aligned
from osh_conformance.report.words import word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from osh_conformance.model.finding import Finding
    from osh_conformance.report.result import RunReport

_CHECKS = (
    (Status.PASS, "passed"),
    (Status.FAIL, "failed"),
    (Status.EXPECTED, "expected to fail"),
    (Status.UNDECIDED, "undecided"),
    (Status.NOT_APPLICABLE, "not applicable"),
    (Status.ERROR, "not checked because of an error"),
)
_FINDINGS = ((Status.FAIL, "fail"), (Status.WARNING, "warn"), (Status.EXPECTED, "expected"))


def summary(run: RunReport) -> str:
    """Return the last lines: the findings by status, then charts and checks with their outcomes."""
    return "\n".join(filter(None, (_findings(run), _checks(run))))


def _findings(run: RunReport) -> str:
    """Return how many findings fail, warn and are expected; "" without a finding."""
    counted = Counter(finding.status for finding in run.findings)
    counts = [f"{counted[status]} {verb}" for status, verb in _FINDINGS if counted[status]]
    return f"{_total(counted)}: {', '.join(counts)}" if counts else ""


def _total(counted: Counter[Status]) -> str:
    return plural(sum(counted[status] for status, _ in _FINDINGS), "finding")


def _checks(run: RunReport) -> str:
    counts = [f"{number} {word}" for status, word in _CHECKS if (number := run.count(status))]
    if run.interrupted:
        counts.append("interrupted")
    if run.coverage:
        counts.append(f"{plural(run.containers, 'container')} seen")
        counts += [f"{plural(run.never_rendered, 'template')} never rendered"] if run.never_rendered else []
    seconds = f" in {run.seconds:.1f} s" if run.seconds is not None else ""
    subjects = f"{plural(run.charts, 'chart')}, {plural(len(run.checks), 'check')}"
    return f"{subjects}: {', '.join(counts) or 'nothing'}{seconds}"


def versions(run: RunReport) -> str:
    """Return one line: the versions of the cluster, its nodes, its runtimes and the run's programs; "" without one."""
    named = [("kubernetes", run.kubernetes), *run.versions.items()] if run.kubernetes else ()
    return "; ".join(f"{name} {version}" for name, version in named)


def statistics(findings: Iterable[Finding]) -> list[str]:
    """Return a table: how many findings, causes and charts each rule has, by status; "" without a finding."""
    rows = [
        [word(group.status), group.rule or "-", *map(str, (group.findings, len(group.causes), group.charts))]
        for group in by_rule(findings)
    ]
    return aligned([["", "rule", "findings", "causes", "charts"], *rows]) if rows else []
