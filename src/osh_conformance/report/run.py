"""All that one run found, and the exit code that follows from it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from osh_conformance.model.finding import Finding, Severity, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.errors import SuiteError

CONFORMS, VIOLATED, INTERRUPTED, BROKEN, USAGE, NOTHING = range(6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The outcome of one rule on one subject: a chart, or (with `cell` and `scenario`) a chart on a cluster."""

    chart: str
    rule: str
    status: Status
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    cell: str = ""
    scenario: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellReport:
    """One cell of the live matrix. `status` is pass, fail, error or skipped, `artifacts` a folder or ""."""

    id: str
    chart: str
    flavor: str
    origin: str
    format: str
    runtime: str
    helm: str
    status: str
    reason: str = ""
    seconds: float = 0.0
    artifacts: str = ""


@dataclass(slots=True, kw_only=True)
class Run:
    """Filled while the run goes on. `target` says what was judged; `errors` what belongs to no single check."""

    target: Mapping[str, Any] = field(default_factory=dict)
    helm: str | None = None
    kubernetes: str | None = None
    charts: int = 0
    checks: list[Check] = field(default_factory=list)
    cells: list[CellReport] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
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
        finding = error_finding(error, chart, reproduce=reproduce)
        self.checks.append(
            Check(chart=chart, rule=rule, status=Status.ERROR, reason=error.message, cell=cell, scenario=scenario)
        )
        if finding.id not in {known.id for known in self.errors}:
            self.errors.append(finding)

    def finish(self) -> None:
        """Stop the clock."""
        self.seconds = time.monotonic() - self.started

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding and error, each once, in the order they came."""
        found = [finding for check in self.checks for finding in check.findings]
        return tuple({finding.id: finding for finding in [*found, *self.errors]}.values())

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
        if self.count(Status.FAIL):
            return VIOLATED
        if self.errors or self.count(Status.ERROR):
            return BROKEN
        decided = self.count(Status.PASS) + self.count(Status.EXPECTED)
        return CONFORMS if decided else NOTHING


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
