"""The results of a run: one `Check` for each rule on each chart, one `CellReport` for each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from osh_conformance.model.chart import UnrenderedTemplate
from osh_conformance.model.finding import Finding, Severity, Status

if TYPE_CHECKING:
    from osh_conformance.errors import SuiteError


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The outcome of one rule on one chart, or in one scenario on one cell.

    - chart: the chart's label in the run.
    - rule: the rule's id.
    - status, findings, dormant: those of the verdict.
    - reason: why the rule does not apply, is undecided, or was stopped by an error; "" otherwise.
    - seconds: how long the check took.
    - cell, scenario: the cell's id and the scenario's name, "" for a static check.
    """

    chart: str
    rule: str
    status: Status
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    cell: str = ""
    scenario: str = ""
    dormant: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartCoverage:
    """What the static rules have seen of one chart.

    - chart: the chart's label in the run.
    - containers: how many containers were checked, in all renderings together.
    - templates: how many templates of the chart should make objects.
    - never_rendered: those of them that made none with any values.
    - notices: sentences for the report about what was checked.
    """

    chart: str
    containers: int = 0
    templates: int = 0
    never_rendered: tuple[UnrenderedTemplate, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What became of a release's databases, accounts or roles in one uninstall. Each name is in one field, sorted.

    - dropped: gone after the uninstall, and there before it.
    - kept: still there, as the scenario demands.
    - left: still there, although the scenario demands that they go.
    - gone: the release had made them, and they were gone before the uninstall began.
    """

    dropped: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there was anything at all."""
        return bool(self.dropped or self.kept or self.left or self.gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedData:
    """The release's data before and after one uninstall, as the server shows it.

    - scenario, release: their names.
    - expected: what had to happen with the data: `dropped`, `kept` or `already-gone`.
    - databases, accounts, roles: what became of them; accounts are `user@host`.
    - tables, rows: how many the databases had before the uninstall, without the suite's own. Tables that another client
      locked count no rows.
    - suite_tables: how many tables of the suite's own they had then. It puts some there because a drop of an empty
      database shows less.
    - log: the last line of each container that drops, by `pod container`; of what it waits for, if none has started.
    - code, seconds: the exit code of `helm uninstall`, and how long it took.
    - output: the last lines that a `helm uninstall` that failed printed, "" if it succeeded.
    - repeated_failure, with_image: see `Removal`.
    """

    scenario: str
    release: str
    expected: str
    databases: Fates = Fates()
    accounts: Fates = Fates()
    roles: Fates = Fates()
    tables: int = 0
    rows: int = 0
    suite_tables: int = 0
    log: Mapping[str, str] = field(default_factory=dict)
    code: int = 0
    seconds: float = 0.0
    output: str = ""
    repeated_failure: str = ""
    with_image: str = ""

    @property
    def left(self) -> tuple[str, ...]:
        """What was left, as `database NAME`, `account NAME` and `role NAME`."""
        return _named(self.databases.left, self.accounts.left, self.roles.left)

    @property
    def dropped(self) -> tuple[str, ...]:
        """What was dropped, named in the same way."""
        return _named(self.databases.dropped, self.accounts.dropped, self.roles.dropped)


def _named(databases: Sequence[str], accounts: Sequence[str], roles: Sequence[str]) -> tuple[str, ...]:
    kinds = (("database", databases), ("account", accounts), ("role", roles))
    return tuple(f"{noun} {name}" for noun, names in kinds for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellReport:
    """The result of one cell of the live matrix.

    - id: see `Cell.id`.
    - chart: the chart's name.
    - flavor, packaging_format, helm_major: those of the cell.
    - origin: see `PublishedImage.origin`, several with commas; "" if the cell did not run.
    - runtime: the runtime that the nodes showed, the cell's own if it did not run.
    - status: `pass`, `fail`, `error` or `skipped`.
    - reason: the first error, or why the cell was skipped; "" otherwise.
    - proof: the evidence for packaging format and runtime.
    - seconds: the sum over its scenarios.
    - artifacts: the folder of the first scenario that failed, or of the first one; "" if nothing was observed.
    - removed: what each uninstall was checked for, by scenario and in their order.
    - images: the references of the release's containers that ran, sorted.
    - switch: the path in values of the drop Job's switch, "" if the chart's layout has none.
    - reduced: one sentence about what a reduced run left out of the chart, "" for the whole chart.
    - usage: numbers after each uninstall, by scenario, and then by the kind of thing that they count. Only scenarios
      whose steps ran several times have them.
    """

    id: str
    chart: str
    flavor: str
    origin: str
    packaging_format: str
    runtime: str
    helm_major: int
    status: str
    reason: str = ""
    proof: str = ""
    seconds: float = 0.0
    artifacts: str = ""
    removed: tuple[RemovedData, ...] = ()
    reduced: str = ""
    images: tuple[str, ...] = ()
    switch: str = ""
    usage: Mapping[str, Sequence[Mapping[str, int]]] = field(default_factory=dict)


def error_finding(error: SuiteError, chart: str = "", reproduce: str = "") -> Finding:
    """Return `error` as a finding, so that reports handle one record type only."""
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
