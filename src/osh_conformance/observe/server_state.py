"""What the database server holds besides tables: accounts, definitions, settings and sessions, read in one query."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from osh_conformance.model.observation import DatabaseState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from osh_conformance.model.observation import TableState

#: The databases of the server itself.
SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
#: The account that owns what a server comes with.
_SHIPPED = "'mariadb.sys@localhost'"
#: The accounts of the suite itself: its sessions and statements are no client's.
_SUITE = ("administrator", "observer")
#: The counters of statements that concern every client of the server. Each statement adds exactly one.
_COMMANDS = (
    "CHANGE_MASTER",
    "INSTALL_PLUGIN",
    "PURGE",
    "PURGE_BEFORE_DATE",
    "RESET",
    "SHUTDOWN",
    "START_ALL_SLAVES",
    "START_SLAVE",
    "STOP_ALL_SLAVES",
    "STOP_SLAVE",
    "UNINSTALL_PLUGIN",
)


def _digest(*columns: str) -> str:
    """Return the SQL for 12 digits that change with any of these columns."""
    # MD5 and its like would do too; CONCAT_WS skips what is NULL, so each column says where it begins.
    return f"LEFT(SHA2(CONCAT_WS('|', {', '.join(f'IFNULL({column}, 0)' for column in columns)}), 256), 12)"


def _priv(name: str) -> str:
    return f"JSON_VALUE(priv, '$.{name}')"


_LOGIN = _digest(_priv("plugin"), _priv("authentication_string"), "JSON_EXTRACT(priv, '$.auth_or')")
_LIMITS = ("max_questions", "max_updates", "max_connections", "max_user_connections", "max_statement_time")
_TLS = ("ssl_cipher", "x509_issuer", "x509_subject")
#: The columns of `detail`, each NULL where it has the server's default.
_DETAILS: Mapping[str, str] = {
    "login": _LOGIN,
    "plugin": f"CONCAT_WS(' or ', {_priv('plugin')}, JSON_EXTRACT(priv, '$.auth_or[*].plugin'))",
    "lock": f"IF({_priv('account_locked')} = '1', 'locked', NULL)",
    "expiry": f"NULLIF(CONCAT_WS(' ', IF({_priv('password_last_changed')} = '0', 'expired', NULL), "
    f"NULLIF({_priv('password_lifetime')}, '-1')), '')",
    "TLS": f"IF({_priv('ssl_type')} > 0, CONCAT_WS(' ', ELT({_priv('ssl_type')}, 'required', 'X.509', 'specified'), "
    + ", ".join(f"NULLIF({_priv(name)}, '')" for name in _TLS)
    + "), NULL)",
    "limits": "NULLIF(CONCAT_WS(', ', "
    + ", ".join(f"CONCAT('{name} ', NULLIF({_priv(name)}, '0'))" for name in _LIMITS)
    + "), '')",
    "default role": _priv("default_role"),
    "roles": "(SELECT GROUP_CONCAT(role, IF(admin_option = 'Y', ' with admin option', '') ORDER BY role "
    "SEPARATOR ', ') FROM mysql.roles_mapping AS held WHERE held.user = holder.user AND held.host = holder.host)",
}
_NAME = "CONCAT(user, '@', host)"
_OUR_STATEMENTS = " OR ".join(f"user_host LIKE '{name}[%'" for name in _SUITE)
#: One row for each thing, as a JSON array that begins with its kind.
NAMES = f"""
SELECT JSON_ARRAY('database', schema_name) FROM information_schema.schemata WHERE schema_name NOT IN {SYSTEM};
SELECT JSON_ARRAY('table', table_schema, table_name) FROM information_schema.tables
  WHERE table_schema NOT IN {SYSTEM};
SELECT JSON_ARRAY(IF({_priv("is_role")} = '1', 'role', 'account'), {_NAME}) FROM mysql.global_priv;
SELECT JSON_ARRAY('locked', {_NAME}) FROM mysql.global_priv WHERE {_priv("account_locked")} = '1';
SELECT JSON_ARRAY('grant', grantee, '*', privilege_type) FROM information_schema.user_privileges;
SELECT JSON_ARRAY('grant', grantee, table_schema, privilege_type) FROM information_schema.schema_privileges;
"""  # noqa: S608 - the names are constants of this module; other columns of `tables` wait for locks
WAITING = """
SELECT JSON_ARRAY('waiting', info, state) FROM information_schema.processlist
  WHERE info REGEXP '^DROP ' AND state LIKE 'Waiting%';
"""
#: These open each table and view. Without a wait they leave out what is locked.
_OF_TABLES = f"""
SET lock_wait_timeout = 0;
SELECT JSON_ARRAY('object', table_schema, 'view', table_name,
    {_digest("view_definition", "definer", "security_type", "check_option")})
  FROM information_schema.views WHERE table_schema NOT IN {SYSTEM};
SELECT JSON_ARRAY('object', trigger_schema, 'trigger', trigger_name,
    {_digest("action_statement", "event_object_table", "action_timing", "event_manipulation", "definer", "sql_mode")})
  FROM information_schema.triggers WHERE trigger_schema NOT IN {SYSTEM};
"""  # noqa: S608
#: What the server came with belongs to `_SHIPPED`. The engine's own tables tell columns and keys without a lock.
_DEFINITIONS = f"""
SELECT JSON_ARRAY('object', db, LOWER(type), name,
    {_digest("body", "param_list", "returns", "definer", "security_type", "sql_mode")})
  FROM mysql.proc WHERE definer <> {_SHIPPED};
SELECT JSON_ARRAY('object', db, 'event', name,
    {_digest("body", "definer", "status", "interval_value", "interval_field", "execute_at", "ends", "on_completion")})
  FROM mysql.event;
SELECT JSON_ARRAY('object', schema_name, 'character set', '',
    CONCAT(default_character_set_name, ' ', default_collation_name))
  FROM information_schema.schemata WHERE schema_name NOT IN {SYSTEM};
SELECT JSON_ARRAY('layout', name, {_digest("columns", "indexes", "keys_of")})
  FROM information_schema.innodb_sys_tables
  JOIN (SELECT table_id, GROUP_CONCAT(name, ' ', mtype, ' ', prtype, ' ', len ORDER BY pos) AS columns
    FROM information_schema.innodb_sys_columns GROUP BY table_id) AS of_columns USING (table_id)
  LEFT JOIN (SELECT table_id, GROUP_CONCAT(i.name, ' ', type, ' ', f.name ORDER BY i.name, f.pos) AS indexes
    FROM information_schema.innodb_sys_indexes AS i JOIN information_schema.innodb_sys_fields AS f USING (index_id)
    GROUP BY table_id) AS of_indexes USING (table_id)
  LEFT JOIN (SELECT for_name AS name, GROUP_CONCAT(id, ' ', ref_name, ' ', type ORDER BY id) AS keys_of
    FROM information_schema.innodb_sys_foreign GROUP BY for_name) AS of_keys USING (name)
  WHERE name LIKE '%/%' AND name NOT LIKE 'mysql/%';
SELECT JSON_ARRAY('object', 'mysql', 'table', table_name, '') FROM information_schema.tables
  WHERE table_schema = 'mysql';
SELECT JSON_ARRAY('object', 'sys', 'tables', '', COUNT(*)) FROM information_schema.tables WHERE table_schema = 'sys';
SELECT JSON_ARRAY('object', 'mysql', 'server', server_name, {_digest("host", "db", "username", "wrapper")})
  FROM mysql.servers;
SELECT JSON_ARRAY('object', 'mysql', 'loadable function', name, dl) FROM mysql.func;
SELECT JSON_ARRAY('object', 'mysql', 'plugin', name, dl) FROM mysql.plugin;
"""  # noqa: S608
_ACCOUNTS = f"""
SELECT JSON_ARRAY('detail', {_NAME}, {", ".join(_DETAILS.values())}) FROM mysql.global_priv AS holder;
SELECT JSON_ARRAY('privilege', {_NAME}, db, CONCAT(UPPER(table_priv), ' ON TABLE ', table_name))
  FROM mysql.tables_priv WHERE table_priv <> '';
SELECT JSON_ARRAY('privilege', {_NAME}, db, CONCAT(UPPER(column_priv), ' (', column_name, ') ON TABLE ', table_name))
  FROM mysql.columns_priv;
SELECT JSON_ARRAY('privilege', {_NAME}, db, CONCAT(UPPER(proc_priv), ' ON ', routine_type, ' ', routine_name))
  FROM mysql.procs_priv;
SELECT JSON_ARRAY('privilege', {_NAME}, db, 'GRANT OPTION') FROM mysql.db WHERE grant_priv = 'Y';
SELECT JSON_ARRAY('privilege', {_NAME}, '*', CONCAT('PROXY ON ', proxied_user, '@', proxied_host))
  FROM mysql.proxies_priv;
"""  # noqa: S608
_SERVER = f"""
SELECT JSON_ARRAY('variable', variable_name, LEFT(global_value, 200)) FROM information_schema.system_variables
  WHERE global_value_origin = 'SQL' AND variable_name NOT REGEXP 'AUTH|PASSWORD|SECRET';
SELECT JSON_ARRAY('command', REPLACE(SUBSTRING(variable_name, 5), '_', ' '), CAST(variable_value AS INT))
  FROM information_schema.global_status
  WHERE variable_value <> '0' AND variable_name IN {tuple(f"COM_{name}" for name in _COMMANDS)};
SELECT JSON_ARRAY('session', id, CONCAT(user, '@', SUBSTRING_INDEX(host, ':', 1)),
    EXISTS (SELECT 1 FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = id))
  FROM information_schema.processlist WHERE command <> 'Daemon' AND user NOT IN {_SUITE};
SELECT JSON_ARRAY('writes', user, update_commands) FROM information_schema.user_statistics WHERE user NOT IN {_SUITE};
SELECT JSON_ARRAY('started', UNIX_TIMESTAMP() - CAST(variable_value AS INT)) FROM information_schema.global_status
  WHERE variable_name = 'UPTIME';
"""  # noqa: S608
_IS_FLUSH = (
    "command_type IN ('Query', 'Execute') AND argument REGEXP "
    "'^[[:space:]]*(/[*].*?[*]/[[:space:]]*)?(?i)FLUSH[[:space:]]'"
)
_COUNTED = (
    "CAST((SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'COM_FLUSH') AS INT)"
)
#: The counter of FLUSH does not tell what was flushed. The log does, but not of a stored routine, or of a session that
#: logs nothing. The log is read only if there was any FLUSH.
_FLUSHES = f"""
DELIMITER //
BEGIN NOT ATOMIC
  IF {_COUNTED} > 0 THEN
    SELECT JSON_ARRAY('flush', LEFT(CONVERT(argument USING utf8mb4), 200)) FROM mysql.general_log
      WHERE {_IS_FLUSH} AND NOT ({_OUR_STATEMENTS});
    SELECT JSON_ARRAY('unlogged', {_COUNTED} - COUNT(*)) FROM mysql.general_log WHERE {_IS_FLUSH};
  END IF;
END //
DELIMITER ;
"""  # noqa: S608
#: Everything but the content of tables.
ALL = NAMES + WAITING + _DEFINITIONS + _ACCOUNTS + _SERVER + _FLUSHES + _OF_TABLES


def folder_of(name: str) -> str:
    """Return the file name of a database or table: letters, digits and `_` stay, others become `@` and four digits."""
    return "".join(c if c == "_" or (c.isascii() and c.isalnum()) else f"@{ord(c):04x}" for c in name)


_UNLOGGED = "a FLUSH of an unknown kind"


class Rows:
    """The rows of a query, by their kind."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._rows: dict[str, list[Any]] = defaultdict(list)
        for kind, *row in rows:
            self._rows[kind].append(row)

    def __getitem__(self, kind: str) -> list[Any]:
        """Return the rows of a kind, sorted by their names."""
        return sorted(self._rows.get(kind, []), key=lambda row: [str(part) for part in row])

    def tables(self) -> list[tuple[str, str]]:
        """Return database and name of each table, without the views."""
        views = {(database, name) for database, kind, name, _ in self["object"] if kind == "view"}
        return [(database, table) for database, table in self["table"] if (database, table) not in views]

    def waiting(self) -> tuple[str, ...]:
        """Return the DROP statements that wait for a lock."""
        return tuple(f"{statement} ({state})" for statement, state in self["waiting"])

    def state(self, contents: Mapping[tuple[str, str], TableState]) -> DatabaseState:
        """Return the state of the server with these contents of its tables."""
        databases: dict[str, dict[str, TableState]] = {name: {} for (name,) in self["database"]}
        for (database, table), content in contents.items():
            databases.setdefault(database, {})[table] = content
        roles = {name for (name,) in self["role"]}
        grants = self._grants()
        return DatabaseState(
            databases=databases,
            accounts={name: found for name, found in grants.items() if name not in roles},
            waiting=self.waiting(),
            locked=tuple(sorted(name for (name,) in self["locked"])),
            roles={name.removesuffix("@"): grants.get(name, ()) for name in sorted(roles)},
            details=self._details(),
            privileges=self._privileges(),
            objects=self._objects(),
            variables=dict(self["variable"]),
            commands=self._commands(),
            sessions={str(key): f"{who} in a transaction" if busy else who for key, who, busy in self._sessions()},
            writes={user: int(count) for user, count in self["writes"]},
            started=next((int(when) for (when,) in self["started"]), 0),
        )

    def _grants(self) -> dict[str, tuple[str, ...]]:
        grants: dict[str, list[str]] = {name: [] for (name,) in self["account"]}
        for grantee, where, privilege in self["grant"]:
            account = grantee[1:-1].replace("'@'", "@")
            grants.setdefault(account, []).append(f"{privilege} ON {where}")
        return {account: tuple(sorted(found)) for account, found in grants.items()}

    def _details(self) -> dict[str, dict[str, str]]:
        found = {}
        for name, *values in self["detail"]:
            known = {aspect: str(value) for aspect, value in zip(_DETAILS, values, strict=True) if value is not None}
            found[name.removesuffix("@")] = known
        return found

    def _privileges(self) -> dict[str, dict[str, tuple[str, ...]]]:
        found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for name, database, text in self["privilege"]:
            found[name.removesuffix("@")][database].append(text)
        return {name: {where: tuple(texts) for where, texts in of.items()} for name, of in found.items()}

    def _objects(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for database, kind, name, digest in self["object"]:
            found[database][f"{kind} {name}".rstrip()] = str(digest)
        layouts = dict(self["layout"])
        for database, table in self["table"]:
            digest = layouts.get(f"{folder_of(database)}/{folder_of(table)}")
            if digest is not None:
                found[database][f"table {table}"] = digest
        return {database: dict(sorted(of.items())) for database, of in found.items()}

    def _sessions(self) -> list[tuple[int, str, bool]]:
        return [(int(key), who, bool(int(busy))) for key, who, busy in self["session"]]

    def _commands(self) -> dict[str, int]:
        found = {name: int(count) for name, count in self["command"]}
        for (statement,) in self["flush"]:
            words = " ".join(statement.rpartition("*/")[2].split()).rstrip("; ").upper()
            found[words] = found.get(words, 0) + 1
        unlogged = sum(int(count) for (count,) in self["unlogged"])
        return {**found, _UNLOGGED: unlogged} if unlogged > 0 else found
