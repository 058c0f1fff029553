"""What the live rules share: how a finding on an observation is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Finding

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation, ObservedContainer


def finding(  # noqa: PLR0913
    observation: Observation,
    rule: str,
    *,
    found: str,
    expected: str,
    why: str,
    fix: str,
    container: ObservedContainer | None = None,
    key: str = "",
) -> Finding:
    """Return a finding about the observed release, or about one of its containers."""
    return Finding(
        rule=rule,
        chart=observation.declared.name,
        path=observation.cell.path,
        key=key,
        workload=container.workload if container else "",
        container=container.name if container else "",
        found=found,
        expected=expected,
        why=why,
        fix=fix,
    )


def key_of(observation: Observation, container: ObservedContainer) -> str:
    """The image key that reaches a container, or "" if none does."""
    for declared in observation.declared.containers:
        if (declared.workload, declared.name) == (container.workload, container.name):
            return declared.key or ""
    return ""


def performed(observation: Observation, function: str) -> tuple[ObservedContainer, ...]:
    """The observed containers that run the image of a standard function, or of the key of that name."""
    declared = observation.declared
    places = {(c.workload, c.name) for c in declared.containers if c.key == function}
    places |= {(c.workload, c.name) for c in declared.containers_of(function)}
    return tuple(c for c in observation.containers if (c.workload, c.name) in places)
