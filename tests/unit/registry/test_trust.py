"""Which certificates the client trusts, and which proxies it uses."""

from __future__ import annotations

import shutil
import socket
import threading
from typing import TYPE_CHECKING

import pytest
import trustme

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.registry import trust
from osh_conformance.registry.answers import Answer, RegistryError
from osh_conformance.registry.client import RegistryClient
from tests.unit.registry.world import BASIC, REPOSITORY, TAG, TOKENS, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.registry.conftest import User
    from tests.unit.registry.world import World


@pytest.fixture
def elsewhere(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, of whose authority the system knows nothing."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    return world


def client_of(world: World) -> RegistryClient:
    return RegistryClient(endpoint=world.registry().endpoint, public=True)


def test_an_authority_of_the_systems_store_is_trusted(world: World) -> None:
    assert client_of(world).has(REPOSITORY, TAG)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, which names the file by its hash")
def test_an_authority_in_the_systems_folder_is_trusted(
    elsewhere: World, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(folder / "ca.pem")]
    (folder / f"{process.run(command, deadline=10).stdout.strip()}.0").symlink_to("ca.pem")
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    assert client_of(elsewhere).has(REPOSITORY, TAG)


def test_another_authority_is_not_trusted_and_the_error_says_what_helps(elsewhere: World) -> None:
    with pytest.raises(RegistryError, match=r"the certificate of the registry .* is not trusted: .*issuer") as raised:
        client_of(elsewhere).has(REPOSITORY, TAG)
    assert raised.value.answer is Answer.UNTRUSTED
    assert "update-ca-certificates" in raised.value.fix
    assert not elsewhere.journal


def test_a_token_server_that_is_not_trusted_is_named(world: World) -> None:
    other = trustme.CA()
    mine, world._authority = world._authority, other
    tokens = world.tokens()
    world._authority = mine
    server = world.registry(bearer(tokens.url))
    with pytest.raises(RegistryError, match=rf"the certificate of {tokens.endpoint} is not trusted"):
        RegistryClient(endpoint=server.endpoint, public=True).has(REPOSITORY, TAG)


def test_a_certificate_for_another_name_is_not_trusted(world: World) -> None:
    server = world.registry()
    world.names.ports["other.test", server.server_port] = server.server_port
    with pytest.raises(RegistryError, match=r"not trusted: .*not valid for 'other\.test'") as raised:
        RegistryClient(endpoint=f"other.test:{server.server_port}", public=True).has(REPOSITORY, TAG)
    assert raised.value.answer is Answer.UNTRUSTED
    assert "use a name" in raised.value.fix


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_an_authority_of_a_variable_is_trusted(
    variable: str, elsewhere: World, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "mine.pem"))
    monkeypatch.setenv(variable, str(tmp_path / "mine.pem"))
    assert client_of(elsewhere).has(REPOSITORY, TAG)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_variable_that_names_no_file_is_an_error(
    variable: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "missing.pem"))
    with pytest.raises(SuiteError, match=rf"missing\.pem, .*{variable}, cannot be read"):
        client_of(world).has(REPOSITORY, TAG)


def test_an_authority_that_docker_has_for_a_registry_is_trusted_for_it(
    elsewhere: World, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "_DOCKER_CERTS", tmp_path / "certs.d")
    client = client_of(elsewhere)
    folder = tmp_path / "certs.d" / client.endpoint
    folder.mkdir(parents=True)
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    assert client.has(REPOSITORY, TAG)
    with pytest.raises(RegistryError, match="not trusted"):
        RegistryClient(endpoint=elsewhere.registry(name="second.test").endpoint, public=True).has(REPOSITORY, TAG)


def test_a_registry_of_plain_http_elsewhere_is_an_error(world: World) -> None:
    server = world.registry(tls=False)
    with pytest.raises(RegistryError, match="speaks no TLS") as raised:
        RegistryClient(endpoint=server.endpoint, public=True).has(REPOSITORY, TAG)
    assert raised.value.answer is Answer.BROKEN


class Proxy:
    """A proxy that opens tunnels, and remembers to where and with which headers."""

    def __init__(self, world: World, status: str = "200 OK") -> None:
        self.requests: list[str] = []
        self._world = world
        self._status = status
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._tunnel, args=[client], daemon=True))
            self._threads[-1].start()

    def _tunnel(self, client: socket.socket) -> None:
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            self.requests.append(head.decode())
            client.sendall(f"HTTP/1.1 {self._status}\r\n\r\n".encode())
            if not self._status.startswith("200"):
                return
            name, _, port = head.split()[1].decode().partition(":")
            real = self._world.names.ports[name, int(port)]
            with socket.create_connection(("127.0.0.1", real)) as server:
                back = threading.Thread(target=_copy, args=[server, client])
                back.start()
                _copy(client, server)
                back.join()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(5)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(1 << 16):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def proxy(world: World) -> Iterator[Proxy]:
    found = Proxy(world)
    yield found
    found.close()


def test_a_public_registry_is_asked_through_the_proxy(
    world: World, user: User, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://corp:pr0xy-word@127.0.0.1:{proxy.port}")
    server = world.registry(bearer(world.tokens().url), cdn=world.cdn().url)
    user.login(server.endpoint)
    client = RegistryClient(endpoint=server.endpoint, public=True)
    client.blob(REPOSITORY, client.manifest(REPOSITORY, client.manifest(REPOSITORY, TAG).children[0]).blobs[0])
    assert {text.split()[1].partition(":")[0] for text in proxy.requests} == {
        "registry.test",
        "tokens.test",
        "cdn.test",
    }
    assert not any(BASIC in text or "Bearer" in text for text in proxy.requests)
    assert not any("Proxy-Authorization" in seen.headers for seen in world.journal)
    assert (TOKENS, BASIC) in world.authorizations()


def test_an_authority_of_a_variable_is_trusted_behind_a_proxy_too(
    elsewhere: World, proxy: Proxy, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "mine.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "mine.pem"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    assert client_of(elsewhere).has(REPOSITORY, TAG)
    assert proxy.requests


@pytest.mark.parametrize("exception", ["registry.test", ".test", "*"])
def test_no_proxy_names_what_is_asked_directly(
    exception: str, world: World, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", f"localhost,{exception}")
    assert client_of(world).has(REPOSITORY, TAG)
    assert proxy.requests == []


def test_this_machine_is_never_asked_through_a_proxy(
    world: World, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    endpoint = f"127.0.0.1:{world.registry(tls=False).server_port}"
    for public in (True, False):
        assert RegistryClient(endpoint=endpoint, public=public).has(REPOSITORY, TAG)
    assert proxy.requests == []


def test_a_proxy_that_refuses_is_named_without_its_password(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = Proxy(world, status="407 Proxy Authentication Required")
    monkeypatch.setenv("HTTPS_PROXY", f"http://corp:pr0xy-word@127.0.0.1:{refusing.port}")
    try:
        with pytest.raises(RegistryError, match=f"the proxy 127.0.0.1:{refusing.port} gives no way to") as raised:
            client_of(world).has(REPOSITORY, TAG)
    finally:
        refusing.close()
    assert raised.value.answer is Answer.UNREACHABLE
    assert "407" in raised.value.details
    assert "pr0xy-word" not in str(raised.value)


def test_a_kind_of_proxy_that_needs_another_package_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks9://127.0.0.1:1080")
    with pytest.raises(RegistryError, match=r"the proxy 127\.0\.0\.1:1080 cannot be used") as raised:
        client_of(world).has(REPOSITORY, TAG)
    assert raised.value.answer is Answer.UNREACHABLE


def test_a_signature_in_a_url_is_in_no_error(world: World) -> None:
    server = world.registry(cdn="https://gone.test")
    client = RegistryClient(endpoint=server.endpoint, public=True)
    digest = client.manifest(REPOSITORY, client.manifest(REPOSITORY, TAG).children[0]).blobs[0]
    with pytest.raises(RegistryError, match=r"gone\.test does not answer") as raised:
        client.blob(REPOSITORY, digest)
    assert "sig=" not in str(raised.value)
    assert "its name has no address" in raised.value.details


def test_system_authorities_are_read_once(world: World) -> None:
    for _ in range(3):
        assert client_of(world).has(REPOSITORY, TAG)
    assert trust._context.cache_info().hits >= 2
