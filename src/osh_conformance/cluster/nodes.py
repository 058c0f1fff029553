"""What the nodes of a cluster know that its API does not tell."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from osh_conformance.cluster.record import NODE_EXEC

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from osh_conformance.cluster.record import Cluster

_LINES = "--lines=2000"
_KUBECTL = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf")
_KINDS = "pods,jobs,deployments,statefulsets,services,endpointslices"


def node_logs(cluster: Cluster, namespace: str) -> Mapping[str, Callable[[], str]]:
    """Sources by file name: what kubelet and containerd logged last, and how kubectl describes a namespace.

    Empty where nodes cannot be entered. Nothing is read before a source is called.
    """
    if not cluster.capabilities[NODE_EXEC][0]:
        return {}
    commands: dict[str, tuple[str, ...]] = {
        f"nodes/{node}-{unit}.log": (node, "journalctl", "--no-pager", _LINES, "--unit", unit)
        for node in cluster.nodes
        for unit in ("kubelet", "containerd")
    }
    commands["describe.txt"] = (cluster.nodes[0], *_KUBECTL, "describe", _KINDS, "--namespace", namespace)
    return {name: partial(_output, cluster, words) for name, words in commands.items()}


def _output(cluster: Cluster, words: tuple[str, ...]) -> str:
    return cluster.node_exec(*words).stdout
