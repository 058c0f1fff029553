"""Shared by DROP-4 to DROP-7: compare the database server before and after an uninstall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.observation import MARK, names_of
from osh_conformance.model.scenario import ExpectedData
from osh_conformance.rules.shared.others import details_changed, objects_changed, privileges_changed, problems_of_others
from osh_conformance.rules.shared.removal_problem import RemovalProblem
from osh_conformance.rules.shared.server_changes import problems_of_server
from osh_conformance.rules.shared.table_changes import changes, wrote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from osh_conformance.model.observation import DatabaseState, Observation, ReleaseLifetime, Removal
    from osh_conformance.model.rule import Rule


def check_removals(rule: Rule, observation: Observation) -> Verdict:
    """Return the verdict of `rule` on all uninstalls of an observation."""
    if not any(life.databases or life.accounts or life.roles for life in observation.lifetimes):
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
    dropped = removal.expected_data is ExpectedData.DROPPED
    left = tuple(_still_there(lifetime, removal.after)) if dropped else ()
    failed = removal.call.code != 0 and removal.expected_data is not ExpectedData.ALREADY_GONE
    if failed:
        yield _failure(observation, removal, left)
    elif removal.expected_data is not ExpectedData.ALREADY_GONE:
        yield from _left_workloads(observation, removal)
    # A later release began with what an earlier one, or another release, had there; that may be gone by now.
    before = observation.lifetimes[0].before
    yield from _already_gone(observation, lifetime, removal)
    yield from problems_of_others(lifetime, removal, before)
    yield from problems_of_server(lifetime, removal, before)
    if dropped:
        yield from _not_removed(observation, lifetime, removal, () if failed else left)
    else:
        yield from _not_kept(lifetime, removal)


def _failure(observation: Observation, removal: Removal, left: Sequence[_Left]) -> RemovalProblem:
    """Return the problem of an uninstall that failed. It explains the objects and the data that are still there."""
    call = removal.call
    # Without the namespace, whose name changes from run to run: the same cause must be the same finding.
    found = f"exit code {call.code}: {call.output}"
    if removal.repeated_failure:
        end = found
        if call.code < 0:
            end = f"the suite then interrupted helm uninstall, which ended with exit code {call.code}"
        attempts = f"{removal.repeated_by}: three attempts in a row ended with this last line"
        found = f"{removal.repeated_failure}\n{attempts}\n{end}"
    if removal.with_image:
        found += f"\nwith an image for it: {removal.with_image}"
    found = found.replace(f"{observation.namespace}/", "")
    fix = "see the log of the drop Job in the artifacts"
    waiting = removal.after.waiting
    if waiting:
        found += f"\nstatements still waiting on the server: {', '.join(waiting)}"
        fix = "end the service's open sessions before the drop, because the drop waits for their transactions"
    if left:
        found += f"\nstill there: {', '.join(each.name + each.size for each in left)}"
    return RemovalProblem(cause="exit", found=found, expected="helm uninstall ends with exit code 0", fix=fix)


def _left_workloads(observation: Observation, removal: Removal) -> Iterator[RemovalProblem]:
    """Yield the drop Jobs and their pods that a successful uninstall left."""
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


def _already_gone(observation: Observation, lifetime: ReleaseLifetime, removal: Removal) -> Iterator[RemovalProblem]:
    """Yield what the release had lost when its first uninstall began, unless a step or an earlier uninstall took it."""
    populated, installed = removal.populated, lifetime.installed
    earlier = observation.removals[: observation.removals.index(removal)]
    looked = populated != installed if removal.looked is None else removal.looked
    # An older recording does not tell what steps took.
    if not (looked and populated.started) or any(each.lifetime == removal.lifetime for each in earlier):
        return
    taken = set(lifetime.taken).union(*(names_of(each.populated) - names_of(each.after) for each in earlier))
    there = names_of(populated)
    for name in sorted(names_of(installed) - names_of(lifetime.before) - there - taken):
        yield RemovalProblem(
            cause=f"{name} gone before the uninstall",
            found=f"{name} was already gone when helm uninstall began: "
            "something dropped it between the install and the uninstall",
            expected="what the release has made stays until its uninstall",
            fix=_FIX_TOO_EARLY,
        )
    for database in lifetime.marked:
        if f"database {database}" in there and not _has_mark(populated, database):
            yield RemovalProblem(
                cause=f"database {database} emptied before the uninstall",
                found=f"database {database} was dropped and made again, or emptied, "
                "between the install and the uninstall",
                expected="what the release has made stays until its uninstall",
                fix=_FIX_TOO_EARLY,
            )


def _has_mark(state: DatabaseState, database: str) -> bool:
    mark = state.databases[database].get(MARK)
    return mark is not None and mark.rows != 0


_FIX_TOO_EARLY = "drop data only in a pre-delete hook, and never in an upgrade, a test or a container of the service"


def _not_removed(
    observation: Observation, lifetime: ReleaseLifetime, removal: Removal, left: Sequence[_Left]
) -> Iterator[RemovalProblem]:
    """Yield what the uninstall should have dropped, and did not."""
    fix = "let the db_drop Job drop it, and exit with an error if it cannot"
    # A Job that has no image has no key either.
    hooks = {event for container in observation.declared.containers for event in container.hook}
    if not observation.declared.containers_of("db_drop") and not hooks & {"pre-delete", "post-delete"}:
        fix = "render a db_drop Job when the switch is on: no container of the chart uses that key"
    for each in left:
        yield RemovalProblem(
            cause=each.name,
            found=f"{each.name} is still there{each.detail}",
            expected="it is gone when helm uninstall has ended",
            fix=fix,
        )
    for kind, name, grants in _left_grants(lifetime, removal):
        yield RemovalProblem(
            cause=f"grants of {name}",
            found=f"{kind} {name} still has {', '.join(grants)}",
            expected="no grant on the dropped database is left",
            fix=fix,
        )


def _left_grants(lifetime: ReleaseLifetime, removal: Removal) -> Iterator[tuple[str, str, list[str]]]:
    """Yield kind, name and grants of each account and role of others that still has some on a release's database.

    Without those that are new after the uninstall: that is a problem of its own.
    """
    there, after = names_of(removal.populated), removal.after
    for kind, found, own in (("account", after.accounts, lifetime.accounts), ("role", after.roles, lifetime.roles)):
        for name, grants in found.items():
            if name in own or f"{kind} {name}" not in there:
                continue
            left = [grant for grant in grants if grant.partition(" ON ")[2] in lifetime.databases]
            narrow = after.privileges.get(name, {})
            left += [f"{grant} of {where}" for where in lifetime.databases for grant in narrow.get(where, ())]
            if left:
                yield kind, name, left


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    """A database, an account or a role of a release that the server still has. `tables`: those of a database."""

    name: str
    tables: int | None = None

    @property
    def size(self) -> str:
        return "" if self.tables is None else f" ({self.tables} tables)"

    @property
    def detail(self) -> str:
        return "" if self.tables is None else f", with {self.tables} tables"


def _still_there(lifetime: ReleaseLifetime, state: DatabaseState) -> Iterator[_Left]:
    """Yield what the server still has of a release."""
    for name in lifetime.databases:
        if name in state.databases:
            yield _Left(name=f"database {name}", tables=len(state.databases[name]))
    for account in lifetime.accounts:
        if account in state.accounts:
            yield _Left(name=f"account {account}")
    for role in lifetime.roles:
        if role in state.roles:
            yield _Left(name=f"role {role}")


def _not_kept(lifetime: ReleaseLifetime, removal: Removal) -> Iterator[RemovalProblem]:
    """Yield what the uninstall should have left as it was, and did not."""
    populated, after = removal.populated, removal.after
    fix = "drop data only in a db_drop Job, and render no such Job when the switch is off"
    kept = removal.expected_data is ExpectedData.KEPT
    reason = "with db_drop switched off" if kept else "which belonged to another owner by then"
    if removal.ran and kept:
        found = f"{', '.join(removal.ran)} ran, {reason}"
        yield RemovalProblem(cause="drop Job", found=found, expected="no drop Job runs", fix=fix)
    users = frozenset(account.rpartition("@")[0] for account in lifetime.accounts)
    # The release's service may write until its pods have ended. The server counts who writes.
    in_use = kept and wrote(users, populated, after) is not False
    for name in lifetime.databases:
        old = populated.databases.get(name, lifetime.installed.databases.get(name, {}))
        for change in changes(old, after.databases.get(name), in_use=in_use):
            yield RemovalProblem(
                cause=f"database {name}, {change.cause}",
                found=f"database {name}{change.text}, {reason}",
                expected="the database is there with all its rows",
                fix=fix,
                warning=not change.certain,
            )
        if name not in after.databases:
            continue
        for what, text in objects_changed(name, populated, after):
            yield RemovalProblem(
                cause=f"database {name}, {what}",
                found=f"database {name}: {what} {text}, {reason}",
                expected="the database is there as it was",
                fix=fix,
            )
    for cause, text in _changed_holders(lifetime, populated, after):
        yield RemovalProblem(
            cause=cause, found=f"{text}, {reason}", expected="the account is there with its grants", fix=fix
        )


def _changed_holders(
    lifetime: ReleaseLifetime, populated: DatabaseState, after: DatabaseState
) -> Iterator[tuple[str, str]]:
    """Yield cause and text for each account or role of a release that is not as it was."""
    for account in lifetime.accounts:
        old = populated.accounts.get(account, lifetime.installed.accounts.get(account))
        if after.accounts.get(account) != old:
            yield f"account {account}", f"account {account} is gone or has other grants"
            continue
        for aspect, text in details_changed(account, populated, after):
            yield f"account {account}, {aspect}", f"account {account}: {text}"
        for text in privileges_changed(account, populated, after):
            yield f"account {account}, {text}", f"account {account} {text}"
    for role in lifetime.roles:
        if after.roles.get(role) != populated.roles.get(role, lifetime.installed.roles.get(role)):
            yield f"role {role}", f"role {role} is gone or has other grants"
