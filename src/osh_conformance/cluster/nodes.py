"""Facts that only the nodes of a cluster know, not its API."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from osh_conformance.cluster.cluster import NODE_EXEC
from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import RuntimeProof
from osh_conformance.provision.gc_nodes import ADMIN_KUBECTL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.model.matrix import ContainerRuntime

_LINES = "--lines=2000"
#: The folder in which an OCI runtime keeps its state, as containerd's shim sets it for the CRI's namespace.
_STATE = "/run/containerd/runc/k8s.io"
_PROGRAMS = "/usr/local/bin"
_RUNNING = "CONTAINER_RUNNING"
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


def install_program(cluster: Cluster, program: Path) -> None:
    """Copy a program into every node of our cluster, to the folder where containerd looks for runtimes."""
    if cluster.docker is None:
        raise SuiteError(f"cluster {cluster.name}: the suite cannot copy files into its nodes")
    for node in cluster.nodes:
        cluster.docker.run("cp", program, f"{node}:{_PROGRAMS}/{program.name}")


def runtime_proof(
    cluster: Cluster, namespace: str, node_runtime: str, runtimes: Iterable[ContainerRuntime]
) -> RuntimeProof | None:
    """Return the nodes' evidence for the runtime of a namespace's pods; None without access to nodes or crictl.

    The CRI reports each sandbox's handler. The OCI runtime's state folder contains files that differ by runtime. The
    parent of a container's first process is the shim that started it.
    """
    if not cluster.capabilities[NODE_EXEC][0] or not all(_has_crictl(cluster, node) for node in cluster.nodes):
        return None
    all_runtimes = tuple(runtimes)
    handlers: dict[str, str] = {}
    traced: dict[str, str] = {}
    parents: dict[str, str] = {}
    for node in cluster.nodes:
        pods = {pod["id"]: pod["metadata"]["name"] for pod in _sandboxes(cluster, node, namespace, handlers)}
        files = _state_files(cluster, node)
        shims = _shims(cluster, node)
        for container in _json(cluster, node, "ps", "--all")["containers"]:
            sandbox = container["podSandboxId"]
            if sandbox not in pods:
                continue
            where = f"{pods[sandbox]}/{container['metadata']['name']}"
            runtime = runtime_of(files.get(container["id"], ()), all_runtimes)
            if runtime:
                traced[where] = runtime
            if sandbox in shims and container.get("state") == _RUNNING:
                parents[where] = shims[sandbox]
    return RuntimeProof(cri=node_runtime, handlers=handlers, traced=traced, parents=parents)


def process_of(cluster: Cluster, node: str, container: str) -> int | None:
    """Return the node's process id of a running container's first process; None if no such container runs."""
    for running in _json(cluster, node, "ps")["containers"] or ():
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
        if _has_crictl(cluster, node):
            found["containers"] += len(_json(cluster, node, "ps", "--all")["containers"] or ())
            found["sandboxes"] += len(_json(cluster, node, "pods")["items"] or ())
        found["mounts"] += len(cluster.node_exec(node, "cat", "/proc/mounts").stdout.splitlines())
        found["disk bytes"] += int(cluster.node_exec(node, *_DISK_USED).stdout.split()[-1])
    return dict(found)


def _has_crictl(cluster: Cluster, node: str) -> bool:
    return cluster.node_exec(node, "sh", "-c", "command -v crictl", check=False).ok


def runtime_of(files: Collection[str], runtimes: Iterable[ContainerRuntime]) -> str:
    """Return the runtime whose `state` files are all among `files`; the one with the most files wins. "" if none."""
    fitting = [runtime for runtime in runtimes if runtime.state and set(runtime.state) <= set(files)]
    return max(fitting, key=lambda runtime: len(runtime.state)).name if fitting else ""


def _sandboxes(cluster: Cluster, node: str, namespace: str, handlers: dict[str, str]) -> list[dict[str, Any]]:
    # Some versions of crictl take --namespace as a pattern, so the names are compared here.
    listed = _json(cluster, node, "pods", "--namespace", namespace).get("items") or []
    own = [pod for pod in listed if pod["metadata"]["namespace"] == namespace]
    handlers |= {pod["metadata"]["name"]: pod.get("runtimeHandler", "") for pod in own}
    return own


def _json(cluster: Cluster, node: str, *argv: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.node_exec(node, "crictl", *argv, "-o", "json").stdout)
    return found


def _state_files(cluster: Cluster, node: str) -> dict[str, set[str]]:
    """Return the names of the OCI runtime's state files, by container."""
    listed = cluster.node_exec(
        node, "find", _STATE, "-mindepth", "2", "-maxdepth", "2", "-printf", "%P\\n", check=False
    )
    found: dict[str, set[str]] = {}
    for line in listed.stdout.splitlines():
        container, _, file = line.partition("/")
        found.setdefault(container, set()).add(file)
    return found


def _shims(cluster: Cluster, node: str) -> dict[str, str]:
    """Return the program of each sandbox's shim, the parent of its processes, by sandbox."""
    listed = cluster.node_exec(node, "ps", "-e", "-o", "args=").stdout
    found = {}
    for line in listed.splitlines():
        words = line.split()
        if words and "containerd-shim" in words[0] and "-id" in words:
            found[words[words.index("-id") + 1]] = posixpath.basename(words[0])
    return found
