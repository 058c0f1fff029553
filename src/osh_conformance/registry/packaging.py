"""Storing an image in another packaging format: the same layers with other media types or another compression."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from osh_conformance.registry.client import platform_entry
from osh_conformance.registry.manifest import MEDIA_TYPES, OCI_INDEX, ZSTD_LAYER
from osh_conformance.registry.writer import ImageWriter, encoded

if TYPE_CHECKING:
    from osh_conformance.model.matrix import PackagingFormat
    from osh_conformance.registry.client import RegistryClient
    from osh_conformance.registry.manifest import Manifest

_LABEL = "osh-conformance.format"


def media_types(packaging_format: PackagingFormat) -> tuple[str, ...]:
    """Return the media types of an image in this format, that of its reference first."""
    manifest, _, gzip_layer = MEDIA_TYPES[packaging_format.manifest]
    layer = ZSTD_LAYER if packaging_format.layers == "zstd" else gzip_layer
    return (*([OCI_INDEX] if packaging_format.index else []), manifest, layer)


def repackage(client: RegistryClient, source: str, target: str, tag: str, packaging_format: PackagingFormat) -> None:
    """Store the image `tag` of repository `source` in `target` under the same tag, in another format.

    Gzip layers are shared with `source`. The configuration gets a label, because a container runtime identifies an
    image by its configuration: two formats with the same one would be one image to it. Raises `SuiteError`.
    """
    manifest = _platform_manifest(client, source, tag)
    media_type, config_type, layer_type = MEDIA_TYPES[packaging_format.manifest]
    config = _labelled(client.blob(source, manifest.content["config"]["digest"]), packaging_format)
    writer = ImageWriter(client=client, source=source, target=target)
    body = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": writer.blob(config, config_type),
        "layers": [
            writer.recompressed(layer) if packaging_format.layers == "zstd" else writer.shared(layer, layer_type)
            for layer in manifest.content["layers"]
        ],
    }
    if not packaging_format.index:
        writer.manifest(body, media_type, tag)
        return
    image = json.loads(config)
    entry = {
        **writer.manifest(body, media_type),
        "platform": {"os": image["os"], "architecture": image["architecture"]},
    }
    writer.manifest({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}, OCI_INDEX, tag)


def _platform_manifest(client: RegistryClient, repository: str, tag: str) -> Manifest:
    """Return the image manifest; of an index, the one for this machine's architecture."""
    manifest = client.manifest(repository, tag)
    if not manifest.children:
        return manifest
    return client.manifest(repository, platform_entry(manifest, repository, tag)["digest"])


def _labelled(config: bytes, packaging_format: PackagingFormat) -> bytes:
    image = json.loads(config)
    section = image.setdefault("config", {})
    section["Labels"] = {**(section.get("Labels") or {}), _LABEL: packaging_format.name}
    return encoded(image)
