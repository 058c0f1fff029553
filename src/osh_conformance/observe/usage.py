"""What there is after an uninstall, in numbers: a release that comes and goes must leave no more each time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.cluster.nodes import counted
from osh_conformance.model.observation import Gauge
from osh_conformance.observe import inventory

if TYPE_CHECKING:
    from osh_conformance.model.observation import DatabaseState
    from osh_conformance.scenario.state import Run

#: Kinds that come by themselves, and go when their time is over.
_PASSING = ("Event", "Lease", "PodMetrics")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def read(run: Run, state: DatabaseState) -> Gauge:
    """Count what is there now; `state` is what the server holds."""
    objects = inventory.counted(run.site.kube, run.site.namespace)
    return Gauge(
        objects={kind: number for kind, number in objects.items() if kind not in _PASSING},
        server={"databases": len(state.databases), "accounts": len(state.accounts)},
        nodes={"namespaces": _namespaces(run), **counted(run.site.cluster)},
        suite_bytes=int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
    )


def _namespaces(run: Run) -> int:
    return len(run.site.kube.list("/api/v1/namespaces"))
