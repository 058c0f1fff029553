"""Connections that stay open: those of the service, or of another client."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import SUITE_TABLES
from osh_conformance.observe.database import named_account, quote_name, quote_text
from osh_conformance.waiting import CancelledError, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.scenario.database_control import ServerControl
    from osh_conformance.scenario.state import ScenarioState

#: The client accepts this option only in the first place.
_ADMINISTRATOR = "--defaults-file=/etc/administrator/my.cnf"
_TABLE = f"{SUITE_TABLES}read"
_CLOSES_WITHIN = 60.0
_PAUSE = 0.5
_SCRIPT = "/scripts/sessions.sh"
#: The second password of an account.
_PASSWORD = "osh-conformance-session"  # noqa: S105
_NATIVE = "mysql_native_password"


def reading(state: ScenarioState) -> str:
    """Return SQL that begins a transaction and reads a table of each database: DROP DATABASE must wait for its end.

    A database without a table gets one: without it, no lock would keep the database from being dropped.
    """
    databases = state.read_database().databases
    reads = []
    for database in (name for name in state.lifetime.databases if name in databases):
        table = min(databases[database], default="")
        if not table:
            table = _TABLE
            state.server.change(f"CREATE TABLE {quote_name(database)}.{quote_name(table)} (id INT PRIMARY KEY);")
        reads.append(f"SELECT 1 FROM {quote_name(database)}.{quote_name(table)} LIMIT 1;")  # noqa: S608
    return " ".join(["START TRANSACTION;", *reads])


@contextlib.contextmanager
def opened(state: ScenarioState, account: str, sql: str, count: int = 1) -> Iterator[None]:
    """Keep `count` connections of an account of the release open that have run `sql`."""
    _allow_login(state, account)
    user = account.rpartition("@")[0]
    # An account's name may have any characters.
    name = hashlib.sha256(account.encode()).hexdigest()[:8]
    with _held(state, name, count, sql, f"--user={user}", f"--password={_PASSWORD}"):
        yield


@contextlib.contextmanager
def locked(state: ScenarioState) -> Iterator[None]:
    """Keep a transaction of the administrator open that prevents every database of the release from being dropped."""
    with _held(state, "lock", 1, reading(state), _ADMINISTRATOR):
        yield


def hold_neighbour(control: ServerControl, user: str, password: str) -> None:
    """Open a session of another service, with a transaction that stays open as long as the server runs.

    It has read nothing, so it holds no lock that a drop would wait for.
    """
    sql = "START TRANSACTION WITH CONSISTENT SNAPSHOT;"
    _open(control, "neighbour", 1, sql, f"--user={user}", f"--password={password}")


@contextlib.contextmanager
def crowded(state: ScenarioState, count: int) -> Iterator[None]:
    """Keep `count` idle connections of the suite's own open."""
    with _held(state, "crowd", count, "DO 1;", _ADMINISTRATOR):
        yield


@contextlib.contextmanager
def _held(state: ScenarioState, name: str, count: int, sql: str, *login: str) -> Iterator[None]:
    """Keep `count` connections open that have run `sql`; `login` are options of the client."""
    # A fault may give `state` another server in the meantime.
    control = state.control
    _open(control, name, count, sql, *login)
    try:
        yield
    finally:
        _close(state, control, name)


def _open(control: ServerControl, name: str, count: int, sql: str, *login: str) -> None:
    control.run([_SCRIPT, "open", name, str(count), sql, *login])


def _close(state: ScenarioState, control: ServerControl, name: str) -> None:
    """End sessions. Raises `SuiteError` for one that stays open: the chart must not be blamed for its locks."""
    failure = ""

    def closed() -> bool:
        nonlocal failure
        try:
            control.run([_SCRIPT, "close", name])
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
            cancel=state.context.cancel,
            state=lambda: failure,
        )


def _allow_login(state: ScenarioState, account: str) -> None:
    """Give an account a second password beside its own."""
    user, _, host = account.rpartition("@")
    where = f"User = {quote_text(user)} AND Host = {quote_text(host)}"
    found = state.server.change(
        f"SELECT JSON_VALUE(priv, '$.plugin'), JSON_VALUE(priv, '$.authentication_string') "  # noqa: S608
        f"FROM mysql.global_priv WHERE {where};"
    ).split()
    if len(found) != 2 or found[0] != _NATIVE:  # noqa: PLR2004
        raise SuiteError(
            f"account {account} cannot have a second password",
            expected=f"an account that logs in by {_NATIVE}, found {' '.join(found[:1]) or 'none'}",
        )
    state.server.change(
        f"ALTER USER {named_account(account)} IDENTIFIED VIA {_NATIVE} USING {quote_text(found[1])} "
        f"OR {_NATIVE} USING PASSWORD({quote_text(_PASSWORD)});"
    )
