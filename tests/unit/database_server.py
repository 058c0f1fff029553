"""A MariaDB server of this machine, with the settings of the suite's own, for tests of what the suite reads from it."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.model.convention import DATABASE
from osh_conformance.model.observation import MARK, ReleaseLifetime
from osh_conformance.observe.database import DatabaseServer
from osh_conformance.plan.servers import SERVERS
from osh_conformance.scenario import infrastructure
from tests.unit.observations import observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.observation import DatabaseState, Observation
    from osh_conformance.model.scenario import ExpectedData

_SERVER, _INSTALL, _CLIENT = (shutil.which(name) or "" for name in ("mariadbd", "mariadb-install-db", "mariadb"))
needs_mariadb = pytest.mark.skipif(
    not (_SERVER and _INSTALL and _CLIENT), reason="there are no mariadbd, mariadb-install-db and mariadb"
)
_CHART = SERVERS[DATABASE].folder
#: The settings that name a folder of the container.
_FOLDERS = {"/tmp": "tmp", "/var/lib/mysql": "data", "/run/mysqld": "run", "/etc/mariadb": "etc"}  # noqa: S108
_STARTS_WITHIN = 60.0

MAKE_OWN = """
CREATE DATABASE keystone; CREATE TABLE keystone.user (id INT PRIMARY KEY); INSERT INTO keystone.user VALUES (1), (2);
CREATE USER keystone@'%' IDENTIFIED BY 'own'; GRANT ALL ON keystone.* TO keystone@'%';
"""
DROP_OWN = "DROP DATABASE keystone; DROP USER keystone@'%';"
_CLEAN = """
DROP DATABASE IF EXISTS keystone; DROP USER IF EXISTS keystone@'%', keystone@'192.0.2.1', keystone_neighbour@'%';
DROP DATABASE IF EXISTS keystone_neighbour; DROP ROLE IF EXISTS keystone_reader;
"""


class LocalServer:
    """Runs statements on the server, as the suite (`server`) and as the administrator that a chart knows (`run`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.server = DatabaseServer(kube=self, namespace="cell", pod="mariadb-0", container="mariadb")  # type: ignore[arg-type]

    def execute(self, _namespace: str, _pod: str, _container: str, argv: list[str], **_: Any) -> str:
        """Take the place of a command in the container."""
        return self._client(*(word.replace("/etc/", f"{self._folder}/etc/") for word in argv[1:]))

    def run(self, sql: str) -> None:
        """Run statements as a chart's drop Job does."""
        self._client(*self._login("root"), "--execute", sql)

    @contextlib.contextmanager
    def session(self, user: str, sql: str) -> Iterator[None]:
        """Keep a session open that has run `sql`."""
        client = subprocess.Popen(
            [_CLIENT, *self._login(user), "--batch", "--unbuffered"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert client.stdin
        assert client.stdout
        client.stdin.write(f"{sql}\nSELECT 'ready';\n")
        client.stdin.flush()
        assert client.stdout.readline()
        try:
            yield
        finally:
            client.kill()
            client.communicate()

    def _login(self, user: str) -> list[str]:
        password = infrastructure.NEIGHBOUR_PASSWORD if user != "root" else "root"
        return ["--no-defaults", f"--socket={self._folder}/run/mysqld.sock", f"--user={user}", f"--password={password}"]

    def _client(self, *options: str) -> str:
        done = subprocess.run([_CLIENT, *options], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise SuiteError(f"`mariadb` ended with {done.returncode}", details=done.stderr)
        return done.stdout

    def clean(self) -> None:
        """Remove what a test left."""
        self.server.change(_CLEAN)
        infrastructure.add_neighbour(self.server, "keystone")

    def uninstalled(
        self,
        drop: str = DROP_OWN,
        *,
        make: str = MAKE_OWN,
        between: str = "",
        meanwhile: str = "DO 1;",
        expected: ExpectedData | None = None,
        taken: tuple[str, ...] = (),
    ) -> Observation:
        """Return what the suite sees of a release that runs these statements when it is installed and uninstalled.

        `between` runs before the uninstall; the neighbour runs `meanwhile` during it.
        """
        before = self.server.state()
        self.run(make)
        installed = self.server.state()
        self.server.change(f"CREATE TABLE IF NOT EXISTS keystone.{MARK} (id INT PRIMARY KEY) AS SELECT 1 AS id;")
        with self.session("keystone_neighbour", "START TRANSACTION WITH CONSISTENT SNAPSHOT;"):
            self.run(between or "DO 1;")
            populated = self.server.state()
            with self.session("keystone_neighbour", meanwhile):
                self.run(drop)
            after = self.server.state()
        return _observation(before, installed, populated, after, expected, taken)


def _observation(  # noqa: PLR0917
    before: DatabaseState,
    installed: DatabaseState,
    populated: DatabaseState,
    after: DatabaseState,
    expected: ExpectedData | None,
    taken: tuple[str, ...],
) -> Observation:
    seen = observation()
    life = ReleaseLifetime(release="keystone", before=before, installed=installed, marked=("keystone",), taken=taken)
    (removal,) = seen.removals
    removal = replace(
        removal, populated=populated, after=after, expected_data=expected or removal.expected_data, faults=()
    )
    return replace(seen, lifetimes=(life,), removals=(removal,))


@contextlib.contextmanager
def running() -> Iterator[LocalServer]:
    """Run a server until the end of the block."""
    # A socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="osh-") as name:
        folder = Path(name)
        _write_settings(folder)
        option = f"--defaults-file={folder}/my.cnf"
        subprocess.run(
            [_INSTALL, option, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
        )
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([_SERVER, option], stdout=log, stderr=log)
        try:
            local = LocalServer(folder)
            _await(local, folder / "log")
            yield local
        finally:
            process.kill()
            process.wait()


def _write_settings(folder: Path) -> None:
    for each in ("data", "run", "etc/observer", "etc/administrator", "tmp"):
        (folder / each).mkdir(parents=True)
    settings = (_CHART / "files" / "my.cnf").read_text()
    for path, place in _FOLDERS.items():
        settings = settings.replace(f"= {path}", f"= {folder}/{place}")
    (folder / "my.cnf").write_text(f"{settings}\nskip-networking\nuser = root\n")
    (granted,) = re.findall(r"GRANT (SELECT.*) ON \*\.\* TO observer", (_CHART / "templates/secret.yaml").read_text())
    everything = "ALL PRIVILEGES"
    statements = [
        "CREATE OR REPLACE USER root@'%' IDENTIFIED BY 'root';",
        "DELETE FROM mysql.global_priv WHERE User='';",
    ]
    statements.append("GRANT ALL PRIVILEGES ON *.* TO root@'%' WITH GRANT OPTION;")
    # A chart connects over the network, as root@'%'.
    statements.append("DROP USER root@localhost;")
    for user, privileges in (("observer", granted), ("administrator", everything)):
        statements.append(f"CREATE OR REPLACE USER {user}@localhost IDENTIFIED BY '{user}';")
        statements.append(f"GRANT {privileges} ON *.* TO {user}@localhost WITH GRANT OPTION;")
        (folder / "etc" / user / "my.cnf").write_text(
            f"[client]\nuser = {user}\npassword = {user}\nsocket = {folder}/run/mysqld.sock\n"
        )
    (folder / "etc" / "init.sql").write_text("\n".join(statements) + "\n")


def _await(local: LocalServer, log: Path) -> None:
    end = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            local.server.read("SELECT 1;")
        except SuiteError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        else:
            return
