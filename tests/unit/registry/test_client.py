"""The registry client: what it repeats, which errors it raises, and which registry serves a host's references."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.registry.answers import Answer, RegistryError
from osh_conformance.registry.client import RegistryClient, copy_image, public_registry, published_digest
from osh_conformance.registry.manifest import OCI_INDEX
from osh_conformance.registry.wire import Patience
from tests.unit.registry.fake import digest
from tests.unit.registry.world import REPOSITORY, TAG, TOKENS, Seen, Sent, bearer, page, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.registry.conftest import User
    from tests.unit.registry.fake import FakeRegistry
    from tests.unit.registry.world import World

#: Port 1 (tcpmux) is reserved, and nothing listens there.
_NOBODY = "127.0.0.1:1"
_NO_DIGEST = "sha256:" + "5" * 64


def test_client_does_not_retry_requests_to_the_runs_registry() -> None:
    started = time.monotonic()
    assert not RegistryClient(endpoint=_NOBODY).answers()
    assert time.monotonic() - started < 3


def test_client_names_a_registry_that_does_not_answer() -> None:
    with pytest.raises(SuiteError, match=f"the registry {_NOBODY} does not answer"):
        RegistryClient(endpoint=_NOBODY).manifest("store/x", "image")


@pytest.mark.parametrize(
    ("host", "endpoint"), [("docker.io", "registry-1.docker.io"), ("quay.io", "quay.io"), ("localhost:5000",) * 2]
)
def test_public_registry_serves_the_references_of_its_host(host: str, endpoint: str) -> None:
    client = public_registry(host)
    assert (client.endpoint, client.public) == (endpoint, True)


class Failing:
    """A registry whose first answers are failures."""

    def __init__(self, world: World, *failures: Sent | None) -> None:
        self.asked = 0
        self._world = world
        self._failures = list(failures)

    def __call__(self, seen: Seen) -> Sent | None:
        self.asked += 1
        return self._failures.pop(0) if self._failures else self._world.content(seen)


def client_of(world: World, respond: Callable[[Seen], Sent | None]) -> RegistryClient:
    return RegistryClient(endpoint=world.server("registry.test", respond).endpoint, public=True)


@pytest.mark.parametrize("failure", [None, Sent(status=503), Sent(status=500)])
def test_a_lost_connection_and_a_5xx_are_tried_again(failure: Sent | None, world: World) -> None:
    registry = Failing(world, failure, failure)
    assert client_of(world, registry).has(REPOSITORY, TAG)
    assert registry.asked == 3


def test_a_registry_that_keeps_failing_is_an_error_after_three_attempts(world: World) -> None:
    registry = Failing(world, *[refusal(503, "UNAVAILABLE", "the registry is being moved")] * 9)
    with pytest.raises(RegistryError, match=r"answered 503 for .*: the registry is being moved") as raised:
        client_of(world, registry).manifest(REPOSITORY, TAG)
    assert (raised.value.answer, registry.asked) == (Answer.BROKEN, 3)


@pytest.mark.parametrize("status", [400, 404, 429])
def test_an_answer_of_the_registry_is_not_asked_for_again(status: int, world: World) -> None:
    registry = Failing(world, refusal(status, "X", "no"))
    with pytest.raises(RegistryError):
        client_of(world, registry).manifest(REPOSITORY, TAG)
    assert registry.asked == 1


def test_nothing_is_stored_twice_after_a_failure(world: World) -> None:
    registry = Failing(world, Sent(status=503), Sent(status=503))
    with pytest.raises(RegistryError):
        client_of(world, registry).put_manifest(REPOSITORY, TAG, b"{}", OCI_INDEX)
    assert registry.asked == 1


def test_the_runs_registry_sees_no_second_attempt_no_proxy_and_no_login(
    fake_registry: FakeRegistry, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.login(fake_registry.endpoint)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{_NOBODY}")
    monkeypatch.setenv("NO_PROXY", "")
    assert not RegistryClient(endpoint=fake_registry.endpoint).has("a/b", "1")
    (request,) = fake_registry.requests
    assert "Authorization" not in request.headers
    assert request.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("sent", "answer", "message", "fix"),
    [
        (refusal(404, "MANIFEST_UNKNOWN", "manifest unknown"), Answer.ABSENT, "has no .*: manifest unknown", "tag"),
        (
            refusal(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.", **{"Retry-After": "60"}),
            Answer.LIMITED,
            "allows no more pulls for now, .*You have reached your pull rate limit",
            "docker login .*mirror.*wait 60 s",
        ),
        (refusal(403, "DENIED", "not for you"), Answer.DENIED, "denies access to .*: not for you", "docker login"),
        (page(), Answer.BROKEN, "200 with a web page .'Log in to the network'", "curl -v .*proxy or a login page"),
        (page(status=404), Answer.BROKEN, "404 with a web page", "curl"),
        (page(status=429, title="Too Many Requests"), Answer.LIMITED, "Too Many Requests", "docker login"),
        (Sent(status=200, body=b"ok"), Answer.BROKEN, "with a content of type none", "try again"),
        (Sent(status=200, body=b'{"a": 1}'), Answer.BROKEN, "with a content of type none", "try again"),
        (Sent(status=301), Answer.BROKEN, "answered 301", "try again"),
    ],
)
def test_an_answer_without_an_image_is_one_clear_error(
    sent: Sent, answer: Answer, message: str, fix: str, world: World
) -> None:
    with pytest.raises(RegistryError, match=message) as raised:
        client_of(world, lambda _: sent).manifest(REPOSITORY, TAG)
    assert raised.value.answer is answer
    raised.match(f"{REPOSITORY}:{TAG}")
    raised.match(fix)


def test_a_basic_login_page_of_a_web_server_is_a_denial(world: World) -> None:
    sent = page(status=401, title="401 Authorization Required")
    asking = Sent(status=401, body=sent.body, headers={**sent.headers, "WWW-Authenticate": 'Basic realm="x"'})
    with pytest.raises(RegistryError, match="denies access") as raised:
        client_of(world, lambda _: asking).manifest(REPOSITORY, TAG)
    assert raised.value.answer is Answer.DENIED


def test_a_digest_that_a_registry_no_longer_has_is_one_clear_error(world: World) -> None:
    with pytest.raises(RegistryError, match=f"has no {REPOSITORY}@{_NO_DIGEST}") as raised:
        client_of(world, world.content).manifest(REPOSITORY, _NO_DIGEST)
    assert raised.value.answer is Answer.ABSENT
    assert raised.value.fix.startswith("name another digest")


def test_a_content_of_another_digest_is_an_error(world: World) -> None:
    body, media_type = world.store.manifests[REPOSITORY, TAG]
    sent = Sent(status=200, body=body, headers={"Content-Type": media_type})
    client = client_of(world, lambda _: sent)
    assert client.manifest(REPOSITORY, digest(body)).body == body
    with pytest.raises(RegistryError, match=f"with a content of digest {digest(body)}") as raised:
        client.manifest(REPOSITORY, _NO_DIGEST)
    assert raised.value.answer is Answer.BROKEN


def test_an_endless_answer_is_an_error(world: World) -> None:
    body = json.dumps({"manifests": ["x" * 1024] * 9 * 1024}).encode()
    with pytest.raises(RegistryError, match="more than 8 MiB"):
        client_of(world, lambda _: Sent(status=200, body=body)).manifest(REPOSITORY, TAG)


def test_a_blob_that_is_cut_short_is_an_error(world: World) -> None:
    client = client_of(world, lambda _: Sent(status=200, body=b"half", headers={"Content-Length": "8"}))
    with pytest.raises(RegistryError, match="does not answer"):
        client.blob(REPOSITORY, _NO_DIGEST)


@pytest.mark.parametrize("location", ["https://a:b/", "https://[x/"])
def test_a_redirect_to_no_address_is_an_error(location: str, world: World) -> None:
    sent = Sent(status=302, headers={"Location": location})
    with pytest.raises(RegistryError, match=r"which is no address|something that is no HTTP") as raised:
        client_of(world, lambda _: sent).manifest(REPOSITORY, TAG)
    assert raised.value.answer is Answer.BROKEN


def test_a_server_that_speaks_no_http_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                connection.recv(4096)

        thread = threading.Thread(target=greet)
        thread.start()
        client = RegistryClient(endpoint=f"127.0.0.1:{listening.getsockname()[1]}", public=True)
        with pytest.raises(RegistryError, match="something that is no HTTP") as raised:
            client.has(REPOSITORY, TAG)
        thread.join()
    assert raised.value.answer is Answer.BROKEN


def test_a_redirect_that_goes_in_circles_is_an_error(world: World) -> None:
    sent = Sent(status=302, headers={"Location": "/v2/again"})
    with pytest.raises(RegistryError, match="more than 5 times"):
        client_of(world, lambda _: sent).manifest(REPOSITORY, TAG)


def test_a_broken_token_server_is_named_with_its_words(world: World) -> None:
    tokens = world.server(TOKENS, lambda _: Sent(status=429, body=b'{"details": "too many tokens"}'))
    server = world.registry(bearer(tokens.url))
    with pytest.raises(RegistryError, match="too many tokens") as raised:
        RegistryClient(endpoint=server.endpoint, public=True).manifest(REPOSITORY, TAG)
    assert raised.value.answer is Answer.LIMITED


def test_a_login_that_a_helper_could_not_give_is_in_the_error(world: World, user: User) -> None:
    user.helper("world", "echo the keychain is locked >&2; exit 2")
    user.config(credsStore="world")
    world.accepted = set()
    server = world.registry(bearer(world.tokens().url))
    with pytest.raises(RegistryError) as raised:
        RegistryClient(endpoint=server.endpoint, public=True).manifest(REPOSITORY, TAG)
    assert "the keychain is locked" in raised.value.details


def test_a_helper_that_fails_does_not_hinder_an_anonymous_pull(world: World, user: User) -> None:
    user.config(credsStore="missing")
    server = world.registry(bearer(world.tokens().url))
    assert RegistryClient(endpoint=server.endpoint, public=True).has(REPOSITORY, TAG)


def drip(listening: socket.socket, ended: threading.Event) -> None:
    connection, _ = listening.accept()
    with connection, contextlib.suppress(OSError):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
        while not ended.wait(0.05):
            connection.sendall(b"x")


@pytest.mark.parametrize("method", ["GET", "blob"])
def test_an_answer_that_drips_ends_at_its_deadline(method: str) -> None:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=[listening, ended])
        thread.start()
        endpoint = f"127.0.0.1:{listening.getsockname()[1]}"
        client = RegistryClient(endpoint=endpoint, public=True, patience=Patience(total=0.3))
        started = time.monotonic()
        with pytest.raises(RegistryError, match=r"did not end within 0\.3 s"):
            _ = client.blob("a", "b") if method == "blob" else client.manifest("a", "b").body
        assert time.monotonic() - started < 2
        ended.set()
        thread.join()


@pytest.mark.parametrize("mirror_has_it", [True, False])
def test_an_image_of_docker_hub_is_copied_from_a_mirror_that_has_it(
    mirror_has_it: bool,  # noqa: FBT001
    world: World,
    fake_registry: FakeRegistry,
) -> None:
    hub = world.registry(name="registry-1.docker.io", port=443)
    mirror = world.registry(name="mirror.test")
    away = hub if mirror_has_it else mirror
    away.respond = lambda _: refusal(429, "TOOMANYREQUESTS", "limit")
    reference = f"docker.io/{REPOSITORY}:{TAG}"
    client = RegistryClient(endpoint=fake_registry.endpoint)
    copy_image(reference, client, "copied", "image", mirrors=[mirror.url])
    assert client.has("copied", "image")
    assert published_digest(reference, mirrors=[mirror.url]) == digest(world.store.manifests[REPOSITORY, TAG][0])


def test_an_image_is_copied_from_a_registry_with_a_login_and_a_content_network(
    world: World, fake_registry: FakeRegistry
) -> None:
    server = world.registry(bearer(world.tokens().url), cdn=world.cdn().url)
    reference = f"{server.endpoint}/{REPOSITORY}:{TAG}"
    client = RegistryClient(endpoint=fake_registry.endpoint)
    copy_image(reference, client, "copied", "image")
    assert client.manifest("copied", "image").digest == published_digest(reference)
