"""Each live rule passes a correct observation, and fails one that is wrong in the one way that it guards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import test_removal_rules
from mutations import after, changed, exits, identity, installed, of, own_tests, pull, with_containers
from observations import OWN, OWN_ACCOUNTS, SERVICE, observation, state

from osh_conformance.model.chart import Role
from osh_conformance.model.finding import Status
from osh_conformance.model.observation import DatabaseState, DependencyWithheld, Step, TableState
from osh_conformance.model.scenario import ExpectedData
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from mutations import Mutation

RULES = registry.live_rules()


#: They say the same of an uninstall, each in scenarios of its own.
REMOVAL = {"DROP-4", "DROP-5", "DROP-6", "DROP-7"}
GONE = state(own=False)
KEPT = state(own=True)

MUTANTS: dict[str, tuple[str, Mutation, str]] = {
    "another image than the key's": ("KEY-1", of("db_init", image="docker.io/example/other:1.0.0"), "example/other"),
    "a policy of its own": ("PP-1", of("db_sync", pull_policy="Always"), "Always"),
    "a policy of its own in an init container": (
        "PP-1",
        lambda s: with_containers(s, lambda c: replace(c, pull_policy="Never") if c.role is Role.INIT else c),
        "Never",
    ),
    "another digest": ("PIN-1", of("db_sync", image_id="docker.io/example/keystone@sha256:" + "b" * 64), "runs as"),
    "db_init made nothing": ("JOB-1", installed(GONE), "no database more than before"),
    "db_sync made no table": (
        "JOB-1",
        installed(DatabaseState(databases={**GONE.databases, "keystone": {}}, accounts=KEPT.accounts)),
        "no table in keystone",
    ),
    "a Job that fails": ("JOB-1", of("ks_user", exit_code=1), "no container of the key ended with 0"),
    "no user": ("JOB-1", identity(users=("admin",)), "no user but admin"),
    "no service": ("JOB-1", identity(services=()), "no service"),
    "no endpoint": ("JOB-1", identity(endpoints=()), "no endpoint"),
    "no token": ("JOB-1", identity(token_status=401), "401"),
    "never ready": ("JOB-1", lambda s: changed(s, unsettled="pod keystone-api: crash"), "crash"),
    "a Job that does not wait": (
        "DEP-1",
        lambda s: replace(s, hold=DependencyWithheld(seconds=3.0, waiting=(), early=("Job/keystone-db-init",))),
        "started while",
    ),
    "a wait without end": ("DEP-1", of("db_init", started_at=""), "did not start"),
    "the database stays": (
        "DROP-4",
        after(databases={**GONE.databases, **OWN}),
        "database keystone is still there",
    ),
    "the user stays": (
        "DROP-4",
        after(accounts={**GONE.accounts, **OWN_ACCOUNTS}),
        "account keystone@% is still there",
    ),
    "a grant stays": (
        "DROP-4",
        after(accounts={**GONE.accounts, "other@%": ("SELECT ON keystone",)}),
        "still has SELECT ON keystone",
    ),
    "the neighbour's database goes": ("DROP-4", after(databases={}), "belongs to another service: is gone"),
    "the neighbour loses rows": (
        "DROP-4",
        after(databases={"neighbour": {"ledger": TableState(rows=99, checksum=8)}}),
        "100 rows (checksum 7), now 99 rows",
    ),
    "the neighbour is locked": (
        "DROP-4",
        after(databases={"neighbour": {"ledger": TableState(rows=None, checksum=None)}}),
        "now a lock that keeps everybody from reading it",
    ),
    "the neighbour's account goes": ("DROP-4", after(accounts={}), "account neighbour@%"),
    "uninstall fails": ("DROP-4", exits(1), "exit code 1"),
    "a node that pulls whatever it is told": ("PP-3", pull("never-absent", started=True, reason=""), "started, under"),
    "a node that asks although it must not": ("PP-3", pull("never-present", requests=("HEAD a 200",)), "HEAD a 200"),
    "a node that never pulls": (
        "PP-3",
        pull("ifnotpresent-absent", started=False, reason="ErrImageNeverPull", requests=()),
        "did not start (ErrImageNeverPull)",
    ),
    "a node that asks again": (
        "PP-3",
        pull("ifnotpresent-present", requests=("HEAD a 200",)),
        "IfNotPresent, with the image on the node: the registry was asked for HEAD a 200",
    ),
    "a node that trusts what it has": ("PP-3", pull("always-present", requests=()), "was asked for nothing"),
    "a test of the chart's own fails": (
        "TEST-1",
        own_tests(code=1, failed=("FAILED test_api.py::test_token",)),
        "pytest ended with 1\nFAILED test_api.py::test_token",
    ),
    "the chart's own tests are gone": ("TEST-1", own_tests(code=5), "pytest found no test"),
    "a program that is not there": (
        "SCRIPT-1",
        of("db_sync", last_exit_code=127, message="/bin/sh: 3: python: not found"),
        "in flavor distribution: exit code 127 (/bin/sh: 3: python: not found)",
    ),
    "a program that cannot be run": ("SCRIPT-1", of("db_sync", last_exit_code=126), "exit code 126 (it said nothing)"),
    "a container that cannot be started": (
        "SCRIPT-1",
        of("db_sync", last_reason="StartError", message='exec: "/usr/bin/bash": no such file or directory'),
        "it cannot be started (exec:",
    ),
    "a container that cannot be made": (
        "SCRIPT-1",
        of("db_sync", reason="CreateContainerError", message="stat /opt/x: permission denied"),
        "it cannot be started (stat /opt/x",
    ),
    "the Job stays": ("DROP-4", lambda s: changed(s, leftovers=("Job/keystone-db-drop",)), "Job/keystone-db-drop"),
}

MUTANTS_WHEN_OFF: dict[str, tuple[Mutation, str]] = {
    "the database goes": (after(databases=GONE.databases), "database keystone: is gone"),
    "rows go": (
        after(databases={**GONE.databases, "keystone": {"user": TableState(rows=0, checksum=0)}}),
        "2 rows (checksum 11), now 0 rows",
    ),
    "the account goes": (after(accounts=GONE.accounts), "account keystone@% is gone"),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("db_drop", [True, False])
def test_a_correct_release_passes(rule: str, *, db_drop: bool) -> None:
    verdict = RULES[rule](observation(db_drop=db_drop))
    # It was installed once.
    expected = {"LIFE-1": Status.UNDECIDED, "LIFE-2": Status.NOT_APPLICABLE}
    assert (verdict.status, verdict.findings) == (expected.get(rule, Status.PASS), ())


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_fails_its_rule_and_no_other(name: str) -> None:
    rule, mutate, text = MUTANTS[name]
    seen = mutate(observation())
    failed = {other: verdict for other, judge in RULES.items() if (verdict := judge(seen)).status is Status.FAIL}
    assert text in " ".join(finding.found for finding in failed[rule].findings)
    assert set(failed) - {"JOB-1"} <= ({rule, *REMOVAL} if rule in REMOVAL else {rule})


@pytest.mark.parametrize("name", MUTANTS_WHEN_OFF)
def test_a_loss_with_the_switch_off_fails(name: str) -> None:
    mutate, text = MUTANTS_WHEN_OFF[name]
    verdict = RULES["DROP-4"](mutate(observation(db_drop=False)))
    assert verdict.status is Status.FAIL
    assert text in verdict.findings[0].found


def test_a_drop_job_that_runs_with_the_switch_off_fails() -> None:
    on = observation()
    ran = ("Job/keystone-db-drop db-drop",)
    seen = replace(on, removals=(replace(on.removals[0], fate=ExpectedData.KEPT, ran=ran),))
    seen = after(databases=KEPT.databases, accounts=KEPT.accounts)(seen)
    assert "db-drop ran" in RULES["DROP-4"](seen).findings[0].found


def test_an_uninstall_that_waits_for_a_lock_says_so() -> None:
    last = replace(KEPT, waiting=("DROP DATABASE keystone (Waiting for table metadata lock)",))
    seen = observation()
    seen = exits(1)(changed(seen, database={**seen.database, Step.AFTER: last}))
    finding = RULES["DROP-4"](seen).findings[0]
    assert "the server still has DROP DATABASE keystone" in finding.found
    assert "open sessions" in finding.fix


def test_what_only_keystone_knows_is_undecided_where_it_was_not_asked() -> None:
    assert RULES["JOB-1"](replace(observation(), identity=None)).status is Status.UNDECIDED


def test_a_hook_job_with_another_task_may_stay() -> None:
    seen = changed(observation(), leftovers=("Job/keystone-db-sync", "Pod/keystone-db-sync-x7k2p"))
    assert RULES["DROP-4"](seen).status is Status.PASS


def test_a_chart_that_does_nothing_passes_no_drop() -> None:
    seen = changed(observation(), database=dict.fromkeys(Step, GONE))
    assert RULES["DROP-4"](seen).status is Status.UNDECIDED


def test_without_a_registry_nobody_knows_who_was_asked() -> None:
    assert RULES["PP-3"](replace(observation(), pulls=())).status is Status.NOT_APPLICABLE


def test_a_policy_that_is_broken_twice_is_told_twice() -> None:
    seen = pull("never-absent", started=True, reason="", requests=("GET a 200",))(observation())
    assert len(RULES["PP-3"](seen).findings) == 2


@pytest.mark.parametrize(
    ("unsettled", "reason"), [("", "names no tests"), ("pod api: crash", "the release did not come up")]
)
def test_own_tests_that_were_not_run_say_why(unsettled: str, reason: str) -> None:
    verdict = RULES["TEST-1"](changed(observation(), own_tests=None, unsettled=unsettled))
    assert verdict.status is Status.NOT_APPLICABLE
    assert reason in verdict.reason


def test_a_program_that_is_not_there_is_found_although_its_container_is_tried_again() -> None:
    seen = of("db_sync", state="waiting", reason="CrashLoopBackOff", exit_code=None, last_exit_code=127)(observation())
    assert RULES["SCRIPT-1"](seen).findings[0].key == "db_sync"


@pytest.mark.parametrize(
    "changes",
    [
        {"last_exit_code": 1, "message": "ModuleNotFoundError: No module named 'x'"},
        {"last_reason": "StartError", "message": "failed to create the cgroup"},
        {"reason": "CreateContainerError", "message": "context deadline exceeded"},
    ],
)
def test_another_bad_end_is_no_lack_of_a_program(changes: dict[str, Any]) -> None:
    assert RULES["SCRIPT-1"](of("db_sync", **changes)(observation())).status is Status.PASS


def test_the_pods_of_one_job_lack_the_same_program_once() -> None:
    seen = of("db_sync", last_exit_code=127)(observation())
    again = replace(seen, containers=(*seen.containers, *(replace(c, pod=f"{c.pod}-2") for c in seen.containers)))
    assert len(RULES["SCRIPT-1"](again).findings) == 1


def test_where_no_container_was_seen_nothing_is_known_of_programs() -> None:
    assert RULES["SCRIPT-1"](replace(observation(), containers=())).status is Status.UNDECIDED


def test_every_live_rule_has_a_mutant() -> None:
    mutants = [*MUTANTS.values(), *test_removal_rules.MUTANTS.values()]
    assert {rule for rule, *_ in mutants} == set(RULES)


@pytest.mark.parametrize(("image", "status"), [(SERVICE, Status.PASS), ("docker.io/example/other:1.0.0", Status.FAIL)])
def test_a_workload_that_has_another_name_each_time_may_run_any_image_of_the_section(
    image: str, status: Status
) -> None:
    seen = with_containers(
        observation(),
        lambda c: replace(c, workload="Job/keystone-db-drop-q8x2z", image=image) if c.name == "keystone-db-drop" else c,
    )
    assert RULES["KEY-1"](seen).status is status


def test_a_finding_says_what_was_expected() -> None:
    finding = RULES["KEY-1"](of("db_init", image="docker.io/example/other:1.0.0")(observation())).findings[0]
    assert SERVICE in finding.expected
