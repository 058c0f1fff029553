"""Faults of a database server that refuses, or whose name leads to another server: what they ask of it, and undo."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from kubernetes.client.exceptions import ApiException

from osh_conformance.errors import SuiteError
from osh_conformance.observe.database import DatabaseServer
from osh_conformance.scenario import faults, infrastructure
from osh_conformance.scenario.database_control import ServerControl
from osh_conformance.scenario.infrastructure import REPLICA, Component

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.scenario.faults import Fault
    from osh_conformance.scenario.state import ScenarioState

#: What servers answer, by a part of the statement.
_ANSWERS = {
    "max_connections;": "200",
    "extra_port": "3307",
    "gtid_binlog_pos": "3306\t0-1-9",
    "GLOBAL.port": "3306",
    "MASTER_GTID_WAIT": "0",
    "FROM mysql.event": "UPDATE mysql.event SET status = 'ENABLED';\n",
}
_INSTANCE = "app.kubernetes.io/instance"


@dataclass(kw_only=True)
class Cluster:
    """Two servers and their Service. `calls` has what was asked of them, in order, each after the server's name."""

    calls: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=lambda: dict(_ANSWERS))
    #: The server to which the name leads; it takes some attempts until nodes have learned it.
    leads_to: str = "mariadb"
    late: int = 2
    broken: str = ""

    def execute(self, _namespace: str, pod: str, _container: str, argv: Sequence[str], **_: object) -> str:
        words = " ".join(argv)
        self.calls.append(f"{pod.removesuffix('-0')}: {words}")
        if self.broken and self.broken in words:
            raise SuiteError("the server does not answer")
        if "--host=mariadb" in words:
            self.late -= self.leads_to == REPLICA
            return self._number(self.leads_to if self.late < 0 else "mariadb")
        if "server_id" in words:
            return self._number(pod.removesuffix("-0"))
        return next((answer for part, answer in self.answers.items() if part in words), "")

    @staticmethod
    def _number(server: str) -> str:
        return {"mariadb": "1\n", REPLICA: "2\n"}[server]

    @staticmethod
    def services(_path: str) -> list[dict[str, Any]]:
        names = ("mariadb", REPLICA)
        return [{"metadata": {"name": n, "labels": {_INSTANCE: f"infrastructure-{n}"}}} for n in names]

    def pod_address(self, _namespace: str, pod: str) -> str:
        assert pod == "mariadb-0"
        return "10.0.0.7"

    def patch_namespaced_service(self, name: str, _namespace: str, body: dict[str, Any]) -> None:
        if self.broken == "patch":
            raise ApiException(reason="Forbidden")
        self.calls.append(f"service {name}: {body['spec']['selector']}")
        self.leads_to = body["spec"]["selector"][_INSTANCE].removeprefix("infrastructure-")

    def asked(self) -> list[str]:
        """The statements and scripts, without the words of the client."""
        return [call.partition("--execute ")[2] or call.partition(": ")[2] for call in self.calls]


def _state(cluster: Cluster, *, replica: bool = True) -> ScenarioState:
    kube: Any = SimpleNamespace(
        execute=cluster.execute, list=cluster.services, pod_address=cluster.pod_address, core=cluster
    )
    server, second = (
        DatabaseServer(kube=kube, namespace="cell", pod=f"{name}-0", container="mariadb")
        for name in ("mariadb", REPLICA)
    )
    one = Component(
        name="mariadb", chart=Path(), image="i", values={"root": 1}, without_service={}, container="mariadb"
    )
    state = SimpleNamespace(
        plan=SimpleNamespace(password="it's", components=infrastructure.with_replica([one]), database=one),
        context=SimpleNamespace(kube=kube, namespace="cell", cancel=threading.Event()),
        server=server,
        control=ServerControl.of(server),
        replica=second if replica else None,
    )
    return cast("ScenarioState", state)


def _fault(name: str, state: ScenarioState) -> Fault:
    return faults.known()[name](state)


@pytest.mark.parametrize(
    ("name", "injected", "repaired"),
    [
        (
            "connection-limit",
            "ALTER USER root@'%' WITH MAX_USER_CONNECTIONS -1;",
            "ALTER USER root@'%' WITH MAX_USER_CONNECTIONS 0;",
        ),
        (
            "server-read-only",
            "REVOKE READ_ONLY ADMIN ON *.* FROM root@'%'; SET GLOBAL read_only = ON;",
            "SET GLOBAL read_only = OFF; GRANT READ_ONLY ADMIN ON *.* TO root@'%';",
        ),
        (
            "certificate-other-host",
            "/scripts/server.sh certificate other_host",
            "/scripts/server.sh certificate trusted",
        ),
    ],
)
def test_a_fault_of_a_server_that_refuses_is_undone(name: str, injected: str, repaired: str) -> None:
    cluster = Cluster()
    fault = _fault(name, _state(cluster))
    fault.inject()
    assert cluster.asked() == [injected]
    fault.repair()
    assert cluster.asked()[1:] == [repaired]


# -- too many connections


def test_the_suite_uses_the_extra_port_while_the_server_takes_no_more_connections() -> None:
    cluster = Cluster()
    state = _state(cluster)
    usual, fault = state.server, _fault("connections-exhausted", state)
    fault.inject()
    state.server.read("SELECT 1;")
    fault.repair()
    crowd, lower, read, back, close = cluster.calls[2:]
    assert "sessions.sh open crowd 11 DO 1;" in crowd
    for call, text in ((lower, "max_connections = 10;"), (read, "SELECT 1;"), (back, "max_connections = 200;")):
        assert "--host=127.0.0.1 --port=3307" in call
        assert call.endswith(text)
    assert "sessions.sh close crowd" in close
    assert state.server is usual


def test_a_server_with_too_many_connections_is_repaired_as_far_as_possible() -> None:
    cluster = Cluster(broken="max_connections = ")
    state = _state(cluster)
    usual, fault = state.server, _fault("connections-exhausted", state)
    with pytest.raises(SuiteError):
        fault.inject()
    with pytest.raises(SuiteError):
        fault.repair()
    assert "sessions.sh close crowd" in cluster.calls[-1]
    assert state.server is usual


# -- another server of the same name


def test_a_replica_has_all_data_and_then_the_name_and_the_suite_queries_it() -> None:
    cluster = Cluster()
    state = _state(cluster)
    _fault("server-failed-over", state).inject()
    asked = cluster.asked()
    assert asked[1].startswith(
        "CHANGE MASTER TO MASTER_HOST = '10.0.0.7', MASTER_PORT = 3306, MASTER_USER = 'root', MASTER_PASSWORD = 'it''s'"
    )
    assert asked[1].endswith("SELECT MASTER_GTID_WAIT('0-1-9', 30);")
    assert asked[3:5] == [
        "STOP SLAVE; RESET SLAVE ALL; UPDATE mysql.event SET status = 'ENABLED';\n",
        f"{{'{_INSTANCE}': 'infrastructure-{REPLICA}'}}",
    ]
    # It has waited until a new connection reaches the replica.
    assert asked[7:] == ["SELECT @@GLOBAL.server_id;"] * 3
    assert state.server.pod == state.control.pod == f"{REPLICA}-0"


def test_a_replica_that_is_not_in_step_does_not_get_the_name() -> None:
    cluster = Cluster(answers={**_ANSWERS, "MASTER_GTID_WAIT": "-1", "SHOW SLAVE STATUS": "Last_SQL_Error: no"})
    state = _state(cluster)
    with pytest.raises(SuiteError, match="not in step") as caught:
        _fault("server-failed-over", state).inject()
    assert "Last_SQL_Error" in caught.value.details
    assert cluster.leads_to == "mariadb"
    assert state.server.pod == "mariadb-0"


def test_a_service_that_cannot_be_changed_is_an_error() -> None:
    with pytest.raises(SuiteError, match="failed to change the Service of the suite's own mariadb: Forbidden"):
        _fault("server-failed-over", _state(Cluster(broken="patch"))).inject()


def test_a_name_cannot_lead_to_a_replica_that_is_not_there() -> None:
    with pytest.raises(SuiteError, match="has no replica"):
        _fault("server-failed-over", _state(Cluster(), replica=False)).inject()


def test_the_servers_of_a_pair_differ_in_name_and_number_only() -> None:
    queue, one = (
        Component(name=name, chart=Path(), image="i", values={"root": 1}, without_service={}, container=name)
        for name in ("rabbitmq", "mariadb")
    )
    first, other, second = infrastructure.with_replica([one, queue])
    assert other is queue
    assert (first.name, first.values) == ("mariadb", {"root": 1, "replication": {"server_id": 1}})
    assert second.values == {"root": 1, "name": REPLICA, "replication": {"server_id": 2}}
    assert (second.name, second.container) == (REPLICA, "mariadb")
