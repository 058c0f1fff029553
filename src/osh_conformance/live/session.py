"""A cluster with everything on it that cells need, and the running of cells there."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import threading
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from osh_conformance.charts.source import opened as opened_chart
from osh_conformance.cluster.api import Kube
from osh_conformance.cluster.existing import existing_cluster
from osh_conformance.cluster.helm import Helm
from osh_conformance.cluster.kind import owned_cluster
from osh_conformance.cluster.kubeconfig import single_context
from osh_conformance.cluster.nodes import install_program, node_logs, runtime_proof
from osh_conformance.errors import SuiteError
from osh_conformance.live import artifacts, proofs, runtimes
from osh_conformance.live.image_store import ImageStore
from osh_conformance.live.prepare import JOB_KEYS, Maker
from osh_conformance.live.previous import previous_version
from osh_conformance.loading import records
from osh_conformance.model.chart import nothing_declared
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.model.observation import Observation, PublishedImage
from osh_conformance.observe.containers import runtime_classes
from osh_conformance.observe.context import CellContext
from osh_conformance.observe.known_secrets import KnownSecrets
from osh_conformance.observe.watch import NamespaceWatch
from osh_conformance.plan import feasible
from osh_conformance.plan.plan import LeftOutError
from osh_conformance.provision import tools as toolbox
from osh_conformance.provision.runs import RUN_LABEL
from osh_conformance.provision.scratch import note_elsewhere, scratch
from osh_conformance.rules import catalogue
from osh_conformance.scenario.faults.registry_proxy import FaultyRegistry
from osh_conformance.scenario.pull_probes import observe_pulls
from osh_conformance.scenario.runner import observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.live.prepare import Release
    from osh_conformance.plan.axes import AxisValues
    from osh_conformance.plan.plan import CellRun, LiveSuite
    from osh_conformance.progress import Progress
    from osh_conformance.provision.tools import Tools
    from osh_conformance.scenario.faults.registry_proxy import FaultyImage
    from osh_conformance.scenario.state import CellPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """What a pair showed, and what each live rule of its scenario says of it. `artifacts` is "" where all is well."""

    observation: Observation
    verdicts: Mapping[str, Verdict]
    artifacts: str = ""


@dataclass(slots=True, kw_only=True)
class LiveSession:
    """A cluster that can run pairs. Threads may run several at a time."""

    suite: LiveSuite
    tools: Tools
    cluster: Cluster
    kubeconfig: Path
    kube: Kube
    folder: Path
    node_runtime: str
    kubernetes: str
    supplies: ImageStore
    progress: Progress
    closing: contextlib.ExitStack
    cancel: threading.Event = field(default_factory=threading.Event)
    #: The image of the drop Job, where its pull can be made to fail; by namespace.
    _faulty: dict[str, FaultyImage] = field(default_factory=dict)
    _between: FaultyRegistry | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, pair: CellRun, namespace: str) -> CellResult:
        """Run a pair in its namespace, which is there and empty. Raises `SuiteError` as `observe` does.

        Raises `LeftOutError` where the pair cannot be had here, and was only asked for among all.
        """
        self._check_runtime(pair)
        reason = feasible.lacking(pair.subject.convention, pair.scenario, self.cluster)
        if reason:
            return self._not_applicable(pair, namespace, reason)
        if pair.scenario.probes:
            return self._probe(pair, namespace)
        supplied = self.release(pair, namespace)
        if pair.scenario.drop_image and namespace not in self._faulty:
            return self._not_applicable(pair, namespace, "no image key of the chart is the drop Job's own")
        return self._observe(pair, supplied)

    def _not_applicable(self, pair: CellRun, namespace: str, reason: str) -> CellResult:
        verdicts = {rule: Verdict.not_applicable(rule, reason) for rule in pair.scenario.rules}
        return CellResult(observation=self._nothing_observed(pair, namespace), verdicts=verdicts)

    def _nothing_observed(self, pair: CellRun, namespace: str) -> Observation:
        return Observation(
            cell=pair.cell,
            scenario=pair.scenario,
            declared=nothing_declared(pair.subject.name),
            release="",
            namespace=namespace,
            node_runtime=self.node_runtime,
            helm=(),
            containers=(),
            images=(),
        )

    def labels(self, pair: CellRun) -> dict[str, str]:
        """The labels of a pair's namespace; by one of them its pods get their RuntimeClass."""
        runtime = pair.chosen.runtime
        chosen = {runtimes.RUNTIME_LABEL: runtime.name} if runtime and runtime.handler else {}
        own = {"osh-conformance.cell": pair.cell.id[-63:].strip("-"), RUN_LABEL: self.folder.name}
        return {**own, **self.suite.pod_security(pair), **chosen}

    def vacate(self, namespace: str) -> None:
        """Begin to remove a namespace: what is in it must not cost the next pairs anything."""
        self.kube.remove_namespace(namespace)

    def _check_runtime(self, pair: CellRun) -> None:
        runtime = pair.chosen.runtime
        if runtime and not self.node_runtime.startswith(f"{runtime.cri}://"):
            raise self._not_here(
                pair.runtime_asked,
                f"the nodes of cluster {self.cluster.name} run {self.node_runtime}, not {runtime.cri}",
            )

    @staticmethod
    def _not_here(by_name: bool, message: str, details: str = "") -> SuiteError:  # noqa: FBT001
        """An error where the user named it, a reason to leave it out where it was only one of all."""
        return SuiteError(message, details=details) if by_name else LeftOutError(message, details=details)

    def release(self, pair: CellRun, namespace: str) -> Supplied:
        """The release of a pair, with all its images in reach. Raises as `run` does."""
        given: dict[str, PublishedImage] = {}

        def image_of(reference: str, function: str, chosen: AxisValues) -> str:
            if function in JOB_KEYS:
                self.supplies.check(reference, chosen.flavor.tier)
            supplied = self.supplies.flavored(reference, chosen.form)
            given[supplied.reference] = supplied
            return supplied.reference

        def faulty(reference: str) -> str:
            if reference not in given:
                self.supplies.image(reference)
            image = self._faulty_registry().image(reference)
            given[image.reference] = PublishedImage(
                reference=image.reference, origin="built", digests=image.digests, media_types=image.media_types
            )
            self._faulty[namespace] = image
            return image.reference

        maker = Maker(renderer=self.suite.renderer, image_of=image_of, faulty=faulty)
        release = maker.release(pair.subject, pair.cell, pair.scenario, pair.chosen, namespace)
        for reference in release.references:
            if reference not in given:
                given[reference] = self._own(pair, reference, of_chart=reference != release.database.image)
        return Supplied(release=release, images=tuple(given[reference] for reference in release.references))

    def _faulty_registry(self) -> FaultyRegistry:
        with self._lock:
            if self._between is None:
                self._between = self.closing.enter_context(FaultyRegistry(self.cluster))
            return self._between

    def _own(self, pair: CellRun, reference: str, *, of_chart: bool) -> PublishedImage:
        try:
            return self.supplies.image(reference)
        except SuiteError as error:
            if of_chart and pair.chosen.flavor.shipped:
                raise self._not_here(pair.flavor_asked, error.message, error.details) from error
            raise

    def _observe(self, pair: CellRun, supplied: Supplied) -> CellResult:
        release = supplied.release
        public = (release.subject.name, release.database.release)
        with contextlib.ExitStack() as stack:
            site = stack.enter_context(self._site(pair, release.namespace, release.secrets, public))
            # The helm program does not look for `file://` dependencies: it gets the chart as it was rendered.
            chart = stack.enter_context(opened_chart(release.subject.chart, site.folder))
            self._wait_for_runtime(pair, site)
            previous = stack.enter_context(previous_version(pair, chart.folder, site.folder))
            plan = release.plan(chart.folder, previous, supplied.images, self.node_runtime, self.suite.request.settle)
            return self._judged(pair, plan, site)

    def _probe(self, pair: CellRun, namespace: str) -> CellResult:
        evidence = self.suite.request.artifacts / pair.id
        with self._site(pair, namespace, (), ()) as site:
            self._wait_for_runtime(pair, site)
            started = time.monotonic()
            pulls = observe_pulls(pair.scenario.probes, site, self.supplies.witness()) if self._has_registry else ()
            observation = replace(
                self._nothing_observed(pair, namespace),
                pulls=pulls,
                seconds={"probes": round(time.monotonic() - started, 2)},
                runtime=site.runtime_proof(),
                runtime_classes=runtime_classes(site.watch.view()),
            )
            proofs.check_runtime(observation, pair.chosen.runtime)
            return self._concluded(pair, observation, site, lambda part: self._collect(site, (), evidence / part))

    @property
    def _has_registry(self) -> bool:
        return self.cluster.registry is not None

    @contextlib.contextmanager
    def _site(
        self, pair: CellRun, namespace: str, hidden: tuple[str, ...], public: tuple[str, ...]
    ) -> Iterator[CellContext]:
        private = self.folder / namespace
        private.mkdir(mode=0o700)
        known = KnownSecrets(self.kube, namespace, hidden, public)
        image = self._faulty.get(namespace)
        with NamespaceWatch(self.kube, namespace, self.cancel, known) as watch:
            yield CellContext(
                title=pair.id,
                progress=self.progress,
                helm=self._helm(pair.cell.helm, hidden),
                kube=self.kube,
                namespace=namespace,
                folder=private,
                watch=watch,
                cancel=self.cancel,
                secrets=known,
                cluster=self.cluster,
                second_context=lambda: self._beside(pair, namespace, hidden, public),
                answer_pull=image.answer if image else lambda _how: None,
                runtime_proof=partial(
                    runtime_proof, self.cluster, namespace, self.node_runtime, records.runtimes().values()
                ),
            )

    @contextlib.contextmanager
    def _beside(
        self, pair: CellRun, namespace: str, hidden: tuple[str, ...], public: tuple[str, ...]
    ) -> Iterator[CellContext]:
        second = f"{namespace}-second"
        self.kube.ensure("/api/v1/namespaces", {"metadata": {"name": second, "labels": self.labels(pair)}})
        try:
            with self._site(pair, second, hidden, public) as site:
                self._wait_for_runtime(pair, site)
                yield site
        finally:
            self.vacate(second)

    def _wait_for_runtime(self, pair: CellRun, site: CellContext) -> None:
        runtime = pair.chosen.runtime
        if runtime and runtime.handler:
            runtimes.wait(self.kube, site.namespace, runtime, self.cancel)

    def _collect(self, site: CellContext, releases: tuple[str, ...], folder: Path) -> None:
        artifacts.collect(site, releases, folder, node_logs(self.cluster, site.namespace))

    def _judged(self, pair: CellRun, plan: CellPlan, site: CellContext) -> CellResult:
        evidence = self.suite.request.artifacts / pair.id
        names = (plan.release, plan.database.release)

        def collect(part: str) -> None:
            self._collect(site, names, evidence / part)

        try:
            observation = observe(plan, site, on_failure=lambda: collect("not-ready"))
            self._prove(pair, observation)
        except SuiteError:
            if not self.cancel.is_set():
                collect("error")
            raise
        return self._concluded(pair, observation, site, collect)

    def _prove(self, pair: CellRun, observation: Observation) -> None:
        proofs.check_runtime(observation, pair.chosen.runtime)
        registry = self.cluster.registry
        if registry and not pair.chosen.flavor.shipped:
            keys = set(observation.declared.images.values())
            proofs.check_format(observation, pair.chosen.form, keys, registry.requests())

    def _concluded(
        self, pair: CellRun, observation: Observation, site: CellContext, collect: Callable[[str], None]
    ) -> CellResult:
        evidence = self.suite.request.artifacts / pair.id
        live = catalogue.live_rules()
        wanted = [rule for rule in pair.scenario.rules if rule in live]
        verdicts = {rule: self._judge(live[rule](observation), pair) for rule in wanted}
        if all(verdict.status is not Status.FAIL for verdict in verdicts.values()):
            return CellResult(observation=observation, verdicts=verdicts)
        collect("end")
        seen = msgspec.json.format(msgspec.json.encode(observation)).decode()
        (evidence / "observation.json").write_text(site.secrets.redact(seen), encoding="utf-8")
        return CellResult(observation=observation, verdicts=verdicts, artifacts=str(evidence))

    def compared(self, pair: CellRun, rule: str, observation: Observation, others: Sequence[Observation]) -> Verdict:
        """What a rule that compares cells says of a pair."""
        return self._judge(catalogue.matrix_rules()[rule](observation, others), pair)

    def _judge(self, verdict: Verdict, pair: CellRun) -> Verdict:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """A release all of whose images are in reach."""

    release: Release
    images: tuple[PublishedImage, ...]


@contextlib.contextmanager
def open_session(suite: LiveSuite, pairs: Iterable[CellRun], progress: Progress) -> Iterator[LiveSession]:
    """A stage for these pairs; its cluster is removed afterwards, unless it was there before or is to be kept.

    Raises `SuiteError` where there can be no cluster.
    """
    request = suite.request
    pairs = tuple(pairs)
    for chart, asked in suite.privileged().items():
        progress.say(f"  {chart} is allowed what it asks for: {'; '.join(asked)}")
    tools = toolbox.find(
        recipes=request.recipes,
        helm=request.majors,
        node_image=request.node_image,
        # kind's own node images have no handler but runc's.
        own_node=not request.kubeconfig and any(pair.chosen.runtime for pair in pairs),
        progress=progress,
    )
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(scratch(tools.folders.scratch, "live"))
        cluster = stack.enter_context(_cluster(suite, tools, progress))
        if request.kubeconfig and request.allow_cluster:
            where = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), "--context", cluster.context]
            words = shlex.join([*where, "delete", "namespaces", "--selector", f"{RUN_LABEL}={folder.name}"])
            note_elsewhere(folder, f"namespaces on cluster {cluster.name}, which is not the suite's: {words}")
        kubeconfig = single_context(cluster.kubeconfig, cluster.context, folder / "kubeconfig")
        kube = Kube(kubeconfig, cluster.context)
        _label_nodes(kube, cluster, suite)
        stage = LiveSession(
            suite=suite,
            tools=tools,
            cluster=cluster,
            kubeconfig=kubeconfig,
            kube=kube,
            folder=folder,
            node_runtime=kube.node_runtime(),
            kubernetes=kube.version(),
            supplies=ImageStore(cluster, tools, progress),
            progress=progress,
            closing=stack,
        )
        stack.callback(stage.cancel.set)
        _offer_runtimes(stage, pairs, progress)
        yield stage


def _offer_runtimes(stage: LiveSession, pairs: Iterable[CellRun], progress: Progress) -> None:
    """Make the runtimes of these pairs known to our own cluster: the program in each node, and a RuntimeClass."""
    wanted = {pair.chosen.runtime.name: pair.chosen.runtime for pair in pairs if pair.chosen.runtime}
    offered = [runtime for runtime in wanted.values() if runtime.handler]
    if not offered:
        return
    with progress.step(f"runtimes {', '.join(runtime.name for runtime in offered)}"):
        builder = stage.tools.builder(progress)
        for runtime in offered:
            if runtime.recipe and builder:
                builder.provide([runtime.recipe])
                install_program(stage.cluster, builder.place(runtime.recipe) / runtime.recipe)
        runtimes.offer(stage.kube, offered)


@contextlib.contextmanager
def _cluster(suite: LiveSuite, tools: Tools, progress: Progress) -> Iterator[Cluster]:
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
