"""Faults that scenarios inject, each a class registered under its id.

A new fault is a class here with `@fault("id")`, an entry of `FAULTS` in `model/scenario.py`, and a scenario that names
it.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.model.scenario import FAULTS
from osh_conformance.scenario.faults.base import Fault, registered
from osh_conformance.scenario.state import ActiveFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.scenario.state import ScenarioState

__all__ = ["Fault", "inject", "known", "repair_all"]


@functools.cache
def known() -> Mapping[str, type[Fault]]:
    """Return the class of every fault, by id."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(registered.items()))


def inject(state: ScenarioState, fault_id: str) -> None:
    """Inject a fault; one that lasts becomes active. Raises `SuiteError` where that does not succeed."""
    fault = known()[fault_id](state)
    kind = FAULTS[fault_id]
    if not kind.readable and state.readable:
        state.last_read = state.read_database()
    if kind.lasting:
        # Before it is injected: a fault that is injected halfway needs a repair too.
        state.active.append(ActiveFault(id=fault_id, kind=kind, repair=fault.repair))
    with state.timed("faults"):
        fault.inject()


def repair_all(state: ScenarioState) -> None:
    """Repair every active fault, the latest first. Tries all of them, then raises the first `SuiteError`."""
    failed: SuiteError | None = None
    while state.active:
        try:
            state.active.pop().repair()
        except SuiteError as error:
            failed = failed or error
    if failed:
        raise failed
