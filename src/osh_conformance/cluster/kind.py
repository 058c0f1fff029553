"""A kind cluster that this suite creates, owns and removes."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance import process
from osh_conformance.charts.values import merged
from osh_conformance.cluster import proxies
from osh_conformance.cluster.cluster import NODE_EXEC, REGISTRY, Cluster
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.provision import gc, runs
from osh_conformance.provision.gc_nodes import ADMIN_KUBECTL
from osh_conformance.registry import containerd, server
from osh_conformance.waiting import orderly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.runs import RunFolder
    from osh_conformance.provision.tools import Tools

#: Seconds; creating a cluster may include pulling a node image of several hundred megabytes.
_CREATE = 900.0
_READY = 180
_QUICK = 20.0
_COLLECT = 120.0
#: The suite's own images have names below a domain that nobody can register (RFC 6761).
_HOSTS = ("docker.io", "osh-conformance.invalid")
_OURS: Mapping[str, Any] = {
    "kind": "Cluster",
    "apiVersion": "kind.x-k8s.io/v1alpha4",
    # Reachable from this machine only, at a port that kind chooses.
    "networking": {"apiServerAddress": "127.0.0.1"},
}


@contextlib.contextmanager
def owned_cluster(  # noqa: PLR0913
    tools: Tools,
    *,
    run_id: str,
    progress: Progress,
    keep: str | None = None,
    node_image: str | None = None,
    artifacts: Path | None = None,
    hosts: Iterable[str] = _HOSTS,
) -> Iterator[Cluster]:
    """Yield a cluster and remove it afterwards, however the body ends; with `keep` it stays, under that name.

    "" is no name: without one, a kept cluster without a name that is healthy and has the same settings is used again,
    and stays. One with a name is used only by a run that gives the name; a `SuiteError` says if it cannot be.

    The run's registry mirrors `hosts` (`mirror_hosts` adds more later). If the cluster does not start, its logs are in
    `artifacts`, and the `SuiteError` gives the reason.
    """
    image = node_image or tools.node_image
    with orderly(), contextlib.ExitStack() as stack:
        kept = _of_name(tools, keep, image, progress, stack) if keep else _reused(tools, image, progress, stack)
        if kept is not None:
            mirror_hosts(kept, hosts)
            yield kept
            return
        run = runs.named(tools.folders, keep) if keep else runs.at(tools.folders, run_id)
        stack.enter_context(runs.own(tools.folders, run))
        stack.enter_context(runs.marked(run))
        creation = _Creation(tools=tools, run=run, image=image, progress=progress, artifacts=artifacts)
        stays = False
        try:
            cluster = creation.cluster(hosts)
            stays = keep is not None
            yield cluster
        finally:
            if stays:
                run.keep(_settings(tools, image))
                progress.say(f"  kept cluster {run.cluster}: kubectl --kubeconfig {run.folder / 'kubeconfig'} ...")
                who = f"a run with {run.keep_option}" if run.name else "the next run"
                progress.say(f"  {who} uses it again; `{run.remove_command}` removes it")
            else:
                with progress.step(f"remove cluster {run.cluster}"):
                    gc.remove_run(tools.docker, run)


def mirror_hosts(cluster: Cluster, hosts: Iterable[str]) -> None:
    """Make the run's registry the mirror of these hosts too; does nothing if the run has no registry."""
    if cluster.registry and cluster.docker:
        containerd.mirror_hosts(cluster.docker, cluster.nodes, cluster.registry.node_url, hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Creation:
    tools: Tools
    run: RunFolder
    image: str | None
    progress: Progress
    artifacts: Path | None

    def cluster(self, hosts: Iterable[str]) -> Cluster:
        try:
            with self.progress.step(f"cluster {self.run.cluster}: network and registry"):
                self._network()
                registry = server.start(self.tools, self.run, self.progress)
            with self.progress.step(f"cluster {self.run.cluster}: create"):
                self._create()
                cluster = _cluster(self.tools.docker, self.run, registry)
                mirror_hosts(cluster, hosts)
            with self.progress.step(f"cluster {self.run.cluster}: wait until it is ready"):
                _wait(cluster)
        except SuiteError as error:
            raise self._failure(error) from error
        return cluster

    def _network(self) -> None:
        docker, run = self.tools.docker, self.run
        labels = [f"--label={runs.RUN_LABEL}={run.id}", f"--label={runs.STATE_LABEL}={self.tools.folders.state}"]
        key = "com.docker.network.driver.mtu"
        # As kind does for its own network: the default bridge may have a smaller packet size for a reason.
        inspected = docker.run(
            "network", "inspect", "bridge", "--format", f'{{{{index .Options "{key}"}}}}', check=False
        )
        size = inspected.stdout.strip() if inspected.ok else ""
        options = [f"--opt={key}={size}"] if size.isdecimal() else []
        docker.run("network", "create", *labels, *options, run.cluster)

    def _create(self) -> None:
        config = self.run.folder / "kind.yaml"
        config.write_text(yaml.safe_dump(kind_config(self.tools.kind_config)))
        image = ["--image", self.image] if self.image else []
        options = ["--wait", "0s", "--retain"]
        files: list[str | Path] = ["--config", config, "--kubeconfig", self.run.folder / "kubeconfig"]
        command = process.Command(
            argv=[self.tools.kind, "create", "cluster", "--name", self.run.cluster, *options, *image, *files],
            env=kind_environment(self.tools, self.run.cluster),
            log=self.run.folder / "kind.log",
        )
        process.run(command, deadline=_CREATE)

    def _failure(self, error: SuiteError) -> SuiteError:
        where = ""
        if self.artifacts is not None:
            with self.progress.step("collect the nodes' logs"):
                collect_node_logs(self.tools, self.run, self.artifacts)
            where = f"; its logs are in {self.artifacts}"
        log = self.run.folder / "kind.log"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:]) if log.exists() else ""
        return SuiteError(
            f"the cluster did not start: {error.message}{where}",
            fix=error.fix or "osh-conformance doctor shows what this machine can do",
            details=error.details or tail,
        )


def collect_node_logs(tools: Tools, run: RunFolder, artifacts: Path) -> None:
    """Write the logs of the nodes and the registry below `artifacts`; logs that cannot be read are left out."""
    folder = artifacts / "cluster"
    folder.mkdir(parents=True, exist_ok=True)
    docker = tools.docker
    log = run.folder / "kind.log"
    if log.exists():
        (folder / "kind.log").write_bytes(log.read_bytes())
    for container in (*_nodes(docker, run), f"{run.cluster}-registry"):
        with contextlib.suppress(SuiteError):
            docker.run(
                "logs", "--timestamps", container, log=folder / f"{container}.log", check=False, deadline=_COLLECT
            )
    for node in _nodes(docker, run):
        for unit in ("kubelet", "containerd"):
            with contextlib.suppress(SuiteError):
                argv = ("journalctl", "--no-pager", "--unit", unit)
                docker.run("exec", node, *argv, log=folder / f"{node}-{unit}.log", check=False, deadline=_COLLECT)
        with contextlib.suppress(SuiteError):
            docker.run("cp", f"{node}:/var/log/pods", folder / f"{node}-pods", check=False, deadline=_COLLECT)


def kind_config(path: Path | None) -> dict[str, Any]:
    """Return kind's configuration: ours, merged with the one of a node image; raises `UsageError`."""
    if path is None:
        return merged(_OURS)
    try:
        theirs = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    if not isinstance(theirs, dict):
        raise UsageError(f"{path}: not a kind configuration", expected="a mapping")
    return merged(_OURS, theirs)


def kind_environment(tools: Tools, cluster: str) -> dict[str, str]:
    """Return the environment for kind: it uses the run's own network, which has the cluster's name.

    It uses no kubeconfig of the user, and gives nodes the user's proxies.
    """
    return {
        **tools.docker.env,
        **proxies.node_proxies(cluster, os.environ, tools.docker.container_proxies()),
        "KIND_EXPERIMENTAL_PROVIDER": "docker",
        "KIND_EXPERIMENTAL_DOCKER_NETWORK": cluster,
        "KUBECONFIG": os.devnull,
    }


def _cluster(docker: Docker, run: RunFolder, registry: server.Registry) -> Cluster:
    return Cluster(
        name=run.cluster,
        kubeconfig=run.folder / "kubeconfig",
        context=f"kind-{run.cluster}",
        nodes=_nodes(docker, run),
        registry=registry,
        owned=True,
        capabilities=MappingProxyType({REGISTRY: (True, ""), NODE_EXEC: (True, "")}),
        docker=docker,
    )


def _nodes(docker: Docker, run: RunFolder) -> tuple[str, ...]:
    condition = f"label={runs.KIND_LABEL}={run.cluster}"
    return tuple(sorted(docker.lines("ps", "--all", "--filter", condition, "--format", "{{.Names}}")))


def _wait(cluster: Cluster) -> None:
    """Wait until the nodes are ready and names resolve. kubectl watches, with a deadline."""
    node = next(name for name in cluster.nodes if name.endswith("control-plane"))
    for argv in (
        ("wait", "--for=condition=Ready", "node", "--all"),
        ("wait", "--for=condition=Available", "deployment/coredns", "--namespace", "kube-system"),
    ):
        cluster.node_exec(node, *ADMIN_KUBECTL, *argv, f"--timeout={_READY}s", deadline=_READY + _QUICK)


def _settings(tools: Tools, image: str | None) -> dict[str, Any]:
    return {
        "node_image": image,
        "docker_host": tools.docker.address,
        "config": kind_config(tools.kind_config),
    }


def _reused(tools: Tools, image: str | None, progress: Progress, stack: contextlib.ExitStack) -> Cluster | None:
    """Return a kept cluster without a name, with the same settings, that no run uses; lock it until `stack` closes."""
    for run in runs.known(tools.folders):
        if run.name or run.kept is None or dict(run.kept) != _settings(tools, image):
            continue
        claim = contextlib.ExitStack()
        if not claim.enter_context(runs.claim(tools.folders, run)):
            claim.close()
            continue
        problem = _problem(tools.docker, run)
        if problem:
            claim.close()
            progress.say(f"  kept cluster {run.cluster} is not used: {problem} (`{run.remove_command}` removes it)")
            continue
        return _taken(tools, run, progress, claim, stack)
    return None


def _of_name(
    tools: Tools, name: str, image: str | None, progress: Progress, stack: contextlib.ExitStack
) -> Cluster | None:
    """Return the cluster that is kept under a name, locked until `stack` closes, None if there is none.

    Raises `SuiteError` if another run uses it, or if this run cannot.
    """
    run = runs.named(tools.folders, name)
    if not run.folder.is_dir():
        return None
    with contextlib.ExitStack() as claim:
        if not claim.enter_context(runs.claim(tools.folders, run)):
            raise runs.in_use(run)
        if run.kept is None:
            raise SuiteError(f"a killed run left parts of the cluster {name}", fix="osh-conformance gc")
        same = dict(run.kept) == _settings(tools, image)
        problem = _problem(tools.docker, run) if same else "it was made with another node image or configuration"
        if problem:
            raise SuiteError(
                f"the cluster kept as {name} cannot be used: {problem}",
                fix=f"{run.remove_command}, or use another name",
            )
        return _taken(tools, run, progress, claim.pop_all(), stack)


def _taken(
    tools: Tools, run: RunFolder, progress: Progress, claim: contextlib.ExitStack, stack: contextlib.ExitStack
) -> Cluster:
    """Return the cluster of a claimed run; `stack` ends the claim."""
    stack.push(claim)
    stack.enter_context(runs.marked(run))
    progress.say(f"  using the kept cluster {run.cluster} (`{run.remove_command}` removes it)")
    return _cluster(tools.docker, run, server.existing(tools.docker, run))


def _problem(docker: Docker, run: RunFolder) -> str:
    """Return the reason why a kept cluster cannot be used; "" if it can."""
    nodes = _nodes(docker, run)
    try:
        if not nodes or not (run.folder / "kubeconfig").exists():
            return "its nodes are gone"
        if not server.existing(docker, run).client.answers():
            return "its registry does not answer"
        for node in nodes:
            docker.run("exec", node, *ADMIN_KUBECTL, "get", "--raw", "/readyz", deadline=_QUICK)
    except (SuiteError, IndexError):
        return "it does not answer"
    return ""
