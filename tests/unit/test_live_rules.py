"""Each live rule passes a correct observation, and fails one that is wrong in the one way that it guards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from observations import OWN, OWN_ACCOUNTS, SERVICE, observation, state

from osh_conformance.model.chart import Role
from osh_conformance.model.finding import Status
from osh_conformance.model.observation import DatabaseState, DependencyHold, Observation, Step, TableState
from osh_conformance.rules import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.model.observation import ObservedContainer

    Mutation = Callable[[Observation], Observation]

RULES = catalogue.live_rules()


def with_containers(seen: Observation, change: Callable[[ObservedContainer], ObservedContainer]) -> Observation:
    return replace(seen, containers=tuple(change(c) for c in seen.containers))


def of(key: str, **changes: Any) -> Callable[[Observation], Observation]:
    """Change the main container of a key."""

    def change(seen: Observation) -> Observation:
        name = f"keystone-{key.replace('_', '-')}"
        return with_containers(seen, lambda c: replace(c, **changes) if c.name == name else c)

    return change


def after(databases: Any = None, accounts: Any = None) -> Callable[[Observation], Observation]:
    """Let the server show other things at the end."""

    def change(seen: Observation) -> Observation:
        last = seen.database[Step.AFTER]
        merged = DatabaseState(
            databases=last.databases if databases is None else databases,
            accounts=last.accounts if accounts is None else accounts,
        )
        return replace(seen, database={**seen.database, Step.AFTER: merged})

    return change


def installed(database: DatabaseState) -> Callable[[Observation], Observation]:
    return lambda seen: replace(seen, database={**seen.database, Step.INSTALLED: database})


def exits(code: int) -> Callable[[Observation], Observation]:
    return lambda seen: replace(seen, helm=(seen.helm[0], replace(seen.helm[1], code=code)))


def identity(**changes: Any) -> Callable[[Observation], Observation]:
    def change(seen: Observation) -> Observation:
        assert seen.identity is not None
        return replace(seen, identity=replace(seen.identity, **changes))

    return change


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
    "never ready": ("JOB-1", lambda s: replace(s, unsettled="pod keystone-api: crash"), "crash"),
    "a Job that does not wait": (
        "DEP-1",
        lambda s: replace(s, hold=DependencyHold(seconds=3.0, waiting=(), early=("Job/keystone-db-init",))),
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
    "the Job stays": ("DROP-4", lambda s: replace(s, leftovers=("Job/keystone-db-drop",)), "Job/keystone-db-drop"),
}

MUTANTS_WHEN_OFF: dict[str, tuple[Mutation, str]] = {
    "the database goes": (after(databases=GONE.databases), "database keystone: is gone"),
    "rows go": (
        after(databases={**GONE.databases, "keystone": {"user": TableState(rows=1, checksum=3)}}),
        "2 rows (checksum 11), now 1 rows",
    ),
    "the account goes": (after(accounts=GONE.accounts), "account keystone@% is gone"),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("db_drop", [True, False])
def test_a_correct_release_passes(rule: str, *, db_drop: bool) -> None:
    verdict = RULES[rule](observation(db_drop=db_drop))
    assert (verdict.status, verdict.findings) == (Status.PASS, ())


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_fails_its_rule_and_no_other(name: str) -> None:
    rule, mutate, text = MUTANTS[name]
    seen = mutate(observation())
    failed = {other: verdict for other, judge in RULES.items() if (verdict := judge(seen)).status is Status.FAIL}
    assert text in " ".join(finding.found for finding in failed[rule].findings)
    assert set(failed) - {"JOB-1"} <= {rule}


@pytest.mark.parametrize("name", MUTANTS_WHEN_OFF)
def test_a_loss_with_the_switch_off_fails(name: str) -> None:
    mutate, text = MUTANTS_WHEN_OFF[name]
    verdict = RULES["DROP-4"](mutate(observation(db_drop=False)))
    assert verdict.status is Status.FAIL
    assert text in verdict.findings[0].found


def test_a_drop_job_that_runs_with_the_switch_off_fails() -> None:
    on = observation()
    seen = replace(on, scenario=replace(on.scenario, db_drop=False))
    seen = after(databases=KEPT.databases, accounts=KEPT.accounts)(seen)
    assert "db-drop ran" in RULES["DROP-4"](seen).findings[0].found


def test_an_uninstall_that_waits_for_a_lock_says_so() -> None:
    last = replace(KEPT, waiting=("DROP DATABASE keystone (Waiting for table metadata lock)",))
    seen = observation()
    seen = exits(1)(replace(seen, database={**seen.database, Step.AFTER: last}))
    finding = RULES["DROP-4"](seen).findings[0]
    assert "the server still has DROP DATABASE keystone" in finding.found
    assert "open sessions" in finding.fix


def test_what_only_keystone_knows_is_undecided_where_it_was_not_asked() -> None:
    assert RULES["JOB-1"](replace(observation(), identity=None)).status is Status.UNDECIDED


def test_a_hook_job_with_another_task_may_stay() -> None:
    seen = replace(observation(), leftovers=("Job/keystone-db-sync", "Pod/keystone-db-sync-x7k2p"))
    assert RULES["DROP-4"](seen).status is Status.PASS


def test_a_chart_that_does_nothing_passes_no_drop() -> None:
    seen = replace(observation(), database=dict.fromkeys(Step, GONE))
    assert RULES["DROP-4"](seen).status is Status.UNDECIDED


def test_every_live_rule_has_a_mutant() -> None:
    assert {rule for rule, _, _ in MUTANTS.values()} == set(RULES)


def test_a_finding_says_what_was_expected() -> None:
    finding = RULES["KEY-1"](of("db_init", image="docker.io/example/other:1.0.0")(observation())).findings[0]
    assert SERVICE in finding.expected
