"""All that one run found, and the exit code that follows from it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.model.result import CellReport, Check

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from osh_conformance.errors import SuiteError

CONFORMS, VIOLATED, INTERRUPTED, BROKEN, USAGE, NOTHING = range(6)


@dataclass(slots=True, kw_only=True)
class RunReport:
    """Filled while the run goes on. `target` says what was judged; `errors` what belongs to no single check.

    `notes` are findings about what was expected, not about a chart. `left_out` says why charts that are there were not
    to be judged: then it is no fault that nothing was checked. `all_scenarios` says that every scenario was run to its
    end on a cluster.
    """

    target: Mapping[str, Any] = field(default_factory=dict)
    helm: str | None = None
    kubernetes: str | None = None
    charts: int = 0
    checks: list[Check] = field(default_factory=list)
    cells: list[CellReport] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    shard: str | None = None
    left_out: str = ""
    all_scenarios: bool = False
    interrupted: bool = False
    started: float = field(default_factory=time.monotonic)
    seconds: float | None = None

    def add(self, chart: str, verdict: Verdict, *, seconds: float = 0.0, cell: str = "", scenario: str = "") -> None:
        """Record what a rule said."""
        self.checks.append(
            Check(
                chart=chart,
                rule=verdict.rule,
                status=verdict.status,
                findings=verdict.findings,
                reason=verdict.reason,
                seconds=seconds,
                cell=cell,
                scenario=scenario,
            )
        )

    def add_error(  # noqa: PLR0913
        self, chart: str, rule: str, error: SuiteError, *, reproduce: str = "", cell: str = "", scenario: str = ""
    ) -> None:
        """Record that a rule could not be asked. The same error of the same chart is told once."""
        check = Check(chart=chart, rule=rule, status=Status.ERROR, reason=error.message, cell=cell, scenario=scenario)
        self.record(check, error_finding(error, chart, reproduce=reproduce))

    def record(self, check: Check, error: Finding | None = None) -> None:
        """Add a check, and the error that it met: the same error of the same chart is told once."""
        self.checks.append(check)
        if error and not any((known.chart, known.found) == (error.chart, error.found) for known in self.errors):
            self.errors.append(error)

    def accept(self, ids: Collection[str], reason: str) -> None:
        """Count the findings of these ids as expected from here on."""
        for index, check in enumerate(self.checks):
            findings = tuple(
                replace(finding, status=Status.EXPECTED, reason=reason)
                if finding.status is Status.FAIL and finding.id in ids
                else finding
                for finding in check.findings
            )
            failed = any(finding.status is Status.FAIL for finding in findings)
            if check.status is Status.FAIL and not failed:
                self.checks[index] = replace(check, findings=findings, status=Status.EXPECTED, reason=reason)

    def finish(self) -> None:
        """Stop the clock."""
        self.seconds = time.monotonic() - self.started

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return every finding and error, chart by chart and line by line; then the notes.

        The same finding of several cells is one, unless they found different things.
        """
        charts = {chart: index for index, chart in enumerate(dict.fromkeys(check.chart for check in self.checks))}
        found: dict[tuple[str, str], tuple[int, Finding]] = {}
        for check in self.checks:
            for finding in check.findings:
                key = (finding.id, finding.found)
                known = found.get(key)
                found[key] = (charts[check.chart], _joined(known[1], finding) if known else finding)
        ordered = sorted(found.values(), key=lambda pair: (pair[0], *_order(pair[1])))
        return (*(finding for _, finding in ordered), *self.errors, *self.notes)

    def count(self, status: Status) -> int:
        """Count the checks of that outcome; for warnings the findings, as they fail no check."""
        if status is Status.WARNING:
            return sum(finding.status is Status.WARNING for finding in self.findings)
        return sum(check.status is status for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0 conforms, 1 does not, 2 interrupted, 3 error, 5 nothing was checked; 1 wins over 3."""
        if self.interrupted:
            return INTERRUPTED
        if self.count(Status.FAIL) or any(note.status is Status.FAIL for note in self.notes):
            return VIOLATED
        if self.errors or self.count(Status.ERROR):
            return BROKEN
        decided = self.count(Status.PASS) + self.count(Status.EXPECTED)
        return CONFORMS if decided or (self.left_out and not self.checks) else NOTHING


def _joined(first: Finding, second: Finding) -> Finding:
    """One cause, told twice: all the containers that it reaches."""
    return replace(first, containers=tuple(dict.fromkeys((*first.containers, *second.containers))))


def _order(finding: Finding) -> tuple[str, int, str, str]:
    return (finding.path, finding.line or 0, finding.rule, finding.key)


def error_finding(error: SuiteError, chart: str = "", reproduce: str = "") -> Finding:
    """Put an error into the form of a finding, so that reports need only one."""
    return Finding(
        rule="",
        chart=chart,
        severity=Severity.ERROR,
        status=Status.ERROR,
        found=error.message,
        expected=error.expected,
        why=error.details,
        fix=error.fix,
        reproduce=reproduce,
    )
