"""The scenarios of the search path. Only planning may import both the loader and the rules that judge them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.loading import definitions
from osh_conformance.loading.search import PACKAGE_ONLY, DataPath
from osh_conformance.rules import catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.scenario import Scenario


def known(path: DataPath = PACKAGE_ONLY) -> Mapping[str, Scenario]:
    """Return the scenarios by name. Raises `UsageError` for one that names a rule without a live or matrix judge."""
    return definitions.scenarios([*catalogue.live_rules(), *catalogue.matrix_rules()], path)
