"""Prepares a cell run: from the axes and the scenario to the values, images and declarations that the runner needs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.values import at, merged, placed
from osh_conformance.cluster.helm import DEFAULT_TIMEOUT
from osh_conformance.config.pull_secret import PullSecret
from osh_conformance.errors import SuiteError
from osh_conformance.live.credentials import Credentials
from osh_conformance.manifests.pods import pull_secrets
from osh_conformance.model.convention import PULL_SECRET
from osh_conformance.observe.identity import IdentityService
from osh_conformance.observe.known_secrets import is_secret
from osh_conformance.plan import cell_values
from osh_conformance.plan.cells import functions_of, values_but_images
from osh_conformance.registry import images as registry_images
from osh_conformance.render.declared import declare
from osh_conformance.render.engines.base import NAMESPACE
from osh_conformance.render.parse import documents_of
from osh_conformance.render.toggles import variants
from osh_conformance.scenario.state import CellPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from osh_conformance.live.cell_images import CellImages
    from osh_conformance.live.run_charts import RunCharts
    from osh_conformance.model.chart import Container
    from osh_conformance.model.convention import Convention
    from osh_conformance.plan.cells import CellRun
    from osh_conformance.render.engines.base import Renderer
    from osh_conformance.scenario.infrastructure import Component

#: Seconds that helm gets beyond the deadline of a drop Job that has one.
_AFTER_THE_JOB = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """The resources that all preparations of cell runs share: the renderer, and the charts as folders on disk."""

    renderer: Renderer
    charts: RunCharts
    node_runtime: str
    ready_timeout: float
    pull_secret: PullSecret | None = None

    def no_pull_secret(self, cell_run: CellRun) -> str:
        """Return why no pod and no ServiceAccount of the chart has the pull secret, "" if any has it.

        Renders the chart with its own images.
        """
        convention = cell_run.convention
        given = conventions.pull_secret_values(convention, cell_run.target.name, PULL_SECRET)
        if self._gives_pull_secret(cell_run, given):
            return ""
        # The static rule has these on: before 2026, charts of OpenStack-Helm named the Secret only if they created it.
        switches = variants(convention, given)[0]
        on = merged(given, *(placed(path, value) for path, value in switches.items()))
        with contextlib.suppress(SuiteError):
            if switches and self._gives_pull_secret(cell_run, on):
                names = " and ".join(switches)
                return f"the chart gives its pods a pull secret only with {names} on: {convention.name} has it off"
        return "the chart gives no pod a pull secret"

    def _gives_pull_secret(self, cell_run: CellRun, given: Mapping[str, Any]) -> bool:
        target, source = cell_run.target, self.charts.current(cell_run.target)
        drop = conventions.drop_values(cell_run.convention, enabled=cell_run.scenario.db_drop)
        texts = self.renderer.render(source.folder, merged(target.values, drop, given), target.name, NAMESPACE)
        return any(PULL_SECRET in pull_secrets(document) for document in documents_of(texts) if document.own)

    def prepare(self, cell_run: CellRun, namespace: str, images: CellImages) -> CellPlan:
        """Return the plan of a cell run, with all of its images published. Renders; changes nothing on the cluster.

        Raises `SuiteError` if the chart does not render, the flavor does not fit it, or an image cannot be obtained.
        """
        target, scenario, convention = cell_run.target, cell_run.scenario, cell_run.convention
        source = self.charts.current(target)
        credentials = Credentials.new(namespace, any_password=convention.any_password, tls=scenario.tls)
        values = self._values(cell_run, images, credentials)
        second = cell_values.second_values(convention, target.name) if scenario.has_second else None
        declare_as = partial(declare, source, convention, renderer=self.renderer, release=target.name)
        declared = declare_as(values=values, namespace=namespace)
        pull_secret = self._pull_secret(cell_run, images)
        database = _with_pull_secret(credentials.server(), pull_secret)
        effective = merged(source.values.content, values)
        return CellPlan(
            cell=cell_run.cell,
            scenario=scenario,
            chart=source.folder,
            previous=self.charts.previous(target) if cell_run.scenario.has_previous else None,
            values=values,
            switch={state: conventions.drop_values(convention, enabled=state) for state in (True, False)},
            second=second or {},
            declared=declared,
            second_declared=(
                None if second is None else declare_as(values=merged(values, second), namespace=f"{namespace}-second")
            ),
            release=target.name,
            images=images.publish_declared(_references(declared.containers), database.image),
            database=database,
            password=credentials.password,
            secrets=(*credentials.secrets, *_passwords(effective), *_secrets(pull_secret)),
            pull_secret=pull_secret.content if pull_secret else "",
            certificates=credentials.certificates,
            identity=_identity(convention, effective),
            tests=target.entry.tests if target.entry else None,
            release_of_service=cell_run.axes.flavor.release,
            node_runtime=self.node_runtime,
            ready_timeout=self.ready_timeout,
            uninstall_timeout=_uninstall_timeout(cell_run),
        )

    def _values(self, cell_run: CellRun, images: CellImages, credentials: Credentials) -> dict[str, Any]:
        """Return all values of the release, with the references under which its images are published."""
        target, scenario, flavor = cell_run.target, cell_run.scenario, cell_run.axes.flavor
        base = merged(
            values_but_images(target, flavor, credentials.coordinates, drop=scenario.db_drop),
            cell_values.scenario_values(cell_run.convention, target.name, scenario, credentials.authority),
        )
        functions = functions_of(target, base)
        references = {
            key: images.publish_for_key(reference, functions[key])
            for key, reference in flavor.references(target.name, functions).items()
        }
        own = {**_declared_references(cell_run, base), **references}
        if scenario.drop_image:
            drops = functions_of(target, base)
            references |= {key: images.publish_faulty(own[key]) for key in own if drops[key] == "db_drop"}
        if scenario.pull_secret:
            # One repository for each key: a pod without the secret does not find the image on its node.
            references |= {key: images.publish_locked(reference) for key, reference in own.items() if reference}
        if scenario.pull_secret or self.pull_secret:
            base = merged(base, conventions.pull_secret_values(cell_run.convention, target.name, PULL_SECRET))
        return merged(base, conventions.image_values(cell_run.convention, references))

    def _pull_secret(self, cell_run: CellRun, images: CellImages) -> PullSecret | None:
        """Return the logins that the chart gets: the user's, and the one that the scenario's registry demands."""
        if not cell_run.scenario.pull_secret:
            return self.pull_secret
        return (self.pull_secret or PullSecret()).with_login(*images.login)


def _with_pull_secret(database: Component, pull_secret: PullSecret | None) -> Component:
    """Return the database server, with the pull secret if that has a login for the registry of its image."""
    if pull_secret is None or not pull_secret.covers(registry_images.name(database.image).host):
        return database
    given = {"pod": {"image_pull_secrets": [{"name": PULL_SECRET}]}}
    return replace(database, values=merged(database.values, given))


def _secrets(pull_secret: PullSecret | None) -> tuple[str, ...]:
    return tuple(filter(is_secret, pull_secret.secrets)) if pull_secret else ()


def _declared_references(cell_run: CellRun, base: Mapping[str, Any]) -> dict[str, str]:
    """Return by image key the reference that the chart declares with the values `base`."""
    shipped = cell_run.target.files.values
    declared = conventions.declared_images(cell_run.convention, shipped, merged(shipped.content, base))
    return {image.key: image.reference for image in declared}


def _references(containers: Iterable[Container]) -> tuple[str, ...]:
    """Return the references of the chart's containers, each once."""
    return tuple(sorted({container.image for container in containers if container.image}))


def _uninstall_timeout(cell_run: CellRun) -> int:
    """Return the seconds that helm gets to uninstall: its default, or less where the drop Job has a deadline."""
    fast = cell_run.convention.fast_drop if cell_run.scenario.fast_drop else None
    return fast.seconds + _AFTER_THE_JOB if fast else DEFAULT_TIMEOUT


def _passwords(values: Any) -> Iterator[str]:
    """Yield the entries of values that are named like a password, anywhere in them."""
    if isinstance(values, dict):
        for name, entry in values.items():
            if str(name).lower().endswith("password") and isinstance(entry, str):
                # Some charts ship the word itself, which stands in every other line of a log.
                yield from [entry] if is_secret(entry) else []
            else:
                yield from _passwords(entry)
    elif isinstance(values, list):
        for entry in values:
            yield from _passwords(entry)


def _identity(convention: Convention, effective: Mapping[str, Any]) -> IdentityService | None:
    """Return how to ask the chart's Keystone as its administrator, None for a chart without one."""
    where = convention.identity
    if not where:
        return None
    username, password = at(effective, where["username"]), at(effective, where["password"])
    if username is None or password is None:
        return None
    return IdentityService(
        service=where["service"],
        port=where["port"],
        username=username,
        password=password,
        project=where.get("project", "admin"),
        domain=where.get("domain", "Default"),
    )
