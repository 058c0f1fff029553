"""Facts that only the nodes of a cluster know, not its API."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from osh_conformance.cluster.cluster import NODE_EXEC
from osh_conformance.provision.gc_nodes import ADMIN_KUBECTL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from osh_conformance.cluster.cluster import Cluster

_LINES = "--lines=2000"
_DISK_USED = ("df", "--block-size=1", "--output=used", "/var/lib/containerd")
_KINDS = "pods,jobs,deployments,statefulsets,services,endpointslices"


def node_logs(cluster: Cluster, namespace: str) -> Mapping[str, Callable[[], str]]:
    """Return sources of evidence by file name: the last logs of kubelet and containerd, and `kubectl describe`.

    Empty if the suite cannot run commands in the nodes. A source reads nothing before it is called.
    """
    if not cluster.capabilities[NODE_EXEC][0]:
        return {}
    commands: dict[str, tuple[str, ...]] = {
        f"nodes/{node}-{unit}.log": (node, "journalctl", "--no-pager", _LINES, "--unit", unit)
        for node in cluster.nodes
        for unit in ("kubelet", "containerd")
    }
    commands["describe.txt"] = (cluster.nodes[0], *ADMIN_KUBECTL, "describe", _KINDS, "--namespace", namespace)
    return {name: partial(_output, cluster, argv) for name, argv in commands.items()}


def _output(cluster: Cluster, argv: tuple[str, ...]) -> str:
    return cluster.node_exec(*argv).stdout


def process_of(cluster: Cluster, node: str, container: str) -> int | None:
    """Return the node's process id of a running container's first process; None if no such container runs."""
    for running in listed(cluster, node, "ps")["containers"] or ():
        if running["metadata"]["name"] == container:
            inspected = json.loads(cluster.node_exec(node, "crictl", "inspect", running["id"]).stdout)
            return int(inspected["info"]["pid"])
    return None


def count_resources(cluster: Cluster) -> Mapping[str, int]:
    """Count containers, pod sandboxes, mounts and used bytes on all nodes; empty without access to the nodes."""
    if not cluster.capabilities[NODE_EXEC][0]:
        return {}
    found: Counter[str] = Counter()
    for node in cluster.nodes:
        if has_crictl(cluster, node):
            found["containers"] += len(listed(cluster, node, "ps", "--all")["containers"] or ())
            found["sandboxes"] += len(listed(cluster, node, "pods")["items"] or ())
        found["mounts"] += len(cluster.node_exec(node, "cat", "/proc/mounts").stdout.splitlines())
        found["disk bytes"] += int(cluster.node_exec(node, *_DISK_USED).stdout.split()[-1])
    return dict(found)


def has_crictl(cluster: Cluster, node: str) -> bool:
    """Whether a node has a program that asks its CRI."""
    return cluster.node_exec(node, "sh", "-c", "command -v crictl", check=False).ok


def listed(cluster: Cluster, node: str, *argv: str) -> dict[str, Any]:
    """Return what crictl in a node lists, with these arguments."""
    found: dict[str, Any] = json.loads(cluster.node_exec(node, "crictl", *argv, "-o", "json").stdout)
    return found
