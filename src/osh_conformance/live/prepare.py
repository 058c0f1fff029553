"""Prepares a cell run: from the axes and the scenario to the values, images and declarations that the runner needs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.values import at, merged, placed
from osh_conformance.cluster.helm import DEFAULT_TIMEOUT
from osh_conformance.config.pull_secret import PullSecret
from osh_conformance.errors import SuiteError
from osh_conformance.live.credentials import Credentials
from osh_conformance.manifests.pods import pull_secrets
from osh_conformance.model.convention import DATABASE, PULL_SECRET
from osh_conformance.observe.identity import IdentityService
from osh_conformance.observe.known_secrets import is_secret
from osh_conformance.plan import cell_values
from osh_conformance.plan.cells import functions_of, own_values, unique_word, values_but_images
from osh_conformance.plan.flavor_images import keys_with_either_drop
from osh_conformance.plan.servers import servers_of
from osh_conformance.plan.shared import reachable
from osh_conformance.registry import images as registry_images
from osh_conformance.render.declared import declare
from osh_conformance.render.engines.base import NAMESPACE
from osh_conformance.render.parse import documents_of
from osh_conformance.render.toggles import variants
from osh_conformance.scenario.infrastructure import with_replica
from osh_conformance.scenario.state import CellPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from osh_conformance.live.cell_images import CellImages
    from osh_conformance.live.run_charts import RunCharts
    from osh_conformance.model.chart import Container, DeclaredChart
    from osh_conformance.model.convention import Convention
    from osh_conformance.plan.cells import CellRun
    from osh_conformance.render.engines.base import Renderer
    from osh_conformance.scenario.infrastructure import Component

NO_NEEDS: Mapping[str, NeededRelease] = MappingProxyType({})
#: Seconds that helm gets beyond the deadline of a drop Job that has one.
_AFTER_THE_JOB = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededRelease:
    """A release that cells share: where it is, how to ask it, and the texts that no output may contain."""

    cell_run: CellRun
    namespace: str
    identity: IdentityService
    secrets: tuple[str, ...]

    def coordinates(self, unique: str) -> Mapping[str, str | int]:
        """Where it is, and the administrator that it has; `unique` is the word of the cell that gets them."""
        login = (self.identity.username, self.identity.password)
        return reachable(self.cell_run, self.namespace, unique, *login)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """The resources that all preparations of cell runs share: the renderer, and the charts as folders on disk.

    `ready_timeout` are the seconds that a release gets to become ready, before the patience with a runtime.
    """

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

    def prepare(
        self, cell_run: CellRun, namespace: str, images: CellImages, needs: Mapping[str, NeededRelease] = NO_NEEDS
    ) -> CellPlan:
        """Return the plan of a cell run, with all of its images published. Renders; changes nothing on the cluster.

        `needs` are the shared releases that the chart needs, by chart.

        Raises `SuiteError` if the chart does not render, the flavor does not fit it, or an image cannot be obtained.
        """
        target, scenario, convention = cell_run.target, cell_run.scenario, cell_run.convention
        source = self.charts.current(target)
        credentials = _credentials(cell_run, namespace)
        unique = unique_word(namespace)
        coordinates = {
            **{name: each.coordinates for name, each in credentials.items()},
            **{name: each.coordinates(unique) for name, each in needs.items()},
        }
        values = self._values(cell_run, images, coordinates, credentials[DATABASE].authority)
        second = cell_values.second_values(convention, target.name, own_values(target)) if scenario.has_second else None
        declare_as = partial(declare, source, convention, renderer=self.renderer, release=target.name)
        declared = _of_reduction(declare_as(values=values, namespace=namespace), cell_run)
        second_declared = (
            None if second is None else declare_as(values=merged(values, second), namespace=f"{namespace}-second")
        )
        pull_secret = self._pull_secret(cell_run, images)
        components = tuple(_with_pull_secret(each.server(target.name), pull_secret) for each in credentials.values())
        if scenario.has_replica:
            components = with_replica(components)
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
            second_declared=second_declared and _of_reduction(second_declared, cell_run),
            release=target.name,
            images=images.publish_declared(
                _references(declared.containers), list(dict.fromkeys(each.image for each in components))
            ),
            components=components,
            password=credentials[DATABASE].password,
            secrets=(
                *(secret for each in credentials.values() for secret in each.secrets),
                *(secret for each in needs.values() for secret in each.secrets),
                *_passwords(effective),
                *_secrets(pull_secret),
            ),
            pull_secret=pull_secret.content if pull_secret else "",
            certificates=credentials[DATABASE].certificates,
            identity=_asked_identity(cell_run, needs, effective, unique),
            tests=target.entry.tests if target.entry and not cell_run.reduction else None,
            helm_test=bool(target.entry and target.entry.helm_test and not cell_run.reduction),
            release_of_service=cell_run.axes.flavor.release,
            node_runtime=self.node_runtime,
            ready_timeout=self.ready_timeout * cell_run.axes.patience,
            uninstall_timeout=_uninstall_timeout(cell_run),
            waits_for=_waits_for(cell_run, declared, second_declared),
            spare_images=_spare_images(cell_run, images, values),
        )

    def _values(
        self,
        cell_run: CellRun,
        images: CellImages,
        coordinates: Mapping[str, Mapping[str, str | int]],
        authority: str,
    ) -> dict[str, Any]:
        """Return all values of the release, with the references under which its images are published."""
        target, scenario, flavor = cell_run.target, cell_run.scenario, cell_run.axes.flavor
        base = merged(
            values_but_images(target, flavor, coordinates, drop=scenario.db_drop, reduction=cell_run.reduction),
            cell_values.scenario_values(cell_run.convention, target.name, scenario, authority, own_values(target)),
        )
        functions = functions_of(target, base)
        of_flavors = conventions.of_flavors(cell_run.convention, functions)
        used = partial(keys_with_either_drop, target, self.charts.current(target), base, self.renderer)
        references = {
            key: images.publish_for_key(reference, functions[key])
            for key, reference in flavor.references(target.name, of_flavors, used, cell_run.job_keys).items()
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
        effective = merged(target.files.values.content, base)
        return merged(base, conventions.image_values(cell_run.convention, references, values=effective))

    def _pull_secret(self, cell_run: CellRun, images: CellImages) -> PullSecret | None:
        """Return the logins that the chart gets: the user's, and the one that the scenario's registry demands."""
        if not cell_run.scenario.pull_secret:
            return self.pull_secret
        return (self.pull_secret or PullSecret()).with_login(*images.login)


def _of_reduction(declared: DeclaredChart, cell_run: CellRun) -> DeclaredChart:
    """Return what a chart declares in a run: reduced, only the Jobs that create and drop perform a standard function.

    The images of all other workloads do nothing.
    """
    if cell_run.reduction is None:
        return declared
    keys = cell_run.reduction.keys
    return replace(declared, functions={key: word if key in keys else "" for key, word in declared.functions.items()})


def _waits_for(cell_run: CellRun, *declared: DeclaredChart | None) -> frozenset[str] | None:
    """Return the workloads that create the database in a reduced run, None for all in another run."""
    if cell_run.reduction is None:
        return None
    places = set(cell_run.reduction.places)
    containers = (container for each in declared if each for container in each.containers)
    return frozenset(container.workload for container in containers if container.position in places)


def _credentials(cell_run: CellRun, namespace: str) -> dict[str, Credentials]:
    """Return new credentials for each server of a cell, by its name."""
    any_password = cell_run.convention.any_password
    return {
        server.name: Credentials.new(
            namespace, server, any_password=any_password, tls=cell_run.scenario.tls and server.name == DATABASE
        )
        for server in servers_of(cell_run.target, cell_run.scenario)
    }


def _with_pull_secret(component: Component, pull_secret: PullSecret | None) -> Component:
    """Return a server of the suite, with the pull secret if that has a login for the registry of its image."""
    if pull_secret is None or not pull_secret.covers(registry_images.name(component.image).host):
        return component
    given = {"pod": {"image_pull_secrets": [{"name": PULL_SECRET}]}}
    return replace(component, values=merged(component.values, given))


def _secrets(pull_secret: PullSecret | None) -> tuple[str, ...]:
    return tuple(filter(is_secret, pull_secret.secrets)) if pull_secret else ()


def _declared_references(cell_run: CellRun, base: Mapping[str, Any]) -> dict[str, str]:
    """Return by image key the reference that the chart declares with the values `base`."""
    shipped = cell_run.target.files.values
    declared = conventions.declared_images(cell_run.convention, shipped, merged(shipped.content, base))
    return {image.key: image.reference for image in declared}


def _spare_images(cell_run: CellRun, images: CellImages, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with the flavor's images for the tasks db_init and db_drop, if the chart has no key for them."""
    target, flavor = cell_run.target, cell_run.axes.flavor
    known = {*functions_of(target, values).values()}
    lacking = {task: task for task in ("db_init", "db_drop") if task not in known}
    given = flavor.references(target.name, lacking, used=lambda: (), jobs=lacking)
    if not given or not cell_run.convention.images:
        return {}
    references = {task: images.publish_for_key(reference, task) for task, reference in given.items()}
    effective = merged(target.files.values.content, values)
    return conventions.image_values(cell_run.convention, references, values=effective)


def _references(containers: Iterable[Container]) -> tuple[str, ...]:
    """Return the references of the chart's containers, each once."""
    return tuple(sorted({container.image for container in containers if container.image}))


def _uninstall_timeout(cell_run: CellRun) -> int:
    """Return the seconds that helm gets to uninstall: its default, or less where the drop Job has a deadline.

    More where containers start more slowly: the drop Job is one of them.
    """
    fast = cell_run.convention.fast_drop if cell_run.scenario.fast_drop else None
    return round((fast.seconds + _AFTER_THE_JOB if fast else DEFAULT_TIMEOUT) * cell_run.axes.patience)


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


def _asked_identity(
    cell_run: CellRun, needs: Mapping[str, NeededRelease], effective: Mapping[str, Any], unique: str
) -> IdentityService | None:
    """Return how to ask Keystone, None where there is none: a reduced run has no service but the database."""
    if cell_run.reduction:
        return None
    convention = cell_run.convention
    return _shared_identity(convention, needs, unique) if needs else _identity(convention, effective)


def _shared_identity(convention: Convention, needs: Mapping[str, NeededRelease], unique: str) -> IdentityService | None:
    """Return how to ask the Keystone that the cells share, for what a cell registered.

    None where the convention gives no word to what a cell registers: nobody could tell it from that of others.
    """
    for name, each in needs.items():
        if conventions.uses(convention.infrastructure[name], "unique"):
            return replace(each.identity, namespace=each.identity.namespace or each.namespace, unique=unique)
    return None


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
