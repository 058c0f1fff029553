"""A container registry in this process: what clients, pulls and copies need of its HTTP API, in memory."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import json
import platform
import re
import socketserver
import threading
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.registry.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTypes:
    """The media types of an image and of an index that lists it."""

    manifest: str
    index: str
    config: str
    layer: str


_DOCKER = "application/vnd.docker."
_OCI = "application/vnd.oci.image."
DOCKER = ImageTypes(
    manifest=DOCKER_MANIFEST,
    index=DOCKER_LIST,
    config=f"{_DOCKER}container.image.v1+json",
    layer=f"{_DOCKER}image.rootfs.diff.tar.gzip",
)
OCI = ImageTypes(
    manifest=OCI_MANIFEST, index=OCI_INDEX, config=f"{_OCI}config.v1+json", layer=f"{_OCI}layer.v1.tar+gzip"
)
OCI_ZSTD = ImageTypes(manifest=OCI_MANIFEST, index=OCI_INDEX, config=OCI.config, layer=f"{_OCI}layer.v1.tar+zstd")
CONFIG: Mapping[str, Any] = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"User": "42424", "Labels": {"from": "a recipe"}},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]},
    "history": [{"created_by": "a recipe"}],
}
#: What the layers of an image unpack to.
UNPACKED = (b"usr/bin/keystone" * 9999, b"etc/passwd")
LAYERS = tuple(gzip.compress(content, mtime=0) for content in UNPACKED)
#: Among the platforms of an index is that of any machine on which the tests run.
_ARCHITECTURES = ("s390x", *dict.fromkeys(("amd64", "arm64", platform.machine())))


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One GET or HEAD request. `path` includes the query."""

    method: str
    path: str
    headers: Mapping[str, str]


class FakeRegistry(http.server.ThreadingHTTPServer):
    """The registry at `endpoint` (host and port, plain HTTP).

    As a real one, it accepts only blobs that match their digest, and manifests whose parts are all there. `blobs` and
    `manifests` are keyed by repository, and by digest or tag. It answers while `answering` is set.
    """

    daemon_threads = False
    thread_name = "fake-registry"

    def __init__(self) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.requests: list[Request] = []
        self.answering = threading.Event()
        self.answering.set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would ask for the name of the address, which takes long without a name server.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        threading.current_thread().name = self.thread_name
        super().process_request_thread(request, client_address)

    def handle_error(self, *_: object) -> None:
        """Print nothing when a client closes its connection early."""

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def push(
        self,
        repository: str,
        tag: str,
        *,
        types: ImageTypes = DOCKER,
        config: Mapping[str, Any] = CONFIG,
        layers: Sequence[bytes] = LAYERS,
    ) -> str:
        """Store an image under a tag; return its digest."""
        body = {
            "schemaVersion": 2,
            "mediaType": types.manifest,
            "config": self._blob(repository, json.dumps(config).encode(), types.config),
            "layers": [self._blob(repository, layer, types.layer) for layer in layers],
            "annotations": {"from": "a recipe"},
        }
        return self._manifest(repository, tag, body)

    def push_index(
        self,
        repository: str,
        tag: str,
        *,
        types: ImageTypes = DOCKER,
        architectures: Sequence[str] = _ARCHITECTURES,
    ) -> str:
        """Store an image, and under the tag an index that lists it once for each architecture; return its digest."""
        image = self.push(repository, tag, types=types)
        entry = {"mediaType": types.manifest, "size": len(self.manifests[repository, image][0]), "digest": image}
        listed = [{**entry, "platform": {"os": "linux", "architecture": each}} for each in architectures]
        return self._manifest(repository, tag, {"schemaVersion": 2, "mediaType": types.index, "manifests": listed})

    def _blob(self, repository: str, content: bytes, media_type: str) -> Mapping[str, Any]:
        self.blobs[repository, digest(content)] = content
        return {"mediaType": media_type, "size": len(content), "digest": digest(content)}

    def _manifest(self, repository: str, tag: str, content: Mapping[str, Any]) -> str:
        body = json.dumps(content).encode()
        for reference in (tag, digest(body)):
            self.manifests[repository, reference] = (body, str(content["mediaType"]))
        return digest(body)

    def is_complete(self, repository: str, body: bytes, media_type: str) -> bool:
        """Whether a manifest has the media type that it names, and all of its parts are in the repository."""
        content = json.loads(body)
        parts = [content["config"], *content["layers"]] if "config" in content else []
        return (
            content["mediaType"] == media_type
            and all(len(self.blobs.get((repository, part["digest"]), b"")) == part["size"] for part in parts)
            and all(self._lists(repository, entry) for entry in content.get("manifests", ()))
        )

    def _lists(self, repository: str, entry: Mapping[str, Any]) -> bool:
        body, media_type = self.manifests.get((repository, entry["digest"]), (b"", ""))
        return (len(body), media_type) == (entry["size"], entry["mediaType"])


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request for each connection."""

    protocol_version = "HTTP/1.1"
    server: FakeRegistry

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def handle_one_request(self) -> None:
        super().handle_one_request()
        self.close_connection = True

    def do_GET(self) -> None:
        self.server.requests.append(Request(method=self.command, path=self.path, headers=dict(self.headers)))
        self.server.answering.wait(10)
        match = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", urllib.parse.urlsplit(self.path).path)
        if match is None:
            self._answer(200 if self.path == "/v2/" else 404)
            return
        key = (match[1], urllib.parse.unquote(match[3]))
        if match[2] == "manifests" and key in self.server.manifests:
            body, media_type = self.server.manifests[key]
            self._answer(200, body, Content_Type=media_type, Docker_Content_Digest=digest(body))
        elif match[2] == "blobs" and key in self.server.blobs:
            self._give(self.server.blobs[key])
        else:
            self._answer(404, b"{}")

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        repository = url.path.removeprefix("/v2/").removesuffix("/blobs/uploads/")
        query = urllib.parse.parse_qs(url.query)
        if "mount" not in query:
            self._answer(202, Location=f"http://anywhere/v2/{repository}/blobs/uploads/1")
            return
        mounted = self.server.blobs.get((query["from"][0], query["mount"][0]))
        if mounted is not None:
            self.server.blobs[repository, query["mount"][0]] = mounted
        self._answer(201 if mounted is not None else 404)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        url = urllib.parse.urlsplit(self.path)
        if url.query:
            self._put_blob(url, body)
        else:
            self._put_manifest(url, body)

    def _put_blob(self, url: urllib.parse.SplitResult, body: bytes) -> None:
        promised = urllib.parse.parse_qs(url.query)["digest"][0]
        matches = promised == digest(body)
        if matches:
            self.server.blobs[url.path.removeprefix("/v2/").removesuffix("/blobs/uploads/1"), promised] = body
        self._answer(201 if matches else 400)

    def _put_manifest(self, url: urllib.parse.SplitResult, body: bytes) -> None:
        repository, _, reference = url.path.removeprefix("/v2/").rpartition("/manifests/")
        media_type = self.headers["Content-Type"]
        complete = self.server.is_complete(repository, body, media_type)
        if complete:
            for each in (reference, digest(body)):
                self.server.manifests[repository, each] = (body, media_type)
        self._answer(201 if complete else 400)

    def _give(self, body: bytes) -> None:
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if part is None:
            self._answer(200, body)
            return
        start, end = int(part[1]), int(part[2] or len(body) - 1)
        self._answer(206, body[start : end + 1], Content_Range=f"bytes {start}-{end}/{len(body)}")

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextlib.contextmanager
def serving() -> Iterator[FakeRegistry]:
    """Serve an empty registry for the body of a `with`."""
    server = FakeRegistry()
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield server
    finally:
        server.answering.set()
        server.shutdown()
        server.server_close()
        thread.join()
