"""The images whose pulls can fail: each is a copy with one more layer, under a name of its own."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import zstandard

from osh_conformance.errors import SuiteError
from osh_conformance.registry import images
from tests.unit.registry.fake import CONFIG, DOCKER, OCI, OCI_ZSTD, ImageTypes, digest
from tests.unit.scenario.registry_proxy.nodes import AREA, REFERENCE, SOURCE, FakeDocker, Node

if TYPE_CHECKING:
    from osh_conformance.scenario.faults.registry_proxy import FaultyImage, FaultyRegistry
    from tests.unit.registry.fake import FakeRegistry

by_types = pytest.mark.parametrize("types", [DOCKER, OCI, OCI_ZSTD], ids=["docker", "oci", "zstd"])


def test_a_reference_is_pinned_under_a_host_and_a_path_of_its_own(registry: FaultyRegistry) -> None:
    found = [images.name(registry.image(REFERENCE).reference) for _ in range(2)]
    (host,) = {name.host for name in found}
    assert re.fullmatch(r"faulty-[0-9a-f]{8}\.osh-conformance\.invalid", host)
    assert len({name.path for name in found}) == len({name.digest for name in found}) == 2
    assert all(name.path.endswith("/x/keystone") and name.tag == "1.0.0" for name in found)


def test_a_reference_by_digest_alone_gets_no_tag(registry: FaultyRegistry, upstream: FakeRegistry) -> None:
    pinned = digest(upstream.manifests[SOURCE, "1.0.0"][0])
    name = images.name(registry.image(f"docker.io/x/keystone@{pinned}").reference)
    assert not name.tag
    assert name.digest != pinned


def test_a_reference_that_the_registry_does_not_serve_is_an_error(registry: FaultyRegistry) -> None:
    with pytest.raises(SuiteError, match=r"has no .*docker\.io/x/nova"):
        registry.image("docker.io/x/nova:1.0.0")


@by_types
def test_a_variant_keeps_the_manifest_and_adds_a_layer_of_the_same_media_type(
    types: ImageTypes, registry: FaultyRegistry, upstream: FakeRegistry, docker: FakeDocker
) -> None:
    upstream.push(SOURCE, "1.0.0", types=types)
    node = Node(docker=docker, image=registry.image(REFERENCE))
    answer = node.ask("manifests", node.digest)
    manifest, original = json.loads(answer.body), json.loads(upstream.manifests[SOURCE, "1.0.0"][0])
    assert digest(answer.body) == node.digest
    assert answer.headers["content-type"] == manifest["mediaType"] == types.manifest
    assert manifest["layers"][:-1] == original["layers"]
    assert manifest["annotations"] == original["annotations"]
    assert manifest["layers"][-1]["mediaType"] == types.layer


@by_types
def test_the_added_layer_matches_its_digests_and_holds_one_file(
    types: ImageTypes, registry: FaultyRegistry, upstream: FakeRegistry, docker: FakeDocker
) -> None:
    upstream.push(SOURCE, "1.0.0", types=types)
    node = Node(docker=docker, image=registry.image(REFERENCE))
    manifest = node.manifest()
    layer = manifest["layers"][-1]
    packed = node.ask("blobs", layer["digest"]).body
    assert (digest(packed), len(packed)) == (layer["digest"], layer["size"])
    plain = zstandard.decompress(packed) if types is OCI_ZSTD else gzip.decompress(packed)
    config = json.loads(node.ask("blobs", manifest["config"]["digest"]).body)
    assert config["rootfs"]["diff_ids"] == [*CONFIG["rootfs"]["diff_ids"], digest(plain)]
    assert len(config["history"]) == len(config["rootfs"]["diff_ids"])
    assert config["config"] == CONFIG["config"]
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        (entry,) = archive.getmembers()
    assert (entry.size, entry.isfile(), entry.mode) == (2**20, True, 0o644)
    assert re.fullmatch(r"\.osh-conformance-[0-9a-f]{16}", entry.name)
    assert layer["size"] > entry.size


@by_types
def test_a_variant_of_an_index_lists_one_image_in_the_same_packaging_format(
    types: ImageTypes, registry: FaultyRegistry, upstream: FakeRegistry
) -> None:
    upstream.push_index(SOURCE, "1.0.0", types=types)
    image = registry.image(REFERENCE)
    assert image.media_types == (types.index, types.manifest, types.layer)
    assert len(image.digests) == 2
    assert image.reference.endswith(f"@{image.digests[0]}")
    repository = f"{AREA}/{images.name(image.reference).repository}"
    (entry,) = json.loads(upstream.manifests[repository, image.digests[0]][0])["manifests"]
    assert entry["digest"] == image.digests[1]
    assert entry["platform"]["architecture"] != "s390x"


def test_an_image_without_an_index_has_one_digest(image: FaultyImage) -> None:
    assert image.digests == (images.name(image.reference).digest,)
    assert image.media_types == (DOCKER.manifest, DOCKER.layer)


def test_a_configuration_without_history_gets_none(
    registry: FaultyRegistry, upstream: FakeRegistry, docker: FakeDocker
) -> None:
    upstream.push(SOURCE, "1.0.0", config={name: value for name, value in CONFIG.items() if name != "history"})
    node = Node(docker=docker, image=registry.image(REFERENCE))
    assert "history" not in json.loads(node.ask("blobs", node.manifest()["config"]["digest"]).body)


def test_a_layer_of_an_unknown_media_type_is_an_error(registry: FaultyRegistry, upstream: FakeRegistry) -> None:
    upstream.push(SOURCE, "1.0.0", types=replace(DOCKER, layer="application/x-lzma"))
    with pytest.raises(SuiteError, match="application/x-lzma"):
        registry.image(REFERENCE)


def test_threads_may_ask_for_images(registry: FaultyRegistry) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(registry.image, [REFERENCE] * 8))
    assert len({image.reference for image in found}) == 8
