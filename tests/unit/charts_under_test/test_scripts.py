"""The scripts of our library chart, on a database server that fails as a test asks."""

from __future__ import annotations

import json
import runpy
import signal
import ssl
import sys
import time
from collections.abc import Iterator  # noqa: TC003 - a fixture's annotation
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import pytest

from tests.paths import CHARTS

_FILES = CHARTS / "library" / "files"
_TLS = 2048
_CANNOT_CONNECT, _LOCK_WAIT, _CANNOT_REMOVE, _DENIED = 2003, 1205, 1010, 1045
_TOO_MANY, _USER_LIMIT, _OWN_LIMIT, _READ_ONLY = 1040, 1203, 1226, 1290


class _MySQLError(Exception):
    pass


class _OperationalError(_MySQLError):
    pass


def _cannot_connect(cause: Exception) -> _OperationalError:
    """The error of PyMySQL for any cause."""
    error = _OperationalError(_CANNOT_CONNECT, f"Can't connect to MySQL server ({cause})")
    error.original_exception = cause  # type: ignore[attr-defined]
    return error


class _Server:
    """The server: its databases, its one account, and what it does not do as it should."""

    def __init__(self) -> None:
        self.databases = ["a", "b", "c"]
        self.account: str | None = "service"
        self.capabilities = _TLS
        self.connections: list[dict[str, Any]] = []
        self.logins = 0
        #: Raised by the next connections, one each.
        self.refusals: list[Exception] = []
        #: Raised by each statement that begins so.
        self.errors: dict[str, Exception] = {}
        self.statements: list[str] = []
        #: A statement that begins so is not answered, nor is anything after it.
        self.mute_from = ""

    def answer(self, statement: str) -> list[tuple[Any, ...]]:
        self.statements.append(statement)
        if self.mute_from and statement.startswith(self.mute_from):
            self.refusals = [_cannot_connect(TimeoutError("timed out"))] * 9
            time.sleep(30)
        for start, error in self.errors.items():
            if statement.startswith(start):
                raise error
        if statement.startswith("DROP DATABASE"):
            self.databases = [name for name in self.databases if name != statement.split("`")[1]]
        if statement.startswith("DROP USER"):
            self.account = None
        if "SCHEMATA" in statement:
            return [(name,) for name in self.databases]
        if "mysql.user" in statement and self.account:
            return [(self.account, "%")]
        return []


class _Cursor:
    def __init__(self, server: _Server) -> None:
        self._server = server
        self._rows: list[tuple[Any, ...]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, statement: str) -> None:
        self._rows = self._server.answer(statement)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows


class _Connection:
    server: _Server

    def __init__(self, **options: Any) -> None:
        self.server.connections.append(options)
        if self.server.refusals:
            raise self.server.refusals.pop(0)
        self.server_capabilities = self.server.capabilities
        self._request_authentication()

    def _request_authentication(self) -> None:
        self.server.logins += 1

    def cursor(self) -> _Cursor:
        return _Cursor(self.server)

    def escape(self, text: str) -> str:
        return f"'{text}'"

    def thread_id(self) -> int:
        return 7

    def close(self) -> None:
        self.server.statements.append("closed")


def _pymysql(server: _Server) -> dict[str, ModuleType]:
    """A PyMySQL that talks to this server, as far as the scripts use it."""
    connections = _module("pymysql.connections", Connection=type("Connection", (_Connection,), {"server": server}))
    constants = _module("pymysql.constants", CLIENT=SimpleNamespace(SSL=_TLS))
    errors = SimpleNamespace(OperationalError=_OperationalError)
    package = _module("pymysql", MySQLError=_MySQLError, err=errors, connections=connections)
    return {module.__name__: module for module in (package, connections, constants)}


def _module(name: str, **content: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(content)
    return module


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    found = _Server()
    for name, module in _pymysql(found).items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "db_server", raising=False)
    monkeypatch.syspath_prepend(str(_FILES))
    variables = {
        "DB_HOST": "mariadb",
        "DB_PORT": "3306",
        "DB_NAMES": json.dumps(found.databases),
        "DB_USER": "service",
        "DB_PASSWORD": "p@ss é",
        "DB_ADMIN_USER": "root",
        "DB_ADMIN_PASSWORD": "administrator's",
        "DB_LOCK_WAIT_SECONDS": "5",
        "DB_ATTEMPT_SECONDS": "60",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DB_CA", raising=False)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    yield found
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    # The next test's server has a PyMySQL of its own.
    sys.modules.pop("db_server", None)


@pytest.fixture
def db_server(server: _Server, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ARG001 - its PyMySQL is imported
    import db_server as module  # type: ignore[import-not-found]  # noqa: PLC0415 - there is no PyMySQL before

    monkeypatch.setattr(module.time, "sleep", lambda _seconds: None)
    return module


def drop() -> Any:
    """Run db_drop.py; its exit code, or what Python prints in its place."""
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(_FILES / "db_drop.py"), run_name="__main__")
    return caught.value.code


# -- the connection ------------------------------------------------------------------------------------------------


def test_a_connection_without_an_authority_is_not_encrypted(server: _Server, db_server: Any) -> None:
    db_server.connect(seconds=0)
    assert not server.connections[0]["ssl"]


def test_a_connection_with_an_authority_verifies_the_server(
    server: _Server, db_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_CA", "/database-ca/ca.crt")
    db_server.connect(seconds=0)
    assert server.connections[0]["ssl"] == {"ca": "/database-ca/ca.crt"}


def test_a_server_without_tls_never_receives_a_password(
    server: _Server, db_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_CA", "/database-ca/ca.crt")
    server.capabilities = 0
    with pytest.raises(db_server.Refused, match="TLS"):
        db_server.connect(seconds=60)
    assert server.logins == 0


def test_an_unreadable_authority_is_an_error(server: _Server, db_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_CA", "/database-ca/ca.crt")
    server.refusals = [FileNotFoundError(2, "No such file or directory")]
    with pytest.raises(db_server.Refused, match=r"DB_CA: /database-ca/ca\.crt .*No such file"):
        db_server.connect(seconds=60)


def test_a_script_waits_for_a_server_that_is_not_there_yet(server: _Server, db_server: Any) -> None:
    server.refusals = [_cannot_connect(ConnectionRefusedError("refused"))] * 3
    db_server.connect(seconds=60)
    assert len(server.connections) == 4


@pytest.mark.parametrize(
    "refusal",
    [
        _OperationalError(_DENIED, "Access denied"),
        _cannot_connect(ssl.SSLCertVerificationError(1, "certificate verify failed: Hostname mismatch")),
    ],
)
def test_a_permanent_error_ends_the_script_at_once(server: _Server, db_server: Any, refusal: _OperationalError) -> None:
    server.refusals = [refusal] * 2
    with pytest.raises(_OperationalError, match=r"denied|Hostname mismatch"):
        db_server.connect(seconds=60)
    assert len(server.connections) == 1


def test_the_service_logs_in_with_its_own_account(server: _Server, db_server: Any) -> None:
    db_server.connect(seconds=0, login="DB", database="b")
    (options,) = server.connections
    assert (options["user"], options["password"], options["database"]) == ("service", "p@ss é".encode(), "b")


# -- db_drop -------------------------------------------------------------------------------------------------------


def test_the_drop_removes_databases_and_account(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert drop() == 0
    assert (server.databases, server.account) == ([], None)
    assert "gone: account `service`@`%`" in capsys.readouterr().out.splitlines()[-1]


def test_a_failed_drop_stops_and_lists_what_is_left(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.errors["DROP DATABASE IF EXISTS `b`"] = _OperationalError(_CANNOT_REMOVE, "Error dropping database")
    assert drop() == 1
    problem, gone, left = capsys.readouterr().err.splitlines()
    assert "1010 Error dropping database" in problem
    assert gone == "gone: database a"
    assert left == "left: database b, database c, account `service`@`%`"
    assert not any(statement.endswith("ACCOUNT UNLOCK") for statement in server.statements)


def test_a_second_drop_completes_a_failed_one(server: _Server) -> None:
    server.errors["DROP DATABASE IF EXISTS `b`"] = _OperationalError(_CANNOT_REMOVE, "Error dropping database")
    assert drop() == 1
    server.errors.clear()
    assert drop() == 0
    assert (server.databases, server.account) == ([], None)


def test_a_drop_on_a_read_only_server_reports_what_is_left(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    refused = _OperationalError(_READ_ONLY, "The MariaDB server is running with the --read-only option")
    server.errors = {"ALTER USER": refused, "DROP": refused}
    assert drop() == 1
    printed = capsys.readouterr().err
    assert "db_drop failed: 1290 The MariaDB server is running" in printed
    assert "left: database a, database b, database c, account `service`@`%`" in printed


@pytest.mark.parametrize("code", [_TOO_MANY, _USER_LIMIT, _OWN_LIMIT])
def test_a_drop_waits_for_a_free_connection(server: _Server, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    server.refusals = [_OperationalError(code, "Too many connections")] * 2
    assert drop() == 0


def test_a_drop_has_one_connection_at_a_time(server: _Server) -> None:
    assert drop() == 0
    assert server.statements.index("closed") > server.statements.index("DROP USER IF EXISTS `service`@`%`")


def test_a_failed_drop_leaves_the_account_unlocked_when_nothing_was_dropped(server: _Server) -> None:
    server.errors["DROP DATABASE"] = _OperationalError(_CANNOT_REMOVE, "Error dropping database")
    assert drop() == 1
    assert [s.split()[-1] for s in server.statements if s.startswith("ALTER USER")] == ["LOCK", "UNLOCK"]


def test_the_drop_gives_up_on_a_lock_while_there_is_time_to_report_it(
    server: _Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DB_ATTEMPT_SECONDS", "6")
    server.errors["DROP DATABASE"] = _OperationalError(_LOCK_WAIT, "Lock wait timeout exceeded")
    assert drop() == 1
    assert "database a" in capsys.readouterr().err


def test_a_network_cut_during_a_statement_ends_the_attempt(
    server: _Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DB_ATTEMPT_SECONDS", "1")
    server.mute_from = "DROP DATABASE IF EXISTS `b`"
    started = time.monotonic()
    assert drop() == 1
    assert time.monotonic() - started < 10
    problem, left = capsys.readouterr().err.splitlines()
    assert "not done within DB_ATTEMPT_SECONDS" in problem
    assert "remaining databases are unknown: the server does not answer" in left


def test_an_untrusted_server_is_an_error_at_once(server: _Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.refusals = [_cannot_connect(ssl.SSLCertVerificationError(1, "certificate verify failed"))] * 2
    assert drop() == 1
    assert "certificate verify failed" in capsys.readouterr().err
    assert (len(server.connections), server.databases) == (2, ["a", "b", "c"])


def test_every_connection_has_timeouts(server: _Server) -> None:
    drop()
    bounds = [options[name] for options in server.connections for name in ("read_timeout", "write_timeout")]
    assert all(0 < bound <= 60 for bound in bounds)


def test_an_attempt_leaves_time_for_the_next_ones(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three pods, 10 and 20 seconds between them, and some to start: below the Job's deadline of 240."""
    allowed: list[float] = []
    monkeypatch.setattr(signal, "setitimer", lambda _which, seconds: allowed.append(seconds))
    server.errors["DROP DATABASE"] = _OperationalError(_CANNOT_REMOVE, "Error dropping database")
    assert drop() == 1
    assert allowed == [52, 8, 0]
    assert 3 * sum(allowed) + 10 + 20 < 240
