"""DROP-5: the drop is idempotent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from osh_conformance.model.observation import TableState
from osh_conformance.model.scenario import ExpectedData
from tests.unit.mutations import both, life, removal, uninstall
from tests.unit.observations import NEIGHBOUR, observation, state, upgraded
from tests.unit.rules.verdicts import assert_fails, assert_passes, assert_undecided, assert_warns

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation

GONE, THERE = state(own=False), state(own=True)
KEPT_AND_GONE = (
    "database keystone is gone, with db_drop switched off",
    "account keystone@% is gone or has other grants, with db_drop switched off",
)


def uninstalled_twice() -> Observation:
    """A second uninstall, when everything with the release's names belongs to another owner."""
    seen = observation()
    # Helm does not find the release.
    call = replace(seen.removals[0].call, code=1)
    second = replace(seen.removals[0], expected_data=ExpectedData.ALREADY_GONE, after=THERE, call=call)
    return replace(seen, removals=(*seen.removals, second))


@pytest.mark.parametrize("drop", [True, False])
def test_drop_5_accepts_an_uninstall_that_follows_a_changed_switch(*, drop: bool) -> None:
    assert_passes("DROP-5", upgraded(drop=drop))


def test_drop_5_accepts_a_second_uninstall_that_drops_nothing() -> None:
    assert_passes("DROP-5", uninstalled_twice())


def test_drop_5_fails_a_drop_after_the_switch_was_switched_off() -> None:
    assert_fails("DROP-5", removal(after=GONE)(upgraded(drop=False)), *KEPT_AND_GONE)


def test_drop_5_fails_a_missing_drop_after_the_switch_was_switched_on() -> None:
    assert_fails(
        "DROP-5",
        removal(after=THERE)(upgraded(drop=True)),
        "database keystone is still there, with 1 tables",
        "account keystone@% is still there",
    )


def test_drop_5_fails_a_drop_that_stops_at_a_missing_database() -> None:
    without = replace(GONE, accounts=THERE.accounts)
    mutate = both(removal(populated=without, after=without), uninstall(code=1, output="Unknown database 'keystone'"))
    assert_fails(
        "DROP-5",
        mutate(observation()),
        "exit code 1: Unknown database 'keystone'\nstill there: account keystone@%",
    )


def test_drop_5_fails_a_second_uninstall_that_drops_the_data_of_a_new_owner() -> None:
    assert_fails(
        "DROP-5",
        removal(1, after=GONE)(uninstalled_twice()),
        "database keystone is gone, which belonged to another owner by then",
        "account keystone@% is gone or has other grants, which belonged to another owner by then",
    )


def test_drop_5_fails_lost_tables_with_the_switch_off() -> None:
    emptied = replace(THERE, databases={**NEIGHBOUR, "keystone": {}})
    assert_fails(
        "DROP-5",
        removal(after=emptied)(upgraded(drop=False)),
        "database keystone: table user had 2 rows (checksum 11), now no such table, with db_drop switched off",
        "database keystone: every table is empty, with db_drop switched off",
    )


def test_drop_5_fails_an_upgrade_that_switches_the_drop_off_and_drops() -> None:
    assert_fails("DROP-5", removal(populated=GONE, after=GONE)(upgraded(drop=False)), *KEPT_AND_GONE)


def test_drop_5_accepts_rows_that_the_service_writes_until_its_pods_end() -> None:
    written = {"user": TableState(rows=3, checksum=12), "session": TableState(rows=1, checksum=9)}
    then = replace(THERE, databases={**NEIGHBOUR, "keystone": written})
    assert_passes("DROP-5", removal(after=then)(upgraded(drop=False)))


def test_drop_5_warns_of_rows_that_the_service_may_have_deleted() -> None:
    then = replace(THERE, databases={**NEIGHBOUR, "keystone": {"user": TableState(rows=1, checksum=4)}})
    assert_warns(
        "DROP-5",
        removal(after=then)(upgraded(drop=False)),
        "table user had 2 rows (checksum 11), now 1 rows (checksum 4), with db_drop switched off",
    )


def test_drop_5_is_undecided_for_a_release_that_did_not_come_up() -> None:
    seen = life(unsettled="pod keystone-api: crash")(observation())
    assert_undecided("DROP-5", seen, "the release did not come up: pod keystone-api: crash")


def test_drop_5_is_undecided_for_a_release_without_a_database() -> None:
    seen = life(installed=GONE)(observation())
    assert_undecided("DROP-5", seen, "created no database and no account, so there was nothing to drop or keep")
