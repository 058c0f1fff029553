"""Looking up images in registries: every kind of answer, and an answer in time in any case."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from osh_conformance.errors import SuiteError
from osh_conformance.registry import lookup
from osh_conformance.registry.answers import Answer
from osh_conformance.registry.client import architecture
from osh_conformance.registry.lookup import Lookup, look_up, look_up_all
from tests.unit.registry.fake import CONFIG, digest
from tests.unit.registry.world import (
    BASIC,
    PASSWORD,
    REGISTRY,
    REPOSITORY,
    TAG,
    Seen,
    Sent,
    bearer,
    page,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.registry.conftest import User
    from tests.unit.registry.world import Server, World

_HUB = "registry-1.docker.io"
_PATIENT = {"connect_within": 20.0, "answer_within": 40.0}


def ask(reference: str, **limits: Any) -> Lookup:
    """Look an image up, with more time than a busy machine needs."""
    return look_up(reference, **{**_PATIENT, **limits})


def ask_all(references: list[str], **limits: Any) -> dict[str, Lookup]:
    return look_up_all(references, **{**_PATIENT, **limits})


def reference_to(server: Server, reference: str = f"{REPOSITORY}:{TAG}") -> str:
    return f"{server.endpoint}/{reference}"


def answer_to(world: World, respond: Callable[[Seen], Sent | None], **arguments: Any) -> Lookup:
    return ask(reference_to(world.server(REGISTRY, respond)), **arguments)


def digest_in(world: World, repository: str = REPOSITORY, tag: str = TAG) -> str:
    return digest(world.store.manifests[repository, tag][0])


def test_an_image_is_found_with_a_login(world: World, user: User) -> None:
    server = world.registry(bearer(world.tokens().url))
    user.login(server.endpoint)
    found = ask(reference_to(server))
    assert found == Lookup(reference=reference_to(server), answer=Answer.FOUND, digest=digest_in(world))
    assert found.found
    assert PASSWORD not in repr(found)


def test_the_digest_of_an_image_is_computed_if_the_registry_does_not_send_it(world: World) -> None:
    def respond(seen: Seen) -> Sent:
        sent = world.content(seen)
        return replace(sent, headers={"Content-Type": sent.headers["Content-Type"]})

    assert answer_to(world, respond).digest == digest_in(world)


def test_an_image_is_found_without_a_get_request_where_they_are_counted(world: World) -> None:
    def counting(seen: Seen) -> Sent:
        sent = world.content(seen)
        return replace(sent, headers={**sent.headers, "ratelimit-remaining": "99;w=21600"})

    assert answer_to(world, counting).found
    assert {seen.method for seen in world.journal} == {"HEAD"}


def test_a_registry_that_knows_no_head_request_is_asked_with_get(world: World) -> None:
    def respond(seen: Seen) -> Sent:
        return Sent(status=405) if seen.method == "HEAD" else world.content(seen)

    assert answer_to(world, respond).found


@pytest.mark.parametrize(
    ("sent", "answer", "message", "fix"),
    [
        (refusal(404, "MANIFEST_UNKNOWN", "manifest unknown"), Answer.ABSENT, "has no team/app:1.0.0", "check"),
        (refusal(429, "TOOMANYREQUESTS", "pull rate limit"), Answer.LIMITED, "pull rate limit", "docker login"),
        (refusal(401, "UNAUTHORIZED", "log in first"), Answer.DENIED, "log in first", "docker login registry.test"),
        (refusal(403, "DENIED", "requested access"), Answer.DENIED, "requested access", "docker login"),
        (refusal(503, "UNAVAILABLE", "being moved"), Answer.BROKEN, "answered 503 .*being moved", "later"),
        (page(), Answer.BROKEN, "web page", "login page"),
        (page(status=404), Answer.BROKEN, "404 with a web page", "login page"),
        (Sent(status=200, body=b"hello"), Answer.BROKEN, "content of type", "try again"),
        (None, Answer.UNREACHABLE, "the registry registry.test:[0-9]+ does not answer", "network"),
    ],
)
def test_each_answer_has_its_kind_its_words_and_what_helps(
    sent: Sent | None, answer: Answer, message: str, fix: str, world: World
) -> None:
    found = answer_to(world, lambda _: sent)
    assert found.answer is answer
    assert re.search(message, found.message)
    assert re.search(fix, found.fix)


def test_a_used_up_limit_is_no_image(world: World) -> None:
    def limiting(seen: Seen) -> Sent:
        sent = world.content(seen)
        return replace(sent, headers={**sent.headers, "RateLimit-Remaining": "0;w=21600"})

    found = answer_to(world, limiting)
    assert (found.answer, found.digest) == (Answer.LIMITED, "")
    assert "its pull rate limit is used up" in found.message


def test_an_untrusted_certificate_has_its_kind(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    found = answer_to(world, world.content)
    assert found.answer is Answer.UNTRUSTED
    assert "system's store" in found.fix


def test_an_index_without_this_machines_architecture_is_of_another_one(world: World) -> None:
    world.store.push_index(REPOSITORY, TAG, architectures=["s390x"])
    found = answer_to(world, world.content)
    assert found.answer is Answer.OTHER_ARCHITECTURE
    assert f"an index without an image for {architecture()}: it has s390x" in found.message
    assert "published for this architecture" in found.fix


@pytest.mark.parametrize(("has", "answer"), [("s390x", Answer.OTHER_ARCHITECTURE), (architecture(), Answer.FOUND)])
def test_a_single_manifest_is_judged_by_its_configuration(has: str, answer: Answer, world: World) -> None:
    world.store.push(REPOSITORY, TAG, config={**CONFIG, "architecture": has})
    assert answer_to(world, world.content).answer is answer


def test_an_image_whose_configuration_is_out_of_reach_is_found_all_the_same(world: World) -> None:
    world.store.push(REPOSITORY, TAG)
    assert ask(reference_to(world.registry(cdn="https://gone.test"))).found


@contextlib.contextmanager
def dropping() -> Iterator[int]:
    """A port of this machine whose packets are dropped: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = int(listening.getsockname()[1])
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003
            waiting.connect_ex(("127.0.0.1", port))
        yield port


def test_a_registry_whose_packets_are_dropped_is_unreachable_in_time(world: World) -> None:
    with dropping() as port:
        world.names.ports[REGISTRY, 443] = port
        started = time.monotonic()
        found = ask(f"{REGISTRY}/{REPOSITORY}:{TAG}", connect_within=0.5, answer_within=30)
        assert time.monotonic() - started < 5
    assert found.answer is Answer.UNREACHABLE
    assert "no connection" in found.message
    assert "HTTPS_PROXY" in found.fix


def test_a_name_server_that_does_not_answer_is_unreachable_in_time(world: World) -> None:
    world.names.silent_names.add(REGISTRY)
    started = time.monotonic()
    found = ask(f"{REGISTRY}/{REPOSITORY}:{TAG}", connect_within=0.5, answer_within=30)
    assert time.monotonic() - started < 5
    assert (found.answer, found.message) == (
        Answer.UNREACHABLE,
        f"the registry {REGISTRY} does not answer: no connection within 0.5 s",
    )


def test_a_name_without_an_address_is_unreachable(world: World) -> None:
    del world
    found = ask(f"gone.test/{REPOSITORY}:{TAG}")
    assert found.answer is Answer.UNREACHABLE
    assert "its name has no address" in found.message


def test_a_registry_that_connects_and_says_nothing_is_unreachable_in_time(world: World) -> None:
    silent = threading.Event()

    def respond(_: Seen) -> None:
        silent.wait(10)

    started = time.monotonic()
    found = answer_to(world, respond, connect_within=0.8, answer_within=2)
    taken = time.monotonic() - started
    silent.set()
    assert found.answer is Answer.UNREACHABLE
    assert "no answer" in found.message
    assert 1.9 < taken < 8


def test_a_slow_registry_has_its_time_to_answer(world: World) -> None:
    def respond(seen: Seen) -> Sent:
        if seen.method == "HEAD":
            threading.Event().wait(1.5)
        return world.content(seen)

    assert answer_to(world, respond, connect_within=1).found


def test_an_image_is_found_though_its_architecture_takes_too_long(world: World) -> None:
    silent = threading.Event()

    def respond(seen: Seen) -> Sent:
        if seen.method == "GET":
            silent.wait(10)
        return world.content(seen)

    found = answer_to(world, respond, answer_within=2)
    silent.set()
    assert found.found


def test_many_images_are_looked_up_at_once(world: World) -> None:
    def respond(seen: Seen) -> Sent:
        threading.Event().wait(0.5)
        return world.content(seen)

    server = world.server(REGISTRY, respond)
    references = [reference_to(server, f"{REPOSITORY}:{tag}") for tag in (TAG, *map(str, range(9)))]
    started = time.monotonic()
    found = ask_all(references)
    assert time.monotonic() - started < 4.5  # one after the other: 5.5 s
    assert list(found) == references
    assert [each.answer for each in found.values()] == [Answer.FOUND, *[Answer.ABSENT] * 9]


def test_one_registry_that_is_away_does_not_hide_the_answers_of_others(world: World) -> None:
    server = world.registry()
    with dropping() as port:
        world.names.ports["away.test", 443] = port
        found = ask_all([f"away.test/{REPOSITORY}:{TAG}", reference_to(server)], connect_within=0.5, answer_within=5)
    assert [each.answer for each in found.values()] == [Answer.UNREACHABLE, Answer.FOUND]


def test_a_credential_helper_is_asked_once_for_many_images(world: World, user: User) -> None:
    user.helper("world", f"echo x >>{user.folder}/calls; echo credentials not found; exit 1")
    user.config(credsStore="world")
    server = world.registry(bearer(world.tokens().url))
    ask_all([reference_to(server, f"{REPOSITORY}:{tag}") for tag in "abcd"])
    assert (user.folder / "calls").read_text() == "x\n"


def test_a_broken_docker_configuration_is_an_error(world: World, user: User) -> None:
    (user.folder / "config.json").write_text("{")
    server = world.registry(bearer(world.tokens().url))
    with pytest.raises(SuiteError, match=r"config\.json, the user's Docker configuration, is broken"):
        ask(reference_to(server))


def test_a_malformed_reference_is_an_error() -> None:
    with pytest.raises(SuiteError, match="not an image reference"):
        ask("docker.io/Upper/case:1")


def hub(world: World, respond: Callable[[Seen], Sent | None]) -> Server:
    return world.server(_HUB, respond, port=443)


def test_a_mirror_that_has_the_image_is_enough(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_HEAD_START", 20.0)
    hub(world, lambda _: refusal(429, "TOOMANYREQUESTS", "limit"))
    mirror = world.registry(name="mirror.test")
    found = ask(f"docker.io/{REPOSITORY}:{TAG}", mirrors=[f"{mirror.url}/"])
    assert (found.answer, found.digest) == (Answer.FOUND, digest_in(world))
    assert _HUB not in {seen.host for seen in world.journal}


def test_a_mirror_may_use_plain_http(world: World) -> None:
    hub(world, lambda _: None)
    mirror = world.registry(name="mirror.test", tls=False)
    assert ask(f"docker.io/{REPOSITORY}:{TAG}", mirrors=[mirror.url]).found


@pytest.mark.parametrize("sent", [refusal(404, "X", "no"), page(), refusal(500, "X", "broken"), None])
def test_docker_hub_is_asked_if_a_mirror_lacks_the_image(sent: Sent | None, world: World) -> None:
    hub(world, world.content)
    mirror = world.server("mirror.test", lambda _: sent)
    assert ask(f"docker.io/{REPOSITORY}:{TAG}", mirrors=[mirror.url]).found


def test_a_mirror_that_is_away_takes_little_time(world: World) -> None:
    hub(world, world.content)
    with dropping() as port:
        world.names.ports["mirror.test", 443] = port
        started = time.monotonic()
        found = ask(f"docker.io/{REPOSITORY}:{TAG}", mirrors=["https://mirror.test"])
    assert found.found
    assert time.monotonic() - started < 15


def test_mirrors_and_docker_hub_away_are_unreachable_in_time(world: World) -> None:
    with dropping() as port:
        for name in ("mirror.test", _HUB):
            world.names.ports[name, 443] = port
        started = time.monotonic()
        found = ask(f"docker.io/{REPOSITORY}:{TAG}", mirrors=["https://mirror.test"], connect_within=0.5)
        assert time.monotonic() - started < 8
    assert found.answer is Answer.UNREACHABLE
    assert _HUB in found.message


def test_a_slow_mirror_is_waited_for_while_docker_hub_refuses(world: World) -> None:
    def slow(seen: Seen) -> Sent:
        threading.Event().wait(0.7)
        return world.content(seen)

    hub(world, lambda _: refusal(429, "TOOMANYREQUESTS", "limit"))
    mirror = world.server("mirror.test", slow)
    assert ask(f"docker.io/{REPOSITORY}:{TAG}", mirrors=[mirror.url]).found


def test_mirrors_are_for_docker_hub_alone(world: World) -> None:
    mirror = world.registry(name="mirror.test")
    found = ask(reference_to(world.server(REGISTRY, lambda _: refusal(404, "X", "no"))), mirrors=[mirror.url])
    assert found.answer is Answer.ABSENT
    assert "mirror.test" not in {seen.host for seen in world.journal}


def test_a_mirror_does_not_get_the_login_of_docker_hub(world: World, user: User) -> None:
    hub(world, lambda _: None)
    world.accepted = {BASIC}
    mirror = world.registry('Basic realm="mirror"', name="mirror.test")
    user.login("https://index.docker.io/v1/")
    ask(f"docker.io/{REPOSITORY}:{TAG}", mirrors=[mirror.url])
    assert world.authorizations() == set()
    user.login("https://index.docker.io/v1/", mirror.endpoint)
    assert ask(f"docker.io/{REPOSITORY}:{TAG}", mirrors=[mirror.url]).found
    assert world.authorizations() == {("mirror.test", BASIC)}
