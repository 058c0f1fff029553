"""The images and recipes that cells of given flavors and runtimes need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.errors import UsageError
from osh_conformance.loading import definitions
from osh_conformance.loading.definitions import ALL
from osh_conformance.loading.search import PACKAGE_ONLY, DataPath
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.model.convention import DATABASE
from osh_conformance.model.matrix import NODE_DEFAULT
from osh_conformance.plan.servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from osh_conformance.model.matrix import ContainerRuntime


def images(flavors: Sequence[str], services: Sequence[str], data: DataPath = PACKAGE_ONLY) -> set[str]:
    """Return the references of these flavors for these services, and of the suite's own servers.

    A service may also be the name of a server; the database server is always there. Raises `UsageError` for an unknown
    name.
    """
    known = definitions.flavors(data)
    _check_services(services, {*SERVERS, *(name for flavor in known.values() for name in flavor.services)})
    chosen = known.values() if ALL in flavors else [definitions.chosen(known, name, "flavor") for name in flavors]
    shared = {reference for flavor in chosen for reference in (*flavor.images.values(), flavor.rest) if reference}
    own = {
        reference
        for flavor in chosen
        for service, reference in flavor.services.items()
        if ALL in services or service in services
    }
    servers = {server.image for name, server in SERVERS.items() if name == DATABASE or {ALL, name} & {*services}}
    return shared | own | servers


def _check_services(services: Sequence[str], known: Collection[str]) -> None:
    for name in services:
        if name not in {ALL, *known}:
            raise UsageError(
                f"no flavor has an image of a service `{name}`{did_you_mean(name, known)}",
                expected=", ".join((ALL, *sorted(known))),
            )


def runtimes(names: Sequence[str], data: DataPath = PACKAGE_ONLY) -> tuple[ContainerRuntime, ...]:
    """Return the runtimes of these names; without names the nodes' own. Raises `UsageError` for an unknown name."""
    known = definitions.runtimes(data)
    if ALL in names:
        return tuple(known.values())
    return tuple(definitions.chosen(known, name, "runtime") for name in names or (NODE_DEFAULT,))


def recipes(names: Sequence[str], data: DataPath = PACKAGE_ONLY) -> set[str]:
    """Return the recipes of these runtimes' programs. Raises `UsageError` for an unknown name."""
    return {runtime.recipe for runtime in runtimes(names, data) if runtime.recipe}
