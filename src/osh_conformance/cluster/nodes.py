"""What the nodes of a cluster know that its API does not tell."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from osh_conformance.cluster.cluster import NODE_EXEC
from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import RuntimeProof

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.model.matrix import ContainerRuntime

_LINES = "--lines=2000"
_KUBECTL = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf")
#: Where containerd's shim tells an OCI runtime to keep its state, in the CRI's namespace.
_STATE = "/run/containerd/runc/k8s.io"
_PROGRAMS = "/usr/local/bin"
_RUNNING = "CONTAINER_RUNNING"
_DISK_USED = ("df", "--block-size=1", "--output=used", "/var/lib/containerd")
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


def install_program(cluster: Cluster, program: Path) -> None:
    """Put a program into every node of a cluster of ours, where its containerd looks for runtimes."""
    if cluster.engine is None:
        raise SuiteError(f"cluster {cluster.name}: its nodes cannot be entered")
    for node in cluster.nodes:
        cluster.engine.run("cp", program, f"{node}:{_PROGRAMS}/{program.name}")


def runtime_proof(
    cluster: Cluster, namespace: str, node_runtime: str, runtimes: Iterable[ContainerRuntime]
) -> RuntimeProof | None:
    """What the nodes know of the pods of a namespace; None where they cannot be entered, or have no crictl.

    The CRI says which handler each sandbox has; the folder that containerd's shim gives to OCI runtimes holds files
    by which they are told apart; and the parent of a container's first process is the shim that started it.
    """
    if not cluster.capabilities[NODE_EXEC][0] or not all(_has_crictl(cluster, node) for node in cluster.nodes):
        return None
    known = tuple(runtimes)
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
            keeper = keeper_of(files.get(container["id"], ()), known)
            if keeper:
                traced[where] = keeper
            if sandbox in shims and container.get("state") == _RUNNING:
                parents[where] = shims[sandbox]
    return RuntimeProof(cri=node_runtime, handlers=handlers, traced=traced, parents=parents)


def process_of(cluster: Cluster, node: str, container: str) -> int | None:
    """The id that the first process of a running container of that name has in the node; None where none runs."""
    for found in _json(cluster, node, "ps")["containers"] or ():
        if found["metadata"]["name"] == container:
            seen = json.loads(cluster.node_exec(node, "crictl", "inspect", found["id"]).stdout)
            return int(seen["info"]["pid"])
    return None


def counted(cluster: Cluster) -> Mapping[str, int]:
    """What all nodes have of containers, pod sandboxes, mounts and bytes; empty where they cannot be entered."""
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


def keeper_of(files: Collection[str], runtimes: Iterable[ContainerRuntime]) -> str:
    """The runtime that keeps files of these names: all of its `state` is among them, and more than of any other."""
    fitting = [runtime for runtime in runtimes if runtime.state and set(runtime.state) <= set(files)]
    return max(fitting, key=lambda runtime: len(runtime.state)).name if fitting else ""


def _sandboxes(cluster: Cluster, node: str, namespace: str, handlers: dict[str, str]) -> list[dict[str, Any]]:
    # crictl's --namespace is a pattern for some versions: compared here.
    listed = _json(cluster, node, "pods", "--namespace", namespace).get("items") or []
    own = [pod for pod in listed if pod["metadata"]["namespace"] == namespace]
    handlers |= {pod["metadata"]["name"]: pod.get("runtimeHandler", "") for pod in own}
    return own


def _json(cluster: Cluster, node: str, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.node_exec(node, "crictl", *words, "-o", "json").stdout)
    return found


def _state_files(cluster: Cluster, node: str) -> dict[str, set[str]]:
    """The names of the files that an OCI runtime keeps, by container."""
    listed = cluster.node_exec(
        node, "find", _STATE, "-mindepth", "2", "-maxdepth", "2", "-printf", "%P\\n", check=False
    )
    found: dict[str, set[str]] = {}
    for line in listed.stdout.splitlines():
        container, _, file = line.partition("/")
        found.setdefault(container, set()).add(file)
    return found


def _shims(cluster: Cluster, node: str) -> dict[str, str]:
    """The program of each sandbox's shim, by sandbox: the parent of the processes in it."""
    listed = cluster.node_exec(node, "ps", "-e", "-o", "args=").stdout
    found = {}
    for line in listed.splitlines():
        words = line.split()
        if words and "containerd-shim" in words[0] and "-id" in words:
            found[words[words.index("-id") + 1]] = posixpath.basename(words[0])
    return found
