"""Connections that stay open: of the service, as its workers hold them, or of somebody else."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.observe.database import named_account, quote_name, quote_text
from osh_conformance.waiting import CancelledError, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.scenario.state import ScenarioState

_LOCK = "lock"
_TABLE = "osh_conformance_read"
_CLOSES_WITHIN = 60.0
_PAUSE = 0.5
_SCRIPT = "/scripts/sessions.sh"
#: A second password for the account, beside its own.
_PASSWORD = "osh-conformance-session"  # noqa: S105
_NATIVE = "mysql_native_password"


def reading(run: ScenarioState) -> str:
    """SQL that begins a transaction and reads a table of each database: DROP DATABASE has to wait for its end.

    A database without a table is given one: nothing else would keep it from being dropped.
    """
    state = run.look()
    reads = []
    for database in (name for name in run.of_release.databases if name in state.databases):
        table = min(state.databases[database], default="")
        if not table:
            table = _TABLE
            run.server.change(f"CREATE TABLE {quote_name(database)}.{quote_name(table)} (id INT PRIMARY KEY);")
        reads.append(f"SELECT 1 FROM {quote_name(database)}.{quote_name(table)} LIMIT 1;")  # noqa: S608
    return " ".join(["START TRANSACTION;", *reads])


@contextlib.contextmanager
def opened(run: ScenarioState, account: str, sql: str, count: int = 1) -> Iterator[None]:
    """Hold `count` connections of an account of the release that have run `sql`."""
    _let_in(run, account)
    user = account.rpartition("@")[0]
    # An account may be called by any characters.
    name = hashlib.sha256(account.encode()).hexdigest()[:8]
    run.control.run([_SCRIPT, "open", name, str(count), sql, f"--user={user}", f"--password={_PASSWORD}"])
    try:
        yield
    finally:
        _close(run, name)


@contextlib.contextmanager
def locked(run: ScenarioState) -> Iterator[None]:
    """Hold a transaction of the server's administrator that keeps every database of the release from being dropped."""
    sql = reading(run)
    # An option file has to come first, and be the only one.
    run.control.run([_SCRIPT, "open", _LOCK, "1", sql, "--defaults-file=/etc/administrator/my.cnf"])
    try:
        yield
    finally:
        _close(run, _LOCK)


def _close(run: ScenarioState, name: str) -> None:
    """End sessions. What they hold would be held against the chart: one that cannot be ended is an error."""
    failure = ""

    def closed() -> bool:
        nonlocal failure
        try:
            run.control.run([_SCRIPT, "close", name])
        except SuiteError as error:
            failure = str(error)
            return False
        return True

    # A node does not report when commands in its containers work again. When a run is interrupted, the server's pod
    # is removed, and its sessions with it.
    with contextlib.suppress(CancelledError):
        until(
            closed,
            f"the session {name} to close",
            deadline=_CLOSES_WITHIN,
            pause=_PAUSE,
            cancel=run.site.cancel,
            state=lambda: failure,
        )


def _let_in(run: ScenarioState, account: str) -> None:
    """Give an account a second password; its own stays."""
    user, _, host = account.rpartition("@")
    where = f"User = {quote_text(user)} AND Host = {quote_text(host)}"
    found = run.server.change(
        f"SELECT JSON_VALUE(priv, '$.plugin'), JSON_VALUE(priv, '$.authentication_string') "  # noqa: S608
        f"FROM mysql.global_priv WHERE {where};"
    ).split()
    if len(found) != 2 or found[0] != _NATIVE:  # noqa: PLR2004
        raise SuiteError(
            f"account {account} cannot be given a second password",
            expected=f"an account that logs in by {_NATIVE}, found {' '.join(found[:1]) or 'none'}",
        )
    run.server.change(
        f"ALTER USER {named_account(account)} IDENTIFIED VIA {_NATIVE} USING {quote_text(found[1])} "
        f"OR {_NATIVE} USING PASSWORD({quote_text(_PASSWORD)});"
    )
