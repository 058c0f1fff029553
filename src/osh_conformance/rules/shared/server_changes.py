"""Shared by DROP-4 to DROP-7: what an uninstall did to a server that others use too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from osh_conformance.model.scenario import FAULTS
from osh_conformance.rules.shared.removal_problem import RemovalProblem
from osh_conformance.rules.shared.table_changes import restarted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.observation import DatabaseState, ReleaseLifetime, Removal

#: FLUSH statements that concern nobody else: the server reads its accounts again, or only these tables are closed.
_HARMLESS = re.compile(
    r"FLUSH\s+((NO_WRITE_TO_BINLOG|LOCAL)\s+)?(PRIVILEGES$|TABLES?\s+(?!WITH\b)(?P<tables>\S.*))", re.IGNORECASE
)
_IN_TRANSACTION = " in a transaction"
_FIX = "set only variables of the drop's own session, and end only sessions of the service's own accounts"


def problems_of_server(lifetime: ReleaseLifetime, removal: Removal, before: DatabaseState) -> Iterator[RemovalProblem]:
    """Yield what one uninstall did to the whole server and to the sessions of other services.

    Nothing, if the suite did not read the server, or if a fault restarted it or put another one into its place. The
    variables that a fault sets are its own.
    """
    populated, after = removal.populated, removal.after
    kinds = [FAULTS[name] for name in removal.faults]
    if not (populated.started and after.started) or any(kind.replaces for kind in kinds):
        return
    if restarted(populated, after):
        if not kinds:
            yield _problem("restart", "the database server was restarted", "the server keeps running")
        return
    yield from _sessions(lifetime, removal, before)
    of_faults = {name.upper() for kind in kinds for name in kind.variables}
    for name in sorted((set(populated.variables) | set(after.variables)) - of_faults):
        now = after.variables.get(name)
        if now != populated.variables.get(name):
            yield _problem(
                f"variable {name}",
                f"global variable {name.lower()} was set (now {now or 'empty'})",
                "every global variable stays as it is",
            )
    others = sorted(set(populated.databases) - set(lifetime.databases))
    for command, count in after.commands.items():
        if count > populated.commands.get(command, 0) and not _is_harmless(command, others):
            yield _problem(
                f"command {command}",
                f"{command} was run, which concerns every client of the server",
                "the drop runs only statements about the service's own databases and accounts",
            )


def _problem(cause: str, found: str, expected: str) -> RemovalProblem:
    return RemovalProblem(cause=cause, found=found, expected=expected, fix=_FIX)


def _is_harmless(command: str, others: list[str]) -> bool:
    found = _HARMLESS.match(command)
    tables = (found["tables"] or "") if found else ""
    return bool(found) and not any(f"{name}.".upper() in tables.replace("`", "") for name in others)


def _sessions(lifetime: ReleaseLifetime, removal: Removal, before: DatabaseState) -> Iterator[RemovalProblem]:
    """Yield the sessions of services older than all releases that the uninstall ended. Nobody else ends them."""
    own = {account.rpartition("@")[0] for account in lifetime.accounts}
    databases = set(before.databases)
    users = {
        account.rpartition("@")[0]
        for account, grants in before.accounts.items()
        if any(grant.partition(" ON ")[2] in databases for grant in grants)
    }
    for key, session in removal.populated.sessions.items():
        account = session.removesuffix(_IN_TRANSACTION)
        now = removal.after.sessions.get(key)
        if account.rpartition("@")[0] not in users - own or now == session:
            continue
        busy = session.endswith(_IN_TRANSACTION)
        what = f"the session of {account}{', with its open transaction,' if busy else ''}"
        if now is not None:
            what = f"the open transaction of {account}"
        yield _problem(f"session of {account}", f"{what} was ended", "the sessions of other services stay open")
