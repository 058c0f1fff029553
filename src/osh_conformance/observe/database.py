"""The state of the database server, read from the server itself and never taken from a Job's exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import TableState
from osh_conformance.observe import server_state
from osh_conformance.observe.server_state import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from osh_conformance.cluster.api import Kube
    from osh_conformance.model.observation import DatabaseState

#: Seconds to wait for a lock before reading the tables one by one: a waiting drop may hold it forever.
LOCK_WAIT = 5
#: The client's words for a lock that was not released in that time.
LOCKED = "ERROR 1205"
#: Its words for a table or a database that was dropped after it was listed.
GONE = ("ERROR 1146", "ERROR 1049")
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseServer:
    """The suite's own MariaDB server, in a pod with the option files of two local accounts.

    `options` are more options of the client, for another way to the server than its socket.
    """

    kube: Kube
    namespace: str
    pod: str
    container: str
    options: tuple[str, ...] = ()

    def read(self, sql: str) -> str:
        """Run SQL statements as a read-only account; return their output, one row a line, fields unescaped."""
        return self._client("observer", sql)

    def change(self, sql: str) -> str:
        """Run SQL statements as the server's administrator; return their output."""
        return self._client("administrator", sql)

    def _client(self, account: str, sql: str) -> str:
        options = ["--batch", "--raw", "--skip-column-names", "--execute", sql]
        argv = ["mariadb", f"--defaults-file=/etc/{account}/my.cnf", *self.options, *options]
        return self.kube.execute(self.namespace, self.pod, self.container, argv, deadline=120.0)

    def state(self) -> DatabaseState:
        """Return the content of the server, without the server's own databases."""
        for _ in range(_ATTEMPTS):
            try:
                return self._state()
            except SuiteError as error:
                # A drop was running at the same time.
                if not any(gone in error.details for gone in GONE):
                    raise
        return self._state()

    def _state(self) -> DatabaseState:
        rows = self._rows(server_state.ALL)
        return rows.state(self._states(rows.tables()))

    def waiting(self) -> tuple[str, ...]:
        """Return the DROP statements that wait for a lock now, as in a state."""
        return self._rows(server_state.WAITING).waiting()

    def names(self) -> DatabaseState:
        """Return the names of databases, tables, accounts and roles, which is cheap enough to read often."""
        rows = self._rows(server_state.NAMES)
        return rows.state(dict.fromkeys(rows.tables(), TableState(rows=None, checksum=None)))

    def _rows(self, sql: str) -> Rows:
        return Rows(json.loads(line) for line in self.read(sql).splitlines() if line)

    def _states(self, tables: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], TableState]:
        if not tables:
            return {}
        try:
            return self._contents(tables, LOCK_WAIT)
        except SuiteError as error:
            if LOCKED not in error.details:
                raise
        return {table: self._unless_locked(table) for table in tables}

    def _unless_locked(self, table: tuple[str, str]) -> TableState:
        try:
            return self._contents([table], lock_wait=0)[table]
        except SuiteError as error:
            if LOCKED not in error.details:
                raise
            return TableState(rows=None, checksum=None)

    def _contents(self, tables: Sequence[tuple[str, str]], lock_wait: int) -> Mapping[tuple[str, str], TableState]:
        names = [f"{quote_name(database)}.{quote_name(table)}" for database, table in tables]
        counts = "".join(f"SELECT COUNT(*) FROM {name};\n" for name in names)  # noqa: S608 - names are quoted
        sums_of = f"CHECKSUM TABLE {', '.join(names)} EXTENDED;"
        lines = self.read(f"SET lock_wait_timeout = {lock_wait};\n{counts}{sums_of}").splitlines()
        rows, sums = lines[: len(tables)], lines[len(tables) :]
        return {
            table: TableState(rows=int(count), checksum=_number(line.rsplit("\t", 1)[-1]))
            for table, count, line in zip(tables, rows, sums, strict=True)
        }


def quote_name(name: str) -> str:
    """Return a database, table or column name as an SQL identifier."""
    return "`" + name.replace("`", "``") + "`"


def quote_text(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def named_account(account: str) -> str:
    """Return the SQL for an account (`user@host`, as in states). A user may contain `@`, a host may not."""
    user, _, host = account.rpartition("@")
    return f"{quote_text(user)}@{quote_text(host)}"


def _number(text: str) -> int | None:
    return None if text == "NULL" else int(text)
