"""Collects the events of a run, and knows the exit code that follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import ExitCode
from osh_conformance.model import event as events
from osh_conformance.model.finding import Finding, Status
from osh_conformance.report import order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.event import Event
    from osh_conformance.model.result import CellReport, ChartCoverage, Check


@dataclass(slots=True, kw_only=True)
class RunReport:
    """All that a run has found so far. `handle` fills it from the events of the run.

    - target, helm, charts, shard, left_out, rule_pages: see `RunStarted`.
    - kubernetes: the version of the cluster, None without one.
    - versions: see `ClusterOpened`.
    - checks: the result of each rule on each chart or cell, in the order in which they were found.
    - errors: error findings, each cause of a chart once.
    - notes: findings about expectations, not about a chart.
    - coverage: what the static rules have seen of each chart, by its label.
    - all_scenarios: whether every scenario of the main group ran to its end on a cluster.
    - seconds: how long the run took, None while it goes on.
    """

    target: Mapping[str, Any] = field(default_factory=dict)
    helm: str | None = None
    kubernetes: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    charts: int = 0
    checks: list[Check] = field(default_factory=list)
    cells: list[CellReport] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    coverage: dict[str, ChartCoverage] = field(default_factory=dict)
    shard: str | None = None
    left_out: str = ""
    rule_pages: str = ""
    all_scenarios: bool = False
    interrupted: bool = False
    seconds: float | None = None
    #: What `findings` has returned, until the next event.
    _findings: tuple[Finding, ...] | None = field(default=None, init=False, repr=False, compare=False)

    def handle(self, event: Event) -> None:  # noqa: C901  (one case an event)
        """Add the content of an event."""
        self._findings = None
        match event:
            case events.ResultFound():
                self.checks.append(event.check)
                if event.coverage:
                    self.coverage[event.coverage.chart] = event.coverage
                if event.error:
                    self._add_error(event.error)
            case events.ErrorFound():
                self._add_error(event.error)
            case events.CellFinished():
                self.cells.append(event.cell)
            case events.NoteFound():
                self.notes.append(event.note)
            case events.RunStarted():
                self.target, self.helm, self.shard = event.target, event.helm, event.shard
                self.charts, self.left_out, self.rule_pages = event.charts, event.left_out, event.rule_pages
            case events.ClusterOpened():
                self.kubernetes, self.versions = event.kubernetes, event.versions
            case events.ScenariosFinished():
                self.all_scenarios = event.complete
            case events.FindingsAccepted():
                self._accept(event)
            case events.RunFinished():
                self.seconds, self.interrupted = event.seconds, event.interrupted

    def _add_error(self, error: Finding) -> None:
        """Add an error, unless the same chart has met the same error before."""
        if not any((known.chart, known.found) == (error.chart, error.found) for known in self.errors):
            self.errors.append(error)

    def _accept(self, event: events.FindingsAccepted) -> None:
        for index, check in enumerate(self.checks):
            findings = tuple(
                replace(finding, status=Status.EXPECTED, reason=event.reason)
                if finding.status is Status.FAIL and finding.id in event.ids
                else finding
                for finding in check.findings
            )
            failed = any(finding.status is Status.FAIL for finding in findings)
            if check.status is Status.FAIL and not failed:
                self.checks[index] = replace(check, findings=findings, status=Status.EXPECTED, reason=event.reason)
        self.notes = [note for note in self.notes if (note.path, note.line) not in event.entries]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return every finding, error and note: by severity and rule, then chart by chart and line by line.

        The same finding of several cells is one, unless they found different things.
        """
        if self._findings is None:
            self._findings = self._ordered()
        return self._findings

    def _ordered(self) -> tuple[Finding, ...]:
        charts = {chart: index for index, chart in enumerate(dict.fromkeys(check.chart for check in self.checks))}
        found: dict[tuple[str, str], tuple[int, Finding]] = {}
        for check in self.checks:
            for finding in check.findings:
                key = (finding.id, finding.found)
                known = found.get(key)
                found[key] = (charts[check.chart], _joined(known[1], finding) if known else finding)
        others = [(len(charts), finding) for finding in (*self.errors, *self.notes)]
        ordered = sorted(
            (*found.values(), *others), key=lambda pair: (order.severity(pair[1]), pair[0], order.place(pair[1]))
        )
        return tuple(finding for _, finding in ordered)

    def count(self, status: Status) -> int:
        """Count the checks of that outcome; for warnings the findings, as they fail no check."""
        if status is Status.WARNING:
            return sum(finding.status is Status.WARNING for finding in self.findings)
        return sum(check.status is status for check in self.checks)

    @property
    def containers(self) -> int:
        """How many containers the static rules have checked."""
        return sum(each.containers for each in self.coverage.values())

    @property
    def never_rendered(self) -> int:
        """How many templates have rendered nothing with any values."""
        return sum(len(each.never_rendered) for each in self.coverage.values())

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the run. A violation counts more than an error."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.count(Status.FAIL) or any(note.status is Status.FAIL for note in self.notes):
            return ExitCode.VIOLATED
        if self.errors or self.count(Status.ERROR):
            return ExitCode.BROKEN
        decided = self.count(Status.PASS) + self.count(Status.EXPECTED)
        return ExitCode.OK if decided or (self.left_out and not self.checks) else ExitCode.NOTHING


def _joined(first: Finding, second: Finding) -> Finding:
    """Return `first` with the containers of both: the cause is the same."""
    return replace(first, containers=tuple(dict.fromkeys((*first.containers, *second.containers))))
