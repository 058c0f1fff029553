"""Registries with logins, token servers, a content network and proxies: real servers in this process, with names.

Every request that any of them gets is in `World.journal`, with its Authorization header.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import socket
import socketserver
import ssl
import threading
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.unit.registry.fake import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pytest
    import trustme

    from tests.unit.registry.fake import FakeRegistry

REGISTRY, TOKENS, CDN, EVIL = "registry.test", "tokens.test", "cdn.test", "evil.test"
USER, PASSWORD = "alice", "s3cret-word"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
TOKEN = "a-bearer-token"
IDENTITY = "1dent1ty-token"
REPOSITORY, TAG = "team/app", "1.0.0"
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request that a server got."""

    host: str
    method: str
    path: str
    authorization: str
    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def refusal(status: int, code: str, message: str, **headers: str) -> Sent:
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Sent(status=status, body=body, headers={"Content-Type": JSON, **headers})


def page(status: int = 200, title: str = "Log in to the network") -> Sent:
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head></html>".encode()
    return Sent(status=status, body=body, headers={"Content-Type": "text/html; charset=utf-8"})


def redirect(location: str, status: int = 307) -> Sent:
    return Sent(status=status, headers={"Location": location})


class Server(http.server.ThreadingHTTPServer):
    """A server of one name. `respond` answers; None closes the connection without an answer."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, name: str, journal: list[Seen], tls: ssl.SSLContext | None) -> None:
        self.name = name
        self.journal = journal
        self.tls = tls
        self.respond: Callable[[Seen], Sent | None] = lambda _seen: refusal(404, "NOT_FOUND", "nothing here")
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, *_: object) -> None:
        """Print nothing: clients that trust no certificate close the connection."""

    @property
    def endpoint(self) -> str:
        return f"{self.name}:{self.server_port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.endpoint}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        seen = Seen(
            host=self.server.name,
            method=self.command,
            path=self.path,
            authorization=self.headers.get("Authorization", ""),
            body=self.rfile.read(length).decode(errors="replace"),
            headers=dict(self.headers),
        )
        self.server.journal.append(seen)
        sent = self.server.respond(seen)
        self.close_connection = True
        if sent is None:
            return
        self.send_response(sent.status)
        for name, value in {"Content-Length": str(len(sent.body)), "Connection": "close", **sent.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent.body)

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815


class Names:
    """Name resolution of the tests: names of servers, and no others."""

    def __init__(self) -> None:
        self.ports: dict[tuple[str, int], int] = {}
        self.silent = threading.Event()
        self.silent_names: set[str] = set()

    def resolve(self, host: Any, port: Any, *_: object, **__: object) -> list[Any]:
        name, number = (host.decode() if isinstance(host, bytes) else host), int(port)
        if name in self.silent_names:
            self.silent.wait(20)
        if name == "127.0.0.1":
            real = number
        elif (name, number) in self.ports:
            real = self.ports[name, number]
        else:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", real))]


class World:
    """Servers by name."""

    def __init__(self, store: FakeRegistry, authority: trustme.CA) -> None:
        self.store = store
        self.journal: list[Seen] = []
        self.names = Names()
        self.accepted = {f"Bearer {TOKEN}"}
        self._authority = authority
        self._stack = contextlib.ExitStack()

    def close(self) -> None:
        self.names.silent.set()
        self._stack.close()

    def server(
        self, name: str, respond: Callable[[Seen], Sent | None], *, tls: bool = True, port: int | None = None
    ) -> Server:
        """Start a server that has this name, at `port` for its clients."""
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(name).configure_cert(context)
        server = Server(name, self.journal, context)
        server.respond = respond
        self.names.ports[name, port or server.server_port] = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        self._stack.callback(stop)
        return server

    def content(self, seen: Seen) -> Sent:
        """Answer as a registry without a login does."""
        path = urllib.parse.urlsplit(seen.path).path.removeprefix("/v2/")
        repository, _, reference = path.rpartition("/")
        repository, _, kind = repository.rpartition("/")
        key = (repository, urllib.parse.unquote(reference))
        if kind == "manifests" and key in self.store.manifests:
            body, media_type = self.store.manifests[key]
            return Sent(
                status=200, body=body, headers={"Content-Type": media_type, "Docker-Content-Digest": digest(body)}
            )
        if kind == "blobs" and key in self.store.blobs:
            return Sent(status=200, body=self.store.blobs[key])
        return refusal(404, "MANIFEST_UNKNOWN", "manifest unknown")

    def cdn(self) -> Server:
        """Start a content network, which refuses a header of one's own, as those with signed URLs do."""

        def respond(seen: Seen) -> Sent:
            if seen.authorization or "sig=" not in seen.path:
                return Sent(status=400, body=b"Only one auth mechanism allowed")
            return self.content(seen)

        return self.server(CDN, respond)

    def tokens(self, *, tls: bool = True, name: str = TOKENS) -> Server:
        """Start a token server, which gives TOKEN to everyone who has no login or the right one."""

        def respond(seen: Seen) -> Sent:
            form = dict(urllib.parse.parse_qsl(seen.body))
            if seen.authorization not in ("", BASIC) or form.get("refresh_token", IDENTITY) != IDENTITY:
                return refusal(401, "UNAUTHORIZED", "incorrect username or password")
            name = "access_token" if seen.method == "POST" else "token"
            return Sent(status=200, body=json.dumps({name: TOKEN}).encode(), headers={"Content-Type": JSON})

        return self.server(name, respond, tls=tls)

    def registry(
        self, challenge: str = "", *, cdn: str = "", tls: bool = True, name: str = REGISTRY, port: int | None = None
    ) -> Server:
        """Start a registry. It asks for a login with `challenge`, and sends requests for blobs to `cdn`."""

        def respond(seen: Seen) -> Sent:
            if challenge and seen.authorization not in self.accepted:
                return refusal(401, "UNAUTHORIZED", "authentication required", **{"WWW-Authenticate": challenge})
            if cdn and "/blobs/" in seen.path:
                return redirect(f"{cdn}{seen.path}?sig=1")
            return self.content(seen)

        return self.server(name, respond, tls=tls, port=port)

    def authorizations(self) -> set[tuple[str, str]]:
        """Return every (host, Authorization) that was sent to any server."""
        return {(seen.host, seen.authorization) for seen in self.journal if seen.authorization}

    def secrets_at(self, host: str) -> bool:
        """Whether a host got a password or a token in any form."""
        got = "".join(f"{s.path} {s.body} {s.headers}" for s in self.journal if s.host == host)
        return any(word in got for word in (PASSWORD, BASIC.split()[1], TOKEN, IDENTITY))


def bearer(realm: str, repository: str = REPOSITORY) -> str:
    return f'Bearer realm="{realm}/token",service="the registry",scope="repository:{repository}:pull"'


@contextlib.contextmanager
def built(store: FakeRegistry, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(store, authority)
    monkeypatch.setattr(socket, "getaddrinfo", world.names.resolve)
    try:
        yield world
    finally:
        world.close()
