"""A copy of an image with one more layer, which no node has: to run it, a node must download that layer."""

from __future__ import annotations

import gzip
import io
import json
import secrets
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.registry.client import AGENT, platform_entry
from osh_conformance.registry.manifest import digest_of
from osh_conformance.registry.writer import ImageWriter, encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.registry.client import RegistryClient
    from osh_conformance.registry.manifest import Manifest

#: Bytes of the added layer, large enough that a client has received a part of it before its middle.
_LAYER = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The digest of the image's copy, the digest of its added layer, and the layer's size in bytes."""

    digest: str
    layer: str
    size: int


def add_layer(client: RegistryClient, source: str, reference: str, target: str, tag: str) -> Variant:
    """Store the image `reference` of repository `source` in `target` with one more layer.

    It gets the tag `tag`, or none if that is "". Raises `SuiteError`.
    """
    writer = ImageWriter(client=client, source=source, target=target)
    tar = _tar(f".{AGENT}-{secrets.token_hex(8)}", secrets.token_bytes(_LAYER))
    original = client.manifest(source, reference)
    if not original.children:
        changed = _with_layer(writer, original, tar)
        digest = writer.manifest(changed, original.media_type, tag)["digest"]
        return _variant(digest, changed)
    # These nodes never pull images of other platforms.
    entry = platform_entry(original, source, reference)
    inner = client.manifest(source, entry["digest"])
    changed = _with_layer(writer, inner, tar)
    stored = writer.manifest(changed, inner.media_type)
    index = {**original.content, "manifests": [{**entry, "digest": stored["digest"], "size": stored["size"]}]}
    return _variant(writer.manifest(index, original.media_type, tag)["digest"], changed)


def _variant(digest: str, manifest: Mapping[str, Any]) -> Variant:
    added = manifest["layers"][-1]
    return Variant(digest=digest, layer=added["digest"], size=added["size"])


def _with_layer(writer: ImageWriter, original: Manifest, tar: bytes) -> Mapping[str, Any]:
    """Store the blobs of the changed image; return its manifest."""
    layers = original.content["layers"]
    # The same media type as the layers before it: a packaging format allows only one.
    media_type = layers[-1]["mediaType"]
    added = writer.blob(_packed(tar, media_type), media_type)
    for digest in dict.fromkeys(layer["digest"] for layer in layers):
        writer.client.mount(digest, writer.source, writer.target)
    config = _config(writer, original.content["config"], tar)
    return {**original.content, "config": config, "layers": [*layers, added]}


def _config(writer: ImageWriter, descriptor: Mapping[str, Any], tar: bytes) -> Mapping[str, Any]:
    config = json.loads(writer.client.blob(writer.source, descriptor["digest"]))
    config["rootfs"]["diff_ids"].append(digest_of(tar))
    # Either every layer has an entry in the history, or none has.
    if config.get("history"):
        config["history"].append({"created_by": f"{AGENT}: a layer that no node has"})
    return writer.blob(encoded(config), descriptor["mediaType"])


def _tar(name: str, content: bytes) -> bytes:
    """Return an archive with one file in the root folder, where it changes nothing for the image's programs."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def _packed(tar: bytes, media_type: str) -> bytes:
    if media_type.endswith("gzip"):
        return gzip.compress(tar, mtime=0)
    if media_type.endswith("zstd"):
        # Only in the extra `live`, and only for this format.
        import zstandard  # noqa: PLC0415

        return zstandard.ZstdCompressor().compress(tar)
    raise SuiteError(f"cannot add a layer of media type {media_type} to an image", expected="gzip or zstd")
