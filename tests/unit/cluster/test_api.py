"""Requests to an API server that closes connections before it answers, and to one behind a proxy."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import yaml

from osh_conformance.cluster.api import Kube
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Server(ThreadingHTTPServer):
    """Drops `cuts` connections before it answers one."""

    cuts = 0
    connections = 0

    def finish_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        if self.connections > self.cuts:
            super().finish_request(request, client_address)  # type: ignore[arg-type]


def _node(name: str, runtime: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "status": {"nodeInfo": {"containerRuntimeVersion": runtime}}}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        nodes = [_node("a", "containerd://2.4.2"), _node("b", "cri-o://1.36.0")]
        items = nodes if self.path == "/api/v1/nodes" else [{"kind": "Pod"}]
        self.wfile.write(json.dumps({"items": items}).encode())

    def do_POST(self) -> None:
        # As an API server does for a Service that is not there; Any other Service answers with a 404 of its own.
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": 'services "x" not found'}
        own = {"error": {"code": 404, "message": "Could not find version"}}
        self.send_response(404)
        self.end_headers()
        self.wfile.write(json.dumps(status if "/services/gone:" in self.path else own).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def _serving() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        try:
            yield served
        finally:
            served.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[_Server]:
    with _serving() as served:
        yield served


@pytest.fixture
def kube(server: _Server, tmp_path: Path) -> Kube:
    return _kube(tmp_path, server=f"http://127.0.0.1:{server.server_port}")


def _kube(tmp_path: Path, **fields: str) -> Kube:
    cluster = {"name": "c", "cluster": fields}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    users = [{"name": "u", "user": {}}]
    content = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "users": users, "contexts": [context]}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
    return Kube(tmp_path / "kubeconfig", "x")


def test_an_interrupted_read_is_repeated(kube: Kube, server: _Server) -> None:
    server.cuts = 1
    assert kube.list("/api/v1/pods") == [{"kind": "Pod"}]
    assert server.connections == 2


def test_each_node_reports_its_container_runtime(kube: Kube) -> None:
    assert kube.node_runtimes() == {"a": "containerd://2.4.2", "b": "cri-o://1.36.0"}


def test_an_interrupted_change_is_an_error_and_not_repeated(kube: Kube, server: _Server) -> None:
    server.cuts = 9
    with pytest.raises(SuiteError, match="POST /api/v1/namespaces"):
        kube.ensure("/api/v1/namespaces", {"kind": "Namespace"})
    assert server.connections == 1


def test_a_server_that_closes_every_connection_is_not_ready(kube: Kube, server: _Server) -> None:
    server.cuts = 9
    assert not kube.is_ready()
    assert server.connections == 1


@pytest.mark.parametrize(("service", "refusal"), [("gone", 'services "x" not found'), ("keystone-api", "")])
def test_the_api_servers_own_answer_is_told_from_that_of_a_service(kube: Kube, service: str, refusal: str) -> None:
    answer = kube.request_service("n", service, 5000, "POST", "/v3/auth/tokens", body={})
    assert (answer.status, answer.refusal) == (404, refusal)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    """A proxy that the environment names, with an exception of the user's."""
    for name in ("NO_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "corp.test")
    with _serving() as served:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{served.server_port}")
        yield served


def test_a_proxy_is_not_asked_for_a_server_on_this_machine(proxy: _Server, kube: Kube, server: _Server) -> None:
    assert kube.list("/api/v1/pods") == [{"kind": "Pod"}]
    assert (server.connections, proxy.connections) == (1, 0)


def test_a_proxy_is_not_asked_for_a_command_in_a_pod_on_this_machine(
    proxy: _Server, kube: Kube, server: _Server
) -> None:
    # The server speaks no WebSocket.
    with pytest.raises(SuiteError, match="the API did not run a command"):
        kube.execute("n", "p", "c", ["true"])
    assert (server.connections, proxy.connections) == (1, 0)


def test_a_proxy_is_asked_for_a_server_elsewhere(proxy: _Server, tmp_path: Path) -> None:
    assert _kube(tmp_path, server="http://api.example.test").list("/api/v1/pods") == [{"kind": "Pod"}]
    assert proxy.connections == 1


def test_the_proxy_of_a_kubeconfig_is_asked_for_its_own_loopback_interface(proxy: _Server, tmp_path: Path) -> None:
    with _serving() as bastion:
        url = f"http://127.0.0.1:{bastion.server_port}"
        kube = _kube(tmp_path, server="http://127.0.0.1:1", **{"proxy-url": url})
        assert kube.list("/api/v1/pods") == [{"kind": "Pod"}]
        assert (bastion.connections, proxy.connections) == (1, 0)
