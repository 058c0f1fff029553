"""The releases that the cells of a run share: each is installed when the first cell needs it, and stays."""

from __future__ import annotations

import contextlib
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.cluster.nodes import node_logs
from osh_conformance.errors import SuiteError
from osh_conformance.live import artifacts
from osh_conformance.live.cell_images import CellImages
from osh_conformance.live.contexts import open_context
from osh_conformance.live.prepare import NeededRelease
from osh_conformance.scenario.runner import observe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from osh_conformance.live.session import LiveSession
    from osh_conformance.model.observation import Observation
    from osh_conformance.observe.context import CellContext
    from osh_conformance.plan.cells import CellRun
    from osh_conformance.scenario.state import CellPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Installed:
    """A shared release that is ready."""

    needed: NeededRelease
    context: CellContext
    releases: tuple[str, ...]
    seconds: float


class SharedReleases:
    """Installs the charts that others need, each once in a run. Threads share it.

    Their namespaces and watches end with the session.
    """

    def __init__(self, session: LiveSession) -> None:
        """Install nothing yet."""
        self._session = session
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._results: dict[str, _Installed | SuiteError] = {}

    def provide(self, cell_run: CellRun) -> Mapping[str, NeededRelease]:
        """Return the releases that a cell run needs, by chart; the first caller installs them, and the others wait.

        Raises `SuiteError` with the reason if one did not become ready, for each caller.
        """
        return {each.target.name: self._provide(each, cell_run.target.name).needed for each in cell_run.needs}

    def collect(self, cell_run: CellRun, folder: Path) -> None:
        """Write the artifacts of the releases that a cell run needs below `folder`, each in a folder of its own."""
        for each in cell_run.needs:
            found = self._results.get(each.id)
            if isinstance(found, _Installed):
                self._collect(found.context, found.releases, folder / each.target.name)

    def seconds(self) -> dict[str, float]:
        """Return the seconds that the installed ones took, by the id of the cell run."""
        return {name: found.seconds for name, found in self._results.items() if isinstance(found, _Installed)}

    def _provide(self, cell_run: CellRun, user: str) -> _Installed:
        with self._lock:
            lock = self._locks.setdefault(cell_run.id, threading.Lock())
        with lock:
            if cell_run.id not in self._results:
                try:
                    self._results[cell_run.id] = self._install(cell_run)
                except SuiteError as error:
                    self._results[cell_run.id] = error
            found = self._results[cell_run.id]
        if isinstance(found, SuiteError):
            name, flavor = cell_run.target.name, cell_run.cell.flavor
            raise SuiteError(
                f"{user} needs {name}, and the {name} ({flavor}) of this run is not ready: {found.message}",
                expected=found.expected,
                fix=found.fix or f"see {self._evidence(cell_run)}",
                details=found.details,
            )
        return found

    def _install(self, cell_run: CellRun) -> _Installed:
        session = self._session
        needs = self.provide(cell_run)
        namespace = f"shared-{cell_run.target.name[:40]}-{secrets.token_hex(3)}"
        with session.progress.step(f"shared by the cells: {cell_run.target.name} ({cell_run.cell.flavor})"):
            images = CellImages(cell_run, session.images, session.faulty_registry)
            plan = session.preparation.prepare(cell_run, namespace, images, needs)
            context = self._open(cell_run, namespace, plan)
            try:
                observation = observe(
                    plan, context, on_failure=lambda: self._collect_failure(cell_run, context, plan, "not-ready")
                )
            except SuiteError:
                if not session.cancel.is_set():
                    self._collect_failure(cell_run, context, plan, "error")
                raise
        return _Installed(
            needed=_needed(cell_run, plan, observation, namespace),
            context=context,
            releases=plan.releases,
            seconds=sum(observation.seconds.values()),
        )

    def _open(self, cell_run: CellRun, namespace: str, plan: CellPlan) -> CellContext:
        """Create the namespace, and watch it until the session ends."""
        session = self._session
        session.create_namespace(namespace, session.labels(cell_run))
        with contextlib.ExitStack() as stack:
            stack.callback(session.remove_namespace, namespace)
            context = stack.enter_context(
                open_context(
                    session,
                    namespace,
                    title=cell_run.id,
                    helm_major=cell_run.cell.helm_major,
                    patience=cell_run.axes.patience,
                    secrets=plan.secrets,
                    public_names=plan.public_names,
                )
            )
            session.closing.push(stack.pop_all())
        return context

    def _collect_failure(self, cell_run: CellRun, context: CellContext, plan: CellPlan, part: str) -> None:
        self._collect(context, plan.releases, self._evidence(cell_run) / part)

    def _collect(self, context: CellContext, releases: tuple[str, ...], folder: Path) -> None:
        artifacts.collect(context, releases, folder, node_logs(self._session.cluster, context.namespace))

    def _evidence(self, cell_run: CellRun) -> Path:
        return self._session.suite.options.artifacts / cell_run.id


def _needed(cell_run: CellRun, plan: CellPlan, observation: Observation, namespace: str) -> NeededRelease:
    """Return the release as others reach it; raises `SuiteError` if it did not come up or does not answer."""
    if observation.unsettled:
        raise SuiteError(observation.unsettled)
    name = cell_run.target.name
    if plan.identity is None or observation.identity is None:
        raise SuiteError(
            f"{name} has no administrator in its values, or no Service of the expected name",
            expected=f"what `identity` of the convention {cell_run.convention.name} names; if {name} itself needs a "
            "Keystone, also values with `{unique}` for that",
        )
    if not observation.identity.answered:
        raise SuiteError(f"{name}: its administrator's token request {observation.identity.answer}")
    return NeededRelease(cell_run=cell_run, namespace=namespace, identity=plan.identity, secrets=plan.secrets)
