"""What the proxy passes on between a node and the registry, unchanged."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from osh_conformance.registry import images
from osh_conformance.registry.manifest import OCI_MANIFEST
from osh_conformance.scenario.faults.registry_proxy import FaultyRegistry
from tests.unit.registry.fake import digest
from tests.unit.scenario.registry_proxy.nodes import AGENT, AREA, REFERENCE, FakeDocker, Node

if TYPE_CHECKING:
    import pytest

    from osh_conformance.cluster.cluster import Cluster
    from tests.unit.registry.fake import FakeRegistry


def test_a_request_reaches_the_registry_with_the_headers_of_the_node(node: Node, upstream: FakeRegistry) -> None:
    upstream.requests.clear()
    node.ask("manifests", node.digest, "HEAD", Accept=OCI_MANIFEST, Range="bytes=0-")
    (request,) = upstream.requests
    repository = images.name(node.image.reference).repository
    assert (request.method, request.path) == ("HEAD", f"/v2/{AREA}/{repository}/manifests/{node.digest}?ns={node.host}")
    assert {"User-Agent": AGENT, "Accept": OCI_MANIFEST, "Range": "bytes=0-"}.items() <= request.headers.items()
    assert request.headers["Host"] != upstream.endpoint


def test_an_answer_reaches_the_node_with_the_status_and_headers_of_the_registry(node: Node) -> None:
    answer = node.ask("blobs", "sha256:" + "0" * 64)
    assert (answer.status, answer.body) == (404, b"{}")
    answer = node.ask("manifests", node.digest)
    assert answer.headers["docker-content-digest"] == node.digest


def test_a_push_is_not_passed_on(node: Node, upstream: FakeRegistry) -> None:
    before = dict(upstream.manifests)
    assert node.ask("manifests", "2.0.0", "PUT").status == 501
    assert upstream.manifests == before


def test_a_stopped_registry_is_answered_as_a_bad_gateway(
    docker: FakeDocker, upstream: FakeRegistry, cluster: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    with FaultyRegistry(cluster) as registry:
        node = Node(docker=docker, image=registry.image(REFERENCE))
        upstream.shutdown()
        upstream.server_close()
        assert node.ask("manifests", node.digest).status == 502
    assert capfd.readouterr() == ("", "")


def test_a_node_that_resets_its_connection_causes_no_error(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    connection, path = node.connection()
    connection.request("GET", f"{path}/blobs/{node.layer['digest']}")
    # Reset rather than closed, with nothing read.
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    assert digest(node.resumed()) == node.layer["digest"]
    assert capfd.readouterr() == ("", "")


def test_a_malformed_request_is_answered_with_400(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    connection, _ = node.connection()
    with contextlib.closing(connection):
        connection.connect()
        connection.sock.sendall(b"nonsense\r\n\r\n")
        assert b"400" in connection.sock.makefile("rb").read()
    assert capfd.readouterr() == ("", "")
