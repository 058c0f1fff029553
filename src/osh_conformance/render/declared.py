"""Derives a chart's promises with given values: its policy, its images by key, and the key of each container."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.values import at, merged
from osh_conformance.model.chart import DeclaredChart
from osh_conformance.render.engines.base import NAMESPACE, RELEASE
from osh_conformance.render.parse import containers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from osh_conformance.charts.source import ChartSource
    from osh_conformance.model.chart import Container
    from osh_conformance.model.convention import Convention
    from osh_conformance.render.engines.base import Renderer


def declare(  # noqa: PLR0913, PLR0917  (what a release is made of)
    source: ChartSource,
    convention: Convention | None,
    values: Mapping[str, Any],
    renderer: Renderer,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
) -> DeclaredChart:
    """Render an opened chart twice with `values` and return what a release with them declares.

    `convention` None means: the one that the chart's values follow. `release` and `namespace` are those of the
    release. Raises `SuiteError` if the chart does not render.
    """
    convention = convention or conventions.recognise(source.values.content)
    effective = merged(source.values.content, values)
    containers = containers_of(renderer.render(source.folder, values, release, namespace))
    declared = DeclaredChart(
        name=source.name,
        version=source.version,
        convention=None,
        policy=None,
        images={},
        functions={},
        containers=containers,
    )
    if convention is None:
        return declared
    images = conventions.declared_images(convention, source.values, effective)
    keys = tuple(image.key for image in images)
    references = sentinels(keys)
    overridden = merged(values, conventions.image_values(convention, references))
    by_position = key_by_container(
        containers_of(renderer.render(source.folder, overridden, release, namespace)), references
    )
    policy = at(effective, convention.pull_policy)
    return replace(
        declared,
        convention=convention.name,
        policy=None if policy is None else str(policy),
        images={image.key: image.reference for image in images},
        functions=conventions.functions(convention, source.name, keys),
        containers=with_keys(containers, by_position),
    )


_REPOSITORY = "sentinel.invalid/osh-conformance/key-{}-end"


def sentinels(keys: Iterable[str]) -> dict[str, str]:
    """Return a reference for each key that stands in no chart."""
    return {key: f"{_REPOSITORY.format(index)}:1.0.0" for index, key in enumerate(keys)}


def key_by_container(
    containers: Iterable[Container], references: Mapping[str, str]
) -> dict[tuple[str, int, str, str], str]:
    """Map the position of each container of a rendering with `references` to its key, "" where none arrived.

    A chart may put another host or tag around the reference: the repository is what is looked for.
    """
    repositories = {key: reference.rpartition(":")[0].partition("/")[2] for key, reference in references.items()}
    found = {}
    for container in containers:
        image = container.image or ""
        found[container.position] = next((key for key, name in repositories.items() if name in image), "")
    return found


def with_keys(containers: Iterable[Container], keys: Mapping[tuple[str, int, str, str], str]) -> tuple[Container, ...]:
    """Return `containers` with their keys. A container that only this rendering has gets None: its key is not known."""
    return tuple(replace(container, key=keys.get(container.position)) for container in containers)
