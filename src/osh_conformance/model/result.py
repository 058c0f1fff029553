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
    """The outcome of one rule on one chart, or (with `cell` and `scenario`) on a chart on a cluster."""

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
    """One cell of the live matrix. `status` is pass, fail, error or skipped, `artifacts` a folder or "".

    `runtime` is what the nodes showed, `proof` what else shows that the cell was what it says. `gauges` are by
    scenario numbers after each uninstall, by what they count, where the steps were gone through more than once.
    """

    id: str
    chart: str
    flavor: str
    origin: str
    format: str
    runtime: str
    helm: str
    status: str
    reason: str = ""
    proof: str = ""
    seconds: float = 0.0
    artifacts: str = ""
    gauges: Mapping[str, Sequence[Mapping[str, int]]] = field(default_factory=dict)


def error_finding(error: SuiteError, chart: str = "", reproduce: str = "") -> Finding:
    """Return `error` as a finding, so that reports need only one form."""
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
