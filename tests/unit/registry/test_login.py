"""Logins: which servers get which credentials, and that no other server ever gets any."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from osh_conformance.registry.answers import Answer, RegistryError
from osh_conformance.registry.client import RegistryClient, public_registry
from osh_conformance.registry.login import parse
from tests.unit.registry.world import (
    BASIC,
    CDN,
    EVIL,
    IDENTITY,
    PASSWORD,
    REGISTRY,
    REPOSITORY,
    TAG,
    TOKEN,
    TOKENS,
    USER,
    Seen,
    Sent,
    bearer,
    redirect,
    refusal,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.registry.conftest import User
    from tests.unit.registry.world import Server, World

_BEARER = f"Bearer {TOKEN}"


def client_of(server: Server) -> RegistryClient:
    return RegistryClient(endpoint=server.endpoint, public=True)


def pull(client: RegistryClient) -> None:
    """Read manifests and a layer, as a pull does."""
    index = client.manifest(REPOSITORY, TAG)
    manifest = client.manifest(REPOSITORY, index.children[0])
    client.copy_blob(REPOSITORY, manifest.blobs[-1], io.BytesIO())


def test_a_registry_without_a_login_gets_no_header(world: World, user: User) -> None:
    server = world.registry()
    user.login(server.endpoint)
    pull(client_of(server))
    assert world.authorizations() == set()


def test_an_anonymous_pull_gets_a_token_and_sends_it_to_the_registry_alone(world: World) -> None:
    server = world.registry(bearer(world.tokens().url), cdn=world.cdn().url)
    pull(client_of(server))
    assert world.authorizations() == {(REGISTRY, _BEARER)}
    assert CDN in {seen.host for seen in world.journal}


def test_a_password_goes_to_the_token_server_that_the_registry_names(world: World, user: User) -> None:
    server = world.registry(bearer(world.tokens().url), cdn=world.cdn().url)
    user.login(server.endpoint)
    pull(client_of(server))
    assert world.authorizations() == {(REGISTRY, _BEARER), (TOKENS, BASIC)}
    assert not world.secrets_at(CDN)
    (asked,) = [seen.path for seen in world.journal if seen.host == TOKENS]
    assert "service=the+registry" in asked
    assert "scope=repository%3Ateam%2Fapp%3Apull" in asked
    assert f"account={USER}" in asked
    assert PASSWORD not in asked


def test_a_basic_registry_gets_the_password_only_once_it_asks(world: World, user: User) -> None:
    world.accepted = {BASIC}
    server = world.registry('Basic realm="corp"', cdn=world.cdn().url)
    user.login(server.endpoint)
    pull(client_of(server))
    assert world.authorizations() == {(REGISTRY, BASIC)}
    assert not world.journal[0].authorization
    assert not world.secrets_at(CDN)


def test_a_login_for_another_host_is_not_used(world: World, user: User) -> None:
    tokens = world.tokens()
    server = world.registry(bearer(tokens.url))
    user.login(tokens.endpoint, "other.test", "https://index.docker.io/v1/")
    pull(client_of(server))
    assert world.authorizations() == {(REGISTRY, _BEARER)}


def test_the_login_of_docker_hub_serves_docker_io_alone(world: World, user: User) -> None:
    tokens = world.tokens()
    world.registry(bearer(tokens.url), name="registry-1.docker.io", port=443)
    user.login("https://index.docker.io/v1/")
    public_registry("docker.io").manifest(REPOSITORY, TAG)
    assert world.authorizations() == {("registry-1.docker.io", _BEARER), (TOKENS, BASIC)}


def test_a_host_behind_a_redirect_that_asks_for_a_login_gets_none(world: World, user: User) -> None:
    world.accepted = {BASIC}
    evil = world.server(EVIL, lambda _: refusal(401, "U", "log in", **{"WWW-Authenticate": 'Basic realm="x"'}))
    server = world.registry('Basic realm="corp"', cdn=evil.url)
    user.login(server.endpoint, evil.endpoint)
    with pytest.raises(RegistryError, match="denies access to") as raised:
        pull(client_of(server))
    assert raised.value.answer is Answer.DENIED
    assert not world.secrets_at(EVIL)


def test_a_host_behind_a_redirect_cannot_name_its_own_token_server(world: World, user: User) -> None:
    evil = world.tokens(name=EVIL)
    cdn = world.server(CDN, lambda _: refusal(401, "U", "log in", **{"WWW-Authenticate": bearer(evil.url)}))
    server = world.registry(bearer(world.tokens().url), cdn=cdn.url)
    user.login(server.endpoint)
    with pytest.raises(RegistryError, match="denies access to"):
        pull(client_of(server))
    assert EVIL not in {seen.host for seen in world.journal}
    assert not world.secrets_at(CDN)


def test_a_redirect_to_another_port_of_the_same_name_drops_the_login(world: World, user: User) -> None:
    world.accepted = {BASIC}
    other = world.server(REGISTRY, world.content)
    server = world.registry('Basic realm="corp"', cdn=other.url)
    user.login(server.endpoint)
    seen_by_other = len([seen for seen in world.journal if seen.headers["Host"] == other.endpoint])
    pull(client_of(server))
    asked = [seen for seen in world.journal if seen.headers["Host"] == other.endpoint]
    assert len(asked) > seen_by_other
    assert not any(seen.authorization for seen in asked)


def test_a_login_stays_dropped_when_a_redirect_leads_back(world: World, user: User) -> None:
    world.accepted = {BASIC}
    evil = world.server(EVIL, lambda seen: redirect(f"{server.url}{seen.path}&back=1"))
    server = world.registry('Basic realm="corp"', cdn=evil.url)
    user.login(server.endpoint)
    with pytest.raises(RegistryError):
        pull(client_of(server))
    assert [seen.authorization for seen in world.journal if "back=1" in seen.path] == [""]


def test_a_token_server_that_sends_the_request_elsewhere_does_not_take_the_password_along(
    world: World, user: User
) -> None:
    evil = world.tokens(name=EVIL)
    tokens = world.server(TOKENS, lambda seen: redirect(f"{evil.url}{seen.path}"))
    server = world.registry(bearer(tokens.url))
    user.login(server.endpoint)
    pull(client_of(server))
    assert world.authorizations() == {(REGISTRY, _BEARER), (TOKENS, BASIC)}
    assert EVIL in {seen.host for seen in world.journal}


def test_an_identity_token_is_exchanged_for_a_bearer_token(world: World, user: User) -> None:
    server = world.registry(bearer(world.tokens().url))
    user.config(auths={server.endpoint: {"identitytoken": IDENTITY}})
    pull(client_of(server))
    assert world.authorizations() == {(REGISTRY, _BEARER)}
    (asked,) = [seen for seen in world.journal if seen.host == TOKENS]
    assert asked.method == "POST"
    assert f"grant_type=refresh_token&refresh_token={IDENTITY}" in asked.body


def test_an_identity_token_follows_no_redirect(world: World, user: User) -> None:
    evil = world.tokens(name=EVIL)
    tokens = world.server(TOKENS, lambda seen: redirect(f"{evil.url}{seen.path}"))
    server = world.registry(bearer(tokens.url))
    user.config(auths={server.endpoint: {"identitytoken": IDENTITY}})
    with pytest.raises(RegistryError, match="307"):
        pull(client_of(server))
    assert EVIL not in {seen.host for seen in world.journal}


@pytest.mark.parametrize("entry", [{"auth": "YWxpY2U6czNjcmV0LXdvcmQ="}, {"identitytoken": IDENTITY}])
def test_a_token_server_without_encryption_gets_no_password(entry: dict[str, str], world: World, user: User) -> None:
    server = world.registry(bearer(world.tokens(tls=False).url))
    user.config(auths={server.endpoint: entry})
    with pytest.raises(RegistryError, match=r"asks for a password at http://tokens\.test.*it was not sent") as raised:
        pull(client_of(server))
    assert raised.value.answer is Answer.DENIED
    assert TOKENS not in {seen.host for seen in world.journal}


def test_a_token_server_without_encryption_serves_those_without_a_login(world: World) -> None:
    pull(client_of(world.registry(bearer(world.tokens(tls=False).url))))
    assert world.authorizations() == {(REGISTRY, _BEARER)}


def test_a_registry_without_encryption_gets_no_password(world: World, user: User) -> None:
    world.accepted = {BASIC}
    server = world.registry('Basic realm="corp"', tls=False)
    user.login(server.endpoint)
    with pytest.raises(RegistryError, match="it was not sent"):
        RegistryClient(endpoint=server.endpoint, public=True, scheme="http").manifest(REPOSITORY, TAG)
    assert world.authorizations() == set()


def test_a_registry_on_this_machine_gets_a_password_over_plain_http(world: World, user: User) -> None:
    world.accepted = {BASIC}
    server = world.registry('Basic realm="here"', tls=False)
    endpoint = f"127.0.0.1:{server.server_port}"
    user.login(endpoint)
    assert RegistryClient(endpoint=endpoint, public=True).has(REPOSITORY, TAG)
    assert world.authorizations() == {(REGISTRY, BASIC)}


def test_a_redirect_from_https_to_plain_http_is_an_error(world: World) -> None:
    server = world.registry(cdn=world.server(EVIL, world.content, tls=False).url)
    with pytest.raises(RegistryError, match="anybody on the way can read and change"):
        pull(client_of(server))
    assert EVIL not in {seen.host for seen in world.journal}


def test_passwords_of_netrc_and_of_urls_are_not_sent(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("".join(f"machine {host} login {USER} password {PASSWORD}\n" for host in (REGISTRY, TOKENS, CDN)))
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    cdn = world.cdn().url.replace("://", f"://{USER}:{PASSWORD}@")
    pull(client_of(world.registry(bearer(world.tokens().url), cdn=cdn)))
    assert world.authorizations() == {(REGISTRY, _BEARER)}


def test_cookies_are_not_sent_back(world: World) -> None:
    def respond(seen: Seen) -> Sent:
        sent = world.content(seen)
        return replace(sent, headers={**sent.headers, "Set-Cookie": "session=1; Path=/"})

    server = world.registry()
    server.respond = respond
    pull(client_of(server))
    assert not any("Cookie" in seen.headers for seen in world.journal)


def test_a_wrong_password_is_an_error_that_names_the_command(world: World, user: User) -> None:
    server = world.registry(bearer(world.tokens().url))
    user.login(server.endpoint, password="wrong")
    with pytest.raises(RegistryError, match=r"refuses the login.*incorrect username or password") as raised:
        client_of(server).manifest(REPOSITORY, TAG)
    assert (raised.value.answer, raised.value.fix) == (
        Answer.DENIED,
        f"log in again with `docker login {server.endpoint}`",
    )


def test_a_token_that_has_expired_is_renewed(world: World) -> None:
    issued = ["first", "second"]
    tokens = world.server(TOKENS, lambda _: Sent(status=200, body=f'{{"token": "{issued.pop(0)}"}}'.encode()))
    client = client_of(world.registry(bearer(tokens.url)))
    for token in tuple(issued):
        world.accepted = {f"Bearer {token}"}
        assert client.has(REPOSITORY, TAG)
    assert issued == []


def test_a_registry_that_accepts_no_token_is_asked_no_more_than_twice(world: World) -> None:
    world.accepted = set()
    server = world.registry(bearer(world.tokens().url))
    with pytest.raises(RegistryError, match=r"denies access to team/app:1\.0\.0: authentication required") as raised:
        client_of(server).manifest(REPOSITORY, TAG)
    assert raised.value.fix == f"check that it exists; if it is private, log in with `docker login {server.endpoint}`"
    assert len([seen for seen in world.journal if seen.host == REGISTRY]) == 2


@pytest.mark.parametrize("realm", ["corp", "ftp://tokens.test", "https://alice:s3cret@tokens.test", "https://t:x", ""])
def test_a_challenge_without_an_address_is_an_error(realm: str, world: World) -> None:
    server = world.registry(f'Bearer realm="{realm}",service="x"')
    with pytest.raises(RegistryError, match="which is no address") as raised:
        client_of(server).manifest(REPOSITORY, TAG)
    assert raised.value.answer is Answer.BROKEN


def test_a_token_server_that_sends_no_token_is_an_error(world: World) -> None:
    tokens = world.server(TOKENS, lambda _: Sent(status=200, body=b'{"token": "a\\nb"}'))
    with pytest.raises(RegistryError, match="sent no token") as raised:
        client_of(world.registry(bearer(tokens.url))).manifest(REPOSITORY, TAG)
    assert raised.value.answer is Answer.BROKEN


def test_challenges_are_parsed_with_commas_and_several_schemes() -> None:
    header = 'Bearer realm="https://t/token",service="a, b",scope="repository:x:pull,push", Basic realm="c"'
    assert [(each.scheme, dict(each.parameters)) for each in parse(header)] == [
        ("bearer", {"realm": "https://t/token", "service": "a, b", "scope": "repository:x:pull,push"}),
        ("basic", {"realm": "c"}),
    ]
