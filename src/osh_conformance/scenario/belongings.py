"""Whose data is on the database server: what a release made, what a step made or took, and the suite's mark in it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import MARK, names_of
from osh_conformance.observe.database import GONE, LOCK_WAIT, LOCKED, quote_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.model.observation import DatabaseState
    from osh_conformance.scenario.state import ScenarioState

#: What says that a database is gone, or about to go.
_GOING = (*GONE, LOCKED)


def mark(state: ScenarioState, number: int) -> None:
    """Put a table with a row into each database of a lifetime that has none yet.

    Only who drops the database, or all its tables, takes it away. A release that uses the database ignores it.
    """
    lifetime = state.lifetimes[number]
    there = set(lifetime.installed.databases)
    new = [name for name in lifetime.databases if name in there and name not in lifetime.marked]
    marked = (*lifetime.marked, *(name for name in new if put_mark(state, name)))
    state.lifetimes[number] = replace(lifetime, marked=marked)


def put_mark(state: ScenarioState, database: str) -> bool:
    """Put that table into one database; return whether it was there for that."""
    table = f"{quote_name(database)}.{MARK}"
    try:
        state.server.change(
            f"SET SESSION lock_wait_timeout = {LOCK_WAIT}; "
            f"CREATE OR REPLACE TABLE {table} (id INT PRIMARY KEY) AS SELECT 1 AS id;"
        )
    except SuiteError as error:
        if any(code in error.details for code in _GOING):
            return False
        raise
    return True


@contextlib.contextmanager
def changed_by_step(state: ScenarioState) -> Iterator[None]:
    """Note what a step makes and takes: no release is answerable for that."""
    before = state.server.names()
    yield
    after = state.server.names()
    state.made_by_steps |= names_of(after) - names_of(before)
    taken = names_of(before) - names_of(after)
    for number, lifetime in enumerate(state.lifetimes):
        marked = tuple(name for name in lifetime.marked if MARK in after.databases.get(name, ()))
        state.lifetimes[number] = replace(lifetime, taken=_sorted({*lifetime.taken, *taken}), marked=marked)


def add_later(state: ScenarioState, number: int, now: DatabaseState) -> None:
    """Add to a lifetime what came after its install and that no step made.

    Not while another release is there: nobody can tell whose it is. Not after its first uninstall.
    """
    removed = {removal.lifetime for removal in state.removals}
    if removed.union([number]) != set(range(len(state.lifetimes))) or number in removed:
        return
    lifetime = state.lifetimes[number]
    others = {name for other in state.lifetimes for name in names_of(other.installed) - names_of(other.before)}
    later = names_of(now) - names_of(lifetime.installed) - names_of(lifetime.before) - others - state.made_by_steps
    state.lifetimes[number] = replace(lifetime, later=_sorted(later))


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
