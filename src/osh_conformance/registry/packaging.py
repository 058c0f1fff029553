"""One image, stored in another packaging format: the same layers, in another envelope or another compression."""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from osh_conformance.errors import SuiteError
from osh_conformance.registry.client import platform_entry
from osh_conformance.registry.manifest import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import BytesIO

    from osh_conformance.model.matrix import PackagingFormat
    from osh_conformance.registry.client import RegistryClient
    from osh_conformance.registry.manifest import Manifest

#: By manifest format: the media types of manifest, configuration and gzip layer.
_TYPES = {
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
_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
_GZIP_LAYERS = frozenset({_TYPES["docker"][2], _TYPES["oci"][2]})
#: The best that still keeps up with a disk.
_LEVEL = 3
_LABEL = "osh-conformance.format"


def media_types(form: PackagingFormat) -> tuple[str, ...]:
    """The media types that an image in this format consists of, the reference's own first."""
    manifest, _, gzipped = _TYPES[form.manifest]
    layer = _ZSTD if form.layers == "zstd" else gzipped
    return (*([OCI_INDEX] if form.index else []), manifest, layer)


def repackage(contents: RegistryClient, source: str, target: str, tag: str, form: PackagingFormat) -> None:
    """Store the image that repository `source` has under `tag` in `target`, in another format, under the same tag.

    Gzip layers are shared with `source`. The configuration gets a label, because a container runtime knows images
    by their configuration: two formats with the same one would be one image to it. Raises `SuiteError`.
    """
    manifest = _platform_manifest(contents, source, tag)
    media_type, config_type, layer_type = _TYPES[form.manifest]
    config = _labelled(contents.blob(source, manifest.content["config"]["digest"]), form)
    written = _Writer(contents=contents, source=source, target=target)
    body = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": written.blob(config, config_type),
        "layers": [
            written.recompressed(layer) if form.layers == "zstd" else written.shared(layer, layer_type)
            for layer in manifest.content["layers"]
        ],
    }
    if not form.index:
        contents.put_manifest(target, tag, _encoded(body), media_type)
        return
    digest = contents.put_manifest(target, _digest(_encoded(body)), _encoded(body), media_type)
    image = json.loads(config)
    entry = {
        "mediaType": media_type,
        "digest": digest,
        "size": len(_encoded(body)),
        "platform": {"os": image["os"], "architecture": image["architecture"]},
    }
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    contents.put_manifest(target, tag, _encoded(index), OCI_INDEX)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    """Puts blobs into `target`; each method returns the descriptor."""

    contents: RegistryClient
    source: str
    target: str

    def blob(self, content: bytes, media_type: str) -> Mapping[str, Any]:
        digest = _digest(content)
        self.contents.put_blob(self.target, digest, content, len(content))
        return {"mediaType": media_type, "size": len(content), "digest": digest}

    def shared(self, layer: Mapping[str, Any], media_type: str) -> Mapping[str, Any]:
        _check_gzip(layer)
        self.contents.mount(layer["digest"], self.source, self.target)
        return {"mediaType": media_type, "size": layer["size"], "digest": layer["digest"]}

    def recompressed(self, layer: Mapping[str, Any]) -> Mapping[str, Any]:
        # Only in the extra `live`, and only for this format.
        import zstandard  # noqa: PLC0415

        _check_gzip(layer)
        with tempfile.TemporaryFile() as packed, tempfile.TemporaryFile() as result:
            self.contents.copy_blob(self.source, layer["digest"], packed)
            packed.seek(0)
            with gzip.open(packed) as plain:
                zstandard.ZstdCompressor(level=_LEVEL, threads=-1).copy_stream(cast("BinaryIO", plain), result)
            size, digest = result.tell(), _digest_of(result)
            result.seek(0)
            self.contents.put_blob(self.target, digest, result, size)
        return {"mediaType": _ZSTD, "size": size, "digest": digest}


def _platform_manifest(contents: RegistryClient, repository: str, tag: str) -> Manifest:
    """The image manifest; of an index the one for this machine, which is what nodes on it run."""
    manifest = contents.manifest(repository, tag)
    if not manifest.children:
        return manifest
    return contents.manifest(repository, platform_entry(manifest, repository, tag)["digest"])


def _check_gzip(layer: Mapping[str, Any]) -> None:
    if layer["mediaType"] not in _GZIP_LAYERS:
        raise SuiteError(f"a layer of media type {layer['mediaType']} cannot be repackaged", expected="a gzip layer")


def _labelled(config: bytes, form: PackagingFormat) -> bytes:
    image = json.loads(config)
    section = image.setdefault("config", {})
    section["Labels"] = {**(section.get("Labels") or {}), _LABEL: form.name}
    return _encoded(image)


def _encoded(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _digest_of(file: BinaryIO) -> str:
    file.seek(0)
    return f"sha256:{hashlib.file_digest(cast('BytesIO', file), 'sha256').hexdigest()}"
