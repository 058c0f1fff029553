"""What there is after an uninstall, in numbers: a release that comes and goes must leave no more each time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.cluster.record import NODE_EXEC
from osh_conformance.model.observation import Gauge
from osh_conformance.observe import inventory

if TYPE_CHECKING:
    from osh_conformance.model.observation import DatabaseState
    from osh_conformance.observe.run import Run

#: Kinds that come by themselves, and go when their time is over.
_PASSING = ("Event", "Lease", "PodMetrics")
_COUNTED = {
    "containers": ("crictl", "ps", "--all", "--quiet"),
    "sandboxes": ("crictl", "pods", "--quiet"),
    "mounts": ("cat", "/proc/mounts"),
}
_PAGE = os.sysconf("SC_PAGE_SIZE")


def read(run: Run, state: DatabaseState) -> Gauge:
    """Count what is there now; `state` is what the server holds."""
    objects = inventory.counted(run.site.kube, run.site.namespace)
    return Gauge(
        objects={kind: number for kind, number in objects.items() if kind not in _PASSING},
        server={"databases": len(state.databases), "accounts": len(state.accounts)},
        nodes=_of_nodes(run),
        suite_bytes=int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
    )


def _of_nodes(run: Run) -> dict[str, int]:
    """Counted in all nodes: what other cells have there is in it."""
    cluster = run.site.cluster
    if not cluster.capabilities[NODE_EXEC][0]:
        return {}
    found = {
        name: sum(len(cluster.node_exec(node, *argv, check=False).stdout.splitlines()) for node in cluster.nodes)
        for name, argv in _COUNTED.items()
    }
    disk = ("df", "--block-size=1", "--output=used", "/var/lib/containerd")
    used = [cluster.node_exec(node, *disk, check=False).stdout.split()[-1:] for node in cluster.nodes]
    return found | {"disk bytes": sum(int(each[0]) for each in used if each and each[0].isdecimal())}
