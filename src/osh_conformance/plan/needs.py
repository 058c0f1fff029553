"""Lists the images and recipes that cells of certain flavors and runtimes need."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from osh_conformance.charts.source import opened
from osh_conformance.charts.values import at
from osh_conformance.loading import records
from osh_conformance.loading.records import ALL
from osh_conformance.loading.search import data_folder

if TYPE_CHECKING:
    from collections.abc import Sequence


def images(flavors: Sequence[str]) -> set[str]:
    """Return the references of these flavors and of the infrastructure. Raises `UsageError` for an unknown name."""
    known = records.flavors()
    chosen = known.values() if ALL in flavors else [records.chosen(known, name, "flavor") for name in flavors]
    own = {reference for flavor in chosen for reference in (*flavor.images.values(), *flavor.services.values())}
    return own | {database_image()}


def recipes(runtimes: Sequence[str]) -> set[str]:
    """Return the recipes of these runtimes' programs. Raises `UsageError` for an unknown name."""
    known = records.runtimes()
    chosen = known.values() if ALL in runtimes else [records.chosen(known, name, "runtime") for name in runtimes]
    return {runtime.recipe for runtime in chosen if runtime.recipe}


DATABASE_CHART = data_folder("infrastructure") / "mariadb"


@functools.cache
def database_image() -> str:
    """Return the reference of the database server's image."""
    with opened(DATABASE_CHART) as source:
        return str(at(source.values.content, "images.mariadb"))
