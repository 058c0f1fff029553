"""A running scenario: what it runs on, and what the suite has observed so far."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.folders import write_private
from osh_conformance.model.observation import HelmCall, Removal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from osh_conformance.model.chart import DeclaredChart
    from osh_conformance.model.matrix import Cell
    from osh_conformance.model.observation import (
        ChartTests,
        DatabaseState,
        DependencyWithheld,
        HelmTest,
        IdentityState,
        Moment,
        OutsideState,
        PublishedImage,
        ReleaseLifetime,
        ResourceUsage,
        RuntimeProof,
    )
    from osh_conformance.model.scenario import FaultKind, Scenario
    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.database import DatabaseServer
    from osh_conformance.observe.identity import IdentityService
    from osh_conformance.observe.message_queue import MessageQueue
    from osh_conformance.process import Outcome
    from osh_conformance.scenario.certificates import Certificates
    from osh_conformance.scenario.database_control import ServerControl
    from osh_conformance.scenario.infrastructure import Component


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPlan:
    """Everything that a scenario needs to run on a cell. Nothing in it follows from a chart's name.

    - chart, previous: folders that the helm program reads: the chart, and its previous version where a step needs it.
    - values: given to helm after the chart's own values; `switch` (by the state of the drop switch) and, for a second
      release, `second` go over them.
    - declared, second_declared: what the chart declares with these values, as the first and as the second release.
    - release: the name of the release.
    - images: those that the cluster can pull, infrastructure included.
    - components: the suite's own servers, the database server first, and `password`, that server's administrator's.
    - secrets: texts that no output may contain.
    - pull_secret: the content of the Secret with which the chart's pods pull, "" without one.
    - identity: how to ask Keystone, None for a chart without one.
    - tests: a folder or file of the chart author's own tests.
    - helm_test: `helm test` runs beside them.
    - release_of_service: the release of the services in the images (`2025.2`), or "".
    - node_runtime: what the nodes report, `containerd://2.2.0`.
    - ready_timeout: seconds to wait for a release to become ready.
    - uninstall_timeout: seconds that helm gets to uninstall.
    - waits_for: the workloads that an install waits for, as `Kind/name`: those of a reduced run. None: all.
    - spare_images: values that give an image to the tasks db_init and db_drop where the chart's own have none. They are
      used only after the API server has refused a drop Job for want of an image.
    """

    cell: Cell
    scenario: Scenario
    chart: Path
    values: Mapping[str, Any]
    switch: Mapping[bool, Mapping[str, Any]]
    declared: DeclaredChart
    release: str
    images: tuple[PublishedImage, ...]
    components: tuple[Component, ...]
    password: str
    secrets: tuple[str, ...] = ()
    pull_secret: str = field(default="", repr=False)
    second: Mapping[str, Any] = field(default_factory=dict)
    second_declared: DeclaredChart | None = None
    previous: Path | None = None
    certificates: Certificates | None = None
    identity: IdentityService | None = None
    tests: Path | None = None
    helm_test: bool = False
    release_of_service: str = ""
    node_runtime: str = ""
    ready_timeout: float = 300.0
    uninstall_timeout: int = 300
    waits_for: frozenset[str] | None = None
    spare_images: Mapping[str, Any] = field(default_factory=dict)

    @property
    def database(self) -> Component:
        """The suite's own database server."""
        return self.components[0]

    @property
    def releases(self) -> tuple[str, ...]:
        """The names of the Helm releases in the cell's namespace: the chart's, and those of the suite's servers."""
        return (self.release, *(component.release for component in self.components))

    @property
    def public_names(self) -> frozenset[str]:
        """Names that are no secrets, even where a password is the same word: releases, workloads, containers."""
        declared = (self.declared, *([self.second_declared] if self.second_declared else ()))
        containers = [container for each in declared for container in each.containers]
        names = [name for container in containers for name in (container.workload_name, container.name)]
        return frozenset((*self.releases, *names))


@dataclass(slots=True, kw_only=True)
class InstalledRelease:
    """A release that was installed: where, the index of its lifetime, and whether its last revision drops."""

    context: CellContext
    lifetime: int
    drops: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveFault:
    """A fault that lasts until it is repaired."""

    id: str
    kind: FaultKind
    #: Raises `SuiteError` where it does not succeed.
    repair: Callable[[], None]


@dataclass(slots=True, kw_only=True)
class ScenarioState:
    """The state of a running scenario. `context` is the cell's namespace; a second release has its own."""

    plan: CellPlan
    context: CellContext
    server: DatabaseServer
    control: ServerControl
    #: A second database server, which can take over from `server`.
    replica: DatabaseServer | None = None
    helm_calls: list[HelmCall] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    lifetimes: list[ReleaseLifetime] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    #: The first release (False) and the second (True).
    releases: dict[bool, InstalledRelease] = field(default_factory=dict)
    active: list[ActiveFault] = field(default_factory=list)
    withheld: DependencyWithheld | None = None
    identity: IdentityState | None = None
    runtime: RuntimeProof | None = None
    chart_tests: ChartTests | None = None
    helm_test: HelmTest | None = None
    queue: MessageQueue | None = None
    outside: dict[Moment, OutsideState] = field(default_factory=dict)
    usage: list[ResourceUsage] = field(default_factory=list)
    #: The objects that the release owned before its latest uninstall, as `Kind/name`.
    owned_before: tuple[str, ...] = ()
    #: The uids of the Jobs and of the pods that existed before it.
    jobs_before: frozenset[str] = frozenset()
    pods_before: frozenset[str] = frozenset()
    #: What the server held when the suite could read it last before a fault that keeps it from that.
    last_read: DatabaseState | None = None
    #: What steps made on the database server (`database NAME`, `account NAME`, `role NAME`): no release's.
    made_by_steps: frozenset[str] = frozenset()
    #: Ends the running helm program with SIGKILL.
    kill_helm: Callable[[], None] = lambda: None
    closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @contextlib.contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add to the seconds of a step."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = round(self.seconds.get(step, 0.0) + time.monotonic() - started, 2)

    def read_database(self) -> DatabaseState:
        """Return what the server holds now."""
        return self.server.state()

    @property
    def readable(self) -> bool:
        """Whether no active fault keeps the suite from querying the server."""
        return all(fault.kind.readable for fault in self.active)

    @property
    def lifetime(self) -> ReleaseLifetime:
        """The latest lifetime of the first release."""
        return self.lifetimes[self.releases[False].lifetime]

    def values_files(self, context: CellContext, *, drop: bool, second: bool) -> list[Path]:
        """Write the values of a release into files that only this user can read."""
        layers = [self.plan.values, self.plan.switch[drop], self.plan.second if second else {}]
        files = [context.folder / f"values{number or ''}.yaml" for number in range(len(layers))]
        for file, layer in zip(files, layers, strict=True):
            write_private(file, yaml.safe_dump(dict(layer)))
        return files

    def record_call(self, action: str, outcome: Outcome, context: CellContext, *, killed: bool = False) -> HelmCall:
        """Record a call of helm for a release in `context`."""
        # A chart may generate a password, and print it.
        context.secrets.learn()
        redact = context.secrets.redact
        call = HelmCall(
            action=action,
            command=redact(" ".join(outcome.argv)),
            code=outcome.code,
            seconds=round(outcome.seconds, 2),
            output=redact(outcome.tail),
            killed=killed,
        )
        self.helm_calls.append(call)
        return call
