"""Whether a scenario can be run at all: with charts of a convention, on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.cluster.cluster import NODE_EXEC, REGISTRY
from osh_conformance.plan import cell_values
from osh_conformance.scenario import faults

if TYPE_CHECKING:
    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.model.convention import Convention
    from osh_conformance.model.scenario import Scenario

_CAPABILITIES = {faults.Need.NODES: NODE_EXEC, faults.Need.REGISTRY: REGISTRY}


def lacking(convention: Convention, scenario: Scenario, cluster: Cluster) -> str:
    """Return why a scenario is not applicable to a convention's charts on a cluster; "" where it is."""
    reason = cell_values.lacking(convention, scenario)
    for name in scenario.faults:
        for need in faults.known()[name].needs:
            able, why_not = cluster.capabilities[_CAPABILITIES[need]]
            reason = reason or ("" if able else f"the fault {name} cannot be made here: {why_not}")
    return reason
