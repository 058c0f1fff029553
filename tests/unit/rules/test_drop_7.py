"""DROP-7: the drop works with difficult names and on a busy server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.model.scenario import Scenario
from tests.unit.mutations import both, life, removal, uninstall
from tests.unit.observations import observation, state
from tests.unit.rules.verdicts import assert_fails, assert_passes, assert_undecided

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation


def named(**names: str) -> Observation:
    """A release whose database has a name from the scenario."""
    scenario = Scenario(name="names", summary="a hard name", rules=(), db_drop=True, names=names)
    return replace(observation(), scenario=scenario)


def test_drop_7_accepts_a_drop_of_a_database_with_a_difficult_name() -> None:
    assert_passes("DROP-7", named(database="o'd`d"))


def test_drop_7_fails_a_chart_that_does_not_come_up_with_a_difficult_name() -> None:
    unsettled = "Job keystone-db-init failed: BackoffLimitExceeded"
    assert_fails(
        "DROP-7",
        life(unsettled=unsettled)(named(database="o'd`d")),
        f"a hard name: the release does not come up: {unsettled}",
        key="db_init",
    )


def test_drop_7_fails_a_drop_that_waits_for_the_transactions_of_the_service() -> None:
    waiting = replace(state(own=True), waiting=("DROP DATABASE `keystone` (Waiting for table metadata lock)",))
    assert_fails(
        "DROP-7",
        both(removal(after=waiting), uninstall(code=1, output="timed out"))(observation()),
        "exit code 1: timed out\n"
        "statements still waiting on the server: DROP DATABASE `keystone` (Waiting for table metadata lock)\n"
        "still there: database keystone (1 tables), account keystone@%",
    )


def test_drop_7_is_undecided_for_a_release_with_plain_names_that_did_not_come_up() -> None:
    seen = life(unsettled="pod keystone-api: crash")(observation())
    assert_undecided("DROP-7", seen, "the release did not come up: pod keystone-api: crash")
