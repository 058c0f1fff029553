"""A proxy in front of the run's registry, which makes pulls of single images fail as real registries do.

It can also demand a login for an image.
"""

from __future__ import annotations

import contextlib
import hmac
import http.client
import http.server
import ipaddress
import json
import re
import secrets
import socket
import socketserver
import sys
import threading
import urllib.parse
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from osh_conformance.errors import SuiteError
from osh_conformance.model.scenario import PullAnswer
from osh_conformance.provision.gc_nodes import OWN_HOSTS
from osh_conformance.registry import containerd, images
from osh_conformance.registry.added_layer import add_layer
from osh_conformance.registry.client import AGENT
from osh_conformance.registry.writer import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Self

    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.provision.docker import Docker
    from osh_conformance.registry.server import Registry

#: The answers that refuse a pull. `TRUNCATED` instead ends each download of the added layer at its middle.
_REFUSALS: Final[Mapping[str, HTTPStatus]] = {
    PullAnswer.NOT_FOUND: HTTPStatus.NOT_FOUND,
    PullAnswer.TOO_MANY_REQUESTS: HTTPStatus.TOO_MANY_REQUESTS,
    PullAnswer.SERVER_ERROR: HTTPStatus.INTERNAL_SERVER_ERROR,
}
#: The possible answers for an image; "" is the normal one.
ANSWERS: Final = (*map(str, PullAnswer), "")

_PATH = re.compile(r"/v2/(?P<repository>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")
_RANGE = re.compile(r"bytes (?P<start>\d+)-")
#: Headers between two neighbours, which a proxy must not forward.
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
#: Seconds without a byte from a node or the registry.
_SILENCE = 120.0
#: Seconds between two checks whether to stop. Short, because the end of a run waits for it.
_LOOK = 0.05
_PROBE = 10
#: Bash opens such a file by itself. The user agent is ours, so the log does not count it as a node's request.
_ASK = (
    'exec 3<>"/dev/tcp/$0/$1" && '
    rf"printf 'GET /v2/ HTTP/1.1\r\nHost: probe\r\nUser-Agent: {AGENT}\r\n\r\n' >&3 && "
    'read -r status <&3 && echo "$status"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyImage:
    """An image whose pull can be made to fail.

    `reference` is full and pinned, and no node has the image. `digests` and `media_types` are those of its manifests
    and layers, as `Registry` returns them.
    """

    reference: str
    digests: tuple[str, ...]
    media_types: tuple[str, ...]
    _fault: PullFault = field(repr=False, compare=False)

    def answer(self, how: str) -> None:
        """Answer all pulls with one of `ANSWERS`, from the next request on; raises `ValueError` for any other text."""
        if how not in ANSWERS:
            raise ValueError(f"{how!r} is not among the answers {', '.join(map(repr, ANSWERS))}")
        self._fault.how = how


class FaultyRegistry:
    """Forwards the nodes' requests to the registry of a run, except for repositories that must fail.

    It has its own registry host name. The nodes find it at this machine's address in the cluster's network.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._host = f"faulty-{secrets.token_hex(4)}{OWN_HOSTS}"
        self._faults: dict[str, PullFault] = {}
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Serve. Raises `SuiteError`, with the address, if a node cannot reach a port of this machine."""
        registry, docker = self._parts()
        nodes = self._cluster.nodes
        gateway = _gateway(docker, self._cluster.name)
        with contextlib.ExitStack() as stack:
            port = stack.enter_context(_serving(gateway, registry.push_endpoint, self._faults))
            for node in nodes:
                self._probe(node, gateway, port)
            stack.callback(containerd.unset_mirror, docker, nodes, [self._host])
            containerd.set_mirror(docker, nodes, f"http://{gateway}:{port}/v2/{registry.area}", [self._host])
            self._open = stack.pop_all()
        return self

    @property
    def host(self) -> str:
        """The registry host in the references of its images."""
        return self._host

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def image(self, reference: str, authorization: str = "") -> FaultyImage:
        """Return an image like `reference`, with one more layer. Several threads may call this.

        It is served normally until `answer` changes that, but only to clients that log in with `authorization`
        (`user:password` in base64), unless that is "". Raises `SuiteError` if the run's registry does not serve
        `reference`.
        """
        registry, _ = self._parts()
        requested = images.name(reference)
        # A separate path, because one image may be copied twice.
        copied = images.Name(
            host=self._host, path=f"{secrets.token_hex(4)}/{requested.path}", tag=requested.tag, digest=""
        )
        source, target = (f"{registry.area}/{name.repository}" for name in (requested, copied))
        variant = add_layer(registry.client, source, requested.digest_or_tag, target, copied.tag)
        pinned = f"{copied.canonical}@{variant.digest}"
        fault = PullFault(layer=variant.layer, size=variant.size, authorization=authorization)
        self._faults[target] = fault
        return FaultyImage(
            reference=pinned,
            digests=registry.resolve(pinned),
            media_types=registry.media_types(pinned),
            _fault=fault,
        )

    def _parts(self) -> tuple[Registry, Docker]:
        registry, docker = self._cluster.registry, self._cluster.docker
        if registry is None or docker is None:
            raise SuiteError(f"cluster {self._cluster.name}: its nodes do not pull from a registry of this run")
        return registry, docker

    def _probe(self, node: str, gateway: str, port: int) -> None:
        argv = ("timeout", str(_PROBE), "bash", "-c", _ASK, gateway, str(port))
        outcome = self._cluster.node_exec(node, *argv, check=False)
        if f" {HTTPStatus.OK:d} " not in outcome.stdout:
            raise SuiteError(
                f"node {node} cannot reach this machine at {gateway}:{port}",
                expected="a response from this machine, which serves the pulls that must fail",
                fix="allow it in this machine's firewall, or use a Docker Engine that runs on this machine itself",
                details=outcome.tail or f"no answer within {_PROBE} s",
            )


@dataclass(slots=True, kw_only=True)
class PullFault:
    """How a repository answers. `layer` is the digest of the added layer, `size` its size in bytes.

    `authorization` is the login that it demands, "" for none.
    """

    layer: str
    size: int
    how: str = ""
    authorization: str = field(default="", repr=False)

    def refuses(self, header: str) -> bool:
        """Whether a request with this `Authorization` header lacks the login."""
        wanted = f"Basic {self.authorization}"
        return bool(self.authorization) and not hmac.compare_digest(header.encode(), wanted.encode())


def _gateway(docker: Docker, network: str) -> str:
    """Return this machine's IPv4 address in a Docker network; raises `SuiteError` if it has none."""
    listed = docker.run("network", "inspect", network, "--format", "{{json .IPAM.Config}}").stdout
    for entry in json.loads(listed) or ():
        with contextlib.suppress(ValueError):
            return str(ipaddress.IPv4Address(entry.get("Gateway", "").partition("/")[0]))
    raise SuiteError(
        f"the Docker network {network} has no IPv4 gateway through which nodes reach this machine", details=listed
    )


@contextlib.contextmanager
def _serving(address: str, upstream: str, faults: Mapping[str, PullFault]) -> Iterator[int]:
    """Run a server while the body runs; yields its port."""
    try:
        server = _Server(address, upstream, faults)
    except OSError as error:
        raise SuiteError(
            f"this machine cannot listen at {address}, where nodes would look for it: {error.strerror}",
            expected="the address of the cluster's network on this machine",
            fix="use a Docker Engine that runs on this machine itself, as root",
        ) from error
    thread = threading.Thread(target=server.serve_forever, args=[_LOOK], name="faulty-registry", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.stop()
        thread.join()


class _Server(http.server.ThreadingHTTPServer):
    """Forwards requests to `upstream` (host and port). `faults` is by repository."""

    # With daemon threads, server_close() would not wait for them.
    daemon_threads = False

    def __init__(self, address: str, upstream: str, faults: Mapping[str, PullFault]) -> None:
        self.upstream = upstream
        self.faults = faults
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._stopping = False
        super().__init__((address, 0), _Handler)

    def server_bind(self) -> None:
        """Bind without resolving the address's name, which takes long if no name server answers."""
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
        """End all connections, and wait for their threads."""
        self.shutdown()
        with self._lock:
            self._stopping = True
            for connection in self._open:
                _end(connection)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connections that end early: nodes give up, and the registry may. Report any other error."""
        if not isinstance(sys.exception(), (OSError, http.client.HTTPException)):
            super().handle_error(request, client_address)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Handles one request on each connection, so that its end marks the end of a response without a length."""

    protocol_version = "HTTP/1.1"
    timeout = _SILENCE
    server: _Server

    def do_GET(self) -> None:
        request = _PATH.fullmatch(urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))
        fault = self.server.faults.get(request["repository"]) if request else None
        if request is None or fault is None:
            self._forward(self._copy)
        elif fault.refuses(self.headers.get("Authorization", "")):
            self._refuse(HTTPStatus.UNAUTHORIZED, request["kind"])
        elif fault.how in _REFUSALS:
            self._refuse(_REFUSALS[fault.how], request["kind"])
        elif fault.how == PullAnswer.TRUNCATED and request["reference"] == fault.layer and self.command == "GET":
            self._forward(lambda answer: self._truncate(answer, fault))
        else:
            self._forward(self._copy)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Log nothing: the nodes' requests are in the registry's log."""

    def _forward(self, send: Callable[[http.client.HTTPResponse], None]) -> None:
        host, _, port = self.server.upstream.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=_SILENCE)
        with contextlib.closing(connection), contextlib.ExitStack() as stack:
            try:
                connection.connect()
                stack.enter_context(self.server.tracked(connection.sock))
                answer = stack.enter_context(self._response(connection))
            except (OSError, http.client.HTTPException) as error:
                self._error(HTTPStatus.BAD_GATEWAY, "UNAVAILABLE", f"{self.server.upstream}: {error}")
                return
            send(answer)

    def _response(self, connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            # The login is for this proxy.
            if name.lower() not in _HOP_BY_HOP | {"authorization"}:
                connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse()

    def _copy(self, answer: http.client.HTTPResponse) -> None:
        self._begin(answer.status, answer.reason, answer.getheaders())
        while piece := answer.read(_PIECE):
            self.wfile.write(piece)

    def _truncate(self, answer: http.client.HTTPResponse, fault: PullFault) -> None:
        """Send no byte beyond the layer's middle, although the headers announce more."""
        part = _RANGE.match(answer.getheader("Content-Range", ""))
        allowed = max(0, fault.size // 2 - (int(part["start"]) if part else 0))
        if answer.length is not None and answer.length <= allowed:
            self._copy(answer)
            return
        self._begin(answer.status, answer.reason, answer.getheaders())
        self.wfile.write(answer.read(allowed))

    def _refuse(self, status: HTTPStatus, kind: str) -> None:
        codes = {
            HTTPStatus.NOT_FOUND: f"{kind.removesuffix('s').upper()}_UNKNOWN",
            HTTPStatus.TOO_MANY_REQUESTS: "TOOMANYREQUESTS",
            HTTPStatus.UNAUTHORIZED: "UNAUTHORIZED",
        }
        self._error(status, codes.get(status, "UNKNOWN"), status.phrase)

    def _error(self, status: HTTPStatus, code: str, message: str) -> None:
        body = encoded({"errors": [{"code": code, "message": message}]})
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        headers += [("Retry-After", "1")] if status is HTTPStatus.TOO_MANY_REQUESTS else []
        headers += [("WWW-Authenticate", f'Basic realm="{AGENT}"')] if status is HTTPStatus.UNAUTHORIZED else []
        self._begin(status, status.phrase, headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _begin(self, status: int, reason: str, headers: Sequence[tuple[str, str]]) -> None:
        self.send_response_only(status, reason)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        # This header also makes the handler end after this request.
        self.send_header("Connection", "close")
        self.end_headers()
