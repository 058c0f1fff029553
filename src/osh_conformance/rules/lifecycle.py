"""What is left on the database server when the Helm release is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Finding, Rule, Status, Verdict
from osh_conformance.model.observation import Step
from osh_conformance.rules._live import finding, performed
from osh_conformance.rules.catalogue import observes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.observation import Observation, TableState

DROP_4 = Rule(
    id="DROP-4",
    title="helm uninstall drops the service's database where the switch is on, and nothing where it is off",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="the switch promises an operator that the service's database goes, or stays, with the release",
    example="a drop Job that ends with 0 and has dropped nothing",
    fix="let the drop Job ask the server what is left, and end with an error if anything is",
)


@observes(DROP_4)
def removal(observation: Observation) -> Verdict:
    """Judge DROP-4: enabled, the service's data is gone and all else untouched; disabled, it is there row for row.

    The service's databases and accounts are what the server shows after install minus before.
    """
    before, installed = observation.database[Step.BEFORE], observation.database[Step.INSTALLED]
    databases = sorted(set(installed.databases) - set(before.databases))
    accounts = sorted(set(installed.accounts) - set(before.accounts))
    if not databases and not accounts:
        reason = "the release made no database and no account, so there was nothing to drop or keep"
        return Verdict(rule=DROP_4.id, status=Status.UNDECIDED, reason=reason)
    findings = [*_exit(observation), *_others(observation)]
    if observation.scenario.db_drop:
        findings += _not_removed(observation, databases, accounts)
    else:
        findings += _not_kept(observation, databases, accounts)
    return Verdict.of(DROP_4.id, findings)


def _exit(observation: Observation) -> Iterator[Finding]:
    call = observation.helm_call("uninstall")
    if call is None or call.code != 0:
        # Without the namespace, which is another in each run: the same cause is the same finding.
        output = call.output.replace(f"{observation.namespace}/", "") if call else ""
        found = f"exit code {call.code}: {output}" if call else "helm uninstall was not run"
        fix = "see the log of the drop Job in the artifacts"
        waiting = observation.database[Step.AFTER].waiting
        if waiting:
            found += f"\nthe server still has {', '.join(waiting)}"
            fix = "end the service's open sessions before the drop, which waits for their transactions"
        yield _drop_finding(observation, found, "helm uninstall ends with exit code 0", fix)
        return  # what it has not deleted then is no finding of its own
    for leftover in filter(_drop_workloads(observation).__contains__, observation.leftovers):
        yield _drop_finding(
            observation,
            f"{leftover} is still there after helm uninstall",
            "the drop Job and its pods are gone with the release",
            "give hooks the delete policy before-hook-creation,hook-succeeded: Helm leaves them otherwise",
        )


def _drop_workloads(observation: Observation) -> set[str]:
    """The Jobs that drop, and their pods: a hook Job with another task is no part of what this rule speaks of."""
    workloads = {c.workload for c in observation.declared.containers_of("db_drop")}
    return workloads | {f"Pod/{c.pod}" for c in observation.containers if c.workload in workloads}


def _others(observation: Observation) -> Iterator[Finding]:
    """Whatever was on the server before the release must be there after it, row for row."""
    before, after = observation.database[Step.BEFORE], observation.database[Step.AFTER]
    fix = "drop this service's own databases and accounts only, by their quoted full names"
    for name, tables in before.databases.items():
        for change in _changes(tables, after.databases.get(name)):
            found = f"database {name}, which belongs to another service: {change}"
            yield _drop_finding(observation, found, "every other database is untouched", fix)
    for account, grants in before.accounts.items():
        now = after.accounts.get(account)
        if now != grants:
            change = "is gone" if now is None else f"has other grants: {', '.join(now) or 'none'}"
            found = f"account {account}, which belongs to another service, {change}"
            yield _drop_finding(observation, found, "every other account is untouched", fix)


def _not_removed(observation: Observation, databases: list[str], accounts: list[str]) -> Iterator[Finding]:
    after = observation.database[Step.AFTER]
    fix = "let the db_drop Job drop it, and end with an error if it cannot"
    if not observation.declared.containers_of("db_drop"):
        fix = "render a db_drop Job where the switch is on: with it on, none of the chart's containers uses that key"
    for name in databases:
        if name in after.databases:
            found = f"database {name} is still there, with {len(after.databases[name])} tables"
            yield _drop_finding(observation, found, "it is gone when helm uninstall has ended", fix)
    for account in accounts:
        if account in after.accounts:
            found = f"account {account} is still there"
            yield _drop_finding(observation, found, "it is gone when helm uninstall has ended", fix)
    for account, grants in after.accounts.items():
        left = [g for g in grants if account not in accounts and g.partition(" ON ")[2] in databases]
        if left:
            found = f"account {account} still has {', '.join(left)}"
            yield _drop_finding(observation, found, "no grant on the dropped database is left", fix)


def _not_kept(observation: Observation, databases: list[str], accounts: list[str]) -> Iterator[Finding]:
    installed, after = observation.database[Step.INSTALLED], observation.database[Step.AFTER]
    fix = "let nothing but a db_drop Job drop anything, and render none where the switch is off"
    ran = [c.label for c in performed(observation, "db_drop") if c.ran]
    if ran:
        found = f"{', '.join(ran)} ran, with db_drop switched off"
        yield _drop_finding(observation, found, "no drop Job runs", fix)
    for name in databases:
        for change in _changes(installed.databases[name], after.databases.get(name)):
            found = f"database {name}: {change}, with db_drop switched off"
            yield _drop_finding(observation, found, "it is there, row for row", fix)
    for account in accounts:
        if after.accounts.get(account) != installed.accounts[account]:
            found = f"account {account} is gone or has other grants, with db_drop switched off"
            yield _drop_finding(observation, found, "it is there, with its grants", fix)


def _changes(old: Mapping[str, TableState], new: Mapping[str, TableState] | None) -> Iterator[str]:
    if new is None:
        yield "is gone"
        return
    for table in sorted(set(old) | set(new)):
        if old.get(table) != new.get(table):
            yield f"table {table} had {_rows(old.get(table))}, now {_rows(new.get(table))}"


def _rows(state: TableState | None) -> str:
    if state is None:
        return "no such table"
    if state.rows is None:
        return "a lock that keeps everybody from reading it"
    return f"{state.rows} rows (checksum {state.checksum})"


def _drop_finding(observation: Observation, found: str, expected: str, fix: str) -> Finding:
    return finding(
        observation,
        DROP_4.id,
        key="db_drop",
        found=found,
        expected=expected,
        why=DROP_4.why,
        fix=fix,
    )
