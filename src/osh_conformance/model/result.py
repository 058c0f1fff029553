"""The results of a run: one `Check` for each rule on each chart, one `CellReport` for each cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Finding, Severity, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from osh_conformance.errors import SuiteError


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The outcome of one rule on one chart, or in one scenario on one cell.

    - chart: the chart's label in the run.
    - rule: the rule's id.
    - status, findings: those of the verdict.
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
    - artifacts: the folder with its artifacts, "" if there is none.
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
