"""What a run finds: the outcome of each rule and of each cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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
