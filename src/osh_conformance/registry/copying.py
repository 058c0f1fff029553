"""A published image, taken into the run's registry as it is: what is pinned by digest must keep its digest."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from osh_conformance.registry.upstream import Upstream

if TYPE_CHECKING:
    from osh_conformance.registry.client import Contents
    from osh_conformance.registry.manifest import Manifest


def copy(reference: str, contents: Contents, target: str, tag: str) -> None:
    """Copy what `reference` stands for in its own registry to `tag` of `target`; raises `SuiteError`."""
    upstream = Upstream(reference)
    _copied(upstream, upstream.manifest(), contents, target, tag)


def _copied(upstream: Upstream, manifest: Manifest, contents: Contents, target: str, tag: str) -> None:
    for child in manifest.children:
        _copied(upstream, upstream.manifest(child), contents, target, child)
    for blob in manifest.blobs:
        with tempfile.TemporaryFile() as file:
            for piece in upstream.blob(blob):
                file.write(piece)
            size = file.tell()
            file.seek(0)
            contents.put_blob(target, blob, file, size)
    contents.put_manifest(target, tag, manifest.body, manifest.media_type)
