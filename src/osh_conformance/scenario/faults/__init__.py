"""What can go wrong while a release is removed: each fault by a name that scenarios use.

A module of this package registers its faults with `@fault("name", ...)`; a new one is a new class, and a row of the
table a scenario file that names it.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.scenario.faults.base import Fault, Need, registered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.scenario.state import ScenarioState

__all__ = ["Fault", "Need", "known", "repair_all", "strike"]


@functools.cache
def known() -> Mapping[str, type[Fault]]:
    """Every fault, by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(registered.items()))


def strike(run: ScenarioState, name: str) -> None:
    """Let a fault strike; what lasts is noted as active. Raises `SuiteError` where it cannot be made."""
    fault = known()[name](run)
    if fault.lasts:
        run.active.append(fault)
    with run.timed("faults"):
        fault.strike()


def repair_all(run: ScenarioState) -> None:
    """Repair whatever lasts, the latest first. Raises `SuiteError` for one that cannot be, once all were tried."""
    failed: SuiteError | None = None
    while run.active:
        try:
            run.active.pop().repair()
        except SuiteError as error:
            failed = failed or error
    if failed:
        raise failed
