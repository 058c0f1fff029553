"""The record of each uninstall says what the server showed, whatever the verdict."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from osh_conformance.live.removed_data import removed_data
from osh_conformance.model.observation import MARK, Observation, TableState
from osh_conformance.model.result import Fates
from osh_conformance.model.scenario import ExpectedData
from osh_conformance.report import removals
from osh_conformance.scenario.recovery import TENANT
from tests.controls import RepeatedScenario, recording
from tests.unit import observations
from tests.unit.observations import OWN, OWN_ACCOUNTS, SECOND, SECOND_ACCOUNTS, observation, state


def test_a_drop_names_what_is_gone_and_what_was_in_it() -> None:
    (removed,) = removed_data(observation())
    assert (removed.scenario, removed.release, removed.expected) == ("drop", "keystone", "dropped")
    assert removed.databases == Fates(dropped=("keystone",))
    assert removed.accounts == Fates(dropped=("keystone@%",))
    assert (removed.tables, removed.rows, removed.code) == (1, 2, 0)


def test_the_tables_of_the_suite_are_counted_by_themselves() -> None:
    seen = observation()
    (removal,) = seen.removals
    tables = {**OWN["keystone"], TENANT: TableState(rows=1, checksum=1), MARK: TableState(rows=1, checksum=1)}
    own = state(own=True)
    populated = replace(own, databases={**own.databases, "keystone": tables})
    (removed,) = removed_data(replace(seen, removals=(replace(removal, populated=populated),)))
    assert (removed.tables, removed.rows, removed.suite_tables) == (1, 2, 2)


def test_data_that_must_go_and_is_there_is_left() -> None:
    seen = observation()
    (removal,) = seen.removals
    (removed,) = removed_data(replace(seen, removals=(replace(removal, after=state(own=True)),)))
    assert removed.databases == Fates(left=("keystone",))
    assert removed.accounts == Fates(left=("keystone@%",))


@pytest.mark.parametrize("expected", [ExpectedData.KEPT, ExpectedData.ALREADY_GONE])
def test_data_that_must_stay_is_kept_or_dropped(expected: ExpectedData) -> None:
    seen = observation(db_drop=False)
    (removal,) = seen.removals
    kept = replace(removal, expected_data=expected, after=state(own=True))
    wrong = replace(kept, after=state(own=False))
    first, second = removed_data(replace(seen, removals=(kept, wrong)))
    assert first.databases == Fates(kept=("keystone",))
    assert second.databases == Fates(dropped=("keystone",))


def test_a_database_that_was_made_after_the_first_look_is_the_releases() -> None:
    seen = observation()
    later = ("database keystone", "account keystone@%")
    late = replace(seen, lifetimes=(replace(seen.lifetimes[0], installed=state(own=False), later=later),))
    (removed,) = removed_data(late)
    assert removed.databases == Fates(dropped=("keystone",))
    assert removed.accounts == Fates(dropped=("keystone@%",))


def test_a_database_that_went_before_the_uninstall_was_not_dropped_by_it() -> None:
    seen = observation()
    (removal,) = seen.removals
    (removed,) = removed_data(replace(seen, removals=(replace(removal, populated=state(own=False)),)))
    assert removed.databases == Fates(gone=("keystone",))
    assert removed.tables == 0


def test_the_data_of_another_release_is_not_its_own() -> None:
    seen = observation()
    (removal,) = seen.removals
    own, none = state(own=True), state(own=False)
    both = replace(own, databases={**own.databases, **SECOND}, accounts={**own.accounts, **SECOND_ACCOUNTS})
    other = replace(none, databases={**none.databases, **SECOND}, accounts={**none.accounts, **SECOND_ACCOUNTS})
    second = replace(seen.lifetimes[0], release="second", before=own, installed=both)
    removals = (
        replace(removal, populated=both, after=other),
        replace(removal, lifetime=1, populated=other, after=none),
    )
    first, last = removed_data(replace(seen, lifetimes=(seen.lifetimes[0], second), removals=removals))
    assert (first.databases.dropped, first.accounts.dropped) == (tuple(OWN), tuple(OWN_ACCOUNTS))
    assert (last.release, last.databases.dropped, last.accounts.dropped) == (
        "second",
        tuple(SECOND),
        tuple(SECOND_ACCOUNTS),
    )


def test_a_service_that_came_after_the_install_is_not_the_releases() -> None:
    seen = observation()
    (removal,) = seen.removals
    own = state(own=True)
    populated = replace(own, databases={**own.databases, **SECOND}, accounts={**own.accounts, **SECOND_ACCOUNTS})
    (removed,) = removed_data(replace(seen, removals=(replace(removal, populated=populated),)))
    assert removed.databases == Fates(dropped=("keystone",))


def test_a_role_of_the_release_is_its_own_too() -> None:
    seen = observation()
    (removal,) = seen.removals
    own = replace(state(own=True), roles={"reader": ()})
    life = replace(seen.lifetimes[0], installed=own)
    (removed,) = removed_data(replace(seen, lifetimes=(life,), removals=(replace(removal, populated=own, after=own),)))
    assert removed.roles == Fates(left=("reader",))


def _recorded(mutant: str, scenario: str) -> str:
    seen = msgspec.json.decode(recording(mutant, RepeatedScenario(name=scenario)).read_bytes(), type=Observation)
    return removals.words(removed_data(seen))


@pytest.mark.parametrize(
    ("mutant", "scenario", "expected"),
    [
        ("drop-nothing", "drop-enabled", "left: database drop-nothing; account drop-nothing@%"),
        (
            "drop-leaves-account",
            "drop-enabled",
            "dropped: database drop-leaves-account; left: account drop-leaves-account@%",
        ),
        (
            "drop-switched-off",
            "drop-disabled",
            "dropped: database drop-switched-off; account drop-switched-off@%",
        ),
        ("drop-takes-pattern", "neighbours", "dropped: database drop-takes-pattern; account drop-takes-pattern@%"),
        ("not-idempotent", "account-gone", "dropped: database not-idempotent; gone before: account not-idempotent@%"),
    ],
)
def test_a_recording_says_what_the_server_showed(mutant: str, scenario: str, expected: str) -> None:
    assert _recorded(mutant, scenario).partition(" (")[0] == expected


def test_the_last_line_of_each_container_of_the_drop_job_is_kept() -> None:
    seen = observation()
    (removal,) = seen.removals
    printed, waited = "Deleted database\nDeleted user\n\n", "mariadb: there"
    logs = {"keystone-db-drop-1 dep-check": waited, "keystone-db-drop-1 a": printed, "keystone-db-drop-1 b": ""}
    ran = ("Job/keystone-db-drop a", "Job/keystone-db-drop b")
    (removed,) = removed_data(replace(seen, removals=(replace(removal, logs=logs, ran=ran),)))
    assert removed.log == {"keystone-db-drop-1 a": "Deleted user"}
    assert removed.output == "", "a helm that succeeded explains nothing"


def test_of_a_drop_that_never_started_the_last_line_is_that_of_what_it_waits_for() -> None:
    seen = observation()
    (removal,) = seen.removals
    waits = replace(removal, logs={"keystone-db-drop-1 dep-check": "mariadb: not there"}, ran=())
    (removed,) = removed_data(replace(seen, removals=(waits,)))
    assert removed.log == {"keystone-db-drop-1 dep-check": "mariadb: not there"}


def test_a_failed_uninstall_keeps_what_explains_it() -> None:
    failed, again = removed_data(observations.recovered())
    assert failed.log == {"keystone-db-drop-x7k2p db-drop": "left: database keystone"}
    assert (failed.code, again.code) == (1, 0)
    assert failed.output == "job keystone-db-drop failed: DeadlineExceeded"
    seen = observations.recovered()
    call = replace(seen.removals[0].call, output=f"Error: resource Job/{seen.namespace}/keystone-db-drop not ready")
    more = replace(seen.removals[0], call=call, repeated_failure="no section", with_image="and no script")
    (removed,) = removed_data(replace(seen, removals=(more,)))
    assert removed.output == "Error: resource Job/keystone-db-drop not ready", "namespaces change from run to run"
    assert (removed.repeated_failure, removed.with_image) == ("no section", "and no script")
