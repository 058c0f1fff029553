# ruff: noqa: S608 - the statements are written here
"""What the suite reads from a real MariaDB server, and what the removal rules find in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from osh_conformance.model.scenario import ExpectedData
from tests.unit.database_server import DROP_OWN, MAKE_OWN, LocalServer, needs_mariadb, running
from tests.unit.rules.verdicts import assert_fails, assert_passes, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.observation import Observation

pytestmark = needs_mariadb

N = "keystone_neighbour"
OTHER = f"account {N}@% of another service"
NAMESAKE = "account keystone@192.0.2.1 of another service"
DATABASE = f"database {N} of another service"


@pytest.fixture(scope="module")
def started() -> Iterator[LocalServer]:
    with running() as local:
        yield local


@pytest.fixture
def local(started: LocalServer) -> LocalServer:
    started.clean()
    return started


def assert_finds(seen: Observation, expected: Mapping[str, str]) -> None:
    """Assert one finding for each text, and no other."""
    found = [finding.found for finding in verdict_of("DROP-4", seen).findings]
    assert [[text in each for each in found].count(True) for text in expected.values()] == [1] * len(expected), found
    assert len(found) == len(expected), found


def test_a_drop_of_the_own_data_passes(local: LocalServer) -> None:
    assert_passes("DROP-4", local.uninstalled())


def test_what_a_drop_does_for_itself_passes(local: LocalServer) -> None:
    own = (
        "SET SESSION lock_wait_timeout = 7, sql_mode = 'ANSI_QUOTES'; SET NAMES utf8mb4; KILL USER keystone;"
        "FLUSH PRIVILEGES; flush tables keystone.user; CREATE TABLE keystone.notes (id INT);"
        "INSERT INTO keystone.notes VALUES (1); CREATE TEMPORARY TABLE keystone.found AS SELECT * FROM keystone.user;"
    )
    assert_passes("DROP-4", local.uninstalled(own + DROP_OWN))


_MORE = """
CREATE ROLE keystone_writer; GRANT INSERT ON keystone.* TO keystone_writer; GRANT keystone_writer TO keystone@'%';
CREATE VIEW keystone.users AS SELECT id FROM keystone.user; CREATE PROCEDURE keystone.p() DO 1;
CREATE EVENT keystone.e ON SCHEDULE EVERY 1 DAY DO DO 1; GRANT EXECUTE ON PROCEDURE keystone.p TO keystone@'%';
"""


def test_a_release_with_a_role_a_view_a_routine_and_an_event_that_drops_them_passes(local: LocalServer) -> None:
    make = MAKE_OWN + _MORE
    assert_passes("DROP-4", local.uninstalled(DROP_OWN + "DROP ROLE keystone_writer;", make=make))
    local.clean()
    assert_fails("DROP-4", local.uninstalled(make=make), "role keystone_writer is still there")
    local.run("DROP ROLE keystone_writer;")


# -- what the release had lost before its uninstall


def test_a_database_and_an_account_that_were_dropped_too_early(local: LocalServer) -> None:
    assert_fails(
        "DROP-4",
        local.uninstalled("DO 1;", between=DROP_OWN),
        "account keystone@% was already gone when helm uninstall began: something dropped it between the install",
        "database keystone was already gone when helm uninstall began: something dropped it between the install",
    )


def test_what_a_step_took_is_not_the_charts_fault(local: LocalServer) -> None:
    taken = ("database keystone", "account keystone@%")
    assert_passes("DROP-4", local.uninstalled("DO 1;", between=DROP_OWN, taken=taken))


def test_a_database_that_was_dropped_and_made_again(local: LocalServer) -> None:
    assert_fails(
        "DROP-4",
        local.uninstalled(between=DROP_OWN + MAKE_OWN),
        "database keystone was dropped and made again, or emptied, between the install and the uninstall",
    )


# -- what is new


_KEPT = "database mysql of the server: {} kept is new after helm uninstall"
_LEAVES = {
    "CREATE DATABASE backup; RENAME TABLE keystone.user TO backup.user;": "database backup is new after helm "
    "uninstall, with the rows of keystone.user",
    f"RENAME TABLE keystone.token TO {N}.moved;": f"{DATABASE}: table moved is new after helm uninstall, with those of "
    "keystone.token",
    "CREATE ROLE left_over;": "role left_over is new after helm uninstall",
    f"CREATE PROCEDURE {N}.undo() DO 1;": f"{DATABASE}: procedure undo is new after helm uninstall",
    f"CREATE EVENT {N}.later ON SCHEDULE EVERY 1 DAY DO DO 1;": f"{DATABASE}: event later is new",
    f"CREATE VIEW {N}.seen AS SELECT 1;": f"{DATABASE}: view seen is new after helm uninstall",
    f"CREATE TRIGGER {N}.fires AFTER DELETE ON {N}.ledger FOR EACH ROW DO 1;": f"{DATABASE}: trigger fires is new",
    "CREATE TABLE mysql.kept (id INT);": _KEPT.format("table"),
    "CREATE EVENT mysql.kept ON SCHEDULE EVERY 1 DAY DO DO 1;": _KEPT.format("event"),
    "CREATE PROCEDURE mysql.kept() DO 1;": _KEPT.format("procedure"),
    "CREATE SERVER kept FOREIGN DATA WRAPPER mysql OPTIONS (HOST '192.0.2.1');": _KEPT.format("server"),
    "DROP DATABASE keystone; RENAME USER keystone@'%' TO gone@localhost;": "account gone@localhost is new after",
}
_UNDO = """
DROP DATABASE IF EXISTS backup; DROP USER IF EXISTS gone@localhost; DROP ROLE IF EXISTS left_over;
DROP TABLE IF EXISTS mysql.kept; DROP EVENT IF EXISTS mysql.kept; DROP PROCEDURE IF EXISTS mysql.kept;
DROP SERVER IF EXISTS kept;
"""


def test_a_drop_that_leaves_something_new(local: LocalServer) -> None:
    make = MAKE_OWN + "CREATE TABLE keystone.token (id INT PRIMARY KEY); INSERT INTO keystone.token VALUES (7), (8);"
    try:
        assert_finds(local.uninstalled("".join(_LEAVES), make=make), _LEAVES)
    finally:
        local.run(_UNDO)


# -- what belongs to a neighbour


_LIMITS = "max_questions 1000, max_user_connections"
#: By group: what a drop may do at once, with the finding for each.
_HARM = {
    "accounts": {
        f"ALTER USER {N}@'%' ACCOUNT LOCK;": f"{OTHER}: its lock was none, now locked",
        f"ALTER USER {N}@'%' IDENTIFIED BY 'another';": f"{OTHER}: it has another password",
        f"ALTER USER {N}@'%' PASSWORD EXPIRE;": f"{OTHER}: its expiry was none, now expired",
        f"ALTER USER {N}@'%' REQUIRE SSL;": f"{OTHER}: its TLS was none, now required",
        f"REVOKE keystone_reader FROM {N}@'%';": f"{OTHER}: its roles were keystone_reader, now none",
        "ALTER USER keystone@'192.0.2.1' REQUIRE NONE;": f"{NAMESAKE}: its TLS was X.509, now none",
        "ALTER USER keystone@'192.0.2.1' WITH MAX_USER_CONNECTIONS 1;": f"{NAMESAKE}: its limits were {_LIMITS} 5, now "
        f"{_LIMITS} 1",
        f"REVOKE SELECT ON {N}.entries FROM keystone_reader;": "role keystone_reader of another service lost SELECT ON "
        f"TABLE entries of database {N}",
        f"REVOKE UPDATE (entry) ON {N}.ledger FROM keystone@'192.0.2.1';": f"{NAMESAKE} lost UPDATE (entry) ON TABLE "
        f"ledger of database {N}",
        f"REVOKE EXECUTE ON PROCEDURE {N}.clean FROM keystone@'192.0.2.1';": f"{NAMESAKE} lost EXECUTE ON PROCEDURE",
        f"REVOKE GRANT OPTION ON {N}.* FROM keystone@'192.0.2.1';": f"{NAMESAKE} lost GRANT OPTION of database {N}",
    },
    "definitions": {
        f"ALTER USER {N}@'%' IDENTIFIED VIA unix_socket;": f"{OTHER}: its plugin was mysql_native_password",
        "DROP ROLE keystone_reader;": "role keystone_reader of another service is gone",
        f"ALTER EVENT {N}.cleaning ENABLE;": f"{DATABASE}: event cleaning has another definition",
        f"DROP TRIGGER {N}.trimmed;": f"{DATABASE}: trigger trimmed is gone",
        f"ALTER VIEW {N}.entries AS SELECT 1 AS entry;": f"{DATABASE}: view entries has another definition",
        f"ALTER DATABASE {N} CHARACTER SET latin1;": f"{DATABASE}: character set has another definition",
        f"ALTER TABLE {N}.ledger ADD INDEX (entry);": f"{DATABASE}: table ledger has another definition",
        f"DELETE FROM {N}.ledger WHERE id < 3;": f"{DATABASE}: table ledger had 100 rows",
        f"KILL USER {N};": f"the session of {N}@localhost, with its open transaction, was ended",
    },
    "objects": {
        f"DROP VIEW {N}.entries;": f"{DATABASE}: view entries is gone",
        f"DROP PROCEDURE {N}.clean;": f"{DATABASE}: procedure clean is gone",
        f"DROP EVENT {N}.cleaning;": f"{DATABASE}: event cleaning is gone",
        f"DROP TABLE {N}.ledger;": "now no such table",
    },
    "changed rows": {f"UPDATE {N}.ledger SET entry = 'x' WHERE id = 3;": f"{DATABASE}: table ledger had 100 rows"},
    "all": {f"DROP DATABASE {N};": f"{DATABASE} is gone", f"DROP USER {N}@'%';": f"{OTHER} is gone"},
}


@pytest.mark.parametrize("group", _HARM)
def test_harm_to_a_neighbour_is_one_finding_each(local: LocalServer, group: str) -> None:
    assert_finds(local.uninstalled("".join(_HARM[group]) + DROP_OWN), _HARM[group])


def test_a_neighbour_that_writes_rows_itself_is_not_accused(local: LocalServer) -> None:
    seen = local.uninstalled(meanwhile=f"UPDATE {N}.ledger SET entry = 'mine' WHERE id = 3;")
    assert_passes("DROP-4", seen)


# -- the whole server


_SERVER = {
    "SET GLOBAL max_connections = 150;": "global variable max_connections was set (now 150)",
    "SET GLOBAL wait_timeout = 5; SET GLOBAL wait_timeout = DEFAULT;": "variable wait_timeout was set (now 28800)",
    "SET GLOBAL event_scheduler = ON;": "global variable event_scheduler was set (now ON)",
    "FLUSH TABLES;": "FLUSH TABLES was run, which concerns every client of the server",
    f"FLUSH TABLES {N}.ledger;": f"FLUSH TABLES {N.upper()}.LEDGER was run",
    "/* all */ flush hosts;": "FLUSH HOSTS was run",
    "FLUSH TABLES WITH READ LOCK; UNLOCK TABLES;": "FLUSH TABLES WITH READ LOCK was run",
    "STOP ALL SLAVES;": "STOP ALL SLAVES was run",
    "RESET QUERY CACHE;": "RESET was run",
    "PREPARE p FROM 'FLUSH STATUS'; EXECUTE p;": "FLUSH STATUS was run",
    "SET sql_log_off = 1; FLUSH LOGS; SET sql_log_off = 0;": "a FLUSH of an unknown kind was run",
}


def test_harm_to_the_server_is_one_finding_each(local: LocalServer) -> None:
    assert_finds(local.uninstalled("".join(_SERVER) + DROP_OWN), _SERVER)


# -- where the data must be kept


def test_a_loss_with_the_switch_off(local: LocalServer) -> None:
    assert_passes("DROP-4", local.uninstalled("DO 1;", expected=ExpectedData.KEPT))
    local.clean()
    harm = {
        "DELETE FROM keystone.user WHERE id = 1;": "database keystone: table user had 2 rows",
        "ALTER USER keystone@'%' ACCOUNT LOCK;": "account keystone@%: its lock was none, now locked, with db_drop",
    }
    assert_finds(local.uninstalled("".join(harm), expected=ExpectedData.KEPT), harm)


def test_no_look_has_the_hash_of_a_password(local: LocalServer) -> None:
    text = msgspec.json.encode(local.server.state()).decode()
    hashes = local.server.change("SELECT JSON_VALUE(priv, '$.authentication_string') FROM mysql.global_priv;").split()
    assert any(len(found) > 20 for found in hashes)
    assert [found for found in hashes if len(found) > 20 and found in text] == []
