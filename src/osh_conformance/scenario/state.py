"""A running scenario: what it runs on, and what has been seen so far."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

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
        IdentityState,
        PublishedImage,
        ReleaseLifetime,
        ResourceUsage,
        RuntimeProof,
    )
    from osh_conformance.model.scenario import Scenario
    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.database import DatabaseServer
    from osh_conformance.observe.identity import IdentityService
    from osh_conformance.process import Outcome
    from osh_conformance.scenario.certificates import Certificates
    from osh_conformance.scenario.database_control import ServerControl
    from osh_conformance.scenario.faults import Fault
    from osh_conformance.scenario.infrastructure import Component


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPlan:
    """All that running one scenario on one cell needs; nothing in it is decided from a chart's name.

    `values` are given to helm as a file, after the chart's own; over them come those of `switch`, by the state of the
    drop switch, and for a second release `second`. `previous` is the chart's previous version, `tests` its own tests.
    `password` is what the chart is told of the server's administrator. `settle` bounds install and settling,
    `uninstall_timeout` is what helm is given to uninstall, in seconds.
    """

    cell: Cell
    scenario: Scenario
    chart: Path
    values: Mapping[str, Any]
    switch: Mapping[bool, Mapping[str, Any]]
    declared: DeclaredChart
    release: str
    images: tuple[PublishedImage, ...]
    database: Component
    password: str
    second: Mapping[str, Any] = field(default_factory=dict)
    #: What the chart promises as the second release; None where there is none.
    second_declared: DeclaredChart | None = None
    previous: Path | None = None
    certificates: Certificates | None = None
    identity: IdentityService | None = None
    tests: Path | None = None
    release_of_service: str = ""
    node_runtime: str = ""
    settle: float = 300.0
    uninstall_timeout: int = 300


@dataclass(slots=True, kw_only=True)
class InstalledRelease:
    """A release that was installed: where, as which life, and whether its last revision drops."""

    site: CellContext
    life: int
    drops: bool


@dataclass(slots=True, kw_only=True)
class ScenarioState:
    """The state of a running scenario."""

    plan: CellPlan
    site: CellContext
    server: DatabaseServer
    control: ServerControl
    calls: list[HelmCall] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    lives: list[ReleaseLifetime] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    #: By whether it is the second one.
    releases: dict[bool, InstalledRelease] = field(default_factory=dict)
    active: list[Fault] = field(default_factory=list)
    hold: DependencyWithheld | None = None
    identity: IdentityState | None = None
    runtime: RuntimeProof | None = None
    own_tests: ChartTests | None = None
    gauges: list[ResourceUsage] = field(default_factory=list)
    #: What the release owned before its latest uninstall, as `Kind/name`.
    owned: tuple[str, ...] = ()
    #: The uids of the Jobs that were there before it.
    jobs: frozenset[str] = frozenset()
    #: Ends the helm program that runs now, with SIGKILL.
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

    def look(self) -> DatabaseState:
        """What the server holds now."""
        return self.server.state()

    @property
    def readable(self) -> bool:
        """Whether the server can be asked: not while a fault keeps it away."""
        return all(fault.readable for fault in self.active)

    @property
    def of_release(self) -> ReleaseLifetime:
        """The first release's latest life."""
        return self.lives[self.releases[False].life]

    def values_file(self, site: CellContext, *, drop: bool, second: bool) -> list[Path]:
        """Write the values of a release, for nobody else to read."""
        layers = [self.plan.values, self.plan.switch[drop], self.plan.second if second else {}]
        files = [site.folder / f"values{number or ''}.yaml" for number in range(len(layers))]
        for file, layer in zip(files, layers, strict=True):
            file.touch(mode=0o600)
            file.write_text(yaml.safe_dump(dict(layer)))
        return files

    def note(self, action: str, outcome: Outcome, site: CellContext, *, killed: bool = False) -> HelmCall:
        """Record a call of helm that was for a release in `site`."""
        # A chart may make up a password, and tell it.
        site.secrets.learn()
        redact = site.secrets.redact
        call = HelmCall(
            action=action,
            command=redact(" ".join(outcome.argv)),
            code=outcome.code,
            seconds=round(outcome.seconds, 2),
            output=redact(outcome.tail),
            killed=killed,
        )
        self.calls.append(call)
        return call
