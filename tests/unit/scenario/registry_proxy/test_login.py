"""An image for which the registry demands a login."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from osh_conformance.registry import images
from tests.unit.scenario.registry_proxy.nodes import REFERENCE, FakeDocker, Node

if TYPE_CHECKING:
    from osh_conformance.scenario.faults.registry_proxy import FaultyRegistry
    from tests.unit.registry.fake import FakeRegistry

_LOGIN = base64.b64encode(b"robot:a-password").decode()


@pytest.fixture
def locked(registry: FaultyRegistry, docker: FakeDocker) -> Node:
    return Node(docker=docker, image=registry.image(REFERENCE, _LOGIN))


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic cm9ib3Q6d3Jvbmc="}, {"Authorization": f"Bearer {_LOGIN}"}]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_request_without_the_login_is_asked_for_it(
    headers: dict[str, str], method: str, locked: Node, upstream: FakeRegistry
) -> None:
    upstream.requests.clear()
    answer = locked.ask("manifests", locked.digest, method, **headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert upstream.requests == []


def test_a_request_with_the_login_gets_the_image(locked: Node) -> None:
    assert locked.ask("manifests", locked.digest, Authorization=f"Basic {_LOGIN}").status == 200


def test_other_images_of_the_same_host_need_no_login(
    locked: Node, docker: FakeDocker, registry: FaultyRegistry
) -> None:
    other = Node(docker=docker, image=registry.image(REFERENCE))
    assert other.ask("manifests", other.digest).status == 200
    assert images.name(other.image.reference).host == registry.host == locked.host


def test_no_text_of_an_image_has_its_login(locked: Node) -> None:
    assert _LOGIN not in repr(locked.image)
