"""The scripts that stop, start and slow down the database server of a cell, with stand-ins for MariaDB."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from osh_conformance.errors import SuiteError
from osh_conformance.model.convention import DATABASE
from osh_conformance.observe.database import DatabaseServer
from osh_conformance.plan.servers import SERVERS
from osh_conformance.render.engines.choice import choose
from osh_conformance.scenario.database_control import ServerControl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PAIR = {"certificate": "a certificate", "key": "its key"}
MARIADBD = f"""#!{sys.executable}
import pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
pathlib.Path("@answers").touch()
while True:
    signal.pause()
"""
MARIADB = """#!/bin/sh
[ -e "@answers" ] && [ -e "@run/server.pid" ] && echo "$*" >>"@asked"
"""
INSTALL = """#!/bin/sh
echo made >>"@asked"
"""
#: Folders of the scripts, and the folders that replace them in the tests.
PLACES = {"/run/mysqld": "run", "/var/lib/mysql": "data", "/etc/mariadb": "etc", "/scripts": "scripts", "/tmp/": ""}  # noqa: S108
PROGRAMS = {"mariadbd": MARIADBD, "mariadb": MARIADB, "mariadb-install-db": INSTALL}


class Container:
    """A folder for the scripts' files, and a process that takes the place of PID 1."""

    def __init__(self, folder: Path, seconds: int = 60) -> None:
        self.folder = folder
        self._seconds = seconds
        for name in ("run", "data", "etc", "scripts", "bin"):
            (folder / name).mkdir()
        for name, text in PROGRAMS.items():
            self._write(folder / "bin" / name, text.replace("@", f"{folder}/"))
        for script in ("start.sh", "server.sh"):
            self._write(
                folder / "scripts" / script, self._moved((SERVERS[DATABASE].folder / "files" / script).read_text())
            )
        self.process = self.started()

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def _moved(self, script: str) -> str:
        moved = re.sub("|".join(PLACES), lambda found: str(self.folder / PLACES[found.group()]), script)
        return moved.replace("seconds=60", f"seconds={self._seconds}")

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin"}

    def started(self) -> subprocess.Popen[bytes]:
        """Start it as the kubelet does, also after an earlier end: the files are still there."""
        argv = ["/bin/sh", str(self.folder / "scripts" / "start.sh")]
        self.process = subprocess.Popen(argv, env=self._environment, start_new_session=True)
        return self.process

    def control(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The result of `kubectl exec`. It ends when no process has the script's output open."""
        argv = [str(self.folder / "scripts" / "server.sh"), *words]
        return subprocess.run(argv, env=self._environment, capture_output=True, text=True, check=False, timeout=60)

    def done(self, *words: str) -> None:
        outcome = self.control(*words)
        assert (outcome.returncode, outcome.stderr) == (0, "")

    def server(self) -> int | None:
        """Return the process id of the running server."""
        path = self.folder / "run" / "server.pid"
        return int(path.read_text()) if path.exists() else None

    def is_stopped(self) -> bool:
        status = Path(f"/proc/{self.server()}/status").read_text()
        return "\nState:\tT" in status

    def ends(self) -> int:
        return self.process.wait(timeout=60)

    def crash(self) -> None:
        """End all its processes, as the end of PID 1 does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.ends()


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    made = Container(tmp_path)
    try:
        until(lambda: made.server() is not None)
        made.done("start")
        yield made
    finally:
        made.crash()


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_a_stopped_server_stays_stopped_until_it_is_started(container: Container, verb: str) -> None:
    before = container.server()
    for _ in range(2):
        container.done(verb)
        assert container.server() is None
        assert container.process.poll() is None
    container.done("start")
    assert container.server() not in (None, before)


def test_starting_a_running_server_changes_nothing(container: Container) -> None:
    before = container.server()
    container.done("start")
    assert container.server() == before


def test_server_creates_its_system_tables_once(container: Container) -> None:
    container.done("stop")
    container.done("start")
    assert (container.folder / "asked").read_text().count("made") == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 137), (signal.SIGTERM, 0)])
def test_container_ends_when_its_server_ends_by_itself(container: Container, number: int, code: int) -> None:
    os.kill(container.server() or 0, number)
    assert container.ends() == code


@pytest.mark.parametrize("words", [(), ("stop",), ("kill",), ("slow", "5", "0.1")])
def test_the_end_of_the_container_ends_the_server_at_once(container: Container, words: tuple[str, ...]) -> None:
    if words:
        container.done(*words)
    container.process.terminate()
    assert container.ends() == 0
    assert container.server() is None


def test_a_restarted_container_starts_a_server(container: Container) -> None:
    container.done("stop")
    container.crash()
    container.started()
    until(lambda: container.server() is not None)
    container.done("start")


def test_a_slow_server_pauses_and_runs_in_turns_until_it_is_steady(container: Container) -> None:
    container.done("slow", "0.2", "0.2")
    until(container.is_stopped)
    until(lambda: not container.is_stopped())
    until(container.is_stopped)
    for _ in range(2):
        container.done("steady")
        assert not container.is_stopped()
    time.sleep(0.5)
    assert not container.is_stopped()


@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_a_slow_server_that_is_stopped_starts_at_full_speed(container: Container, verb: str) -> None:
    container.done("slow", "1", "0.1")
    container.done(verb)
    container.done("start")
    time.sleep(1.2)
    assert not container.is_stopped()


def test_a_stopped_server_cannot_be_slow(container: Container) -> None:
    container.done("stop")
    outcome = container.control("slow", "1", "1")
    assert outcome.returncode == 1
    assert "slow" in outcome.stderr
    container.done("steady")


def test_control_reports_a_server_that_does_not_answer(tmp_path: Path) -> None:
    made = Container(tmp_path, seconds=1)
    try:
        (tmp_path / "bin" / "mariadb").write_text("#!/bin/sh\nexit 1\n")
        outcome = made.control("start")
        assert outcome.returncode == 1
        assert "1 s" in outcome.stderr
    finally:
        made.crash()


def test_an_unknown_subcommand_is_an_error(container: Container) -> None:
    for words in ("", "halt", "stop now", "slow 1", "slow 1 x", "slow . 1", "certificate", "turns 1"):
        outcome = container.control(*words.split())
        assert outcome.returncode == 1
        assert "expected" in outcome.stderr


def test_control_rejects_an_unknown_certificate(container: Container) -> None:
    outcome = container.control("certificate", "untrusted")
    assert outcome.returncode == 1
    assert "untrusted certificate" in outcome.stderr


@pytest.mark.parametrize("other", ["untrusted", "other_host"])
def test_certificates_are_swapped_and_reloaded_by_a_running_server(container: Container, other: str) -> None:
    tls, asked = container.folder / "run" / "tls", container.folder / "asked"
    given = container.folder / "etc" / "tls"
    given.mkdir()
    for path in (given / f"{name}.{end}" for name in ("trusted", other) for end in ("crt", "key")):
        path.write_text(path.name)
    container.done("certificate", other)
    assert {(path.name, path.read_text()) for path in tls.iterdir()} == {
        ("server.crt", f"{other}.crt"),
        ("server.key", f"{other}.key"),
    }
    assert {path.stat().st_mode & 0o777 for path in tls.iterdir()} == {0o600}
    assert asked.read_text().count("FLUSH SSL") == 1
    container.done("stop")
    container.done("certificate", "trusted")
    assert (tls / "server.crt").read_text() == "trusted.crt"
    assert asked.read_text().count("FLUSH SSL") == 1


def test_container_starts_with_the_trusted_certificate(container: Container) -> None:
    tls = container.folder / "etc" / "tls"
    tls.mkdir()
    for end in ("crt", "key"):
        (tls / f"trusted.{end}").write_text("trusted")
    container.crash()
    container.started()
    until((container.folder / "run" / "tls" / "server.key").exists)
    assert (container.folder / "run" / "tls" / "server.crt").read_text() == "trusted"


def rendered(**tls: Any) -> Mapping[str, Any]:
    texts = choose().render(SERVERS[DATABASE].folder, {"tls": tls}).values()
    return {document["kind"]: document for text in texts for document in yaml.safe_load_all(text) if document}


def test_the_database_chart_without_certificates_renders_no_tls() -> None:
    documents = rendered()
    assert "ssl" not in documents["ConfigMap"]["data"]["my.cnf"]
    assert "secure" not in documents["ConfigMap"]["data"]["my.cnf"]
    assert set(documents["Secret"]["data"]) == {"init.sql", "observer.cnf", "administrator.cnf"}
    assert "trusted" not in str(documents["StatefulSet"])


@pytest.mark.parametrize("required", [True, False])
def test_chart_passes_certificates_to_the_server(required: bool) -> None:  # noqa: FBT001
    documents = rendered(trusted=PAIR, untrusted=PAIR, other_host=PAIR, required=required)
    assert ("require-secure-transport = ON" in documents["ConfigMap"]["data"]["my.cnf"]) is required
    assert "ssl-cert = /run/mysqld/tls/server.crt" in documents["ConfigMap"]["data"]["my.cnf"]
    names = {f"{name}.{end}" for name in ("trusted", "untrusted", "other_host") for end in ("crt", "key")}
    assert names <= set(documents["Secret"]["data"])
    (server,) = (v for v in documents["StatefulSet"]["spec"]["template"]["spec"]["volumes"] if v["name"] == "server")
    assert names <= {item["key"] for item in server["projected"]["sources"][1]["secret"]["items"]}


@pytest.mark.parametrize(
    "tls",
    [
        {"trusted": {"certificate": "one"}},
        {"trusted": {"key": "one"}},
        {"untrusted": PAIR},
        {"other_host": PAIR},
        {"required": True},
    ],
)
def test_incomplete_tls_values_do_not_render(tls: dict[str, Any]) -> None:
    with pytest.raises(SuiteError, match=r"tls\.trusted"):
        rendered(**tls)


@pytest.mark.parametrize(
    ("values", "lines"),
    [({}, {"skip-log-bin"}), ({"replication": {"server_id": 2}}, {"server-id = 2", "log-bin = mariadb-bin"})],
)
def test_only_a_server_of_a_pair_logs_its_changes(values: dict[str, Any], lines: set[str]) -> None:
    texts = choose().render(SERVERS[DATABASE].folder, values).values()
    (conf,) = (d["data"]["my.cnf"] for t in texts for d in yaml.safe_load_all(t) if d and d["kind"] == "ConfigMap")
    assert {line for line in conf.splitlines() if line.startswith(("skip-log", "server-id", "log-bin"))} == lines


class Recorded:
    """Records commands in place of a cluster."""

    def __init__(self) -> None:
        self.argv: list[list[str]] = []

    def execute(self, *args: Any, **_: Any) -> str:
        assert args[:3] == ("cell", "mariadb-0", "mariadb")
        self.argv.append(args[3])
        return "out"


def test_server_control_runs_the_script_in_the_server_container() -> None:
    kube: Any = Recorded()
    server = DatabaseServer(kube=kube, namespace="cell", pod="mariadb-0", container="mariadb")
    control = ServerControl.of(server)
    control.stop()
    control.kill()
    control.start()
    control.slow(0.00001, 2.5)
    control.steady()
    for name in ("trusted", "untrusted", "other_host"):
        control.certificate(name)
    assert control.run(["touch", "/var/lib/mysql/keystone/stray"]) == "out"
    assert [" ".join(argv) for argv in kube.argv] == [
        "/scripts/server.sh stop",
        "/scripts/server.sh kill",
        "/scripts/server.sh start",
        "/scripts/server.sh slow 0.000 2.500",
        "/scripts/server.sh steady",
        "/scripts/server.sh certificate trusted",
        "/scripts/server.sh certificate untrusted",
        "/scripts/server.sh certificate other_host",
        "touch /var/lib/mysql/keystone/stray",
    ]
