"""Prepares a cell: its values, its images and what the chart promises with them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.source import opened
from osh_conformance.charts.values import at, merged
from osh_conformance.loading import records
from osh_conformance.observe.identity import IdentityService
from osh_conformance.observe.known_secrets import is_secret
from osh_conformance.plan import cell_values
from osh_conformance.plan.cells import DATABASE, Subject, functions_of, values_but_images
from osh_conformance.plan.needs import DATABASE_CHART, database_image
from osh_conformance.render.declared import declare
from osh_conformance.scenario.certificates import made as certificates_of
from osh_conformance.scenario.infrastructure import Component
from osh_conformance.scenario.state import CellPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from osh_conformance.model.chart import DeclaredChart
    from osh_conformance.model.matrix import Cell
    from osh_conformance.model.observation import PublishedImage
    from osh_conformance.model.scenario import Scenario
    from osh_conformance.plan.axes import AxisValues
    from osh_conformance.render.engines.base import Renderer
    from osh_conformance.scenario.certificates import Certificates

    ImageOf = Callable[[str, str, AxisValues], str]


#: The standard keys whose containers run scripts of the chart: what they need, an image must hold.
JOB_KEYS = frozenset({"db_init", "db_drop", "ks_user", "ks_service", "ks_endpoints"})


#: Helm's default, in seconds; and what it has beyond a Job that is told when to end.
_TIMEOUT = 300


_AFTER_THE_JOB = 30


#: Every kind of character that a chart has put into a URL, an option file or a shell and lost.
_HARD_PASSWORD = "p@ss /%:'\"\\$`é"  # noqa: S105 - a prefix; the rest is random


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A cell's chart with all its values, before anything is on a cluster. `secrets` must not appear in any output.

    `password` is that of the server's administrator.
    """

    subject: Subject
    cell: Cell
    scenario: Scenario
    namespace: str
    values: Mapping[str, Any]
    declared: DeclaredChart
    database: Component
    identity: IdentityService | None
    secrets: tuple[str, ...]
    password: str
    release_of_service: str = ""
    certificates: Certificates | None = None
    second_declared: DeclaredChart | None = None

    @property
    def references(self) -> tuple[str, ...]:
        """Every image reference that the cluster must be able to pull, infrastructure included."""
        own = {container.image for container in self.declared.containers if container.image}
        return (*sorted(own), self.database.image)

    @property
    def uninstall_timeout(self) -> int:
        """Seconds for helm to uninstall: its own default, or less where the drop Job is told to be quick."""
        quick = self.subject.convention.quick if self.scenario.quick else None
        return quick.seconds + _AFTER_THE_JOB if quick else _TIMEOUT

    def plan(
        self,
        folder: Path,
        previous: Path | None,
        images: Sequence[PublishedImage],
        node_runtime: str,
        settle: float,
    ) -> CellPlan:
        """Return what `observe` runs, once the images are where the cluster pulls from.

        `folder` is the opened chart, with all that it depends on, `previous` its previous version where one is needed.
        """
        convention, name = self.subject.convention, self.subject.name
        return CellPlan(
            cell=self.cell,
            scenario=self.scenario,
            chart=folder,
            values=self.values,
            switch={state: conventions.drop_values(convention, enabled=state) for state in (True, False)},
            second=cell_values.second_values(convention, name) if self.scenario.has_second else {},
            second_declared=self.second_declared,
            previous=previous,
            certificates=self.certificates,
            password=self.password,
            uninstall_timeout=self.uninstall_timeout,
            declared=self.declared,
            release=name,
            tests=self.subject.tests,
            release_of_service=self.release_of_service,
            images=tuple(images),
            database=self.database,
            identity=self.identity,
            node_runtime=node_runtime,
            settle=settle,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes the releases of a run. `image_of` gives the reference that a chart gets for a flavor's own.

    `faulty` gives, for the reference of the drop Job's image, one whose pull can be made to fail.
    """

    renderer: Renderer
    image_of: ImageOf
    faulty: Callable[[str], str]

    def release(self, each: Subject, where: Cell, scenario: Scenario, chosen: AxisValues, namespace: str) -> Release:
        """Work out the values of a release and what the chart promises with them. Renders; touches no cluster.

        Raises `SuiteError` where the chart does not render, the flavor does not fit it, or an image cannot be had.
        """
        convention, flavor = each.convention, chosen.flavor
        unguessable = secrets.token_urlsafe(12)
        password = _HARD_PASSWORD * convention.any_password + unguessable
        coordinates = {**DATABASE, "password": password}
        certificates = _certificates(namespace) if scenario.tls else None
        authority = certificates.authority if certificates else ""
        base = merged(
            values_but_images(each, flavor, coordinates, drop=scenario.db_drop),
            cell_values.scenario_values(convention, each.name, scenario, authority),
        )
        keys = functions_of(each, base)
        named = records.references(flavor, each.name, keys)
        given = {key: self.image_of(reference, keys[key], chosen) for key, reference in named.items()}
        if scenario.drop_image:
            given |= self._faulty_drop(each, base, given, keys)
        values = merged(base, conventions.image_values(convention, given))
        identity = _identity(each, values)
        promised = partial(declare, each.chart, convention, renderer=self.renderer, release=each.name)
        second = merged(values, cell_values.second_values(convention, each.name)) if scenario.has_second else None
        return Release(
            subject=each,
            cell=where,
            scenario=scenario,
            namespace=namespace,
            values=values,
            declared=promised(values=values, namespace=namespace),
            second_declared=promised(values=second, namespace=f"{namespace}-second") if second else None,
            database=_database(password, certificates),
            identity=identity,
            # The random part stays itself, however the whole is quoted or escaped.
            secrets=(password, unguessable, *_passwords(_effective(each, values))),
            password=password,
            release_of_service=flavor.release,
            certificates=certificates,
        )

    def _faulty_drop(
        self, each: Subject, base: Mapping[str, Any], given: Mapping[str, str], keys: Mapping[str, str]
    ) -> dict[str, str]:
        """The image keys of the drop Job, with references whose pulls can be made to fail."""
        with opened(each.chart) as source:
            effective = merged(source.values.content, base)
            declared = conventions.declared_images(each.convention, source.values, effective)
        own = {image.key: image.reference for image in declared if keys[image.key] == "db_drop"}
        return {key: self.faulty(given.get(key, reference)) for key, reference in own.items()}


def _effective(each: Subject, values: Mapping[str, Any]) -> Mapping[str, Any]:
    with opened(each.chart) as source:
        return merged(source.values.content, values)


def _passwords(values: Any) -> Iterator[str]:
    """Whatever values call a password: a chart may put it anywhere."""
    if isinstance(values, dict):
        for name, entry in values.items():
            if str(name).lower().endswith("password") and isinstance(entry, str):
                # Some charts come with that very word, which stands in every other line.
                yield from [entry] if is_secret(entry) else []
            else:
                yield from _passwords(entry)
    elif isinstance(values, list):
        for entry in values:
            yield from _passwords(entry)


def _certificates(namespace: str) -> Certificates:
    host = str(DATABASE["host"])
    return certificates_of([host, *(f"{host}.{namespace}{end}" for end in ("", ".svc", ".svc.cluster.local"))])


def _database(password: str, certificates: Certificates | None) -> Component:
    values: dict[str, Any] = {"root": {"password": password}}
    if certificates:
        pairs = {
            name: {"certificate": pair.certificate, "key": pair.key}
            for name, pair in (("trusted", certificates.trusted), ("untrusted", certificates.untrusted))
        }
        values["tls"] = {**pairs, "required": True}
    return Component(
        name="mariadb",
        chart=DATABASE_CHART,
        image=database_image(),
        values=values,
        without_service={"manifests": {"service": False}},
        container="mariadb",
    )


def _identity(each: Subject, values: Mapping[str, Any]) -> IdentityService | None:
    where = each.convention.identity
    if not where:
        return None
    effective = _effective(each, values)
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
