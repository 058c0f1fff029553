"""DROP-6: a failed uninstall is reported, does no harm, and can be repeated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from osh_conformance.model.finding import Status
from osh_conformance.model.observation import DatabaseState, TableState
from osh_conformance.model.scenario import ExpectedData, InjectStep, RecoverStep, Scenario, ScenarioStep, UninstallStep
from tests.unit.mutations import aftermath, both, life, removal, uninstall
from tests.unit.observations import NEIGHBOUR, TENANT, observation, recovered, state
from tests.unit.rules.verdicts import assert_fails, assert_passes, assert_undecided, assert_warns, verdict_of

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation
    from tests.unit.mutations import Mutation

GONE, THERE = state(own=False), state(own=True)
#: The databases while another client uses them, after the failed uninstall.
USED = recovered().removals[1].populated
LATER = "under server-away: within 30 s after the failed uninstall and the repair"
HALF = {**THERE.databases, "keystone_api": {"cell": TableState(rows=1, checksum=3)}}
LOCKED = replace(THERE, locked=("keystone@%",))


def standing(*faults: str, seen: Observation | None = None) -> Observation:
    """A release that is uninstalled while faults are in place; by default its drop succeeds in spite of them."""
    injected = tuple(InjectStep(inject=fault) for fault in faults)
    steps: tuple[ScenarioStep, ...] = (*injected, UninstallStep(), RecoverStep())
    scenario = Scenario(name="a-fault", summary="", rules=(), db_drop=True, steps=steps)
    seen = seen or removal(faults=faults, reachable=False)(observation())
    return replace(seen, scenario=scenario)


def half_dropped(log: str) -> Observation:
    """A release with two databases, whose failed uninstall has dropped the first and printed `log`."""
    before = DatabaseState(databases=HALF, accounts=THERE.accounts)
    after = replace(before, databases={**NEIGHBOUR, "keystone_api": HALF["keystone_api"]})
    mutate = both(
        life(installed=before),
        removal(populated=before, after=after),
        aftermath(logs={"keystone-db-drop-x7k2p db-drop": log}),
    )
    return mutate(recovered())


def emptied(log: str) -> Observation:
    """A release whose failed uninstall has dropped all tables and left the database."""
    after = replace(THERE, databases={**NEIGHBOUR, "keystone": {}})
    return both(removal(after=after), aftermath(logs={"keystone-db-drop-x7k2p db-drop": log}))(recovered())


def waits(then: DatabaseState) -> DatabaseState:
    return replace(then, waiting=("DROP DATABASE `keystone` (Waiting for table metadata lock)",))


# -- an uninstall that succeeds under a fault


def test_drop_6_accepts_a_drop_without_a_fault() -> None:
    assert_passes("DROP-6", observation())


def test_drop_6_accepts_a_drop_that_succeeds_under_a_fault() -> None:
    assert_passes("DROP-6", removal(faults=("pod-killed",))(observation()))


def test_drop_6_fails_an_uninstall_that_reports_success_and_dropped_nothing() -> None:
    assert_fails(
        "DROP-6",
        uninstall(code=0)(recovered()),
        "under server-away: helm uninstall ended with exit code 0, and database keystone is still there, with 1 tables",
        "under server-away: helm uninstall ended with exit code 0, and account keystone@% is still there",
    )


def test_drop_6_fails_an_uninstall_that_reports_success_and_dropped_half() -> None:
    half = DatabaseState(databases=GONE.databases, accounts=THERE.accounts)
    assert_fails(
        "DROP-6",
        both(uninstall(code=0), removal(after=half))(recovered()),
        "under server-away: helm uninstall ended with exit code 0, and account keystone@% is still there",
    )


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ("certificate-untrusted", "is not signed by the release's authority"),
        ("certificate-other-host", "is for another host"),
    ],
)
def test_drop_6_fails_a_drop_that_trusts_any_server(fault: str, wrong: str) -> None:
    assert_fails("DROP-6", standing(fault), f"under {fault}: the drop succeeded on a server whose certificate {wrong}")


def test_drop_6_fails_a_drop_that_trusts_any_server_under_a_second_fault() -> None:
    assert_fails(
        "DROP-6",
        standing("server-slow", "certificate-untrusted"),
        "under server-slow, certificate-untrusted: the drop succeeded on a server whose certificate",
    )


def test_drop_6_fails_a_drop_of_another_database_under_a_fault() -> None:
    assert_fails(
        "DROP-6",
        removal(faults=("pod-killed",), after=replace(GONE, databases={}))(observation()),
        "under pod-killed: helm uninstall ended with exit code 0, and database neighbour of another service is gone",
    )


def test_drop_6_fails_a_drop_job_that_stays_under_a_fault() -> None:
    assert_fails(
        "DROP-6",
        removal(faults=("pod-killed",), leftovers=("Job/keystone-db-drop",))(observation()),
        "and Job/keystone-db-drop is still there after helm uninstall",
    )


# -- an uninstall that fails


def test_drop_6_accepts_a_failed_uninstall_that_succeeds_after_the_repair() -> None:
    assert_passes("DROP-6", recovered())


def test_drop_6_fails_an_uninstall_that_ends_long_after_its_timeout() -> None:
    assert_fails(
        "DROP-6",
        uninstall(seconds=106.0)(recovered()),
        "under server-away: helm uninstall did not end within its timeout",
    )


def test_drop_6_fails_a_failed_uninstall_that_deleted_objects() -> None:
    assert_fails(
        "DROP-6",
        aftermath(missing=("Deployment/keystone-api", "Secret/keystone-db"))(recovered()),
        "under server-away: the failed uninstall deleted Deployment/keystone-api, Secret/keystone-db",
    )


def test_drop_6_fails_a_job_without_a_deadline() -> None:
    assert_fails(
        "DROP-6",
        aftermath(unfinished=("Job/keystone-db-drop",), deadline=None)(recovered()),
        "Job/keystone-db-drop keeps running after helm uninstall failed; it has no activeDeadlineSeconds",
    )


def test_drop_6_fails_a_job_that_outlives_its_deadline() -> None:
    assert_fails(
        "DROP-6",
        aftermath(unfinished=("Job/keystone-db-drop",))(recovered()),
        "Job/keystone-db-drop keeps running after helm uninstall failed; its activeDeadlineSeconds is 60",
    )


@pytest.mark.parametrize(
    ("then", "text"),
    [
        (GONE, "database keystone was dropped; account keystone@% was dropped"),
        (THERE, f"tables of keystone were dropped: {TENANT}"),
        (waits(USED), "statements still waiting on the server: DROP DATABASE `keystone` (Waiting for table metadata"),
        (replace(USED, databases={"keystone": USED.databases["keystone"]}), "database neighbour was dropped"),
    ],
    ids=["database", "tables", "waiting-statement", "neighbour"],
)
def test_drop_6_fails_a_drop_after_the_repair(then: DatabaseState, text: str) -> None:
    (finding,) = assert_fails("DROP-6", aftermath(watch_ended=then)(recovered()), text)
    assert finding.found.startswith(LATER)


def test_drop_6_fails_a_drop_between_the_failed_uninstall_and_the_repair() -> None:
    assert_fails(
        "DROP-6",
        both(aftermath(before_repair=THERE), removal(after=GONE))(recovered()),
        "under server-away: database keystone was dropped after helm uninstall failed",
    )


def test_drop_6_fails_a_container_that_runs_after_the_deadline() -> None:
    assert_fails(
        "DROP-6",
        aftermath(acted=("Job/keystone-db-drop db-drop",))(recovered()),
        "Job/keystone-db-drop db-drop still ran after helm failed and the Job's deadline passed",
    )


def test_drop_6_reports_a_running_container_once_as_its_job() -> None:
    mutate = aftermath(unfinished=("Job/keystone-db-drop",), acted=("Job/keystone-db-drop db-drop",))
    assert_fails("DROP-6", mutate(recovered()), "Job/keystone-db-drop keeps running")


@pytest.mark.parametrize(
    "mutate",
    [
        # Helm needs some seconds to end after its timeout.
        uninstall(seconds=104.0),
        # The suite killed helm, which could report nothing.
        uninstall(seconds=300.0, killed=True, code=-9),
        # The service keeps running, and writes.
        aftermath(
            watch_ended=replace(
                USED,
                databases={
                    **USED.databases,
                    "keystone": {**USED.databases["keystone"], "trust": TableState(rows=1, checksum=1)},
                },
            )
        ),
        # The server did not answer while it was away, and nothing followed.
        removal(failure=None),
        # The scenario asks the drop to keep the data.
        removal(expected_data=ExpectedData.KEPT),
    ],
    ids=["within-tolerance", "helm-killed", "service-writes", "nothing-watched", "data-kept"],
)
def test_drop_6_accepts_a_failed_uninstall(mutate: Mutation) -> None:
    assert_passes("DROP-6", mutate(recovered()))


# -- the server, which others use too


def touched(fault: str, variable: str, *, started: int = 100) -> Observation:
    """A failed uninstall after which a global variable has another value."""
    before = replace(THERE, started=100)
    return removal(populated=before, after=replace(before, started=started, variables={variable: "500"}))(
        recovered(fault)
    )


@pytest.mark.parametrize("fault", ["server-read-only", "connection-limit", "password-changed"])
def test_drop_6_fails_a_failed_drop_that_changed_the_server(fault: str) -> None:
    found = f"under {fault}: global variable max_connections was set (now 500)"
    assert_fails("DROP-6", touched(fault, "MAX_CONNECTIONS"), found)


@pytest.mark.parametrize(
    "seen",
    [
        touched("connections-exhausted", "MAX_CONNECTIONS"),
        touched("server-read-only", "READ_ONLY"),
        # A server that was restarted, and another server, have variables of their own.
        touched("server-killed", "MAX_CONNECTIONS", started=200),
        touched("server-failed-over", "MAX_CONNECTIONS"),
    ],
    ids=["set-by-the-fault", "set-by-another-fault", "restarted", "another-server"],
)
def test_drop_6_accepts_what_a_fault_changed_on_the_server(seen: Observation) -> None:
    assert_passes("DROP-6", seen)


# -- accounts that the drop locked


def test_drop_6_fails_an_account_that_a_failed_drop_left_locked() -> None:
    seen = removal(after=LOCKED)(standing("database-locked", seen=recovered("database-locked")))
    assert_fails("DROP-6", seen, "under database-locked: the failed uninstall left account keystone@% locked")


def test_drop_6_fails_an_account_that_was_left_locked_under_two_faults() -> None:
    faults = ("server-slow", "database-locked")
    seen = removal(after=LOCKED)(standing(*faults, seen=recovered(*faults)))
    assert_fails("DROP-6", seen, "the failed uninstall left account keystone@% locked")


@pytest.mark.parametrize(
    "mutate",
    [
        # A killed pod can unlock nothing.
        removal(faults=("pod-killed",), after=LOCKED),
        # Neither can one that was killed under a second fault.
        removal(faults=("database-locked", "pod-killed"), after=LOCKED),
        # Neither can one that does not reach the server.
        removal(reachable=False, after=LOCKED),
        # The service has lost a database, and cannot go on.
        both(
            life(installed=replace(THERE, databases=HALF)),
            removal(populated=replace(THERE, databases=HALF), after=LOCKED),
            aftermath(logs={"keystone-db-drop-x7k2p db-drop": "left: keystone"}),
        ),
        # The account was locked before the uninstall.
        removal(populated=LOCKED, after=LOCKED),
    ],
    ids=["pod-killed", "pod-killed-under-a-second-fault", "unreachable", "database-lost", "locked-before"],
)
def test_drop_6_accepts_a_locked_account_that_the_drop_could_not_unlock(mutate: Mutation) -> None:
    seen = standing("database-locked", seen=recovered("database-locked"))
    assert_passes("DROP-6", mutate(seen))


def test_drop_6_accepts_a_locked_account_whose_tables_are_gone() -> None:
    without_tables = replace(LOCKED, databases={**NEIGHBOUR, "keystone": {}})
    seen = removal(after=without_tables)(standing("folder-not-empty", seen=recovered("folder-not-empty")))
    assert_passes("DROP-6", aftermath(logs={"x": "left: keystone"})(seen))


# -- the log of a drop that failed midway


def test_drop_6_accepts_a_failed_drop_that_lists_the_remaining_databases() -> None:
    assert_passes("DROP-6", half_dropped("gone: keystone\nleft: keystone_api"))


def test_drop_6_warns_of_a_failed_drop_that_does_not_list_the_remaining_databases() -> None:
    assert_warns(
        "DROP-6",
        half_dropped("db_drop failed"),
        "under server-away: the drop failed midway, and its log does not name the remaining keystone_api",
    )


def test_drop_6_accepts_an_empty_log_of_a_drop_that_was_killed_midway() -> None:
    assert_passes("DROP-6", half_dropped(""))


def test_drop_6_warns_of_a_failed_drop_that_does_not_list_an_emptied_database() -> None:
    assert_warns("DROP-6", emptied("db_drop failed"), "its log does not name the remaining keystone")


def test_drop_6_accepts_any_log_of_a_drop_that_failed_before_it_began() -> None:
    assert_passes("DROP-6", aftermath(logs={"keystone-db-drop-x7k2p db-drop": "db_drop failed"})(recovered()))


# -- the second uninstall


def test_drop_6_fails_a_second_uninstall_that_fails() -> None:
    exists = 'jobs.batch "keystone-db-drop" already exists'
    assert_fails(
        "DROP-6",
        uninstall(1, code=1, output=exists)(recovered()),
        f"uninstalled again, after the repair: exit code 1: {exists}",
    )


def test_drop_6_fails_a_second_uninstall_that_drops_nothing() -> None:
    assert_fails(
        "DROP-6",
        removal(1, after=THERE)(recovered()),
        "uninstalled again, after the repair: database keystone is still there, with 1 tables",
        "uninstalled again, after the repair: account keystone@% is still there",
    )


def test_drop_6_fails_a_second_uninstall_that_leaves_its_job() -> None:
    assert_fails(
        "DROP-6",
        removal(1, leftovers=("Job/keystone-db-drop", "Job/keystone-db-sync"))(recovered()),
        "uninstalled again, after the repair: Job/keystone-db-drop is still there after helm uninstall",
    )


def test_drop_6_fails_a_second_uninstall_that_drops_another_database() -> None:
    assert_fails(
        "DROP-6",
        removal(1, after=replace(GONE, databases={}))(recovered()),
        "uninstalled again, after the repair: database neighbour of another service is gone",
    )


# -- scenarios that show nothing


def test_drop_6_is_undecided_for_a_release_that_did_not_come_up() -> None:
    seen = life(unsettled="pod keystone-api: crash")(recovered())
    assert_undecided("DROP-6", seen, "the release did not come up: pod keystone-api: crash")


def test_drop_6_is_undecided_for_a_release_without_a_database() -> None:
    assert_undecided("DROP-6", life(installed=GONE)(recovered()), "the release created no database")


def test_drop_6_is_undecided_without_an_uninstall() -> None:
    assert_undecided("DROP-6", replace(recovered(), removals=()), "the release created no database")


def test_drop_6_is_undecided_if_the_fault_came_after_the_drop() -> None:
    seen = removal(faults=("pod-killed",), fault_applied=False)(observation())
    assert_undecided("DROP-6", seen, "the drop ended before pod-killed was injected")


def test_drop_6_is_undecided_if_the_drop_never_began() -> None:
    seen = removal(fault_applied=False)(recovered("pod-killed"))
    assert_undecided("DROP-6", seen, "helm uninstall failed before the drop began, so pod-killed was not injected")


@pytest.mark.parametrize(
    "faults", [("network-cut",), ("network-cut", "server-slow"), ("connection-limit",)], ids=", ".join
)
def test_drop_6_is_undecided_if_the_fault_did_not_affect_the_drop(faults: tuple[str, ...]) -> None:
    assert_undecided("DROP-6", standing(*faults), f"helm uninstall succeeded in spite of {', '.join(faults)}")


def test_drop_6_is_undecided_if_a_server_that_refuses_was_changed() -> None:
    seen = removal(reachable=True)(standing("server-read-only"))
    assert_undecided("DROP-6", seen, "helm uninstall succeeded in spite of server-read-only")


def test_drop_6_fails_leftovers_although_the_fault_came_after_the_drop() -> None:
    seen = removal(faults=("pod-killed",), fault_applied=False, after=THERE)(observation())
    assert verdict_of("DROP-6", seen).status is Status.FAIL
