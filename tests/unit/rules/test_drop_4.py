"""DROP-4: the uninstall follows the drop switch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from osh_conformance.model.finding import Status
from osh_conformance.model.observation import Moment, TableState
from osh_conformance.model.scenario import ExpectedData
from tests.unit.mutations import after, both, changed, exits, removal
from tests.unit.observations import NEIGHBOUR, observation, reinstalled, state, two_releases
from tests.unit.rules.verdicts import assert_fails, assert_passes, assert_undecided, verdict_of

GONE, THERE = state(own=False), state(own=True)


def test_drop_4_accepts_two_releases_that_drop_their_own_data() -> None:
    assert_passes("DROP-4", two_releases())


def test_drop_4_accepts_a_release_that_was_installed_and_uninstalled_twice() -> None:
    assert_passes("DROP-4", reinstalled())


def test_drop_4_fails_a_release_that_drops_the_data_of_another_release() -> None:
    assert_fails(
        "DROP-4",
        removal(after=GONE)(two_releases()),
        "database keystone_second of another service is gone",
        "account keystone_second@% of another service is gone",
    )


def test_drop_4_fails_a_second_release_that_drops_nothing() -> None:
    assert_fails(
        "DROP-4",
        removal(1, after=two_releases().removals[1].populated)(two_releases()),
        "database keystone_second is still there, with 1 tables",
        "account keystone_second@% is still there",
    )


def test_drop_4_fails_changed_grants_of_another_account() -> None:
    assert_fails(
        "DROP-4",
        removal(after=replace(GONE, accounts={"neighbour@%": ()}))(observation()),
        "account neighbour@% of another service has other grants: none",
    )


def test_drop_4_fails_a_dropped_table_of_another_service() -> None:
    assert_fails(
        "DROP-4",
        removal(after=replace(GONE, databases={"neighbour": {}}))(observation()),
        "database neighbour of another service: table ledger had 100 rows (checksum 7), now no such table",
    )


def test_drop_4_accepts_rows_that_another_release_writes_in_the_meantime() -> None:
    then = two_releases().removals[0].after
    written = {**then.databases, "keystone_second": {"user": TableState(rows=2, checksum=14)}}
    assert_passes("DROP-4", removal(after=replace(then, databases=written))(two_releases()))


def test_drop_4_reports_the_same_problem_of_several_uninstalls_once() -> None:
    seen = both(removal(0, after=THERE), removal(1, after=THERE))(reinstalled())
    assert_fails("DROP-4", seen, "database keystone is still there, with 1 tables", "account keystone@% is still there")


def test_drop_4_suggests_a_drop_job_to_a_chart_that_has_none() -> None:
    seen = removal(after=THERE)(observation())
    kept = tuple(c for c in seen.declared.containers if c.key != "db_drop" and "db-drop" not in c.workload)
    seen = replace(seen, declared=replace(seen.declared, containers=kept))
    database, _ = assert_fails("DROP-4", seen, "database keystone is still there", "account keystone@% is still there")
    assert database.fix.startswith("render a db_drop Job when the switch is on")


@pytest.mark.parametrize(
    ("databases", "accounts", "text"),
    [
        (GONE.databases, None, "database keystone is gone"),
        (
            {**NEIGHBOUR, "keystone": {"user": TableState(rows=0, checksum=0)}},
            None,
            "2 rows (checksum 11), now 0 rows",
        ),
        (None, GONE.accounts, "account keystone@% is gone"),
    ],
    ids=["database", "rows", "account"],
)
def test_drop_4_fails_a_loss_with_the_switch_off(databases: object, accounts: object, text: str) -> None:
    verdict = verdict_of("DROP-4", after(databases=databases, accounts=accounts)(observation(db_drop=False)))
    assert verdict.status is Status.FAIL
    assert text in verdict.findings[0].found


def test_drop_4_fails_a_drop_job_that_runs_with_the_switch_off() -> None:
    ran = ("Job/keystone-db-drop db-drop",)
    seen = removal(expected_data=ExpectedData.KEPT, ran=ran, after=THERE)(observation())
    assert_fails("DROP-4", seen, "db-drop ran, with db_drop switched off")


def test_drop_4_reports_the_statement_for_whose_lock_an_uninstall_waits() -> None:
    last = replace(THERE, waiting=("DROP DATABASE keystone (Waiting for table metadata lock)",))
    seen = observation()
    seen = exits(1)(changed(seen, database={**seen.database, Moment.AFTER: last}))
    finding = verdict_of("DROP-4", seen).findings[0]
    assert "statements still waiting on the server: DROP DATABASE keystone" in finding.found
    assert "open sessions" in finding.fix


def test_drop_4_ignores_a_hook_job_with_another_task() -> None:
    seen = changed(observation(), leftovers=("Job/keystone-db-sync", "Pod/keystone-db-sync-x7k2p"))
    assert_passes("DROP-4", seen)


def test_drop_4_is_undecided_for_a_release_that_created_no_data() -> None:
    seen = changed(observation(), database=dict.fromkeys(Moment, GONE))
    assert_undecided("DROP-4", seen, "created no database")


def test_drop_4_reports_the_last_line_of_a_drop_that_failed_again_and_again() -> None:
    line = "NoSectionError: No section: 'database'"
    seen = both(exits(-15), removal(repeated_failure=line, repeated_by="Job/keystone-db-drop db-drop, exit code 1"))
    found = verdict_of("DROP-4", removal(after=THERE)(seen(observation()))).findings[0].found
    assert found.splitlines()[0] == line
    assert "Job/keystone-db-drop db-drop, exit code 1: three attempts in a row" in found
    assert "the suite then interrupted helm uninstall, which ended with exit code -15" in found


def test_drop_4_reports_helms_own_words_beside_that_line_where_the_job_ended_by_itself() -> None:
    line = "NoSectionError: No section: 'database'"
    seen = both(exits(1), removal(after=THERE, repeated_failure=line, repeated_by="Job/a b, exit code 1"))
    found = verdict_of("DROP-4", seen(observation())).findings[0].found
    assert [part.partition(":")[0] for part in found.splitlines()][:2] == ["NoSectionError", "Job/a b, exit code 1"]
    assert "\nexit code 1: " in found
    assert "interrupted" not in found


def test_drop_4_reports_what_a_refused_drop_does_with_an_image_in_the_same_finding() -> None:
    seen = both(exits(1), removal(after=THERE, with_image="python: can't open file 'db-drop.py'"))
    found = verdict_of("DROP-4", seen(observation())).findings[0].found
    assert found.startswith("exit code 1: ")
    assert "\nwith an image for it: python: can't open file 'db-drop.py'\n" in found


def test_drop_4_makes_one_finding_of_a_failed_uninstall_and_of_what_it_left() -> None:
    seen = both(exits(1), removal(after=THERE))
    (finding,) = verdict_of("DROP-4", seen(observation())).findings
    assert finding.found.splitlines()[-1] == "still there: database keystone (1 tables), account keystone@%"


def test_drop_4_names_only_the_account_if_a_failed_uninstall_dropped_the_database() -> None:
    seen = both(exits(1), removal(after=replace(THERE, databases={"neighbour": THERE.databases["neighbour"]})))
    (finding,) = verdict_of("DROP-4", seen(observation())).findings
    assert finding.found.splitlines()[-1] == "still there: account keystone@%"


@pytest.mark.parametrize(("hook", "fix"), [((), "render a db_drop Job"), (("pre-delete",), "let the db_drop Job drop")])
def test_drop_4_asks_for_a_drop_job_only_where_no_hook_may_be_one(hook: tuple[str, ...], fix: str) -> None:
    seen = removal(after=THERE)(observation())
    (drop,) = seen.declared.containers_of("db_drop")
    others = [c for c in seen.declared.containers if c.workload != drop.workload]
    without_key = replace(drop, key="", hook=hook)
    seen = replace(seen, declared=replace(seen.declared, containers=(*others, without_key)))
    assert all(finding.fix.startswith(fix) for finding in verdict_of("DROP-4", seen).findings)
