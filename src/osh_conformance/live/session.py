"""Opens the cluster of a live run, with everything on it that cells need."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from osh_conformance.charts.opened import OpenedCharts
from osh_conformance.cluster.api import Kube
from osh_conformance.cluster.existing import existing_cluster
from osh_conformance.cluster.helm import Helm
from osh_conformance.cluster.kind import owned_cluster
from osh_conformance.cluster.kubeconfig import single_context
from osh_conformance.cluster.node_runtimes import check_runtimes, install_programs
from osh_conformance.cluster.node_runtimes import versions as runtime_versions
from osh_conformance.errors import SuiteError
from osh_conformance.live import runtimes
from osh_conformance.live.image_store import ImageStore, is_own, not_public
from osh_conformance.live.prepare import Preparation
from osh_conformance.live.run_charts import RunCharts
from osh_conformance.loading import definitions
from osh_conformance.model.convention import DATABASE
from osh_conformance.model.matrix import NODE_DEFAULT
from osh_conformance.plan.servers import SERVERS
from osh_conformance.provision import tools as provided
from osh_conformance.provision.kind_program import default_node_image
from osh_conformance.provision.runs import RUN_LABEL
from osh_conformance.provision.scratch import note_elsewhere, scratch
from osh_conformance.registry.images import REGISTRY_IMAGE, obtain
from osh_conformance.registry.supply import Source, Supplies
from osh_conformance.scenario.faults.registry_proxy import FaultyRegistry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.model.matrix import ContainerRuntime
    from osh_conformance.plan.cells import CellRun
    from osh_conformance.plan.plan import LiveSuite
    from osh_conformance.progress import Progress
    from osh_conformance.provision.tools import Tools

_NAMESPACES = "/api/v1/namespaces"
_LONGEST_LABEL = 63


@dataclass(slots=True, kw_only=True)
class LiveSession:
    """An open cluster on which cells run. Several threads may use it at once.

    `folder` is private to the run and is removed at the end; `node_runtimes` are the container runtimes that the nodes
    report, by node, `kubernetes` the version of the API server, and `cell_runs` those for which it was opened.
    """

    suite: LiveSuite
    tools: Tools
    cluster: Cluster
    kubeconfig: Path
    kube: Kube
    folder: Path
    node_runtimes: Mapping[str, str]
    kubernetes: str
    cell_runs: tuple[CellRun, ...]
    images: ImageStore
    charts: RunCharts
    progress: Progress
    closing: contextlib.ExitStack
    cancel: threading.Event = field(default_factory=threading.Event)
    _faulty_registry: FaultyRegistry | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def preparation(self) -> Preparation:
        """The resources that all preparations of cell runs share."""
        return Preparation(
            renderer=self.suite.renderer,
            charts=self.charts,
            node_runtime=self.node_runtime,
            ready_timeout=self.suite.options.ready_timeout,
            pull_secret=self.suite.options.image_pull_secret,
        )

    def labels(self, cell_run: CellRun) -> dict[str, str]:
        """Return the labels of a cell's namespace. By one of them a policy, also one of the owner, gives a runtime."""
        runtime = cell_run.axes.runtime
        chosen = {runtimes.RUNTIME_LABEL: runtime.name} if runtime else {}
        cell = {"osh-conformance.cell": cell_run.cell.id[-_LONGEST_LABEL:].strip("-")}
        return {**cell, **self.run_label, **self.suite.pod_security(cell_run), **chosen}

    @property
    def run_label(self) -> dict[str, str]:
        """The label of every namespace that this run creates, by which `gc` finds it."""
        return {RUN_LABEL: self.folder.name}

    def create_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a namespace, unless it exists."""
        self.kube.ensure(_NAMESPACES, {"metadata": {"name": name, "labels": dict(labels)}})

    def remove_namespace(self, name: str) -> None:
        """Start to remove a namespace, and do not wait: its pods must not slow the next cells down."""
        self.kube.remove_namespace(name)

    def helm(self, helm_major: int, redacted: tuple[str, ...] = ()) -> Helm:
        """Return a driver for the helm program of a major version; it removes the texts `redacted` from its output."""
        return Helm(
            program=self.tools.helm[helm_major],
            major=helm_major,
            kubeconfig=self.kubeconfig,
            context=self.cluster.context,
            home=self.folder / f"helm{helm_major}",
            secrets=redacted,
        )

    @property
    def node_runtime(self) -> str:
        """What the nodes report as their container runtime; several, joined by ` or `, if they differ."""
        return " or ".join(sorted(set(self.node_runtimes.values())))

    def runtime_of(self, node: str) -> str:
        """Return what a node reports as its container runtime; "" if the cluster has no such node any more."""
        with self._lock:
            if node not in self.node_runtimes:
                self.node_runtimes = {**self.node_runtimes, **self.kube.node_runtimes()}
            return self.node_runtimes.get(node, "")

    def versions(self) -> dict[str, str]:
        """Return the versions of the run's programs, and the image of its database server, for the report."""
        helm = {f"helm {major}": self.helm(major).version() for major in self.suite.options.helm_majors}
        of_runtimes = runtime_versions(self.cluster, dict.fromkeys(map(self._runtime_of_cell, self.cell_runs)))
        return {
            **helm,
            "nodes": _by_runtime(self.node_runtimes),
            **{f"runtime {name}": version for name, version in of_runtimes.items()},
            "database server": SERVERS[DATABASE].image,
        }

    def _runtime_of_cell(self, cell_run: CellRun) -> ContainerRuntime:
        known = definitions.runtimes(self.suite.options.data)
        return cell_run.axes.runtime or known[NODE_DEFAULT]

    def faulty_registry(self) -> FaultyRegistry:
        """Return the registry proxy that can make pulls fail. The first caller starts it."""
        with self._lock:
            if self._faulty_registry is None:
                self._faulty_registry = self.closing.enter_context(FaultyRegistry(self.cluster))
            return self._faulty_registry


@contextlib.contextmanager
def open_session(suite: LiveSuite, cell_runs: Iterable[CellRun], progress: Progress) -> Iterator[LiveSession]:
    """Open a cluster for these cell runs. It is removed afterwards, unless it existed before or the user keeps it.

    Raises `SuiteError` if no cluster can be opened.
    """
    options = suite.options
    cell_runs = tuple(cell_runs)
    for chart, lines in suite.privileged().items():
        progress.say(f"  {chart} gets the privileged access that it requests: {'; '.join(lines)}")
    tools = _tools(suite, cell_runs, progress)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(scratch(tools.folders.scratch, "live"))
        cluster = stack.enter_context(_open_cluster(suite, tools, progress))
        if options.kubeconfig and options.allow_cluster:
            _note_foreign_namespaces(cluster, folder)
        kubeconfig = single_context(cluster.kubeconfig, cluster.context, folder / "kubeconfig")
        kube = Kube(kubeconfig, cluster.context)
        _label_nodes(kube, cluster, suite)
        session = LiveSession(
            suite=suite,
            tools=tools,
            cluster=cluster,
            kubeconfig=kubeconfig,
            kube=kube,
            folder=folder,
            node_runtimes=kube.node_runtimes(),
            kubernetes=kube.version(),
            cell_runs=cell_runs,
            images=ImageStore(cluster, tools, progress),
            charts=RunCharts(folder, stack.enter_context(OpenedCharts(folder))),
            progress=progress,
            closing=stack,
        )
        stack.callback(session.cancel.set)
        _offer_runtimes(session, cell_runs)
        yield session


def _by_runtime(node_runtimes: Mapping[str, str]) -> str:
    """Return what nodes report as their container runtime: once if they agree, else `a, b: this; c: that`."""
    nodes: dict[str, list[str]] = {}
    for node, runtime in sorted(node_runtimes.items()):
        nodes.setdefault(runtime, []).append(node)
    if len(nodes) == 1:
        return next(iter(nodes))
    return "; ".join(f"{', '.join(names)}: {runtime}" for runtime, names in nodes.items())


def _tools(suite: LiveSuite, cell_runs: Sequence[CellRun], progress: Progress) -> Tools:
    """Return the tools of the run; raises `SuiteError` for everything that is missing, before there is a cluster."""
    options = suite.options
    needs = provided.RunNeeds(
        helm=options.helm_majors,
        node_image=options.node_image,
        # kind's own node images know no handler but runc's.
        own_node=any(cell_run.axes.runtime for cell_run in cell_runs),
        own_cluster=not options.kubeconfig,
    )
    tools = provided.find(needs, recipes=options.recipes, progress=progress)
    if needs.own_cluster:
        with progress.step("images: where each comes from"):
            _check_images(suite, cell_runs, tools, progress)
        if node := _node(tools):
            # kind would pull it too, but nobody would see how long that takes, nor why it fails.
            obtain(node, tools, progress)
    else:
        _check_public(suite, cell_runs)
    return tools


def _check_images(suite: LiveSuite, cell_runs: Sequence[CellRun], tools: Tools, progress: Progress) -> None:
    """Raise `SuiteError` if an image that every cell run needs is missing, or if each of them lacks one."""
    supplies = Supplies(docker=tools.engine, builder=tools.builder(progress), registries=tools.registries)
    node = _node(tools)
    common = {REGISTRY_IMAGE, SERVERS[DATABASE].image, *([node] if node else ())}
    own = [suite.images(cell_run) for cell_run in cell_runs]
    found = supplies.forecast(common.union(*own))
    missing = {image.reference: image for image in found if image.source is Source.MISSING}
    if missing.keys() & common or _each_lacks(own, missing.keys()):
        lines = [f"{image.reference}: {image.problem}" for image in missing.values()]
        fixes = dict.fromkeys(image.fix for image in missing.values() if image.fix)
        raise SuiteError(
            "images are missing, so no cluster was created", fix="; ".join(fixes), details="\n".join(lines)
        )


def _node(tools: Tools) -> str | None:
    """Return the image of the cluster's nodes; None if kind alone knows it."""
    return tools.node_image or default_node_image(tools.kind)


def _check_public(suite: LiveSuite, cell_runs: Sequence[CellRun]) -> None:
    """Raise `SuiteError` if each cell run needs one of the suite's own images, which a user's cluster cannot pull."""
    own = [suite.images(cell_run) for cell_run in cell_runs]
    unknown = {reference for references in own for reference in references if is_own(reference)}
    if _each_lacks(own, unknown):
        raise not_public(sorted(unknown))


def _each_lacks(references: Iterable[frozenset[str]], missing: AbstractSet[str]) -> bool:
    """Whether every cell run needs a missing image. A cell run that needs none of its own lacks none."""
    lacking = [needed & missing for needed in references]
    return bool(lacking) and all(lacking)


def _note_foreign_namespaces(cluster: Cluster, folder: Path) -> None:
    """Tell `gc` which command removes this run's namespaces: it does not touch clusters of the user."""
    where = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), "--context", cluster.context]
    command = shlex.join([*where, "delete", "namespaces", "--selector", f"{RUN_LABEL}={folder.name}"])
    note_elsewhere(folder, f"namespaces on cluster {cluster.name}, which is not the suite's: {command}")


def _offer_runtimes(session: LiveSession, cell_runs: Iterable[CellRun]) -> None:
    """Install the runtimes of these cell runs on our own cluster: programs in each node, and a RuntimeClass each.

    Raises `SuiteError` if a node cannot run one of them.
    """
    requested = {cell_run.axes.runtime.name: cell_run.axes.runtime for cell_run in cell_runs if cell_run.axes.runtime}
    offered = [runtime for runtime in requested.values() if runtime.handler]
    if not offered:
        return
    progress = session.progress
    with progress.step(f"runtimes {', '.join(runtime.name for runtime in offered)}"):
        builder = session.tools.builder(progress)
        for runtime in offered:
            if runtime.recipe and builder:
                builder.provide([runtime.recipe])
                place = builder.place(runtime.recipe)
                install_programs(session.cluster, [place / name for name in builder.recipes[runtime.recipe].files])
        check_runtimes(session.cluster, offered)
        runtimes.offer(session.kube, offered)


@contextlib.contextmanager
def _open_cluster(suite: LiveSuite, tools: Tools, progress: Progress) -> Iterator[Cluster]:
    options = suite.options
    if options.kubeconfig:
        yield existing_cluster(options.kubeconfig, options.context, options.allow_cluster)
        return
    with owned_cluster(
        tools,
        run_id=secrets.token_hex(4),
        progress=progress,
        keep=options.keep,
        node_image=options.node_image,
        artifacts=options.artifacts,
    ) as cluster:
        yield cluster


def _label_nodes(kube: Kube, cluster: Cluster, suite: LiveSuite) -> None:
    """Label the nodes of our own cluster as the charts' node selectors require; a user's nodes must have the labels."""
    required = {name: value for convention in suite.conventions() for name, value in convention.node_labels.items()}
    if cluster.owned:
        kube.label_nodes(required)
        return
    missing = {name: value for name, value in required.items() if not kube.has_node(name, value)}
    if missing:
        labels = " ".join(f"{name}={value}" for name, value in missing.items())
        raise SuiteError(
            f"no node of cluster {cluster.name} is labelled {labels}",
            expected="nodes with the labels that the charts' node selectors require",
            fix=f"kubectl label node NODE {labels}",
        )
