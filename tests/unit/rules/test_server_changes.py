"""What DROP-4 to DROP-7 find of neighbours and of the whole server, on observations with one change each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.model.observation import MARK, TableState
from osh_conformance.model.scenario import ExpectedData
from tests.unit.mutations import both, life, removal
from tests.unit.observations import observation, recovered, state, two_releases
from tests.unit.rules.verdicts import assert_fails, assert_passes, assert_undecided, assert_warns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.observation import DatabaseState, Observation

ROOT = "root@%"
HELD = "neighbour@localhost in a transaction"
LEDGER = TableState(rows=100, checksum=7)


def full(*, own: bool, **changes: Any) -> DatabaseState:
    """The server with one of each kind of thing that the neighbour owns."""
    then = state(own=own)
    databases = {
        name: {**tables, **({MARK: TableState(rows=1, checksum=3)} if name == "keystone" else {})}
        for name, tables in then.databases.items()
    }
    known: dict[str, Any] = {
        "databases": databases,
        "accounts": {**then.accounts, ROOT: ("CREATE USER ON *",)},
        "roles": {"reader": ("SELECT ON neighbour",)},
        "details": {
            "neighbour@%": {"login": "a1", "plugin": "mysql_native_password", "roles": "reader"},
            ROOT: {"login": "b2", "plugin": "mysql_native_password", "roles": "reader with admin option"},
        },
        "privileges": {"neighbour@%": {"neighbour": ("EXECUTE ON PROCEDURE clean",)}},
        "objects": {"neighbour": {"procedure clean": "d1", "trigger trimmed": "d2", "table ledger": "d3"}, "mysql": {}},
        "sessions": {"8": HELD, "9": "keystone@10.0.0.9"},
        "writes": {"neighbour": 4, "root": 9},
        "started": 1000,
    }
    return replace(then, **{**known, **changes})


def seen(after: Mapping[str, Any] | None = None, populated: Mapping[str, Any] | None = None) -> Observation:
    """A correct removal, with other things on the server immediately before it and after it."""
    whole = observation()
    lifetime = replace(whole.lifetimes[0], before=full(own=False), installed=full(own=True), marked=("keystone",))
    whole = replace(whole, lifetimes=(lifetime,))
    # The release's session is gone by then, as it should be; some statements were counted.
    done = {"sessions": {"8": HELD}, "writes": {"neighbour": 4, "root": 12}}
    looks: dict[str, Any] = {
        "populated": full(own=True, **(populated or {})),
        "after": full(own=False, **{**done, **(after or {})}),
    }
    return removal(**looks)(whole)


def test_a_correct_removal_passes() -> None:
    assert_passes("DROP-4", seen())


@pytest.mark.parametrize(
    ("after", "text"),
    [
        ({"roles": {}}, "role reader of another service is gone"),
        ({"roles": {"reader": ()}}, "role reader of another service has other grants: none"),
        (
            {"privileges": {}},
            "account neighbour@% of another service lost EXECUTE ON PROCEDURE clean of database neighbour",
        ),
        ({"sessions": {}}, "the session of neighbour@localhost, with its open transaction, was ended"),
        ({"sessions": {"8": "neighbour@localhost"}}, "the open transaction of neighbour@localhost was ended"),
        ({"variables": {"READ_ONLY": "ON"}}, "global variable read_only was set (now ON)"),
        ({"variables": {"INIT_CONNECT": ""}}, "global variable init_connect was set (now empty)"),
        ({"commands": {"STOP SLAVE": 1}}, "STOP SLAVE was run, which concerns every client of the server"),
        ({"commands": {"FLUSH TABLES WITH READ LOCK": 1}}, "FLUSH TABLES WITH READ LOCK was run"),
        ({"commands": {"FLUSH TABLES NEIGHBOUR.LEDGER": 1}}, "FLUSH TABLES NEIGHBOUR.LEDGER was run"),
        ({"started": 2000}, "the database server was restarted"),
        ({"databases": {"neighbour": {"ledger": LEDGER}, "backup": {}}}, "database backup is new after helm uninstall"),
        (
            {"databases": {"neighbour": {"ledger": LEDGER, "old": TableState(rows=2, checksum=11)}}},
            "database neighbour of another service: table old is new after helm uninstall, with those of keystone.user",
        ),
        (
            {"databases": {"neighbour": {"ledger": TableState(rows=100, checksum=8)}}},
            "database neighbour of another service: table ledger had 100 rows (checksum 7), now 100 rows (checksum 8)",
        ),
    ],
)
def test_one_change_is_one_finding(after: Mapping[str, Any], text: str) -> None:
    assert_fails("DROP-4", seen(after), text)


@pytest.mark.parametrize(
    ("aspects", "text"),
    [
        ({"lock": "locked"}, "its lock was none, now locked"),
        ({"login": "c3"}, "it has another password"),
        ({"login": "c3", "plugin": "unix_socket"}, "its plugin was mysql_native_password, now unix_socket"),
        ({"TLS": "required"}, "its TLS was none, now required"),
        ({"roles": ""}, "its roles were reader, now none"),
    ],
)
def test_a_changed_account_of_a_neighbour_is_one_finding(aspects: Mapping[str, str], text: str) -> None:
    details = {**full(own=False).details}
    details["neighbour@%"] = {**details["neighbour@%"], **aspects}
    assert_fails("DROP-4", seen({"details": details}), f"account neighbour@% of another service: {text}")


@pytest.mark.parametrize(
    ("objects", "text"),
    [
        ({"trigger trimmed": "d2", "table ledger": "d3"}, "procedure clean is gone"),
        ({"procedure clean": "d9", "trigger trimmed": "d2", "table ledger": "d3"}, "procedure clean has another"),
        (
            {"procedure clean": "d1", "trigger trimmed": "d2", "table ledger": "d9"},
            "table ledger has another definition",
        ),
        (
            {"procedure clean": "d1", "trigger trimmed": "d2", "table ledger": "d3", "event x": "d4"},
            "event x is new after helm uninstall",
        ),
    ],
)
def test_a_changed_definition_of_a_neighbour_is_one_finding(objects: Mapping[str, str], text: str) -> None:
    after: dict[str, Any] = {"objects": {"neighbour": objects, "mysql": {}}}
    if "procedure clean" not in objects:
        after["privileges"] = {}  # the server takes the grant away with the routine
    assert_fails("DROP-4", seen(after), f"database neighbour of another service: {text}")


def test_a_dropped_table_and_its_trigger_are_one_finding() -> None:
    after = {"databases": {"neighbour": {}}, "objects": {"neighbour": {"procedure clean": "d1"}, "mysql": {}}}
    assert_fails("DROP-4", seen(after), "table ledger had 100 rows (checksum 7), now no such table")


def test_a_table_in_the_servers_own_database_is_new() -> None:
    objects = {**full(own=False).objects, "mysql": {"table kept": ""}}
    assert_fails("DROP-4", seen({"objects": objects}), "database mysql of the server: table kept is new after helm")


@pytest.mark.parametrize(
    "after",
    [
        {"commands": {"FLUSH PRIVILEGES": 1, "FLUSH LOCAL PRIVILEGES": 1, "FLUSH TABLES KEYSTONE.USER": 1}},
        {"sessions": {"8": HELD, "12": "root@10.0.0.7"}},
        # The neighbour itself has written.
        {
            "writes": {"neighbour": 5, "root": 12},
            "databases": {"neighbour": {"ledger": TableState(rows=100, checksum=8)}},
        },
        # Who administers the server is made anew when it starts, without the roles that it has created.
        {"details": {**full(own=False).details, ROOT: {"login": "b2", "plugin": "mysql_native_password"}}},
    ],
)
def test_what_only_looks_like_harm_passes(after: Mapping[str, Any]) -> None:
    assert_passes("DROP-4", seen(after))


def test_fewer_rows_of_a_neighbour_that_wrote_are_a_warning() -> None:
    fewer = {"neighbour": {"ledger": TableState(rows=99, checksum=8)}}
    assert_warns("DROP-4", seen({"writes": {"neighbour": 5}, "databases": fewer}), "now 99 rows (checksum 8)")


def test_a_second_release_that_did_not_write_has_lost_its_rows() -> None:
    whole = two_releases()
    first = whole.removals[0]
    counted = replace(first.populated, started=1000, writes={"keystone_second": 2})
    fewer = {**first.after.databases, "keystone_second": {"user": TableState(rows=1, checksum=14)}}
    after = replace(first.after, started=1000, writes={"keystone_second": 2}, databases=fewer)
    assert_fails("DROP-4", removal(populated=counted, after=after)(whole), "now 1 rows (checksum 14)")
    wrote = replace(after, writes={"keystone_second": 3})
    assert_warns("DROP-4", removal(populated=counted, after=wrote)(whole), "now 1 rows (checksum 14)")


# -- between the install and the uninstall


def _gone() -> dict[str, Any]:
    then = full(own=False)
    return {"databases": then.databases, "accounts": then.accounts}


def test_what_was_dropped_before_the_uninstall_is_told_with_the_time() -> None:
    between = "something dropped it between the install and the uninstall"
    assert_fails(
        "DROP-4",
        seen(populated=_gone()),
        f"account keystone@% was already gone when helm uninstall began: {between}",
        f"database keystone was already gone when helm uninstall began: {between}",
    )


def test_what_a_step_took_is_no_finding() -> None:
    assert_passes("DROP-4", life(taken=("account keystone@%", "database keystone"))(seen(populated=_gone())))


def test_a_database_that_was_made_again_has_no_mark() -> None:
    databases = {**full(own=True).databases, "keystone": {"user": TableState(rows=2, checksum=11)}}
    again = seen(populated={"databases": databases})
    assert_fails("DROP-4", again, "database keystone was dropped and made again, or emptied, between the install and")
    assert_passes("DROP-4", life(marked=())(again))


def test_an_upgrade_that_empties_a_database_is_seen_although_the_server_is_the_same_before_the_uninstall() -> None:
    """The last look before the uninstall is equal to the one after the upgrade: neither has the mark."""
    databases = {**full(own=True).databases, "keystone": {"user": TableState(rows=2, checksum=11)}}
    then = full(own=True, databases=databases)
    upgraded = both(life(installed=then), removal(populated=then))(seen())
    assert_fails("DROP-4", removal(looked=True)(upgraded), "database keystone was dropped and made again, or emptied")
    assert_passes("DROP-4", removal(looked=False)(upgraded))


def test_a_retry_does_not_ask_what_the_failed_uninstall_took() -> None:
    whole = recovered()
    first, again = whole.removals
    gone = full(own=False, databases={**full(own=False).databases})
    retry = replace(again, populated=gone, after=gone, is_retry=True)
    start = life(before=full(own=False), installed=full(own=True), marked=("keystone",))(whole)
    assert_passes("DROP-4", replace(start, removals=(replace(retry, populated=full(own=True)), retry)))
    assert first.failure is not None


def test_a_database_that_came_late_is_the_releases() -> None:
    nothing = life(installed=full(own=False), marked=())(seen(after=_gone()))
    assert_undecided("DROP-4", removal(populated=full(own=False))(nothing), "created no database and no account")
    late = life(later=("account keystone@%", "database keystone"))(nothing)
    assert_passes("DROP-4", late)
    left = removal(after=full(own=True))(late)
    assert_fails("DROP-4", left, "database keystone is still there", "account keystone@% is still there")


def test_a_role_of_the_release_must_be_dropped() -> None:
    roles = {**full(own=True).roles, "keystone_writer": ("INSERT ON keystone",)}
    made = both(life(installed=full(own=True, roles=roles)), removal(populated=full(own=True, roles=roles)))(seen())
    assert_passes("DROP-4", made)
    assert_fails("DROP-4", removal(after=full(own=False, roles=roles))(made), "role keystone_writer is still there")


def test_a_kept_database_whose_service_did_not_write_must_be_the_same() -> None:
    kept = removal(expected_data=ExpectedData.KEPT, after=full(own=True))(seen())
    assert_passes("DROP-4", kept)
    changed = {
        **full(own=True).databases,
        "keystone": {**full(own=True).databases["keystone"], "user": TableState(rows=2, checksum=12)},
    }
    after = full(own=True, databases=changed)
    assert_fails("DROP-4", removal(after=after)(kept), "database keystone: table user had 2 rows (checksum 11), now 2")
    wrote = replace(after, writes={"keystone": 1, "neighbour": 4, "root": 9})
    assert_passes("DROP-4", removal(after=wrote)(kept))


def test_under_a_fault_the_server_itself_may_change() -> None:
    restarted = seen({"started": 2000, "sessions": {}, "variables": {"READ_ONLY": "ON"}})
    assert_passes("DROP-4", removal(faults=("server-restarted",))(restarted))
