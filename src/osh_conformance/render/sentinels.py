"""Which image key decides a container's image: set every key to a reference of its own, and see where it arrives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from osh_conformance.model.chart import Container

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
    """Return `containers` with their keys. One that only this rendering has gets None: nobody has tried it."""
    return tuple(replace(container, key=keys.get(container.position)) for container in containers)
