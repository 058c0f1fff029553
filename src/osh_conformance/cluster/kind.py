"""A kind cluster that this suite makes, owns and removes."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance import process
from osh_conformance.cluster.cluster import NODE_EXEC, REGISTRY, Cluster
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.provision import gc, runs
from osh_conformance.registry import containerd, server
from osh_conformance.waiting import orderly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.runs import RunFolder
    from osh_conformance.provision.tools import Tools

#: Creating may include pulling a node image of several hundred megabytes.
_CREATE = 900.0
_READY = 180
_QUICK = 20.0
_COLLECT = 120.0
_HOSTS = ("docker.io",)
_OURS: Mapping[str, Any] = {
    "kind": "Cluster",
    "apiVersion": "kind.x-k8s.io/v1alpha4",
    # Reachable from this machine alone, at a port that kind chooses.
    "networking": {"apiServerAddress": "127.0.0.1"},
}


@contextlib.contextmanager
def owned_cluster(  # noqa: PLR0913
    toolbox: Tools,
    *,
    run_id: str,
    progress: Progress,
    keep: bool = False,
    node_image: str | None = None,
    artifacts: Path | None = None,
    hosts: Iterable[str] = _HOSTS,
) -> Iterator[Cluster]:
    """A cluster for the body of a `with`, removed afterwards, however that ends; with `keep` it stays.

    A kept one that is healthy and has the same node image is used again, and stays. `hosts`: those that the run's
    registry mirrors (more later: `mirror_hosts`). If it does not come up, its logs are in `artifacts`, and
    `SuiteError` says why.
    """
    image = node_image or toolbox.node_image
    with orderly(), contextlib.ExitStack() as stack:
        kept = _reused(toolbox, image, progress, stack)
        if kept is not None:
            mirror_hosts(kept, hosts)
            yield kept
            return
        run = runs.at(toolbox.folders, run_id)
        stack.enter_context(runs.own(toolbox.folders, run))
        stack.enter_context(runs.marked(run))
        making = _Making(toolbox=toolbox, run=run, image=image, progress=progress, artifacts=artifacts)
        stays = False
        try:
            cluster = making.cluster(hosts)
            stays = keep
            yield cluster
        finally:
            if stays:
                run.keep(_noted(toolbox, image))
                progress.say(f"  kept cluster {run.cluster}: kubectl --kubeconfig {run.folder / 'kubeconfig'} ...")
                progress.say("  the next run uses it again; `osh-conformance gc --kept` removes it")
            else:
                with progress.step(f"remove cluster {run.cluster}"):
                    gc.remove_run(toolbox.engine, run)


def mirror_hosts(cluster: Cluster, hosts: Iterable[str]) -> None:
    """Make the run's registry the mirror of these hosts too; without a registry of ours it changes nothing."""
    if cluster.registry and cluster.engine:
        containerd.mirror_hosts(cluster.engine, cluster.nodes, cluster.registry.inside, hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Making:
    toolbox: Tools
    run: RunFolder
    image: str | None
    progress: Progress
    artifacts: Path | None

    def cluster(self, hosts: Iterable[str]) -> Cluster:
        try:
            with self.progress.step(f"cluster {self.run.cluster}: network and registry"):
                self._network()
                served = server.start(self.toolbox, self.run, self.progress)
            with self.progress.step(f"cluster {self.run.cluster}: create"):
                self._create()
                cluster = _cluster(self.toolbox.engine, self.run, served)
                mirror_hosts(cluster, hosts)
            with self.progress.step(f"cluster {self.run.cluster}: wait until it is ready"):
                _wait(cluster)
        except SuiteError as error:
            raise self._explained(error) from error
        return cluster

    def _network(self) -> None:
        engine, run = self.toolbox.engine, self.run
        labels = [f"--label={runs.RUN_LABEL}={run.id}", f"--label={runs.STATE_LABEL}={self.toolbox.folders.state}"]
        key = "com.docker.network.driver.mtu"
        # As kind does for its own network: where the default bridge has a smaller packet size, there is a reason.
        seen = engine.run("network", "inspect", "bridge", "--format", f'{{{{index .Options "{key}"}}}}', check=False)
        size = seen.stdout.strip() if seen.ok else ""
        options = [f"--opt={key}={size}"] if size.isdecimal() else []
        engine.run("network", "create", *labels, *options, run.cluster)

    def _create(self) -> None:
        config = self.run.folder / "kind.yaml"
        config.write_text(yaml.safe_dump(kind_config(self.toolbox.kind_config)))
        image = ["--image", self.image] if self.image else []
        words = ["create", "cluster", "--name", self.run.cluster, "--wait", "0s", "--retain", *image]
        process.run(
            [
                self.toolbox.kind,
                *words,
                "--config",
                config,
                "--kubeconfig",
                self.run.folder / "kubeconfig",
            ],
            deadline=_CREATE,
            env=kind_environment(self.toolbox, self.run.cluster),
            log=self.run.folder / "kind.log",
        )

    def _explained(self, error: SuiteError) -> SuiteError:
        where = ""
        if self.artifacts is not None:
            with self.progress.step("collect the logs of the nodes"):
                collect_node_logs(self.toolbox, self.run, self.artifacts)
            where = f"; its logs are in {self.artifacts}"
        log = self.run.folder / "kind.log"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:]) if log.exists() else ""
        return SuiteError(
            f"the cluster did not come up: {error.message}{where}",
            fix=error.fix or "osh-conformance doctor shows what this machine can do",
            details=error.details or tail,
        )


def collect_node_logs(toolbox: Tools, run: RunFolder, artifacts: Path) -> None:
    """Write what the nodes and the registry logged below `artifacts`; what cannot be had is left out."""
    folder = artifacts / "cluster"
    folder.mkdir(parents=True, exist_ok=True)
    engine = toolbox.engine
    log = run.folder / "kind.log"
    if log.exists():
        (folder / "kind.log").write_bytes(log.read_bytes())
    for container in (*_nodes(engine, run), f"{run.cluster}-registry"):
        with contextlib.suppress(SuiteError):
            engine.run(
                "logs", "--timestamps", container, log=folder / f"{container}.log", check=False, deadline=_COLLECT
            )
    for node in _nodes(engine, run):
        for unit in ("kubelet", "containerd"):
            with contextlib.suppress(SuiteError):
                words = ("journalctl", "--no-pager", "--unit", unit)
                engine.run("exec", node, *words, log=folder / f"{node}-{unit}.log", check=False, deadline=_COLLECT)
        with contextlib.suppress(SuiteError):
            engine.run("cp", f"{node}:/var/log/pods", folder / f"{node}-pods", check=False, deadline=_COLLECT)


def kind_config(path: Path | None) -> dict[str, Any]:
    """The configuration for kind: ours, with that of a node image merged in; raises `UsageError`."""
    if path is None:
        return merge(_OURS, {})
    try:
        theirs = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    if not isinstance(theirs, dict):
        raise UsageError(f"{path}: is no kind configuration", expected="a mapping")
    return merge(_OURS, theirs)


def kind_environment(toolbox: Tools, network: str) -> dict[str, str]:
    """The environment in which kind makes a cluster: on a network of its own, and with no kubeconfig of the user's."""
    return {
        **toolbox.env,
        "KIND_EXPERIMENTAL_PROVIDER": "docker",
        "KIND_EXPERIMENTAL_DOCKER_NETWORK": network,
        "KUBECONFIG": os.devnull,
    }


def merge(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings as one: mappings are merged, lists joined, any other value is the second's."""
    merged = dict(first)
    for key, value in second.items():
        mine = merged.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            merged[key] = merge(mine, value)
        elif isinstance(mine, list) and isinstance(value, list):
            merged[key] = [*mine, *value]
        else:
            merged[key] = value
    return merged


def _cluster(engine: Docker, run: RunFolder, served: server.Registry) -> Cluster:
    return Cluster(
        name=run.cluster,
        kubeconfig=run.folder / "kubeconfig",
        context=f"kind-{run.cluster}",
        nodes=_nodes(engine, run),
        registry=served,
        owned=True,
        capabilities=MappingProxyType({REGISTRY: (True, ""), NODE_EXEC: (True, "")}),
        engine=engine,
    )


def _nodes(engine: Docker, run: RunFolder) -> tuple[str, ...]:
    condition = f"label={runs.KIND_LABEL}={run.cluster}"
    return tuple(sorted(engine.lines("ps", "--all", "--filter", condition, "--format", "{{.Names}}")))


def _wait(cluster: Cluster) -> None:
    """Until nodes are ready and names resolve: each a watch in the node, with a deadline."""
    node = next(name for name in cluster.nodes if name.endswith("control-plane"))
    kubectl = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf")
    for words in (
        ("wait", "--for=condition=Ready", "node", "--all"),
        ("wait", "--for=condition=Available", "deployment/coredns", "--namespace", "kube-system"),
    ):
        cluster.node_exec(node, *kubectl, *words, f"--timeout={_READY}s", deadline=_READY + _QUICK)


def _noted(toolbox: Tools, image: str | None) -> dict[str, Any]:
    return {
        "node_image": image,
        "docker_host": toolbox.docker_host,
        "config": kind_config(toolbox.kind_config),
    }


def _reused(toolbox: Tools, image: str | None, progress: Progress, stack: contextlib.ExitStack) -> Cluster | None:
    """A kept cluster that fits and that nobody uses; it is ours until `stack` closes."""
    for run in runs.known(toolbox.folders):
        if run.kept is None or dict(run.kept) != _noted(toolbox, image):
            continue
        holding = contextlib.ExitStack()
        if not holding.enter_context(runs.claim(toolbox.folders, run)):
            holding.close()
            continue
        reason = _ailment(toolbox.engine, run)
        if reason:
            holding.close()
            progress.say(f"  kept cluster {run.cluster} is not used: {reason} (osh-conformance gc --kept removes it)")
            continue
        stack.push(holding)
        stack.enter_context(runs.marked(run))
        progress.say(f"  uses the kept cluster {run.cluster} (osh-conformance gc --kept removes it)")
        return _cluster(toolbox.engine, run, server.existing(toolbox.engine, run))
    return None


def _ailment(engine: Docker, run: RunFolder) -> str:
    """Why a kept cluster cannot be used; empty if it can."""
    nodes = _nodes(engine, run)
    try:
        if not nodes or not (run.folder / "kubeconfig").exists():
            return "its nodes are gone"
        if not server.existing(engine, run).contents.answers():
            return "its registry does not answer"
        for node in nodes:
            words = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "get", "--raw", "/readyz")
            engine.run("exec", node, *words, deadline=_QUICK)
    except (SuiteError, IndexError):
        return "it does not answer"
    return ""
