"""Image manifests and indexes, as registries return them, and their media types."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
MANIFESTS = frozenset({DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX})
#: The Accept header for manifests and indexes of either family.
ACCEPT = f"{OCI_INDEX}, {DOCKER_LIST}, {OCI_MANIFEST}, {DOCKER_MANIFEST}"
#: By manifest format: the media types of manifest, configuration and gzip layer.
MEDIA_TYPES = {
    "docker": (
        DOCKER_MANIFEST,
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    "oci": (
        OCI_MANIFEST,
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
}
GZIP_LAYERS = frozenset(layer for _, _, layer in MEDIA_TYPES.values())
ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"


def digest_of(content: bytes) -> str:
    """Return the digest of a blob or a manifest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest or an index as its registry returned it, and its digest."""

    body: bytes
    media_type: str
    digest: str

    @property
    def content(self) -> Mapping[str, Any]:
        """The parsed body."""
        parsed: Mapping[str, Any] = json.loads(self.body)
        return parsed

    @property
    def is_image(self) -> bool:
        """Whether the body is a manifest or an index of these media types, and nothing else."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return False
        return isinstance(content, dict) and isinstance(content.get("manifests", content.get("layers")), list)

    @property
    def children(self) -> tuple[str, ...]:
        """The digests of the manifests that an index lists."""
        return tuple(entry["digest"] for entry in self.content.get("manifests", ()))

    @property
    def blobs(self) -> tuple[str, ...]:
        """The digests of the configuration and the layers, each once."""
        return tuple(dict.fromkeys(part["digest"] for part in self.parts))

    @property
    def parts(self) -> tuple[Mapping[str, Any], ...]:
        """The descriptors of the configuration and the layers."""
        content = self.content
        return (*([content["config"]] if "config" in content else []), *content.get("layers", ()))
