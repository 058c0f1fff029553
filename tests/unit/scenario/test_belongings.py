"""Whose data is on the database server: a release's, a step's, or nobody's any more."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import MARK, DatabaseState, ReleaseLifetime, TableState
from osh_conformance.scenario import belongings
from tests.unit.observations import observation, state

BEFORE, INSTALLED = state(own=False), state(own=True)
ROW = TableState(rows=1, checksum=1)
LATE = replace(INSTALLED, databases={**INSTALLED.databases, "late": {}}, accounts={**INSTALLED.accounts, "late@%": ()})


def running(*lifetimes: ReleaseLifetime, **parts: Any) -> Any:
    known = {"lifetimes": list(lifetimes), "removals": [], "made_by_steps": frozenset(), **parts}
    return SimpleNamespace(**known)


def lifetime(before: DatabaseState = BEFORE, installed: DatabaseState = INSTALLED, **parts: Any) -> ReleaseLifetime:
    return ReleaseLifetime(release="keystone", before=before, installed=installed, **parts)


def test_what_comes_after_the_install_is_the_releases() -> None:
    run = running(lifetime())
    belongings.add_later(run, 0, LATE)
    assert run.lifetimes[0].later == ("account late@%", "database late")
    assert run.lifetimes[0].databases == ("keystone", "late")


def test_what_a_step_made_is_not_the_releases() -> None:
    run = running(lifetime(), made_by_steps=frozenset({"account late@%", "database late"}))
    belongings.add_later(run, 0, LATE)
    assert run.lifetimes[0].later == ()


def test_nobody_can_tell_whose_it_is_while_there_are_two_releases() -> None:
    run = running(lifetime(), lifetime(before=INSTALLED))
    belongings.add_later(run, 0, LATE)
    assert run.lifetimes[0].later == ()


def test_what_comes_after_an_uninstall_is_not_the_releases() -> None:
    run = running(lifetime(), removals=list(observation().removals))
    belongings.add_later(run, 0, LATE)
    assert run.lifetimes[0].later == ()


def test_a_step_that_makes_and_takes_is_noted() -> None:
    looks = [INSTALLED, replace(LATE, databases={"late": {}})]
    run = running(lifetime(marked=("keystone",)), server=SimpleNamespace(names=lambda: looks.pop(0)))
    with belongings.changed_by_step(run):
        pass
    assert run.made_by_steps == {"account late@%", "database late"}
    assert run.lifetimes[0].taken == ("database keystone", "database neighbour")
    assert run.lifetimes[0].marked == ()


def test_a_step_that_leaves_the_mark_leaves_the_database_marked() -> None:
    with_mark = replace(INSTALLED, databases={"keystone": {MARK: ROW}})
    run = running(lifetime(marked=("keystone",)), server=SimpleNamespace(names=lambda: with_mark))
    with belongings.changed_by_step(run):
        pass
    assert run.lifetimes[0].marked == ("keystone",)


@pytest.mark.parametrize(("error", "marked"), [("", ("keystone",)), ("ERROR 1049 (42000): Unknown database", ())])
def test_a_database_that_is_gone_by_then_gets_no_mark(error: str, marked: tuple[str, ...]) -> None:
    def change(sql: str) -> str:
        assert f"`keystone`.{MARK}" in sql
        if error:
            raise SuiteError("`mariadb` ended with 1", details=error)
        return ""

    run = running(lifetime(), server=SimpleNamespace(change=change))
    belongings.mark(run, 0)
    assert run.lifetimes[0].marked == marked


def test_any_other_error_of_the_server_is_an_error() -> None:
    def change(_sql: str) -> str:
        raise SuiteError("`mariadb` ended with 1", details="ERROR 2002 (HY000): Can't connect")

    with pytest.raises(SuiteError):
        belongings.mark(running(lifetime(), server=SimpleNamespace(change=change)), 0)
