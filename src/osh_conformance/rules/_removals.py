"""What an uninstall did to the server: to the release's data, and to everybody else's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Severity, Status, Verdict
from osh_conformance.model.scenario import ExpectedData
from osh_conformance.rules._live import finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.finding import Finding, Rule
    from osh_conformance.model.observation import DatabaseState, Observation, ReleaseLifetime, Removal, TableState


def judged(observation: Observation, rule: Rule) -> Verdict:
    """Hold every uninstall of an observation to what it must leave."""
    if not any(life.databases or life.accounts for life in observation.lives):
        reason = "the release made no database and no account, so there was nothing to drop or keep"
        return Verdict(rule=rule.id, status=Status.UNDECIDED, reason=reason)
    found = [each for removal in observation.removals for each in of_removal(observation, removal, rule)]
    # Of several uninstalls that go wrong in one way, one finding tells.
    return Verdict.of(rule.id, list({each.found: each for each in found}.values()))


def of_removal(observation: Observation, removal: Removal, rule: Rule) -> Iterator[Finding]:
    """What is wrong with what one uninstall left, by the word of the server."""
    told = _Teller(observation, rule)
    life = observation.lives[removal.life]
    if removal.fate is not ExpectedData.ALREADY_GONE:
        yield from _exit(told, removal)
    yield from _others(told, life, removal)
    if removal.fate is ExpectedData.DROPPED:
        yield from _not_removed(told, life, removal)
    else:
        yield from _not_kept(told, life, removal)


class _Teller:
    """Writes findings of one rule on one observation."""

    def __init__(self, observation: Observation, rule: Rule) -> None:
        self.observation = observation
        self.rule = rule

    def __call__(self, found: str, expected: str, fix: str, *, certain: bool = True) -> Finding:
        told = finding(
            self.observation,
            self.rule.id,
            key="db_drop",
            found=found,
            expected=expected,
            why=self.rule.why,
            fix=fix,
        )
        return told if certain else replace(told, severity=Severity.WARNING, status=Status.WARNING)


def _exit(told: _Teller, removal: Removal) -> Iterator[Finding]:
    call = removal.call
    if call.code != 0:
        # Without the namespace, which is another in each run: the same cause is the same finding.
        found = f"exit code {call.code}: {call.output.replace(f'{told.observation.namespace}/', '')}"
        fix = "see the log of the drop Job in the artifacts"
        waiting = removal.after.waiting
        if waiting:
            found += f"\nthe server still has {', '.join(waiting)}"
            fix = "end the service's open sessions before the drop, which waits for their transactions"
        yield told(found, "helm uninstall ends with exit code 0", fix)
        return  # what it has not deleted then is no finding of its own
    for leftover in filter(_drop_workloads(told.observation).__contains__, removal.leftovers):
        yield told(
            f"{leftover} is still there after helm uninstall",
            "the drop Job and its pods are gone with the release",
            "give hooks the delete policy before-hook-creation,hook-succeeded: Helm leaves them otherwise",
        )


def _drop_workloads(observation: Observation) -> set[str]:
    """The Jobs that drop, and their pods: a hook Job with another task is no part of what these rules speak of."""
    workloads = {c.workload for c in observation.declared.containers_of("db_drop")}
    return workloads | {f"Pod/{c.pod}" for c in observation.containers if c.workload in workloads}


def _others(told: _Teller, life: ReleaseLifetime, removal: Removal) -> Iterator[Finding]:
    """Whatever was on the server beside the release must be there after it, row for row."""
    after = removal.after
    fix = "drop this service's own databases and accounts only, by their quoted full names"
    # A later life began with what an earlier one, or another release, had there; that may have gone since.
    before = told.observation.lives[0].before
    for name, tables in _databases_of_others(life, removal, before).items():
        # Another release's own service may write meanwhile; nobody writes to what was there before all of them.
        lives = name not in before.databases
        for change, certain in _different(tables, after.databases.get(name), lives=lives):
            found = f"database {name}, which belongs to another service: {change}"
            yield told(found, "every other database is untouched", fix, certain=certain)
    for account, grants in _accounts_of_others(life, removal, before).items():
        now = after.accounts.get(account)
        if now != grants:
            change = "is gone" if now is None else f"has other grants: {', '.join(now) or 'none'}"
            found = f"account {account}, which belongs to another service, {change}"
            yield told(found, "every other account is untouched", fix)


def _databases_of_others(
    life: ReleaseLifetime, removal: Removal, before: DatabaseState
) -> Mapping[str, Mapping[str, TableState]]:
    later = {name: tables for name, tables in removal.populated.databases.items() if name not in life.databases}
    return {**later, **before.databases}


def _accounts_of_others(
    life: ReleaseLifetime, removal: Removal, before: DatabaseState
) -> Mapping[str, tuple[str, ...]]:
    later = {name: grants for name, grants in removal.populated.accounts.items() if name not in life.accounts}
    return {**later, **before.accounts}


def _not_removed(told: _Teller, life: ReleaseLifetime, removal: Removal) -> Iterator[Finding]:
    fix = "let the db_drop Job drop it, and end with an error if it cannot"
    if not told.observation.declared.containers_of("db_drop"):
        fix = "render a db_drop Job where the switch is on: with it on, none of the chart's containers uses that key"
    for what in _still_there(life, removal.after):
        yield told(what, "it is gone when helm uninstall has ended", fix)
    for account, grants in removal.after.accounts.items():
        left = [g for g in grants if account not in life.accounts and g.partition(" ON ")[2] in life.databases]
        if left:
            found = f"account {account} still has {', '.join(left)}"
            yield told(found, "no grant on the dropped database is left", fix)


def _still_there(life: ReleaseLifetime, state: DatabaseState) -> Iterator[str]:
    """What the server has of a release's databases and accounts, each in words."""
    yield from (
        f"database {name} is still there, with {len(state.databases[name])} tables"
        for name in life.databases
        if name in state.databases
    )
    yield from (f"account {account} is still there" for account in life.accounts if account in state.accounts)


def _not_kept(told: _Teller, life: ReleaseLifetime, removal: Removal) -> Iterator[Finding]:
    populated, after = removal.populated, removal.after
    reason = {
        ExpectedData.KEPT: "with db_drop switched off",
        ExpectedData.ALREADY_GONE: "which is somebody else's by then",
    }[removal.fate]
    fix = "let nothing but a db_drop Job drop anything, and render none where the switch is off"
    if removal.ran and removal.fate is ExpectedData.KEPT:
        yield told(f"{', '.join(removal.ran)} ran, {reason}", "no drop Job runs", fix)
    # Until its pods have ended, the release's service may write.
    lives = removal.fate is ExpectedData.KEPT
    for name in life.databases:
        old = populated.databases.get(name, life.installed.databases[name])
        for change, certain in _different(old, after.databases.get(name), lives=lives):
            yield told(f"database {name}: {change}, {reason}", "it is there, row for row", fix, certain=certain)
    for account in life.accounts:
        if after.accounts.get(account) != populated.accounts.get(account, life.installed.accounts[account]):
            found = f"account {account} is gone or has other grants, {reason}"
            yield told(found, "it is there, with its grants", fix)


def _changes(old: Mapping[str, TableState], new: Mapping[str, TableState] | None) -> Iterator[str]:
    """What became of the tables of a database, in words; nothing where all are as they were."""
    if new is None:
        yield "is gone"
        return
    for table in sorted(set(old) | set(new)):
        if old.get(table) != new.get(table):
            yield f"table {table} had {_rows(old.get(table))}, now {_rows(new.get(table))}"


def _different(
    old: Mapping[str, TableState], new: Mapping[str, TableState] | None, *, lives: bool
) -> Iterator[tuple[str, bool]]:
    """What became of a database, in words, and whether that is certainly a loss.

    One whose service lives is written to: what came or changed is nobody's fault, and of rows that went somebody else
    than the service may be the reason.
    """
    if not lives or new is None:
        yield from ((change, True) for change in _changes(old, new))
        return
    for table in sorted(old):
        if _has_less(old[table], new.get(table)):
            yield f"table {table} had {_rows(old[table])}, now {_rows(new.get(table))}", table not in new
    if _held(old) and not _held(new):
        yield "every table is empty", True


def _has_less(old: TableState, new: TableState | None) -> bool:
    return new is None or (old.rows is not None and new.rows is not None and new.rows < old.rows)


def _held(tables: Mapping[str, TableState]) -> bool:
    """Whether there are rows in any of them."""
    return any(table.rows for table in tables.values())


def _rows(state: TableState | None) -> str:
    if state is None:
        return "no such table"
    if state.rows is None:
        return "a lock that keeps everybody from reading it"
    return f"{state.rows} rows (checksum {state.checksum})"
