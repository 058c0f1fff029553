"""Writing images into a repository: blobs and manifests, with their descriptors and digests."""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from osh_conformance.errors import SuiteError
from osh_conformance.registry.manifest import GZIP_LAYERS, ZSTD_LAYER, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import BytesIO

    from osh_conformance.registry.client import RegistryClient

#: The best zstd level that is not slower than a disk.
_LEVEL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageWriter:
    """Writes into repository `target`, and takes layers from repository `source`.

    Each method that stores a blob returns its descriptor.
    """

    client: RegistryClient
    source: str
    target: str

    def blob(self, content: bytes, media_type: str) -> Mapping[str, Any]:
        """Store a blob."""
        digest = digest_of(content)
        self.client.put_blob(self.target, digest, content, len(content))
        return {"mediaType": media_type, "size": len(content), "digest": digest}

    def shared(self, layer: Mapping[str, Any], media_type: str) -> Mapping[str, Any]:
        """Add a gzip layer of `source` under a media type, without copying it."""
        _check_gzip(layer)
        self.client.mount(layer["digest"], self.source, self.target)
        return {"mediaType": media_type, "size": layer["size"], "digest": layer["digest"]}

    def recompressed(self, layer: Mapping[str, Any]) -> Mapping[str, Any]:
        """Store a gzip layer of `source` with zstd compression."""
        # Only in the extra `live`, and only for this format.
        import zstandard  # noqa: PLC0415

        _check_gzip(layer)
        with tempfile.TemporaryFile() as packed, tempfile.TemporaryFile() as result:
            self.client.copy_blob(self.source, layer["digest"], packed)
            packed.seek(0)
            with gzip.open(packed) as plain:
                zstandard.ZstdCompressor(level=_LEVEL, threads=-1).copy_stream(cast("BinaryIO", plain), result)
            size, digest = result.tell(), _digest_of_file(result)
            result.seek(0)
            self.client.put_blob(self.target, digest, result, size)
        return {"mediaType": ZSTD_LAYER, "size": size, "digest": digest}

    def manifest(self, content: Mapping[str, Any], media_type: str, tag: str = "") -> Mapping[str, Any]:
        """Store a manifest or an index under `tag`, or only under its digest; return its descriptor."""
        body = encoded(content)
        digest = self.client.put_manifest(self.target, tag or digest_of(body), body, media_type)
        return {"mediaType": media_type, "size": len(body), "digest": digest}


def encoded(content: Mapping[str, Any]) -> bytes:
    """Return content as JSON. The same content gives the same bytes, and so the same digest."""
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def _digest_of_file(file: BinaryIO) -> str:
    file.seek(0)
    return f"sha256:{hashlib.file_digest(cast('BytesIO', file), 'sha256').hexdigest()}"


def _check_gzip(layer: Mapping[str, Any]) -> None:
    if layer["mediaType"] not in GZIP_LAYERS:
        raise SuiteError(f"a layer of media type {layer['mediaType']} cannot be repackaged", expected="a gzip layer")
