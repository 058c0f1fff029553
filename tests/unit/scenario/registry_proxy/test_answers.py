"""How an image is answered when its pulls are to fail: with a refusal, or with a layer that ends midway."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from osh_conformance.scenario.faults import registry_proxy
from tests.unit.registry.fake import digest
from tests.unit.scenario.registry_proxy.nodes import REFERENCE, FakeDocker, Node

if TYPE_CHECKING:
    from osh_conformance.scenario.faults.registry_proxy import FaultyImage, FaultyRegistry
    from tests.unit.registry.fake import FakeRegistry


@pytest.mark.parametrize(
    ("how", "codes", "status"),
    [
        ("404", ("MANIFEST_UNKNOWN", "BLOB_UNKNOWN"), 404),
        ("429", ("TOOMANYREQUESTS", "TOOMANYREQUESTS"), 429),
        ("500", ("UNKNOWN", "UNKNOWN"), 500),
    ],
)
def test_a_refusal_has_the_status_and_the_error_code_of_a_registry(
    how: str, codes: tuple[str, str], status: int, node: Node, upstream: FakeRegistry
) -> None:
    node.image.answer(how)
    upstream.requests.clear()
    for kind, code in zip(("manifests", "blobs"), codes, strict=True):
        answer = node.ask(kind, node.digest)
        assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
        assert [each["code"] for each in json.loads(answer.body)["errors"]] == [code]
        assert ("retry-after" in answer.headers) is (how == "429")
    assert node.ask("manifests", node.digest, "HEAD").status == status
    assert upstream.requests == []


def test_an_unknown_answer_is_an_error(image: FaultyImage) -> None:
    with pytest.raises(ValueError, match="418"):
        image.answer("418")


def test_a_truncated_layer_announces_its_size_and_ends_at_half_of_it(node: Node) -> None:
    node.image.answer("truncated")
    layer = node.layer
    answer = node.ask("blobs", layer["digest"])
    assert (answer.status, answer.complete) == (200, False)
    assert int(answer.headers["content-length"]) == layer["size"]
    assert len(answer.body) == layer["size"] // 2


def test_a_truncated_image_is_complete_except_for_the_added_layer(node: Node) -> None:
    node.image.answer("truncated")
    manifest = node.manifest()
    for part in (manifest["config"], *manifest["layers"][:-1]):
        assert digest(node.ask("blobs", part["digest"]).body) == part["digest"]
    assert node.ask("blobs", node.layer["digest"], "HEAD").status == 200


@pytest.mark.parametrize(("before", "given"), [(1000, 1000), (0, 0), (-1000, 0)])
def test_a_resumed_truncated_layer_still_ends_at_its_half(node: Node, before: int, given: int) -> None:
    layer = node.layer
    node.image.answer("truncated")
    start = layer["size"] // 2 - before
    answer = node.ask("blobs", layer["digest"], Range=f"bytes={start}-")
    assert (answer.status, answer.complete, len(answer.body)) == (206, False, given)
    assert int(answer.headers["content-length"]) == layer["size"] - start


def test_a_range_within_the_first_half_of_a_truncated_layer_is_complete(node: Node) -> None:
    layer = node.layer
    node.image.answer("truncated")
    answer = node.ask("blobs", layer["digest"], Range="bytes=10-19")
    assert (answer.status, answer.complete, len(answer.body)) == (206, True, 10)


def test_a_truncated_layer_never_becomes_complete_by_resuming(node: Node) -> None:
    size = node.layer["size"]
    node.image.answer("truncated")
    assert len(node.resumed()) == size // 2


def test_a_truncated_layer_can_be_resumed_after_a_repair(node: Node) -> None:
    layer = node.layer
    node.image.answer("truncated")
    first = node.ask("blobs", layer["digest"]).body
    node.image.answer("")
    rest = node.ask("blobs", layer["digest"], Range=f"bytes={len(first)}-")
    assert (rest.status, rest.complete) == (206, True)
    assert digest(first + rest.body) == layer["digest"]


@pytest.mark.parametrize("how", registry_proxy.ANSWERS)
def test_a_repaired_image_is_served_completely(how: str, node: Node) -> None:
    node.image.answer(how)
    node.ask("manifests", node.digest)
    node.image.answer("")
    assert digest(node.resumed()) == node.layer["digest"]


def test_each_image_has_its_own_answer(registry: FaultyRegistry, docker: FakeDocker) -> None:
    nodes = {how: Node(docker=docker, image=registry.image(REFERENCE)) for how in registry_proxy.ANSWERS}
    for how, node in nodes.items():
        node.image.answer(how)
    with ThreadPoolExecutor(len(nodes)) as pool:
        found = list(pool.map(lambda node: node.ask("manifests", node.digest).status, nodes.values()))
    assert found == [404, 429, 500, 200, 200]
