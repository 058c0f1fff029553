"""What is read from the database server, also while a DROP DATABASE waits."""

from __future__ import annotations

from typing import Any

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import TableState
from osh_conformance.observe.database import DatabaseServer

LISTED = """["database", "keystone"]
["database", "neighbour"]
["table", "keystone", "user"]
["table", "neighbour", "ledger"]
["account", "keystone@%"]
["waiting", "DROP DATABASE keystone", "Waiting for table metadata lock"]
"""


class Server:
    """Answers as MariaDB does while a waiting DROP DATABASE holds locks on the tables of `locked`."""

    def __init__(self, locked: str, error: str = "ERROR 1205 (HY000): Lock wait timeout exceeded") -> None:
        self._locked = f"`{locked}`."
        self._error = error

    def execute(self, *args: Any, **_: Any) -> str:
        sql = args[3][-1]
        if "information_schema" in sql:
            return LISTED
        assert "lock_wait_timeout" in sql
        if self._locked in sql:
            raise SuiteError("`mariadb` ended with 1", details=self._error)
        return "100\nneighbour.ledger\t7\n"


def server(kube: Any) -> DatabaseServer:
    return DatabaseServer(kube=kube, namespace="cell", pod="mariadb-0", container="mariadb")


def test_a_table_locked_by_a_waiting_drop_is_listed_without_its_content() -> None:
    state = server(Server("keystone")).state()
    assert state.databases == {
        "keystone": {"user": TableState(rows=None, checksum=None)},
        "neighbour": {"ledger": TableState(rows=100, checksum=7)},
    }
    assert state.waiting == ("DROP DATABASE keystone (Waiting for table metadata lock)",)


class Dropping(Server):
    """The database goes between the list of its tables and the reading of them; `looks` until it is not listed."""

    def __init__(self, looks: int) -> None:
        super().__init__("keystone", "ERROR 1146 (42S02) at line 2: Table 'keystone.user' doesn't exist")
        self._looks = looks

    def execute(self, *args: Any, **known: Any) -> str:
        answer = super().execute(*args, **known)
        if "information_schema" not in args[3][-1]:
            return answer
        self._looks -= 1
        return answer if self._looks >= 0 else "".join(LISTED.splitlines(keepends=True)[i] for i in (1, 3))


def test_a_database_dropped_while_it_is_read_is_gone() -> None:
    assert server(Dropping(looks=2)).state().databases == {"neighbour": {"ledger": TableState(rows=100, checksum=7)}}


def test_a_table_that_is_listed_but_missing_is_an_error() -> None:
    with pytest.raises(SuiteError, match="ended with 1"):
        server(Dropping(looks=100)).state()


def test_any_other_server_error_is_an_error() -> None:
    with pytest.raises(SuiteError):
        server(Server("keystone", "ERROR 2002 (HY000): Can't connect")).state()
