"""A cluster with everything on it that cells need, and the running of cells there."""

from __future__ import annotations

import contextlib
import secrets
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from osh_conformance.cluster.existing import existing_cluster
from osh_conformance.cluster.kind import mirror_hosts, owned_cluster
from osh_conformance.cluster.nodes import node_logs
from osh_conformance.errors import SuiteError
from osh_conformance.helm.driver import Helm
from osh_conformance.model.finding import Status
from osh_conformance.model.observation import SuppliedImage
from osh_conformance.observe import artifacts
from osh_conformance.observe.hidden import Hidden
from osh_conformance.observe.kube import Kube
from osh_conformance.observe.scenario import observe
from osh_conformance.observe.site import Site
from osh_conformance.observe.watch import NamespaceWatch
from osh_conformance.provision import images, toolbox
from osh_conformance.provision.scratch import scratch
from osh_conformance.render.source import opened as opened_chart
from osh_conformance.rules import catalogue
from osh_conformance.suite.kubeconfig import single_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from osh_conformance.cluster.record import Cluster
    from osh_conformance.model.finding import Verdict
    from osh_conformance.model.observation import Observation
    from osh_conformance.observe.scenario import CellPlan
    from osh_conformance.progress import Progress
    from osh_conformance.provision.toolbox import Toolbox
    from osh_conformance.suite.cells import Release
    from osh_conformance.suite.live import LiveSuite, Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a pair showed, and what each rule of its scenario says of it. `artifacts` is "" where all is well."""

    observation: Observation
    verdicts: Mapping[str, Verdict]
    artifacts: str = ""


@dataclass(slots=True, kw_only=True)
class Stage:
    """A cluster with the images of all pairs in reach. `unsupplied` says by reference why one cannot be had."""

    suite: LiveSuite
    tools: Toolbox
    cluster: Cluster
    kubeconfig: Path
    kube: Kube
    folder: Path
    node_runtime: str
    kubernetes: str
    releases: dict[str, Release | SuiteError] = field(default_factory=dict)
    supplied: dict[str, SuppliedImage] = field(default_factory=dict)
    unsupplied: dict[str, SuiteError] = field(default_factory=dict)
    cancel: threading.Event = field(default_factory=threading.Event)

    def ready(self, pair: Pair) -> Release:
        """The release of a pair that can be run. Raises `SuiteError`: it does not render, or lacks an image."""
        release = self.releases[pair.id]
        if isinstance(release, SuiteError):
            raise release
        for reference in release.references:
            if reference in self.unsupplied:
                raise self.unsupplied[reference]
        return release

    def run(self, pair: Pair) -> Judged:
        """Run a pair in its namespace, which is there and empty. Raises `SuiteError` as `observe` does."""
        release = self.ready(pair)
        namespace = release.namespace
        private = self.folder / namespace
        private.mkdir(mode=0o700)
        helm = self._helm(pair.cell.helm, release.secrets)
        public = (release.subject.name, release.database.release)
        hidden = Hidden(self.kube, namespace, release.secrets, public)
        supplied = [self.supplied[reference] for reference in release.references]
        # The helm program does not look for `file://` dependencies: it gets the chart as it was rendered.
        with (
            opened_chart(release.subject.chart, private) as chart,
            NamespaceWatch(self.kube, namespace, self.cancel, hidden) as watch,
        ):
            plan = release.plan(chart.folder, supplied, self.node_runtime, self.suite.request.settle)
            site = Site(
                helm=helm,
                kube=self.kube,
                namespace=namespace,
                folder=private,
                watch=watch,
                cancel=self.cancel,
                hidden=hidden,
            )
            return self._run(pair, plan, site)

    def _run(self, pair: Pair, plan: CellPlan, site: Site) -> Judged:
        evidence = self.suite.request.artifacts / pair.id

        def collect(part: str) -> None:
            names = (plan.release, plan.database.release)
            more = node_logs(self.cluster, site.namespace)
            artifacts.collect(site, names, evidence / part, more)

        try:
            observation = observe(plan, site, on_failure=lambda: collect("not-ready"))
        except SuiteError:
            if not self.cancel.is_set():
                collect("error")
            raise
        live = catalogue.live_rules()
        verdicts = {rule: self._judge(live[rule](observation), pair) for rule in plan.scenario.rules}
        if all(verdict.status is not Status.FAIL for verdict in verdicts.values()):
            return Judged(observation=observation, verdicts=verdicts)
        collect("end")
        (evidence / "observation.json").write_bytes(msgspec.json.format(msgspec.json.encode(observation)))
        return Judged(observation=observation, verdicts=verdicts, artifacts=str(evidence))

    def _judge(self, verdict: Verdict, pair: Pair) -> Verdict:
        """The verdict with the command that shows its findings again."""
        command = self.suite.command(pair)
        return replace(verdict, findings=tuple(replace(each, reproduce=command) for each in verdict.findings))

    def _helm(self, major: int, hidden: tuple[str, ...]) -> Helm:
        return Helm(
            program=self.tools.helm[major],
            major=major,
            kubeconfig=self.kubeconfig,
            context=self.cluster.context,
            home=self.folder / f"helm{major}",
            secrets=hidden,
        )


@contextlib.contextmanager
def opened(suite: LiveSuite, pairs: Iterable[Pair], progress: Progress) -> Iterator[Stage]:
    """A stage for these pairs; its cluster is removed afterwards, unless it was there before or is to be kept.

    Raises `SuiteError` where there can be no cluster.
    """
    request = suite.request
    tools = toolbox.find(recipes=request.recipes, helm=request.majors, node_image=request.node_image, progress=progress)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(scratch(tools.folders.scratch, "live"))
        releases = {pair.id: _release(suite, pair) for pair in pairs}
        cluster = stack.enter_context(_cluster(suite, tools, progress))
        kubeconfig = single_context(cluster.kubeconfig, cluster.context, folder / "kubeconfig")
        kube = Kube(kubeconfig, cluster.context)
        _label_nodes(kube, cluster, suite)
        stage = Stage(
            suite=suite,
            tools=tools,
            cluster=cluster,
            kubeconfig=kubeconfig,
            kube=kube,
            folder=folder,
            node_runtime=kube.node_runtime(),
            kubernetes=kube.version(),
            releases=releases,
        )
        stack.callback(stage.cancel.set)
        _supply(stage, progress)
        yield stage


def _release(suite: LiveSuite, pair: Pair) -> Release | SuiteError:
    try:
        return suite.release(pair)
    except SuiteError as error:
        return error


@contextlib.contextmanager
def _cluster(suite: LiveSuite, tools: Toolbox, progress: Progress) -> Iterator[Cluster]:
    request = suite.request
    if request.kubeconfig:
        yield existing_cluster(request.kubeconfig, request.context, request.allow_cluster)
        return
    with owned_cluster(
        tools,
        run_id=secrets.token_hex(4),
        progress=progress,
        keep=request.keep,
        node_image=request.node_image,
        artifacts=request.artifacts,
    ) as cluster:
        yield cluster


def _label_nodes(kube: Kube, cluster: Cluster, suite: LiveSuite) -> None:
    """Give the nodes of our own cluster the labels that a convention's charts select; another's must have them."""
    wanted = {name: value for pair in suite.pairs for name, value in pair.subject.convention.node_labels.items()}
    if cluster.owned:
        kube.label_nodes(wanted)
        return
    missing = {name: value for name, value in wanted.items() if not kube.has_node(name, value)}
    if missing:
        labels = " ".join(f"{name}={value}" for name, value in missing.items())
        raise SuiteError(
            f"no node of cluster {cluster.name} is labelled {labels}",
            expected="nodes that the charts' node selectors find",
            fix=f"kubectl label node NODE {labels}",
        )


def _supply(stage: Stage, progress: Progress) -> None:
    """Bring every image of every release to where the cluster pulls from."""
    releases = [release for release in stage.releases.values() if not isinstance(release, SuiteError)]
    references = sorted({reference for release in releases for reference in release.references})
    registry = stage.cluster.registry
    if registry is None:
        stage.supplied = {r: SuppliedImage(reference=r, origin="unknown", digests=()) for r in references}
        return
    mirror_hosts(stage.cluster, {images.name(reference).host for reference in references})
    for reference in references:
        try:
            with progress.step(f"image {reference}"):
                image = images.supply(reference, stage.tools, registry, progress=progress)
                digests = registry.resolve(reference)
                stage.supplied[reference] = SuppliedImage(reference=reference, origin=image.origin, digests=digests)
        except SuiteError as error:
            stage.unsupplied[reference] = error
