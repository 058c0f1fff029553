"""The nodes of a cluster as a registry sees them: they look up an image's host, and pull from there."""

from __future__ import annotations

import contextlib
import http.client
import json
import tomllib
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from osh_conformance import process
from osh_conformance.cluster.cluster import NODE_EXEC, REGISTRY, Cluster
from osh_conformance.registry import images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.registry.server import Registry
    from osh_conformance.scenario.faults.registry_proxy import FaultyImage

AREA = "run/r1"
NODES = ("node-1", "node-2")
REFERENCE = "docker.io/x/keystone:1.0.0"
#: Where the run's registry has REFERENCE.
SOURCE = f"{AREA}/docker.io/x/keystone"
AGENT = "containerd/v2.4.2"


class FakeDocker:
    """Docker with nodes that are this machine, except for their files.

    `networks` is the address configuration of the cluster's network, `hosts` the hosts.toml of each node and host,
    `inspected` the networks that were asked for, and `unreachable` the nodes that reach no port of this machine.
    """

    def __init__(self) -> None:
        self.networks: Any = [{"Subnet": "fc00::/64", "Gateway": "fc00::1"}, {"Gateway": "127.0.0.1"}]
        self.hosts: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.inspected: list[str] = []
        self.unreachable: tuple[str, ...] = ()

    def run(self, *argv: Any, deadline: float = 60.0, check: bool = True) -> process.Outcome:
        stdout = ""
        match argv:
            case ("network", "inspect", name, *_):
                self.inspected.append(name)
                stdout = json.dumps(self.networks)
            case ("exec", node, "timeout", *_) if node not in self.unreachable:
                return process.run(argv[2:], deadline=deadline, check=check)
            case ("cp", source, target):
                for path in Path(source).iterdir():
                    self.hosts[target.partition(":")[0], path.name] = tomllib.loads((path / "hosts.toml").read_text())
            case ("exec", node, "rm", "-rf", *folders):
                for folder in folders:
                    del self.hosts[node, Path(folder).name]
        return process.Outcome(argv=(), code=0, stdout=stdout, stderr="", seconds=0)


def cluster_of(docker: Any, registry: Registry | None) -> Cluster:
    return Cluster(
        name="osh-conformance-r1",
        kubeconfig=Path("kubeconfig"),
        context="kind",
        nodes=NODES,
        registry=registry,
        owned=True,
        capabilities=MappingProxyType({REGISTRY: (True, ""), NODE_EXEC: (True, "")}),
        docker=docker,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, and whether its body is as long as it announced."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node that pulls an image as containerd does, from the address that its files name for the image's host."""

    docker: FakeDocker
    image: FaultyImage

    def ask(self, kind: str, reference: str, method: str = "GET", **headers: str) -> Answer:
        connection, path = self.connection()
        with contextlib.closing(connection):
            target = f"{path}/{kind}/{reference}?ns={self.host}"
            connection.request(method, target, headers={"User-Agent": AGENT, **headers})
            with connection.getresponse() as response:
                try:
                    body, complete = response.read(), True
                except http.client.IncompleteRead as error:
                    body, complete = error.partial, False
                received = {name.lower(): value for name, value in response.getheaders()}
                return Answer(status=response.status, headers=received, body=body, complete=complete)

    def connection(self) -> tuple[http.client.HTTPConnection, str]:
        """A connection that is not open yet, and the path below which the image is."""
        url = urllib.parse.urlsplit(self.docker.hosts[NODES[0], self.host]["server"])
        return http.client.HTTPConnection(url.netloc, timeout=10), f"{url.path}/{self._name.path}"

    @property
    def _name(self) -> images.Name:
        return images.name(self.image.reference)

    @property
    def host(self) -> str:
        return self._name.host

    @property
    def digest(self) -> str:
        return self._name.digest

    def manifest(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.ask("manifests", self.digest).body)
        return parsed

    @property
    def layer(self) -> dict[str, Any]:
        """The descriptor of the added layer."""
        added: dict[str, Any] = self.manifest()["layers"][-1]
        return added

    def resumed(self, attempts: int = 5) -> bytes:
        """The added layer as containerd fetches it: when the answer ends early, it asks for the rest."""
        layer, received = self.layer, b""
        for _ in range(attempts):
            headers = {"Range": f"bytes={len(received)}-"} if received else {}
            answer = self.ask("blobs", layer["digest"], **headers)
            assert answer.status == (206 if received else 200)
            received += answer.body
            if answer.complete:
                break
        return received
