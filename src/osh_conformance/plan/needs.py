"""The images and recipes that cells of given flavors and runtimes need."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from osh_conformance.charts.source import opened
from osh_conformance.charts.values import at
from osh_conformance.loading import definitions
from osh_conformance.loading.definitions import ALL
from osh_conformance.loading.search import PACKAGE_ONLY, DataPath, data_folder

if TYPE_CHECKING:
    from collections.abc import Sequence


def images(flavors: Sequence[str], data: DataPath = PACKAGE_ONLY) -> set[str]:
    """Return the references of these flavors, and of the infrastructure. Raises `UsageError` for an unknown name."""
    known = definitions.flavors(data)
    chosen = known.values() if ALL in flavors else [definitions.chosen(known, name, "flavor") for name in flavors]
    own = {reference for flavor in chosen for reference in (*flavor.images.values(), *flavor.services.values())}
    return own | {database_image()}


def recipes(runtimes: Sequence[str], data: DataPath = PACKAGE_ONLY) -> set[str]:
    """Return the recipes of these runtimes' programs. Raises `UsageError` for an unknown name."""
    known = definitions.runtimes(data)
    chosen = known.values() if ALL in runtimes else [definitions.chosen(known, name, "runtime") for name in runtimes]
    return {runtime.recipe for runtime in chosen if runtime.recipe}


DATABASE_CHART = data_folder("infrastructure") / "mariadb"


@functools.cache
def database_image() -> str:
    """Return the reference of the database server's image."""
    with opened(DATABASE_CHART) as source:
        return str(at(source.values.content, "images.mariadb"))
