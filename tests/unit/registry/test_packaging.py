"""One image in several packaging formats: what is written. The live tests prove that nodes can run it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from osh_conformance.errors import SuiteError
from osh_conformance.loading import definitions
from osh_conformance.registry import packaging
from osh_conformance.registry.client import RegistryClient
from osh_conformance.registry.manifest import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Manifest
from tests.unit.registry.fake import CONFIG, DOCKER, LAYERS, OCI, OCI_ZSTD, UNPACKED

if TYPE_CHECKING:
    from osh_conformance.model.matrix import PackagingFormat
    from tests.unit.registry.fake import FakeRegistry

FORMATS = definitions.formats()
#: The repository and the tag of an image, as Docker pushes it.
SOURCE, TAG = "store", "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """The image of SOURCE in a packaging format."""

    contents: RegistryClient
    repository: str

    @property
    def served(self) -> Manifest:
        """What the tag stands for: the image manifest, or the index."""
        return self.contents.manifest(self.repository, TAG)

    @property
    def manifest(self) -> Manifest:
        """The image manifest, behind the index if there is one."""
        served = self.served
        return self.contents.manifest(self.repository, served.children[0]) if served.children else served

    @property
    def config(self) -> Any:
        return json.loads(self.contents.blob(self.repository, self.manifest.content["config"]["digest"]))

    @property
    def layers(self) -> list[bytes]:
        return [self.contents.blob(self.repository, part["digest"]) for part in self.manifest.content["layers"]]


def packaged(registry: FakeRegistry, packaging_format: PackagingFormat, source: str = SOURCE) -> Packaged:
    contents = RegistryClient(endpoint=registry.endpoint)
    target = f"{source}-{packaging_format.name}"
    packaging.repackage(contents, source, target, TAG, packaging_format)
    return Packaged(contents=contents, repository=target)


@pytest.fixture
def pushed(fake_registry: FakeRegistry) -> FakeRegistry:
    fake_registry.push(SOURCE, TAG)
    return fake_registry


@pytest.mark.parametrize("name", FORMATS)
def test_an_image_is_served_in_the_media_types_of_its_format(name: str, pushed: FakeRegistry) -> None:
    image = packaged(pushed, FORMATS[name])
    assert image.contents.media_types(image.repository, TAG) == packaging.media_types(FORMATS[name])


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("docker", (DOCKER_MANIFEST, DOCKER.layer)),
        ("oci-gzip", (OCI_MANIFEST, OCI.layer)),
        ("digest", (OCI_MANIFEST, OCI.layer)),
        ("oci-zstd", (OCI_MANIFEST, OCI_ZSTD.layer)),
        ("oci-index", (OCI_INDEX, OCI_MANIFEST, OCI.layer)),
    ],
)
def test_a_format_has_its_media_types(name: str, types: tuple[str, ...]) -> None:
    assert packaging.media_types(FORMATS[name]) == types


@pytest.mark.parametrize("name", FORMATS)
def test_the_configuration_has_the_media_type_of_its_manifest_format(name: str, pushed: FakeRegistry) -> None:
    config = packaged(pushed, FORMATS[name]).manifest.content["config"]
    assert config["mediaType"] == (OCI if FORMATS[name].manifest == "oci" else DOCKER).config


def test_an_index_lists_the_image_for_its_platform(pushed: FakeRegistry) -> None:
    (entry,) = packaged(pushed, FORMATS["oci-index"]).served.content["manifests"]
    assert entry["platform"] == {"os": "linux", "architecture": "amd64"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_configuration_gets_a_label_with_its_format_and_keeps_the_rest(name: str, pushed: FakeRegistry) -> None:
    labels = {"from": "a recipe", "osh-conformance.format": name}
    assert packaged(pushed, FORMATS[name]).config == {**CONFIG, "config": {"User": "42424", "Labels": labels}}


def test_a_configuration_without_labels_gets_one(fake_registry: FakeRegistry) -> None:
    fake_registry.push(SOURCE, TAG, config={**CONFIG, "config": {"Labels": None}})
    labels = packaged(fake_registry, FORMATS["docker"]).config["config"]["Labels"]
    assert labels == {"osh-conformance.format": "docker"}


def test_two_formats_never_share_a_configuration_or_a_manifest(pushed: FakeRegistry) -> None:
    images = [packaged(pushed, each) for each in FORMATS.values()]
    configs = {image.manifest.content["config"]["digest"] for image in images}
    assert len(configs) == len({image.served.digest for image in images}) == len(FORMATS)


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.layers == "gzip"])
def test_gzip_layers_are_shared(name: str, pushed: FakeRegistry) -> None:
    assert packaged(pushed, FORMATS[name]).layers == list(LAYERS)


def test_zstd_layers_hold_the_same_bytes(pushed: FakeRegistry) -> None:
    packed = packaged(pushed, FORMATS["oci-zstd"]).layers
    unpacked = [zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)).read() for content in packed]
    assert unpacked == list(UNPACKED)


@pytest.mark.parametrize("name", FORMATS)
def test_repackaging_the_same_image_again_gives_the_same_digest(name: str, pushed: FakeRegistry) -> None:
    pushed.push("other", TAG)
    one, other = (packaged(pushed, FORMATS[name], source) for source in (SOURCE, "other"))
    assert one.served.digest == other.served.digest


@pytest.mark.parametrize("name", FORMATS)
def test_an_image_behind_an_index_is_packaged_as_the_image_itself(name: str, pushed: FakeRegistry) -> None:
    pushed.push_index("listed", TAG)
    direct, listed = (packaged(pushed, FORMATS[name], source) for source in (SOURCE, "listed"))
    assert listed.manifest.digest == direct.manifest.digest


def test_an_index_without_an_image_for_this_machine_is_an_error(fake_registry: FakeRegistry) -> None:
    fake_registry.push_index(SOURCE, TAG, architectures=["s390x"])
    with pytest.raises(SuiteError, match=r"store:image .*index.* s390x"):
        packaged(fake_registry, FORMATS["docker"])


@pytest.mark.parametrize("name", FORMATS)
def test_a_layer_that_is_not_gzip_is_an_error(name: str, fake_registry: FakeRegistry) -> None:
    fake_registry.push(SOURCE, TAG, types=replace(DOCKER, layer="application/x-lzma"))
    with pytest.raises(SuiteError, match="application/x-lzma"):
        packaged(fake_registry, FORMATS[name])


@pytest.mark.parametrize("name", FORMATS)
def test_a_copy_is_the_same_image_under_another_name(name: str, pushed: FakeRegistry) -> None:
    image = packaged(pushed, FORMATS[name])
    digests = image.contents.copy(image.repository, TAG, "served", "1.0.0")
    served = image.contents.manifest("served", "1.0.0")
    assert digests == (served.digest, *served.children)
    assert served == image.served
