"""The OCI runtimes in the nodes of a cluster: their programs, their versions, and what shows that one ran a pod."""

from __future__ import annotations

import os
import posixpath
import re
import tomllib
from typing import TYPE_CHECKING, Any

from osh_conformance.cluster.cluster import NODE_EXEC
from osh_conformance.cluster.nodes import has_crictl, listed
from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import RuntimeProof

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.model.matrix import ContainerRuntime

#: The folder in a node where containerd looks for runtimes and shims.
_PROGRAMS = "/usr/local/bin"
_RUNNING = "CONTAINER_RUNNING"
#: Seconds for the check of a runtime in a node, and until a program that ignores SIGTERM is killed.
_CHECKED_WITHIN, _KILLED_AFTER = 30, 5
#: The exit codes of `timeout` for a program that it ended, or killed.
_TIMED_OUT = frozenset({124, 137})
_CONFIGURATION = ("containerd", "config", "dump")
_CONTAINER = "{container}"


def install_programs(cluster: Cluster, files: Iterable[Path]) -> None:
    """Copy the programs among `files` into every node of our cluster."""
    if cluster.docker is None:
        raise SuiteError(f"cluster {cluster.name}: the suite cannot copy files into its nodes")
    for file in files:
        if os.access(file, os.X_OK):
            for node in cluster.nodes:
                cluster.docker.run("cp", file, f"{node}:{_PROGRAMS}/{file.name}")


def check_runtimes(cluster: Cluster, runtimes: Collection[ContainerRuntime]) -> None:
    """Raise `SuiteError` if a node's containerd has no handler for a runtime, or if its programs do not work there."""
    for node in cluster.nodes:
        printed = cluster.node_exec(node, *_CONFIGURATION, check=False)
        known = handlers_in(printed.stdout) if printed.ok else frozenset()
        for runtime in runtimes:
            _check_handler(node, runtime, known)
            _check_program(cluster, node, runtime)


def _check_handler(node: str, runtime: ContainerRuntime, known: Collection[str]) -> None:
    if known and runtime.handler not in known:
        raise SuiteError(
            f"node {node} has no handler `{runtime.handler}` for the runtime {runtime.name}",
            expected=f"one of the handlers of its containerd: {', '.join(sorted(known))}",
            fix="run without --node-image, since the suite's own node image has a handler for each of its runtimes; or "
            "add the handler to the node image's /etc/containerd/config.toml",
        )


def _check_program(cluster: Cluster, node: str, runtime: ContainerRuntime) -> None:
    if not runtime.check:
        return
    # In the node, so that a program that hangs ends there too.
    deadline = ("timeout", f"--kill-after={_KILLED_AFTER}", str(_CHECKED_WITHIN))
    outcome = cluster.node_exec(node, *deadline, *runtime.check, check=False)
    if not outcome.ok:
        how = f"did not end within {_CHECKED_WITHIN} s" if outcome.code in _TIMED_OUT else f"exit code {outcome.code}"
        raise SuiteError(
            f"node {node} cannot run containers with {runtime.name}: {runtime.check[0]}: {how}",
            expected=f"exit code 0 of: {' '.join(runtime.check)}",
            fix=f"run without --runtime {runtime.name}, or on a machine whose kernel {runtime.name} supports",
            details=outcome.tail,
        )


def handlers_in(configuration: str) -> frozenset[str]:
    """Return the handlers in the configuration of a containerd, as `containerd config dump` prints it."""
    try:
        plugins = tomllib.loads(configuration).get("plugins", {})
    except tomllib.TOMLDecodeError:
        return frozenset()
    # Several plugins have a table `containerd`; that of the CRI has the handlers.
    tables = [plugin["containerd"] for plugin in plugins.values() if isinstance(plugin.get("containerd"), dict)]
    return frozenset(handler for table in tables for handler in table.get("runtimes", {}))


def versions(cluster: Cluster, runtimes: Iterable[ContainerRuntime]) -> dict[str, str]:
    """Return the version of each runtime's program in the nodes, by the runtime's name; several where nodes differ.

    Runtimes that a node lacks are left out. Empty without access to the nodes.
    """
    found: dict[str, str] = {}
    for runtime in runtimes if cluster.capabilities[NODE_EXEC][0] else ():
        outputs = [cluster.node_exec(node, *runtime.version, check=False) for node in cluster.nodes if runtime.version]
        each = sorted({version_in(outcome.stdout) for outcome in outputs if outcome.ok} - {""})
        if each:
            found[runtime.name] = ", ".join(each)
    return found


def version_in(output: str) -> str:
    """Return the version in what a program prints about itself: the first word that begins with a digit."""
    return next((word for word in output.split() if word[0].isdigit()), "")


def runtime_proof(
    cluster: Cluster, namespace: str, node_runtime: str, runtimes: Iterable[ContainerRuntime]
) -> RuntimeProof | None:
    """Return the nodes' evidence for the runtime of a namespace's pods; None without access to nodes or crictl.

    The CRI reports each sandbox's handler. The OCI runtime keeps files for each container that differ by runtime. The
    parent of a container's first process is the shim that started it.
    """
    if not cluster.capabilities[NODE_EXEC][0] or not all(has_crictl(cluster, node) for node in cluster.nodes):
        return None
    all_runtimes = tuple(runtimes)
    handlers: dict[str, str] = {}
    traced: dict[str, str] = {}
    parents: dict[str, str] = {}
    for node in cluster.nodes:
        pods = {pod["id"]: pod["metadata"]["name"] for pod in _sandboxes(cluster, node, namespace, handlers)}
        files = _state_files(cluster, node, all_runtimes)
        shims = _shims(cluster, node)
        for container in listed(cluster, node, "ps", "--all")["containers"]:
            sandbox = container["podSandboxId"]
            if sandbox not in pods:
                continue
            where = f"{pods[sandbox]}/{container['metadata']['name']}"
            runtime = runtime_of(container["id"], files, all_runtimes)
            if runtime:
                traced[where] = runtime
            if sandbox in shims and container.get("state") == _RUNNING:
                parents[where] = shims[sandbox]
    return RuntimeProof(cri=node_runtime, handlers=handlers, traced=traced, parents=parents)


def runtime_of(container: str, files: Collection[str], runtimes: Iterable[ContainerRuntime]) -> str:
    """Return the runtime whose files for a container, by its id, are all among `files`. "" if none.

    The runtime with the most files wins.
    """
    fitting = [
        runtime
        for runtime in runtimes
        if runtime.state and all(any(map(_expression(path, container).fullmatch, files)) for path in runtime.state)
    ]
    return max(fitting, key=lambda runtime: len(runtime.state)).name if fitting else ""


def _expression(path: str, container: str) -> re.Pattern[str]:
    """Return the expression for a path of `ContainerRuntime.state`."""
    parts = path.replace(_CONTAINER, container).split("*")
    return re.compile("[^/]*".join(map(re.escape, parts)))


def _sandboxes(cluster: Cluster, node: str, namespace: str, handlers: dict[str, str]) -> list[dict[str, Any]]:
    # Some versions of crictl take --namespace as a pattern, so the names are compared here.
    found = listed(cluster, node, "pods", "--namespace", namespace).get("items") or []
    own = [pod for pod in found if pod["metadata"]["namespace"] == namespace]
    handlers |= {pod["metadata"]["name"]: pod.get("runtimeHandler", "") for pod in own}
    return own


def _state_files(cluster: Cluster, node: str, runtimes: Iterable[ContainerRuntime]) -> tuple[str, ...]:
    """Return the paths of all files that OCI runtimes keep in a node."""
    names = {path.partition(_CONTAINER)[0] for runtime in runtimes for path in runtime.state}
    folders = sorted({f"{posixpath.dirname(name)}/" for name in names})
    # A folder that no container has made yet is not there, and find says so by its exit code.
    found = cluster.node_exec(node, "find", *folders, "-maxdepth", "2", check=False)
    return tuple(found.stdout.splitlines())


def _shims(cluster: Cluster, node: str) -> dict[str, str]:
    """Return the program of each sandbox's shim, the parent of its processes, by sandbox."""
    return dict(_shims_in(cluster.node_exec(node, "ps", "-e", "-o", "args=").stdout))


def _shims_in(processes: str) -> Iterator[tuple[str, str]]:
    for line in processes.splitlines():
        words = line.split()
        if words and "containerd-shim" in words[0] and "-id" in words:
            yield words[words.index("-id") + 1], posixpath.basename(words[0])
