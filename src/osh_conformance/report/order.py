"""The order of findings: what loses data first, then what fails, then what warns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Status

if TYPE_CHECKING:
    from osh_conformance.model.finding import Finding

_STATUSES = (Status.FAIL, Status.ERROR, Status.WARNING, Status.EXPECTED, Status.UNDECIDED)
#: Families by the harm that a violation does to an operator: data is lost, an uninstall or an installation fails,
#: an image cannot be chosen, tomorrow's image is another one. Families of other packages come before `KEY`.
_FAMILIES = (
    *("DROP", "LIFE", "HOOK", "JOB", "DEP", "FLAV", "TEST", "SCRIPT", "TOGGLE", "VAL", "PIN", "PP", "PULL"),
    *("", "KEY", "REF", "RENDER"),
)
_RANKS = {family: rank for rank, family in enumerate(_FAMILIES)}


def severity(finding: Finding) -> tuple[int, int, str]:
    """Return the key that sorts findings by status, family and rule."""
    family = finding.rule.partition("-")[0]
    return (_STATUSES.index(finding.status), _RANKS.get(family, _RANKS[""]), finding.rule)


def place(finding: Finding) -> tuple[str, int, str, str]:
    """Return the key that sorts findings of one rule and one chart."""
    return (finding.path, finding.line or 0, finding.key, finding.workload)
