"""The state of the database server, read from the server itself and never taken from a Job's exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import DatabaseState, TableState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from osh_conformance.cluster.api import Kube

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
_TABLES = f"""
SELECT JSON_ARRAY('database', schema_name) FROM information_schema.schemata WHERE schema_name NOT IN {_SYSTEM};
SELECT JSON_ARRAY('table', table_schema, table_name) FROM information_schema.tables
  WHERE table_schema NOT IN {_SYSTEM};
SELECT JSON_ARRAY('account', CONCAT(user, '@', host)) FROM mysql.global_priv;
SELECT JSON_ARRAY('locked', CONCAT(user, '@', host)) FROM mysql.global_priv
  WHERE JSON_VALUE(priv, '$.account_locked') = '1';
SELECT JSON_ARRAY('grant', grantee, '*', privilege_type) FROM information_schema.user_privileges;
SELECT JSON_ARRAY('grant', grantee, table_schema, privilege_type) FROM information_schema.schema_privileges;
"""  # noqa: S608 - the names are constants of this module; other columns of `tables` wait for locks
_WAITING = """
SELECT JSON_ARRAY('waiting', info, state) FROM information_schema.processlist
  WHERE info REGEXP '^DROP ' AND state LIKE 'Waiting%';
"""
#: Seconds to wait for a lock before reading the tables one by one: a waiting drop may hold it forever.
_LOCK_WAIT = 5
_LOCKED = "ERROR 1205"
#: Errors for a table or a database that was dropped after it was listed.
_GONE = ("ERROR 1146", "ERROR 1049")
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseServer:
    """The suite's own MariaDB server, in a pod with the option files of two local accounts."""

    kube: Kube
    namespace: str
    pod: str
    container: str

    def read(self, sql: str) -> str:
        """Run SQL statements as a read-only account; return their output, one row a line, fields unescaped."""
        return self._client("observer", sql)

    def change(self, sql: str) -> str:
        """Run SQL statements as the server's administrator; return their output."""
        return self._client("administrator", sql)

    def _client(self, account: str, sql: str) -> str:
        options = ["--batch", "--raw", "--skip-column-names", "--execute", sql]
        argv = ["mariadb", f"--defaults-file=/etc/{account}/my.cnf", *options]
        return self.kube.execute(self.namespace, self.pod, self.container, argv, deadline=120.0)

    def state(self) -> DatabaseState:
        """Return the content of the server, without the server's own databases."""
        for _ in range(_ATTEMPTS):
            try:
                return self._state()
            except SuiteError as error:
                # A drop was running at the same time.
                if not any(gone in error.details for gone in _GONE):
                    raise
        return self._state()

    def _state(self) -> DatabaseState:
        rows = self._rows(_TABLES + _WAITING)
        databases: dict[str, dict[str, TableState]] = {row[1]: {} for row in rows if row[0] == "database"}
        tables = [(row[1], row[2]) for row in rows if row[0] == "table"]
        for (database, table), state in self._states(tables).items():
            databases.setdefault(database, {})[table] = state
        return DatabaseState(
            databases=databases,
            accounts=_accounts(rows),
            waiting=_waiting(rows),
            locked=tuple(sorted(row[1] for row in rows if row[0] == "locked")),
        )

    def waiting(self) -> tuple[str, ...]:
        """Return the DROP statements that wait for a lock now, as in a state."""
        return _waiting(self._rows(_WAITING))

    def names(self) -> DatabaseState:
        """Return the state without its tables, which is cheap enough to read often."""
        rows = self._rows(_TABLES)
        return DatabaseState(databases={row[1]: {} for row in rows if row[0] == "database"}, accounts=_accounts(rows))

    def _rows(self, sql: str) -> list[Any]:
        return [json.loads(line) for line in self.read(sql).splitlines() if line]

    def _states(self, tables: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], TableState]:
        if not tables:
            return {}
        try:
            return self._contents(tables, _LOCK_WAIT)
        except SuiteError as error:
            if _LOCKED not in error.details:
                raise
        return {table: self._unless_locked(table) for table in tables}

    def _unless_locked(self, table: tuple[str, str]) -> TableState:
        try:
            return self._contents([table], lock_wait=0)[table]
        except SuiteError as error:
            if _LOCKED not in error.details:
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


def folder_of(name: str) -> str:
    """Return the folder name of a database: letters, digits and `_` stay, others become `@` and four hex digits."""
    return "".join(c if c == "_" or (c.isascii() and c.isalnum()) else f"@{ord(c):04x}" for c in name)


def _waiting(rows: Iterable[Sequence[Any]]) -> tuple[str, ...]:
    return tuple(f"{row[1]} ({row[2]})" for row in rows if row[0] == "waiting")


def _accounts(rows: Iterable[Sequence[Any]]) -> dict[str, tuple[str, ...]]:
    accounts: dict[str, list[str]] = {row[1]: [] for row in rows if row[0] == "account"}
    for row in rows:
        if row[0] == "grant":
            _, grantee, where, privilege = row
            account = grantee[1:-1].replace("'@'", "@")
            accounts.setdefault(account, []).append(f"{privilege} ON {where}")
    return {account: tuple(sorted(grants)) for account, grants in accounts.items()}


def _number(text: str) -> int | None:
    return None if text == "NULL" else int(text)
