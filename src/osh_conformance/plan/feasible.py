"""Whether a scenario can run: with charts of a convention, and on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.cluster.cluster import NODE_EXEC, REGISTRY
from osh_conformance.model.scenario import FAULTS, FaultNeed
from osh_conformance.plan import cell_values

if TYPE_CHECKING:
    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.model.convention import Convention
    from osh_conformance.model.scenario import Scenario

_CAPABILITIES = {FaultNeed.NODES: NODE_EXEC, FaultNeed.REGISTRY: REGISTRY}


def lacking(convention: Convention, scenario: Scenario, cluster: Cluster) -> str:
    """Return why a scenario does not apply to a convention's charts on a cluster, "" if it does."""
    reason = cell_values.lacking(convention, scenario)
    for fault in scenario.faults:
        for need in FAULTS[fault].needs:
            able, why_not = cluster.capabilities[_CAPABILITIES[need]]
            reason = reason or ("" if able else f"the fault {fault} cannot be injected here: {why_not}")
    for capability in (REGISTRY, NODE_EXEC) if scenario.pull_secret else ():
        able, why_not = cluster.capabilities[capability]
        reason = reason or ("" if able else f"no registry can demand a login here: {why_not}")
    return reason
