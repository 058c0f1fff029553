"""Shared by the live and matrix rules: the place of a finding, and the containers of an image key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Location

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation, ObservedContainer


def place(observation: Observation, container: ObservedContainer | None = None, *, key: str = "") -> Location:
    """Return the place of a finding about the observed release, or about one of its containers."""
    return Location(
        chart=observation.declared.name,
        path=observation.cell.path,
        key=key,
        workload=container.workload if container else "",
        container=container.name if container else "",
    )


def image_key(observation: Observation, container: ObservedContainer) -> str:
    """Return the image key that the chart declares for a container, or "" if it declares none."""
    for declared in observation.declared.containers:
        if (declared.workload, declared.name) == (container.workload, container.name):
            return declared.key or ""
    return ""


def containers_of(observation: Observation, function: str) -> tuple[ObservedContainer, ...]:
    """Return the observed containers whose image key is `function`, or performs that standard function."""
    declared = observation.declared
    places = {(c.workload, c.name) for c in declared.containers if c.key == function}
    places |= {(c.workload, c.name) for c in declared.containers_of(function)}
    return tuple(c for c in observation.containers if (c.workload, c.name) in places)


def not_up(observation: Observation) -> str:
    """Return the reason for a verdict of `undecided` where the release did not come up."""
    return f"the release did not come up: {observation.unsettled}"
