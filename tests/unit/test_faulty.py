"""The proxy that makes pulls fail, with a small registry in this process. The live tests show containerd's reaction."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import http.server
import io
import json
import platform
import re
import socket
import socketserver
import struct
import tarfile
import threading
import time
import tomllib
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import pytest
import zstandard

from osh_conformance import process
from osh_conformance.cluster.cluster import NODE_EXEC, REGISTRY, Cluster
from osh_conformance.errors import SuiteError
from osh_conformance.registry import client, images
from osh_conformance.registry.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from osh_conformance.registry.server import Registry
from osh_conformance.scenario.faults import registry_proxy
from osh_conformance.scenario.faults.registry_proxy import FaultyImage, FaultyRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

AREA = "run/r1"
NODES = ("node-1", "node-2")
REFERENCE = "docker.io/x/keystone:1.0.0"
SOURCE = f"{AREA}/docker.io/x/keystone"
AGENT = "containerd/v2.4.2"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
KINDS = {
    "docker": (DOCKER_MANIFEST, DOCKER_LIST, "application/vnd.docker.container.image.v1+json", DOCKER_LAYER),
    "oci": (OCI_MANIFEST, OCI_INDEX, "application/vnd.oci.image.config.v1+json", f"{OCI_LAYER}+gzip"),
    "zstd": (OCI_MANIFEST, OCI_INDEX, "application/vnd.oci.image.config.v1+json", f"{OCI_LAYER}+zstd"),
}
CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"User": "42424"},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]},
    "history": [{"created_by": "a recipe"}],
}


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]


class Store(http.server.ThreadingHTTPServer):
    """A registry with what `RegistryClient` and a pull need. It accepts a blob only with its right digest."""

    daemon_threads = False

    def __init__(self) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.asked: list[Asked] = []
        self.held = threading.Event()
        self.held.set()
        super().__init__(("127.0.0.1", 0), StoreHandler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def handle_error(self, *_: object) -> None:
        pass

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class StoreHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def log_message(self, *_: object) -> None:
        pass

    def handle_one_request(self) -> None:
        super().handle_one_request()
        self.close_connection = True

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        self.server.asked.append(Asked(method=self.command, path=self.path, headers=dict(self.headers)))
        self.server.held.wait(10)
        match = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", urllib.parse.urlsplit(self.path).path)
        if match is None:
            self.answer(200 if self.path == "/v2/" else 404)
            return
        key = (match[1], urllib.parse.unquote(match[3]))
        if match[2] == "manifests" and key in self.server.manifests:
            body, media_type = self.server.manifests[key]
            self.answer(200, body, Content_Type=media_type, Docker_Content_Digest=digest(body))
        elif match[2] == "blobs" and key in self.server.blobs:
            self.blob(self.server.blobs[key])
        else:
            self.answer(404, b"{}")

    do_HEAD = do_GET  # noqa: N815

    def blob(self, body: bytes) -> None:
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if part is None:
            self.answer(200, body)
            return
        start, end = int(part[1]), int(part[2] or len(body) - 1)
        self.answer(206, body[start : end + 1], Content_Range=f"bytes {start}-{end}/{len(body)}")

    def do_POST(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        repository = url.path.removeprefix("/v2/").removesuffix("/blobs/uploads/")
        query = urllib.parse.parse_qs(url.query)
        if "mount" in query:
            self.server.blobs[repository, query["mount"][0]] = self.server.blobs[query["from"][0], query["mount"][0]]
            self.answer(201)
        else:
            self.answer(202, Location=f"http://anywhere/v2/{repository}/blobs/uploads/1")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        url = urllib.parse.urlsplit(self.path)
        if url.query:
            wanted = urllib.parse.parse_qs(url.query)["digest"][0]
            repository = url.path.removeprefix("/v2/").removesuffix("/blobs/uploads/1")
            self.server.blobs[repository, wanted] = body
            self.answer(201 if wanted == digest(body) else 400)
        else:
            repository, _, reference = url.path.removeprefix("/v2/").rpartition("/manifests/")
            for each in (reference, digest(body)):
                self.server.manifests[repository, each] = (body, self.headers["Content-Type"])
            self.answer(201 if self.is_whole(repository, body) else 400)

    def is_whole(self, repository: str, body: bytes) -> bool:
        content = json.loads(body)
        parts = [content["config"], *content["layers"]] if "config" in content else []
        listed = content.get("manifests", ())
        return all(len(self.server.blobs[repository, part["digest"]]) == part["size"] for part in parts) and all(
            len(self.server.manifests[repository, each["digest"]][0]) == each["size"] for each in listed
        )


class FakeDocker:
    """Nodes that are this machine, except for their files. `gateway` is the network's gateway."""

    def __init__(self, gateway: str = "127.0.0.1") -> None:
        self.networks: Any = [{"Subnet": "fc00::/64", "Gateway": "fc00::1"}, {"Gateway": gateway}]
        self.hosts: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.asked: list[str] = []
        self.deaf: tuple[str, ...] = ()

    def run(self, *words: Any, deadline: float = 60.0, check: bool = True) -> process.Outcome:
        said = ""
        match words:
            case ("network", "inspect", name, *_):
                self.asked.append(name)
                said = json.dumps(self.networks)
            case ("exec", node, "timeout", *_) if node not in self.deaf:
                return process.run(words[2:], deadline=deadline, check=check)
            case ("cp", source, target):
                for path in Path(source).iterdir():
                    self.hosts[target.partition(":")[0], path.name] = tomllib.loads((path / "hosts.toml").read_text())
            case ("exec", node, "rm", "-rf", *folders):
                for folder in folders:
                    del self.hosts[node, Path(folder).name]
        return process.Outcome(argv=(), code=0, stdout=said, stderr="", seconds=0)


@pytest.fixture
def store() -> Iterator[Store]:
    server = Store()
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield server
    finally:
        server.held.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def docker() -> FakeDocker:
    return FakeDocker()


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


@pytest.fixture
def cluster(store: Store, docker: FakeDocker) -> Cluster:
    registry = Registry(container="registry", push_endpoint=store.endpoint, area=AREA, docker=cast("Any", docker))
    return cluster_of(docker, registry)


@pytest.fixture
def registry(cluster: Cluster, store: Store) -> Iterator[FaultyRegistry]:
    served(store)
    with FaultyRegistry(cluster) as made:
        yield made


def served(store: Store, kind: str = "docker", config: Mapping[str, Any] = CONFIG, *, index: bool = False) -> None:
    """Let the registry serve REFERENCE."""
    manifest_type, index_type, config_type, layer_type = KINDS[kind]
    config_blob, layer = json.dumps(config).encode(), b"packed somehow"

    def part(blob: bytes, media_type: str) -> dict[str, Any]:
        store.blobs[SOURCE, digest(blob)] = blob
        return {"mediaType": media_type, "size": len(blob), "digest": digest(blob)}

    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": part(config_blob, config_type),
            "layers": [part(layer, layer_type)] * 2,
            "annotations": {"from": "a recipe"},
        }
    ).encode()
    store.manifests[SOURCE, "1.0.0"] = store.manifests[SOURCE, digest(body)] = (body, manifest_type)
    if index:
        here = client._MACHINES.get(platform.machine(), platform.machine())
        entries = [
            {"mediaType": manifest_type, "size": len(body), "digest": digest(body), "platform": {"architecture": each}}
            for each in ("unknown", here)
        ]
        listed = json.dumps({"schemaVersion": 2, "mediaType": index_type, "manifests": entries}).encode()
        store.manifests[SOURCE, "1.0.0"] = store.manifests[SOURCE, digest(listed)] = (listed, index_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Requests as containerd sends them, to the address in its files for an image's host."""

    docker: FakeDocker
    image: FaultyImage

    def ask(self, kind: str, reference: str, method: str = "GET", **headers: str) -> Answer:
        connection, path = self.connected()
        with contextlib.closing(connection):
            target = f"{path}/{kind}/{reference}?ns={self.host}"
            connection.request(method, target, headers={"User-Agent": AGENT, **headers})
            with connection.getresponse() as response:
                try:
                    body, whole = response.read(), True
                except http.client.IncompleteRead as error:
                    body, whole = error.partial, False
                found = {name.lower(): value for name, value in response.getheaders()}
                return Answer(status=response.status, headers=found, body=body, whole=whole)

    def connected(self) -> tuple[http.client.HTTPConnection, str]:
        named = images.name(self.image.reference)
        url = urllib.parse.urlsplit(self.docker.hosts[NODES[0], named.host]["server"])
        return http.client.HTTPConnection(url.netloc, timeout=10), f"{url.path}/{named.path}"

    @property
    def host(self) -> str:
        return images.name(self.image.reference).host

    @property
    def digest(self) -> str:
        return images.name(self.image.reference).digest

    def manifest(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.ask("manifests", self.digest).body)
        return parsed

    @property
    def layer(self) -> dict[str, Any]:
        added: dict[str, Any] = self.manifest()["layers"][-1]
        return added

    def resumed(self, most: int = 5) -> bytes:
        """Download a layer as containerd does: whenever it ends early, request the rest."""
        layer, got = self.layer, b""
        for _ in range(most):
            headers = {"Range": f"bytes={len(got)}-"} if got else {}
            answer = self.ask("blobs", layer["digest"], **headers)
            assert answer.status == (206 if got else 200)
            got += answer.body
            if answer.whole:
                break
        return got


@pytest.fixture
def image(registry: FaultyRegistry) -> FaultyImage:
    return registry.image(REFERENCE)


@pytest.fixture
def node(docker: FakeDocker, image: FaultyImage) -> Node:
    return Node(docker=docker, image=image)


# ----------------------------------------------------------------- the image


def test_image_is_pinned_under_a_new_host(registry: FaultyRegistry) -> None:
    found = [images.name(registry.image(REFERENCE).reference) for _ in range(2)]
    assert {name.host for name in found} == {registry._host}
    assert re.fullmatch(r"faulty-[0-9a-f]{8}\.osh-conformance\.invalid", registry._host)
    assert len({name.path for name in found}) == len({name.digest for name in found}) == 2
    assert all(name.path.endswith("/x/keystone") and name.tag == "1.0.0" for name in found)


def test_image_of_a_reference_without_a_tag_gets_no_tag(registry: FaultyRegistry, store: Store) -> None:
    pinned = digest(store.manifests[SOURCE, "1.0.0"][0])
    name = images.name(registry.image(f"docker.io/x/keystone@{pinned}").reference)
    assert not name.tag
    assert name.digest != pinned


def test_image_rejects_a_reference_that_is_not_served(registry: FaultyRegistry) -> None:
    with pytest.raises(SuiteError, match=r"answered 404 for run/r1/docker\.io/x/nova 1\.0\.0"):
        registry.image("docker.io/x/nova:1.0.0")


@pytest.mark.parametrize("kind", KINDS)
def test_variant_has_one_more_layer_with_matching_digests(
    kind: str, registry: FaultyRegistry, store: Store, docker: FakeDocker
) -> None:
    served(store, kind)
    node = Node(docker=docker, image=registry.image(REFERENCE))
    answer = node.ask("manifests", node.digest)
    assert digest(answer.body) == node.digest
    manifest, original = json.loads(answer.body), json.loads(store.manifests[SOURCE, "1.0.0"][0])
    assert answer.headers["content-type"] == manifest["mediaType"] == KINDS[kind][0]
    assert manifest["layers"][:-1] == original["layers"]
    assert manifest["annotations"] == original["annotations"]
    layer = manifest["layers"][-1]
    assert layer["mediaType"] == KINDS[kind][3]
    packed = node.ask("blobs", layer["digest"]).body
    assert (digest(packed), len(packed)) == (layer["digest"], layer["size"])
    plain = zstandard.decompress(packed) if kind == "zstd" else gzip.decompress(packed)
    config = json.loads(node.ask("blobs", manifest["config"]["digest"]).body)
    assert config["rootfs"]["diff_ids"] == [*CONFIG["rootfs"]["diff_ids"], digest(plain)]  # type: ignore[index]
    assert len(config["history"]) == len(config["rootfs"]["diff_ids"])
    assert config["config"] == CONFIG["config"]
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        (entry,) = archive.getmembers()
    assert (entry.size, entry.isfile(), entry.mode) == (2**20, True, 0o644)
    assert re.fullmatch(r"\.osh-conformance-[0-9a-f]{16}", entry.name)
    assert layer["size"] > entry.size


@pytest.mark.parametrize("kind", KINDS)
def test_variant_keeps_the_packaging_format_of_its_image(kind: str, registry: FaultyRegistry, store: Store) -> None:
    served(store, kind, index=True)
    image = registry.image(REFERENCE)
    manifest, index, _, layer = KINDS[kind]
    assert image.media_types == (index, manifest, layer)
    assert len(image.digests) == 2
    assert image.reference.endswith(f"@{image.digests[0]}")
    repository = f"{AREA}/{images.name(image.reference).repository}"
    (entry,) = json.loads(store.manifests[repository, image.digests[0]][0])["manifests"]
    assert entry["digest"] == image.digests[1]
    assert entry["platform"]["architecture"] != "unknown"


def test_image_without_an_index_has_one_digest(image: FaultyImage) -> None:
    assert image.digests == (images.name(image.reference).digest,)
    assert image.media_types == (DOCKER_MANIFEST, DOCKER_LAYER)


def test_variant_adds_no_history_to_a_configuration_without_one(
    registry: FaultyRegistry, store: Store, docker: FakeDocker
) -> None:
    served(store, config={name: value for name, value in CONFIG.items() if name != "history"})
    node = Node(docker=docker, image=registry.image(REFERENCE))
    assert "history" not in json.loads(node.ask("blobs", node.manifest()["config"]["digest"]).body)


def test_variant_rejects_an_unknown_layer_type(
    registry: FaultyRegistry, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "docker", (*KINDS["docker"][:3], "application/x-lzma"))
    served(store)
    with pytest.raises(SuiteError, match="cannot add a layer of media type application/x-lzma"):
        registry.image(REFERENCE)


def test_image_may_be_called_from_several_threads(registry: FaultyRegistry) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(registry.image, [REFERENCE] * 8))
    assert len({image.reference for image in made}) == 8


# --------------------------------------------------------------- the answers


@pytest.mark.parametrize(
    ("how", "codes", "status"),
    [
        ("404", ("MANIFEST_UNKNOWN", "BLOB_UNKNOWN"), 404),
        ("429", ("TOOMANYREQUESTS", "TOOMANYREQUESTS"), 429),
        ("500", ("UNKNOWN", "UNKNOWN"), 500),
    ],
)
def test_refusal_looks_like_that_of_a_registry(
    how: str, codes: tuple[str, str], status: int, node: Node, store: Store
) -> None:
    node.image.answer(how)
    store.asked.clear()
    for kind, code in zip(("manifests", "blobs"), codes, strict=True):
        answer = node.ask(kind, node.digest)
        assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
        assert [each["code"] for each in json.loads(answer.body)["errors"]] == [code]
        assert ("retry-after" in answer.headers) is (how == "429")
    assert node.ask("manifests", node.digest, "HEAD").status == status
    assert store.asked == []


def test_answer_rejects_an_unknown_answer(image: FaultyImage) -> None:
    with pytest.raises(ValueError, match="'418' is not among the answers"):
        image.answer("418")


def test_cut_layer_announces_its_size_and_ends_at_its_middle(node: Node) -> None:
    node.image.answer("cut")
    layer = node.layer
    answer = node.ask("blobs", layer["digest"])
    assert (answer.status, answer.whole) == (200, False)
    assert int(answer.headers["content-length"]) == layer["size"]
    assert len(answer.body) == layer["size"] // 2


def test_cut_image_serves_its_other_blobs_whole(node: Node) -> None:
    node.image.answer("cut")
    manifest = node.manifest()
    for part in (manifest["config"], *manifest["layers"][:-1]):
        assert digest(node.ask("blobs", part["digest"]).body) == part["digest"]
    assert node.ask("blobs", node.layer["digest"], "HEAD").status == 200


@pytest.mark.parametrize(("before", "given"), [(1000, 1000), (0, 0), (-1000, 0)])
def test_cut_layer_sends_nothing_beyond_its_middle_on_resume(node: Node, before: int, given: int) -> None:
    layer = node.layer
    node.image.answer("cut")
    start = layer["size"] // 2 - before
    answer = node.ask("blobs", layer["digest"], Range=f"bytes={start}-")
    assert (answer.status, answer.whole, len(answer.body)) == (206, False, given)
    assert int(answer.headers["content-length"]) == layer["size"] - start


def test_cut_layer_sends_a_part_before_its_middle_whole(node: Node) -> None:
    layer = node.layer
    node.image.answer("cut")
    answer = node.ask("blobs", layer["digest"], Range="bytes=10-19")
    assert (answer.status, answer.whole, len(answer.body)) == (206, True, 10)


def test_cut_layer_is_never_complete_after_many_resumes(node: Node) -> None:
    size = node.layer["size"]
    node.image.answer("cut")
    assert len(node.resumed()) == size // 2


def test_cut_layer_can_be_resumed_after_its_repair(node: Node) -> None:
    layer = node.layer
    node.image.answer("cut")
    first = node.ask("blobs", layer["digest"]).body
    node.image.answer("")
    rest = node.ask("blobs", layer["digest"], Range=f"bytes={len(first)}-")
    assert (rest.status, rest.whole) == (206, True)
    assert digest(first + rest.body) == layer["digest"]


@pytest.mark.parametrize("how", registry_proxy.ANSWERS)
def test_repaired_image_is_served_whole(how: str, node: Node) -> None:
    node.image.answer(how)
    node.ask("manifests", node.digest)
    node.image.answer("")
    assert digest(node.resumed()) == node.layer["digest"]


def test_each_image_has_a_separate_answer(registry: FaultyRegistry, docker: FakeDocker) -> None:
    nodes = {how: Node(docker=docker, image=registry.image(REFERENCE)) for how in registry_proxy.ANSWERS}
    for how, node in nodes.items():
        node.image.answer(how)
    with ThreadPoolExecutor(len(nodes)) as pool:
        found = list(pool.map(lambda node: node.ask("manifests", node.digest).status, nodes.values()))
    assert found == [404, 429, 500, 200, 200]


# --------------------------------------------------------- what is passed on


def test_proxy_forwards_a_request_with_the_nodes_headers(node: Node, store: Store) -> None:
    store.asked.clear()
    node.ask("manifests", node.digest, "HEAD", Accept=OCI_MANIFEST, Range="bytes=0-")
    (asked,) = store.asked
    repository = images.name(node.image.reference).repository
    assert (asked.method, asked.path) == ("HEAD", f"/v2/{AREA}/{repository}/manifests/{node.digest}?ns={node.host}")
    assert {"User-Agent": AGENT, "Accept": OCI_MANIFEST, "Range": "bytes=0-"}.items() <= asked.headers.items()
    assert asked.headers["Host"] != store.endpoint


def test_proxy_forwards_the_registrys_response(node: Node) -> None:
    answer = node.ask("blobs", "sha256:" + "0" * 64)
    assert (answer.status, answer.body) == (404, b"{}")
    answer = node.ask("manifests", node.digest)
    assert answer.headers["docker-content-digest"] == node.digest


def test_proxy_forwards_only_pulls(node: Node, store: Store) -> None:
    before = dict(store.manifests)
    assert node.ask("manifests", "2.0.0", "PUT").status == 501
    assert store.manifests == before


def test_proxy_answers_502_if_the_registry_is_gone(
    docker: FakeDocker, store: Store, cluster: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    served(store)
    with FaultyRegistry(cluster) as registry:
        node = Node(docker=docker, image=registry.image(REFERENCE))
        store.shutdown()
        store.server_close()
        assert node.ask("manifests", node.digest).status == 502
    assert capfd.readouterr() == ("", "")


def test_proxy_ignores_a_node_that_disconnects(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    connection, path = node.connected()
    connection.request("GET", f"{path}/blobs/{node.layer['digest']}")
    # This resets the connection before anything is read.
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    assert digest(node.resumed()) == node.layer["digest"]
    assert capfd.readouterr() == ("", "")


def test_proxy_ignores_an_invalid_request(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    connection, _ = node.connected()
    with contextlib.closing(connection):
        connection.connect()
        connection.sock.sendall(b"nonsense\r\n\r\n")
        assert b"400" in connection.sock.makefile("rb").read()
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------- beginning and ending


def test_proxy_configures_every_node_and_undoes_it_at_the_end(docker: FakeDocker, cluster: Cluster) -> None:
    with FaultyRegistry(cluster) as registry:
        assert docker.asked == [cluster.name]
        assert set(docker.hosts) == {(node, registry._host) for node in NODES}
        for told in docker.hosts.values():
            url = rf"http://127\.0\.0\.1:\d+/v2/{AREA}/{re.escape(registry._host)}"
            assert re.fullmatch(url, told["server"])
            assert told["override_path"] is True
    assert docker.hosts == {}


def test_proxy_leaves_no_thread_and_no_port(docker: FakeDocker, store: Store, cluster: Cluster) -> None:
    served(store)
    before = set(threading.enumerate())
    with FaultyRegistry(cluster) as registry:
        connection, _ = Node(docker=docker, image=registry.image(REFERENCE)).connected()
    with pytest.raises(ConnectionRefusedError):
        connection.connect()
    assert set(threading.enumerate()) - before <= set(store._threads)  # type: ignore[attr-defined]


def test_proxy_ends_without_waiting_for_open_connections(docker: FakeDocker, store: Store, cluster: Cluster) -> None:
    served(store)
    with contextlib.ExitStack() as stack:
        with FaultyRegistry(cluster) as registry:
            node = Node(docker=docker, image=registry.image(REFERENCE))
            (idle, _), (waiting, path) = node.connected(), node.connected()
            for connection in (idle, waiting):
                stack.enter_context(contextlib.closing(connection))
            idle.connect()
            store.asked.clear()
            store.held.clear()
            waiting.request("GET", f"{path}/manifests/{node.digest}")
            while not store.asked:
                time.sleep(0.01)
            started = time.monotonic()
        assert time.monotonic() - started < 5


def test_proxy_reports_a_node_that_cannot_reach_this_machine(docker: FakeDocker, cluster: Cluster) -> None:
    docker.deaf = (NODES[1],)
    with pytest.raises(SuiteError, match=r"node node-2 cannot reach this machine at 127\.0\.0\.1:\d+") as raised:
        FaultyRegistry(cluster).__enter__()
    assert "firewall" in raised.value.fix
    assert docker.hosts == {}
    assert not [each for each in threading.enumerate() if each.name == "faulty-registry"]


def test_proxy_reports_a_docker_engine_on_another_machine(docker: FakeDocker, cluster: Cluster) -> None:
    docker.networks = [{"Gateway": "192.0.2.1"}]  # reserved for documentation, so no machine has it
    with pytest.raises(SuiteError, match=r"this machine cannot listen at 192\.0\.2\.1"):
        FaultyRegistry(cluster).__enter__()


@pytest.mark.parametrize("networks", [None, [], [{"Gateway": "fc00::1"}], [{"Subnet": "10.0.0.0/8"}]])
def test_proxy_reports_a_network_without_an_ipv4_gateway(networks: Any, docker: FakeDocker, cluster: Cluster) -> None:
    docker.networks = networks
    with pytest.raises(SuiteError, match="network osh-conformance-r1 has no IPv4 gateway"):
        FaultyRegistry(cluster).__enter__()


def test_proxy_accepts_a_gateway_with_a_prefix_length(docker: FakeDocker, cluster: Cluster) -> None:
    docker.networks = [{"Gateway": "127.0.0.1/16"}]
    with FaultyRegistry(cluster):
        assert docker.hosts


def test_proxy_rejects_a_cluster_without_the_runs_registry(docker: FakeDocker) -> None:
    with pytest.raises(SuiteError, match="its nodes do not pull from a registry of this run"):
        FaultyRegistry(cluster_of(docker, None)).__enter__()
