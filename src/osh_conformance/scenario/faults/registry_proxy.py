"""Pulls of single images that fail as registries fail, until they are told to succeed."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import http.server
import io
import ipaddress
import json
import re
import secrets
import socket
import socketserver
import sys
import tarfile
import threading
import urllib.parse
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from osh_conformance.errors import SuiteError
from osh_conformance.provision.gc_nodes import OWN_HOSTS
from osh_conformance.registry import containerd, images
from osh_conformance.registry.client import AGENT, platform_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Self

    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.provision.docker import Docker
    from osh_conformance.registry.client import RegistryClient
    from osh_conformance.registry.manifest import Manifest
    from osh_conformance.registry.server import Registry

#: An added layer that ends midway, again and again.
CUT: Final = "cut"
_REFUSALS: Final = {
    "404": HTTPStatus.NOT_FOUND,
    "429": HTTPStatus.TOO_MANY_REQUESTS,
    "500": HTTPStatus.INTERNAL_SERVER_ERROR,
}
#: What an image may be told to answer with; "" is as a registry should.
ANSWERS: Final = (*_REFUSALS, CUT, "")

_PATH = re.compile(r"/v2/(?P<repository>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")
_RANGE = re.compile(r"bytes (?P<start>\d+)-")
#: Those that are between two neighbours, and no other's to pass on.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_PIECE = 64 * 1024
#: Bytes of an added layer: enough that a client has some of it before it ends.
_LAYER = 1024 * 1024
#: Seconds without a byte, of a node or of the registry.
_SILENCE = 120.0
#: Seconds between two looks at whether to stop: a pull must not wait for it, nor the end of a run.
_LOOK = 0.05
_PROBE = 10
#: Bash knows this kind of file by itself. With an agent of ours, the request is none of a node's.
_ASK = (
    'exec 3<>"/dev/tcp/$0/$1" && '
    rf"printf 'GET /v2/ HTTP/1.1\r\nHost: probe\r\nUser-Agent: {AGENT}\r\n\r\n' >&3 && "
    'read -r status <&3 && echo "$status"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyImage:
    """An image whose pull can be made to fail.

    `reference` is spelled out and pinned, and no node has it; `digests` and `media_types` are those of its manifests
    and layers, as `Registry` tells them.
    """

    reference: str
    digests: tuple[str, ...]
    media_types: tuple[str, ...]
    _fault: PullFault = field(repr=False, compare=False)

    def answer(self, how: str) -> None:
        """Answer all pulls by one of `ANSWERS`, from the next request on; raises `ValueError` for any other."""
        if how not in ANSWERS:
            raise ValueError(f"{how!r} is no answer of a registry: {', '.join(map(repr, ANSWERS))}")
        self._fault.how = how

    @property
    def failed(self) -> int:
        """How many requests failed so far, because they were told to."""
        return self._fault.failed


class FaultyRegistry:
    """Between the nodes and the registry of a run: passes requests on, but for repositories that are told to fail.

    It has a host of its own, which the nodes look for at the address that this machine has in the cluster's network.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._host = f"faulty-{secrets.token_hex(4)}{OWN_HOSTS}"
        self._faults: dict[str, PullFault] = {}
        self._left = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Serve. Raises `SuiteError` where a node cannot reach a port of this machine, with the address tried."""
        registry, engine = self._own()
        nodes = self._cluster.nodes
        gateway = _gateway(engine, self._cluster.name)
        with contextlib.ExitStack() as stack:
            port = stack.enter_context(_serving(gateway, registry.push_endpoint, self._faults))
            for node in nodes:
                self._probe(node, gateway, port)
            stack.callback(containerd.forget, engine, nodes, [self._host])
            containerd.point(engine, nodes, f"http://{gateway}:{port}/v2/{registry.area}", [self._host])
            self._left = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.close()

    def image(self, reference: str) -> FaultyImage:
        """An image like `reference`, which the registry of the run serves, with one more layer; threads may ask.

        It is served properly until told otherwise. Raises `SuiteError` where the registry does not serve `reference`.
        """
        registry, _ = self._own()
        asked = images.name(reference)
        # A path of its own, since two images may be made of one.
        given = images.Name(host=self._host, path=f"{secrets.token_hex(4)}/{asked.path}", tag=asked.tag, digest="")
        source, target = (f"{registry.area}/{name.repository}" for name in (asked, given))
        variant = _Variant(contents=registry.contents, source=source, target=target)
        pinned = f"{given.canonical}@{variant.write(asked.wanted, given.tag)}"
        fault = PullFault(layer=variant.layer, size=variant.size)
        self._faults[target] = fault
        return FaultyImage(
            reference=pinned,
            digests=registry.resolve(pinned),
            media_types=registry.media_types(pinned),
            _fault=fault,
        )

    def _own(self) -> tuple[Registry, Docker]:
        registry, engine = self._cluster.registry, self._cluster.engine
        if registry is None or engine is None:
            raise SuiteError(f"cluster {self._cluster.name}: its nodes pull from no registry of this run")
        return registry, engine

    def _probe(self, node: str, gateway: str, port: int) -> None:
        words = ("timeout", str(_PROBE), "bash", "-c", _ASK, gateway, str(port))
        outcome = self._cluster.node_exec(node, *words, check=False)
        if f" {HTTPStatus.OK:d} " not in outcome.stdout:
            raise SuiteError(
                f"node {node} cannot reach this machine at {gateway}:{port}",
                expected="an answer from there, which a pull that fails on demand needs",
                fix="let this machine's firewall accept it, or use a Docker engine that runs on this machine itself",
                details=outcome.tail or f"no answer within {_PROBE} s",
            )


@dataclass(slots=True, kw_only=True)
class PullFault:
    """How a repository answers. `layer` is the digest of the added layer, `size` its bytes."""

    layer: str
    size: int
    how: str = ""
    failed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> None:
        with self._lock:
            self.failed += 1


class _Variant:
    """A copy of an image of repository `source` in `target`, with one more layer that nobody has."""

    def __init__(self, *, contents: RegistryClient, source: str, target: str) -> None:
        self._contents = contents
        self._source = source
        self._target = target
        self._tar = _tar(f".{AGENT}-{secrets.token_hex(8)}", secrets.token_bytes(_LAYER))
        self.layer = ""
        self.size = 0

    def write(self, reference: str, tag: str) -> str:
        """Store it under `tag`, by its digest alone where that is empty; return the digest."""
        found = self._contents.manifest(self._source, reference)
        if not found.children:
            return self._manifest(found, tag)
        # The others' layers are nothing that a node here would ever ask for.
        entry = platform_entry(found, self._source, reference)
        inner = self._contents.manifest(self._source, entry["digest"])
        digest = self._manifest(inner, "")
        size = len(self._contents.manifest(self._target, digest).body)
        return self._put(found, {"manifests": [{**entry, "digest": digest, "size": size}]}, tag)

    def _manifest(self, original: Manifest, tag: str) -> str:
        content = original.content
        added = self._layer(content["layers"])
        for layer in dict.fromkeys(each["digest"] for each in content["layers"]):
            self._contents.mount(layer, self._source, self._target)
        config = self._config(content["config"])
        return self._put(original, {"config": config, "layers": [*content["layers"], added]}, tag)

    def _layer(self, others: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        # As the layers before it: an image in a packaging format has no layer of another.
        media_type = others[-1]["mediaType"]
        packed = _packed(self._tar, media_type)
        descriptor = self._blob(packed, {"mediaType": media_type})
        self.layer, self.size = descriptor["digest"], descriptor["size"]
        return descriptor

    def _config(self, descriptor: Mapping[str, Any]) -> Mapping[str, Any]:
        config = json.loads(self._contents.blob(self._source, descriptor["digest"]))
        config["rootfs"]["diff_ids"].append(_digest(self._tar))
        # Either every layer has an entry there, or none.
        if config.get("history"):
            config["history"].append({"created_by": f"{AGENT}: a layer that nobody has"})
        return self._blob(_encoded(config), descriptor)

    def _blob(self, content: bytes, like: Mapping[str, Any]) -> Mapping[str, Any]:
        digest = _digest(content)
        self._contents.put_blob(self._target, digest, content, len(content))
        return {"mediaType": like["mediaType"], "size": len(content), "digest": digest}

    def _put(self, original: Manifest, changed: Mapping[str, Any], tag: str) -> str:
        body = _encoded({**original.content, **changed})
        return self._contents.put_manifest(self._target, tag or _digest(body), body, original.media_type)


def _tar(name: str, content: bytes) -> bytes:
    """An archive of one file at the root, where it is in nobody's way."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def _packed(tar: bytes, media_type: str) -> bytes:
    if media_type.endswith("gzip"):
        return gzip.compress(tar, mtime=0)
    if media_type.endswith("zstd"):
        # Only in the extra `live`, and only for this format.
        import zstandard  # noqa: PLC0415

        return zstandard.ZstdCompressor().compress(tar)
    raise SuiteError(f"an image with a layer of media type {media_type} gets no layer more", expected="gzip or zstd")


def _encoded(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _gateway(engine: Docker, network: str) -> str:
    """The IPv4 address that this machine has in a network of the engine; raises `SuiteError` without one."""
    listed = engine.run("network", "inspect", network, "--format", "{{json .IPAM.Config}}").stdout
    for entry in json.loads(listed) or ():
        with contextlib.suppress(ValueError):
            return str(ipaddress.IPv4Address(entry.get("Gateway", "").partition("/")[0]))
    raise SuiteError(
        f"the engine's network {network} has no IPv4 gateway by which nodes reach this machine", details=listed
    )


@contextlib.contextmanager
def _serving(address: str, upstream: str, faults: Mapping[str, PullFault]) -> Iterator[int]:
    """A server for the body of a `with`; gives its port."""
    try:
        server = _Server(address, upstream, faults)
    except OSError as error:
        raise SuiteError(
            f"this machine has no port at {address}, where nodes would look for it: {error.strerror}",
            expected="the address of the cluster's network on this machine",
            fix="use a Docker engine that runs on this machine itself, as root",
        ) from error
    thread = threading.Thread(target=server.serve_forever, args=[_LOOK], name="faulty-registry", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.stop()
        thread.join()


class _Server(http.server.ThreadingHTTPServer):
    """Passes requests on to `upstream` (host and port). `faults`: by repository."""

    # Else their end is not waited for.
    daemon_threads = False

    def __init__(self, address: str, upstream: str, faults: Mapping[str, PullFault]) -> None:
        self.upstream = upstream
        self.faults = faults
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._stopping = False
        super().__init__((address, 0), _Handler)

    def server_bind(self) -> None:
        """Bind without asking for the name of the address, which takes long where no name server answers."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Handle the requests of a connection."""
        with self.tracked(request):
            super().finish_request(request, client_address)

    @contextlib.contextmanager
    def tracked(self, connection: socket.socket) -> Iterator[None]:
        """Let `stop` end this connection, while the body uses it."""
        with self._lock:
            self._open.add(connection)
            if self._stopping:
                _end(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def stop(self) -> None:
        """End all connections, and wait until nobody is left."""
        self.shutdown()
        with self._lock:
            self._stopping = True
            for connection in self._open:
                _end(connection)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that end: nodes give up, and the registry may. The rest would be an error here."""
        if not isinstance(sys.exception(), (OSError, http.client.HTTPException)):
            super().handle_error(request, client_address)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request for each connection: how it ends says all of an answer's length that its headers may not."""

    protocol_version = "HTTP/1.1"
    timeout = _SILENCE
    server: _Server

    def do_GET(self) -> None:
        asked = _PATH.fullmatch(urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))
        fault = self.server.faults.get(asked["repository"]) if asked else None
        if asked is None or fault is None:
            self._pass_on(self._copy)
        elif fault.how in _REFUSALS:
            fault.count()
            self._refuse(_REFUSALS[fault.how], asked["kind"])
        elif fault.how == CUT and asked["reference"] == fault.layer and self.command == "GET":
            self._pass_on(lambda answer: self._cut(answer, fault))
        else:
            self._pass_on(self._copy)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing: what nodes ask for is in the registry's log."""

    def _pass_on(self, give: Callable[[http.client.HTTPResponse], None]) -> None:
        host, _, port = self.server.upstream.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=_SILENCE)
        with contextlib.closing(connection), contextlib.ExitStack() as stack:
            try:
                connection.connect()
                stack.enter_context(self.server.tracked(connection.sock))
                answer = stack.enter_context(self._asked(connection))
            except (OSError, http.client.HTTPException) as error:
                self._error(HTTPStatus.BAD_GATEWAY, "UNAVAILABLE", f"{self.server.upstream}: {error}")
                return
            give(answer)

    def _asked(self, connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse()

    def _copy(self, answer: http.client.HTTPResponse) -> None:
        self._begin(answer.status, answer.reason, answer.getheaders())
        while piece := answer.read(_PIECE):
            self.wfile.write(piece)

    def _cut(self, answer: http.client.HTTPResponse, fault: PullFault) -> None:
        """Give no byte beyond the layer's half, of an answer that announces more."""
        part = _RANGE.match(answer.getheader("Content-Range", ""))
        allowed = max(0, fault.size // 2 - (int(part["start"]) if part else 0))
        if answer.length is not None and answer.length <= allowed:
            self._copy(answer)
            return
        fault.count()
        self._begin(answer.status, answer.reason, answer.getheaders())
        self.wfile.write(answer.read(allowed))

    def _refuse(self, status: HTTPStatus, kind: str) -> None:
        codes = {
            HTTPStatus.NOT_FOUND: f"{kind.removesuffix('s').upper()}_UNKNOWN",
            HTTPStatus.TOO_MANY_REQUESTS: "TOOMANYREQUESTS",
        }
        self._error(status, codes.get(status, "UNKNOWN"), status.phrase)

    def _error(self, status: HTTPStatus, code: str, message: str) -> None:
        body = _encoded({"errors": [{"code": code, "message": message}]})
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        headers += [("Retry-After", "1")] if status is HTTPStatus.TOO_MANY_REQUESTS else []
        self._begin(status, status.phrase, headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _begin(self, status: int, reason: str, headers: Sequence[tuple[str, str]]) -> None:
        self.send_response_only(status, reason)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        # It also makes the handler end with this request.
        self.send_header("Connection", "close")
        self.end_headers()
