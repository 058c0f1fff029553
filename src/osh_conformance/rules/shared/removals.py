"""Shared by DROP-4 to DROP-7: compare the database server before and after an uninstall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.scenario import ExpectedData
from osh_conformance.rules.shared.live import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import DatabaseState, Observation, ReleaseLifetime, Removal, TableState
    from osh_conformance.model.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalProblem:
    """Something wrong after an uninstall, before a rule makes a finding of it.

    `cause` distinguishes the problems of one uninstall. `warning`: the release is not certain to be the reason.
    """

    cause: str
    found: str
    expected: str
    fix: str = ""
    warning: bool = False

    def finding(self, rule: Rule, observation: Observation, *, when: str = "") -> Finding:
        """Return the finding of `rule`, with `when` before `found` and `cause`. Without a fix it has the rule's."""
        prefix = f"{when}: " if when else ""
        return rule.finding(
            place(observation, key="db_drop"),
            found=f"{prefix}{self.found}",
            expected=self.expected,
            fix=self.fix,
            cause=f"{prefix}{self.cause}",
            warning=self.warning,
        )


def check_removals(rule: Rule, observation: Observation) -> Verdict:
    """Return the verdict of `rule` on all uninstalls of an observation."""
    if not any(lifetime.databases or lifetime.accounts for lifetime in observation.lifetimes):
        reason = "the release created no database and no account, so there was nothing to drop or keep"
        return Verdict.undecided(rule.id, reason)
    findings = [
        problem.finding(rule, observation)
        for removal in observation.removals
        for problem in removal_problems(observation, removal)
    ]
    # Several uninstalls with the same problem give one finding.
    return Verdict.of(rule.id, list({finding.found: finding for finding in findings}.values()))


def removal_problems(observation: Observation, removal: Removal) -> Iterator[RemovalProblem]:
    """Yield what one uninstall left or deleted against its scenario, as the database server shows it."""
    lifetime = observation.lifetimes[removal.lifetime]
    if removal.expected_data is not ExpectedData.ALREADY_GONE:
        yield from _exit(observation, removal)
    # A later release began with what an earlier one, or another release, had there; that may be gone by now.
    before = observation.lifetimes[0].before
    yield from _databases_of_others(lifetime, removal, before)
    yield from _accounts_of_others(lifetime, removal, before)
    if removal.expected_data is ExpectedData.DROPPED:
        yield from _not_removed(observation, lifetime, removal)
    else:
        yield from _not_kept(lifetime, removal)


def _exit(observation: Observation, removal: Removal) -> Iterator[RemovalProblem]:
    call = removal.call
    if call.code != 0:
        # Without the namespace, whose name changes from run to run: the same cause must be the same finding.
        found = f"exit code {call.code}: {call.output.replace(f'{observation.namespace}/', '')}"
        fix = "see the log of the drop Job in the artifacts"
        waiting = removal.after.waiting
        if waiting:
            found += f"\nstatements still waiting on the server: {', '.join(waiting)}"
            fix = "end the service's open sessions before the drop, because the drop waits for their transactions"
        yield RemovalProblem(cause="exit", found=found, expected="helm uninstall ends with exit code 0", fix=fix)
        return  # the failed uninstall explains the objects that are left
    for leftover in filter(_drop_workloads(observation).__contains__, removal.leftovers):
        yield RemovalProblem(
            cause=f"left {leftover.partition('/')[0]}",  # the name of a pod is random
            found=f"{leftover} is still there after helm uninstall",
            expected="helm uninstall also deletes the drop Job and its pods",
            fix="give hooks the delete policy before-hook-creation,hook-succeeded: without it Helm leaves them",
        )


def _drop_workloads(observation: Observation) -> set[str]:
    """Return the drop Jobs and their pods. Hook Jobs with other tasks do not count."""
    workloads = {c.workload for c in observation.declared.containers_of("db_drop")}
    return workloads | {f"Pod/{c.pod}" for c in observation.containers if c.workload in workloads}


def _databases_of_others(
    lifetime: ReleaseLifetime, removal: Removal, before: DatabaseState
) -> Iterator[RemovalProblem]:
    """Yield the changes to databases that do not belong to the release."""
    later = {name: tables for name, tables in removal.populated.databases.items() if name not in lifetime.databases}
    for name, tables in {**later, **before.databases}.items():
        # The service of another release may write in the meantime. No service uses a database older than all releases.
        in_use = name not in before.databases
        for change in _changes(tables, removal.after.databases.get(name), in_use=in_use):
            yield RemovalProblem(
                cause=f"database {name} of another service, {change.cause}",
                found=f"database {name} of another service{change.text}",
                expected="every other database is unchanged",
                fix=_FIX_OF_OTHERS,
                warning=not change.certain,
            )


def _accounts_of_others(lifetime: ReleaseLifetime, removal: Removal, before: DatabaseState) -> Iterator[RemovalProblem]:
    """Yield the changes to accounts that do not belong to the release."""
    later = {name: grants for name, grants in removal.populated.accounts.items() if name not in lifetime.accounts}
    for account, grants in {**later, **before.accounts}.items():
        now = removal.after.accounts.get(account)
        if now != grants:
            change = "is gone" if now is None else f"has other grants: {', '.join(now) or 'none'}"
            yield RemovalProblem(
                cause=f"account {account} of another service",
                found=f"account {account} of another service {change}",
                expected="every other account is unchanged",
                fix=_FIX_OF_OTHERS,
            )


_FIX_OF_OTHERS = "drop only this service's own databases and accounts, by their quoted full names"


def _not_removed(observation: Observation, lifetime: ReleaseLifetime, removal: Removal) -> Iterator[RemovalProblem]:
    """Yield what the uninstall should have dropped, and did not."""
    fix = "let the db_drop Job drop it, and exit with an error if it cannot"
    if not observation.declared.containers_of("db_drop"):
        fix = "render a db_drop Job when the switch is on: no container of the chart uses that key"
    for cause, found in _still_there(lifetime, removal.after):
        yield RemovalProblem(cause=cause, found=found, expected="it is gone when helm uninstall has ended", fix=fix)
    for account, grants in removal.after.accounts.items():
        left_grants = [
            g for g in grants if account not in lifetime.accounts and g.partition(" ON ")[2] in lifetime.databases
        ]
        if left_grants:
            yield RemovalProblem(
                cause=f"grants of {account}",
                found=f"account {account} still has {', '.join(left_grants)}",
                expected="no grant on the dropped database is left",
                fix=fix,
            )


def _still_there(lifetime: ReleaseLifetime, state: DatabaseState) -> Iterator[tuple[str, str]]:
    """Yield cause and text for each database and account of a release that the server still has."""
    for name in lifetime.databases:
        if name in state.databases:
            yield f"database {name}", f"database {name} is still there, with {len(state.databases[name])} tables"
    for account in lifetime.accounts:
        if account in state.accounts:
            yield f"account {account}", f"account {account} is still there"


def _not_kept(lifetime: ReleaseLifetime, removal: Removal) -> Iterator[RemovalProblem]:
    """Yield what the uninstall should have left as it was, and did not."""
    populated, after = removal.populated, removal.after
    fix = "drop data only in a db_drop Job, and render no such Job when the switch is off"
    kept = removal.expected_data is ExpectedData.KEPT
    reason = "with db_drop switched off" if kept else "which belonged to another owner by then"
    if removal.ran and kept:
        found = f"{', '.join(removal.ran)} ran, {reason}"
        yield RemovalProblem(cause="drop Job", found=found, expected="no drop Job runs", fix=fix)
    for name in lifetime.databases:
        old = populated.databases.get(name, lifetime.installed.databases[name])
        # The release's service may write until its pods have ended.
        for change in _changes(old, after.databases.get(name), in_use=kept):
            yield RemovalProblem(
                cause=f"database {name}, {change.cause}",
                found=f"database {name}{change.text}, {reason}",
                expected="the database is there with all its rows",
                fix=fix,
                warning=not change.certain,
            )
    for account in lifetime.accounts:
        if after.accounts.get(account) != populated.accounts.get(account, lifetime.installed.accounts[account]):
            yield RemovalProblem(
                cause=f"account {account}",
                found=f"account {account} is gone or has other grants, {reason}",
                expected="the account is there with its grants",
                fix=fix,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A change to a database. `text` follows its name; `certain`: only a drop can be the reason."""

    cause: str
    text: str
    certain: bool = True


def _changes(old: Mapping[str, TableState], new: Mapping[str, TableState] | None, *, in_use: bool) -> Iterator[_Change]:
    """Yield the changes from `old` to `new`, the tables of one database; `new` is None if the database is gone.

    `in_use`: a service writes to the database. Then added and changed rows do not count, and fewer rows are not certain
    to be a loss, because the service itself may have deleted them.
    """
    if new is None:
        yield _Change(cause="gone", text=" is gone")
    elif not in_use:
        for table in sorted(set(old) | set(new)):
            if old.get(table) != new.get(table):
                yield _Change(cause=f"table {table}", text=_table_change(table, old, new))
    else:
        for table in sorted(old):
            if _has_less(old[table], new.get(table)):
                text = _table_change(table, old, new)
                yield _Change(cause=f"table {table}", text=text, certain=table not in new)
        if _has_rows(old) and not _has_rows(new):
            yield _Change(cause="empty", text=": every table is empty")


def _table_change(table: str, old: Mapping[str, TableState], new: Mapping[str, TableState]) -> str:
    return f": table {table} had {_rows(old.get(table))}, now {_rows(new.get(table))}"


def _has_less(old: TableState, new: TableState | None) -> bool:
    return new is None or (old.rows is not None and new.rows is not None and new.rows < old.rows)


def _has_rows(tables: Mapping[str, TableState]) -> bool:
    return any(table.rows for table in tables.values())


def _rows(state: TableState | None) -> str:
    if state is None:
        return "no such table"
    if state.rows is None:
        return "an unknown number of rows (the table is locked)"
    return f"{state.rows} rows (checksum {state.checksum})"
