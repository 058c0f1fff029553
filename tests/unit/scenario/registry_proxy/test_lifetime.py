"""How the proxy starts and stops: the nodes' files, its port and its threads."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.registry import images
from osh_conformance.scenario.faults.registry_proxy import FaultyRegistry
from tests.unit.scenario.registry_proxy.nodes import AREA, NODES, REFERENCE, FakeDocker, Node, cluster_of

if TYPE_CHECKING:
    from osh_conformance.cluster.cluster import Cluster
    from tests.unit.registry.fake import FakeRegistry


def test_every_node_has_the_address_until_the_proxy_stops(docker: FakeDocker, cluster: Cluster) -> None:
    with FaultyRegistry(cluster) as registry:
        assert docker.inspected == [cluster.name]
        host = images.name(registry.image(REFERENCE).reference).host
        assert set(docker.hosts) == {(node, host) for node in NODES}
        for hosts in docker.hosts.values():
            url = rf"http://127\.0\.0\.1:\d+/v2/{AREA}/{re.escape(host)}"
            assert re.fullmatch(url, hosts["server"])
            assert hosts["override_path"] is True
    assert docker.hosts == {}


def test_a_stopped_proxy_leaves_no_thread_and_no_port(
    docker: FakeDocker, upstream: FakeRegistry, cluster: Cluster
) -> None:
    before = set(threading.enumerate())
    with FaultyRegistry(cluster) as registry:
        connection, _ = Node(docker=docker, image=registry.image(REFERENCE)).connection()
    with pytest.raises(ConnectionRefusedError):
        connection.connect()
    assert {thread.name for thread in set(threading.enumerate()) - before} <= {upstream.thread_name}


def test_stopping_waits_for_no_open_connection(docker: FakeDocker, upstream: FakeRegistry, cluster: Cluster) -> None:
    with contextlib.ExitStack() as stack:
        with FaultyRegistry(cluster) as registry:
            node = Node(docker=docker, image=registry.image(REFERENCE))
            (idle, _), (waiting, path) = node.connection(), node.connection()
            for connection in (idle, waiting):
                stack.enter_context(contextlib.closing(connection))
            idle.connect()
            upstream.requests.clear()
            upstream.answering.clear()
            waiting.request("GET", f"{path}/manifests/{node.digest}")
            while not upstream.requests:
                time.sleep(0.01)
            started = time.monotonic()
        assert time.monotonic() - started < 5


def test_a_node_that_cannot_reach_this_machine_is_an_error(docker: FakeDocker, cluster: Cluster) -> None:
    docker.unreachable = (NODES[1],)
    before = set(threading.enumerate())
    with pytest.raises(SuiteError, match=r"node-2 .*127\.0\.0\.1:\d+") as raised:
        FaultyRegistry(cluster).__enter__()
    assert "firewall" in raised.value.fix
    assert docker.hosts == {}
    assert set(threading.enumerate()) == before


def test_a_docker_engine_on_another_machine_is_an_error(docker: FakeDocker, cluster: Cluster) -> None:
    docker.networks = [{"Gateway": "192.0.2.1"}]  # of a network for documentation: no machine has it
    with pytest.raises(SuiteError, match=r"192\.0\.2\.1"):
        FaultyRegistry(cluster).__enter__()


@pytest.mark.parametrize("networks", [None, [], [{"Gateway": "fc00::1"}], [{"Subnet": "10.0.0.0/8"}]])
def test_a_network_without_an_ipv4_gateway_is_an_error(networks: Any, docker: FakeDocker, cluster: Cluster) -> None:
    docker.networks = networks
    with pytest.raises(SuiteError, match=r"osh-conformance-r1 .*IPv4 gateway"):
        FaultyRegistry(cluster).__enter__()


def test_a_gateway_may_include_its_prefix_length(docker: FakeDocker, cluster: Cluster) -> None:
    docker.networks = [{"Gateway": "127.0.0.1/16"}]
    with FaultyRegistry(cluster):
        assert docker.hosts


def test_a_cluster_without_a_registry_of_the_run_is_an_error(docker: FakeDocker) -> None:
    with pytest.raises(SuiteError, match=r"osh-conformance-r1.*registry"):
        FaultyRegistry(cluster_of(docker, None)).__enter__()
