"""Findings by their cause: what one edit repairs is one entry, with the number of its findings and charts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.report import order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.model.finding import Finding, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One cause: its findings in their order, all of one rule and one status."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The finding that stands for the others."""
        return self.findings[0]

    @property
    def charts(self) -> tuple[str, ...]:
        """The charts that have the cause."""
        return tuple(dict.fromkeys(finding.subject or finding.chart for finding in self.findings))

    @property
    def places(self) -> tuple[str, ...]:
        """The different places of the findings."""
        return tuple(dict.fromkeys(filter(None, map(place, self.findings))))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCauses:
    """The causes of one rule with one status: those that most charts have first."""

    rule: str
    status: Status
    causes: tuple[Cause, ...]

    @property
    def findings(self) -> int:
        """How many findings these are."""
        return sum(len(cause.findings) for cause in self.causes)

    @property
    def charts(self) -> int:
        """How many charts have one of them."""
        return len({chart for cause in self.causes for chart in cause.charts})


def causes(findings: Iterable[Finding]) -> tuple[Cause, ...]:
    """Group findings by their cause, in the order of the first finding of each."""
    grouped: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        # Findings about no chart, such as errors, share nothing: what was found tells them apart.
        alone = () if finding.shared else (finding.found,)
        grouped.setdefault((finding.rule, finding.status, finding.cause_id, *alone), []).append(finding)
    return tuple(Cause(findings=tuple(found)) for found in grouped.values())


def by_rule(findings: Iterable[Finding]) -> tuple[RuleCauses, ...]:
    """Group findings by rule and status, the most severe ones first."""
    grouped: dict[tuple[str, Status], list[Cause]] = {}
    for cause in causes(sorted(findings, key=order.severity)):
        grouped.setdefault((cause.first.rule, cause.first.status), []).append(cause)
    return tuple(_sorted(rule, status, found) for (rule, status), found in grouped.items())


def _sorted(rule: str, status: Status, found: Iterable[Cause]) -> RuleCauses:
    worst = sorted(found, key=lambda cause: (-len(cause.charts), -len(cause.findings)))
    return RuleCauses(rule=rule, status=status, causes=tuple(worst))


def place(finding: Finding) -> str:
    """Return `path:line` of a finding, as far as both are known."""
    return f"{finding.path}:{finding.line}" if finding.line else finding.path


def subject(finding: Finding) -> str:
    """Return what of the file a finding is about: its key, or its workload and container."""
    return finding.key or f"{finding.workload} {finding.container}".strip()


def elsewhere(cause: Cause) -> Iterator[str]:
    """Yield the places of a cause but that of its first finding."""
    yield from (each for each in cause.places if each != place(cause.first))
