"""Removals that fail, further lives, and many of them: each sentence of their rules is said where it is true."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from mutations import aftermath, both, life, of, removal, uninstall, with_containers
from observations import (
    NEIGHBOUR,
    TENANT,
    observation,
    recovered,
    reinstalled,
    repeated,
    state,
    two_releases,
    upgraded,
)

from osh_conformance.model.finding import Status
from osh_conformance.model.observation import DatabaseState, TableState
from osh_conformance.model.scenario import ExpectedData, InjectStep, RecoverStep, Scenario, UninstallStep
from osh_conformance.rules import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mutations import Mutation

    from osh_conformance.model.observation import Observation

RULES = catalogue.live_rules()
GONE, THERE = state(own=False), state(own=True)
#: Somebody else's use of the databases, after the uninstall that failed.
USED = recovered().removals[1].populated
AWAY = "under server-away:"
GOES_ON = f"{AWAY} Job/keystone-db-drop goes on after helm uninstall has failed;"
LATER = f"{AWAY} within 30 s after the failed uninstall and the repair, under somebody who uses the databases again:"
UNTRUSTED = "under certificate-untrusted:"
ENDED = "under pod-killed: helm uninstall ended with exit code 0, and"
FEWER = "database keystone: table user had 2 rows (checksum 11), now 1 rows (checksum 4)"
LEDGER = "database neighbour, which belongs to another service: table ledger"
HALF = {**THERE.databases, "keystone_api": {"cell": TableState(rows=1, checksum=3)}}


def half_dropped(said: str) -> Mutation:
    """Two databases, of which the uninstall that failed has dropped the first."""
    accounts = THERE.accounts
    return both(
        life(installed=DatabaseState(databases=HALF, accounts=accounts)),
        removal(
            populated=DatabaseState(databases=HALF, accounts=accounts),
            after=DatabaseState(databases={**NEIGHBOUR, "keystone_api": HALF["keystone_api"]}, accounts=accounts),
        ),
        aftermath(told={"keystone-db-drop-x7k2p db-drop": said}),
    )


def waits(what: DatabaseState) -> DatabaseState:
    return replace(what, waiting=("DROP DATABASE `keystone` (Waiting for table metadata lock)",))


def uninstalled_twice() -> Observation:
    """A second uninstall, when all that had the release's names is somebody else's."""
    seen = observation()
    again = replace(seen.removals[0], fate=ExpectedData.ALREADY_GONE, after=THERE)
    # The release is not found.
    again = replace(again, call=replace(again.call, code=1))
    return replace(seen, removals=(*seen.removals, again))


def standing(fault: str, seen: Observation | None = None) -> Observation:
    """A release that is uninstalled while a fault stands; by default its drop does not notice."""
    steps = (InjectStep(inject=fault), UninstallStep(), RecoverStep())
    scenario = Scenario(name="a-fault", summary="", rules=(), db_drop=True, steps=steps)
    seen = seen or removal(faults=(fault,), reachable=False)(observation())
    return replace(seen, scenario=scenario)


def named(**names: str) -> Observation:
    """A release whose database has a name from the scenario."""
    scenario = Scenario(name="names", summary="a hard name", rules=(), db_drop=True, names=names)
    return replace(observation(), scenario=scenario)


def grown(seen: Observation, by: dict[str, int]) -> Observation:
    """Let there be more after each uninstall, of what the release alone changes."""

    def more(numbers: dict[str, int], times: int) -> dict[str, int]:
        return {**numbers, **{kind: numbers.get(kind, 0) + each * times for kind, each in by.items()}}

    gauges = []
    for times, gauge in enumerate(seen.gauges):
        server = {kind: number for kind, number in more(dict(gauge.server), times).items() if kind in gauge.server}
        objects = {
            kind: number for kind, number in more(dict(gauge.objects), times).items() if kind not in gauge.server
        }
        gauges.append(replace(gauge, objects=objects, server=server))
    return replace(seen, gauges=tuple(gauges))


#: By what goes wrong: the rule, a correct observation, the mutation, and what is said.
MUTANTS: Mapping[str, tuple[str, Callable[[], Observation], Mutation, tuple[str, ...]]] = {
    # -- DROP-6
    "a failure that is no error": (
        "DROP-6",
        recovered,
        uninstall(code=0),
        (
            f"{AWAY} helm uninstall ended with exit code 0, and database keystone is still there, with 1 tables",
            f"{AWAY} helm uninstall ended with exit code 0, and account keystone@% is still there",
        ),
    ),
    "a failure that is no error, and half of it done": (
        "DROP-6",
        recovered,
        both(uninstall(code=0), removal(after=DatabaseState(databases=GONE.databases, accounts=THERE.accounts))),
        (f"{AWAY} helm uninstall ended with exit code 0, and account keystone@% is still there",),
    ),
    "a failure without end": (
        "DROP-6",
        recovered,
        uninstall(seconds=106.0),
        (f"{AWAY} helm uninstall did not end within its timeout",),
    ),
    "a failure that takes objects with it": (
        "DROP-6",
        recovered,
        aftermath(missing=("Deployment/keystone-api", "Secret/keystone-db")),
        (f"{AWAY} the uninstall failed, and Deployment/keystone-api, Secret/keystone-db is gone",),
    ),
    "a Job without a deadline": (
        "DROP-6",
        recovered,
        aftermath(unfinished=("Job/keystone-db-drop",), deadline=None),
        (f"{GOES_ON} it has no activeDeadlineSeconds",),
    ),
    "a Job that outlives its deadline": (
        "DROP-6",
        recovered,
        aftermath(unfinished=("Job/keystone-db-drop",)),
        (f"{GOES_ON} its activeDeadlineSeconds are 60",),
    ),
    "a database that is dropped later": (
        "DROP-6",
        recovered,
        aftermath(watch_ended=GONE),
        (f"{LATER} database keystone was dropped; account keystone@% was dropped",),
    ),
    "tables that are dropped later": (
        "DROP-6",
        recovered,
        aftermath(watch_ended=THERE),
        (f"{LATER} tables of keystone were dropped: {TENANT}",),
    ),
    "a statement that waits to act": (
        "DROP-6",
        recovered,
        aftermath(watch_ended=waits(USED)),
        (f"{LATER} the server still has DROP DATABASE `keystone` (Waiting for table metadata lock)",),
    ),
    "a neighbour that goes later": (
        "DROP-6",
        recovered,
        aftermath(watch_ended=replace(USED, databases={"keystone": USED.databases["keystone"]})),
        (f"{LATER} database neighbour was dropped",),
    ),
    "a database that goes between helm's end and the repair": (
        "DROP-6",
        recovered,
        both(aftermath(stood=THERE), removal(after=GONE)),
        (f"{AWAY} after helm uninstall had failed, database keystone was dropped",),
    ),
    "an account that stays locked": (
        "DROP-6",
        lambda: standing("database-locked", recovered("database-locked")),
        removal(after=replace(THERE, locked=("keystone@%",))),
        ("under database-locked: the uninstall failed, and account keystone@% is locked",),
    ),
    "a server that nobody can trust": (
        "DROP-6",
        lambda: standing("certificate-untrusted"),
        lambda seen: seen,
        (f"{UNTRUSTED} the drop succeeded on a server whose certificate no authority of the release's has signed",),
    ),
    "a neighbour that goes with it under a fault": (
        "DROP-6",
        observation,
        removal(faults=("pod-killed",), after=replace(GONE, databases={})),
        (f"{ENDED} database neighbour, which belongs to another service: is gone",),
    ),
    "a Job that stays under a fault": (
        "DROP-6",
        observation,
        removal(faults=("pod-killed",), leftovers=("Job/keystone-db-drop",)),
        (f"{ENDED} Job/keystone-db-drop is still there after helm uninstall",),
    ),
    "a container that still runs": (
        "DROP-6",
        recovered,
        aftermath(acted=("Job/keystone-db-drop db-drop",)),
        (f"{AWAY} Job/keystone-db-drop db-drop still ran after helm had failed and the deadline was over",),
    ),
    "a second uninstall that fails": (
        "DROP-6",
        recovered,
        uninstall(1, code=1, output='jobs.batch "keystone-db-drop" already exists'),
        ('uninstalled again, after the repair: exit code 1: jobs.batch "keystone-db-drop" already exists',),
    ),
    "a second uninstall that drops nothing": (
        "DROP-6",
        recovered,
        removal(1, after=THERE),
        (
            "uninstalled again, after the repair: database keystone is still there, with 1 tables",
            "uninstalled again, after the repair: account keystone@% is still there",
        ),
    ),
    "a second uninstall that leaves its Job": (
        "DROP-6",
        recovered,
        removal(1, leftovers=("Job/keystone-db-drop", "Job/keystone-db-sync")),
        ("uninstalled again, after the repair: Job/keystone-db-drop is still there after helm uninstall",),
    ),
    "a second uninstall that takes too much": (
        "DROP-6",
        recovered,
        removal(1, after=replace(GONE, databases={})),
        ("uninstalled again, after the repair: database neighbour, which belongs to another service: is gone",),
    ),
    # -- DROP-5
    "a switch that was switched off": (
        "DROP-5",
        lambda: upgraded(drop=False),
        removal(after=GONE),
        (
            "database keystone: is gone, with db_drop switched off",
            "account keystone@% is gone or has other grants, with db_drop switched off",
        ),
    ),
    "a switch that was switched on": (
        "DROP-5",
        lambda: upgraded(drop=True),
        removal(after=THERE),
        ("database keystone is still there, with 1 tables", "account keystone@% is still there"),
    ),
    "a drop that stops at what is gone": (
        "DROP-5",
        observation,
        both(
            removal(populated=replace(GONE, accounts=THERE.accounts), after=replace(GONE, accounts=THERE.accounts)),
            uninstall(code=1, output="Unknown database 'keystone'"),
        ),
        ("exit code 1: Unknown database 'keystone'", "account keystone@% is still there"),
    ),
    "a second uninstall that takes what has its names by then": (
        "DROP-5",
        uninstalled_twice,
        removal(1, after=GONE),
        (
            "database keystone: is gone, which is somebody else's by then",
            "account keystone@% is gone or has other grants, which is somebody else's by then",
        ),
    ),
    "a service's rows that go with the switch off": (
        "DROP-5",
        lambda: upgraded(drop=False),
        removal(after=replace(THERE, databases={**NEIGHBOUR, "keystone": {}})),
        (
            "database keystone: table user had 2 rows (checksum 11), now no such table, with db_drop switched off",
            "database keystone: every table is empty, with db_drop switched off",
        ),
    ),
    "an upgrade that drops what it was to save": (
        "DROP-5",
        lambda: upgraded(drop=False),
        removal(populated=GONE, after=GONE),
        (
            "database keystone: is gone, with db_drop switched off",
            "account keystone@% is gone or has other grants, with db_drop switched off",
        ),
    ),
    # -- DROP-7
    "a name that the chart cannot have": (
        "DROP-7",
        lambda: named(database="o'd`d"),
        life(unsettled="Job keystone-db-init failed: BackoffLimitExceeded"),
        ("a hard name: the release does not come up: Job keystone-db-init failed: BackoffLimitExceeded",),
    ),
    "a drop that waits for the service's transactions": (
        "DROP-7",
        observation,
        both(removal(after=waits(THERE)), uninstall(code=1, output="timed out")),
        (
            "exit code 1: timed out\nthe server still has DROP DATABASE `keystone` (Waiting for table metadata lock)",
            "database keystone is still there, with 1 tables",
            "account keystone@% is still there",
        ),
    ),
    # -- DROP-4, of two releases
    "a release that takes the other's database": (
        "DROP-4",
        two_releases,
        removal(after=GONE),
        (
            "database keystone_second, which belongs to another service: is gone",
            "account keystone_second@%, which belongs to another service, is gone",
        ),
    ),
    "a second release that is not dropped": (
        "DROP-4",
        two_releases,
        removal(1, after=two_releases().removals[1].populated),
        ("database keystone_second is still there, with 1 tables", "account keystone_second@% is still there"),
    ),
    "another account's grants": (
        "DROP-4",
        observation,
        removal(after=replace(GONE, accounts={"neighbour@%": ()})),
        ("account neighbour@%, which belongs to another service, has other grants: none",),
    ),
    "another service's table": (
        "DROP-4",
        observation,
        removal(after=replace(GONE, databases={"neighbour": {}})),
        (f"{LEDGER} had 100 rows (checksum 7), now no such table",),
    ),
    # -- LIFE-1
    "an upgrade that fails": (
        "LIFE-1",
        lambda: upgraded(drop=True),
        life(unsettled="helm upgrade ended with exit code 1:\nfield is immutable"),
        ("the upgrade fails: helm upgrade ended with exit code 1:\nfield is immutable",),
    ),
    "a second install that does not come up": (
        "LIFE-1",
        reinstalled,
        life(1, unsettled="pod keystone-api: crash"),
        ("installed again, it does not come up: pod keystone-api: crash",),
    ),
    "a second install that does not migrate": (
        "LIFE-1",
        reinstalled,
        life(1, installed=replace(THERE, databases={**NEIGHBOUR, "keystone": {}})),
        ("installed again, database keystone has no user",),
    ),
    "a second install without a database": (
        "LIFE-1",
        reinstalled,
        life(1, installed=GONE),
        ("installed again, database keystone has no user",),
    ),
    "a second install that migrates a part": (
        "LIFE-1",
        reinstalled,
        life(
            0, installed=replace(THERE, databases={"keystone": dict.fromkeys("fbdace", TableState(rows=0, checksum=0))})
        ),
        ("installed again, database keystone has no a, b, c and 3 tables more",),
    ),
    "a service that starts before its database": (
        "LIFE-1",
        reinstalled,
        lambda seen: with_containers(
            seen,
            lambda c: replace(c, started_at="2026-01-01T01:00:00Z") if c.pod == "keystone-api-m3v8q" else c,
        ),
        ("installed again, Deployment/keystone-api keystone-api started before db_sync had ended",),
    ),
    # -- LIFE-2
    "a Job that stays each time": (
        "LIFE-2",
        repeated,
        lambda seen: grown(seen, {"Job": 1}),
        ("Job: 0 after the first uninstall, 2 after 3",),
    ),
    "a Job more each time": (
        "LIFE-2",
        repeated,
        lambda seen: grown(seen, {"Pod": 1, "ConfigMap": 3}),
        ("ConfigMap: 2 after the first uninstall, 8 after 3", "Pod: 1 after the first uninstall, 3 after 3"),
    ),
    "an account that stays each time": (
        "LIFE-2",
        repeated,
        lambda seen: grown(seen, {"accounts": 1}),
        ("accounts: 2 after the first uninstall, 4 after 3",),
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_told_in_so_many_words(name: str) -> None:
    rule, correct, mutate, texts = MUTANTS[name]
    verdict = RULES[rule](mutate(correct()))
    assert verdict.status is Status.FAIL
    assert tuple(finding.found for finding in verdict.findings) == texts
    for finding in verdict.findings:
        assert (finding.rule, finding.chart) == (rule, "keystone")
        assert finding.expected
        assert finding.why
        assert finding.fix


@pytest.mark.parametrize(
    ("rule", "correct"),
    [
        ("DROP-4", two_releases),
        ("DROP-4", reinstalled),
        ("DROP-5", lambda: upgraded(drop=True)),
        ("DROP-5", lambda: upgraded(drop=False)),
        ("DROP-5", uninstalled_twice),
        ("DROP-6", recovered),
        ("DROP-6", observation),
        ("DROP-7", lambda: named(database="o'd`d")),
        ("LIFE-1", reinstalled),
        ("LIFE-1", lambda: upgraded(drop=True)),
        ("LIFE-2", repeated),
    ],
)
def test_what_is_correct_passes(rule: str, correct: Callable[[], Observation]) -> None:
    verdict = RULES[rule](correct())
    assert (verdict.status, verdict.findings) == (Status.PASS, ())


#: By what is not known: the rule, the observation, the status and the reason.
UNKNOWN: Mapping[str, tuple[str, Observation, Status, str]] = {
    "a release that never came up has nothing to fail with": (
        "DROP-6",
        life(unsettled="pod keystone-api: crash")(recovered()),
        Status.UNDECIDED,
        "the release did not come up: pod keystone-api: crash",
    ),
    "a release without a database cannot fail to drop it": (
        "DROP-6",
        life(installed=GONE)(recovered()),
        Status.UNDECIDED,
        "the release made no database, so there was nothing to drop",
    ),
    "without an uninstall nothing is known of it": (
        "DROP-6",
        replace(recovered(), removals=()),
        Status.UNDECIDED,
        "the release made no database, so there was nothing to drop",
    ),
    "a fault that came too late has shown nothing": (
        "DROP-6",
        removal(faults=("pod-killed",), fault_applied=False)(observation()),
        Status.UNDECIDED,
        "the drop had ended before pod-killed could strike",
    ),
    "a fault that did not come has shown nothing": (
        "DROP-6",
        removal(fault_applied=False)(recovered("pod-killed")),
        Status.UNDECIDED,
        "helm uninstall failed before the drop was under way, so pod-killed did not strike",
    ),
    "a fault that the drop did not notice has shown nothing": (
        "DROP-6",
        standing("network-cut"),
        Status.UNDECIDED,
        "network-cut did not keep the drop from the server",
    ),
    "a release that never came up is not idempotent or otherwise": (
        "DROP-5",
        life(unsettled="pod keystone-api: crash")(observation()),
        Status.UNDECIDED,
        "the release did not come up: pod keystone-api: crash",
    ),
    "a release without a database has nothing to be gone already": (
        "DROP-5",
        life(installed=GONE)(observation()),
        Status.UNDECIDED,
        "the release made no database and no account, so there was nothing to drop or keep",
    ),
    "a release with plain names that never came up is no matter of names": (
        "DROP-7",
        life(unsettled="pod keystone-api: crash")(observation()),
        Status.UNDECIDED,
        "the release did not come up: pod keystone-api: crash",
    ),
    "a release that was installed once has no second life": (
        "LIFE-1",
        observation(),
        Status.UNDECIDED,
        "there was no second install: none is asked for",
    ),
    "a first install that fails says nothing of a second one": (
        "LIFE-1",
        life(unsettled="pod keystone-api: crash")(observation()),
        Status.UNDECIDED,
        "there was no second install: pod keystone-api: crash",
    ),
    "where nothing was installed there is no life": (
        "LIFE-1",
        replace(observation(), lives=()),
        Status.NOT_APPLICABLE,
        "nothing was installed",
    ),
    "one uninstall is no growth": (
        "LIFE-2",
        repeated(1),
        Status.NOT_APPLICABLE,
        "the release was not installed again and again: --repeat N does it",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_not_judged(name: str) -> None:
    rule, seen, status, reason = UNKNOWN[name]
    verdict = RULES[rule](seen)
    assert (verdict.status, verdict.reason, verdict.findings) == (status, reason, ())


# -- what is no fault ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mutate",
    [
        # Helm may need some seconds more, to say so.
        uninstall(seconds=104.0),
        # It was ended from outside, and could say nothing.
        uninstall(seconds=300.0, killed=True, code=-9),
        # The service goes on, and writes.
        aftermath(
            watch_ended=replace(
                USED,
                databases={
                    **USED.databases,
                    "keystone": {**USED.databases["keystone"], "trust": TableState(rows=1, checksum=1)},
                },
            )
        ),
        # The server could not be asked while it was away, and nothing followed.
        removal(aftermath=None),
        # What the drop was told to keep, nobody has to drop under a fault.
        removal(fate=ExpectedData.KEPT),
    ],
)
def test_what_a_failure_may_do(mutate: Mutation) -> None:
    verdict = RULES["DROP-6"](mutate(recovered()))
    assert (verdict.status, verdict.findings) == (Status.PASS, ())


def test_a_fault_that_the_drop_survives_needs_no_second_uninstall() -> None:
    seen = observation()
    seen = replace(seen, removals=(replace(seen.removals[0], faults=("pod-killed",)),))
    assert RULES["DROP-6"](seen).status is Status.PASS


@pytest.mark.parametrize(
    "locked",
    [
        # A pod that is killed can unlock nothing.
        removal(faults=("pod-killed",), after=replace(THERE, locked=("keystone@%",))),
        # Nor can one that does not reach the server.
        removal(reachable=False, after=replace(THERE, locked=("keystone@%",))),
        # Some of the service is gone: it cannot go on.
        both(
            life(installed=replace(THERE, databases=HALF)),
            removal(populated=replace(THERE, databases=HALF), after=replace(THERE, locked=("keystone@%",))),
            aftermath(told={"keystone-db-drop-x7k2p db-drop": "left: keystone"}),
        ),
        # It was locked before.
        removal(populated=replace(THERE, locked=("keystone@%",)), after=replace(THERE, locked=("keystone@%",))),
    ],
)
def test_an_account_may_be_locked_where_the_drop_cannot_help_it(locked: Mutation) -> None:
    seen = standing("database-locked", recovered("database-locked"))
    assert RULES["DROP-6"](locked(seen)).findings == ()


def test_an_account_may_stay_locked_where_its_tables_are_gone() -> None:
    emptied = replace(THERE, databases={**NEIGHBOUR, "keystone": {}}, locked=("keystone@%",))
    seen = removal(after=emptied)(standing("folder-not-empty", recovered("folder-not-empty")))
    assert RULES["DROP-6"](aftermath(told={"x": "left: keystone"})(seen)).findings == ()


def test_what_a_service_writes_until_it_has_ended_is_no_loss() -> None:
    written = {"user": TableState(rows=3, checksum=12), "session": TableState(rows=1, checksum=9)}
    seen = removal(after=replace(THERE, databases={**NEIGHBOUR, "keystone": written}))(upgraded(drop=False))
    assert RULES["DROP-5"](seen).status is Status.PASS


def test_rows_that_a_service_may_have_taken_away_are_a_warning() -> None:
    fewer = {**NEIGHBOUR, "keystone": {"user": TableState(rows=1, checksum=4)}}
    verdict = RULES["DROP-5"](removal(after=replace(THERE, databases=fewer))(upgraded(drop=False)))
    assert verdict.status is Status.PASS
    assert [(told.status, told.found) for told in verdict.findings] == [
        (Status.WARNING, f"{FEWER}, with db_drop switched off")
    ]


def test_what_another_release_writes_meanwhile_is_no_loss() -> None:
    after = two_releases().removals[0].after
    written = {**after.databases, "keystone_second": {"user": TableState(rows=2, checksum=14)}}
    seen = removal(after=replace(after, databases=written))(two_releases())
    assert RULES["DROP-4"](seen).status is Status.PASS


def test_what_started_later_without_waiting_may_start_earlier() -> None:
    seen = reinstalled()
    containers = tuple(c for c in seen.declared.containers if c.key != "dep_check" or c.kind != "Deployment")
    seen = replace(seen, declared=replace(seen.declared, containers=containers))
    early = {"keystone-api-m3v8q": "2026-01-01T01:00:00Z"}
    seen = with_containers(seen, lambda c: replace(c, started_at=early.get(c.pod, c.started_at)))
    assert RULES["LIFE-1"](seen).status is Status.PASS


def test_a_fault_that_came_too_late_is_no_excuse_for_what_is_left() -> None:
    seen = removal(faults=("pod-killed",), fault_applied=False, after=THERE)(observation())
    assert RULES["DROP-6"](seen).status is Status.FAIL


def test_a_container_that_runs_on_is_told_once_as_its_job() -> None:
    seen = aftermath(unfinished=("Job/keystone-db-drop",), acted=("Job/keystone-db-drop db-drop",))(recovered())
    assert len(RULES["DROP-6"](seen).findings) == 1


def test_a_database_that_was_not_dropped_at_first_is_another_rules_business() -> None:
    seen = life(1, before=THERE, installed=replace(THERE, databases={**NEIGHBOUR, "keystone": {}}))(reinstalled())
    assert RULES["LIFE-1"](seen).status is Status.PASS


def test_what_started_before_the_migration_at_first_may_do_so_again() -> None:
    early = {"keystone-api-x7k2p": "2026-01-01T00:00:00Z", "keystone-api-m3v8q": "2026-01-01T01:00:00Z"}
    seen = with_containers(reinstalled(), lambda c: replace(c, started_at=early.get(c.pod, c.started_at)))
    assert RULES["LIFE-1"](seen).status is Status.PASS


def test_without_a_migration_nothing_is_early() -> None:
    seen = of("db_sync", finished_at="")(reinstalled())
    assert RULES["LIFE-1"](seen).status is Status.PASS


def test_what_less_is_left_each_time_is_no_growth() -> None:
    assert RULES["LIFE-2"](grown(repeated(), {"ConfigMap": -1})).status is Status.PASS


def test_what_everybody_changes_is_no_growth_of_the_release() -> None:
    seen = repeated()
    last = replace(seen.gauges[-1], nodes={"mounts": 90, "containers": 40}, suite_bytes=1 << 30)
    assert RULES["LIFE-2"](replace(seen, gauges=(*seen.gauges[:-1], last))).status is Status.PASS


# -- the report of a drop that failed midway -------------------------------------------------------------------------


def test_a_drop_that_failed_midway_and_names_what_is_left_is_fine() -> None:
    verdict = RULES["DROP-6"](half_dropped("gone: keystone\nleft: keystone_api")(recovered()))
    assert (verdict.status, verdict.findings) == (Status.PASS, ())


def test_a_drop_that_failed_midway_and_does_not_say_what_is_left_is_a_warning() -> None:
    verdict = RULES["DROP-6"](half_dropped("db_drop failed")(recovered()))
    assert [(finding.status, finding.found) for finding in verdict.findings] == [
        (
            Status.WARNING,
            f"{AWAY} the drop failed midway, and its log does not name keystone_api, which is left",
        )
    ]
    assert verdict.status is Status.PASS


def test_a_drop_that_was_killed_midway_can_say_nothing() -> None:
    assert RULES["DROP-6"](half_dropped("")(recovered())).findings == ()


def test_a_drop_that_emptied_a_database_and_says_nothing_of_it_is_a_warning() -> None:
    seen = both(
        removal(after=replace(THERE, databases={**NEIGHBOUR, "keystone": {}})),
        aftermath(told={"keystone-db-drop-x7k2p db-drop": "db_drop failed"}),
    )(recovered())
    (finding,) = RULES["DROP-6"](seen).findings
    assert "its log does not name keystone, which is left" in finding.found


def test_a_drop_that_failed_before_it_began_need_not_say_what_is_left() -> None:
    seen = aftermath(told={"keystone-db-drop-x7k2p db-drop": "db_drop failed"})(recovered())
    assert RULES["DROP-6"](seen).findings == ()


def test_of_several_uninstalls_that_go_wrong_alike_one_finding_tells() -> None:
    seen = both(removal(0, after=THERE), removal(1, after=THERE))(reinstalled())
    assert [finding.found for finding in RULES["DROP-4"](seen).findings] == [
        "database keystone is still there, with 1 tables",
        "account keystone@% is still there",
    ]


def test_the_fix_of_a_drop_that_has_no_job_is_a_job() -> None:
    seen = removal(after=THERE)(observation())
    kept = tuple(c for c in seen.declared.containers if c.key != "db_drop" and "db-drop" not in c.workload)
    (database, _) = RULES["DROP-4"](replace(seen, declared=replace(seen.declared, containers=kept))).findings
    assert database.fix.startswith("render a db_drop Job where the switch is on")
