"""Shared by DROP-4 to DROP-7: what an uninstall changed that belongs to other services, and what it added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.observation import names_of
from osh_conformance.rules.shared.removal_problem import RemovalProblem
from osh_conformance.rules.shared.table_changes import changes, wrote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.observation import DatabaseState, ReleaseLifetime, Removal

_FIX = "drop only this service's own databases and accounts, by their quoted full names"
_PLURALS = ("limits", "roles")
#: The databases of the server, where clients can add things too.
_OF_SERVER = ("mysql", "sys")


def problems_of_others(lifetime: ReleaseLifetime, removal: Removal, before: DatabaseState) -> Iterator[RemovalProblem]:
    """Yield what one uninstall changed or added beside the release's own data.

    `before` is the server before the first release: a later one began with what another release had there, and that may
    be gone by now. Data that came later are compared with the server immediately before the uninstall.
    """
    yield from _databases(lifetime, removal, before)
    yield from _accounts(lifetime, removal, before)
    yield from _roles(lifetime, removal, before)
    yield from _objects(lifetime, removal, before)
    yield from _new(lifetime, removal, before)


def _databases(lifetime: ReleaseLifetime, removal: Removal, before: DatabaseState) -> Iterator[RemovalProblem]:
    """Yield the changes to databases that do not belong to the release."""
    later = {name: tables for name, tables in removal.populated.databases.items() if name not in lifetime.databases}
    for name, tables in {**later, **before.databases}.items():
        in_use = _in_use(name, lifetime, removal, before)
        now = removal.after.databases.get(name)
        for change in changes(tables, now, in_use=in_use, dropped=_own_contents(lifetime, removal)):
            yield RemovalProblem(
                cause=f"database {name} of another service, {change.cause}",
                found=f"database {name} of another service{change.text}",
                expected="every other database is unchanged",
                fix=_FIX,
                warning=not change.certain,
            )


def _in_use(name: str, lifetime: ReleaseLifetime, removal: Removal, before: DatabaseState) -> bool:
    """Return whether a service may have written to another database in the meantime: the server counts who writes."""
    old = before if name in before.databases else removal.populated
    own = {account.rpartition("@")[0] for account in lifetime.accounts}
    counted = wrote(frozenset(_users_of(name, removal.populated) - own), old, removal.after)
    # Without a count: the service of another release may write. None uses a database older than all releases.
    return name not in before.databases if counted is None else counted


def _users_of(database: str, state: DatabaseState) -> set[str]:
    """Return the users that may do something in a database, by themselves or by a role, without administrators."""
    granted = {name for name, grants in {**state.accounts, **state.roles}.items() if _has_grant(grants, database)}
    granted |= {name for name, of in state.privileges.items() if database in of}
    holders = {name for name in state.accounts if _held_roles(state, name) & granted}
    services = {name for name, grants in state.accounts.items() if not _is_administrator(grants)}
    return {name.rpartition("@")[0] for name in (granted | holders) & services}


def _is_administrator(grants: tuple[str, ...]) -> bool:
    return any(grant.endswith(" ON *") and grant != "USAGE ON *" for grant in grants)


def _has_grant(grants: tuple[str, ...], database: str) -> bool:
    return any(grant.partition(" ON ")[2] == database for grant in grants)


def _held_roles(state: DatabaseState, account: str) -> set[str]:
    """Return the roles of an account or role, without `with admin option`."""
    roles = state.details.get(account, {}).get("roles", "").split(", ")
    return {role.removesuffix(" with admin option") for role in roles if role}


def _own_contents(lifetime: ReleaseLifetime, removal: Removal) -> Mapping[tuple[int, int], str]:
    return {
        (table.rows, table.checksum): f"{database}.{name}"
        for database in lifetime.databases
        for name, table in removal.populated.databases.get(database, {}).items()
        if table.rows and table.checksum
    }


# -- accounts and roles ----------------------------------------------------------------------------------------------


def _accounts(lifetime: ReleaseLifetime, removal: Removal, before: DatabaseState) -> Iterator[RemovalProblem]:
    """Yield the changes to accounts that do not belong to the release."""
    later = {name: grants for name, grants in removal.populated.accounts.items() if name not in lifetime.accounts}
    for account, grants in {**later, **before.accounts}.items():
        now = removal.after.accounts.get(account)
        if now != grants:
            change = "is gone" if now is None else f"has other grants: {', '.join(now) or 'none'}"
            yield _of_account(account, "", f"account {account} of another service {change}")
        if now is None:
            continue
        old = before if account in before.accounts else removal.populated
        for aspect, text in details_changed(account, old, removal.after):
            yield _of_account(account, f", {aspect}", f"account {account} of another service: {text}")
        for text in privileges_changed(account, old, removal.after):
            yield _of_account(account, f", {text}", f"account {account} of another service {text}")


def _of_account(account: str, cause: str, found: str) -> RemovalProblem:
    return RemovalProblem(
        cause=f"account {account} of another service{cause}",
        found=found,
        expected="every other account is unchanged",
        fix=_FIX,
    )


def details_changed(account: str, old: DatabaseState, new: DatabaseState) -> Iterator[tuple[str, str]]:
    """Yield name and text of each detail of an account or role that differs, if both looks have its details."""
    if account not in old.details or account not in new.details:
        return
    was, now = dict(old.details[account]), dict(new.details[account])
    # A role that is new or gone is a change of its own. An administrator holds each role that it has created, and the
    # suite's server makes its administrators anew when it starts.
    still = set() if _is_administrator(old.accounts.get(account, ())) else set(old.roles) & set(new.roles)
    was["roles"], now["roles"] = (", ".join(sorted(_held_roles(state, account) & still)) for state in (old, new))
    for aspect in sorted(set(was) | set(now)):
        before, after = was.get(aspect, ""), now.get(aspect, "")
        if before == after:
            continue
        if aspect == "login":
            if was.get("plugin") == now.get("plugin"):
                yield aspect, "it has another password"
        else:
            verb = "were" if aspect in _PLURALS else "was"
            yield aspect, f"its {aspect} {verb} {before or 'none'}, now {after or 'none'}"


def privileges_changed(account: str, old: DatabaseState, new: DatabaseState) -> Iterator[str]:
    """Yield a text for each narrow grant that an account or role lost or got."""
    if not old.started or not new.started:
        return
    was, now = old.privileges.get(account, {}), new.privileges.get(account, {})
    for database in sorted(set(was) | set(now)):
        gone = {what for what in old.objects.get(database, {}) if what not in new.objects.get(database, {})}
        for grant in sorted(set(was.get(database, ())) - set(now.get(database, ()))):
            # The server takes the grants on a routine away with the routine.
            if grant.partition(" ON ")[2].lower() not in {what.lower() for what in gone}:
                yield f"lost {grant} of database {database}"
        for grant in sorted(set(now.get(database, ())) - set(was.get(database, ()))):
            yield f"got {grant} of database {database}"


def _roles(lifetime: ReleaseLifetime, removal: Removal, before: DatabaseState) -> Iterator[RemovalProblem]:
    later = {name: grants for name, grants in removal.populated.roles.items() if name not in lifetime.roles}
    for role, grants in {**later, **before.roles}.items():
        now = removal.after.roles.get(role)
        old = before if role in before.roles else removal.populated
        found = []
        if now is None:
            found.append("is gone")
        else:
            found += [f"has other grants: {', '.join(now) or 'none'}"] if now != grants else []
            found += privileges_changed(role, old, removal.after)
        for text in found:
            yield RemovalProblem(
                cause=f"role {role} of another service, {text.partition(':')[0]}",
                found=f"role {role} of another service {text}",
                expected="every other role is unchanged",
                fix=_FIX,
            )


# -- views, routines, events, triggers -------------------------------------------------------------------------------


def _objects(lifetime: ReleaseLifetime, removal: Removal, before: DatabaseState) -> Iterator[RemovalProblem]:
    """Yield the changes to definitions in databases that do not belong to the release."""
    populated, after = removal.populated, removal.after
    later = {name: found for name, found in populated.objects.items() if name not in lifetime.databases}
    for database, old in {**later, **before.objects}.items():
        if database not in after.databases and database not in _OF_SERVER:
            continue  # it is gone with the database
        owner = "of the server" if database in _OF_SERVER else "of another service"
        was = before if database in before.objects else populated
        for what, text in objects_changed(database, was, after):
            yield RemovalProblem(
                cause=f"database {database} {owner}, {what}",
                found=f"database {database} {owner}: {what} {text}",
                expected="every other database is unchanged" if old else "nothing is new",
                fix=_FIX,
            )


def objects_changed(database: str, old: DatabaseState, new: DatabaseState) -> Iterator[tuple[str, str]]:
    """Yield each definition of a database that differs, and how. Tables that are new or gone are other changes."""
    if not old.started or not new.started:
        return
    was, now = old.objects.get(database, {}), new.objects.get(database, {})
    lost = set(old.databases.get(database, {})) - set(new.databases.get(database, {}))
    # What a waiting statement locks is not listed.
    locked = bool(new.waiting) or any(table.rows is None for table in new.databases.get(database, {}).values())
    for what in sorted(set(was) | set(now)):
        of_table = what.startswith("table ") and database not in _OF_SERVER
        if what not in now:
            with_table = what.startswith("trigger ") and lost
            if not (of_table or with_table or locked):
                yield what, "is gone"
        elif what not in was:
            if not of_table:
                yield what, "is new after helm uninstall"
        elif was[what] != now[what]:
            number = what == "tables"
            yield what, f"were {was[what]}, now {now[what]}" if number else "has another definition"


# -- what is new -----------------------------------------------------------------------------------------------------


def _new(lifetime: ReleaseLifetime, removal: Removal, before: DatabaseState) -> Iterator[RemovalProblem]:
    """Yield the databases, accounts and roles that the uninstall added: who moves data away has not dropped it."""
    own = {f"database {name}" for name in lifetime.databases} | {f"account {name}" for name in lifetime.accounts}
    own |= {f"role {name}" for name in lifetime.roles}
    known = names_of(removal.populated) | names_of(before) | own
    contents = _own_contents(lifetime, removal)
    for name in sorted(names_of(removal.after) - known):
        tables = removal.after.databases.get(name.removeprefix("database "), {}) if name.startswith("database ") else {}
        moved = [
            contents[key] for table in tables.values() if (key := (table.rows or 0, table.checksum or 0)) in contents
        ]
        yield RemovalProblem(
            cause=f"new {name}",
            found=f"{name} is new after helm uninstall"
            + (f", with the rows of {', '.join(sorted(moved))}" if moved else ""),
            expected="an uninstall adds nothing to the server",
            fix="drop the data, and do not move or copy it to another name",
        )
