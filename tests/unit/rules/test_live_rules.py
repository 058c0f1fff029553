"""Each live rule passes a correct observation, and fails one with a single mistake."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.model.chart import Role
from osh_conformance.model.finding import Status
from osh_conformance.model.observation import DatabaseState, DependencyWithheld, OutsideState, TableState
from osh_conformance.rules import registry
from tests.unit.mutations import (
    after,
    both,
    changed,
    exits,
    grown,
    helm_test,
    identity,
    installed,
    life,
    of,
    outside,
    own_tests,
    pull,
    removal,
    uninstall,
    with_containers,
)
from tests.unit.observations import (
    OWN,
    OWN_ACCOUNTS,
    SERVICE,
    observation,
    queue,
    recovered,
    reinstalled,
    repeated,
    state,
    upgraded,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from osh_conformance.model.observation import Observation
    from tests.unit.mutations import Mutation

RULES = registry.live_rules()


#: They make the same checks of an uninstall, each in its own scenarios.
REMOVAL = {"DROP-4", "DROP-5", "DROP-6", "DROP-7"}
GONE = state(own=False)
KEPT = state(own=True)

_OF_OBSERVATION: Mapping[str, tuple[str, Mutation, str]] = {
    "another image than the key's": ("KEY-1", of("db_init", image="docker.io/example/other:1.0.0"), "example/other"),
    "no pull secret": ("PULL-1", of("db_sync", pull_secrets=()), "no imagePullSecrets"),
    "a policy of its own": ("PP-1", of("db_sync", pull_policy="Always"), "Always"),
    "a policy of its own in an init container": (
        "PP-1",
        lambda s: with_containers(s, lambda c: replace(c, pull_policy="Never") if c.role is Role.INIT else c),
        "Never",
    ),
    "another digest": ("PIN-1", of("db_sync", image_id="docker.io/example/keystone@sha256:" + "b" * 64), "runs as"),
    "db_init made nothing": ("JOB-1", installed(GONE), "no new database"),
    "db_sync made no table": (
        "JOB-1",
        installed(DatabaseState(databases={**GONE.databases, "keystone": {}}, accounts=KEPT.accounts)),
        "no table in keystone",
    ),
    "a Job that fails": ("JOB-1", of("ks_user", exit_code=1), "no container of the key ended with exit code 0"),
    "no user": ("JOB-1", identity(users=("admin",)), "no user except admin"),
    "no service": ("JOB-1", identity(services=()), "no service"),
    "no endpoint": ("JOB-1", identity(endpoints=()), "no endpoint"),
    "no token": ("JOB-1", identity(token_status=401), "401"),
    "never ready": ("JOB-1", lambda s: changed(s, unsettled="pod keystone-api: crash"), "crash"),
    "a Job that does not wait": (
        "DEP-1",
        lambda s: replace(s, withheld=DependencyWithheld(seconds=3.0, waiting=(), early=("Job/keystone-db-init",))),
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
        after(accounts={**GONE.accounts, "neighbour@%": ("SELECT ON keystone", "SELECT ON neighbour")}),
        "still has SELECT ON keystone",
    ),
    "the user has another host": (
        "DROP-4",
        after(accounts={**GONE.accounts, "keystone@localhost": ("SELECT ON keystone",)}),
        "account keystone@localhost is new after helm uninstall",
    ),
    "the neighbour's database goes": ("DROP-4", after(databases={}), "of another service is gone"),
    "the neighbour loses rows": (
        "DROP-4",
        after(databases={"neighbour": {"ledger": TableState(rows=99, checksum=8)}}),
        "100 rows (checksum 7), now 99 rows",
    ),
    "the neighbour is locked": (
        "DROP-4",
        after(databases={"neighbour": {"ledger": TableState(rows=None, checksum=None)}}),
        "now an unknown number of rows",
    ),
    "the neighbour's account goes": ("DROP-4", after(accounts={}), "account neighbour@%"),
    "uninstall fails": ("DROP-4", exits(1), "exit code 1"),
    "a node that pulls against its policy": ("PP-3", pull("never-absent", started=True, reason=""), "started, under"),
    "a node that asks although it must not": ("PP-3", pull("never-present", requests=("HEAD a 200",)), "HEAD a 200"),
    "a node that never pulls": (
        "PP-3",
        pull("ifnotpresent-absent", started=False, reason="ErrImageNeverPull", requests=()),
        "did not start (ErrImageNeverPull)",
    ),
    "a node that asks again": (
        "PP-3",
        pull("ifnotpresent-present", requests=("HEAD a 200",)),
        "IfNotPresent, with the image on the node: the registry received HEAD a 200",
    ),
    "a node that trusts what it has": ("PP-3", pull("always-present", requests=()), "the registry received no request"),
    "a test of the chart's own fails": (
        "TEST-1",
        own_tests(code=1, failed=("FAILED test_api.py::test_token",)),
        "pytest ended with exit code 1\nFAILED test_api.py::test_token",
    ),
    "a user and a vhost of the message queue that stay": (
        "DROP-8",
        outside(after=OutsideState(queue=queue(own=True))),
        "still there on the message queue after helm uninstall: permission of keystone on keystone, user keystone",
    ),
    "helm test fails": (
        "TEST-1",
        helm_test(code=1, logs={"keystone-test test": "asking\nHTTP Error 401"}),
        "helm test ended with exit code 1\nkeystone-test test: asking\nkeystone-test test: HTTP Error 401",
    ),
    "a chart without a test hook": ("TEST-1", helm_test(ran=()), "helm test ran no test"),
    "the chart's own tests are gone": ("TEST-1", own_tests(code=5), "pytest found no test"),
    "a program that is not there": (
        "SCRIPT-1",
        of("db_sync", last_exit_code=127, message="/bin/sh: 3: python: not found"),
        "in flavor distribution: exit code 127 (/bin/sh: 3: python: not found)",
    ),
    "a program that cannot be run": ("SCRIPT-1", of("db_sync", last_exit_code=126), "exit code 126 (no output)"),
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


#: By mistake: the rule, a correct observation, the mutation, and a part of what the rule finds.
MUTANTS: Mapping[str, tuple[str, Callable[[], Observation], Mutation, str]] = {
    **{name: (rule, observation, mutate, text) for name, (rule, mutate, text) in _OF_OBSERVATION.items()},
    "a drop after the switch was switched off": (
        "DROP-5",
        lambda: upgraded(drop=False),
        removal(after=GONE),
        "database keystone is gone, with db_drop switched off",
    ),
    "a failed drop that reports success": (
        "DROP-6",
        recovered,
        uninstall(code=0),
        "helm uninstall ended with exit code 0, and database keystone is still there",
    ),
    "a drop that waits for transactions": (
        "DROP-7",
        observation,
        both(
            removal(after=replace(KEPT, waiting=("DROP DATABASE `keystone` (Waiting for table metadata lock)",))),
            uninstall(code=1),
        ),
        "statements still waiting on the server: DROP DATABASE `keystone`",
    ),
    "a second install that does not migrate": (
        "LIFE-1",
        reinstalled,
        life(1, installed=replace(KEPT, databases={**GONE.databases, "keystone": {}})),
        "lacks these tables: user",
    ),
    "a Job more after each uninstall": ("LIFE-2", repeated, grown({"Job": 1}), "Job: 0 after the first uninstall"),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("db_drop", [True, False])
def test_every_live_rule_accepts_a_correct_release(rule: str, *, db_drop: bool) -> None:
    verdict = RULES[rule](observation(db_drop=db_drop))
    # The release was installed once.
    expected = {"LIFE-1": Status.UNDECIDED, "LIFE-2": Status.NOT_APPLICABLE}
    assert (verdict.status, verdict.findings) == (expected.get(rule, Status.PASS), ())


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_fails_its_rule_and_no_other(name: str) -> None:
    rule, correct, mutate, text = MUTANTS[name]
    seen = mutate(correct())
    failed = {other: verdict for other, check in RULES.items() if (verdict := check(seen)).status is Status.FAIL}
    assert text in " ".join(finding.found for finding in failed[rule].findings)
    assert set(failed) - {"JOB-1"} <= ({rule, *REMOVAL} if rule in REMOVAL else {rule})


def test_every_live_rule_has_a_mutant() -> None:
    assert {rule for rule, *_ in MUTANTS.values()} == set(RULES)


# -- the live checks of KEY-1 and SCRIPT-1, which also have a static check


@pytest.mark.parametrize(("image", "status"), [(SERVICE, Status.PASS), ("docker.io/example/other:1.0.0", Status.FAIL)])
def test_key_1_accepts_any_image_of_the_section_for_a_workload_with_a_random_name(image: str, status: Status) -> None:
    seen = with_containers(
        observation(),
        lambda c: replace(c, workload="Job/keystone-db-drop-q8x2z", image=image) if c.name == "keystone-db-drop" else c,
    )
    assert RULES["KEY-1"](seen).status is status


def test_key_1_names_the_expected_image() -> None:
    finding = RULES["KEY-1"](of("db_init", image="docker.io/example/other:1.0.0")(observation())).findings[0]
    assert SERVICE in finding.expected


def test_script_1_finds_a_missing_program_of_a_container_that_was_restarted() -> None:
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
def test_script_1_accepts_failures_with_another_cause(changes: dict[str, Any]) -> None:
    assert RULES["SCRIPT-1"](of("db_sync", **changes)(observation())).status is Status.PASS


def test_script_1_reports_a_program_that_all_pods_of_a_job_lack_once() -> None:
    seen = of("db_sync", last_exit_code=127)(observation())
    again = replace(seen, containers=(*seen.containers, *(replace(c, pod=f"{c.pod}-2") for c in seen.containers)))
    assert len(RULES["SCRIPT-1"](again).findings) == 1


def test_script_1_is_undecided_without_a_container() -> None:
    assert RULES["SCRIPT-1"](replace(observation(), containers=())).status is Status.UNDECIDED
