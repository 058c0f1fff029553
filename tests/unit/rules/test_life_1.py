"""LIFE-1: a later install or upgrade starts as the first install did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.model.observation import TableState
from tests.unit.mutations import life, of, with_containers
from tests.unit.observations import NEIGHBOUR, observation, reinstalled, state, upgraded
from tests.unit.rules.verdicts import assert_fails, assert_not_applicable, assert_passes, assert_undecided

if TYPE_CHECKING:
    from osh_conformance.model.observation import DatabaseState, Observation

GONE, THERE = state(own=False), state(own=True)
FIRST, SECOND = "keystone-api-x7k2p", "keystone-api-m3v8q"


def started(seen: Observation, times: dict[str, str]) -> Observation:
    """Let the containers of pods start at other times."""
    return with_containers(seen, lambda c: replace(c, started_at=times.get(c.pod, c.started_at)))


def early(seen: Observation) -> Observation:
    """Let the second API server start before db_sync has ended."""
    return started(seen, {SECOND: "2026-01-01T01:00:00Z"})


def without_tables() -> DatabaseState:
    return replace(THERE, databases={**NEIGHBOUR, "keystone": {}})


def test_life_1_accepts_a_release_that_is_installed_again() -> None:
    assert_passes("LIFE-1", reinstalled())


def test_life_1_accepts_an_upgrade() -> None:
    assert_passes("LIFE-1", upgraded(drop=True))


def test_life_1_fails_an_upgrade_that_fails() -> None:
    seen = life(unsettled="helm upgrade ended with exit code 1:\nfield is immutable")(upgraded(drop=True))
    assert_fails("LIFE-1", seen, "the upgrade fails: helm upgrade ended with exit code 1:\nfield is", key="db_sync")


def test_life_1_fails_a_second_install_that_does_not_come_up() -> None:
    seen = life(1, unsettled="pod keystone-api: crash")(reinstalled())
    assert_fails("LIFE-1", seen, "does not come up: pod keystone-api: crash", key="db_sync")


def test_life_1_fails_a_second_install_that_does_not_migrate() -> None:
    seen = life(1, installed=without_tables())(reinstalled())
    assert_fails("LIFE-1", seen, "database keystone lacks these tables: user", key="db_sync")


def test_life_1_fails_a_second_install_without_a_database() -> None:
    seen = life(1, installed=GONE)(reinstalled())
    assert_fails("LIFE-1", seen, "database keystone lacks these tables: user", key="db_sync")


def test_life_1_names_three_of_many_missing_tables() -> None:
    tables = dict.fromkeys("fbdace", TableState(rows=0, checksum=0))
    seen = life(0, installed=replace(THERE, databases={"keystone": tables}))(reinstalled())
    assert_fails("LIFE-1", seen, "database keystone lacks these tables: a, b, c and 3 more", key="db_sync")


def test_life_1_fails_a_service_that_starts_before_its_migration() -> None:
    assert_fails(
        "LIFE-1",
        early(reinstalled()),
        "Deployment/keystone-api keystone-api started before db_sync had ended",
        key="db_sync",
    )


def test_life_1_accepts_an_early_start_of_a_container_without_dep_check() -> None:
    seen = reinstalled()
    containers = tuple(c for c in seen.declared.containers if c.key != "dep_check" or c.kind != "Deployment")
    assert_passes("LIFE-1", early(replace(seen, declared=replace(seen.declared, containers=containers))))


def test_life_1_accepts_an_early_start_of_a_container_that_also_started_early_at_first() -> None:
    assert_passes("LIFE-1", started(early(reinstalled()), {FIRST: "2026-01-01T00:00:00Z"}))


def test_life_1_accepts_any_start_without_a_migration() -> None:
    assert_passes("LIFE-1", of("db_sync", finished_at="")(reinstalled()))


def test_life_1_ignores_databases_that_the_first_uninstall_did_not_drop() -> None:
    assert_passes("LIFE-1", life(1, before=THERE, installed=without_tables())(reinstalled()))


def test_life_1_is_undecided_for_a_single_install() -> None:
    assert_undecided("LIFE-1", observation(), "there was no second install: the scenario has none")


def test_life_1_is_undecided_if_the_first_install_fails() -> None:
    seen = life(unsettled="pod keystone-api: crash")(observation())
    assert_undecided("LIFE-1", seen, "there was no second install: pod keystone-api: crash")


def test_life_1_does_not_apply_without_an_install() -> None:
    assert_not_applicable("LIFE-1", replace(observation(), lifetimes=()), "nothing was installed")
