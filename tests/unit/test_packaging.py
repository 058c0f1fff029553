"""Images in each packaging format, as they are stored. The live tests show that nodes run them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import shutil
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import pytest
import zstandard

from osh_conformance.errors import SuiteError
from osh_conformance.loading import records
from osh_conformance.registry import client, packaging
from osh_conformance.registry.client import RegistryClient
from osh_conformance.registry.manifest import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.matrix import PackagingFormat

FORMATS = records.formats()
PLAIN = (b"usr/bin/keystone" * 9999, b"etc/passwd")
LAYERS = tuple(gzip.compress(content, mtime=0) for content in PLAIN)
CONFIG = {"architecture": "amd64", "os": "linux", "config": {"User": "42424", "Labels": {"from": "a recipe"}}}
_DOCKER = "application/vnd.docker."


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(slots=True, kw_only=True)
class Memory(RegistryClient):
    """A registry in memory. Like a real one, it accepts only right digests, and manifests with all their parts."""

    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], Manifest] = field(default_factory=dict)

    def has(self, repository: str, reference: str) -> bool:
        return (repository, reference) in self.manifests

    def manifest(self, repository: str, reference: str) -> Manifest:
        return self.manifests[repository, reference]

    def put_manifest(self, repository: str, reference: str, body: bytes, media_type: str) -> str:
        made = Manifest(body=body, media_type=media_type, digest=digest(body))
        assert made.content["mediaType"] == media_type
        for part in made.parts:
            assert len(self.blobs[repository, part["digest"]]) == part["size"]
        for entry in made.content.get("manifests", ()):
            child = self.manifests[repository, entry["digest"]]
            assert (entry["size"], entry["mediaType"]) == (len(child.body), child.media_type)
        self.manifests[repository, reference] = self.manifests[repository, made.digest] = made
        return made.digest

    def mount(self, digest: str, source: str, target: str) -> None:
        self.blobs[target, digest] = self.blobs[source, digest]

    def blob(self, repository: str, digest: str) -> bytes:
        return self.blobs[repository, digest]

    def copy_blob(self, repository: str, digest: str, sink: IO[bytes]) -> None:
        shutil.copyfileobj(io.BytesIO(self.blobs[repository, digest]), sink)

    def put_blob(self, repository: str, digest: str, content: IO[bytes] | bytes, size: int) -> None:
        whole = content if isinstance(content, bytes) else content.read()
        assert (f"sha256:{hashlib.sha256(whole).hexdigest()}", len(whole)) == (digest, size)
        self.blobs[repository, digest] = whole


def pushed(layer_type: str = f"{_DOCKER}image.rootfs.diff.tar.gzip", config: Mapping[str, Any] = CONFIG) -> Memory:
    """Return a registry with one image, as Docker pushes it."""
    memory = Memory(endpoint="")
    config_blob = json.dumps(config).encode()
    for blob in (config_blob, *LAYERS):
        memory.put_blob("store", digest(blob), blob, len(blob))

    def part(blob: bytes, kind: str) -> dict[str, Any]:
        return {"mediaType": kind, "size": len(blob), "digest": digest(blob)}

    body = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": part(config_blob, f"{_DOCKER}container.image.v1+json"),
        "layers": [part(layer, layer_type) for layer in LAYERS],
    }
    memory.put_manifest("store", "image", json.dumps(body).encode(), DOCKER_MANIFEST)
    return memory


def packaged(form: PackagingFormat, memory: Memory | None = None) -> Memory:
    memory = memory or pushed()
    packaging.repackage(memory, "store", f"store-{form.name}", "image", form)
    return memory


def image(memory: Memory, name: str) -> Manifest:
    """The image manifest of a format, behind the index if there is one."""
    found = memory.manifest(f"store-{name}", "image")
    return memory.manifest(f"store-{name}", found.children[0]) if found.children else found


@pytest.mark.parametrize("name", FORMATS)
def test_repackage_stores_the_media_types_of_the_format(name: str) -> None:
    served = packaged(FORMATS[name]).media_types(f"store-{name}", "image")
    assert served == packaging.media_types(FORMATS[name])


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("docker", (DOCKER_MANIFEST, f"{_DOCKER}image.rootfs.diff.tar.gzip")),
        ("oci-gzip", (OCI_MANIFEST, "application/vnd.oci.image.layer.v1.tar+gzip")),
        ("digest", (OCI_MANIFEST, "application/vnd.oci.image.layer.v1.tar+gzip")),
        ("oci-zstd", (OCI_MANIFEST, "application/vnd.oci.image.layer.v1.tar+zstd")),
        ("oci-index", (OCI_INDEX, OCI_MANIFEST, "application/vnd.oci.image.layer.v1.tar+gzip")),
    ],
)
def test_media_types_of_each_format(name: str, types: tuple[str, ...]) -> None:
    assert packaging.media_types(FORMATS[name]) == types


@pytest.mark.parametrize("name", FORMATS)
def test_repackage_keeps_configuration_and_manifest_in_one_family(name: str) -> None:
    config = image(packaged(FORMATS[name]), name).content["config"]["mediaType"]
    assert ("oci" in config) is (FORMATS[name].manifest == "oci")


def test_repackage_lists_the_platform_in_the_index() -> None:
    (entry,) = packaged(FORMATS["oci-index"]).manifest("store-oci-index", "image").content["manifests"]
    assert entry["platform"] == {"os": "linux", "architecture": "amd64"}


@pytest.mark.parametrize("name", FORMATS)
def test_repackage_adds_its_label_to_the_configuration(name: str) -> None:
    memory = packaged(FORMATS[name])
    config = json.loads(memory.blob(f"store-{name}", image(memory, name).content["config"]["digest"]))
    labels = {"from": "a recipe", "osh-conformance.format": name}
    assert config == {**CONFIG, "config": {"User": "42424", "Labels": labels}}


def test_repackage_labels_a_configuration_without_labels() -> None:
    memory = packaged(FORMATS["docker"], pushed(config={**CONFIG, "config": {"Labels": None}}))
    config = json.loads(memory.blob("store-docker", image(memory, "docker").content["config"]["digest"]))
    assert config["config"]["Labels"] == {"osh-conformance.format": "docker"}


def test_repackage_gives_each_format_a_different_configuration() -> None:
    configs, manifests = set(), set()
    for name, form in FORMATS.items():
        memory = packaged(form)
        configs.add(image(memory, name).content["config"]["digest"])
        manifests.add(memory.manifest(f"store-{name}", "image").digest)
    assert len(configs) == len(manifests) == len(FORMATS)


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.layers == "gzip"])
def test_repackage_shares_gzip_layers(name: str) -> None:
    memory = packaged(FORMATS[name])
    layers = image(memory, name).content["layers"]
    assert [memory.blob(f"store-{name}", layer["digest"]) for layer in layers] == list(LAYERS)


def test_repackage_keeps_the_bytes_in_zstd_layers() -> None:
    memory = packaged(FORMATS["oci-zstd"])
    packed = [memory.blob("store-oci-zstd", part["digest"]) for part in image(memory, "oci-zstd").content["layers"]]
    unpacked = [zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)).read() for content in packed]
    assert unpacked == list(PLAIN)


@pytest.mark.parametrize("name", FORMATS)
def test_repackage_gives_the_same_digest_again(name: str) -> None:
    once, again = (packaged(FORMATS[name]).manifest(f"store-{name}", "image").digest for _ in range(2))
    assert once == again


@pytest.mark.parametrize("name", FORMATS)
def test_repackage_finds_an_image_behind_an_index(name: str) -> None:
    memory = pushed()
    inner = memory.manifest("store", "image")
    wanted = client._MACHINES.get(platform.machine(), platform.machine())
    entries = [
        {"mediaType": DOCKER_MANIFEST, "size": len(inner.body), "digest": inner.digest, "platform": {"architecture": a}}
        for a in ("s390x", wanted)
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    memory.put_manifest("store", "image", index, OCI_INDEX)
    assert image(packaged(FORMATS[name], memory), name).digest == image(packaged(FORMATS[name]), name).digest


def test_repackage_rejects_an_index_without_an_image_for_this_machine() -> None:
    memory = pushed()
    inner = memory.manifest("store", "image")
    entry = {"mediaType": DOCKER_MANIFEST, "size": len(inner.body), "digest": inner.digest}
    entry |= {"platform": {"architecture": "s390x"}}
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
    memory.put_manifest("store", "image", index, OCI_INDEX)
    with pytest.raises(SuiteError, match=r"store:image is an index without an image for .*: it has s390x"):
        packaged(FORMATS["docker"], memory)


@pytest.mark.parametrize("name", FORMATS)
def test_repackage_rejects_a_layer_without_gzip(name: str) -> None:
    with pytest.raises(SuiteError, match="media type application/x-lzma cannot be repackaged"):
        packaged(FORMATS[name], pushed("application/x-lzma"))


@pytest.mark.parametrize("name", FORMATS)
def test_copy_stores_the_same_image_under_another_name(name: str) -> None:
    memory = packaged(FORMATS[name])
    digests = memory.copy(f"store-{name}", "image", "served", "1.0.0")
    served = memory.manifest("served", "1.0.0")
    assert digests == (served.digest, *served.children)
    assert served == memory.manifest(f"store-{name}", "image")
