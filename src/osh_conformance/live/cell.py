"""Runs one scenario on one cell, collects artifacts, and applies the live rules to the observation."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from osh_conformance.cluster.nodes import node_logs
from osh_conformance.errors import SuiteError
from osh_conformance.live import artifacts, proofs, runtimes
from osh_conformance.live.cell_images import CellImages
from osh_conformance.live.contexts import open_context
from osh_conformance.model.chart import nothing_declared
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.model.observation import Observation
from osh_conformance.observe.containers import pod_nodes, runtime_classes
from osh_conformance.plan import feasible
from osh_conformance.plan.cells import unavailable
from osh_conformance.rules import registry
from osh_conformance.scenario.pull_probes import observe_pulls
from osh_conformance.scenario.runner import observe
from osh_conformance.waiting import WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from osh_conformance.live.session import LiveSession
    from osh_conformance.live.shared_releases import SharedReleases
    from osh_conformance.model.observation import PodNode
    from osh_conformance.observe.context import CellContext
    from osh_conformance.plan.cells import CellRun
    from osh_conformance.scenario.state import CellPlan


_REDUCED = "a reduced run installs little more than the Jobs that create and drop the database: they do not show this"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """The observation of a cell run, and the verdict of each live rule. `artifacts` is "" if nothing was observed."""

    observation: Observation
    verdicts: Mapping[str, Verdict]
    artifacts: str = ""

    @property
    def failed(self) -> bool:
        """Whether a rule failed."""
        return any(verdict.status is Status.FAIL for verdict in self.verdicts.values())


def run_cell(session: LiveSession, shared: SharedReleases, cell_run: CellRun, namespace: str) -> CellResult:
    """Run a scenario in `namespace`, which exists and is empty.

    Raises `SuiteError` if the environment, not the chart, fails; `LeftOutError` if the cluster lacks something that
    the user requested only as one of `all`.
    """
    return _CellRunner(session, shared, cell_run, namespace).run()


def compare(
    session: LiveSession, cell_run: CellRun, rule: str, observation: Observation, others: Sequence[Observation]
) -> Verdict:
    """Apply a rule that compares a cell with `others`: the same scenario on other cells of the chart."""
    return _reproducible(registry.matrix_rules()[rule](observation, others), session, cell_run)


def _reproducible(verdict: Verdict, session: LiveSession, cell_run: CellRun) -> Verdict:
    """Return the verdict with the command that shows its findings again."""
    command = session.suite.command(cell_run)
    return replace(verdict, findings=tuple(replace(finding, reproduce=command) for finding in verdict.findings))


class _CellRunner:
    """Runs one cell run in one namespace."""

    def __init__(self, session: LiveSession, shared: SharedReleases, cell_run: CellRun, namespace: str) -> None:
        self._session = session
        self._shared = shared
        self._cell_run = cell_run
        self._namespace = namespace
        self._evidence = session.suite.options.artifacts / cell_run.id
        self._images = CellImages(cell_run, session.images, session.faulty_registry)
        self._pods_of_second: tuple[PodNode, ...] = ()

    def run(self) -> CellResult:
        cell_run, session = self._cell_run, self._session
        artifacts.clear(self._evidence)
        self._check_cluster()
        reason = feasible.lacking(cell_run.convention, cell_run.scenario, session.cluster)
        if reason := reason or ("" if self._judged() else _REDUCED):
            return self._not_applicable(reason)
        if cell_run.scenario.probes:
            return self._probe()
        if cell_run.scenario.pull_secret and (reason := session.preparation.no_pull_secret(cell_run)):
            return self._not_applicable(reason)
        needs = self._shared.provide(cell_run)
        plan = session.preparation.prepare(cell_run, self._namespace, self._images, needs)
        if cell_run.scenario.drop_image and self._images.faulty is None:
            return self._not_applicable("no image key of the chart is the drop Job's own")
        with self._context(self._namespace, plan.secrets, plan.public_names) as context:
            return self._observe(plan, context)

    def _judged(self) -> tuple[str, ...]:
        """Return the rules that this run can judge: all of them, unless it is reduced."""
        rules, reduced = self._cell_run.rules, self._cell_run.scenario.reduced
        return tuple(rule for rule in rules if not reduced or registry.all_rules()[rule].reduced)

    def _check_cluster(self) -> None:
        """Raise `SuiteError` if no pod of the cell can get its runtime: `check_runtime` looks where they really ran."""
        runtime, session = self._cell_run.axes.runtime, self._session
        if runtime is None:
            return
        if not any(proofs.is_of(found, runtime) for found in session.node_runtimes.values()):
            raise self._unavailable(
                f"the nodes of cluster {session.cluster.name} run {session.node_runtime}, not {runtime.cri}"
            )
        if runtime.owner_handlers and not runtimes.classes_of_owner(session.kube, runtime):
            wanted = " or ".join(runtime.owner_handlers)
            raise self._unavailable(f"cluster {session.cluster.name} has no RuntimeClass with the handler {wanted}")

    def _unavailable(self, message: str, details: str = "") -> SuiteError:
        return unavailable(message, named=self._cell_run.runtime_named, details=details)

    def _not_applicable(self, reason: str) -> CellResult:
        verdicts = {rule: Verdict.not_applicable(rule, reason) for rule in self._cell_run.rules}
        return CellResult(observation=self._nothing_observed(), verdicts=verdicts)

    def _nothing_observed(self) -> Observation:
        return Observation(
            cell=self._cell_run.cell,
            scenario=self._cell_run.scenario,
            declared=nothing_declared(self._cell_run.target.name),
            release="",
            namespace=self._namespace,
            node_runtime=self._session.node_runtime,
            helm=(),
            containers=(),
            images=(),
        )

    # -- observe ------------------------------------------------------------------------------------------------------

    def _observe(self, plan: CellPlan, context: CellContext) -> CellResult:
        def collect(part: str) -> None:
            self._collect(context, plan.releases, self._evidence / part)

        try:
            observation = observe(plan, context, on_failure=lambda: collect("not-ready"))
            observation = replace(observation, pod_nodes=(*self._pod_nodes(context), *self._pods_of_second))
            self._prove(observation)
        except SuiteError:
            if not self._session.cancel.is_set():
                collect("error")
            raise
        return self._apply_rules(observation, context, collect)

    def _probe(self) -> CellResult:
        session = self._session
        with self._context(self._namespace) as context:
            started = time.monotonic()
            pulls = (
                observe_pulls(self._cell_run.scenario.probes, context, session.images.witness())
                if session.cluster.registry
                else ()
            )
            observation = replace(
                self._nothing_observed(),
                pulls=pulls,
                seconds={"probes": round(time.monotonic() - started, 2)},
                runtime=context.runtime_proof(),
                runtime_classes=runtime_classes(context.watch.view()),
                pod_nodes=self._pod_nodes(context),
            )
            proofs.check_runtime(observation, self._cell_run.axes.runtime)
            return self._apply_rules(
                observation, context, lambda part: self._collect(context, (), self._evidence / part)
            )

    def _pod_nodes(self, context: CellContext) -> tuple[PodNode, ...]:
        runtime, session = self._cell_run.axes.runtime, self._session
        handlers = runtimes.handlers(session.kube) if runtime and runtime.owner_handlers else {}
        return pod_nodes(context.watch.view(), session.runtime_of, handlers)

    def _prove(self, observation: Observation) -> None:
        """Raise `SuiteError` unless the cell had its runtime and its packaging format."""
        axes, registry = self._cell_run.axes, self._session.cluster.registry
        proofs.check_runtime(observation, axes.runtime)
        if reduction := self._cell_run.reduction:
            proofs.check_anchors(observation, reduction.anchors, self._images.stub)
        if registry and not axes.flavor.shipped:
            references = set(observation.declared.images.values())
            proofs.check_format(observation, axes.packaging_format, references, registry.requests())

    def _apply_rules(
        self, observation: Observation, context: CellContext, collect: Callable[[str], None]
    ) -> CellResult:
        live = registry.live_rules()
        judged = self._judged()
        verdicts = {
            rule: _reproducible(live[rule](observation), self._session, self._cell_run)
            for rule in judged
            if rule in live
        }
        verdicts |= {
            rule: Verdict.not_applicable(rule, _REDUCED) for rule in self._cell_run.rules if rule not in judged
        }
        result = CellResult(observation=observation, verdicts=verdicts, artifacts=str(self._evidence))
        if result.failed:
            collect("end")
        artifacts.keep(observation, self._evidence, context.secrets)
        return result

    def _collect(self, context: CellContext, releases: tuple[str, ...], folder: Path) -> None:
        artifacts.collect(context, releases, folder, node_logs(self._session.cluster, context.namespace))
        self._shared.collect(self._cell_run, folder / "shared")

    # -- namespaces ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _context(
        self, namespace: str, secrets: tuple[str, ...] = (), public_names: AbstractSet[str] = frozenset()
    ) -> Iterator[CellContext]:
        # Only the drop Job of the first release gets the image whose pull can be made to fail.
        faulty = self._images.faulty if namespace == self._namespace else None
        with open_context(
            self._session,
            namespace,
            title=self._cell_run.id,
            helm_major=self._cell_run.cell.helm_major,
            patience=self._cell_run.axes.patience,
            secrets=secrets,
            public_names=public_names,
            second_context=lambda: self._second_context(secrets, public_names),
            answer_pull=faulty.answer if faulty else lambda _how: None,
        ) as context:
            self._wait_for_runtime(context)
            yield context

    @contextlib.contextmanager
    def _second_context(self, secrets: tuple[str, ...], public_names: AbstractSet[str]) -> Iterator[CellContext]:
        """Create a second namespace, for the scenarios that install two releases, and watch it."""
        second = f"{self._namespace}-second"
        self._session.create_namespace(second, self._session.labels(self._cell_run))
        try:
            with self._context(second, secrets, public_names) as context:
                yield context
                self._pods_of_second = self._pod_nodes(context)
        finally:
            self._session.remove_namespace(second)

    def _wait_for_runtime(self, context: CellContext) -> None:
        runtime, kube, cancel = self._cell_run.axes.runtime, self._session.kube, self._session.cancel
        if runtime and runtime.handler:
            runtimes.wait(kube, context.namespace, (runtimes.class_name(runtime),), cancel)
        elif runtime and runtime.owner_handlers:
            try:
                runtimes.wait(kube, context.namespace, runtimes.classes_of_owner(kube, runtime), cancel)
            except WaitTimeoutError as error:
                raise self._unavailable(error.message, error.details) from error
